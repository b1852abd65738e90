"""Give the parameterised code the columns of the user's script, so that tracebacks point where they should.

Its lines are the script's already. Where it has more in a line than the script, a list of *stretches* says
what of the script each of them stands for, in nine numbers: its line, column, end line and end column; line,
column, end line and end column of the script's place; and the script's column of what follows it. Columns
are those of `ast`. A node that begins or ends inside a stretch gets the place's beginning or end.
"""

from __future__ import annotations

import ast
from bisect import bisect_left, bisect_right

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["with_own_columns"]

Position = tuple[int, int]


def with_own_columns(source: bytes, stretches: Sequence[Sequence[int]]) -> ast.Module:
    """Return the tree of parameterised code, positioned as the script is."""
    tree = ast.parse(source)
    positions = _Positions(stretches)
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if hasattr(node, "lineno"):
            above = [decorator.lineno for decorator in getattr(node, "decorator_list", ())]
            if not positions.touches(min([node.lineno, *above]), node.end_lineno):  # type: ignore[attr-defined]
                continue
            start = positions.of_start(node.lineno, node.col_offset)  # type: ignore[attr-defined]
            end = positions.of_end(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]
            node.lineno, node.col_offset = start  # type: ignore[attr-defined]
            node.end_lineno, node.end_col_offset = max(start, end)  # type: ignore[attr-defined]
        waiting += ast.iter_child_nodes(node)
    return tree


class _Positions:
    """Turn positions in parameterised code into the script's."""

    def __init__(self, stretches: Sequence[Sequence[int]]) -> None:
        self._stretches = stretches
        self._starts: list[Position] = [(s[0], s[1]) for s in stretches]
        self._lines = sorted({line for s in stretches for line in range(s[0], s[2] + 1)})

    def touches(self, line: int, end_line: int) -> bool:
        """Tell whether any of some lines has a stretch."""
        first = bisect_left(self._lines, line)
        return first < len(self._lines) and self._lines[first] <= end_line

    def of_start(self, line: int, column: int) -> Position:
        """Return where what begins at a position begins in the script."""
        index = bisect_right(self._starts, (line, column)) - 1
        if index >= 0 and (line, column) < tuple(self._stretches[index][2:4]):
            return self._stretches[index][4], self._stretches[index][5]
        return line, self._after(index, line, column)

    def of_end(self, line: int, column: int) -> Position:
        """Return where what ends at a position ends in the script."""
        index = bisect_left(self._starts, (line, column)) - 1
        if index >= 0 and (line, column) <= tuple(self._stretches[index][2:4]):
            return self._stretches[index][6], self._stretches[index][7]
        return line, self._after(index, line, column)

    def _after(self, index: int, line: int, column: int) -> int:
        if index < 0 or self._stretches[index][2] != line:
            return column
        return column - self._stretches[index][3] + self._stretches[index][8]
