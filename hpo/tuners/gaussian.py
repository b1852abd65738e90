"""Gaussian-process regression on configurations, in numpy: Matern-5/2 with one length scale a parameter.

C. E. Rasmussen and C. K. I. Williams, "Gaussian Processes for Machine Learning", 2006 (Algorithm 2.1,
equations 5.8, 5.9 and 5.12). Most losses are a bowl with something on it, so a trend is added, a line and a
parabola in each parameter, as explicit basis functions with a normal prior (section 2.7, equation 2.40). The
prior of the length scales grows with the dimension as in C. Hvarfner, E. O. Hellsten and L. Nardi, "Vanilla
Bayesian Optimization Performs Great in High Dimensions", ICML 2024.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas, cho_solve, lapack
from scipy.optimize import minimize

from hpo.tuners.points import Cube, Floats, Mask

__all__ = ["Features", "GaussianProcess", "Hyperparameters"]

_ROOT5 = np.sqrt(5.0)
_JITTER = 1e-8
_PIECE = 256  # points


class Features:
    """Points of the cube as vectors whose squared distances are what the kernel weighs.

    An ordered parameter is its quantile. A choice is one-hot, so that two options are at the squared
    distance 1. What is inactive stands in the middle: at the quantile 1/2, or at equal distances from
    all options. It differs from no other inactive one, and a kernel over vectors is always positive
    definite.
    """

    def __init__(self, cube: Cube) -> None:
        self._cube = cube
        sizes = [1 if c.ordered else c.size for c in cube.columns]
        #: For each feature, the parameter that it belongs to.
        self.groups: NDArray[np.intp] = np.repeat(np.arange(len(sizes)), sizes)
        self._ordered: Mask = cube.ordered[self.groups]
        self._even: Floats = 1 / np.array(sizes)[self.groups][~self._ordered]

    def of(self, rows: Floats, active: Mask | None = None) -> Floats:
        """Return the features of rows; what is NaN or not `active` counts as inactive."""
        known = ~np.isnan(rows) if active is None else active
        parts = []
        for i, column in enumerate(self._cube.columns):
            here = known[:, i]
            if column.ordered:
                parts.append(np.where(here, rows[:, i], 0.5)[:, None])
            else:
                index = column.index(rows[:, i])
                hot = (index[:, None] == np.arange(column.size)) & here[:, None]
                parts.append(np.where(here[:, None], hot / np.sqrt(2), 1 / np.sqrt(2) / column.size))
        return np.hstack(parts)

    def trend(self, points: Floats) -> Floats:
        """Return the basis functions of the trend at feature vectors, one a column; the last one is constant.

        They are a line and a parabola in each ordered parameter and a step for each option, with variances
        that sum to about 1 over the cube. An inactive parameter has none.
        """
        z = 2 * points[:, self._ordered] - 1
        steps = np.sqrt(2) * points[:, ~self._ordered] - self._even
        basis = np.hstack([np.sqrt(3) * z, np.sqrt(5) * z * z, steps, np.ones((len(points), 1))])
        scaled: Floats = basis / np.sqrt(len(self._cube))
        return scaled

    def trend_slopes(self, point: Floats, coefficients: Floats) -> Floats:
        """Return, for each row of coefficients, the gradient of ``trend(point) @ row`` in the features."""
        k = int(self._ordered.sum())
        z = 2 * point[self._ordered] - 1
        slopes = np.empty((len(coefficients), len(point)))
        line, parabola, steps = np.split(coefficients[:, :-1], [k, 2 * k], axis=1)
        slopes[:, self._ordered] = np.sqrt(12) * line + np.sqrt(80) * z * parabola
        slopes[:, ~self._ordered] = np.sqrt(2) * steps
        scaled: Floats = slopes / np.sqrt(len(self._cube))
        return scaled


@dataclass(frozen=True)
class Hyperparameters:
    """The logarithms of a kernel's parameters.

    Attributes:
        weights: for each parameter, of 1 / length scale squared.
        signal: of the variance of the function.
        noise: of the variance of the noise.
        trend: of the variance of the trend.
    """

    weights: Floats
    signal: float
    noise: float
    trend: float

    @classmethod
    def of(cls, theta: Floats) -> Hyperparameters:
        """Return the hyperparameters that an optimiser's vector means."""
        return cls(theta[:-3], *map(float, theta[-3:]))


