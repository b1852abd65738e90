"""Configurations as points of the unit cube, in numpy arrays, for the algorithms that model them.

A row has one column per coordinate of a parameter, parents first (`SearchSpace.order`): a quantile in the
parameter's domain, or NaN where it has none. So the prior is uniform in every column, whatever the domain.

Of a subset each item has a column, which says whether it is in; of a permutation each item has one, which
says where it stands, its position from 0 to 1. Points that differ in few items, or in the order of
neighbours, are near each other, and to whatever models columns an item is a parameter like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.errors import SpaceError
from hpo.parameters import Arrangement, Choice, Normal, Parameter, Permutation, RandInt, Subset, identity
from hpo.space import Configuration, SearchSpace
from hpo.trial import Trial, TrialState
from hpo.tuners.base import Tuner

__all__ = ["Column", "Cube", "Floats", "History", "Mask"]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Ordered domains with more values than this are as good as continuous, and cheaper so.
_FEW = 32

# What is proposed of a normal parameter: a search that tries the ends of its quantiles would else try what
# lies eight standard deviations out, and nobody would call that a part of the space.
_LEAST_LIKELY = 1e-4


@dataclass(frozen=True)
class Column:
    """How the quantiles of a parameter, or of an item of one, group into values.

    Attributes:
        edges: the quantiles that part neighbouring values: none where there are too many values.
        ordered: whether near quantiles mean near values.
        step: the smallest distance that matters, 0 for continuous domains.
        is_item: whether it is of an item, and its parameter has others.
    """

    edges: Floats
    ordered: bool
    step: float
    is_item: bool = False

    @classmethod
    def each(cls, parameter: Parameter) -> list[Column]:
        """Return the columns of a parameter."""
        if isinstance(parameter, Subset):
            return [cls(np.array([1 - parameter.share]), False, 0.5, True)] * parameter.width
        if isinstance(parameter, Permutation):
            n = parameter.width
            return [cls(np.arange(1, n) / n, True, 1 / n, True)] * n
        return [cls._of(parameter)]

    @classmethod
    def _of(cls, parameter: Parameter) -> Column:
        if isinstance(parameter, Choice):
            n = len(parameter.options)
            return cls(np.arange(1, n) / n, False, 1 / n)
        if isinstance(parameter, RandInt):
            n = parameter.high - parameter.low
            return cls(np.arange(1, n) / n if n <= _FEW else np.empty(0), True, 1 / n)
        values = parameter.values()
        if values is None:
            return cls(np.empty(0), True, 0.0)
        if len(values) > _FEW:
            return cls(np.empty(0), True, 1 / len(values))
        return cls(np.array([_edge(parameter, low, high) for low, high in pairwise(values)]), True, 0.0)

    @property
    def size(self) -> int:
        """How many values there are, or 0 where they are too many to tell apart."""
        return len(self.edges) + 1 if len(self.edges) or not self.ordered or self.step == 1 else 0

    @property
    def widths(self) -> Floats:
        """How much of the quantiles each value has, where they are few."""
        return np.diff(self.bounds)

    @property
    def middles(self) -> Floats:
        """The quantiles in the middle of each value's, where they are few."""
        middles: Floats = (self.bounds[:-1] + self.bounds[1:]) / 2
        return middles

    @property
    def bounds(self) -> Floats:
        """The edges, and the ends."""
        return np.concatenate([[0.0], self.edges, [1.0]])

    def index(self, quantiles: Floats) -> NDArray[np.intp]:
        """Return the positions of the values at these quantiles."""
        return np.searchsorted(self.edges, quantiles, side="right")


def _edge(parameter: Parameter, low: float, high: float) -> float:
    """Return the quantile where rounding passes from one value of a domain to the next, by bisection."""
    a, b = 0.0, 1.0
    for _ in range(40):
        middle = (a + b) / 2
        a, b = (middle, b) if parameter.from_unit(middle) <= low else (a, middle)
    return b


