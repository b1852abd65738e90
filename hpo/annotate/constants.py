"""The constants of a module, which bounds and constraints may use by name."""

from __future__ import annotations

import ast
from typing import Any

from hpo.annotate.scopes import Scope
from hpo.expressions import NotConstantError, evaluate

__all__ = ["module_constants"]


def module_constants(module: Scope, statements: list[ast.stmt]) -> dict[str, Any]:
    """Return the names that a module binds once, at its top level, to a constant."""
    values: dict[str, Any] = {}
    for statement in statements:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id=name) as target], value=ast.expr() as value)
                | ast.AnnAssign(target=ast.Name(id=name) as target, value=ast.expr() as value)
            ) if module.bindings.get(name) == [target]:
                try:
                    values[name] = evaluate(value, values)
                except NotConstantError:
                    continue
    return values
