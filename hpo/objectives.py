"""Several objectives: what is wanted of a result, which results are best, and how good all of them are.

A result is a dict. Of two results one *dominates* the other where it is no worse in any objective and better
in one; those that none dominates are the *front*. A result that misses a constraint is *infeasible*, and none
of the best whatever its objectives are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from hpo.errors import UsageError
from hpo.target import Target

__all__ = [
    "Direction",
    "Losses",
    "Objective",
    "Objectives",
    "compromise",
    "hypervolume",
    "no_worse",
    "non_dominated",
]

Direction = Literal["maximize", "minimize"]
Losses = tuple[float, ...]
T = TypeVar("T")

_WORDS: Mapping[str, Direction] = {
    "max": "maximize", "maximize": "maximize", "min": "minimize", "minimize": "minimize",
}  # fmt: skip


@dataclass(frozen=True)
class Objective:
    """A part of the result that is to be as large, or as small, as can be."""

    name: str
    direction: Direction

    @classmethod
    def read(cls, text: str) -> Objective:
        """Read ``acc:max`` or ``latency:min``.

        Raises:
            UsageError: it is no such text.
        """
        name, colon, word = text.strip().rpartition(":")
        if not colon or not name.strip() or word.strip() not in _WORDS:
            raise UsageError(f"{text!r} is no objective", help="write NAME:max or NAME:min, such as acc:max")
        return cls(name.strip(), _WORDS[word.strip()])

    def __str__(self) -> str:
        return f"{self.name}:{self.direction[:3]}"


class Objectives:
    """What is wanted of the results of an experiment.

    Args:
        texts: the objectives, the most important first, as ``acc:max``; none means the result itself.
        constraints: what a result must meet to count among the best, as ``latency<=50``.
        direction: of the result itself, where there are no objectives.

    Raises:
        UsageError: one is no objective, or no comparison; one is named twice.
    """

    def __init__(
        self, texts: Sequence[str] = (), constraints: Sequence[str] = (), direction: Direction = "maximize"
    ) -> None:
        self.each = tuple(map(Objective.read, texts))
        self.constraints = tuple(map(Target, constraints))
        self._direction = direction
        for objective in self.each:
            if [o.name for o in self.each].count(objective.name) > 1:
                message = f"the objective {objective.name} is given twice"
                raise UsageError(message, help="give each once, to be maximized or minimized")

    @property
    def are_several(self) -> bool:
        """Whether there is more than one, so that there is a front in the place of a best."""
        return len(self.each) > 1

    @property
    def are_plain(self) -> bool:
        """Whether the result itself is all that counts."""
        return not self.are_several and not self.constraints

    @property
    def names(self) -> tuple[str, ...]:
        """The parts that a result must have: of each objective, then of each constraint."""
        parts = [o.name for o in self.each] + [c.name for c in self.constraints if c.is_of_a_part]
        return tuple(dict.fromkeys(parts))

    @property
    def direction(self) -> Direction:
        """The direction of the first."""
        return self.each[0].direction if self.each else self._direction

    def losses(self, value: float, data: Mapping[str, Any] | None) -> Losses:
        """Return a result as numbers of which smaller ones are better; infinite for a part that it lacks."""
        if not self.each:
            return (-value if self._direction == "maximize" else value,)
        others = [(data or {}).get(objective.name) for objective in self.each[1:]]
        return tuple(
            _loss(found, objective.direction)
            for objective, found in zip(self.each, [value, *others], strict=True)
        )

    def is_feasible(self, value: float, data: Mapping[str, Any] | None) -> bool:
        """Tell whether a result meets all constraints."""
        return all(constraint.is_met(value, data) for constraint in self.constraints)

    def excesses(self, value: float, data: Mapping[str, Any] | None) -> Losses:
        """Return by how much a result misses each constraint."""
        return tuple(constraint.excess(value, data) for constraint in self.constraints)

    def front(self, results: Iterable[tuple[T, float, Mapping[str, Any] | None]]) -> list[T]:
        """Return the best of some results: those that are feasible and that none dominates.

        Args:
            results: what each belongs to, its value and the whole of it; of equal ones the first counts.

        Returns:
            The best in the first objective first.
        """
        return [each for each, _ in self._front(results)]

    def best(self, results: Iterable[tuple[T, float, Mapping[str, Any] | None]]) -> T | None:
        """Return the best of some results: of a front, that nearest to the best of each objective."""
        front = self._front(results)
        at = compromise([losses for _, losses in front])
        return None if at is None else front[at][0]

    def _front(self, results: Iterable[tuple[T, float, Mapping[str, Any] | None]]) -> list[tuple[T, Losses]]:
        known = [(each, self.losses(v, d)) for each, v, d in results if self.is_feasible(v, d)]
        kept = non_dominated([losses for _, losses in known])
        return sorted((known[i] for i in kept), key=lambda found: found[1])

    def __str__(self) -> str:
        wanted = ", ".join(map(str, self.each)) or self._direction
        return wanted + "".join(f", {constraint.text}" for constraint in self.constraints)


def no_worse(one: Losses, other: Losses) -> bool:
    """Tell whether a result is at least as good as another in every objective."""
    return all(a <= b for a, b in zip(one, other, strict=True))


def non_dominated(points: Sequence[Losses]) -> list[int]:
    """Return the positions of the points that none dominates, ascending; of equal ones the first."""
    kept: list[int] = []
    # In the order of their coordinates only those before dominate a point; in the plane, only the last.
    for i in sorted(range(len(points)), key=lambda i: (points[i], i)):
        if math.inf in points[i]:
            continue
        rivals = kept[-1:] if len(points[i]) == 2 else kept
        if not any(no_worse(points[k], points[i]) for k in rivals):
            kept.append(i)
    return sorted(kept)


def compromise(points: Sequence[Losses]) -> int | None:
    """Return the position of the point of a front that is nearest to the best of each objective.

    Each objective counts from its best to its worst on the front.
    """
    if not points:
        return None
    lows, highs = [min(c) for c in zip(*points, strict=True)], [max(c) for c in zip(*points, strict=True)]

    def distance(point: Losses) -> float:
        spans = zip(point, lows, highs, strict=True)
        parts = ((x / 2 - low / 2) / (high / 2 - low / 2) for x, low, high in spans if high > low)
        return math.fsum(part * part for part in parts)

    return min(range(len(points)), key=lambda i: (distance(points[i]), i))


def hypervolume(points: Sequence[Losses], reference: Losses) -> float:
    """Return the volume between some points and a reference: points that are not better everywhere have none.

    L. While, L. Bradstreet and L. Barone, "A Fast Way of Calculating Exact Hypervolumes", 2012: the volume of
    a point is what it has by itself, less what the later ones have within it.
    """
    inside = [p for p in points if all(x < r for x, r in zip(p, reference, strict=True))]
    front = sorted(inside[i] for i in non_dominated(inside))
    if len(reference) == 2:  # a staircase
        volume, above = 0.0, reference[1]
        for x, y in front:
            volume += (reference[0] - x) * (above - y)
            above = y
        return volume
    total = 0.0
    for i, point in enumerate(front):
        own = math.prod(r - x for x, r in zip(point, reference, strict=True))
        limited = [tuple(map(max, point, other)) for other in front[i + 1 :]]
        total += own - (hypervolume(limited, reference) if limited else 0.0)
    return total


def _loss(found: Any, direction: Direction) -> float:
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        return math.inf
    return -found if direction == "maximize" else found
