"""NNI's smart parameters: ``lr = nni.loguniform(1e-5, 1e-1)`` in a trial's code.

Where NNI's annotation wrote a ``key``, the value is the trial's. Without one, NNI drew at random outside an
experiment and failed inside; here each is the middle of its domain, or the first option, so that a script
does the same each time it is run by hand.
"""

from __future__ import annotations

import math

from . import trial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "choice",
    "function_choice",
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


def _given(key: str) -> Any:
    if trial.get_current_parameter() is None:
        trial.get_next_parameter()
    return trial.get_current_parameter(key)


def choice(*options: Any, name: str | None = None, key: str | None = None) -> Any:
    """Return one of the options; under a key they are a dict from what the tuner sees to themselves."""
    return options[0] if key is None else options[0][_given(key)]


def function_choice(*functions: Any, name: str | None = None, key: str | None = None) -> Any:
    """Call one of the functions; under a key they are a dict, as in `choice`."""
    return choice(*functions, name=name, key=key)()


def randint(lower: int, upper: int, name: str | None = None, key: str | None = None) -> Any:
    """Return an integer from `lower` to below `upper`."""
    return (lower + upper) // 2 if key is None else _given(key)


def uniform(low: float, high: float, name: str | None = None, key: str | None = None) -> Any:
    """Return a number from `low` to `high`."""
    return (low + high) / 2 if key is None else _given(key)


def quniform(low: float, high: float, q: float, name: str | None = None, key: str | None = None) -> Any:
    """Return a multiple of `q` from `low` to `high`."""
    return _clipped((low + high) / 2, low, high, q) if key is None else _given(key)


def loguniform(low: float, high: float, name: str | None = None, key: str | None = None) -> Any:
    """Return a number from `low` to `high`, small ones as likely as large ones."""
    return math.sqrt(low) * math.sqrt(high) if key is None else _given(key)


def qloguniform(low: float, high: float, q: float, name: str | None = None, key: str | None = None) -> Any:
    """Return a multiple of `q` from `low` to `high`, small ones as likely as large ones."""
    return _clipped(math.sqrt(low) * math.sqrt(high), low, high, q) if key is None else _given(key)


def normal(mu: float, sigma: float, name: str | None = None, key: str | None = None) -> Any:
    """Return a normal number."""
    return mu if key is None else _given(key)


def qnormal(mu: float, sigma: float, q: float, name: str | None = None, key: str | None = None) -> Any:
    """Return a normal number, rounded to a multiple of `q`."""
    return round(mu / q) * q if key is None else _given(key)


def lognormal(mu: float, sigma: float, name: str | None = None, key: str | None = None) -> Any:
    """Return a number whose logarithm is normal."""
    return math.exp(mu) if key is None else _given(key)


def qlognormal(mu: float, sigma: float, q: float, name: str | None = None, key: str | None = None) -> Any:
    """Return a number whose logarithm is normal, rounded to a multiple of `q`."""
    return round(math.exp(mu) / q) * q if key is None else _given(key)


def _clipped(x: float, low: float, high: float, q: float) -> float:
    return min(max(round(x / q) * q, low), high)
