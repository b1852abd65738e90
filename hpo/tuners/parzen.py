"""A Parzen estimator over a conditional space: one product kernel for each observation, and the prior.

Every density here is relative to the prior, which is uniform in each column of the cube. A kernel has
the density 1 in the columns that its observation lacks, so configurations of different branches of the
tree live in one mixture, and what they share (the parents, the common parameters) is learnt from all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from hpo.tuners.points import Column, Cube, Floats, Mask

__all__ = ["ParzenEstimator"]


class ParzenEstimator:
    """A mixture of product kernels at the given rows.

    Args:
        cube: the space.
        rows: the observations.
        weights: how much each counts; they need not sum to 1.
        prior_weight: how much the prior counts.
    """

    def __init__(self, cube: Cube, rows: Floats, weights: Floats, prior_weight: float) -> None:
        self._cube = cube
        # The last component is the prior: an observation that lacks every parameter.
        rows = np.vstack([rows, np.full(len(cube), np.nan)])
        weights = np.append(weights, prior_weight)
        self._weights = weights / weights.sum()
        self._log_weights = np.log(np.maximum(self._weights, 1e-300))
        self._kernels = [_kernel(column, rows[:, i], prior_weight) for i, column in enumerate(cube.columns)]

    def sample(self, generator: np.random.Generator, count: int) -> Floats:
        """Draw full rows: a value in every column, active or not."""
        chosen = generator.choice(len(self._weights), size=count, p=self._weights)
        draws = generator.random((count, len(self._cube)))
        columns = [kernel.sample(chosen, draws[:, i]) for i, kernel in enumerate(self._kernels)]
        return np.column_stack(columns)

    def log_density(self, rows: Floats, active: Mask) -> Floats:
        """Return the logarithm of the density at full rows, over their active columns."""
        terms = np.repeat(self._log_weights[None, :], len(rows), axis=0)
        for i, kernel in enumerate(self._kernels):
            where = active[:, i]
            if where.all():
                terms += kernel.log_density(rows[:, i])
            elif where.any():
                terms[where] += kernel.log_density(rows[where, i])
        top = terms.max(axis=1)
        np.subtract(terms, top[:, None], out=terms)
        result: Floats = top + np.log(np.exp(terms, out=terms).sum(axis=1))
        return result


def _kernel(column: Column, centres: Floats, prior_weight: float) -> _Categorical | _Normal | _Stepped:
    if not column.ordered:
        return _Categorical(column, centres, prior_weight)
    if column.size:
        return _Stepped(column, centres)
    return _Normal(column, centres)


def bandwidths(centres: Floats, step: float) -> Floats:
    """Return the width of each kernel: the distance to its farther neighbour, within bounds.

    This is hyperopt's rule (Bergstra et al. 2013) with its "magic clipping": with n observations no
    width is under 1 / min(100, n + 1).
    """
    known = ~np.isnan(centres)
    points = centres[known]
    n = len(points)
    widths = np.ones(len(centres))
    if n:
        order = np.argsort(points, kind="stable")
        ends = np.concatenate([[0.0], points[order], [1.0]])
        gaps = np.diff(ends)
        left, right = gaps[:-1].copy(), gaps[1:].copy()
        if n > 1:  # the end of the domain is no neighbour where there is a real one
            left[0], right[-1] = 0.0, 0.0
        own = np.empty(n)
        own[order] = np.maximum(left, right)
        widths[known] = np.clip(own, max(1 / min(100, n + 2), step / 2), 1.0)
    return widths


class _Normal:
    """Normal kernels, cut off at 0 and 1."""

    def __init__(self, column: Column, centres: Floats) -> None:
        self._known = ~np.isnan(centres)
        self._widths = bandwidths(centres, column.step)
        self._centres = np.where(self._known, centres, 0.5)
        self._low = ndtr(-self._centres / self._widths)
        self._mass = ndtr((1 - self._centres) / self._widths) - self._low
        # Unknown centres get the slope 0 and the constant 0: the density 1 everywhere.
        self._slopes = np.where(self._known, np.sqrt(0.5) / self._widths, 0.0)
        constants = -np.log(np.sqrt(2 * np.pi) * self._widths * self._mass)
        self._constants = np.where(self._known, constants, 0.0)

    def sample(self, chosen: NDArray[np.intp], draws: Floats) -> Floats:
        quantiles = self._low[chosen] + draws * self._mass[chosen]
        points = self._centres[chosen] + self._widths[chosen] * ndtri(quantiles)
        result: Floats = np.where(self._known[chosen], np.clip(points, 0.0, 1.0), draws)
        return result

    def log_density(self, points: Floats) -> Floats:
        distances: Floats = points[:, None] * self._slopes - self._centres * self._slopes
        np.multiply(distances, distances, out=distances)
        np.subtract(self._constants, distances, out=distances)
        return distances


class _Stepped:
    """Normal kernels over few ordered values: each value has the mass between its edges."""

    def __init__(self, column: Column, centres: Floats) -> None:
        self._column = column
        self._known = ~np.isnan(centres)
        widths = bandwidths(centres, column.step)[:, None]
        edges = np.concatenate([[0.0], column.edges, [1.0]])
        middles = np.where(self._known, centres, 0.5)[:, None]
        mass = np.diff(ndtr((edges - middles) / widths), axis=1)
        prior = np.diff(edges)
        mass = np.where(self._known[:, None], mass / mass.sum(axis=1, keepdims=True), prior)
        self._edges = edges
        self._cumulated = np.cumsum(mass, axis=1)
        self._logs = np.log(np.maximum(mass, 1e-300) / prior)

    def sample(self, chosen: NDArray[np.intp], draws: Floats) -> Floats:
        index = (draws[:, None] > self._cumulated[chosen, :-1]).sum(axis=1)
        middles: Floats = (self._edges[index] + self._edges[index + 1]) / 2
        return middles

    def log_density(self, points: Floats) -> Floats:
        densities: Floats = self._logs[:, self._column.index(points)].T
        return densities


class _Categorical:
    """Kernels over values in no order: most of the mass on the observed one, the rest shared evenly."""

    def __init__(self, column: Column, centres: Floats, prior_weight: float) -> None:
        self._column = column
        self._known = ~np.isnan(centres)
        self._observed = np.where(self._known, column.index(centres), -1)
        self._share = min(prior_weight / len(centres), 1.0)
        total = 1 + column.size * self._share
        self._hit = np.log((1 + self._share) / total * column.size)
        self._miss = np.log(max(self._share / total * column.size, 1e-300))

    def sample(self, chosen: NDArray[np.intp], draws: Floats) -> Floats:
        size = self._column.size
        shared = draws * (1 + size * self._share)  # beyond 1 it falls into the evenly shared part
        other = np.clip((shared - 1) / (size * self._share or 1.0), 0.0, 1.0 - 1e-12)
        hit = self._known[chosen] & (shared < 1)
        index = np.where(hit, self._observed[chosen], np.where(self._known[chosen], other, draws) * size)
        return (np.floor(index) + 0.5) / size

    def log_density(self, points: Floats) -> Floats:
        hit = self._column.index(points)[:, None] == self._observed
        return np.where(self._known, np.where(hit, self._hit, self._miss), 0.0)
