"""fANOVA: the share of a result's variance that each parameter explains by itself.

F. Hutter, H. Hoos and K. Leyton-Brown, "An Efficient Approach for Assessing Hyperparameter Importance", ICML
2014. A random forest stands in for the experiment; over the boxes of its leaves the marginal of a parameter,
the mean result as a function of its value alone, is exact (their algorithm 2).

The paper's spaces have no conditions. Here a conditional parameter's marginal is taken where it is active,
and its variance counts as often as that is the case under the prior. So the parts are orthogonal, as in the
paper: what is gained by activating it is its parent's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hpo.importance.evidence import Evidence
from hpo.importance.forest import Forest, grow
from hpo.tuners.points import Column, Cube, Floats

__all__ = ["fanova"]

_BINS = 32  # of the axis of a continuous parameter
_MOST = 2000  # trials that the forest learns from


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
        edges = [_edges(column, rows[:, i]) for i, column in enumerate(cube.columns)]
        filled = np.nan_to_num(rows)
        bins = np.stack(
            [np.searchsorted(e[1:-1], filled[:, i], side="right") for i, e in enumerate(edges)], axis=1
        )
        sizes = np.array([len(e) - 1 for e in edges])
        forest = grow(bins, np.isfinite(rows), losses, sizes, trees=trees, least=least, rng=rng)
        shares = _shares(cube, forest, [np.diff(e) for e in edges], evidence)
    return dict(zip(cube.names, shares.tolist(), strict=True))


def _edges(column: Column, points: Floats) -> Floats:
    """Return the ends of the bins: a bin for each value, or between points, as many in each."""
    if column.size:
        return np.concatenate([[0.0], column.edges, [1.0]])
    known = np.unique(points[np.isfinite(points)])
    between = (known[1:] + known[:-1]) / 2
    if len(between) >= _BINS:
        between = between[np.linspace(0, len(between) - 1, _BINS - 1).astype(int)]
    return np.concatenate([[0.0], between, [1.0]])


def _shares(cube: Cube, forest: Forest, widths: Sequence[Floats], evidence: Evidence) -> Floats:
    everywhere = _covered(forest, widths)
    weight = np.prod(everywhere, axis=1)
    mean = _by_tree(forest, weight * forest.value)
    variance = _by_tree(forest, weight * forest.value**2) - mean**2
    shares = np.zeros(len(cube))
    for i in range(len(cube)):
        share, inside = _region(cube, i, widths)
        marginal = _variance(forest, inside, i)
        with np.errstate(divide="ignore", invalid="ignore"):
            fraction = np.where(variance > 0, share * marginal / variance, 0.0)
        shares[i] = float(np.mean(fraction))
    return shares


def _by_tree(forest: Forest, values: Floats) -> Floats:
    return np.asarray(np.bincount(forest.tree, values), dtype=float)


def _covered(forest: Forest, widths: Sequence[Floats]) -> Floats:
    """Return the measure of each leaf's box in every dimension."""
    sums = [np.concatenate([[0.0], np.cumsum(width)]) for width in widths]
    return np.stack([s[forest.high[:, j]] - s[forest.low[:, j]] for j, s in enumerate(sums)], axis=1)


def _region(cube: Cube, column: int, widths: Sequence[Floats]) -> tuple[float, list[Floats]]:
    """Return how much of the cube has a parameter active, and the measure inside of that, normalised."""
    inside = list(widths)
    share = 1.0
    for parent, allowed in cube.ancestry(column).items():
        if len(allowed) == len(widths[parent]):
            part = widths[parent] * allowed
            share *= float(part.sum())
            inside[parent] = part / part.sum()
    return share, inside


def _variance(forest: Forest, widths: Sequence[Floats], column: int) -> Floats:
    """Return, for each tree, the variance of the marginal of a dimension."""
    covered = _covered(forest, widths)
    covered[:, column] = 1.0
    height = np.prod(covered, axis=1) * forest.value
    trees, size = int(forest.tree.max()) + 1, len(widths[column])
    steps = np.bincount(forest.tree * (size + 1) + forest.low[:, column], height, trees * (size + 1))
    steps -= np.bincount(forest.tree * (size + 1) + forest.high[:, column], height, trees * (size + 1))
    marginal = steps.reshape(trees, size + 1).cumsum(axis=1)[:, :-1]
    mean = marginal @ widths[column]
    return np.asarray((marginal - mean[:, None]) ** 2 @ widths[column])
