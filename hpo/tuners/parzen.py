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
        # The last component is the prior: an observation that lacks every parameter.
        rows = np.vstack([rows, np.full(len(cube), np.nan)])
        weights = np.append(weights, prior_weight)
        self._weights = weights / weights.sum()
        self._log_weights = np.log(np.maximum(self._weights, 1e-300))
        self._smooth = np.flatnonzero(cube.smooth)
        steps = np.array([cube.columns[i].step for i in self._smooth])
        self._normals = _Normals(rows[:, self._smooth], steps)
        self._others = {
            i: _kernel(cube.columns[i], rows[:, i], prior_weight)
            for i in np.flatnonzero(~cube.smooth).tolist()
        }

    def sample(self, generator: np.random.Generator, count: int) -> Floats:
        """Draw full rows: a value in every column, active or not."""
        chosen = generator.choice(len(self._weights), size=count, p=self._weights)
        rows = generator.random((count, len(self._smooth) + len(self._others)))
        rows[:, self._smooth] = self._normals.sample(chosen, rows[:, self._smooth])
        for i, kernel in self._others.items():
            rows[:, i] = kernel.sample(chosen, rows[:, i])
        return rows

    def log_density(self, rows: Floats, active: Mask) -> Floats:
        """Return the logarithm of the density at full rows, over their active columns."""
        terms = self._normals.log_density(rows[:, self._smooth], active[:, self._smooth])
        terms += self._log_weights
        for i, kernel in self._others.items():
            where = active[:, i]
            if where.all():
                terms += kernel.log_density(rows[:, i])
            elif where.any():
                terms[where] += kernel.log_density(rows[where, i])
        top = terms.max(axis=1)
        np.subtract(terms, top[:, None], out=terms)
        result: Floats = top + np.log(np.exp(terms, out=terms).sum(axis=1))
        return result


def _kernel(column: Column, centres: Floats, prior_weight: float) -> _Categorical | _Stepped:
    return _Stepped(column, centres) if column.ordered else _Categorical(column, centres, prior_weight)


def bandwidths(centres: Floats, steps: Floats) -> Floats:
    """Return the width of each kernel, by columns: the distance to its farther neighbour, within bounds.

    This is hyperopt's rule (Bergstra et al. 2013) with its "magic clipping": with n observations no
    width is under 1 / min(100, n + 1). Where there is none, it is 1.
    """
    order = np.argsort(centres, axis=0, kind="stable")  # NaN comes last
    points = np.take_along_axis(centres, order, axis=0)
    counts = (~np.isnan(centres)).sum(axis=0)
    gaps = np.empty((len(points) + 1, points.shape[1]))
    gaps[0], gaps[-1] = points[0], np.nan
    np.subtract(points[1:], points[:-1], out=gaps[1:-1])
    # The end of the domain is no neighbour where there is a real one.
    gaps[0] = np.where(counts == 1, np.maximum(points[0], 1 - points[0]), 0.0)
    least = np.maximum(1 / np.minimum(100, counts + 2), steps / 2)
    own = np.minimum(np.maximum(np.fmax(gaps[:-1], gaps[1:]), least), 1.0)
    widths: Floats = np.empty_like(own)
    np.put_along_axis(widths, order, own, axis=0)
    widths[np.isnan(centres)] = 1.0
    return widths


class _Normals:
    """Normal kernels, cut off at 0 and 1, in several columns at once: one column at a time is slow."""

    def __init__(self, centres: Floats, steps: Floats) -> None:
        self._known = ~np.isnan(centres)
        self._widths = bandwidths(centres, steps)
        self._centres = np.where(self._known, centres, 0.5)
        self._low = ndtr(-self._centres / self._widths)
        self._mass = ndtr((1 - self._centres) / self._widths) - self._low
        # Unknown centres get the density 1 everywhere: no slope, and the constant 0.
        slopes = np.where(self._known, 0.5 / self._widths**2, 0.0)
        constants = np.where(self._known, -np.log(np.sqrt(2 * np.pi) * self._widths * self._mass), 0.0)
        # constant - slope (point - centre)^2, as the coefficients of 1, point and point^2.
        self._coefficients = np.hstack(
            [constants - slopes * self._centres**2, 2 * slopes * self._centres, -slopes]
        ).T

    def sample(self, chosen: NDArray[np.intp], draws: Floats) -> Floats:
        quantiles = self._low[chosen] + draws * self._mass[chosen]
        points = self._centres[chosen] + self._widths[chosen] * ndtri(quantiles)
        result: Floats = np.where(self._known[chosen], np.minimum(np.maximum(points, 0.0), 1.0), draws)
        return result

    def log_density(self, points: Floats, active: Mask) -> Floats:
        """Return the sum over the active columns, for each point and kernel."""
        held = np.where(active, points, 0.0)
        densities: Floats = np.hstack([active, held, held * points]) @ self._coefficients
        return densities


class _Stepped:
    """Normal kernels over few ordered values: each value has the mass between its edges."""

    def __init__(self, column: Column, centres: Floats) -> None:
        self._column = column
        self._known = ~np.isnan(centres)
        widths = bandwidths(centres[:, None], np.array([column.step]))
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
    """Kernels over values in no order: most of the mass on the observed one, the rest as in the prior."""

    def __init__(self, column: Column, centres: Floats, prior_weight: float) -> None:
        self._column = column
        self._known = ~np.isnan(centres)
        self._observed = np.where(self._known, column.index(centres), -1)
        self._share = min(prior_weight / len(centres), 1.0)
        prior = column.size * self._share  # its mass, where the observed value has 1
        widths = column.widths[np.maximum(self._observed, 0)]
        self._hit = np.log((1 / widths + prior) / (1 + prior))
        self._miss = np.log(max(prior / (1 + prior), 1e-300))

    def sample(self, chosen: NDArray[np.intp], draws: Floats) -> Floats:
        size = self._column.size
        shared = draws * (1 + size * self._share)  # beyond 1 it falls into the part of the prior
        other = np.clip((shared - 1) / (size * self._share or 1.0), 0.0, 1.0 - 1e-12)
        hit = self._known[chosen] & (shared < 1)
        others = self._column.index(np.where(self._known[chosen], other, draws))
        return self._column.middles[np.where(hit, self._observed[chosen], others)]

    def log_density(self, points: Floats) -> Floats:
        hit = self._column.index(points)[:, None] == self._observed
        return np.where(self._known, np.where(hit, self._hit, self._miss), 0.0)
