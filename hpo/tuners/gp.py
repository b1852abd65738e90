"""Bayesian optimisation with a Gaussian process, NNI's plain form of it.

J. Snoek, H. Larochelle and R. P. Adams, "Practical Bayesian Optimization of Machine Learning Algorithms",
NIPS 2012. E. Brochu, V. M. Cora and N. de Freitas, "A Tutorial on Bayesian Optimization of Expensive Cost
Functions", 2010 (the utilities). `Auto` is what to use unless one wants exactly this.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np

from hpo.trial import Trial
from hpo.tuners.acquisition import (
    Box,
    ConfidenceBound,
    ExpectedImprovement,
    ProbabilityOfImprovement,
    Utility,
    climb,
    maximise,
)
from hpo.tuners.arguments import AtLeast, OneOf
from hpo.tuners.base import Tuner
from hpo.tuners.gaussian import Features, GaussianProcess, fit
from hpo.tuners.one_thread import one_thread
from hpo.tuners.outcomes import standardised
from hpo.tuners.points import Cube, Floats, History

__all__ = ["GP"]

# It costs the cube of these: of more results the latest are modelled.
_MODELLED = 200


class GP(Tuner):
    """Maximise a utility of a Gaussian process; a failed trial counts as the worst result.

    Args:
        *args: the space.
        utility: expected improvement, upper confidence bound, or probability of improvement.
        kappa: how many deviations the confidence bound reaches.
        xi: by how many deviations of the results an improvement must be better.
        nu: the smoothness of the Matern kernel.
        alpha: the least variance of the noise, where the results have variance 1.
        cold_start_num: how many of the first trials are drawn at random.
        selection_num_warm_up: how many random candidates compete.
        selection_num_starting_points: how many of the best candidates climb along the gradient.
        **common: direction and seed.
    """

    name = "GP"
    takes_several = "one"

    def __init__(
        self,
        *args: Any,
        utility: Literal["ei", "ucb", "poi"] = "ei",
        kappa: Annotated[float, AtLeast(0)] = 5.0,
        xi: Annotated[float, AtLeast(0)] = 0.0,
        nu: Annotated[float, OneOf((2.5,))] = 2.5,
        alpha: Annotated[float, AtLeast(1e-12)] = 1e-6,
        cold_start_num: Annotated[int, AtLeast(1)] = 10,
        selection_num_warm_up: Annotated[int, AtLeast(1)] = 1000,
        selection_num_starting_points: Annotated[int, AtLeast(1)] = 5,
        **common: Any,
    ) -> None:
        super().__init__(*args, **common)
        self.utility, self.kappa, self.xi, self.nu, self.alpha = utility, kappa, xi, nu, alpha
        self.cold_start_num = cold_start_num
        self.candidates, self.climbers = selection_num_warm_up, selection_num_starting_points
        self._cube = Cube(self.space)
        self._features = Features(self._cube)
        self._history = History(self._cube)

    def observe(self, trial: Trial, value: float | None) -> None:
        self._history.observe(self, trial, value)

    @one_thread
    def suggest(self, number: int) -> Trial:
        generator = self.generator(number)
        losses = self._history.losses
        if len(losses) < self.cold_start_num or not np.isfinite(losses).any():
            return Trial(number, self.unseen(lambda: self.space.sample(generator)))
        rows = self._best_rows(generator)
        return Trial(number, self.unseen(lambda: self._cube.configuration(next(rows)), draws=40))

    def _best_rows(self, generator: np.random.Generator) -> Iterator[Floats]:
        rows, losses = self._history.rows[-_MODELLED:], self._history.losses[-_MODELLED:]
        finite = np.isfinite(losses)
        worst = losses[finite].max() if finite.any() else 0.0
        values = standardised(np.where(finite, losses, worst))
        features = self._features.of(rows)
        fitted = fit(features, self._features, values)
        fitted = replace(fitted, noise=max(fitted.noise, math.log(self.alpha)))
        process = GaussianProcess(features, self._features, values, fitted)
        best = float(values.min())
        waiting = self._history.under_way(self, _MODELLED)
        if len(waiting):  # they are taken to result in what is expected of them
            added = self._features.of(waiting)
            expected = np.concatenate([values, process.mean(added)])
            process = GaussianProcess(np.vstack([features, added]), self._features, expected, fitted)
        utility, box = self._utility(process, best), Box.whole(self._cube)
        seeds = np.where(np.isnan(rows), 0.5, rows)[np.argsort(values, kind="stable")[:8]]
        found = maximise(utility, self._cube, generator, seeds=seeds, box=box, count=self.candidates)
        first = np.vstack([climb(utility, self._cube, found[: self.climbers], box), found[: self.climbers]])
        ranked = np.argsort(-utility(first, self._cube.active(first)), kind="stable")
        yield from first[ranked]
        yield from found[self.climbers :]

    def _utility(self, process: GaussianProcess, best: float) -> Utility:
        if self.utility == "ucb":
            return ConfidenceBound(self._features, process, self.kappa)
        kind = ExpectedImprovement if self.utility == "ei" else ProbabilityOfImprovement
        return kind(self._features, process, best - self.xi)

    def explain(self) -> Mapping[str, Any]:
        n = len(self._history)
        if n < self.cold_start_num:
            return {"model": "random", "why": f"{n} of {self.cold_start_num} startup results are in"}
        return {"model": "Gaussian process", "utility": self.utility, **self._history.counts}
