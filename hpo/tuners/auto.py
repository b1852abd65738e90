"""The default tuner: a portfolio that knows the tree of conditions, and says what it does and why.

Three ways to look for the next trial take turns, because each is blind where another sees: the expected
improvement of a Gaussian process over the whole space; the same near the best trial, after D. Eriksson
et al., "Scalable Global Optimization via Local Bayesian Optimization", NeurIPS 2019, which wastes no
trials along the edges of a space of many parameters; and the tree-structured Parzen estimator, which
assumes no smoothness. Where trials fail, their neighbourhood is avoided. `benchmarks/quality` measures
the whole and the parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.trial import Trial
from hpo.tuners.acquisition import Box, ExpectedImprovement, climb, maximise
from hpo.tuners.base import Tuner
from hpo.tuners.feasibility import Feasibility
from hpo.tuners.gaussian import Features, GaussianProcess, Hyperparameters, fit
from hpo.tuners.outcomes import targets
from hpo.tuners.points import Cube, Floats, History, Mask
from hpo.tuners.tpe import ParzenSearch, TPEArguments

__all__ = ["Auto"]

# A Gaussian process costs the cube of its points: so many are modelled, and so many fit its parameters.
_MODELLED = 200
_FITTED = 100

# How far a local search reaches from the best trial, where each domain is 1 wide.
_REACH = 0.2


class Auto(Tuner):
    """Choose by what it sees: the default."""

    name = "Auto"

    def __init__(self, *args: Any, **common: Any) -> None:
        super().__init__(*args, **common)
        self._cube = Cube(self.space)
        self._features = Features(self._cube)
        self._history = History(self._cube)
        self._parzen = ParzenSearch(self._cube, TPEArguments())
        self._fitted: tuple[int, Hyperparameters] | None = None
        self._feasible: tuple[int, Hyperparameters] | None = None

    def observe(self, trial: Trial, value: float | None) -> None:
        self._history.observe(self, trial, value)

    def suggest(self, number: int) -> Trial:
        generator = self.generator(number)
        if self._succeeded < self._startup:
            return Trial(number, self.unseen(lambda: self.space.sample(generator)))
        rows = self._rows(number, generator)
        return Trial(number, self.unseen(lambda: self._cube.configuration(next(rows)), draws=40))

    @property
    def _succeeded(self) -> int:
        return int(np.isfinite(self._history.losses).sum())

    @property
    def _startup(self) -> int:
        """How many results a model needs: one more than there are parameters, between 4 and 10."""
        return min(10, max(4, len(self._cube) + 1))

    def _rows(self, number: int, generator: np.random.Generator) -> Iterator[Floats]:
        """Return proposals as rows, best first, of the search whose turn it is."""
        if number % 3 == 0:
            return self._parzen.candidates(generator, self._history, self._history.under_way(self))
        return iter(self._improvements(generator, local=number % 3 == 1))

    def _improvements(self, generator: np.random.Generator, *, local: bool) -> Floats:
        rows, values = self._modelled()
        features = self._features.of(rows)
        hyperparameters = self._hyperparameters()
        process = GaussianProcess(features, self._features.groups, values, hyperparameters)
        means = process.mean(features)
        order = np.argsort(means, kind="stable")
        waiting = self._history.under_way(self)
        if len(waiting):
            # Trials under way are believed to result in what is expected of them: no proposal for
            # the same place twice (D. Ginsbourger et al., "Kriging Is Well-Suited ...", 2010).
            added = self._features.of(waiting)
            features = np.vstack([features, added])
            values = np.concatenate([values, process.mean(added)])
            process = GaussianProcess(features, self._features.groups, values, hyperparameters)
        # The least mean, and not the least result: that may be luck.
        improvement = ExpectedImprovement(self._features, process, float(means[order[0]]))
        best = rows[order[0]]
        box = Box.around(self._cube, best, _REACH) if local else Box.whole(self._cube)
        seeds = np.where(np.isnan(rows[order[:8]]), 0.5, rows[order[:8]])
        feasibility = self._feasibility()

        def score(rows: Floats, active: Mask) -> Floats:
            gain = improvement(rows, active)
            return gain if feasibility is None else gain + feasibility(rows, active)

        found = maximise(score, self._cube, generator, seeds=seeds, box=box)
        climbed = climb(improvement, self._cube, found[:3], box)
        first = np.vstack([climbed, found[:3]])
        ranked = np.argsort(-score(first, self._cube.active(first)), kind="stable")
        proposals: Floats = np.vstack([first[ranked], found[3:]])
        return proposals

    def _modelled(self) -> tuple[Floats, Floats]:
        """Return the rows and targets to model: all, or the best and the latest of many."""
        kept = _best_and_latest(self._history.losses, _MODELLED)
        return self._history.rows[kept], targets(self._history.losses[kept])

    @property
    def _prefix(self) -> int:
        """How many of the results hyperparameters are fitted to: it grows in steps.

        It depends on their number alone, so a resumed experiment arrives at the same hyperparameters.
        """
        n = len(self._history)
        return n - n % max(n // 15, 1)

    def _hyperparameters(self) -> Hyperparameters:
        prefix = self._prefix
        if self._fitted is None or self._fitted[0] != prefix:
            kept = _best_and_latest(self._history.losses[:prefix], _FITTED)
            values = targets(self._history.losses[kept])
            features = self._features.of(self._history.rows[kept])
            self._fitted = prefix, fit(features, self._features.groups, values)
        return self._fitted[1]

    def _feasibility(self) -> Feasibility | None:
        """Return how likely configurations are to succeed, or None while all did."""
        succeeded = np.isfinite(self._history.losses)
        prefix = self._prefix
        if succeeded[:prefix].all():
            return None
        known = self._feasible[1] if self._feasible is not None and self._feasible[0] == prefix else None
        model = Feasibility(self._features, self._history.rows, succeeded, prefix, known)
        self._feasible = prefix, model.hyperparameters
        return model

    def explain(self) -> Mapping[str, Any]:
        if self._succeeded < self._startup:
            return {"model": "random", "why": f"{self._succeeded} of {self._startup} startup results are in"}
        fitted = self._hyperparameters()
        scales = np.exp(-0.5 * fitted.weights)
        return {
            "model": "Gaussian process, globally and near the best trial, and a Parzen estimator, by turns",
            "results": len(self._history),
            "failed": len(self._history) - self._succeeded,
            "length_scales": dict(zip(self._cube.names, np.round(scales, 3).tolist(), strict=True)),
            "noise": round(float(np.exp(0.5 * fitted.noise)), 4),
        }


def _best_and_latest(losses: Floats, count: int) -> NDArray[np.intp]:
    """Return the positions of at most `count` finite losses: half of them the best, the rest the latest."""
    finite = np.flatnonzero(np.isfinite(losses))
    if len(finite) <= count:
        return finite
    best = finite[np.argsort(losses[finite], kind="stable")[: count // 2]]
    latest = np.setdiff1d(finite, best)[len(best) - count :]
    return np.union1d(best, latest)
