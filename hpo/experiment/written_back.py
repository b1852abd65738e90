"""A trial's values written into the source: the diff to the script as it is now, or the script as it ran."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from hpo.annotate.apply import Application, apply, code
from hpo.annotate.project import annotate
from hpo.errors import UsageError
from hpo.experiment.documents import open_store
from hpo.runtime.store import TrialRow

__all__ = ["WrittenBack", "frozen_script", "trial_code", "write_back"]


@dataclass(frozen=True)
class WrittenBack:
    """The edits that make a trial's values the source's own."""

    trial: TrialRow
    application: Application


def write_back(directory: Path, number: int | None = None) -> WrittenBack:
    """Return what `hpo apply` would change for a trial, or for the best one.

    Raises:
        UsageError: there is no such trial, or its values have no places in a source.
    """
    with open_store(directory) as store:
        row = store.best() if number is None else store.trial(number)
        plan = store.experiment()["config"]["plan"]
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
    return WrittenBack(row, apply(annotate([script]), row.parameters, was))


def trial_code(directory: Path, row: TrialRow) -> bytes:
    """Return the frozen script with a trial's values written in; it runs without hpo."""
    script = frozen_script(directory)
    return code(annotate([script]), row.parameters)[script.resolve()]


def frozen_script(directory: Path) -> Path:
    """Return an experiment's script as it was when the experiment started.

    Raises:
        UsageError: its trials are no Python script.
    """
    with open_store(directory) as store:
        plan = store.experiment()["config"]["plan"]
    if "script" not in plan["command"]:
        raise UsageError(
            f"the trials of {directory.name} are no Python script: there are no marks to write to",
            help=f"hpo best {directory.name} prints the values",
        )
    manifest = json.loads((directory / "code" / "manifest.json").read_text(encoding="utf-8"))
    script = Path(plan["cwd"], plan["command"]["script"]).resolve()
    return directory / "code" / "original" / script.relative_to(Path(manifest["root"]))
