"""The tree-structured Parzen estimator, multivariate, over the tree that is known beforehand.

J. Bergstra, R. Bardenet, Y. Bengio and B. Kegl, "Algorithms for Hyper-Parameter Optimization", NIPS 2011.
J. Bergstra, D. Yamins and D. Cox, "Making a Science of Model Search", ICML 2013.
S. Falkner, A. Klein and F. Hutter, "BOHB", ICML 2018 (the multivariate kernel).
J. Song, L. Yu, W. Neiswanger and S. Ermon, "A General Recipe for Likelihood-Free Bayesian Optimization",
ICML 2022 (a good configuration counts by how much it improves).
S. Watanabe, "Tree-Structured Parzen Estimator: Understanding Its Algorithm Components and Their Roles
for Better Empirical Performance", 2023.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np

from hpo.trial import Trial
from hpo.tuners.arguments import AtLeast
from hpo.tuners.base import Tuner
from hpo.tuners.options import Option, neglected
from hpo.tuners.parzen import ParzenEstimator
from hpo.tuners.points import Cube, Floats, History
from hpo.tuners.qmc import HaltonSequence, spread

__all__ = ["AWAITED", "TPE", "ParzenSearch", "TPEArguments"]


# The share of the results that are good.
_GOOD = 0.15

# Without any prior there is no density before the first result, nor away from all of them.
_LEAST_PRIOR = 1e-6

# More kernels than these say nothing new about where not to go, and every one costs time: fewer do where
# trials wait for proposals.
_COUNTED, _COUNTED_IN_HASTE = 2000, 500

# Of n trials each of k options that bring parameters of their own is to have this times sqrt(n) / k: such an
# option cannot be judged before its parameters are good.
_SHARE = 4.0

#: So many of the trials under way count, the latest: where there are as many, proposals are wanted in haste.
AWAITED = 250


@dataclass(frozen=True)
class TPEArguments:
    """NNI's `tpe_args`.

    Attributes:
        constant_liar_type: what a trial that is under way is taken to result in: the best, the mean or
            the worst of the results so far; null leaves it out.
        n_startup_jobs: how many of the first trials are points of a quasi-random sequence.
        n_ei_candidates: how many candidates compete for a proposal; NNI's 24 keep nearer to the best.
        linear_forgetting: how many of the latest results count in full; older ones count less, and of
            those that are not good only the latest 2,000 count, or 500 where hundreds of trials run.
        prior_weight: how much the prior counts, where an observation counts 1.
        gamma: of n results the best ``gamma * sqrt(n)`` are the good ones, at most `linear_forgetting`; left
            out, the best 15 %, which did better in benchmarks/quality.
    """

    constant_liar_type: Literal["best", "mean", "worst"] | None = "worst"
    n_startup_jobs: Annotated[int, AtLeast(1)] = 10
    n_ei_candidates: Annotated[int, AtLeast(1)] = 12
    linear_forgetting: Annotated[int, AtLeast(1)] = 25
    prior_weight: Annotated[float, AtLeast(0)] = 1.0
    gamma: Annotated[float, AtLeast(1e-6)] | None = None


class ParzenSearch:
    """Propose what is likelier among the good configurations than among the others.

    Args:
        cube: the space.
        arguments: NNI's.
    """

    def __init__(self, cube: Cube, arguments: TPEArguments) -> None:
        self._cube, self.arguments = cube, arguments

    def candidates(
        self,
        generator: np.random.Generator,
        history: History,
        lies: Floats,
        *,
        option: Option | None = None,
        hurried: bool = False,
    ) -> Iterator[Floats]:
        """Yield full rows: draws from the good ones, best first, then from the prior, without end.

        Args:
            generator: what they are drawn with.
            history: the results.
            lies: the rows of the trials that are under way, of the latest `AWAITED` at most.
            option: what they are to have, if anything: then only what has it counts.
            hurried: whether to think less than usual; so it does where many are under way.
        """
        in_haste = hurried or len(lies) >= AWAITED
        rows, losses = history.rows, history.losses
        if option is not None:
            held = option.held_by(self._cube, rows)
            rows, losses, lies = rows[held], losses[held], lies[option.held_by(self._cube, lies)]
        good, bad = self._estimators(rows, losses, lies, _COUNTED_IN_HASTE if in_haste else _COUNTED)
        count = self.arguments.n_ei_candidates
        draws = good.sample(generator, count)
        while True:  # where all of these are known already (a finite space), and others of the prior, more
            candidates = draws if option is None else option.given_to(self._cube, draws, generator)
            yield from self._best_first(good, bad, candidates)
            draws = generator.random((count, len(self._cube)))

    def _best_first(self, good: ParzenEstimator, bad: ParzenEstimator, rows: Floats) -> Floats:
        rows = self._cube.mended(self._cube.arranged(rows))
        active = self._cube.active(rows)
        ratio = good.log_density(rows, active) - bad.log_density(rows, active)
        best_first: Floats = rows[np.argsort(-ratio, kind="stable")]
        return best_first

    def good_count(self, n: int) -> int:
        """Return how many of n results count as good."""
        gamma = self.arguments.gamma
        count = math.ceil(_GOOD * n if gamma is None else gamma * math.sqrt(n))
        return min(count, self.arguments.linear_forgetting)

    def _estimators(
        self, rows: Floats, losses: Floats, lies: Floats, counted: int
    ) -> tuple[ParzenEstimator, ParzenEstimator]:
        """Return the densities of the good and of the other configurations."""
        told = len(rows)
        succeeded = losses[np.isfinite(losses)]
        liar = self.arguments.constant_liar_type
        if liar is not None and len(lies) and len(succeeded):
            lie = {"best": succeeded.min(), "mean": _mean(succeeded), "worst": succeeded.max()}[liar]
            rows = np.vstack([rows, lies])
            losses = np.append(losses, np.full(len(lies), lie))
        # A failed trial is never good, however few succeeded.
        n_good = min(self.good_count(told), len(succeeded))
        order = np.argsort(losses, kind="stable")
        good, bad = order[:n_good], np.sort(order[n_good:])[-counted:]
        cut = losses[order[n_good]] if n_good < len(losses) else np.inf
        return self._estimator(rows[good], _improvements(losses[good], cut)), self._estimator(
            rows[bad], _recencies(len(bad), self.arguments.linear_forgetting)
        )

    def _estimator(self, rows: Floats, weights: Floats) -> ParzenEstimator:
        return ParzenEstimator(self._cube, rows, weights, max(self.arguments.prior_weight, _LEAST_PRIOR))


def _improvements(losses: Floats, cut: float) -> Floats:
    """Return weights of mean 1, by how much less than the best of the others each loss is."""
    gains = cut / 2 - losses / 2  # so that no difference of two overflows
    largest = gains.max(initial=0.0)
    if not np.isfinite(largest) or largest <= 0:
        return np.ones(len(losses))
    gains = gains / largest
    weights: Floats = gains / gains.mean()
    return weights


def _recencies(n: int, recent: int) -> Floats:
    """Return weights by age: 1 for the latest, falling to 1/n for the oldest."""
    old = max(n - recent, 0)
    return np.concatenate([np.linspace(1 / max(n, 1), 1.0, old), np.ones(n - old)])


class TPE(Tuner):
    """Model good and bad configurations apart.

    Args:
        *args: the space.
        tpe_args: how.
        **common: direction and seed.
    """

    name = "TPE"
    takes_several = "one"
    default_direction = "minimize"

    def __init__(self, *args: Any, tpe_args: TPEArguments | None = None, **common: Any) -> None:
        super().__init__(*args, **common)
        self.arguments = tpe_args or TPEArguments()
        self._cube = Cube(self.space)
        self._history = History(self._cube)
        self._search = ParzenSearch(self._cube, self.arguments)
        self._sequence = HaltonSequence(self.space.width, self.seed)

    def observe(self, trial: Trial, value: float | None) -> None:
        self._history.observe(self, trial, value)

    def suggest(self, number: int) -> Trial:
        if len(self._history) < self.arguments.n_startup_jobs:
            return Trial(number, spread(self, self._sequence, number))
        waiting = self._history.under_way(self, AWAITED)
        # Every other time only: the option that is at work is to get on.
        asks = number % 2 == 0
        option = neglected(self._history, waiting, self._cube.switches, _SHARE) if asks else None
        rows = self._search.candidates(self.generator(number), self._history, waiting, option=option)
        draws = 2 * self.arguments.n_ei_candidates
        return Trial(number, self.unseen(lambda: self._cube.configuration(next(rows)), draws=draws))

    def explain(self) -> Mapping[str, Any]:
        n, startup = len(self._history), self.arguments.n_startup_jobs
        if n < startup:
            return {"model": "quasi-random", "why": f"{n} of {startup} startup results are in"}
        counts = self._history.counts
        good = min(self._search.good_count(n), n - counts["failed"])
        return {"model": "tree-structured Parzen estimator", "good": good, **counts}


def _mean(losses: Floats) -> float:
    # A sum of huge losses would overflow.
    return float((losses / len(losses)).sum())
