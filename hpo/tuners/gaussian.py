"""Gaussian-process regression on configurations, in numpy: Matern-5/2 with one length scale a parameter.

C. E. Rasmussen and C. K. I. Williams, "Gaussian Processes for Machine Learning", 2006 (Algorithm 2.1,
equations 5.8, 5.9 and 5.12). The prior of the length scales grows with the dimension as in C. Hvarfner,
E. O. Hellsten and L. Nardi, "Vanilla Bayesian Optimization Performs Great in High Dimensions", ICML 2024.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, lapack
from scipy.optimize import minimize

from hpo.tuners.points import Cube, Floats, Mask

__all__ = ["Features", "GaussianProcess", "Hyperparameters"]

_ROOT5 = np.sqrt(5.0)
_JITTER = 1e-8


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


@dataclass(frozen=True)
class Hyperparameters:
    """The logarithms of a kernel's parameters.

    Attributes:
        weights: for each parameter, of 1 / length scale squared.
        signal: of the variance of the function.
        noise: of the variance of the noise.
    """

    weights: Floats
    signal: float
    noise: float

    @classmethod
    def of(cls, theta: Floats) -> Hyperparameters:
        """Return the hyperparameters that an optimiser's vector means."""
        return cls(theta[:-2], float(theta[-2]), float(theta[-1]))


class Prior:
    """Weak normal priors on the logarithms: the mode of the likelihood alone overfits few results."""

    def __init__(self, dimension: int) -> None:
        # The median length scale is 0.28 sqrt(d). The paper's 4.1 sqrt(d) makes the first proposals run
        # along the edges of the cube; this, and the deviation, is what did best in benchmarks/quality.
        scale = np.log(0.28) + 0.5 * np.log(dimension)
        self.mean = np.concatenate([np.full(dimension, -2 * scale), [0.0, np.log(1e-3)]])
        self.deviation = np.concatenate([np.full(dimension, 2 * 0.7), [0.5, 2.0]])
        self.bounds = [(-9.0, 6.0)] * dimension + [(-3.0, 3.0), (np.log(1e-6), np.log(1.0))]

    def penalty(self, theta: Floats) -> tuple[float, Floats]:
        """Return minus the log density, up to a constant, and its gradient."""
        z = (theta - self.mean) / self.deviation
        return 0.5 * float(z @ z), z / self.deviation


def fit(
    features: Floats, groups: NDArray[np.intp], targets: Floats, *, iterations: int = 30
) -> Hyperparameters:
    """Return the most likely hyperparameters a posteriori, for standardised targets."""
    dimension = int(groups[-1]) + 1
    prior = Prior(dimension)
    squared = _squared_differences(features, groups)
    n = len(targets)

    def objective(theta: Floats) -> tuple[float, Floats]:
        r2 = (np.exp(theta[:dimension]) @ squared).reshape(n, n)
        r = _ROOT5 * np.sqrt(r2)
        decay = np.exp(-r)
        signal, noise = np.exp(theta[-2]), np.exp(theta[-1])
        kernel = signal * (1 + r + r * r / 3) * decay
        covariance = kernel.copy()
        covariance.flat[:: n + 1] += noise + _JITTER
        factor, info = lapack.dpotrf(covariance, lower=1, clean=1)
        if info:
            return 1e10, np.zeros_like(theta)
        alpha = cho_solve((factor, True), targets, check_finite=False)
        inverse = cho_solve((factor, True), np.eye(n), check_finite=False)
        value = 0.5 * float(targets @ alpha) + float(np.log(factor.diagonal()).sum())
        # Equation 5.9, with d kernel / d r2 = -5/6 signal (1 + r) exp(-r).
        inner = inverse - np.outer(alpha, alpha)
        slope = (inner * ((-5 / 6 * signal) * (1 + r) * decay)).ravel()
        gradient = np.empty_like(theta)
        gradient[:dimension] = 0.5 * np.exp(theta[:dimension]) * (squared @ slope)
        gradient[-2] = 0.5 * float((inner * kernel).sum())
        gradient[-1] = 0.5 * noise * float(np.trace(inner))
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


