"""Metis: explore, exploit or measure again, whichever teaches most of where the optimum is.

Z. L. Li, C.-J. M. Liang, W. He, L. Zhu, W. Dai, J. Jiang and G. Sun, "Metis: Robustly Tuning Tail Latencies
of Cloud Services", USENIX ATC 2018, section 4. Where a candidate would explore and another exploit, the one
is tried whose result is expected to lower the predicted optimum more; here the expectation is over what the
Gaussian process says of that result. As in NNI, densities of good and bad results (here of kernels, there
of a few normals) propose what exploits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NamedTuple

import numpy as np

from hpo.errors import SpaceError
from hpo.parameters import identity
from hpo.space import Configuration
from hpo.trial import Trial
from hpo.tuners.acquisition import Box, ConfidenceBound, maximise
from hpo.tuners.arguments import AtLeast, Share
from hpo.tuners.base import Tuner
from hpo.tuners.gaussian import Features, GaussianProcess, Hyperparameters, fit
from hpo.tuners.kernel_density import KernelDensity
from hpo.tuners.one_thread import one_thread
from hpo.tuners.outcomes import standardised
from hpo.tuners.points import Cube, Floats, History

__all__ = ["Metis"]

_MODELLED = 200  # of more results the latest are modelled
_BOUND = 1.96  # deviations: the paper's interval of 95 %
_OUTLIER = 3.0  # deviations
_OUTCOMES = ((-np.sqrt(3), 1 / 6), (0.0, 2 / 3), (np.sqrt(3), 1 / 6))  # Gauss and Hermite's three points
_GOOD = 0.25  # the share of the results that counts as good
_LEAST_WIDTH = 0.02


class _Model(NamedTuple):
    """What the results say: their features and standardised losses, and the process fitted to them."""

    rows: Floats
    features: Floats
    losses: Floats
    fitted: Hyperparameters
    process: GaussianProcess


class Metis(Tuner):
    """Propose the candidate whose result is expected to improve the predicted optimum most.

    Args:
        *args: the space.
        no_resampling: whether no configuration is tried a second time; without it, one is whose result is
            far from what the others say.
        no_candidates: whether the predicted optimum itself is always tried.
        selection_num_starting_points: how many random candidates compete to be the predicted optimum and
            the most uncertain configuration.
        cold_start_num: how many of the first trials are drawn at random.
        exploration_probability: how often the candidates compete; else the predicted optimum is tried.
        **common: direction and seed.
    """

    name = "Metis"

    def __init__(
        self,
        *args: Any,
        no_resampling: bool = True,
        no_candidates: bool = False,
        selection_num_starting_points: Annotated[int, AtLeast(1)] = 600,
        cold_start_num: Annotated[int, AtLeast(1)] = 10,
        exploration_probability: Annotated[float, Share()] = 0.9,
        **common: Any,
    ) -> None:
        super().__init__(*args, **common)
        self.no_resampling, self.no_candidates = no_resampling, no_candidates
        self.starting_points, self.cold_start_num = selection_num_starting_points, cold_start_num
        self.exploration_probability = exploration_probability
        self._cube = Cube(self.space)
        self._features = Features(self._cube)
        self._history = History(self._cube)
        self._told: list[Trial] = []  # those that the history is of

    def observe(self, trial: Trial, value: float | None) -> None:
        before = len(self._history)
        self._history.observe(self, trial, value)
        if len(self._history) > before:
            self._told.append(trial)

    @one_thread
    def suggest(self, number: int) -> Trial:
        generator = self.generator(number)
        losses = self._history.losses
        if len(losses) < self.cold_start_num or not np.isfinite(losses).any():
            return Trial(number, self.unseen(lambda: self.space.sample(generator)))
        model = self._model()
        odd = None if self.no_resampling else self._odd(model)
        if odd is not None:  # before it misleads the model
            return Trial(number, dict(odd.parameters), memo={"reason": "resampling"})
        optimum = self._optimum(generator, model)
        if self.no_candidates or generator.random() >= self.exploration_probability:
            return self._trial(number, "optimum", iter(optimum))
        candidates = {
            "exploration": self._uncertain(generator, model),
            "exploitation": self._likely(generator, model),
        }
        kind = min(candidates, key=lambda k: self._expected_optimum(model, candidates[k][:1], optimum[:1]))
        return self._trial(number, kind, iter(candidates[kind]))

    def _trial(self, number: int, reason: str, rows: Iterator[Floats]) -> Trial:
        def draw() -> Configuration:
            return self._cube.configuration(next(rows))

        return Trial(number, self.unseen(draw), memo={"reason": reason})

    # -- the model

    def _model(self) -> _Model:
        rows, losses = self._history.rows[-_MODELLED:], self._history.losses[-_MODELLED:]
        finite = np.isfinite(losses)
        worst = losses[finite].max() if finite.any() else 0.0
        values = standardised(np.where(finite, losses, worst))
        features = self._features.of(rows)
        fitted = fit(features, self._features, values)
        process = GaussianProcess(features, self._features, values, fitted)
        waiting = self._history.under_way(self, _MODELLED)
        if len(waiting):  # they are taken to result in what is expected of them
            added = self._features.of(waiting)
            rows, features = np.vstack([rows, waiting]), np.vstack([features, added])
            values = np.concatenate([values, process.mean(added)])
            process = GaussianProcess(features, self._features, values, fitted)
        return _Model(rows, features, values, fitted, process)

    # -- the candidates: full rows, the best first

    def _optimum(self, generator: np.random.Generator, model: _Model) -> Floats:
        return self._maximised(generator, model, ConfidenceBound(self._features, model.process, 0.0))

    def _uncertain(self, generator: np.random.Generator, model: _Model) -> Floats:
        return self._maximised(generator, model, ConfidenceBound(self._features, model.process, _BOUND))

    def _maximised(self, generator: np.random.Generator, model: _Model, utility: ConfidenceBound) -> Floats:
        best = np.argsort(model.losses, kind="stable")[:8]
        seeds = np.where(np.isnan(model.rows), 0.5, model.rows)[best]
        whole, count = Box.whole(self._cube), self.starting_points
        return maximise(utility, self._cube, generator, seeds=seeds, box=whole, count=count)

    def _likely(self, generator: np.random.Generator, model: _Model) -> Floats:
        order = np.argsort(model.losses, kind="stable")
        n_good = max(int(_GOOD * len(order)), 1)
        good = KernelDensity(self._cube, model.rows[order[:n_good]], _LEAST_WIDTH)
        bad = KernelDensity(self._cube, model.rows[order[-max(len(order) - n_good, 1) :]], _LEAST_WIDTH)
        rows = self._cube.arranged(good.sample(generator, 64, factor=1.0))
        active = self._cube.active(rows)
        ratio = good.log_density(rows, active) - bad.log_density(rows, active)
        best_first: Floats = rows[np.argsort(-ratio, kind="stable")]
        return best_first

    def _odd(self, model: _Model) -> Trial | None:
        """Return the trial whose result is farthest from what the others say, where it is far.

        One that was measured again is left alone: noise is noise.
        """
        told = self._told[-_MODELLED:]
        mean, variance = model.process.leave_one_out()
        misses = (np.abs(model.losses - mean) / np.sqrt(variance))[: len(told)]
        times = Counter(identity(trial.parameters) for trial in self.trials.values())
        for i in map(int, np.argsort(-misses, kind="stable")):
            if misses[i] <= _OUTLIER:
                break
            if times[identity(told[i].parameters)] == 1 and self._is_ours(told[i]):
                return told[i]
        return None

    def _is_ours(self, trial: Trial) -> bool:
        try:
            self.space.check(trial.parameters)
        except SpaceError:
            return False
        return True

    def _expected_optimum(self, model: _Model, row: Floats, optimum: Floats) -> float:
        """Return the expectation of the lowest mean, once a candidate's result is known."""
        feature = self._features.of(row, self._cube.active(row))
        mean, variance = model.process.predict(feature)
        features = np.vstack([model.features, feature])
        points = np.vstack([features, self._features.of(optimum, self._cube.active(optimum))])
        expected = 0.0
        for deviations, probability in _OUTCOMES:
            losses = np.append(model.losses, mean + deviations * np.sqrt(variance))
            process = GaussianProcess(features, self._features, losses, model.fitted)
            expected += probability * float(process.mean(points).min())
        return expected

    def explain(self) -> Mapping[str, Any]:
        n = len(self._history)
        if n < self.cold_start_num:
            return {"model": "random", "why": f"{n} of {self.cold_start_num} startup results are in"}
        reasons = [t.memo["reason"] for t in self.trials.values() if "reason" in t.memo]
        chosen = {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)}
        return {"model": "Gaussian process", **self._history.counts, "chosen": chosen}
