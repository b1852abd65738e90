"""A random forest of regression trees, as the boxes of its leaves.

L. Breiman, "Random Forests", 2001. All trees grow together, level by level, on binned points, so that numpy
does the work. A parameter may split a node only where it is active in every point of the node: the leaves do
not depend on values that nobody had.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpo.tuners.points import Floats, Mask

__all__ = ["Forest", "Integers", "grow"]

Integers = NDArray[np.intp]

_TOGETHER = 8  # trees that grow at once: what is counted for them fits the cache


@dataclass(frozen=True)
class Forest:
    """The leaves of all trees.

    Attributes:
        tree: of each leaf, the tree that it belongs to.
        low: the first bin of its box in every dimension.
        high: the bin behind the last.
        value: the mean of its points.
    """

    tree: Integers
    low: Integers
    high: Integers
    value: Floats

    @property
    def trees(self) -> int:
        return int(self.tree[-1]) + 1 if len(self.tree) else 0

    def mean_at(self, points: Integers) -> Floats:
        """Return the mean of the trees at points, given by their bins."""
        total = np.zeros(len(points))
        for tree in range(self.trees):
            leaves = self.tree == tree
            inside = np.ones((int(leaves.sum()), len(points)), dtype=bool)
            for j, (low, high) in enumerate(zip(self.low[leaves].T, self.high[leaves].T, strict=True)):
                inside &= (low[:, None] <= points[:, j]) & (points[:, j] < high[:, None])
            total += self.value[leaves][inside.argmax(axis=0)]
        return total / self.trees


def grow(
    bins: Integers,
    active: Mask,
    targets: Floats,
    sizes: Integers,
    *,
    trees: int,
    least: int,
    rng: np.random.Generator,
) -> Forest:
    """Fit a forest.

    Args:
        bins: the points: for each the number of its bin in every dimension.
        active: where a point has a value.
        targets: what is to be explained.
        sizes: how many bins there are in each dimension.
        trees: how many trees.
        least: how many points a leaf has at least.
        rng: draws the points that each tree sees.
    """
    weights = rng.multinomial(len(targets), np.full(len(targets), 1 / len(targets)), size=trees)
    parts = [
        _grown(bins, active, targets, sizes, weights[first : first + _TOGETHER], first, least)
        for first in range(0, trees, _TOGETHER)
    ]
    return Forest(*(np.concatenate(each) for each in zip(*parts, strict=True)))


_Leaves = tuple[Integers, Integers, Integers, Floats]


def _grown(
    bins: Integers,
    active: Mask,
    targets: Floats,
    sizes: Integers,
    weights: NDArray[np.int64],
    first: int,
    least: int,
) -> _Leaves:
    """Grow some trees; return the fields of their leaves."""
    root, point = np.nonzero(weights)
    weight = weights[root, point].astype(float)
    node = root.astype(np.intp)
    tree = np.arange(first, first + len(weights))
    low = np.zeros((len(tree), len(sizes)), dtype=np.intp)
    high = np.tile(sizes, (len(tree), 1))
    leaves: list[_Leaves] = []
    while len(tree):
        count = np.bincount(node, weight, len(tree))
        mean = np.bincount(node, weight * targets[point], len(tree)) / count
        column, cut = _splits(
            bins[point], active[point], targets[point] - mean[node], weight, node, len(tree), sizes, least
        )
        is_leaf = column < 0
        leaves.append((tree[is_leaf], low[is_leaf], high[is_leaf], mean[is_leaf]))
        # The children of a node that is split: what is below the cut, then the rest.
        inner = np.flatnonzero(~is_leaf)
        position = np.full(len(tree), -1)
        position[inner] = 2 * np.arange(len(inner))
        stays = position[node] >= 0
        node, point, weight = node[stays], point[stays], weight[stays]
        is_right = bins[point, column[node]] >= cut[node]
        node = position[node] + is_right
        tree, low, high = (
            np.repeat(tree[inner], 2),
            np.repeat(low[inner], 2, axis=0),
            np.repeat(high[inner], 2, axis=0),
        )
        left = 2 * np.arange(len(inner))
        high[left, column[inner]] = cut[inner]
        low[left + 1, column[inner]] = cut[inner]
    fields = [np.concatenate(each) for each in zip(*leaves, strict=True)]
    order = np.argsort(fields[0], kind="stable")
    return tuple(field[order] for field in fields)  # type: ignore[return-value]


def _splits(
    bins: Integers,
    active: Mask,
    residuals: Floats,
    weight: Floats,
    node: Integers,
    nodes: int,
    sizes: Integers,
    least: int,
) -> tuple[Integers, Integers]:
    """Return the best split of every node: the dimension, or -1, and the first bin of the upper part."""
    best = np.full(nodes, 1e-12 * max(float(np.sum(weight * residuals**2)), 1e-300))
    column, cut = np.full(nodes, -1), np.zeros(nodes, dtype=np.intp)
    total = np.bincount(node, weight, nodes)
    for j, size in enumerate(sizes):
        place = node * size + bins[:, j]
        counts = np.bincount(place, weight, nodes * size).reshape(nodes, size).cumsum(axis=1)[:, :-1]
        sums = (
            np.bincount(place, weight * residuals, nodes * size).reshape(nodes, size).cumsum(axis=1)[:, :-1]
        )
        rest = total[:, None] - counts
        allowed = (counts >= least) & (rest >= least)
        allowed &= (np.bincount(node, ~active[:, j], nodes) == 0)[:, None]
        if not allowed.any():
            continue
        with np.errstate(divide="ignore", invalid="ignore"):  # the residuals of a node sum to 0
            gain = np.where(allowed, sums**2 / counts + sums**2 / rest, 0.0)
        at = gain.argmax(axis=1)
        gained = gain[np.arange(nodes), at]
        better = gained > best
        best[better], column[better], cut[better] = gained[better], j, at[better] + 1
    return column, cut
