"""`hpo stop`, `update`, `enqueue` and `trial kill`: wishes that the running experiment obeys."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from hpo.cli.arguments import assignments
from hpo.config.space_file import load_space
from hpo.errors import StoreError, UsageError, printable
from hpo.experiment import wishes
from hpo.experiment.documents import open_store
from hpo.experiment.wording import counted, options, short
from hpo.runtime import home
from hpo.runtime.strays import left_in

__all__ = ["delete", "enqueue", "kill_trial", "stop_experiment", "update"]


def stop_experiment(reference: str | None) -> None:
    """Ask a runner to stop; where it was killed, end what it left."""
    directory = home.find(reference)
    if not home.is_running(directory) and left_in(directory):
        with contextlib.suppress(UsageError):  # somebody resumed it just now
            ended = counted(home.end_left(directory), "process", "processes")
            print(
                f"Experiment {directory.name} did not run any more. Ended {ended} that its trials had left."
            )
            return
    wishes.stop(directory)
    print(f"Experiment {directory.name} is told to stop. Go on later with: hpo resume {directory.name}")


def delete(reference: str, *, sure: bool) -> None:
    """Delete an experiment's folder, after asking; by its whole id also one that cannot be read."""
    try:
        directory = home.find(reference)
    except StoreError as error:
        directory = home.find_damaged(reference)
        if directory.name != reference:
            raise
        if not sure:
            damage = next(home.damaged(reference), error)
            help_ = f"{damage.help}; or delete it: hpo delete {reference} --yes"
            raise StoreError(damage.message, help=help_) from error
    if home.is_running(directory):
        raise UsageError(
            f"experiment {directory.name} is running", help=f"hpo stop {directory.name}, then delete it"
        )
    if not sure:
        _ask(directory)
    home.remove(directory)


def _ask(directory: Path) -> None:
    """Ask whether an experiment is to be deleted; go on if it is."""
    with open_store(directory) as store:
        name, count, best = printable(store.experiment()["name"]), sum(store.counts().values()), store.best()
    found = f", best {short(best.value)}" if best is not None else ""
    try:
        typer.confirm(f"Delete {name} ({directory.name}): {counted(count, 'trial')}{found}?", abort=True)
    except typer.Abort:
        if sys.stdin.isatty():
            raise
        help_ = f"hpo delete {directory.name} --yes does not ask"
        raise UsageError("nobody said yes: nothing is deleted", help=help_) from None


def kill_trial(reference: str | None, number: int) -> None:
    """Ask a runner to end a trial."""
    wishes.kill_trial(home.find(reference), number)


_LIMITS = (
    *("max_trials", "max_duration", "stop_when", "patience", "max_failures"),
    *("max_trial_duration", "max_trial_silence", "max_trial_memory"),
)


def update(
    reference: str | None, settings: Mapping[str, Any], no_limits: Sequence[str], space_file: Path | None
) -> None:
    """Change an experiment's limits or space: at once where it runs, else from when it is resumed.

    Args:
        reference: the experiment; None for the newest.
        settings: the new ones; None where one stays as it is.
        no_limits: those that are taken away, as their options are called.
        space_file: has the new space, if there is one.
    """
    changed = {name: value for name, value in settings.items() if value is not None}
    for written in no_limits:
        name = written.removeprefix("--").replace("-", "_")
        if name not in _LIMITS or name in changed:
            what = "is given one" if name in changed else "names no limit"
            names = ", ".join(limit.replace("_", "-") for limit in _LIMITS)
            raise UsageError(f"--no-limit {written}: it {what}", help=f"there are {names}")
        changed[name] = None
    space = None if space_file is None else load_space(space_file)
    directory = home.find(reference)
    wishes.update(directory, changed, space)
    when = "from now on" if home.is_running(directory) else f"once it goes on: hpo resume {directory.name}"
    new = [options(changed)] if changed else []
    print(
        f"Experiment {directory.name} has {', '.join(new + ['another space'] * (space is not None))}, {when}"
    )


def enqueue(written: Sequence[str]) -> None:
    """Make given values the next trial: at once where the experiment runs, else when it is resumed.

    Args:
        written: an experiment, or none for the newest, and values, each as NAME=VALUE.
    """
    reference, values = (None, written) if "=" in written[0] else (written[0], written[1:])
    if not values:
        raise UsageError("there are no values to try", help="write them as NAME=VALUE, such as lr=0.1")
    directory = home.find(reference)
    wishes.enqueue(directory, assignments(values))
    if home.is_running(directory):
        print(f"Experiment {directory.name} runs them next.")
    else:
        print(f"They run when the experiment goes on: hpo resume {directory.name}")
