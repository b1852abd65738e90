"""What every domain is: a distribution over JSON values, seen through its quantiles."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, ClassVar, Protocol

from hpo.errors import SpaceError
from hpo.rules import identity, is_number, problems

__all__ = ["Parameter", "RandomSource", "same"]


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
