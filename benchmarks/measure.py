"""What the benchmarks share: a store of their own, the command, the time it takes, and a table to print."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from typing import Any, NamedTuple

PYTHON = sys.executable
HPO = str(Path(PYTHON).with_name("hpo"))


class Cost(NamedTuple):
    """What a command took: seconds on the clock, and of all cores."""

    wall: float
    cpu: float


def cost(
    command: Sequence[str], environment: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Cost:
    """Run a command that must succeed, with its descendants, and measure it."""
    with tempfile.TemporaryFile() as errors:
        begin = time.perf_counter()
        process = subprocess.Popen(
            command, env=environment, cwd=cwd, stdout=subprocess.DEVNULL, stderr=errors
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            errors.seek(0)
            sys.exit(f"{' '.join(command)} ended with {process.returncode}:\n{errors.read().decode()}")
    return Cost(wall, usage.ru_utime + usage.ru_stime)


@contextmanager
def fresh_store() -> Iterator[tuple[Path, dict[str, str]]]:
    """Give an empty folder, and an environment whose store lies in it."""
    with tempfile.TemporaryDirectory(prefix="hpo-benchmark-") as name:
        folder = Path(name)
        environment = {**os.environ, "HPO_HOME": str(folder / "home")}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # with it, each start compiles what it imports
        yield folder, environment


def ask(arguments: Sequence[str], environment: Mapping[str, str], cwd: Path | None = None) -> Any:
    """Return what an `hpo` command prints as JSON."""
    command = [HPO, *arguments, "--json"]
    done = subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    return json.loads(done.stdout)


def print_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a Markdown table; all columns but the first are aligned to the right."""
    cells = [list(header), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    for row in (cells[0], rule, *cells[1:]):
        first, *others = (
            cell.ljust(w) if i == 0 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        print("|", " | ".join([first, *others]), "|")


def most_of(numbers: Sequence[float]) -> float:
    """Return the number below which are 99 in a hundred of these."""
    return quantiles(numbers, n=100, method="inclusive")[98] if numbers[1:] else numbers[0]
