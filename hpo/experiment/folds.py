"""A cross-validation: a trial reports its folds one by one, and its result is their mean."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, stdev
from typing import Any

from hpo.runtime.spool import Bad, Final, Fold, Intermediate

__all__ = ["so_far", "taken_as_one"]


def so_far(folds: Sequence[Fold]) -> Intermediate:
    """Return the result on the way that the last fold gives: the mean of those so far, at its number."""
    last, values = folds[-1], [fold.value for fold in folds if fold.value is not None]
    if last.value is None:
        return Intermediate(len(folds) - 1, None, last.bad, None, last.time)
    data = {**(last.data or {}), "default": fmean(values), "fold": last.value}
    return Intermediate(len(folds) - 1, fmean(values), None, data, last.time)


def taken_as_one(folds: Sequence[Fold]) -> Final | Bad:
    """Return the result of a trial: the mean of its folds, and of each number that all of them came with."""
    for number, fold in enumerate(folds):
        if fold.value is None:
            return Bad(f"fold {number}: {fold.bad}", fold.time)
    values = [fold.value for fold in folds if fold.value is not None]
    deviation = stdev(values) if len(values) > 1 else None
    data = {**_means([fold.data or {} for fold in folds]), "default": fmean(values), "folds": values}
    return Final(fmean(values), data, folds[-1].time, deviation)


def _means(dicts: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return the means of what is a number in all."""
    found = {}
    for name in dicts[0]:
        numbers = [v for d in dicts if isinstance(v := d.get(name), int | float) and not isinstance(v, bool)]
        if len(numbers) == len(dicts):
            found[name] = fmean(numbers)
    return found
