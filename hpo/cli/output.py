"""How the commands print: JSON for programs, tables and diffs for people."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hpo.errors import printable

__all__ = [
    "json_text",
    "print_diff",
    "print_json",
    "print_lines",
    "print_table",
]

_GLUE = "\ue000"  # a space that is no place to break a line, while it is folded
_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def json_text(value: Any) -> str:
    """Return a value as JSON, in which what would do something to a terminal is escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    if text.replace("\n", "").isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def print_json(value: Any) -> None:
    """Print a value for programs."""
    print(json_text(value))


def print_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    narrow: Callable[[], Iterable[Text]] | None = None,
    hang: int = 0,
) -> None:
    """Print rows under their columns: each on a line, which programs that read it rely on.

    Args:
        columns: what stands above.
        rows: their cells.
        narrow: the same for a terminal too narrow for it; without, the cells are folded.
        hang: how far the lines of `narrow` go on to the right where they are folded.
    """
    rows = [[printable(cell).replace("\n", " ") for cell in row] for row in rows]
    widths = [max(cell_len(cell) for cell in cells) for cells in zip(columns, *rows, strict=True)]
    console = Console(highlight=False)
    if console.is_terminal and sum(widths) + 2 * len(widths) - 2 > console.width:
        if narrow is not None:
            print_lines(narrow(), hang=hang)
        else:
            _print_folded(console, columns, rows)
        return
    for row in (columns, *rows):
        cells = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
        style = "bold" if row is columns else ""
        console.print(Text("  ".join(cells).rstrip(), style=style), soft_wrap=True)


def _print_folded(console: Console, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)


def print_lines(lines: Iterable[Text], *, hang: int) -> None:
    """Print lines for a person: folded between words in a terminal, whole anywhere else.

    What they quote of a trial is text, whatever it would do to a terminal.

    Args:
        lines: they may be longer than a terminal is wide.
        hang: the column where what is folded goes on.
    """
    console = Console(highlight=False)
    for line in lines:
        line.plain = printable(line.plain)
        for part in _folded(line, console, hang) if console.is_terminal else [line]:
            console.print(part, soft_wrap=True)


def _folded(line: Text, console: Console, hang: int) -> Iterator[Text]:
    """Yield the lines of a terminal: broken where columns are apart, if that is enough, or between words."""
    if cell_len(line.plain) <= console.width:
        yield line
        return
    narrow = max(console.width - hang, 1)
    is_apart = all(cell_len(part) <= narrow for part in line.plain.split("  "))
    glued = line.copy()
    if is_apart:
        glued.plain = re.sub(r"(?<=\S) (?=\S)", _GLUE, line.plain)
    first = glued.wrap(console, console.width)[0]
    rest = glued[len(first.plain) :]
    rest = rest[len(rest.plain) - len(rest.plain.lstrip()) :]
    for part in (first, *(Text(" " * hang).append_text(p) for p in rest.wrap(console, narrow))):
        part.plain = part.plain.replace(_GLUE, " ").rstrip()
        yield part


def print_diff(diff: str) -> None:
    """Print a unified diff: in colours to a terminal, exactly as it is to anything else."""
    console = Console(highlight=False)
    if not console.is_terminal:
        sys.stdout.write(diff)
        return
    for line in diff.removesuffix("\n").split("\n"):  # other ends of lines end none of a diff
        console.print(Text(printable(line), style=_COLOURS.get(line[:1], "")), soft_wrap=True)
