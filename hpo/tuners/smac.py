"""SMAC: a random forest in place of a Gaussian process, by the package SMAC3.

F. Hutter, H. H. Hoos and K. Leyton-Brown, "Sequential Model-Based Optimization for General Algorithm
Configuration", LION 2011; M. Lindauer et al., "SMAC3: A Versatile Bayesian Optimization Package for
Hyperparameter Optimization", JMLR 23 (2022). The forest, its arguments and the logarithm of the costs are
those of the package's facade for hyperparameters. The search for the best expected improvement is ours: the
package's goes through sets of texts, so that a resumed experiment would go another way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from hpo.errors import TunerError
from hpo.space import Configuration
from hpo.trial import Trial
from hpo.tuners.acquisition import Box, ExpectedImprovement, maximise
from hpo.tuners.base import Tuner
from hpo.tuners.gaussian import Features
from hpo.tuners.one_thread import one_thread
from hpo.tuners.outcomes import standardised
from hpo.tuners.points import Cube, Floats, History, Mask
from hpo.tuners.qmc import HaltonSequence

try:
    import ConfigSpace
    from smac.model.random_forest import RandomForest
except ImportError as error:
    raise TunerError(
        f"the tuner SMAC needs the package smac, which cannot be imported: {error}",
        help="install it with: pip install 'hpo-annotate[smac]'",
    ) from error

__all__ = ["SMAC"]

_RANDOM = 0.085  # as in the facade, the share of random proposals among the others
_STARTUP = 10  # results before the first forest
_DRAWS = 40


class SMAC(Tuner):
    """Maximise the expected improvement of a random forest.

    The forest sees quantiles, and which parameters are inactive. Failed trials count as the worst result.

    Args:
        *args: the space.
        config_dedup: whether a configuration is proposed once only; without it, twice where SMAC says so.
        **common: direction and seed.
    """

    name = "SMAC"

    def __init__(self, *args: Any, config_dedup: bool = True, **common: Any) -> None:
        super().__init__(*args, **common)
        self.config_dedup, self.repeats = config_dedup, not config_dedup
        self._cube = Cube(self.space)
        self._history = History(self._cube)
        self._sequence = HaltonSequence(self.space.width, self.seed)

    def observe(self, trial: Trial, value: float | None) -> None:
        self._history.observe(self, trial, value)

    @one_thread
    def suggest(self, number: int) -> Trial:
        generator = self.generator(number)
        losses = self._history.losses
        if len(losses) < _STARTUP or not np.isfinite(losses).any():
            rows: Iterator[Floats] = iter(np.array([self._sequence.point(number + 1)]))
        elif generator.random() < _RANDOM:
            rows = iter(generator.random((1, len(self._cube))))
        else:
            rows = self._best_rows(generator)
        return Trial(number, self._configuration(rows, generator))

    def _configuration(self, rows: Iterator[Floats], generator: np.random.Generator) -> Configuration:
        def draw() -> Configuration:
            row = next(rows, None)
            return self.space.sample(generator) if row is None else self._cube.configuration(row)

        return self.unseen(draw, draws=_DRAWS) if self.config_dedup else draw()

    def _best_rows(self, generator: np.random.Generator) -> Iterator[Floats]:
        rows, losses = self._history.rows, self._history.losses
        finite = np.isfinite(losses)
        values = _log_scaled(np.where(finite, losses, losses[finite].max()))
        known = np.where(np.isnan(rows), 0.5, rows)
        points = self._vectors(known, self._cube.active(known))
        forest = RandomForest(
            self._package_space(),
            log_y=True,
            n_trees=10,
            ratio_features=1.0,
            min_samples_split=2,
            min_samples_leaf=1,
            max_leaf_nodes=max(len(points), 2),  # all there can be: for the package's 2**20 it takes memory
            n_jobs=1,
            seed=int(generator.integers(2**31)),
        )
        forest.train(points, values[:, None])
        best = float(forest.predict_marginalized(points)[0].min())
        # Of the forest only the utility is asked, never its slopes.
        improvement = ExpectedImprovement(Features(self._cube), forest, best)  # type: ignore[arg-type]

        def score(rows: Floats, active: Mask) -> Floats:
            mean, variance = forest.predict_marginalized(self._vectors(rows, active))
            return improvement.of(mean[:, 0], np.sqrt(np.maximum(variance[:, 0], 1e-12)))

        seeds, whole = known[np.argsort(values, kind="stable")[:10]], Box.whole(self._cube)
        yield from maximise(score, self._cube, generator, seeds=seeds, box=whole)

    # -- the space and its points, as the package has them

    def _package_space(self) -> ConfigSpace.ConfigurationSpace:
        space = ConfigSpace.ConfigurationSpace()
        for i, column in enumerate(self._cube.columns):
            label = f"{i:06}"  # in the order of the columns, which is the package's
            if not column.ordered:  # one more, for where it is inactive
                space.add(ConfigSpace.CategoricalHyperparameter(label, list(range(column.size + 1))))
            else:
                space.add(ConfigSpace.UniformFloatHyperparameter(label, 0.0, 1.0))
        return space

    def _vectors(self, rows: Floats, active: Mask) -> Floats:
        """Return full rows as the forest has them: positions of choices, and quantiles.

        What is inactive stands beyond all values, where the package puts it too.
        """
        vectors = np.empty_like(rows)
        for i, column in enumerate(self._cube.columns):
            if column.ordered:
                vectors[:, i] = np.where(active[:, i], rows[:, i], -1.0)
            else:
                vectors[:, i] = np.where(active[:, i], column.index(rows[:, i]), column.size)
        return vectors

    def explain(self) -> Mapping[str, Any]:
        n = len(self._history)
        if n < _STARTUP:
            return {"model": "quasi-random", "why": f"{n} of {_STARTUP} startup results are in"}
        return {"model": "random forest", **self._history.counts}


def _log_scaled(losses: Floats) -> Floats:
    """Return the logarithm of losses between 0 and 1, as the facade's encoder does."""
    values = standardised(losses / 8)
    low = values.min()
    floor = low - (np.percentile(values, 5) - low) - 1e-10
    span = max(float(values.max() - floor), 1e-10)
    scaled: Floats = np.log((values - floor) / span)
    return scaled
