"""Several objectives, and constraints on results, for a tuner that knows one: each proposal has its own loss.

J. Knowles, "ParEGO: A Hybrid Algorithm with On-Line Landscape Approximation for Expensive Multiobjective
Optimization Problems", IEEE Transactions on Evolutionary Computation, 2006: for every proposal weights are
drawn, and the augmented Tchebycheff function of the normalised objectives is minimised; so the proposals
cover the front, whatever its shape.

M. A. Gelbart, J. Snoek and R. P. Adams, "Bayesian Optimization with Unknown Constraints", UAI 2014: a result
that misses a constraint counts as a failure, which the models learn to avoid. While there is none that meets
them all, what is minimised is by how much they are missed.

The tuner within is made anew for each proposal and told all results, as when an experiment is resumed: it is
a function of the space, the seed and what it was told.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hpo.objectives import Losses, Objectives
from hpo.space import SearchSpace
from hpo.trial import Trial, TrialState
from hpo.tuners.base import Tuner

__all__ = ["Scalarised"]

_AUGMENTED = 0.05  # the weight of the sum beside the largest, as in the paper
_FAR = 3.0  # how far beyond the worst tenth a result is as bad as one can be


class Scalarised(Tuner):
    """Let a tuner propose, for a loss that differs from proposal to proposal.

    Args:
        space: what to search.
        make: makes the tuner, which minimises.
        objectives: what is wanted.
        seed: of the weights; the tuner has its own.
    """

    name = "Scalarised"
    takes_several = "itself"

    def __init__(
        self, space: SearchSpace, make: Callable[[], Tuner], objectives: Objectives, *, seed: int = 0
    ) -> None:
        super().__init__(space, direction=objectives.direction, seed=seed)
        self._make, self._objectives = make, objectives
        self._told: list[Trial] = []
        self._within = make()
        self.repeats = self._within.repeats

    def observe(self, trial: Trial, value: float | None) -> None:
        self._told.append(trial)

    def suggest(self, number: int) -> Trial | None:
        within = self._within = self._taught(number)
        trial = within.ask()
        self.done = within.done
        return trial

    def _taught(self, number: int) -> Tuner:
        """Return a tuner that was told what the results are worth to this proposal."""
        within = self._make()
        within.hurried = self.hurried
        copies = {n: _copy(self.trials[n]) for n in sorted(self.trials)}
        for copy in copies.values():
            within.add(copy)
        for trial, loss in zip(self._told, self._losses(number), strict=True):
            copy = copies[trial.number]
            if loss is None and trial.state is TrialState.SUCCEEDED:
                copy.state, copy.failure = TrialState.FAILED, "infeasible"
            within.tell(copy, loss)
        return within

    def _losses(self, number: int) -> list[float | None]:
        """Return for each result what is to be minimised, None where it counts as a failure."""
        results = [(t, self.results[t.number]) for t in self._told]
        wanted = self._objectives
        excesses = [None if v is None else wanted.excesses(v, t.data) for t, v in results]
        feasible = [e is not None and not any(e) for e in excesses]
        if not any(feasible):
            return _together(excesses)
        losses = [
            wanted.losses(v, t.data) if ok and v is not None else None
            for (t, v), ok in zip(results, feasible, strict=True)
        ]
        if not wanted.are_several:
            return [None if each is None else each[0] for each in losses]
        weights = _weights(random.Random(f"{self.seed} {number} weights"), len(wanted.each))  # noqa: S311
        return [None if z is None else _tchebycheff(z, weights) for z in _normalised(losses)]

    def explain(self) -> Mapping[str, Any]:
        told = {
            "failed or infeasible" if name == "failed" else name: value
            for name, value in self._within.explain().items()
            if name != "bests_found" or not self._objectives.are_several  # of one weighing, which is past
        }
        if not self._objectives.are_several:
            return told
        return {**told, "scalarisation": "augmented Tchebycheff, weights drawn anew each time"}


def _copy(trial: Trial) -> Trial:
    copy = Trial(trial.number, trial.parameters, state=trial.state, value=trial.value, memo=trial.memo)
    copy.intermediate, copy.failure = trial.intermediate, trial.failure
    return copy


def _weights(rng: random.Random, count: int) -> list[float]:
    """Draw weights that sum to 1, uniformly."""
    drawn = [-math.log(1 - rng.random()) for _ in range(count)]
    return [each / sum(drawn) for each in drawn]


def _tchebycheff(point: Losses, weights: Sequence[float]) -> float:
    weighted = [weight * x for weight, x in zip(weights, point, strict=True)]
    return max(weighted) + _AUGMENTED * sum(weighted)


def _normalised(points: Sequence[Losses | None]) -> list[Losses | None]:
    """Return points of which each coordinate is 0 at its best, and 1 where a tenth is worse."""
    known = [point for point in points if point is not None]
    spans = []
    for column in zip(*known, strict=True):
        ordered = sorted(x for x in column if math.isfinite(x)) or [0.0]
        low, high = ordered[0], ordered[int(0.9 * (len(ordered) - 1))]
        spans.append((low, high if high > low else ordered[-1]))

    def scaled(x: float, low: float, high: float) -> float:
        width = high / 2 - low / 2  # so that no difference of two overflows
        return min((x / 2 - low / 2) / width, _FAR) if width > 0 else 0.0

    return [
        None
        if point is None
        else tuple(scaled(x, low, high) for x, (low, high) in zip(point, spans, strict=True))
        for point in points
    ]


def _together(excesses: Sequence[Losses | None]) -> list[float | None]:
    """Return by how much constraints are missed in all, each counted from its least to its most."""
    scaled = _normalised([e if e is None else tuple(min(x, 1e300) for x in e) for e in excesses])
    missed = [None if e is None else sum(x > 0 for x in e) for e in excesses]
    return [None if z is None or m is None else m + sum(z) for z, m in zip(scaled, missed, strict=True)]
