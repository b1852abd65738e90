"""Numbers: integers, intervals and their steps, on a linear or a logarithmic scale, and normal ones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from statistics import NormalDist
from typing import Any, ClassVar

from hpo.parameters.parameter import Parameter
from hpo.rules import is_number

__all__ = [
    "LogNormal",
    "LogUniform",
    "Normal",
    "QLogNormal",
    "QLogUniform",
    "QNormal",
    "QUniform",
    "RandInt",
    "Uniform",
]

# Inverse normal CDFs are infinite at 0 and 1; eight standard deviations are as far as a sample gets.
_EDGE = 1e-15


@dataclass(frozen=True)
class RandInt(Parameter):
    """An integer from `low`, included, to `high`, excluded."""

    type: ClassVar[str] = "randint"
    low: int
    high: int

    def __post_init__(self) -> None:
        self._validate()

    def from_unit(self, u: float) -> int:
        return min(self.low + int(u * (self.high - self.low)), self.high - 1)

    def to_unit(self, value: Any) -> float:
        return float((value - self.low + 0.5) / (self.high - self.low))

    def contains(self, value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and self.low <= value < self.high

    def values(self) -> tuple[int, ...] | None:
        return tuple(range(self.low, self.high)) if self.high - self.low <= 2**20 else None


@dataclass(frozen=True)
class _Bounded(Parameter):
    """Numbers from `low` to `high`, through a monotone scale."""

    low: float
    high: float

    def __post_init__(self) -> None:
        self._validate()

    def _scale(self, x: float) -> float:
        return x

    def _unscale(self, x: float) -> float:
        return x

    def _clip(self, x: float) -> float:
        return min(max(x, self.low), self.high)

    def from_unit(self, u: float) -> float:
        if not 0 < u < 1:  # the ends are exact, whatever a logarithm and back would make of them
            return float(self.low if u <= 0 else self.high)
        low, high = self._scale(self.low), self._scale(self.high)
        # The sum of parts is finite even where high - low overflows.
        return float(self._clip(self._unscale(low * (1 - u) + high * u)))

    def to_unit(self, value: Any) -> float:
        low, high = self._scale(self.low), self._scale(self.high)
        return min(max((self._scale(self._clip(value)) / 2 - low / 2) / (high / 2 - low / 2), 0.0), 1.0)

    def contains(self, value: Any) -> bool:
        return is_number(value) and self.low <= value <= self.high


class _Log(_Bounded):
    def _scale(self, x: float) -> float:
        return math.log(x)

    def _unscale(self, x: float) -> float:
        return math.exp(x)


@dataclass(frozen=True)
class Uniform(_Bounded):
    """A number from `low` to `high`, each as likely."""

    type: ClassVar[str] = "uniform"


@dataclass(frozen=True)
class LogUniform(_Log):
    """A positive number from `low` to `high` whose logarithm is uniform."""

    type: ClassVar[str] = "loguniform"


@dataclass(frozen=True)
class _Quantised(_Bounded):
    """The multiples of `q` between `low` and `high`, and those two: ``clip(round(x / q) * q, low, high)``."""

    q: float

    def _round(self, x: float) -> float:
        return self._clip(_nearest_multiple(x, self.q))

    def from_unit(self, u: float) -> float:
        return self._round(super().from_unit(u))

    def contains(self, value: Any) -> bool:
        return super().contains(value) and math.isclose(
            self._round(value), value, rel_tol=1e-9, abs_tol=1e-12
        )

    def values(self) -> tuple[float, ...] | None:
        if (self.high - self.low) / self.q > 2**20:
            return None
        first, last = round(self.low / self.q), round(self.high / self.q)
        return tuple(dict.fromkeys(self._clip(_multiple(k, self.q)) for k in range(first, last + 1)))


@dataclass(frozen=True)
class QUniform(_Quantised):
    """From `low` to `high` in steps of `q`: ``quniform(0, 10, 2)`` gives 0, 2, 4, 6, 8, 10."""

    type: ClassVar[str] = "quniform"


@dataclass(frozen=True)
class QLogUniform(_Quantised, _Log):
    """Multiples of `q` between `low` and `high`, small ones as likely as large ones."""

    type: ClassVar[str] = "qloguniform"


@dataclass(frozen=True)
class Normal(Parameter):
    """A number around `mu` with standard deviation `sigma`, without bounds."""

    type: ClassVar[str] = "normal"
    mu: float
    sigma: float

    def __post_init__(self) -> None:
        self._validate()

    def from_unit(self, u: float) -> float:
        return NormalDist(self.mu, self.sigma).inv_cdf(min(max(u, _EDGE), 1 - _EDGE))

    def to_unit(self, value: Any) -> float:
        return NormalDist(self.mu, self.sigma).cdf(value)

    def contains(self, value: Any) -> bool:
        return is_number(value)


@dataclass(frozen=True)
class LogNormal(Normal):
    """A positive number whose logarithm is normal with `mu` and `sigma`."""

    type: ClassVar[str] = "lognormal"

    def from_unit(self, u: float) -> float:
        return math.exp(min(max(super().from_unit(u), -708.0), 709.0))  # where floats end

    def to_unit(self, value: Any) -> float:
        return super().to_unit(math.log(value)) if value > 0 else 0.0

    def contains(self, value: Any) -> bool:
        return is_number(value) and value > 0


@dataclass(frozen=True)
class QNormal(Normal):
    """A normal number, rounded to a multiple of `q`; never clipped, as in NNI."""

    type: ClassVar[str] = "qnormal"
    q: float

    def from_unit(self, u: float) -> float:
        return _nearest_multiple(super().from_unit(u), self.q)

    def contains(self, value: Any) -> bool:
        return is_number(value) and _is_multiple(value, self.q)


@dataclass(frozen=True)
class QLogNormal(LogNormal):
    """A log-normal number, rounded to a multiple of `q` (0 is one); never clipped, as in NNI."""

    type: ClassVar[str] = "qlognormal"
    q: float

    def from_unit(self, u: float) -> float:
        return _nearest_multiple(super().from_unit(u), self.q)

    def contains(self, value: Any) -> bool:
        return is_number(value) and value >= 0 and _is_multiple(value, self.q)


def _multiple(k: int, q: float) -> float:
    # Decimal keeps 3 * 0.1 at 0.3; a step that is an integer keeps integers.
    return k * q if isinstance(q, int) else float(k * Decimal(repr(q)))


def _nearest_multiple(x: float, q: float) -> float:
    # Beyond 2**53 steps every float is as near to a multiple as floats get, and the quotient may overflow.
    steps = x / q
    return _multiple(round(steps), q) if abs(steps) < 2**53 else x


def _is_multiple(value: float, q: float) -> bool:
    return math.isclose(_nearest_multiple(value, q), value, rel_tol=1e-9, abs_tol=1e-12)
