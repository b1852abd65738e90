"""PED-ANOVA: how far the good trials' values of a parameter lie from those of all trials.

S. Watanabe, A. Bansal and F. Hutter, "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in
Arbitrary Subspaces", IJCAI 2023. The importance of a parameter is the Pearson divergence between two
densities of its values, of the best trials and of all trials (equation 16, with the paper's gamma' = 1).

The paper's spaces have no conditions. Here a conditional parameter is judged among the trials in which it is
active, and counts as often as that is: what decides whether it is active is its parent's to answer for.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from hpo.importance.evidence import Evidence
from hpo.tuners.points import Column, Floats

__all__ = ["ped_anova"]

_CELLS = 64  # of the axis of a continuous parameter
_LEAST = 8  # trials that are called the best, whatever their share; but no more than a third


def ped_anova(evidence: Evidence, quantile: float = 0.1) -> dict[str, float]:
    """Return each parameter's share of what tells good trials from others; the shares sum to 1.

    Args:
        evidence: what is known.
        quantile: which share of the trials is called good: the paper's gamma.
    """
    divergences = np.zeros(len(evidence.cube))
    for i, column in enumerate(evidence.cube.columns):
        active = evidence.active[:, i]
        count = int(active.sum())
        best = max(round(quantile * count), min(_LEAST, count // 3))
        if 0 < best < count:
            points = evidence.rows[active, i][np.argsort(evidence.losses[active], kind="stable")]
            share = count / len(evidence)
            divergences[i] = share * _divergence(column, points, best)
    total = divergences.sum()
    shares = divergences / total if total > 0 else divergences
    return evidence.cube.by_name(shares)


def _divergence(column: Column, points: Floats, best: int) -> float:
    """Return the Pearson divergence of the density of the first points from that of all."""
    good, every = _density(column, points[:best]), _density(column, points)
    return float(np.sum((good - every) ** 2 / every))


def _density(column: Column, points: Floats) -> Floats:
    """Return how much of the density of points lies in each cell of the axis.

    For what has no order: how often each value comes, with one more visit spread over all of them. Else a
    sum of Gaussians that end at the bounds, by Scott's rule, with a uniform one beside them.
    """
    edges = np.concatenate([[0.0], column.edges, [1.0]]) if column.size else np.linspace(0, 1, _CELLS + 1)
    widths = np.diff(edges)
    if not column.ordered:
        weights = np.bincount(column.index(points), minlength=len(widths)).astype(float)
    else:
        spread = min(points.std(), np.subtract(*np.quantile(points, [0.75, 0.25])) / 1.34) or points.std()
        width = max(1.059 * spread * len(points) ** -0.2, 1 / _CELLS)
        below = ndtr((edges[None, :] - points[:, None]) / width)
        weights = (np.diff(below) / (below[:, -1:] - below[:, :1])).sum(axis=0)
    return np.asarray((weights + widths) / (len(points) + 1))
