"""Where to look next: log expected improvement, maximised over a conditional space.

S. Ament, S. Daulton, D. Eriksson, M. Balandat and E. Bakshy, "Unexpected Improvements to Expected
Improvement for Bayesian Optimization", NeurIPS 2023 (the logarithm, and why it is needed).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import erfcx, log_ndtr, ndtr

from hpo.tuners.gaussian import Features, GaussianProcess
from hpo.tuners.points import Cube, Floats, Mask

__all__ = [
    "Box",
    "ConfidenceBound",
    "ExpectedImprovement",
    "ProbabilityOfImprovement",
    "Score",
    "Utility",
    "climb",
    "maximise",
]

_LOG_ROOT_2PI = 0.5 * np.log(2 * np.pi)
_WINNERS = 20  # rows that each round of a search goes on from

#: The score of full rows, given which of their columns are active.
Score = Callable[[Floats, Mask], Floats]


class Utility(ABC):
    """What a configuration promises, as a function of the posterior mean and deviation there."""

    def __init__(self, features: Features, process: GaussianProcess) -> None:
        self.features, self.process = features, process

    @abstractmethod
    def of(self, mean: Floats, deviation: Floats) -> Floats:
        """Return the utility."""

    @abstractmethod
    def with_slopes(self, mean: float, deviation: float) -> tuple[float, float, float]:
        """Return the utility, and its derivatives by mean and by deviation."""

    def __call__(self, rows: Floats, active: Mask) -> Floats:
        mean, variance = self.process.predict(self.features.of(rows, active))
        return self.of(mean, np.sqrt(variance))

    def with_gradient(self, feature: Floats) -> tuple[float, Floats]:
        """Return the utility at one point, and its gradient in the features."""
        mean, variance, mean_slope, variance_slope = self.process.gradients(feature)
        deviation = float(np.sqrt(variance))
        value, by_mean, by_deviation = self.with_slopes(mean, deviation)
        return value, by_mean * mean_slope + by_deviation / (2 * deviation) * variance_slope


class ExpectedImprovement(Utility):
    """How much less than `best` one may expect: its logarithm, which never underflows."""

    def __init__(self, features: Features, process: GaussianProcess, best: float) -> None:
        super().__init__(features, process)
        self.best = best

    def of(self, mean: Floats, deviation: Floats) -> Floats:
        score: Floats = _log_h((self.best - mean) / deviation) + np.log(deviation)
        return score

    def with_slopes(self, mean: float, deviation: float) -> tuple[float, float, float]:
        z = (self.best - mean) / deviation
        log_h = float(_log_h(np.float64(z)))
        slope = math.exp(log_ndtr(z) - log_h)  # d log h / dz = Phi / h
        return log_h + math.log(deviation), -slope / deviation, (1 - slope * z) / deviation


class ProbabilityOfImprovement(ExpectedImprovement):
    """How likely it is to be less than `best`: its logarithm."""

    def of(self, mean: Floats, deviation: Floats) -> Floats:
        score: Floats = log_ndtr((self.best - mean) / deviation)
        return score

    def with_slopes(self, mean: float, deviation: float) -> tuple[float, float, float]:
        z = (self.best - mean) / deviation
        score = float(log_ndtr(z))
        slope = math.exp(-0.5 * z * z - _LOG_ROOT_2PI - score)  # phi / Phi
        return score, -slope / deviation, -slope * z / deviation


class ConfidenceBound(Utility):
    """How good it may be, `kappa` deviations from the mean."""

    def __init__(self, features: Features, process: GaussianProcess, kappa: float) -> None:
        super().__init__(features, process)
        self.kappa = kappa

    def of(self, mean: Floats, deviation: Floats) -> Floats:
        return self.kappa * deviation - mean

    def with_slopes(self, mean: float, deviation: float) -> tuple[float, float, float]:
        return self.kappa * deviation - mean, -1.0, self.kappa


def _log_h(z: Floats | np.float64) -> Floats:
    """Return log(phi(z) + z Phi(z)), equation 9 of the paper, without underflow."""
    near = np.maximum(z, -1.0)
    direct = np.log(np.exp(-0.5 * near**2 - _LOG_ROOT_2PI) + near * ndtr(near))
    far = np.clip(z, -1e6, -1.0)
    ratio = np.sqrt(np.pi / 2) * erfcx(-far / np.sqrt(2))  # Phi(z) / phi(z)
    # Further out the difference cancels, and its limit 1 / z^2 is exact enough.
    tail = np.where(far > -1e3, np.log(np.maximum(1 + far * ratio, 1e-300)), -2 * np.log(-far))
    log_h: Floats = np.where(z > -1.0, direct, -0.5 * far**2 - _LOG_ROOT_2PI + tail)
    return log_h


@dataclass(frozen=True)
class Box:
    """The part of the cube to search: bounds of the columns; a choice is open or has one value."""

    low: Floats
    high: Floats

    @classmethod
    def whole(cls, cube: Cube) -> Box:
        """Return all of the cube."""
        return cls(np.zeros(len(cube)), np.ones(len(cube)))

    @classmethod
    def around(cls, cube: Cube, row: Floats, reach: float) -> Box:
        """Return what is near a row; where it is inactive, everything."""
        open_ = ~cube.ordered | np.isnan(row)
        return cls(
            np.where(open_, 0.0, np.maximum(row - reach, 0.0)),
            np.where(open_, 1.0, np.minimum(row + reach, 1.0)),
        )

    def fixed(self, column: int, value: float) -> Box:
        """Return the part where a column has one value."""
        low, high = self.low.copy(), self.high.copy()
        low[column] = high[column] = value
        return Box(low, high)

    def clip(self, rows: Floats) -> Floats:
        """Return rows moved into the box."""
        clipped: Floats = np.clip(rows, self.low, self.high)
        return clipped


def maximise(
    score: Score,
    cube: Cube,
    generator: np.random.Generator,
    *,
    seeds: Floats,
    box: Box,
    count: int = 600,
    rounds: int = 6,
) -> Floats:
    """Return full rows by falling score, those first that pass the constraints of the space.

    Random candidates and mutants of the seeds compete; then the winners are mutated ever more finely.

    Args:
        score: what to maximise.
        cube: the space.
        generator: what the candidates are drawn with.
        seeds: full rows that are worth to start from.
        box: where to search.
        count: how many random candidates there are, and as many mutants of the seeds.
        rounds: how often the winners are mutated.
    """
    drawn = box.low + generator.random((count, len(cube))) * (box.high - box.low)
    parents = seeds[generator.integers(len(seeds), size=count)]
    widths = 10 ** generator.uniform(-2.5, -0.5, size=(count, 1))
    rows = cube.snap(np.vstack([drawn, box.clip(mutants(cube, generator, parents, widths))]))
    rows, scores = _ranked(cube, rows, score(rows, cube.active(rows)))
    for round_ in range(rounds):
        rows, scores = rows[:_WINNERS], scores[:_WINNERS]
        width = np.array(0.2 * 0.5**round_)
        new = cube.snap(box.clip(mutants(cube, generator, np.repeat(rows, 6, axis=0), width)))
        scores = np.concatenate([scores, score(new, cube.active(new))])
        rows, scores = _ranked(cube, np.vstack([rows, new]), scores)
    return rows


def _ranked(cube: Cube, rows: Floats, scores: Floats) -> tuple[Floats, Floats]:
    order = np.argsort(-scores, kind="stable")
    order = order[cube.feasible_first(rows[order], _WINNERS)]
    return rows[order], scores[order]


def mutants(cube: Cube, generator: np.random.Generator, rows: Floats, width: Floats) -> Floats:
    """Return rows with some columns moved by about `width`, and now and then a value redrawn.

    An item of a subset comes in or goes out, and one of a permutation stands elsewhere: so two change places.
    """
    shape, columns = rows.shape, rows.shape[1]
    if cube.lists:  # nearer than to its neighbour an item need not be moved
        width = np.maximum(width, np.where(cube.places, [1.5 * c.step for c in cube.columns], 0.0))
    # What leaves the cube is reflected into it, so that the edges are no likelier than the rest.
    moved = 1 - np.abs(1 - np.abs(rows + width * generator.normal(size=shape)) % 2)
    # Steps narrower than a value would never leave it: half of the time, few values are drawn anew.
    leaps = (generator.random(shape) < 0.5) & ~cube.smooth
    new = np.where(cube.ordered & ~leaps, moved, generator.random(shape))
    for i in np.flatnonzero(cube.toggles):
        new[:, i] = cube.columns[i].middles[1 - cube.columns[i].index(rows[:, i])]
    chances = np.where(cube.smooth, max(1.5 / columns, 0.35), min(1.0 / columns, 0.25))
    touched = generator.random(shape) < chances
    touched[np.arange(len(rows)), generator.integers(columns, size=len(rows))] = True
    mutated: Floats = np.where(touched, new, rows)
    return mutated


def climb(utility: Utility, cube: Cube, rows: Floats, box: Box) -> Floats:
    """Return each row moved uphill in its active continuous columns."""
    climbed: Floats = rows.copy()
    active = cube.active(rows)
    positions = np.searchsorted(utility.features.groups, np.arange(len(cube)))
    for row, known in zip(climbed, active, strict=True):
        free = np.flatnonzero(cube.smooth & known)
        if not len(free):
            continue
        feature = utility.features.of(row[None, :], known[None, :])[0]

        downhill = partial(_downhill, utility, feature, positions[free])
        bounds = list(zip(box.low[free], box.high[free], strict=True))
        found = minimize(
            downhill, box.clip(row)[free], jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 20}
        )
        before = row.copy()
        row[free] = found.x
        if not cube.space.is_feasible_at(row.tolist()):
            row[:] = before
    return climbed


def _downhill(
    utility: Utility, feature: Floats, where: NDArray[np.intp], point: Floats
) -> tuple[float, Floats]:
    feature[where] = point
    score, slope = utility.with_gradient(feature)
    return -score, -slope[where]
