"""`hpo stop`, `update`, `enqueue` and `trial kill`: wishes that the running experiment obeys."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from hpo.config.duration import parse_duration
from hpo.config.space_file import load_space
from hpo.errors import UsageError
from hpo.experiment import wishes
from hpo.runtime import home

__all__ = ["delete", "enqueue", "kill_trial", "stop_experiment", "update"]


def stop_experiment(reference: str | None) -> None:
    """Ask a runner to stop."""
    directory = home.find(reference)
    wishes.stop(directory)
    print(f"Experiment {directory.name} is told to stop. Go on later with: hpo resume {directory.name}")


def delete(reference: str, *, sure: bool) -> None:
    """Delete an experiment's folder, after asking."""
    directory = home.find(reference)
    if home.is_running(directory):
        raise UsageError(
            f"experiment {directory.name} is running", help=f"hpo stop {directory.name}, then delete it"
        )
    if not sure:
        typer.confirm(f"Delete {directory} with all that its trials wrote?", abort=True)
    # Renamed first: half of an experiment is never listed.
    doomed = directory.with_name(f".deleted-{directory.name}")
    directory.rename(doomed)
    shutil.rmtree(doomed)


def kill_trial(reference: str | None, number: int) -> None:
    """Ask a runner to end a trial."""
    wishes.kill_trial(home.find(reference), number)


def update(reference: str | None, settings: Mapping[str, Any], space_file: Path | None) -> None:
    """Change an experiment's limits or space: at once where it runs, else from when it is resumed."""
    changed = {name: value for name, value in settings.items() if value is not None}
    for name in ("max_duration", "max_trial_duration"):
        if name in changed:
            changed[name] = parse_duration(changed[name])
    space = None if space_file is None else load_space(space_file)
    wishes.update(home.find(reference), changed, space)


def enqueue(reference: str | None, assignments: Sequence[str]) -> None:
    """Make given values the next trial: at once where the experiment runs, else when it is resumed."""
    directory = home.find(reference)
    given: dict[str, Any] = {}
    for name, value in map(_assignment, assignments):
        if name in given:
            raise UsageError(f"{name} is given twice", help="leave one out; `hpo enqueue` runs one trial")
        given[name] = value
    wishes.enqueue(directory, given)
    if home.is_running(directory):
        print(f"Experiment {directory.name} runs them next.")
    else:
        print(f"They run when the experiment goes on: hpo resume {directory.name}")


def _assignment(text: str) -> tuple[str, Any]:
    name, equals, written = text.partition("=")
    if not equals or not name:
        raise UsageError(f"{text!r} is no value", help="write NAME=VALUE, such as lr=0.1")
    try:
        return name, json.loads(written)
    except ValueError:
        return name, written
