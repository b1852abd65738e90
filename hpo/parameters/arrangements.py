"""Lists of the items of a list: some of them, or all in another order."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, permutations
from typing import Any, ClassVar

from hpo.errors import SpaceError
from hpo.parameters.parameter import Parameter, RandomSource, same
from hpo.rules import identity

__all__ = ["Arrangement", "Permutation", "Subset"]

# More arrangements than these are not listed one by one.
_LISTED = 2**16


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
