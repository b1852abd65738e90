"""DNGO: a neural network whose last layer is Bayesian, in place of a Gaussian process.

J. Snoek, O. Rippel, K. Swersky, R. Kiros, N. Satish, N. Sundaram, M. Patwary, Prabhat and R. P. Adams,
"Scalable Bayesian Optimization Using Deep Neural Networks", ICML 2015. The network learns features of the
configurations; a Bayesian linear regression on them gives mean and variance, at a cost that grows with the
results linearly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import numpy as np

from hpo.trial import Trial
from hpo.tuners.acquisition import Box, ExpectedImprovement, maximise
from hpo.tuners.arguments import AtLeast
from hpo.tuners.base import Tuner
from hpo.tuners.gaussian import Features
from hpo.tuners.network import BayesianLastLayer, Network
from hpo.tuners.one_thread import one_thread
from hpo.tuners.outcomes import standardised
from hpo.tuners.points import Cube, Floats, History

__all__ = ["DNGO"]


class DNGO(Tuner):
    """Maximise the expected improvement of a network with a Bayesian last layer.

    The results of the first `trials_per_update` trials, drawn at random, train the first network. Failed
    trials count as the worst result.

    Args:
        *args: the space.
        sample_size: how many random candidates compete.
        trials_per_update: after how many results the network is trained anew; the last layer always is.
        num_epochs_per_training: how often training goes through the results.
        **common: direction and seed.
    """

    name = "DNGO"

    def __init__(
        self,
        *args: Any,
        sample_size: Annotated[int, AtLeast(1)] = 1000,
        trials_per_update: Annotated[int, AtLeast(1)] = 20,
        num_epochs_per_training: Annotated[int, AtLeast(1)] = 500,
        **common: Any,
    ) -> None:
        super().__init__(*args, **common)
        self.sample_size, self.trials_per_update = sample_size, trials_per_update
        self.epochs = num_epochs_per_training
        self._cube = Cube(self.space)
        self._features = Features(self._cube)
        self._history = History(self._cube)
        self._trained = 0  # the results that the network has learnt
        self._network: Network | None = None

    def observe(self, trial: Trial, value: float | None) -> None:
        self._history.observe(self, trial, value)

    @one_thread
    def suggest(self, number: int) -> Trial:
        generator = self.generator(number)
        enough = len(self._history) >= self.trials_per_update
        if not enough or not np.isfinite(self._history.losses).any():
            return Trial(number, self.unseen(lambda: self.space.sample(generator)))
        rows = self._best_rows(generator)
        return Trial(number, self.unseen(lambda: self._cube.configuration(next(rows)), draws=40))

    def _best_rows(self, generator: np.random.Generator) -> Iterator[Floats]:
        rows, values = self._history.rows, self._values(len(self._history))
        network = self._trained_network()
        layer = BayesianLastLayer(network, self._features.of(rows), values)
        best = float(values.min())
        waiting = self._history.under_way(self)
        if len(waiting):  # they are taken to result in what is expected of them
            added = self._features.of(waiting)
            expected = np.concatenate([values, layer.predict(added)[0]])
            layer = BayesianLastLayer(network, np.vstack([self._features.of(rows), added]), expected)
        utility = ExpectedImprovement(self._features, layer, best)  # type: ignore[arg-type] # it predicts
        seeds = np.where(np.isnan(rows), 0.5, rows)[np.argsort(values, kind="stable")[:8]]
        whole = Box.whole(self._cube)
        yield from maximise(utility, self._cube, generator, seeds=seeds, box=whole, count=self.sample_size)

    def _values(self, count: int) -> Floats:
        """Return the first so many results, standardised."""
        losses = self._history.losses[:count]
        finite = np.isfinite(losses)
        worst = losses[finite].max() if finite.any() else 0.0
        return standardised(np.where(finite, losses, worst))

    def _trained_network(self) -> Network:
        """Return the network of the last update, which depends on the results until then alone."""
        count = len(self._history) // self.trials_per_update * self.trials_per_update
        if self._network is None or self._trained != count:
            features = self._features.of(self._history.rows[:count])
            generator = np.random.default_rng([self.seed, count])
            self._network = Network.trained(features, self._values(count), generator, epochs=self.epochs)
            self._trained = count
        return self._network

    def explain(self) -> Mapping[str, Any]:
        n = len(self._history)
        if n < self.trials_per_update:
            return {"model": "random", "why": f"{n} of {self.trials_per_update} startup results are in"}
        return {"model": "neural network, Bayesian last layer", **self._history.counts}