def _squared_differences(features: Floats, groups: NDArray[np.intp]) -> Floats:
    """Return, for each parameter, the squared distances of all pairs, flattened."""
    n = len(features)
    squared = np.zeros((int(groups[-1]) + 1, n * n))
    for column, group in zip(features.T, groups, strict=True):
        squared[group] += ((column[:, None] - column) ** 2).ravel()
    return squared


class GaussianProcess:
    """The posterior given points, targets and hyperparameters."""

    def __init__(
        self, features: Floats, groups: NDArray[np.intp], targets: Floats, hyperparameters: Hyperparameters
    ) -> None:
        self.hyperparameters = hyperparameters
        self._scale = np.exp(0.5 * hyperparameters.weights)[groups]
        self._signal = float(np.exp(hyperparameters.signal))
        self._points = features * self._scale
        covariance = self._kernel(self._points)
        covariance.flat[:: len(features) + 1] += np.exp(hyperparameters.noise) + _JITTER
        jitter = 1e-6
        factor, info = lapack.dpotrf(covariance, lower=1, clean=1)
        while info:  # nearly equal points and hardly any noise
            covariance.flat[:: len(features) + 1] += jitter
            jitter *= 10
            factor, info = lapack.dpotrf(covariance, lower=1, clean=1)
        self._factor, self._targets = factor, targets
        self._alpha = cho_solve((factor, True), targets, check_finite=False)

    def _kernel(self, points: Floats) -> Floats:
        r = _distances(points, self._points)
        kernel: Floats = self._signal * (1 + r + r * r / 3) * np.exp(-r)
        return kernel

    def mean(self, features: Floats) -> Floats:
        """Return the posterior mean."""
        mean: Floats = self._kernel(features * self._scale) @ self._alpha
        return mean

    def predict(self, features: Floats) -> tuple[Floats, Floats]:
        """Return the posterior mean and variance of the function, without the noise."""
        kernel = self._kernel(features * self._scale)
        variance = self._signal - ((kernel @ self._precision) * kernel).sum(axis=1)
        return kernel @ self._alpha, np.maximum(variance, 1e-12)

    def leave_one_out(self) -> tuple[Floats, Floats]:
        """Return, for each target, the mean and variance that the others predict (equation 5.12)."""
        variance: Floats = 1 / self._precision.diagonal()
        return self._targets - self._alpha * variance, variance

    @cached_property
    def _precision(self) -> Floats:
        inverse: Floats = cho_solve((self._factor, True), np.eye(len(self._factor)), check_finite=False)
        return inverse

    def gradients(self, feature: Floats) -> tuple[float, float, Floats, Floats]:
        """Return mean and variance at one point, and their gradients in its features."""
        point = feature * self._scale
        difference = point - self._points
        r = _ROOT5 * np.sqrt((difference**2).sum(axis=1))
        decay = np.exp(-r)
        kernel = self._signal * (1 + r + r * r / 3) * decay
        # d kernel / d point = -5/3 signal (1 + r) exp(-r) difference
        slopes = (-5 / 3 * self._signal * (1 + r) * decay)[:, None] * difference
        solved = self._precision @ kernel
        variance = max(self._signal - float(kernel @ solved), 1e-12)
        mean = float(kernel @ self._alpha)
        return mean, variance, self._scale * (self._alpha @ slopes), -2 * self._scale * (solved @ slopes)


def _distances(points: Floats, others: Floats) -> Floats:
    """Return sqrt(5) times the distances of all points to all others."""
    squares = (points**2).sum(axis=1)[:, None] + (others**2).sum(axis=1)
    distances: Floats = _ROOT5 * np.sqrt(np.maximum(squares - 2 * points @ others.T, 0.0))
    return distances
