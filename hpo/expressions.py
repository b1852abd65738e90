"""Expressions over constants and names, evaluated node by node: nothing of the user's is ever executed.

Bounds are constants, conditions and constraints are tests. All of them stay small: a number that would be
longer than any hyperparameter's is refused before it is computed.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["FUNCTIONS", "MOST_BITS", "NotConstantError", "dotted", "evaluate", "truth"]

Number = int | float
Names = Mapping[str, Any]

FUNCTIONS: Mapping[str, Callable[..., Any]] = {"abs": abs, "len": len, "max": max, "min": min}
_OPERATORS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow,
}  # fmt: skip
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Is: operator.is_, ast.IsNot: operator.is_not,
    ast.In: lambda a, b: a in b, ast.NotIn: lambda a, b: a not in b,
}  # fmt: skip
# No bound of a hyperparameter is longer; a power that would be is refused before it is computed.
MOST_BITS = 4096


class NotConstantError(Exception):
    """Say that an expression, or the part of it in `node`, has no value that could be known."""

    def __init__(self, node: ast.expr, reason: str) -> None:
        super().__init__(reason)
        self.node, self.reason = node, reason


def dotted(node: ast.AST | None) -> str | None:
    """Return the text of a name or of attributes of one (`self.act`), or None for any other expression."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return None if base is None else f"{base}.{node.attr}"
    return None


# -- values: literals, names, arithmetic on numbers


def evaluate(node: ast.expr, names: Names | None = None) -> Any:
    """Return the value of a literal number, string, boolean or None, or of arithmetic on numbers.

    Args:
        node: the expression; nothing in it is executed.
        names: the values of the names that it may use, dotted ones among them.

    Raises:
        NotConstantError: it is something else, or its value is too large.
    """
    match node:
        case ast.Constant(value=value) if value is None or isinstance(value, bool | int | float | str):
            if isinstance(value, int) and _bits(value) > MOST_BITS:
                raise NotConstantError(node, "is too large a number")
            return value
        case ast.Name() | ast.Attribute() if names is not None and (name := dotted(node)) in names:
            return names[name or ""]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            value = _number(operand, names)
            return -value if isinstance(sign, ast.USub) else value
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _operate(node, op, _number(left, names), _number(right, names))
    raise NotConstantError(node, "is none")


def _number(node: ast.expr, names: Names | None) -> Number:
    value = _call(node, names) if isinstance(node, ast.Call) and names is not None else evaluate(node, names)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotConstantError(node, "is no number")
    return value


def _operate(node: ast.expr, op: ast.operator, left: Number, right: Number) -> Number:
    if isinstance(op, ast.Pow) and _bits(left) * max(abs(right), 1) > MOST_BITS:
        raise NotConstantError(node, "is too large a number")
    try:
        value = _OPERATORS[type(op)](left, right)
    except ArithmeticError as error:
        raise NotConstantError(node, f"cannot be computed ({error})") from None
    if not isinstance(value, int | float) or _bits(value) > MOST_BITS:
        raise NotConstantError(node, "is too large a number, or no real one")
    return value


def _bits(value: Number) -> float:
    if isinstance(value, int):
        return value.bit_length()
    return abs(math.log2(abs(value))) if value and math.isfinite(value) else 1


def _call(node: ast.Call, names: Names) -> Any:
    """Return the value of a call of one of `FUNCTIONS`."""
    name = dotted(node.func) or ""
    if name not in FUNCTIONS or name in names or node.keywords or not node.args:
        raise NotConstantError(node, "is none")
    read = evaluate if name == "len" else _number
    try:
        return FUNCTIONS[name](*(read(argument, names) for argument in node.args))
    except TypeError as error:
        raise NotConstantError(node, f"cannot be computed ({error})") from None


# -- tests: comparisons, chained too, membership, `and`, `or`, `not`, truth


def truth(node: ast.expr, names: Names) -> bool:
    """Return whether a test holds; as in Python, what no longer matters is not asked.

    Raises:
        NotConstantError: a part that matters has no value.
    """
    return bool(_operand(node, names))


def _compare(node: ast.expr, op: ast.cmpop, left: Any, right: Any) -> bool:
    if isinstance(op, ast.Is | ast.IsNot) and not any(
        v is None or isinstance(v, bool) for v in (left, right)
    ):
        raise NotConstantError(node, "asks for identity, which is no property of numbers and strings")
    try:
        return bool(_COMPARISONS[type(op)](left, right))
    except TypeError as error:
        raise NotConstantError(node, f"cannot be computed ({error})") from None


def _operand(node: ast.expr, names: Names) -> Any:
    match node:
        case ast.BoolOp(op=op, values=[*others, last]):
            for other in others:
                value = _operand(other, names)
                if bool(value) is isinstance(op, ast.Or):
                    return value
            return _operand(last, names)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _operand(operand, names)
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            value = _operand(left, names)
            for link, comparator in zip(ops, comparators, strict=True):
                before, value = value, _operand(comparator, names)
                if not _compare(node, link, before, value):
                    return False
            return True
        case ast.Tuple(elts=elements):
            return tuple(_operand(element, names) for element in elements)
        case ast.List(elts=elements):
            return [_operand(element, names) for element in elements]
        case ast.Set(elts=elements):
            try:
                return {_operand(element, names) for element in elements}
            except TypeError as error:
                raise NotConstantError(node, f"cannot be computed ({error})") from None
        case ast.Call():
            return _call(node, names)
    return evaluate(node, names)
