"""The ten kinds of parameters: what values each can take, how it samples, and the rules of its arguments.

Kinds, names and JSON are NNI's (`docs/source/hpo/search_space.rst` of NNI 3.0).
"""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from functools import cached_property
from statistics import NormalDist
from typing import Any, ClassVar, Protocol

from hpo.errors import SpaceError

__all__ = [
    "KINDS",
    "Choice",
    "LogNormal",
    "LogUniform",
    "Normal",
    "Parameter",
    "Problem",
    "QLogNormal",
    "QLogUniform",
    "QNormal",
    "QUniform",
    "RandInt",
    "Uniform",
    "create",
    "identity",
    "is_number",
    "problems",
    "same",
]

# Inverse normal CDFs are infinite at 0 and 1; eight standard deviations are as far as a sample gets.
_EDGE = 1e-15


class RandomSource(Protocol):
    """What sampling needs: `random.Random` and `numpy.random.Generator` both have it."""

    def random(self) -> float:
        """Return the next uniform number in [0, 1)."""


def identity(value: Any) -> str:
    """Return a text that two JSON values share exactly when they are the same value (1, 1.0, True differ)."""
    if type(value) is str:  # most options are: the same text, sooner
        return json.encoder.encode_basestring(value)
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def same(one: Any, other: Any) -> bool:
    """Tell whether two JSON values mean the same: as `identity`, but 1 and 1.0 are one number."""
    if is_number(one) and is_number(other):
        return bool(one == other)
    return identity(one) == identity(other)


class Parameter(ABC):
    """One hyperparameter's domain: a distribution over JSON values, seen through its quantiles.

    `from_unit` is the inverse of the cumulative distribution, so a uniform number in [0, 1) becomes a
    sample; `to_unit` maps a value back. Tuners that model the unit cube need nothing else.
    """

    type: ClassVar[str]

    @abstractmethod
    def from_unit(self, u: float) -> Any:
        """Return the value at quantile `u`, a number in [0, 1]."""

    @abstractmethod
    def to_unit(self, value: Any) -> float:
        """Return the quantile of a value of this domain, in [0, 1]."""

    @abstractmethod
    def contains(self, value: Any) -> bool:
        """Tell whether a JSON value belongs to this domain."""

    def values(self) -> tuple[Any, ...] | None:
        """Return all values, ascending or as written, or None where they are not finite."""
        return None

    def sample(self, rng: RandomSource) -> Any:
        """Draw one value."""
        return self.from_unit(rng.random())

    @property
    def arguments(self) -> tuple[Any, ...]:
        """The arguments of the constructor, as in NNI's `_value`."""
        return tuple(getattr(self, f.name) for f in fields(self))  # type: ignore[arg-type]

    def to_json(self) -> dict[str, Any]:
        """Return NNI's form: ``{"_type": "uniform", "_value": [0, 1]}``."""
        return {"_type": self.type, "_value": list(self.arguments)}

    def __str__(self) -> str:
        return f"{self.type}({', '.join(map(repr, self.arguments))})"

    def _validate(self) -> None:
        for problem in problems(self.type, self.arguments):
            raise SpaceError(problem.message, help=problem.help)


@dataclass(frozen=True, eq=False)
class Choice(Parameter):
    """One of several options, in no order. An option is any JSON value."""

    type: ClassVar[str] = "choice"
    options: tuple[Any, ...]

    def __post_init__(self) -> None:
        self._validate()

    # Options compare by identity: choice(0, 1) is not choice(False, True), and a list can be an option.
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Choice) and self._positions == other._positions

    def __hash__(self) -> int:
        return hash(tuple(self._positions))

    @property
    def arguments(self) -> tuple[Any, ...]:
        return self.options

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {identity(option): i for i, option in enumerate(self.options)}

    def index(self, value: Any) -> int:
        """Return the position of an option.

        Raises:
            SpaceError: it is none of the options.
        """
        found = self._positions.get(identity(value))
        if found is None:
            found = next((i for i, option in enumerate(self.options) if same(option, value)), None)
        if found is None:
            raise SpaceError(f"{value!r} is none of the options {list(self.options)!r}")
        return found

    def from_unit(self, u: float) -> Any:
        return self.options[min(int(u * len(self.options)), len(self.options) - 1)]

    def to_unit(self, value: Any) -> float:
        return (self.index(value) + 0.5) / len(self.options)

    def contains(self, value: Any) -> bool:
        try:
            self.index(value)
        except (SpaceError, TypeError, ValueError):
            return False
        return True

    def values(self) -> tuple[Any, ...]:
        return self.options


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


KINDS: Mapping[str, type[Parameter]] = {
    kind.type: kind
    for kind in (
        Choice, RandInt, Uniform, QUniform, LogUniform, QLogUniform, Normal, QNormal, LogNormal, QLogNormal,
    )
}  # fmt: skip


def create(kind: str, arguments: Sequence[Any]) -> Parameter:
    """Return the domain of NNI's type name `kind`, one of `KINDS`, with these arguments.

    Raises:
        SpaceError: it says what is wrong with them.
    """
    for problem in problems(kind, arguments):
        at = () if problem.argument is None else (problem.argument,)
        raise SpaceError(problem.message, help=problem.help, path=at)
    return Choice(tuple(arguments)) if kind == "choice" else KINDS[kind](*arguments)