class Cube:
    """A search space as the unit cube, with its tree of conditions.

    Attributes:
        names: of each column, the parameter that it belongs to.
        columns: what they are like.
        slices: the columns of each parameter.
        lists: those of each subset and permutation.
        switches: those of the choices that decide whether other parameters are active.
    """

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        parts = [(name, column) for name in space.order for column in Column.each(space[name])]
        self.names = tuple(name for name, _ in parts)
        self.columns = [column for _, column in parts]
        starts = {name: self.names.index(name) for name in space.order}
        self.slices = {n: slice(at, at + space[n].width) for n, at in starts.items()}
        self.lists = {n: at for n, at in self.slices.items() if isinstance(space[n], Arrangement)}
        #: Whether each column is ordered, and whether near quantiles are different values.
        self.ordered: Mask = np.array([c.ordered for c in self.columns])
        self.smooth: Mask = np.array([c.ordered and not c.size for c in self.columns])
        #: Whether each column says that an item is in, or where it stands.
        self.toggles: Mask = np.array([c.is_item and not c.ordered for c in self.columns])
        self.places: Mask = np.array([c.is_item and c.ordered for c in self.columns])
        self._conditions = [
            (column, starts[c.parent], self._allowed(c.parent, c.values))
            for column, name in enumerate(self.names)
            for c in space.conditions.get(name, ())
        ]
        ends = [_LEAST_LIKELY if isinstance(space[name], Normal) else 0.0 for name in self.names]
        self._ends: Floats = np.array(ends)
        self.switches = sorted({parent for _, parent, _ in self._conditions if not self.ordered[parent]})

    def _allowed(self, parent: str, values: Iterable[Any]) -> Mask:
        """Return, for each value of a parent, whether it satisfies a condition."""
        own = self.space[parent].values() or ()
        wanted = {identity(v) for v in values}
        return np.array([identity(v) in wanted for v in own], dtype=bool)

    def __len__(self) -> int:
        return len(self.names)

    def ancestry(self, column: int) -> dict[int, Mask]:
        """Return for each parameter that decides whether another is active which of its values let it be."""
        found: dict[int, Mask] = {}
        for child, parent, allowed in reversed(self._conditions):
            if child == column or child in found:
                found[parent] = found[parent] & allowed if parent in found else allowed
        return found

    def row(self, configuration: Mapping[str, Any]) -> Floats:
        """Return the row of a configuration; what it lacks, or what no quantile can say, is NaN."""
        row = np.full(len(self), np.nan)
        for name, at in self.slices.items():
            if name in configuration:
                try:
                    row[at] = self.space[name].to_units(configuration[name])
                except (SpaceError, TypeError, ValueError, OverflowError):
                    continue  # a value of the source's own that is no number, or no option
        clipped: Floats = np.clip(row, 0.0, 1.0)
        return clipped

    def configuration(self, row: Floats) -> Configuration:
        """Return the configuration at a point; columns that are inactive there do not matter."""
        return self.space.from_point(np.clip(row, self._ends, 1 - self._ends).tolist())

    def feasible_first(self, rows: Floats, count: int) -> NDArray[np.intp]:
        """Return the positions of rows, with so many that pass the constraints in front.

        A row that fails is mended when it becomes a configuration, and then is no longer what it was scored
        for. Of very many failing rows only the first are looked at.
        """
        positions = np.arange(len(rows))
        if not self.space.constraints:
            return positions
        passing: list[int] = []
        for i, row in enumerate(rows[: 10 * count]):
            if self.space.is_feasible_at(row.tolist()):
                passing.append(i)
                if len(passing) == count:
                    break
        return np.concatenate([positions[passing], np.delete(positions, passing)])

    def mended(self, rows: Floats) -> Floats:
        """Return full rows, moved to where they pass the constraints: to what would be run for them."""
        if not self.space.constraints:
            return rows
        rows = rows.copy()
        for row in rows:
            if not self.space.is_feasible_at(row.tolist()):
                known = self.row(self.configuration(row))
                row[:] = np.where(np.isnan(known), row, known)
        return rows

    def by_name(self, amounts: Floats) -> dict[str, float]:
        """Return the sum over the columns of each parameter."""
        return {name: float(amounts[at].sum()) for name, at in self.slices.items()}

    def snap(self, rows: Floats) -> Floats:
        """Return full rows with what stands for a value of few at the middle of its quantiles."""
        rows = rows.copy()
        for i, column in enumerate(self.columns):
            if column.size and not column.is_item:
                rows[:, i] = column.middles[column.index(rows[:, i])]
        return self.arranged(rows)

    def arranged(self, rows: Floats) -> Floats:
        """Return full rows with what stands for a list where that list itself stands.

        Of items at one place chance decides which are in, or first, by a generator of its own.
        """
        rows = rows.copy()
        for name, at in self.lists.items():
            domain, given = self.space[name], rows[:, at]
            keys = given + 1e-9 * np.random.default_rng(0).random(given.shape)
            if isinstance(domain, Subset):
                inside = given >= 1 - domain.share
                size = np.clip(inside.sum(axis=1), *domain.limits)
                rank = np.argsort(np.argsort(-(keys + 2 * inside), axis=1), axis=1)
                middles = self.columns[at.start].middles
                rows[:, at] = middles[(rank < size[:, None]).astype(int)]
            else:
                rank = np.argsort(np.argsort(keys, axis=1), axis=1)
                rows[:, at] = (rank + 0.5) / domain.width
        return rows

    def active(self, rows: Floats) -> Mask:
        """Tell for each row and column of full rows whether the parameter is active there."""
        active = np.ones(rows.shape, dtype=bool)
        for column, parent, allowed in self._conditions:
            values = self.columns[parent]
            holds = np.zeros(len(rows), dtype=bool)
            if len(allowed) == values.size:
                holds = allowed[values.index(rows[:, parent])]
            elif allowed.any():
                domain = self.space[self.names[parent]]
                wanted = {identity(v) for v, a in zip(domain.values() or (), allowed, strict=True) if a}
                holds = np.array([identity(domain.from_unit(u)) in wanted for u in rows[:, parent].tolist()])
            active[:, column] &= holds & active[:, parent]
        return active


