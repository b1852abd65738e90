"""Scopes and what is bound in them: enough of Python's name rules to know what a name in a file means."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from hpo.expressions import dotted

__all__ = ["Scope", "declare", "qualified"]

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(eq=False)
class Scope:
    """A module, class, function, lambda or comprehension, and the names that are bound in it."""

    kind: Literal["module", "class", "function", "lambda", "comprehension"]
    name: str
    parent: Scope | None
    bindings: dict[str, list[ast.AST]] = field(default_factory=dict)
    declared: dict[str, str] = field(default_factory=dict)  # names said to be `global` or `nonlocal` here
    star_imports: list[ast.ImportFrom] = field(default_factory=list)

    def bind(self, name: str, node: ast.AST) -> None:
        """Note that a node binds a name here, or where a declaration sends it."""
        self.owner_of(name).bindings.setdefault(name, []).append(node)

    def owner_of(self, name: str) -> Scope:
        """Return the scope in which a binding made here takes effect."""
        declared = self.declared.get(name)
        if declared == "global":
            return self.module
        scope = self.parent
        while declared == "nonlocal" and scope is not None:
            if scope.kind == "function" and name not in scope.declared:
                return scope
            scope = scope.parent
        return self

    def binds_once(self, name: str, line: int) -> bool:
        """Tell whether one statement, on that line, binds a name; a star import below may bind any."""
        alone = len(self.bindings.get(name, ())) == 1 and name not in self.declared
        return alone and not any(star.lineno > line for star in self.star_imports)

    @property
    def module(self) -> Scope:
        """The outermost scope."""
        return self if self.parent is None else self.parent.module

    def lookup(self, name: str) -> Scope | None:
        """Return the scope that a name read here is found in; None for builtins and star imports."""
        scope: Scope | None = self.owner_of(name)
        while scope is not None:
            if name in scope.bindings and (scope.kind != "class" or scope is self):
                return scope
            scope = scope.parent
        return None

    def enclosing(self, kind: str) -> Scope | None:
        """Return the innermost scope of a kind, this one included."""
        if self.kind == kind or self.parent is None:
            return self if self.kind == kind else None
        return self.parent.enclosing(kind)

    @property
    def path(self) -> tuple[str, ...]:
        """The names of the classes and functions around, outermost first."""
        above = () if self.parent is None else self.parent.path
        return (*above, self.name) if self.kind in ("class", "function") else above


def qualified(node: ast.AST | None, scope: Scope) -> str | None:
    """Return what an expression is called where it was imported from: `h.choice` is ``hpo.choice``.

    None where its name is bound to anything but one import: a shadowed name means something else.
    """
    text = dotted(node)
    if text is None:
        return None
    first, _, rest = text.partition(".")
    home = scope.lookup(first)
    if home is None:
        stars = scope.module.star_imports
        return f"{stars[0].module}.{text}" if len(stars) == 1 and not stars[0].level else None
    origins = {_origin(binding, first) for binding in home.bindings[first] if not _is_fallback(binding)}
    origin = origins.pop() if len(origins) == 1 else None
    return origin if origin is None or not rest else f"{origin}.{rest}"


def _origin(binding: ast.AST, name: str) -> str | None:
    """Return what an import statement binds to a name, as a dotted name."""
    if isinstance(binding, ast.Import):
        for alias in binding.names:
            if alias.asname == name:
                return alias.name
            if alias.asname is None and alias.name.partition(".")[0] == name:
                return name
    elif isinstance(binding, ast.ImportFrom) and not binding.level:
        for alias in binding.names:
            if (alias.asname or alias.name) == name:
                return f"{binding.module}.{alias.name}"
    return None


def _is_fallback(binding: ast.AST) -> bool:
    """Tell whether a binding is the `hpo = None` of ``except ImportError``."""
    return getattr(binding, "is_none", False)


def declare(body: Sequence[ast.stmt], scope: Scope) -> None:
    """Note the `global` and `nonlocal` names of a body: they hold in all of it, wherever they stand."""
    for node in _own_statements(body):
        if isinstance(node, ast.Global | ast.Nonlocal):
            kind = "global" if isinstance(node, ast.Global) else "nonlocal"
            scope.declared.update(dict.fromkeys(node.names, kind))


def _own_statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.stmt):
            yield node
        if not isinstance(node, FunctionNode | ast.ClassDef | ast.expr):
            waiting += ast.iter_child_nodes(node)
