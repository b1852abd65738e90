"""The kinds of parameters: what values each can take, and how it samples.

Kinds, names and JSON are NNI's (`docs/source/hpo/search_space.rst` of NNI 3.0). Two are ours: `subset` and
`permutation`, whose values are lists.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from functools import cached_property
from itertools import combinations, permutations
from statistics import NormalDist
from typing import Any, ClassVar, Protocol

from hpo.errors import SpaceError
from hpo.rules import Problem, identity, is_number, problems

__all__ = [
    "KINDS",
    "Arrangement",
    "Choice",
    "LogNormal",
    "LogUniform",
    "Normal",
    "Parameter",
    "Permutation",
    "Problem",
    "QLogNormal",
    "QLogUniform",
    "QNormal",
    "QUniform",
    "RandInt",
    "Subset",
    "Uniform",
    "create",
    "identity",
    "is_number",
    "problems",
    "same",
]

# Inverse normal CDFs are infinite at 0 and 1; eight standard deviations are as far as a sample gets.
_EDGE = 1e-15

# More arrangements than these are not listed one by one.
_LISTED = 2**16


class RandomSource(Protocol):
    """What sampling needs: `random.Random` and `numpy.random.Generator` both have it."""

    def random(self) -> float:
        """Return the next uniform number in [0, 1)."""


def same(one: Any, other: Any) -> bool:
    """Tell whether two JSON values mean the same: as `identity`, but 1 and 1.0 are one number."""
    if is_number(one) and is_number(other):
        return bool(one == other)
    return identity(one) == identity(other)


class Parameter(ABC):
    """One hyperparameter's domain: a distribution over JSON values, seen through its quantiles.

    `from_unit` is the inverse of the cumulative distribution, so a uniform number in [0, 1) becomes a
    sample; `to_unit` maps a value back. Tuners that model the unit cube need nothing else.

    A list of several items has as many coordinates as items, `width`: `from_units` and `to_units` are the
    same for them. For it a single quantile is a place in the list of all its values.
    """

    type: ClassVar[str]

    @property
    def width(self) -> int:
        """How many coordinates of the unit cube it has."""
        return 1

    def from_units(self, units: Sequence[float]) -> Any:
        """Return the value at a point of the unit cube, in as many numbers as `width`."""
        return self.from_unit(units[0])

    def to_units(self, value: Any) -> tuple[float, ...]:
        """Return the point of the unit cube of a value of this domain."""
        return (self.to_unit(value),)

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
        return self.from_units([rng.random() for _ in range(self.width)])

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


class Arrangement(Parameter):
    """Lists of some of the given items: what `Subset` and `Permutation` share.

    Every item has a coordinate of the unit cube. So lists that differ in few items, or in the order of
    neighbours, are near each other for whatever models the cube, and no tuner must know of lists.
    """

    items: tuple[Any, ...]

    def __post_init__(self) -> None:
        self._validate()

    # Items compare by identity, as the options of a choice do.
    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and identity(self.to_json()) == identity(other.to_json())

    def __hash__(self) -> int:
        return hash(identity(self.to_json()))

    @property
    def width(self) -> int:
        """How many coordinates it has: one for each item."""
        return len(self.items)

    @property
    @abstractmethod
    def count(self) -> int:
        """How many values there are, however many."""

    @abstractmethod
    def _listed(self) -> Sequence[Sequence[Any]]:
        """Return all values, in the order of their quantiles."""

    @abstractmethod
    def _unranked(self, rank: int) -> list[int]:
        """Return the positions of the items of the value at a place in the list of all."""

    @abstractmethod
    def _rank(self, positions: Sequence[int]) -> int:
        """Return the place in the list of all of the value with items at these positions."""

    @abstractmethod
    def neighbour(self, value: Sequence[Any], rng: RandomSource) -> list[Any]:
        """Return a value that differs from another as little as can be; that one where there is no other."""

    @abstractmethod
    def differences(self, one: Sequence[Any], other: Sequence[Any]) -> int:
        """Return by how much two values differ: a metric."""

    @cached_property
    def _places(self) -> dict[str, int]:
        return {identity(item): i for i, item in enumerate(self.items)}

    @property
    def as_written(self) -> list[Any]:
        """The items in the order in which they are written, as many as there may be."""
        return list(self.items)

    def positions(self, value: Sequence[Any]) -> list[int]:
        """Return the positions among the items of those in a value.

        Raises:
            SpaceError: one is none of the items.
        """
        found = []
        for each in value:
            at = self._places.get(identity(each))
            if at is None:
                at = next((i for i, item in enumerate(self.items) if same(item, each)), None)
            if at is None:
                raise SpaceError(f"{each!r} is none of the items {list(self.items)!r}")
            found.append(at)
        return found

    def from_unit(self, u: float) -> list[Any]:
        rank = min(int(u * 2**53) * self.count >> 53, self.count - 1)  # exact, however many there are
        return self._at(self._unranked(rank))

    def to_unit(self, value: Any) -> float:
        return (2 * self._rank(self.positions(value)) + 1) / (2 * self.count)

    def _at(self, positions: Sequence[int]) -> list[Any]:
        return [self.items[i] for i in positions]

    def contains(self, value: Any) -> bool:
        try:
            found = self.positions(value) if isinstance(value, list | tuple) else None
        except (SpaceError, TypeError, ValueError):
            return False
        return found is not None and len(set(found)) == len(found) and self._has_room(len(found))

    def _has_room(self, size: int) -> bool:
        return size == len(self.items)

    def values(self) -> tuple[Any, ...] | None:
        return self._all if self.count <= _LISTED else None

    @cached_property
    def _all(self) -> tuple[Any, ...]:
        return tuple(list(value) for value in self._listed())


@dataclass(frozen=True, eq=False)
class Subset(Arrangement):
    """Some of the items, at least `min` and at most `max` of them, in the order in which they are written.

    A coordinate says whether its item is in: those above `1 - share` are. Where that makes too many or too
    few, the highest are.
    """

    type: ClassVar[str] = "subset"
    items: tuple[Any, ...]
    min: int = 0
    max: int | None = None

    @property
    def limits(self) -> tuple[int, int]:
        """The least and the most items."""
        return self.min, len(self.items) if self.max is None else self.max

    @property
    def as_written(self) -> list[Any]:
        """The first items, as many as there may be."""
        return list(self.items[: self.limits[1]])

    @cached_property
    def share(self) -> float:
        """How likely an item is to be in, so that a sample has about as many as the middle of the limits."""
        middle, half = sum(self.limits) / 2 / len(self.items), 0.5 / len(self.items)
        return min(max(middle, half), 1 - half)

    def from_units(self, units: Sequence[float]) -> list[Any]:
        low, high = self.limits
        size = min(max(sum(u >= 1 - self.share for u in units), low), high)
        ranked = sorted(range(len(units)), key=lambda i: (-units[i], i))
        return self._at(sorted(ranked[:size]))

    def to_units(self, value: Any) -> tuple[float, ...]:
        inside = set(self.positions(value))
        return tuple(1 - self.share / 2 if i in inside else 0.5 - self.share / 2 for i in range(self.width))

    def _has_room(self, size: int) -> bool:
        return self.limits[0] <= size <= self.limits[1]

    @cached_property
    def count(self) -> int:
        low, high = self.limits
        return sum(math.comb(self.width, size) for size in range(low, high + 1))

    def _listed(self) -> Sequence[Sequence[Any]]:
        low, high = self.limits
        return [each for size in range(low, high + 1) for each in combinations(self.items, size)]

    def _unranked(self, rank: int) -> list[int]:
        size, n = self.limits[0], self.width
        while rank >= math.comb(n, size):
            rank -= math.comb(n, size)
            size += 1
        chosen: list[int] = []
        for i in range(n):
            after = math.comb(n - i - 1, size - len(chosen) - 1) if len(chosen) < size else 0
            if rank < after:
                chosen.append(i)
            else:
                rank -= after
        return chosen

    def _rank(self, positions: Sequence[int]) -> int:
        inside, n, size = set(positions), self.width, len(positions)
        rank, left = sum(math.comb(n, s) for s in range(self.limits[0], size)), size
        for i in range(n):
            if i in inside:
                left -= 1
            elif left:
                rank += math.comb(n - i - 1, left - 1)
        return rank

    def differences(self, one: Sequence[Any], other: Sequence[Any]) -> int:
        """Return the number of items that are in one of two values alone."""
        return len(set(self.positions(one)) ^ set(self.positions(other)))

    def neighbour(self, value: Sequence[Any], rng: RandomSource) -> list[Any]:
        """Return a value with one item more, one less, or another in the place of one."""
        inside = self.positions(value)
        outside = [i for i in range(self.width) if i not in inside]
        low, high = self.limits
        moves = [
            *(["add"] if outside and len(inside) < high else []),
            *(["drop"] if inside and len(inside) > low else []),
            *(["swap"] if inside and outside else []),
        ]
        if not moves:
            return list(value)
        move = _drawn(moves, rng)
        gone = {_drawn(inside, rng)} if move != "add" else set()
        come = {_drawn(outside, rng)} if move != "drop" else set()
        return self._at(sorted(({*inside} - gone) | come))

    def to_json(self) -> dict[str, Any]:
        limits = {"_min": self.min} | ({} if self.max is None else {"_max": self.max})
        written = {"_type": self.type, "_value": list(self.items)}
        return {**written, **{key: n for key, n in limits.items() if n or key == "_max"}}

    def __str__(self) -> str:
        least = f", min={self.min}" if self.min else ""
        return f"subset({list(self.items)!r}{least}{'' if self.max is None else f', max={self.max}'})"


@dataclass(frozen=True, eq=False)
class Permutation(Arrangement):
    """All of the items, in any order.

    The items stand in the order of their coordinates, so near points of the cube are orders in which no item
    stands far from where it stands in the other.
    """

    type: ClassVar[str] = "permutation"
    items: tuple[Any, ...]

    def from_units(self, units: Sequence[float]) -> list[Any]:
        return self._at(sorted(range(len(units)), key=lambda i: (units[i], i)))

    def to_units(self, value: Any) -> tuple[float, ...]:
        place = {item: place for place, item in enumerate(self.positions(value))}
        return tuple((place[i] + 0.5) / self.width for i in range(self.width))

    @cached_property
    def count(self) -> int:
        return math.factorial(self.width)

    def _listed(self) -> Sequence[Sequence[Any]]:
        return list(permutations(self.items))

    def _unranked(self, rank: int) -> list[int]:
        left, order = list(range(self.width)), []
        while left:
            at, rank = divmod(rank, math.factorial(len(left) - 1))
            order.append(left.pop(at))
        return order

    def _rank(self, positions: Sequence[int]) -> int:
        left, rank = list(range(self.width)), 0
        for position in positions:
            at = left.index(position)
            del left[at]
            rank += at * math.factorial(len(left))
        return rank

    def differences(self, one: Sequence[Any], other: Sequence[Any]) -> int:
        """Return the number of pairs of items that are in another order: Kendall's distance."""
        place = {item: place for place, item in enumerate(self.positions(other))}
        return sum(place[a] > place[b] for a, b in combinations(self.positions(one), 2))

    def neighbour(self, value: Sequence[Any], rng: RandomSource) -> list[Any]:
        """Return an order in which two items have changed places, or one stands elsewhere."""
        order = list(value)
        if len(order) < 2:
            return order
        i = int(rng.random() * len(order))
        j = (i + 1 + int(rng.random() * (len(order) - 1))) % len(order)
        if rng.random() < 0.5:
            order[i], order[j] = order[j], order[i]
        else:
            order.insert(j, order.pop(i))
        return order

    def to_json(self) -> dict[str, Any]:
        return {"_type": self.type, "_value": list(self.items)}

    def __str__(self) -> str:
        return f"permutation({list(self.items)!r})"