class Prior:
    """Normal priors on the logarithms: the mode of the likelihood alone overfits few results.

    The length scales of one space are like one another: what they share may vary more than what tells them
    apart. Without that, one parameter gets a short length scale that explains what is noise.
    """

    def __init__(self, dimension: int) -> None:
        # The median length scale is 0.28 sqrt(d). The paper's 4.1 sqrt(d) makes the first proposals run
        # along the edges of the cube; this, and the deviations, are what did best in benchmarks/quality.
        scale = np.log(0.28) + 0.5 * np.log(dimension)
        self.mean = np.concatenate([np.full(dimension, -2 * scale), np.log([1.0, 1e-3, 0.3])])
        self.bounds = [(-9.0, 6.0)] * dimension + [(-3.0, 3.0), (np.log(1e-6), 0.0), (-9.0, 5.0)]
        own, shared = (2 * 0.4) ** 2, (2 * 0.7) ** 2
        covariance = np.diag(np.concatenate([np.full(dimension, own), np.square([0.5, 2.0, 1.5])]))
        covariance[:dimension, :dimension] += shared
        self._precision = np.linalg.inv(covariance)

    def penalty(self, theta: Floats) -> tuple[float, Floats]:
        """Return minus the log density, up to a constant, and its gradient."""
        away = theta - self.mean
        pull = self._precision @ away
        return 0.5 * float(away @ pull), pull


def fit(points: Floats, features: Features, targets: Floats, *, iterations: int = 30) -> Hyperparameters:
    """Return the most likely hyperparameters a posteriori, for standardised targets."""
    dimension = int(features.groups[-1]) + 1
    prior = Prior(dimension)
    n = len(targets)
    # All matrices are symmetric: of each pair of points only one entry is worked out.
    first, second = np.tril_indices(n, -1)
    squared = _squared_differences(points, features.groups, first, second)
    basis = features.trend(points)
    lines = basis @ basis.T
    variances, lines = lines.diagonal().copy(), lines[first, second]
    covariance, below = np.empty((n, n), order="F"), first + n * second

    def objective(theta: Floats) -> tuple[float, Floats]:
        signal, noise, trend = np.exp(theta[-3:])
        r = _ROOT5 * np.sqrt(np.exp(theta[:dimension]) @ squared)
        decay = np.exp(-r)
        slope = (1 + r) * decay
        kernel = signal * (slope + r * r / 3 * decay)
        entries = covariance.reshape(-1, order="F")
        entries[below] = kernel + trend * lines
        entries[:: n + 1] = signal + noise + _JITTER + trend * variances
        factor, info = lapack.dpotrf(covariance, lower=1, clean=1)
        if info:
            return 1e10, np.zeros_like(theta)
        alpha = cho_solve((factor, True), targets, check_finite=False)
        value = 0.5 * float(targets @ alpha) + float(np.log(factor.diagonal()).sum())
        # Equation 5.9, with d kernel / d r2 = -5/6 signal (1 + r) exp(-r). Halves meet the two of a pair.
        inverse, _ = lapack.dpotri(factor, lower=1)
        inner = inverse.reshape(-1, order="F")[below] - alpha[first] * alpha[second]
        own = inverse.diagonal() - alpha * alpha
        gradient = np.empty_like(theta)
        gradient[:dimension] = np.exp(theta[:dimension]) * (squared @ (-5 / 6 * signal * inner * slope))
        gradient[-3] = float(inner @ kernel) + 0.5 * signal * float(own.sum())
        gradient[-2] = 0.5 * noise * float(own.sum())
        gradient[-1] = trend * (float(inner @ lines) + 0.5 * float(own @ variances))
        penalty, pull = prior.penalty(theta)
        return value + penalty, gradient + pull

    found = minimize(
        objective,
        prior.mean,
        jac=True,
        method="L-BFGS-B",
        bounds=prior.bounds,
        options={"maxiter": iterations},
    )
    return Hyperparameters.of(found.x)


def _squared_differences(
    features: Floats, groups: NDArray[np.intp], first: NDArray[np.intp], second: NDArray[np.intp]
) -> Floats:
    """Return, for each parameter, the squared distances of pairs of points."""
    squared = np.zeros((int(groups[-1]) + 1, len(first)))
    for column, group in zip(features.T, groups, strict=True):
        squared[group] += (column[first] - column[second]) ** 2
    return squared


