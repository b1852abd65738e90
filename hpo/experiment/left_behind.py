"""Trials that ran, and that the store does not know: a power cut took their rows, or damage did.

What a trial ran with and reported is in its own folder, too. Such a trial counts as cut short when its runner
died: its result is adopted, or it runs again.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from hpo.errors import HpoError
from hpo.experiment.wording import listed
from hpo.runtime.queries import TrialRow
from hpo.runtime.store import Store
from hpo.runtime.trial_files import open_plain
from hpo.space import SearchSpace
from hpo.trial import TrialState

__all__ = ["LeftBehind", "by_their_folders", "take_up"]


class LeftBehind(NamedTuple):
    """The numbers of trials that have a folder and no row, in their order.

    Attributes:
        taken: those that have a row now.
        lost: those whose folders say too little.
    """

    taken: list[int]
    lost: list[int]


def by_their_folders(numbers: Collection[int]) -> str:
    """Say which trials were taken up, and how."""
    return f"{listed(numbers)} by what is in {'its folder' if len(numbers) == 1 else 'their folders'}"


def take_up(store: Store, directory: Path, space: SearchSpace) -> LeftBehind:
    """Record the trials of an experiment that have a folder and no row.

    With a budget a result is of a part of the training, and what its tuner knew of that is gone: such a
    trial counts as lost.
    """
    trials = directory / "trials"
    names = [path.name for path in trials.glob("[0-9]*")]
    known = store.numbers()
    # A folder of a number far beyond is none of ours: trials are numbered one after the other.
    end = max(known, default=-1) + 1 + len(names)
    numbers = sorted({int(name) for name in names if name.isdecimal() and int(name) < end}.difference(known))
    found = LeftBehind([], [])
    for number in numbers:
        row = _row(trials / str(number), number, space)
        if row is not None:
            store.put_trial(row)
        (found.lost if row is None else found.taken).append(number)
    return found


def _row(folder: Path, number: int, space: SearchSpace) -> TrialRow | None:
    try:
        with open_plain(folder / "parameters.json") as file:
            parameters = json.load(file)
        is_own = number == 0 and bool(space.defaults) and parameters == space.default_configuration()
        if not is_own:
            space.check(parameters)
    except (OSError, ValueError, TypeError, AttributeError, RecursionError, HpoError):
        return None
    attempt = 1 + len(list(folder.glob("metrics.*.jsonl")))
    return TrialRow(
        number, TrialState.RUNNING, "baseline" if is_own else "tuner", parameters, memo={}, attempt=attempt
    )
