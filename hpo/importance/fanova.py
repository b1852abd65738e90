"""fANOVA: the share of a result's variance that each parameter explains by itself.

F. Hutter, H. Hoos and K. Leyton-Brown, "An Efficient Approach for Assessing Hyperparameter Importance", ICML
2014. A random forest stands in for the experiment; over the boxes of its leaves the marginal of a parameter,
the mean result as a function of its value alone, is exact (their algorithm 2). Where the paper takes the
fractions of each tree and then their mean, here they are those of the mean of the trees: what the trees
disagree about is noise, and must not count as variance. Its whole variance is measured at points that fill
the cube evenly.

The paper's spaces have no conditions. Here a conditional parameter's marginal is taken where it is active,
and its variance counts as often as that is the case under the prior. So the parts are orthogonal, as in the
paper: what is gained by activating it is its parent's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hpo.importance.evidence import Evidence
from hpo.importance.forest import Forest, Integers, grow
from hpo.tuners.points import Column, Cube, Floats

__all__ = ["fanova"]

_BINS = 32  # of the axis of a continuous parameter
_MOST = 2000  # trials that the forest learns from
_POINTS = 1024  # where its variance is measured


def fanova(evidence: Evidence, *, seed: int = 0, trees: int = 64, least: int = 3) -> dict[str, float]:
    """Return the share of the variance that each parameter explains; what is left is interactions.

    Args:
        evidence: what is known.
        seed: of the forest.
        trees: how many trees it has.
        least: how many trials a leaf has at least.
    """
    cube = evidence.cube
    shares = np.zeros(len(cube))
    rng = np.random.default_rng(seed)
    kept = np.sort(rng.choice(len(evidence), min(len(evidence), _MOST), replace=False))
    rows, losses = evidence.rows[kept], evidence.losses[kept]
    if len(losses) > least and np.ptp(losses) > 0:
        axes = [_Axis(column, rows[:, i], losses) for i, column in enumerate(cube.columns)]
        bins = np.stack([axis.bins(rows[:, i]) for i, axis in enumerate(axes)], axis=1)
        sizes = np.array([len(axis.widths) for axis in axes])
        forest = grow(bins, np.isfinite(rows), losses, sizes, trees=trees, least=least, rng=rng)
        even = _even(_POINTS, len(cube))
        variance = forest.mean_at(
            np.stack([axis.bins(even[:, i]) for i, axis in enumerate(axes)], axis=1)
        ).var()
        if variance > 0:
            shares = np.array([_explained(forest, cube, axes, i) for i in range(len(cube))]) / variance
            shares /= max(shares.sum(), 1.0)  # the variance is measured, and the parts are exact
    return cube.by_name(shares)


class _Axis:
    """The bins of a parameter: one for each value, or else as many points in each.

    Options without an order are put into that of their mean loss, so that one cut parts good from bad.

    Attributes:
        widths: of each bin, the share of the axis that it has.
        order: of each bin, which one it would be in the order of the axis.
    """

    def __init__(self, column: Column, points: Floats, losses: Floats) -> None:
        known = np.isfinite(points)
        self._edges = column.edges if column.size else _between(points[known])
        self.widths = np.diff(np.concatenate([[0.0], self._edges, [1.0]]))
        self.order = np.arange(len(self.widths))
        if not column.ordered:
            index = np.searchsorted(self._edges, points[known], side="right")
            count = np.bincount(index, minlength=len(self.widths))
            total = np.bincount(index, losses[known], len(self.widths))
            self.order = np.argsort(np.where(count > 0, total / np.maximum(count, 1), np.inf), kind="stable")
            self.widths = self.widths[self.order]
        self._places = np.argsort(self.order)

    def bins(self, points: Floats) -> Integers:
        """Return the bins of points; that of one without a value does not matter."""
        return self._places[np.searchsorted(self._edges, np.nan_to_num(points), side="right")]


def _between(points: Floats) -> Floats:
    known = np.unique(points)
    between = np.asarray((known[1:] + known[:-1]) / 2)
    return (
        between[np.linspace(0, len(between) - 1, _BINS - 1).astype(int)] if len(between) >= _BINS else between
    )


def _even(count: int, dimensions: int) -> Floats:
    """Return points that fill the cube evenly: Kronecker's sequence of the powers of the plastic ratio."""
    ratio = 2.0
    for _ in range(40):  # x ** (d + 1) = x + 1
        ratio = (1 + ratio) ** (1 / (dimensions + 1))
    steps = ratio ** -np.arange(1.0, dimensions + 1)
    return np.asarray((0.5 + np.arange(count)[:, None] * steps) % 1.0)


def _explained(forest: Forest, cube: Cube, axes: Sequence[_Axis], column: int) -> float:
    """Return the variance that a parameter explains by itself: that of its marginal where it is active."""
    share, widths = 1.0, [axis.widths for axis in axes]
    for parent, allowed in cube.ancestry(column).items():
        if len(allowed) == len(widths[parent]):
            part = widths[parent] * allowed[axes[parent].order]
            share *= float(part.sum())
            widths[parent] = part / part.sum()
    marginal = _marginal(forest, widths, column)
    mean = marginal @ widths[column]
    return share * float((marginal - mean) ** 2 @ widths[column])


def _marginal(forest: Forest, widths: Sequence[Floats], column: int) -> Floats:
    """Return the mean of the forest in each bin of a dimension, over all others."""
    height = forest.value / forest.trees
    for j, width in enumerate(widths):
        if j != column:
            sums = np.concatenate([[0.0], np.cumsum(width)])
            height = height * (sums[forest.high[:, j]] - sums[forest.low[:, j]])
    size = len(widths[column]) + 1
    steps = np.bincount(forest.low[:, column], height, size) - np.bincount(
        forest.high[:, column], height, size
    )
    return np.asarray(np.cumsum(steps)[:-1])
