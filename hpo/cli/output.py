"""How the commands print: JSON for programs, tables and diffs for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["print_diff", "print_json", "print_table", "short"]

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
        table.add_row(*(Text(cell) for cell in row))
    Console(highlight=False, width=None if sys.stdout.isatty() else 200).print(table)


def print_diff(diff: str) -> None:
    """Print a unified diff: in colours to a terminal, exactly as it is to anything else."""
    console = Console(highlight=False)
    if not console.is_terminal:
        sys.stdout.write(diff)
        return
    for line in diff.splitlines():
        console.print(Text(line, style=_COLOURS.get(line[:1], "")), soft_wrap=True)


def short(value: Any) -> str:
    """Write a value for a person to read: six significant digits are enough."""
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
