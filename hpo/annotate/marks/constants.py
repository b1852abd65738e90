"""The constants of a module, which bounds and constraints may use by name."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from hpo.annotate.reading.scopes import Scope
from hpo.expressions import NotConstantError, evaluate

__all__ = ["Constants", "module_constants"]


class Constants(dict[str, Any]):
    """The constants of a module, by name, which remember the names that were asked for."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.used: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.used.add(name)
        return super().__getitem__(name)


def module_constants(module: Scope, statements: list[ast.stmt]) -> dict[str, Any]:
    """Return the names that a module binds once, at its top level, to a constant or a list of some."""
    values: dict[str, Any] = {}
    for statement in statements:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id=name) as target], value=ast.expr() as value)
                | ast.AnnAssign(target=ast.Name(id=name) as target, value=ast.expr() as value)
            ) if module.bindings.get(name) == [target] and module.binds_once(name, target.lineno):
                try:
                    values[name] = _constant(value, values)
                except NotConstantError:
                    continue
    return values


def _constant(node: ast.expr, values: Mapping[str, Any]) -> Any:
    """Return a constant, or a list or a tuple of some."""
    if isinstance(node, ast.List | ast.Tuple):
        elements = [evaluate(element, values) for element in node.elts]
        return elements if isinstance(node, ast.List) else tuple(elements)
    return evaluate(node, values)
