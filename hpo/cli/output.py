"""How the commands print: JSON for programs, tables and diffs for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console, OverflowMethod
from rich.table import Table
from rich.text import Text

from hpo.errors import printable

__all__ = [
    "print_diff",
    "print_json",
    "print_lines",
    "print_table",
]

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def print_json(value: Any) -> None:
    """Print a value for programs."""
    print(json.dumps(value, ensure_ascii=False, indent=2))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under their columns."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    Console(highlight=False, width=None if sys.stdout.isatty() else 200).print(table)


def print_lines(lines: Iterable[Text]) -> None:
    """Print lines for a person: each on one line of a terminal, whole anywhere else."""
    console = Console(highlight=False)
    is_terminal = console.is_terminal
    for line in lines:
        overflow: OverflowMethod = "ellipsis" if is_terminal else "ignore"
        console.print(line, no_wrap=True, crop=is_terminal, overflow=overflow, soft_wrap=not is_terminal)


def print_diff(diff: str) -> None:
    """Print a unified diff: in colours to a terminal, exactly as it is to anything else."""
    console = Console(highlight=False)
    if not console.is_terminal:
        sys.stdout.write(diff)
        return
    for line in diff.removesuffix("\n").split("\n"):  # other ends of lines end none of a diff
        console.print(Text(printable(line), style=_COLOURS.get(line[:1], "")), soft_wrap=True)
