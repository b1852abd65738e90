"""Trials that ran, and that the store does not know: a power cut took their rows, or damage did.

What a trial ran with and reported is in its own folder, too. Such a trial counts as cut short when its runner
died: its result is adopted, or it runs again.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

from hpo.errors import HpoError
from hpo.runtime.queries import TrialRow
from hpo.runtime.trial_files import open_plain
from hpo.space import SearchSpace
from hpo.trial import TrialState

__all__ = ["left_behind"]


def left_behind(directory: Path, space: SearchSpace, known: Collection[int]) -> dict[int, TrialRow | None]:
    """Return rows for the trials of an experiment that have a folder and no row, by their numbers.

    None where the folder says too little. With a budget a result is of a part of the training, and what its
    tuner knew of that is gone.
    """
    names = [path.name for path in (directory / "trials").glob("[0-9]*")]
    # A folder of a number far beyond is none of ours: trials are numbered one after the other.
    end = max(known, default=-1) + 1 + len(names)
    numbers = sorted({int(name) for name in names if name.isdecimal() and int(name) < end}.difference(known))
    return {number: _row(directory / "trials" / str(number), number, space) for number in numbers}


def _row(folder: Path, number: int, space: SearchSpace) -> TrialRow | None:
    try:
        with open_plain(folder / "parameters.json") as file:
            parameters = json.load(file)
        is_own = number == 0 and bool(space.defaults) and parameters == space.default_configuration()
        if not is_own:
            space.check(parameters)
    except (OSError, ValueError, TypeError, AttributeError, RecursionError, HpoError):
        return None
    return TrialRow(
        number,
        TrialState.RUNNING,
        "baseline" if is_own else "tuner",
        parameters,
        memo={},
        attempt=1 + len(list(folder.glob("metrics.*.jsonl"))),
        value=None,
        data=None,
        told=None,
        started=None,
        ended=None,
        duration=None,
        failure=None,
        detail=None,
        device=[],
        spool=0,
    )
