"""A small neural network in numpy, and a Bayesian linear regression on its last hidden layer.

J. Snoek et al., "Scalable Bayesian Optimization Using Deep Neural Networks", ICML 2015 (three layers of
tanh, equations 3 to 6); D. P. Kingma and J. Ba, "Adam", ICLR 2015; D. J. C. MacKay, "Bayesian
Interpolation", Neural Computation 4 (1992) (the variances of the weights and of the noise).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from hpo.tuners.points import Floats

__all__ = ["BayesianLastLayer", "Network"]

_WIDTHS = (50, 50, 50)
_BATCH = 100
_RATE = 0.01
_DECAY = 1e-4


class Network:
    """Layers of tanh units, and a linear output that only training needs.

    Args:
        weights: of each layer, the output last; the last row of each belongs to the constant 1.
    """

    def __init__(self, weights: Sequence[Floats]) -> None:
        self._weights = list(weights)

    @classmethod
    def trained(
        cls, features: Floats, targets: Floats, generator: np.random.Generator, *, epochs: int
    ) -> Network:
        """Return a network that has learnt some targets, by Adam with a falling rate."""
        sizes = [features.shape[1], *_WIDTHS, 1]
        network = cls([_initial(a, b, generator) for a, b in pairwise(sizes)])
        first = [np.zeros_like(w) for w in network._weights]
        second = [np.zeros_like(w) for w in network._weights]
        batches = -(-len(features) // _BATCH)
        total = epochs * batches
        for step in range(total):
            if step % batches == 0:
                order = generator.permutation(len(features))
            batch = order[step % batches :: batches]
            rate = _RATE * (1 - step / total)
            gradients = network._gradients(features[batch], targets[batch])
            for weight, m, v, gradient in zip(network._weights, first, second, gradients, strict=True):
                m += 0.1 * (gradient - m)
                v += 0.001 * (gradient**2 - v)
                unbiased = m / (1 - 0.9 ** (step + 1))
                weight -= rate * unbiased / (np.sqrt(v / (1 - 0.999 ** (step + 1))) + 1e-8)
        return network

    def basis(self, features: Floats) -> Floats:
        """Return the last hidden layer, and the constant 1."""
        return self._layers(features)[-1]

    def _layers(self, features: Floats) -> list[Floats]:
        layers = [_with_one(2 * features - 1)]
        for weight in self._weights[:-1]:
            layers.append(_with_one(np.tanh(layers[-1] @ weight)))
        return layers

    def _gradients(self, features: Floats, targets: Floats) -> list[Floats]:
        """Return the slopes of half the mean squared error, and of the decay of the weights."""
        layers = self._layers(features)
        error = (layers[-1] @ self._weights[-1] - targets[:, None]) / len(targets)
        gradients: list[Floats] = []
        for layer, weight in zip(reversed(layers), reversed(self._weights), strict=True):
            gradients.append(layer.T @ error + _DECAY * weight)
            error = (error @ weight.T * (1 - layer**2))[:, :-1]
        return gradients[::-1]


def _initial(inputs: int, outputs: int, generator: np.random.Generator) -> Floats:
    weights: Floats = generator.normal(size=(inputs + 1, outputs)) / np.sqrt(inputs)
    weights[-1] = 0.0
    return weights


def _with_one(values: Floats) -> Floats:
    return np.hstack([values, np.ones((len(values), 1))])


class BayesianLastLayer:
    """The posterior of a linear regression on the basis of a network, given features and targets."""

    def __init__(self, network: Network, features: Floats, targets: Floats) -> None:
        self._network = network
        basis = network.basis(features)
        values, vectors = np.linalg.eigh(basis.T @ basis)
        values = np.maximum(values, 0.0)
        projected = vectors.T @ (basis.T @ targets)
        weight, noise = 1.0, 100.0  # the precisions: MacKay's alpha and beta
        for _ in range(30):
            coefficients = noise * projected / (weight + noise * values)
            determined = float((noise * values / (weight + noise * values)).sum())  # gamma
            misfit = float(((targets - basis @ (vectors @ coefficients)) ** 2).sum())
            weight = float(np.clip(determined / max(float(coefficients @ coefficients), 1e-12), 1e-3, 1e4))
            noise = float(np.clip(max(len(targets) - determined, 1e-3) / max(misfit, 1e-12), 1.0, 1e6))
        self._vectors, self._precisions = vectors, weight + noise * values
        self._mean = noise * vectors @ (projected / self._precisions)

    def predict(self, features: Floats) -> tuple[Floats, Floats]:
        """Return the posterior mean and variance of the function, without the noise."""
        basis = self._network.basis(features)
        variance = ((basis @ self._vectors) ** 2 / self._precisions).sum(axis=1)
        return basis @ self._mean, np.maximum(variance, 1e-12)
