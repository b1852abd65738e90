"""`hpo report`: an experiment as one HTML file."""

from __future__ import annotations

import sys
from pathlib import Path

from hpo.errors import UsageError
from hpo.report import report
from hpo.runtime import home

__all__ = ["write_report"]


def write_report(reference: str | None, output: Path | None) -> None:
    """Write the report of an experiment to a file.

    Raises:
        UsageError: the file cannot be written.
    """
    directory = home.find(reference)
    path = output or Path(f"{directory.name}.html")
    page = report(directory)
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror}", help="give another file with -o"
        ) from error
    print(f"{path} has the report of {directory.name}: open it in a browser", file=sys.stderr)
