"""The runs of one trial, where each configuration runs several times: their mean is its result.

The first run is the trial as it always is, in ``trials/N``; the others have folders beside it, ``trials/N.1``
and so on. Their results on the way are not stored: the curve of a trial is that of its first run, and
assessors judge that one.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

__all__ = ["Attempt", "Outcome", "attempts", "folder_of", "taken_together"]


@dataclass(frozen=True)
class Outcome:
    """The final result of one run, or of several taken together.

    Attributes:
        value: what the tuner sees.
        data: the whole of it where it was a dict.
        duration: seconds; None where that is unknown.
        deviation: of the values of several runs.
    """

    value: float
    data: Mapping[str, Any] | None
    duration: float | None
    deviation: float | None = None


def taken_together(runs: Sequence[Outcome]) -> Outcome:
    """Return the mean of runs, with the (sample) deviation of their values."""
    if len(runs) == 1:
        return runs[0]
    values = [run.value for run in runs]
    durations = [run.duration for run in runs if run.duration is not None]
    duration = sum(durations) if durations else None
    return Outcome(fmean(values), _mean_data(runs), duration, stdev(values))


def _mean_data(runs: Sequence[Outcome]) -> dict[str, Any] | None:
    """Return the means of what is a number in all of the results; the rest is that of the last run."""
    last = runs[-1].data
    if last is None:
        return None
    mean = {}
    for name, value in last.items():
        all_of_it = [(run.data or {}).get(name) for run in runs]
        numbers = [v for v in all_of_it if isinstance(v, int | float) and not isinstance(v, bool)]
        mean[name] = fmean(numbers) if len(numbers) == len(runs) else value
    return mean


@dataclass(frozen=True)
class Attempt:
    """One attempt at one run of a trial, and where it wrote.

    Attributes:
        run: which of the trial's runs, from 0.
        number: from 1, counted through all runs: one begins with the number at which that before it ended.
        folder: of the run.
        is_last: whether the run has no later one; what earlier ones wrote was set aside.
    """

    run: int
    number: int
    folder: Path
    is_last: bool

    def log(self, stream: str) -> Path:
        """Return the file of its `stdout` or `stderr`."""
        return self.folder / (f"{stream}.log" if self.is_last else f"{stream}.{self.number}.log")


def attempts(experiment: Path, number: int, *, run: int, attempt: int) -> Iterator[Attempt]:
    """Yield the attempts that wrote, and each run's last, at a trial that is at this attempt of this run."""
    first = 1
    for each in range(run + 1):
        folder = folder_of(experiment, number, each)
        aside = _set_aside(folder, first, attempt)
        last = attempt if each == run else max(aside, default=first - 1) + 1
        for n in (*aside, last):
            yield Attempt(each, n, folder, is_last=n == last)
        first = last


def _set_aside(folder: Path, first: int, end: int) -> list[int]:
    """Return the attempts whose output was set aside, of those from `first` to before `end`."""
    with contextlib.suppress(OSError):
        found = (re.fullmatch(r"stdout\.([1-9][0-9]{0,9})\.log", name) for name in os.listdir(folder))  # noqa: PTH208
        return sorted(n for each in found if each and first <= (n := int(each[1])) < end)
    return []


def folder_of(experiment: Path, number: int, repeat: int = 0) -> Path:
    """Return the folder of one run of a trial."""
    name = f"{number}.{repeat}" if repeat else str(number)
    return Path(f"{experiment}/trials/{name}")
