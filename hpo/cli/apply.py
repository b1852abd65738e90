"""`hpo apply`: the best values, written back into the source."""

from __future__ import annotations

import sys
from pathlib import Path

from hpo.annotate.apply import apply
from hpo.annotate.project import annotate
from hpo.cli.output import print_diff
from hpo.cli.show import frozen_script, open_store
from hpo.errors import UsageError
from hpo.runtime import home

__all__ = ["apply_values"]


def apply_values(reference: str | None, number: int | None, *, write: bool) -> int:
    """Show the diff of a trial's values against the source, or make it; return the exit status."""
    with open_store(home.find(reference)) as store:
        row = store.best() if number is None else store.trial(number)
        plan = store.experiment()["config"]["plan"]
        directory = store.directory
    if row is None:
        what = "no trial has succeeded yet" if number is None else f"there is no trial {number}"
        raise UsageError(f"{directory.name}: {what}", help=f"hpo trial list {directory.name}")
    was = annotate([frozen_script(directory)])
    if not row.parameters.keys() & was.space.parameters.keys():
        raise UsageError(
            f"the values of {directory.name} do not come from marks: there is no place to write them to",
            help=f"hpo best {directory.name} prints them",
        )
    script = Path(plan["cwd"]) / plan["command"]["script"]
    if script.is_relative_to(Path.cwd()):
        script = script.relative_to(Path.cwd())  # as one would name it here
    result = apply(annotate([script]), row.parameters, was)
    for diagnostic in result.skipped:
        print(diagnostic, file=sys.stderr)
    diff = result.diff()
    if not diff:
        print(f"The source has the values of trial {row.number} already.", file=sys.stderr)
    elif write:
        for path in result.write():
            print(f"{path} has the values of trial {row.number}", file=sys.stderr)
    else:
        print_diff(diff)
        which = "" if number is None else f" --trial {number}"
        print(f"Write it: hpo apply {directory.name}{which} --write", file=sys.stderr)
    return 0
