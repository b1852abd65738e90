"""What a decorator can mark: parameters of a function, or fields of a class; and where a default stands."""

from __future__ import annotations

import ast

from hpo.annotate.reading.scopes import FunctionNode
from hpo.annotate.reading.structure import Place, Structure, describes
from hpo.expressions import dotted

__all__ = ["implementation", "inner_default", "names", "parameters"]


def implementation(node: FunctionNode | ast.ClassDef, structure: Structure) -> FunctionNode | ast.ClassDef:
    """Return the function that the `@overload`s before it announce."""
    following: ast.stmt | None = node
    while _is_overload(following):
        assert following is not None
        following = structure.after(following)
    same = isinstance(following, FunctionNode) and following.name == node.name
    return following if same and isinstance(following, FunctionNode) else node


def _init(node: ast.ClassDef) -> FunctionNode | None:
    inits = [s for s in node.body if isinstance(s, FunctionNode) and s.name == "__init__"]
    return next((s for s in inits if not _is_overload(s)), None)


def parameters(node: FunctionNode | ast.ClassDef, structure: Structure) -> dict[str, Place]:
    """Return what a decorator can mark: a function's parameters, `__init__`'s, or a class's fields."""
    if isinstance(node, ast.ClassDef):
        init = _init(node)
        if init is not None:
            return parameters(init, structure)
    scope = structure.scopes[node]
    places = [p for p in structure.places if p.scope is scope]
    if isinstance(node, ast.ClassDef):
        fields = [p for p in places if isinstance(p.statement, ast.AnnAssign) and p.statement in node.body]
        return {p.name: p for p in fields if p.value is getattr(p.statement, "value", None)}
    return {p.name: p for p in places if p.kind == "parameter"}


def names(node: FunctionNode | ast.ClassDef) -> set[str]:
    """Return the names of all parameters or fields, those without a default included."""
    if isinstance(node, ast.ClassDef):
        init = _init(node)
        if init is None:
            return {dotted(s.target) or "" for s in node.body if isinstance(s, ast.AnnAssign)}
        node = init
    args = node.args
    return {a.arg for a in (*args.posonlyargs, *args.args, *args.kwonlyargs)}


def inner_default(place: Place) -> ast.expr | None:
    """Return the default in the `field(default=...)` of a field, or in typer's `Option(...)` of a parameter.

    For other places it is the value itself; None where the call says that there is no default.
    """
    value = place.value
    if not (isinstance(value, ast.Call) and describes(value, place)):
        return value
    given = [k.value for k in value.keywords if k.arg == "default"] or value.args[:1]
    is_required = not given or (isinstance(given[0], ast.Constant) and given[0].value is ...)
    return None if is_required else given[0]


def _is_overload(node: ast.stmt | None) -> bool:
    decorators = node.decorator_list if isinstance(node, FunctionNode) else []
    return any((dotted(d) or "").rpartition(".")[2] == "overload" for d in decorators)
