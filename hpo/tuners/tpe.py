"""The tree-structured Parzen estimator, multivariate, over the tree that is known beforehand.

J. Bergstra, R. Bardenet, Y. Bengio and B. Kegl, "Algorithms for Hyper-Parameter Optimization", NIPS 2011.
J. Bergstra, D. Yamins and D. Cox, "Making a Science of Model Search", ICML 2013.
S. Falkner, A. Klein and F. Hutter, "BOHB", ICML 2018 (the multivariate kernel).
S. Watanabe, "Tree-Structured Parzen Estimator: Understanding Its Algorithm Components and Their Roles
for Better Empirical Performance", 2023.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np

from hpo.trial import Trial
from hpo.tuners.arguments import AtLeast
from hpo.tuners.base import Tuner
from hpo.tuners.parzen import ParzenEstimator
from hpo.tuners.points import Cube, Floats, History

__all__ = ["TPE", "TPEArguments"]


# Where all candidates are known already (a finite space) one of these is taken.
_SPARE = 16


@dataclass(frozen=True)
class TPEArguments:
    """NNI's `tpe_args`.

    Attributes:
        constant_liar_type: what a trial that is under way is taken to result in: the best, the mean or
            the worst of the results so far; null leaves it out.
        n_startup_jobs: how many of the first trials are drawn at random.
        n_ei_candidates: how many candidates compete for a proposal.
        linear_forgetting: how many of the latest results count in full; older ones count less.
        prior_weight: how much the prior counts, where an observation counts 1.
        gamma: of n results the best ``gamma * sqrt(n)`` are the good ones, at most `linear_forgetting`.
    """

    constant_liar_type: Literal["best", "mean", "worst"] | None = "worst"
    n_startup_jobs: Annotated[int, AtLeast(1)] = 10
    n_ei_candidates: Annotated[int, AtLeast(1)] = 24
    linear_forgetting: Annotated[int, AtLeast(1)] = 25
    prior_weight: Annotated[float, AtLeast(1e-6)] = 1.0
    gamma: Annotated[float, AtLeast(1e-6)] = 1.0


class TPE(Tuner):
    """Model good and bad configurations apart, and propose what is likelier among the good."""

    name = "TPE"
    default_direction = "minimize"

    def __init__(self, *args: Any, tpe_args: TPEArguments | None = None, **common: Any) -> None:
        super().__init__(*args, **common)
        self.arguments = tpe_args or TPEArguments()
        self._cube = Cube(self.space)
        self._history = History(self._cube)

    def observe(self, trial: Trial, value: float | None) -> None:
        self._history.observe(self, trial, value)

    def suggest(self, number: int) -> Trial:
        generator = self.generator(number)
        if len(self._history) < self.arguments.n_startup_jobs:
            return Trial(number, self.unseen(lambda: self.space.sample(generator)))
        candidates = iter(self._candidates(generator))
        draws = self.arguments.n_ei_candidates + _SPARE
        return Trial(number, self.unseen(lambda: self._cube.configuration(next(candidates)), draws=draws))

    def _candidates(self, generator: np.random.Generator) -> Floats:
        """Return draws from the good, best first, then spare ones from the prior, best first."""
        good, bad = self._estimators()
        drawn = good.sample(generator, self.arguments.n_ei_candidates)
        spare = generator.random((_SPARE, len(self._cube)))
        sorted_ = []
        for rows in (drawn, spare):
            active = self._cube.active(rows)
            ratio = good.log_density(rows, active) - bad.log_density(rows, active)
            sorted_.append(rows[np.argsort(-ratio, kind="stable")])
        return np.vstack(sorted_)

    def explain(self) -> Mapping[str, Any]:
        n = len(self._history)
        if n < self.arguments.n_startup_jobs:
            return {
                "model": "random",
                "why": f"{n} of {self.arguments.n_startup_jobs} startup results are in",
            }
        return {"model": "tree-structured Parzen estimator", "good": self._good_count(n), "results": n}

    def _good_count(self, n: int) -> int:
        return min(math.ceil(self.arguments.gamma * math.sqrt(n)), self.arguments.linear_forgetting)

    def _estimators(self) -> tuple[ParzenEstimator, ParzenEstimator]:
        """Return the densities of the good and of the other configurations."""
        rows, losses = self._history.rows, self._history.losses
        lies = self._history.under_way(self)
        liar = self.arguments.constant_liar_type
        succeeded = losses[np.isfinite(losses)]
        if liar is not None and len(lies) and len(succeeded):
            lie = {"best": succeeded.min(), "mean": _mean(succeeded), "worst": succeeded.max()}[liar]
            rows = np.vstack([rows, lies])
            losses = np.append(losses, np.full(len(lies), lie))
        # A failed trial is never good, however few succeeded.
        n_good = min(self._good_count(len(self._history)), len(succeeded))
        order = np.argsort(losses, kind="stable")
        good, bad = np.sort(order[:n_good]), np.sort(order[n_good:])
        return self._estimator(rows[good]), self._estimator(rows[bad])

    def _estimator(self, rows: Floats) -> ParzenEstimator:
        n, recent = len(rows), self.arguments.linear_forgetting
        old = max(n - recent, 0)
        weights = np.concatenate([np.linspace(1 / max(n, 1), 1.0, old), np.ones(n - old)])
        return ParzenEstimator(self._cube, rows, weights, self.arguments.prior_weight)


def _mean(losses: Floats) -> float:
    # A sum of huge losses would overflow.
    return float((losses / len(losses)).sum())