class History:
    """What a tuner was told, as arrays that grow with every result.

    Attributes:
        rows: the points, in the order of telling.
        losses: their results so that smaller is better; infinite where a trial failed. One that was
            stopped for being worse than its peers has its last result on the way, or the median of
            the results where that is worse: it would not be stopped if it were better than that.
    """

    def __init__(self, cube: Cube) -> None:
        self.cube = cube
        self._rows = np.empty((64, len(cube)))
        self._losses = np.empty(64)
        self._count = 0
        self._waiting: dict[int, tuple[Configuration, Floats]] = {}  # by trial, as it was seen last

    def __len__(self) -> int:
        return self._count

    @property
    def rows(self) -> Floats:
        return self._rows[: self._count]

    @property
    def losses(self) -> Floats:
        return self._losses[: self._count]

    @property
    def counts(self) -> dict[str, int]:
        """How many results there are, and how many of them are failures, for `Tuner.explain`."""
        return {"results": self._count, "failed": int(np.isinf(self.losses).sum())}

    def observe(self, tuner: Tuner, trial: Trial, value: float | None) -> None:
        """Append a result; one that says nothing about its configuration is passed over."""
        if value is None and not tuner.blames(trial):
            return
        if self._count == len(self._losses):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
            self._losses = np.concatenate([self._losses, np.empty_like(self._losses)])
        self._rows[self._count] = self.cube.row(trial.parameters)
        self._losses[self._count] = self._presumed(tuner, trial) if value is None else tuner.loss(value)
        self._count += 1

    def _presumed(self, tuner: Tuner, trial: Trial) -> float:
        if trial.state is not TrialState.EARLY_STOPPED or not trial.intermediate:
            return np.inf
        last = tuner.loss(trial.intermediate[-1].value)
        known = self.losses[np.isfinite(self.losses)]
        return max(last, float(np.median(known))) if len(known) else last

    def under_way(self, tuner: Tuner, most: int | None = None) -> Floats:
        """Return the rows of the trials that have no result yet, of the latest ones at most so many."""
        known, self._waiting = self._waiting, {}
        for trial in tuner.latest_running(most):
            seen = known.get(trial.number)
            if seen is None or seen[0] != trial.parameters:  # what the source's own values are shows late
                seen = dict(trial.parameters), self.cube.row(trial.parameters)
            self._waiting[trial.number] = seen
        return np.array([row for _, row in self._waiting.values()]).reshape(-1, len(self.cube))
