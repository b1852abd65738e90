"""One of some options, in no order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from hpo.errors import SpaceError
from hpo.parameters.parameter import Parameter, same
from hpo.rules import identity

__all__ = ["Choice"]


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
