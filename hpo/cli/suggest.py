"""`hpo suggest`: marks for the likely hyperparameters of a script."""

from __future__ import annotations

import sys
from pathlib import Path

from hpo.annotate.writing.suggest import suggest
from hpo.cli.output import print_diff
from hpo.errors import UsageError

__all__ = ["suggest_marks"]


def suggest_marks(path: Path, *, write: bool) -> int:
    """Show the diff that marks what is likely a hyperparameter, or make it; return the exit status."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder", help="give one script")
    result = suggest(path)
    count = sum(map(len, result.edits.values()))
    lines, them = ("1 line", "it") if count == 1 else (f"{count} lines", "them")
    if not count:
        print(
            f"Nothing in {path} has a name that is known for a hyperparameter, or it is marked already.\n"
            "Mark a value yourself: lr = 0.01  # hpo: loguniform(1e-5, 1e-1)",
            file=sys.stderr,
        )
    elif write:
        result.write()
        print(f"{lines} marked in {path}. See {them}: hpo annotate {path}", file=sys.stderr)
    else:
        print_diff(result.diff())
        print(f"{lines} to mark. Write {them}: hpo suggest {path} --write", file=sys.stderr)
    if count and not any(name in path.read_bytes() for name in (b"report_final_result", b"report_fold")):
        print(
            "No result is reported yet: add '''@hpo.report_final_result(value)''' where it is known,\n"
            "or read it from what the script prints: hpo run --metric-pattern REGEX",
            file=sys.stderr,
        )
    return 0