class GaussianProcess:
    """The posterior given points, targets and hyperparameters.

    Args:
        points: feature vectors.
        features: what they are of.
        targets: the results there.
        hyperparameters: of the kernel.
    """

    def __init__(
        self, points: Floats, features: Features, targets: Floats, hyperparameters: Hyperparameters
    ) -> None:
        self.hyperparameters, self._features, self._targets = hyperparameters, features, targets
        self._scale = _ROOT5 * np.exp(0.5 * hyperparameters.weights)[features.groups]
        self._signal = float(np.exp(hyperparameters.signal))
        self._deviation = float(np.exp(0.5 * hyperparameters.trend))
        self._points, self._basis = points * self._scale, self._deviation * features.trend(points)
        covariance = self._kernel(self._points, self._basis)
        diagonal = covariance.reshape(-1)[:: len(points) + 1]
        diagonal += np.exp(hyperparameters.noise) + _JITTER
        jitter = 1e-6
        factor, info = lapack.dpotrf(covariance, lower=1, clean=1)
        while info:  # nearly equal points and hardly any noise
            diagonal += jitter
            jitter *= 10
            factor, info = lapack.dpotrf(covariance, lower=1, clean=1)
        self._factor = factor
        self._alpha = cho_solve((factor, True), targets, check_finite=False)

    def _kernel(self, scaled: Floats, basis: Floats) -> Floats:
        # signal (1 + r + r^2 / 3) exp(-r) + trend: in place, since the time goes into fetching memory
        kernel = _squared_distances(scaled, self._points)
        r = np.sqrt(kernel)
        kernel /= 3
        kernel += r
        kernel += 1
        kernel *= np.exp(np.subtract(self.hyperparameters.signal, r, out=r), out=r)
        kernel += basis @ self._basis.T
        return kernel

    def mean(self, points: Floats) -> Floats:
        """Return the posterior mean."""
        basis = self._deviation * self._features.trend(points)
        mean: Floats = self._kernel(points * self._scale, basis) @ self._alpha
        return mean

    def predict(self, points: Floats) -> tuple[Floats, Floats]:
        """Return the posterior mean and variance of the function, without the noise."""
        # By pieces whose kernels stay in the cache: of hundreds of points most of the time goes into memory.
        pieces = [self._predict(points[i : i + _PIECE]) for i in range(0, len(points), _PIECE)]
        means, variances = zip(*pieces, strict=True)
        return np.concatenate(means), np.concatenate(variances)

    def _predict(self, points: Floats) -> tuple[Floats, Floats]:
        basis = self._deviation * self._features.trend(points)
        kernel = self._kernel(points * self._scale, basis)
        mean = kernel @ self._alpha
        halves = blas.dtrmm(1.0, self._half, kernel.T, lower=1, overwrite_b=1)
        prior = self._signal + np.einsum("ij,ij->i", basis, basis)
        return mean, np.maximum(prior - np.einsum("ij,ij->j", halves, halves), 1e-12)

    def leave_one_out(self) -> tuple[Floats, Floats]:
        """Return, for each target, the mean and variance that the others predict (equation 5.12)."""
        variance: Floats = 1 / (self._half**2).sum(axis=0)
        return self._targets - self._alpha * variance, variance

    @cached_property
    def _half(self) -> Floats:
        """The inverse of the Cholesky factor: its transpose times itself is the inverse of the covariance."""
        half: Floats = lapack.dtrtri(self._factor, lower=1)[0]
        return half

    def gradients(self, point: Floats) -> tuple[float, float, Floats, Floats]:
        """Return mean and variance at one point, and their gradients in its features."""
        difference = point * self._scale - self._points
        r = np.sqrt((difference**2).sum(axis=1))
        decay = self._signal * np.exp(-r)
        basis = self._deviation * self._features.trend(point[None, :])[0]
        kernel = (1 + r + r * r / 3) * decay + self._basis @ basis
        solved = self._half.T @ (self._half @ kernel)
        mean = float(kernel @ self._alpha)
        variance = max(self._signal + float(basis @ basis) - float(kernel @ solved), 1e-12)
        # By the kernel's entries: of the mean, and of the variance. d kernel / d point is
        # -1/3 signal (1 + r) exp(-r) difference, and what the trend adds.
        weights = np.stack([self._alpha, -2 * solved])
        trend = self._deviation * (weights @ self._basis)
        trend[1] += 2 * self._deviation * basis
        slopes = self._scale * ((weights * ((1 + r) * decay / -3)) @ difference)
        slopes += self._features.trend_slopes(point, trend)
        return mean, variance, slopes[0], slopes[1]


def _squared_distances(points: Floats, others: Floats) -> Floats:
    """Return the squared distances of all points to all others."""
    # |a|^2 + |b|^2 - 2 a b as one product: the matrix is written once.
    left = np.hstack([points, (points**2).sum(axis=1)[:, None], np.ones((len(points), 1))])
    right = np.hstack([-2 * others, np.ones((len(others), 1)), (others**2).sum(axis=1)[:, None]])
    squared: Floats = left @ right.T
    return np.maximum(squared, 0.0, out=squared)