def _multiple(k: int, q: float) -> float:
    # Decimal keeps 3 * 0.1 at 0.3; a step that is an integer keeps integers.
    return k * q if isinstance(q, int) else float(k * Decimal(repr(q)))


def _nearest_multiple(x: float, q: float) -> float:
    # Beyond 2**53 steps every float is as near to a multiple as floats get, and the quotient may overflow.
    steps = x / q
    return _multiple(round(steps), q) if abs(steps) < 2**53 else x


def _is_multiple(value: float, q: float) -> bool:
    return math.isclose(_nearest_multiple(value, q), value, rel_tol=1e-9, abs_tol=1e-12)


def is_number(value: Any) -> bool:
    """Tell whether a JSON value is a number that a float can hold, finite; booleans are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer of more than 308 digits
        return False


# ---------------------------------------------------------------------------------------------------
# The rules of a domain, once, for every spelling of it: JSON, marks, the command line, Python.


@dataclass(frozen=True)
class Problem:
    """What is wrong with the arguments of a domain.

    `argument` is the position of the argument at fault, or None where it is the call as a whole; `kind`
    is one of the words that the rules below use, for callers that number their diagnostics.
    """

    kind: str
    argument: int | None
    message: str
    help: str


_SIGNATURES: Mapping[str, tuple[str, ...]] = {
    "randint": ("low", "high"),
    "uniform": ("low", "high"),
    "quniform": ("low", "high", "q"),
    "loguniform": ("low", "high"),
    "qloguniform": ("low", "high", "q"),
    "normal": ("mu", "sigma"),
    "qnormal": ("mu", "sigma", "q"),
    "lognormal": ("mu", "sigma"),
    "qlognormal": ("mu", "sigma", "q"),
}


def problems(kind: str, arguments: Sequence[Any]) -> list[Problem]:
    """Return what is wrong with a domain's arguments; an empty list when nothing is.

    Args:
        kind: NNI's type name, one of `KINDS`.
        arguments: the values in order; for a choice, the options as JSON values.
    """
    if kind == "choice":
        return list(_choice_problems(arguments))
    names = _SIGNATURES[kind]
    form = f"{kind}({', '.join(names)})"
    if len(arguments) != len(names):
        given = "1 was" if len(arguments) == 1 else f"{len(arguments)} were"
        message = f"{kind} takes {len(names)} numbers, {given} given"
        return [Problem("arity", None, message, f"write {form}")]
    found = [
        Problem(
            "not_a_number",
            i,
            f"{name} of {kind} is {_shown(value)}, which is no finite number",
            f"write {form}",
        )
        for i, (name, value) in enumerate(zip(names, arguments, strict=True))
        if not is_number(value)
    ]
    return found or list(_number_problems(kind, dict(zip(names, arguments, strict=True))))


def _shown(value: Any) -> str:
    """Return a value as a message quotes it: an integer may have more digits than anybody would read."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _choice_problems(options: Sequence[Any]) -> Iterator[Problem]:
    if not options:
        yield Problem("no_options", None, "choice has no options", "write choice(a, b, ...)")
    seen: dict[str, int] = {}
    for i, option in enumerate(options):
        try:
            json.dumps(option, allow_nan=False)
        except (TypeError, ValueError):
            message = f"option {option!r} is no JSON value"
            yield Problem("not_json", i, message, "use numbers, strings, booleans, null, lists or objects")
            continue
        first = seen.setdefault(identity(option), i)
        if first != i:
            message = f"option {option!r} is listed twice"
            yield Problem("duplicate_option", i, message, "remove one of the two")


def _number_problems(kind: str, given: Mapping[str, float]) -> Iterator[Problem]:
    position = {name: i for i, name in enumerate(given)}
    if kind == "randint":
        for name in ("low", "high"):
            if not isinstance(given[name], int):
                message = f"{name} of randint is {given[name]!r}, which is no integer"
                yield Problem("not_an_integer", position[name], message, "use whole numbers, or quniform")
    if "low" in given and given["low"] >= given["high"]:
        message = f"low is {given['low']!r} and high is {given['high']!r}: {kind} needs low < high"
        yield Problem("low_not_below_high", 0, message, "swap or widen the bounds")
    if "log" in kind and "low" in given and given["low"] <= 0:
        message = f"low of {kind} is {given['low']!r}, and a logarithm needs it above 0"
        yield Problem("log_bound_not_positive", 0, message, "use a small positive number such as 1e-6")
    if "sigma" in given and given["sigma"] <= 0:
        message = f"sigma of {kind} is {given['sigma']!r}, and it must be above 0"
        yield Problem("sigma_not_positive", position["sigma"], message, "give a positive standard deviation")
    if "q" in given and given["q"] <= 0:
        message = f"q of {kind} is {given['q']!r}, and a step must be above 0"
        yield Problem("q_not_positive", position["q"], message, "give a positive step")
