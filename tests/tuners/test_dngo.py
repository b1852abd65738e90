"""DNGO's network learns, its last layer knows what it does not know, and the tuner finds minima."""

from __future__ import annotations

import numpy as np

from hpo import tuners
from hpo.space import SearchSpace
from hpo.trial import Trial
from hpo.tuners.base import Tuner
from hpo.tuners.network import BayesianLastLayer, Network

SPACE = SearchSpace.from_json(
    {"x": {"_type": "uniform", "_value": [0, 1]}, "y": {"_type": "uniform", "_value": [0, 1]}}
)


def loss(trial: Trial) -> float:
    return float((trial.parameters["x"] - 0.3) ** 2 + (trial.parameters["y"] - 0.7) ** 2)


def run(tuner: Tuner, count: int) -> list[Trial]:
    asked = []
    for _ in range(count):
        trial = tuner.ask()
        assert trial is not None
        asked.append(trial)
        tuner.tell(trial, loss(trial))
    return asked


def test_the_slopes_are_those_of_the_error() -> None:
    generator = np.random.default_rng(0)
    features, targets = generator.random((7, 3)), generator.normal(size=7)
    network = Network.trained(features, targets, generator, epochs=1)

    def error() -> float:
        output = network.basis(features) @ network._weights[-1]
        decay = sum(float((w**2).sum()) for w in network._weights)
        return 0.5 * float(((output[:, 0] - targets) ** 2).mean()) + 0.5 * 1e-4 * decay

    for weight, slopes in zip(network._weights, network._gradients(features, targets), strict=True):
        for place in [(0, 0), (1, 0), (-1, 0)]:
            weight[place] += 1e-5
            above = error()
            weight[place] -= 2e-5
            below = error()
            weight[place] += 1e-5
            assert np.isclose((above - below) / 2e-5, slopes[place], rtol=1e-4, atol=1e-8)


def test_it_interpolates_and_is_unsure_far_from_what_it_saw() -> None:
    generator = np.random.default_rng(0)
    seen = generator.random((60, 1)) * 0.5
    targets = np.sin(12 * seen[:, 0])
    network = Network.trained(seen, targets, generator, epochs=500)
    layer = BayesianLastLayer(network, seen, targets)
    points = np.linspace(0.05, 0.45, 20)[:, None]
    mean, variance = layer.predict(points)
    assert np.abs(mean - np.sin(12 * points[:, 0])).max() < 0.1
    _, far = layer.predict(np.array([[0.9], [1.0]]))
    assert far.min() > 10 * variance.max()


def test_it_finds_a_minimum() -> None:
    last = run(tuners.create("DNGO", SPACE, direction="minimize", seed=2), 35)
    assert min(map(loss, last)) < 1e-3  # of 35 at random the best is 0.01


def test_the_network_is_trained_anew_after_as_many_results_as_it_is_told() -> None:
    tuner = tuners.create("DNGO", SPACE, trials_per_update=5, num_epochs_per_training=5, seed=2)
    run(tuner, 5)
    assert tuner.explain()["model"] == "neural network, Bayesian last layer"
    networks = []
    for _ in range(7):
        run(tuner, 1)
        networks.append(tuner._network)  # type: ignore[attr-defined]
    assert [network is networks[0] for network in networks] == [True] * 5 + [False] * 2
