"""NNI's `nni.parameter_expressions`: draws from its ten domains, for tuners and advisors of the user's own.

Each takes a `numpy.random.RandomState`, which its caller has made.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.random import RandomState

__all__ = [
    "choice",
    "lognormal",
    "loguniform",
    "normal",
    "qlognormal",
    "qloguniform",
    "qnormal",
    "quniform",
    "randint",
    "uniform",
]


def choice(options: Sequence[Any] | int, random_state: RandomState) -> Any:
    """Return one of the options, or a number below one."""
    return random_state.choice(options)


def randint(lower: int, upper: int, random_state: RandomState) -> int:
    """Return an integer from `lower` to below `upper`."""
    return int(random_state.randint(lower, upper))


def uniform(low: float, high: float, random_state: RandomState) -> float:
    """Return a number from `low` to `high`."""
    return float(random_state.uniform(low, high))


def quniform(low: float, high: float, q: float, random_state: RandomState) -> float:
    """Return a multiple of `q` from `low` to `high`."""
    return _clipped(uniform(low, high, random_state), low, high, q)


def loguniform(low: float, high: float, random_state: RandomState) -> float:
    """Return a number from `low` to `high`, small ones as likely as large ones."""
    return math.exp(uniform(math.log(low), math.log(high), random_state))


def qloguniform(low: float, high: float, q: float, random_state: RandomState) -> float:
    """Return a multiple of `q` from `low` to `high`, small ones as likely as large ones."""
    return _clipped(loguniform(low, high, random_state), low, high, q)


def normal(mu: float, sigma: float, random_state: RandomState) -> float:
    """Return a normal number."""
    return float(random_state.normal(mu, sigma))


def qnormal(mu: float, sigma: float, q: float, random_state: RandomState) -> float:
    """Return a normal number, rounded to a multiple of `q`."""
    return round(normal(mu, sigma, random_state) / q) * q


def lognormal(mu: float, sigma: float, random_state: RandomState) -> float:
    """Return a number whose logarithm is normal."""
    return math.exp(normal(mu, sigma, random_state))


def qlognormal(mu: float, sigma: float, q: float, random_state: RandomState) -> float:
    """Return a number whose logarithm is normal, rounded to a multiple of `q`."""
    return round(lognormal(mu, sigma, random_state) / q) * q


def _clipped(x: float, low: float, high: float, q: float) -> float:
    return min(max(round(x / q) * q, low), high)
