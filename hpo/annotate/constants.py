"""Constants, as far as a mark may use them: literals, and arithmetic on numbers that stays small."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from typing import Any

from hpo.annotate.scopes import Scope

__all__ = ["NotConstantError", "evaluate", "module_constants"]

Number = int | float

_OPERATORS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Mod: lambda a, b: a % b,
    ast.Pow: lambda a, b: a**b,
}
# No bound of a hyperparameter is longer; a power that would be is refused before it is computed.
_MOST_BITS = 4096


class NotConstantError(Exception):
    """Say that an expression, or the part of it in `node`, is no constant."""

    def __init__(self, node: ast.expr, reason: str) -> None:
        super().__init__(reason)
        self.node, self.reason = node, reason


def evaluate(node: ast.expr, names: Mapping[str, Any] | None = None) -> Any:
    """Return the value of a literal number, string, boolean or None, or of arithmetic on numbers.

    Args:
        node: the expression; nothing in it is executed.
        names: the values of the names that it may use.

    Raises:
        NotConstantError: it is something else, or its value is too large.
    """
    match node:
        case ast.Constant(value=value) if value is None or isinstance(value, bool | int | float | str):
            return value
        case ast.Name(id=name) if names is not None and name in names:
            return names[name]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            value = _number(operand, names)
            return -value if isinstance(sign, ast.USub) else value
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATORS:
            return _operate(node, operator, _number(left, names), _number(right, names))
    raise NotConstantError(node, "is none")


def _number(node: ast.expr, names: Mapping[str, Any] | None) -> Number:
    value = evaluate(node, names)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotConstantError(node, "is no number")
    return value


def _operate(node: ast.expr, operator: ast.operator, left: Number, right: Number) -> Number:
    if isinstance(operator, ast.Pow) and _bits(left) * max(abs(right), 1) > _MOST_BITS:
        raise NotConstantError(node, "is too large a number")
    try:
        value = _OPERATORS[type(operator)](left, right)
    except ArithmeticError as error:
        raise NotConstantError(node, f"cannot be computed ({error})") from None
    if not isinstance(value, int | float) or _bits(value) > _MOST_BITS:
        raise NotConstantError(node, "is too large a number, or no real one")
    return value


def _bits(value: Number) -> float:
    if isinstance(value, int):
        return value.bit_length()
    return abs(math.log2(abs(value))) if value and math.isfinite(value) else 1


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
