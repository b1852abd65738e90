"""How the commands print: JSON for programs, tables and diffs for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rich.console import Console, OverflowMethod
from rich.table import Table
from rich.text import Text

from hpo.errors import printable
from hpo.experiment.wording import short
from hpo.runtime.store import TrialRow
from hpo.trial import Trial, TrialState

__all__ = [
    "best_values",
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


def best_values(best: Trial | TrialRow, base: Trial | TrialRow | None, *, indent: int) -> Iterator[Text]:
    """Yield the lines that show a trial beside the one that ran the script's own values.

    Args:
        best: it succeeded.
        base: the other, where there is one.
        indent: the width of the column of labels.
    """
    text = Text(f"{'Best':<{indent}}{short(best.value)}", style="bold")
    text.append(f"   trial {best.number}", style="not bold")
    if base is not None and base.value is not None:
        gain = (best.value or 0.0) - base.value
        text.append(f", {gain:+.4g} over the script's own {short(base.value)}", style="not bold")
    elif base is not None and base.state is TrialState.FAILED:
        text.append(f"; the script's own values failed (trial {base.number})", style="not bold")
    yield text
    width = max((len(name) for name in best.parameters), default=0)
    for name, value in best.parameters.items():
        line = Text(f"{'':<{indent}}{name:<{width}}  ")
        line.append(short(value), style="green")
        before = base.parameters.get(name) if base is not None else None
        if before is not None and before != value:
            line.append(f"  was {short(before)}", style="dim")
        yield line
