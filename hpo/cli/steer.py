"""`hpo stop`, `update`, `enqueue` and `trial kill`: wishes that the running experiment obeys."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from hpo.cli.show import open_store
from hpo.errors import UsageError
from hpo.runtime import home
from hpo.space import SearchSpace

__all__ = ["delete", "enqueue", "kill_trial", "stop_experiment", "update"]


def _running(reference: str | None) -> Path:
    directory = home.find(reference)
    if not home.is_running(directory):
        raise UsageError(f"experiment {directory.name} is not running", help=f"hpo resume {directory.name}")
    return directory


def stop_experiment(reference: str | None) -> None:
    """Ask a runner to stop."""
    directory = _running(reference)
    home.send_command(directory, {"do": "stop"})
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
    directory = _running(reference)
    with open_store(directory) as store:
        row = store.trial(number)
    if row is None or row.state.is_final:
        state = "there is none" if row is None else f"it has {row.state.value.replace('_', ' ')}"
        raise UsageError(f"trial {number} of {directory.name} is not running: {state}", help="hpo trial list")
    home.send_command(directory, {"do": "kill", "trial": number})


def update(reference: str | None, settings: Mapping[str, Any], space: SearchSpace | None = None) -> None:
    """Change an experiment's limits or space: at once where it runs, else from when it is resumed."""
    directory = home.find(reference)
    changed = {name: value for name, value in settings.items() if value is not None}
    if not changed and space is None:
        help_ = "give --max-trials, --max-duration, --concurrency or --space"
        raise UsageError("nothing to change", help=help_)
    if changed:
        home.send_command(directory, {"do": "update", "settings": changed})
    if space is not None:
        home.send_command(directory, {"do": "search", "space": space.to_json()})


def enqueue(reference: str | None, assignments: Sequence[str]) -> None:
    """Make given values the next trial: at once where the experiment runs, else when it is resumed."""
    directory = home.find(reference)
    with open_store(directory) as store:
        row = store.experiment()
    space = SearchSpace.from_json(row["space"], defaults=row["defaults"])
    given = dict(_assignment(text) for text in assignments)
    # Values that are not given are the script's own.
    parameters = space.active_part({**row["defaults"], **given})
    space.check({**parameters, **given})
    home.send_command(directory, {"do": "enqueue", "parameters": parameters})
    if home.is_running(directory):
        print(f"Experiment {directory.name} runs them next.")
    else:
        print(f"They run when the experiment goes on: hpo resume {directory.name}")


def _assignment(text: str) -> tuple[str, Any]:
    name, equals, written = text.partition("=")
    if not equals:
        raise UsageError(f"{text!r} is no value", help="write NAME=VALUE, such as lr=0.1")
    try:
        return name, json.loads(written)
    except ValueError:
        return name, written
