"""What a record tells about importance: configurations as points of the unit cube, and their results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hpo.experiment.record import Record
from hpo.runtime.store import TrialRow
from hpo.tuners.points import Cube, Floats, Mask

__all__ = ["Evidence"]

# Of trials with budgets, those of the largest budget are looked at that has so many for each parameter.
_ENOUGH = 4
# Results beyond so many times the distance of the quartiles count as if they lay there.
_FENCE = 10


@dataclass(frozen=True)
class Evidence:
    """Points and results.

    Attributes:
        cube: the space.
        rows: a row for each trial, NaN where a parameter is inactive.
        losses: smaller is better.
    """

    cube: Cube
    rows: Floats
    losses: Floats

    @classmethod
    def of(cls, record: Record) -> Evidence:
        """Return what the succeeded trials of a record tell.

        Results of different budgets cannot be compared, so those of one are taken. A trial that lacks the
        value of an active parameter (the source's own was no constant) is left out.
        """
        cube = Cube(record.space)
        trials = _comparable(record)
        rows = np.array([cube.row(t.parameters) for t in trials]).reshape(-1, len(cube))
        losses = np.array([record.loss(t.value) for t in trials])
        active = cube.active(np.nan_to_num(rows, nan=0.5))
        whole = (np.isfinite(rows) | ~active).all(axis=1)
        return cls(cube, np.where(active, rows, np.nan)[whole], _fenced(losses[whole]))

    def __len__(self) -> int:
        return len(self.losses)

    @property
    def active(self) -> Mask:
        return np.isfinite(self.rows)


def _comparable(record: Record) -> Sequence[TrialRow]:
    trials = record.succeeded
    budgets = Counter(t.memo["budget"] for t in trials if "budget" in t.memo)
    if not budgets:
        return trials
    enough = [b for b, count in budgets.items() if count >= _ENOUGH * max(len(record.space), 1)]
    budget = max(enough) if enough else budgets.most_common(1)[0][0]
    return [t for t in trials if t.memo.get("budget") == budget]


def _fenced(losses: Floats) -> Floats:
    """Return losses without the weight of those that are beyond all measure, such as of what diverged."""
    if not len(losses):
        return losses
    first, third = np.quantile(losses, [0.25, 0.75])
    reach = _FENCE * (third - first)
    return np.clip(losses, first - reach, third + reach) if reach > 0 else losses
