"""Constraints: tests over hyperparameters that every proposed configuration must pass.

A constraint is the text of a Python test: comparisons, `and`, `or`, `not`, `in`, arithmetic, `abs`, `len`,
`min` and `max`, over constants and names of hyperparameters. It is parsed once and evaluated node by node.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from hpo.errors import SpaceError
from hpo.expressions import FUNCTIONS, MOST_BITS, NotConstantError, dotted, truth

__all__ = ["Constraint", "faults", "names_in"]

_MOST_CHARACTERS = 2000
_DEEPEST = 50
_HELP = "write a comparison of hyperparameters, such as batch_size * accumulate <= 512"
_NODES = (
    ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.Compare, ast.Call, ast.Constant, ast.Name, ast.Attribute,
    ast.Tuple, ast.List, ast.Set,
)  # fmt: skip
_OPERATORS = (
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.USub, ast.UAdd, ast.Not,
)  # fmt: skip


class Constraint:
    """A test over hyperparameters.

    It says nothing of configurations in which one of its hyperparameters is inactive. Where it has no
    value (a division by zero, a string that is less than a number) it does not hold.

    Args:
        text: the test, as Python.

    Raises:
        SpaceError: it is no test, or asks for more than hyperparameters and constants.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        if len(text) > _MOST_CHARACTERS:
            message = f"a constraint has at most {_MOST_CHARACTERS} characters, not {len(text)}"
            raise SpaceError(message, help="write several")
        try:
            self._tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            reason = getattr(error, "msg", error)
            raise SpaceError(f"the constraint {text!r} does not parse: {reason}", help=_HELP) from None
        for node, reason in faults(self._tree):
            written = "it" if node is self._tree else ast.unparse(node)
            raise SpaceError(f"the constraint {text!r}: {written} {reason}", help=_HELP)

    def __repr__(self) -> str:
        return f"Constraint({self.text!r})"

    def __str__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constraint) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The hyperparameters that it speaks of, in the order of the text."""
        return tuple(dict.fromkeys(name for name, _ in names_in(self._tree)))

    def holds(self, configuration: Mapping[str, Any]) -> bool:
        """Tell whether a configuration (of active parameters only) passes."""
        if any(name not in configuration for name in self.names):
            return True
        try:
            return truth(self._tree, configuration)
        except NotConstantError:
            return False


def names_in(tree: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names of hyperparameters in a test, and where they stand."""
    if isinstance(tree, ast.Name | ast.Attribute):
        yield dotted(tree) or "", tree
        return
    parts = ast.iter_child_nodes(tree)
    for child in tree.args if isinstance(tree, ast.Call) else parts:
        if isinstance(child, ast.expr):
            yield from names_in(child)


def faults(tree: ast.expr) -> Iterator[tuple[ast.expr, str]]:
    """Yield what keeps a test from being a constraint: a part of it, and what is wrong with that."""
    if _is_deep(tree):
        yield tree, "is nested too deeply"
        return
    if not isinstance(tree, ast.Compare | ast.BoolOp | ast.UnaryOp | ast.Name | ast.Attribute):
        yield tree, "is no test"
    elif next(names_in(tree), None) is None:
        yield tree, "speaks of no hyperparameter"
    yield from _foreign(tree)


def _is_deep(tree: ast.expr) -> bool:
    level: list[ast.AST] = [tree]
    for _ in range(_DEEPEST):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return bool(level)


def _foreign(node: ast.expr) -> Iterator[tuple[ast.expr, str]]:
    if not isinstance(node, _NODES):
        yield node, "is none of what a constraint may use"
    elif isinstance(node, ast.Call) and (dotted(node.func) not in FUNCTIONS or node.keywords):
        yield node, f"is a call of none of {', '.join(FUNCTIONS)}"
    elif isinstance(node, ast.Name | ast.Attribute) and dotted(node) is None:
        yield node, "is no name"
    elif isinstance(node, ast.Constant) and not isinstance(node.value, bool | int | float | str | None):
        yield node, "is no number, string, boolean or None"
    elif (
        isinstance(node, ast.Constant) and isinstance(node.value, int) and node.value.bit_length() > MOST_BITS
    ):
        yield node, "is too large a number"
    elif isinstance(node, ast.BinOp | ast.UnaryOp) and not isinstance(node.op, _OPERATORS):
        yield node, "has an operator that is no arithmetic"
    elif not isinstance(node, ast.Name | ast.Attribute):
        for child in node.args if isinstance(node, ast.Call) else ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                yield from _foreign(child)
