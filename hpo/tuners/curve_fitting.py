"""Early stopping by extrapolating learning curves.

T. Domhan, J. T. Springenberg and F. Hutter, "Speeding Up Automatic Hyperparameter Optimization of Deep
Neural Networks by Extrapolation of Learning Curves", IJCAI 2015. Parametric families of curves are fitted
and averaged by how well they fit; least squares and Akaike weights stand for the paper's sampler, so the
answer is the same every time and comes in milliseconds.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeWarning, curve_fit

from hpo.trial import Trial, TrialState
from hpo.tuners.arguments import AtLeast, Between
from hpo.tuners.assessor import Assessor

__all__ = ["Curvefitting", "extrapolate"]

Floats = NDArray[np.float64]


def _pow3(x: Floats, c: float, a: float, k: float) -> Floats:
    return c - a * x**-k


def _exp3(x: Floats, c: float, a: float, k: float) -> Floats:
    return c - a * np.exp(-k * x)


def _mmf(x: Floats, c: float, a: float, k: float) -> Floats:
    return c - a / (1 + x / k)


def _ilog2(x: Floats, c: float, a: float) -> Floats:
    return c - a / np.log(x + 1)


def _weibull(x: Floats, c: float, a: float, k: float, d: float) -> Floats:
    return c - a * np.exp(-k * x**d)


def _log_linear(x: Floats, a: float, b: float) -> Floats:
    return a * np.log(x) + b


class _Family(NamedTuple):
    """A family of the paper's table 1, for curves scaled to begin at 0 and to stand at 1 now."""

    function: Callable[..., Floats]
    begin: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


_FAMILIES = (
    _Family(_pow3, (1, 1, 0.5), (-2, -5, 0.01), (3, 5, 5)),
    _Family(_exp3, (1, 1, 0.2), (-2, -5, 1e-3), (3, 5, 5)),
    _Family(_mmf, (1, 1, 2), (-2, -5, 0.1), (3, 5, 100)),
    _Family(_ilog2, (1, 0.7), (-2, -5), (3, 5)),
    _Family(_weibull, (1, 1, 0.5, 0.7), (-2, -5, 1e-3, 0.1), (3, 5, 5, 2)),
    _Family(_log_linear, (0.3, 0), (-2, -2), (2, 3)),
)


def extrapolate(curve: Sequence[float], step: int) -> float | None:
    """Return what a learning curve will be at a later step, counted from 1; None where nothing fits."""
    y = np.asarray(curve, dtype=float)
    largest = float(np.abs(y).max())
    if largest == 0.0 or float(y.max() / largest - y.min() / largest) < 1e-12:
        return float(y[-1])
    scaled = y / largest  # no difference of two overflows
    start, rise = float(scaled[0]), float(scaled[-1] - scaled[0])
    scale = rise if abs(rise) > 1e-12 else float(np.ptp(scaled))
    z, x = (scaled - start) / scale, np.arange(1.0, len(y) + 1)
    weights, predictions = [], []
    for family, begin, *bounds in _FAMILIES:
        if len(y) <= len(begin):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OptimizeWarning)
            try:
                found, _ = curve_fit(family, x, z, p0=begin, bounds=tuple(bounds), maxfev=200)
            except RuntimeError:  # it did not converge
                continue
        error = max(float(np.mean((family(x, *found) - z) ** 2)), 1e-10)
        weights.append(-0.5 * len(y) * np.log(error) - len(begin))
        predictions.append(float(family(np.array([float(step)]), *found)[0]))
    if not predictions:
        return None
    shares = np.exp(np.array(weights) - max(weights))
    return (start + scale * float(shares @ predictions / shares.sum())) * largest


class Curvefitting(Assessor):
    """Stop a trial that, by its curve, will end worse than a share of the best result.

    NNI's knows only maximising and positive results; here both directions and signs are judged alike: the
    predicted result may lack (1 - `threshold`) of the best one's magnitude.

    Args:
        epoch_num: the step, counted from 1, at which a trial ends.
        start_step: how many results a trial may report before it is judged.
        threshold: which share of the best result the prediction must reach.
        gap: a trial is judged every so many results.
        **common: direction.
    """

    name = "Curvefitting"

    def __init__(
        self,
        *,
        epoch_num: Annotated[int, AtLeast(1)] = 20,
        start_step: Annotated[int, AtLeast(1)] = 6,
        threshold: Annotated[float, Between(0, 1)] = 0.95,
        gap: Annotated[int, AtLeast(1)] = 1,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.epoch_num, self.start_step = epoch_num, start_step
        self.threshold, self.gap = threshold, gap

    def should_stop(self, trial: Trial, peers: Sequence[Trial]) -> bool:
        own = self.losses(trial)
        step = len(own)
        if step < self.start_step or step >= self.epoch_num or (step - self.start_step) % self.gap:
            return False
        finals = [
            loss
            for peer in peers
            if peer.number != trial.number
            and peer.state is TrialState.SUCCEEDED
            and (loss := self.loss(peer)) is not None
        ]
        if not finals:
            return False
        best = min(finals)
        predicted = extrapolate(own, self.epoch_num)
        return predicted is not None and predicted - best > (1 - self.threshold) * abs(best)
