"""BOHB: Hyperband's brackets, filled by a model of what was good with most passes.

S. Falkner, A. Klein and F. Hutter, "BOHB: Robust and Efficient Hyperparameter Optimization at Scale",
ICML 2018, algorithm 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np

from hpo.errors import TunerError
from hpo.space import Configuration
from hpo.trial import Trial
from hpo.tuners.arguments import AtLeast, Between, Share
from hpo.tuners.brackets import Brackets, Schedule
from hpo.tuners.hyperband import Halving
from hpo.tuners.kernel_density import KernelDensity
from hpo.tuners.points import Cube, Floats, History

__all__ = ["BOHB"]

# A trial without a budget ran whole.
_WHOLE = 2**62


class BOHB(Halving):
    """Halve successively what a model of good and bad configurations proposes.

    Args:
        *args: the space.
        min_budget: the fewest passes that a trial makes.
        max_budget: the passes of a whole trial; those of the marked loop where it is left out.
        eta: of so many trials of a rung one goes on to the next, with so many times the passes.
        min_points_in_model: how many results a model needs; one more than there are parameters by default.
        top_n_percent: how many per cent of the results are the good ones.
        num_samples: how many draws from the good ones compete.
        random_fraction: how many of the proposals are drawn at random.
        bandwidth_factor: how many times as wide the kernels are for drawing.
        min_bandwidth: the least width of a kernel.
        **common: direction and seed.
    """

    name = "BOHB"
    whole_budget = "max_budget"

    def __init__(
        self,
        *args: Any,
        min_budget: Annotated[int, AtLeast(1)] = 1,
        max_budget: Annotated[int, AtLeast(1)] = 3,
        eta: Annotated[int, AtLeast(2)] = 3,
        min_points_in_model: Annotated[int, AtLeast(1)] | None = None,
        top_n_percent: Annotated[int, Between(0, 100)] = 15,
        num_samples: Annotated[int, AtLeast(1)] = 64,
        random_fraction: Annotated[float, Share()] = 1 / 3,
        bandwidth_factor: Annotated[float, AtLeast(1e-6)] = 3.0,
        min_bandwidth: Annotated[float, AtLeast(1e-9)] = 1e-3,
        **common: Any,
    ) -> None:
        super().__init__(*args, **common)
        if max_budget < min_budget:
            message = f"BOHB: max_budget is {max_budget}, and min_budget {min_budget}"
            raise TunerError(message, help="let max_budget be the larger one")
        self._brackets = Brackets(self, Schedule(min_budget, max_budget, eta), "parallelism")
        self._cube = Cube(self.space)
        self.least_points = min_points_in_model or len(self._cube) + 1
        self.good_share, self.num_samples = top_n_percent / 100, num_samples
        self.random_fraction = random_fraction
        self.bandwidth_factor, self.min_bandwidth = bandwidth_factor, min_bandwidth
        self._histories: dict[int, History] = {}  # by budget

    def observe(self, trial: Trial, value: float | None) -> None:
        budget = trial.memo.get("budget", _WHOLE)
        self._histories.setdefault(budget, History(self._cube)).observe(self, trial, value)

    def draw(self, number: int) -> Configuration:
        generator = self.generator(number)
        history = self._model_history()
        if history is None or generator.random() < self.random_fraction:
            return self.unseen(lambda: self.space.sample(generator))
        rows = iter(self._best_first(generator, history))
        return self.unseen(lambda: self._cube.configuration(next(rows)), draws=self.num_samples)

    def _model_history(self) -> History | None:
        """Return the results with the most passes of which there are enough for a model, failures aside."""
        counts = {b: int(np.isfinite(h.losses).sum()) for b, h in self._histories.items()}
        enough = [budget for budget, count in counts.items() if count >= self.least_points + 2]
        return self._histories[max(enough)] if enough else None

    def _best_first(self, generator: np.random.Generator, history: History) -> Floats:
        n = len(history)
        succeeded = int(np.isfinite(history.losses).sum())
        n_good = min(max(self.least_points, int(self.good_share * n)), succeeded)
        n_bad = max(self.least_points, n - n_good)
        order = np.argsort(history.losses, kind="stable")  # failures are the worst
        good = KernelDensity(self._cube, history.rows[order[:n_good]], self.min_bandwidth)
        bad = KernelDensity(self._cube, history.rows[order[-n_bad:]], self.min_bandwidth)
        rows = good.sample(generator, self.num_samples, factor=self.bandwidth_factor)
        rows = self._cube.arranged(rows)
        active = self._cube.active(rows)
        ratio = good.log_density(rows, active) - bad.log_density(rows, active)
        best_first: Floats = rows[np.argsort(-ratio, kind="stable")]
        return best_first

    def explain(self) -> Mapping[str, Any]:
        history = self._model_history()
        if history is None:
            why = f"no rung has {self.least_points + 2} results"
            return {**super().explain(), "model": "random, in brackets", "why": why}
        return {**super().explain(), "model": "kernel density, in brackets", **history.counts}
