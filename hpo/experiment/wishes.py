"""What others wish of an experiment: each is checked here, then left for the runner, which obeys it.

A wish takes effect at once where the experiment runs. Else it waits, and is obeyed when it is resumed;
only stopping it and killing a trial mean nothing then.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpo.config.model import Config
from hpo.config.size import size
from hpo.errors import SpaceError, UsageError
from hpo.experiment.documents import open_store
from hpo.runtime import home
from hpo.runtime.store import Store
from hpo.space import SearchSpace

__all__ = ["enqueue", "kill_trial", "of_a_moment", "stop", "update", "wanted"]

_LEAST_MEMORY = 1 << 20  # bytes: no process starts in less, so a unit was forgotten


def stop(directory: Path) -> None:
    """Ask the runner to stop.

    Raises:
        UsageError: it does not run.
    """
    _check_running(directory)
    home.send_command(directory, {"do": "stop"})


def kill_trial(directory: Path, number: int) -> None:
    """Ask the runner to end a trial.

    Raises:
        UsageError: the experiment does not run, or the trial does not.
    """
    _check_running(directory)
    with open_store(directory) as store:
        row = store.trial(number)
    if row is None or row.state.is_final:
        state = "there is none" if row is None else f"it has {row.state.value.replace('_', ' ')}"
        raise UsageError(f"trial {number} of {directory.name} is not running: {state}", help="hpo trial list")
    home.send_command(directory, {"do": "kill", "trial": number})


def of_a_moment(directory: Path) -> list[Path]:
    """Return the files of those wishes that are about what runs now: none of them is for another runner."""
    return [path for path, wish in home.commands(directory) if wish.get("do") in ("stop", "kill")]


def update(directory: Path, settings: Mapping[str, Any], space: SearchSpace | None = None) -> None:
    """Change limits, by the names of their settings, or the space.

    Raises:
        UsageError: there is nothing to change, or a value is none that the setting can have.
    """
    if not settings and space is None:
        raise UsageError("nothing to change", help="give a limit or a space: hpo update --help lists them")
    asked = Config().override(**settings)  # a mistake is said here, and not in the log of the runner
    if asked.max_trial_memory is not None and asked.max_trial_memory < _LEAST_MEMORY:
        message = f"{size(asked.max_trial_memory)} of memory: every trial would be stopped"
        raise UsageError(message, help="give the unit: 512M, 4G")
    if settings:
        read = {name: getattr(asked, name) for name in settings}
        home.send_command(directory, {"do": "update", "settings": read})
    if space is not None:
        if not len(space):
            raise SpaceError("the search space is empty", help="give it a parameter")
        _check_text(space)
        home.send_command(directory, {"do": "search", "space": space.to_json()})


def wanted(store: Store) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings and the space as they are to be: the stored ones, and the wishes that wait."""
    row = store.experiment()
    settings, space = dict(row["config"]["settings"]), row["space"]
    for _, wish in home.commands(store.directory):
        match wish:
            case {"do": "update", "settings": dict(changed)}:
                settings |= changed
            case {"do": "search", "space": dict(space)}:
                pass
    return settings, space


def enqueue(directory: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """Make given values the next trial; those that are left out are the script's own. Return them all.

    Raises:
        SpaceError: they do not fit the space.
    """
    with open_store(directory) as store:
        row = store.experiment()
    space = SearchSpace.from_json(row["space"], defaults=row["defaults"])
    parameters = space.active_part({**row["defaults"], **given})
    space.check({**parameters, **given})
    home.send_command(directory, {"do": "enqueue", "parameters": parameters})
    return parameters


def _check_text(space: SearchSpace) -> None:
    """Refuse what no database can hold: half of a character, which JSON can write."""
    try:
        json.dumps(space.to_json(), ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise SpaceError(
            f"the search space has half of a character: {error.object[error.start]!r}",
            help="write names and options as whole characters",
        ) from error


def _check_running(directory: Path) -> None:
    if not home.is_running(directory):
        help_ = f"hpo show {directory.name} tells where it stands"
        raise UsageError(f"experiment {directory.name} is not running", help=help_)
