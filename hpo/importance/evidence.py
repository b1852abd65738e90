"""What a record tells about importance: configurations as points of the unit cube, and their results."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpo.experiment.record import Record, fence
from hpo.tuners.points import Cube, Floats, Mask

__all__ = ["Evidence"]

_MOST = 10_000  # trials: more of them say the same
_REACH = 2  # see `fence`: to the forest, what diverged is as bad as that


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
        """Return what the trials of a record tell whose results can be compared.

        A trial that lacks the value of an active parameter (the source's own was no constant) is left out;
        of very many trials it is so many, evenly spread.
        """
        cube = Cube(record.space)
        trials = record.comparable
        if len(trials) > _MOST:
            trials = [trials[i] for i in np.linspace(0, len(trials) - 1, _MOST).astype(int)]
        rows = np.array([cube.row(t.parameters) for t in trials]).reshape(len(trials), len(cube))
        active = cube.active(np.nan_to_num(rows, nan=0.5))
        whole = (np.isfinite(rows) | ~active).all(axis=1)
        losses = np.array([record.loss(t.value) for t in trials])[whole]
        losses = np.minimum(losses, fence(losses.tolist(), _REACH))
        return cls(cube, np.where(active, rows, np.nan)[whole], losses)

    def __len__(self) -> int:
        return len(self.losses)

    @property
    def active(self) -> Mask:
        return np.isfinite(self.rows)
