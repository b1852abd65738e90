"""The option of a choice that was tried too seldom to be judged.

A model asks for no more of what it believes to be bad, so few bad draws would condemn an option for ever, and
with it all parameters that it brings.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from hpo.tuners.points import Cube, Floats, History, Mask

__all__ = ["Option", "neglected"]


@dataclass(frozen=True)
class Option:
    """One option of a choice.

    Attributes:
        column: the choice, as a column of the cube.
        quantile: the middle of the option's quantiles.
    """

    column: int
    quantile: float

    def held_by(self, cube: Cube, rows: Floats) -> Mask:
        """Tell which rows have it."""
        column, values = cube.columns[self.column], rows[:, self.column]
        held: Mask = ~np.isnan(values) & (column.index(values) == column.index(np.array([self.quantile])))
        return held

    def given_to(self, cube: Cube, rows: Floats, generator: np.random.Generator) -> Floats:
        """Return full rows that have it, and whose other choices let there be one."""
        rows = rows.copy()
        rows[:, self.column] = self.quantile
        lacking = np.flatnonzero(~cube.active(rows)[:, self.column])
        if len(lacking):
            for parent, allowed in cube.ancestry(self.column).items():
                domain = cube.space[cube.names[parent]]
                options = zip(domain.values() or (), allowed, strict=True)
                units = [domain.to_units(value)[0] for value, lets in options if lets]
                if units:
                    rows[lacking, parent] = generator.choice(units, len(lacking))
        return rows


def neglected(history: History, waiting: Floats, columns: Iterable[int], share: float) -> Option | None:
    """Return the option that was tried least, if that is too seldom.

    Of n trials that have a choice, each of its k options is to have share * sqrt(n) / k. One that only
    fails has had its chance.

    Args:
        history: the results.
        waiting: the rows of the trials that are under way.
        columns: the choices to look at.
        share: as above.
    """
    cube, rows = history.cube, np.vstack([history.rows, waiting])
    succeeded = np.append(np.isfinite(history.losses), np.ones(len(waiting), dtype=bool))
    least, found = 1.0, None
    for column in columns:
        choice = cube.columns[column]
        known = ~np.isnan(rows[:, column])
        tried, k = choice.index(rows[known, column]), choice.size
        counts = np.bincount(tried, minlength=k)
        fails = (counts >= 3) & (np.bincount(tried, succeeded[known], minlength=k) == 0)
        shares = np.where(fails, np.inf, counts * k / (share * np.sqrt(max(known.sum(), 1))))
        if shares.min() < least:
            least, found = float(shares.min()), Option(column, float(choice.middles[shares.argmin()]))
    return found
