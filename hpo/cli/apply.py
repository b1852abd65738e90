"""`hpo apply`: the best values, written back into the source."""

from __future__ import annotations

import sys
from pathlib import Path

from hpo.cli.output import print_diff
from hpo.experiment.written_back import write_back
from hpo.runtime import home

__all__ = ["apply_values"]


def _near(path: Path) -> Path:
    """Return a path relative to the current folder, where it lies in it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def apply_values(reference: str | None, number: int | None, *, write: bool) -> int:
    """Show the diff of a trial's values against the source, or make it; return the exit status."""
    directory = home.find(reference)
    written = write_back(directory, number)
    row, result = written.trial, written.application
    for diagnostic in result.skipped:
        print(diagnostic, file=sys.stderr)
    if number is None and written.others:
        print(
            f"Of {written.others + 1} trials on the front it is the nearest to the best of each objective; "
            f"--trial N takes another: hpo best {directory.name}",
            file=sys.stderr,
        )
    diff = result.diff()
    if not diff:
        done = f"The source has the values of trial {row.number} already."
        print("Nothing else is to be changed." if result.skipped else done, file=sys.stderr)
    elif write:
        for path in result.write():
            print(f"{_near(path)} has the values of trial {row.number}.", file=sys.stderr)
    else:
        print_diff(diff)
        which = "" if number is None else f" --trial {number}"
        print(f"Write it: hpo apply {directory.name}{which} --write", file=sys.stderr)
    return 0
