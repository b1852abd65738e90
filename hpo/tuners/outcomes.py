"""Results as targets that a Gaussian process can believe in: standardised, and bent towards normal.

A. I. Cowen-Rivers et al., "HEBO: Pushing the Limits of Sample-Efficient Hyper-parameter Optimisation",
JAIR 74 (2022) (the power transform); X. Song et al., "The Vizier Gaussian Process Bandit Algorithm",
2024 (bad results count by their rank: how bad they are says little about where the good ones are).
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from hpo.tuners.points import Floats

__all__ = ["softened", "standardised", "targets"]


def standardised(losses: Floats) -> Floats:
    """Return losses with mean 0 and deviation 1, whatever their magnitude; constant ones as 0."""
    largest = float(np.abs(losses).max())
    if largest == 0.0:
        return np.zeros_like(losses)
    scaled = losses / largest  # so that no square overflows
    centred = scaled - scaled.mean()
    deviation = float(centred.std())
    # Below this, what differs is the rounding of the numbers.
    return centred / deviation if deviation > 1e-13 else np.zeros_like(losses)


def targets(losses: Floats) -> Floats:
    """Return losses bent so that they are nearly normal, the smallest kept apart.

    The worse half is replaced by what its ranks would be if the better half were one half of a normal
    sample; then Yeo and Johnson's power transform with the most likely exponent follows.
    """
    bent = half_ranked(losses / 8)  # so that no difference of two overflows
    return standardised(_yeo_johnson(standardised(bent)))


def softened(losses: Floats, spread: Floats) -> Floats:
    """Return losses on their own scale, as targets; above the median of `spread` they grow as a logarithm.

    So a branch where all is bad so far still shows which way it gets better.

    Args:
        losses: finite ones.
        spread: losses from all over the space: by them, what crowds around the best changes no scale.
    """
    losses, spread = losses / 8, spread / 8  # so that no difference of two overflows
    median = float(np.median(spread))
    unit = median - float(spread.min()) or float(spread.max()) - median
    if unit == 0.0:
        return standardised(losses)
    with np.errstate(over="ignore"):  # beside a unit of nearly nothing
        above = np.minimum(np.maximum(losses - median, 0.0) / unit, 1e300)
    return standardised(np.minimum(losses, median) + unit * np.log1p(above))


def half_ranked(losses: Floats) -> Floats:
    """Return losses with those above the median moved to where a normal sample would have them."""
    n = len(losses)
    median = float(np.median(losses))
    good = losses <= median
    largest = float(np.abs(losses[good] - median).max())
    if largest == 0.0:
        return losses
    spread = largest * float(np.sqrt(np.mean(((losses[good] - median) / largest) ** 2)))
    order = np.argsort(losses, kind="stable")
    ranks = np.empty(n)
    ranks[order] = np.arange(n)
    # Equal losses share the middle of their ranks.
    _, inverse, counts = np.unique(losses, return_inverse=True, return_counts=True)
    shared = np.bincount(inverse, ranks)[inverse] / counts[inverse]
    normal = median + spread * ndtri((shared + 0.5) / n)
    return np.where(good, losses, normal)


_EXPONENTS = np.linspace(-1.0, 3.0, 17)


def _yeo_johnson(values: Floats) -> Floats:
    best, best_likelihood = values, -np.inf
    logs = np.sign(values) * np.log1p(np.abs(values))
    for exponent in _EXPONENTS:
        bent = _power(values, float(exponent))
        variance = float(bent.var())
        if not np.isfinite(variance) or variance <= 1e-12:
            continue
        likelihood = -0.5 * len(values) * np.log(variance) + (exponent - 1) * float(logs.sum())
        if likelihood > best_likelihood:
            best, best_likelihood = bent, likelihood
    return best


def _power(values: Floats, exponent: float) -> Floats:
    bent = np.empty_like(values)
    positive = values >= 0
    up, down = values[positive], values[~positive]
    bent[positive] = np.log1p(up) if exponent == 0 else ((up + 1) ** exponent - 1) / exponent
    other = 2 - exponent
    bent[~positive] = -np.log1p(-down) if other == 0 else -((1 - down) ** other - 1) / other
    return bent