def _drawn(options: Sequence[Any], rng: RandomSource) -> Any:
    return options[min(int(rng.random() * len(options)), len(options) - 1)]


KINDS: Mapping[str, type[Parameter]] = {
    kind.type: kind
    for kind in (
        Choice, RandInt, Uniform, QUniform, LogUniform, QLogUniform, Normal, QNormal, LogNormal, QLogNormal,
        Subset, Permutation,
    )
}  # fmt: skip


def create(kind: str, arguments: Sequence[Any]) -> Parameter:
    """Return the domain of the type name `kind`, one of `KINDS`, with these arguments of its constructor.

    Raises:
        SpaceError: it says what is wrong with them.
    """
    for problem in problems(kind, arguments):
        at = () if problem.argument is None else (problem.argument,)
        raise SpaceError(problem.message, help=problem.help, path=at)
    if kind == "choice":
        return Choice(tuple(arguments))
    if kind == "subset":
        items, least, most, *_ = (*arguments, None, None)
        return Subset(tuple(items), least or 0, most)
    if kind == "permutation":
        return Permutation(tuple(arguments[0]))
    return KINDS[kind](*arguments)


def _multiple(k: int, q: float) -> float:
    # Decimal keeps 3 * 0.1 at 0.3; a step that is an integer keeps integers.
    return k * q if isinstance(q, int) else float(k * Decimal(repr(q)))


def _nearest_multiple(x: float, q: float) -> float:
    # Beyond 2**53 steps every float is as near to a multiple as floats get, and the quotient may overflow.
    steps = x / q
    return _multiple(round(steps), q) if abs(steps) < 2**53 else x


def _is_multiple(value: float, q: float) -> bool:
    return math.isclose(_nearest_multiple(value, q), value, rel_tol=1e-9, abs_tol=1e-12)
