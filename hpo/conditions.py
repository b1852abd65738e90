"""When a parameter is active: the tree of conditions between parameters, and NNI's nested form of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hpo.parameters import Parameter, same

__all__ = ["Condition", "Nest"]


@dataclass(frozen=True)
class Condition:
    """Hold where the parent is active and has one of these values."""

    parent: str
    values: tuple[Any, ...]

    def holds(self, configuration: Mapping[str, Any]) -> bool:
        """Tell whether this holds in a configuration (of active parameters only)."""
        if self.parent not in configuration:
            return False
        return any(same(configuration[self.parent], value) for value in self.values)


@dataclass(frozen=True)
class Nest:
    """NNI's nested form of a choice: for each option, in order, its sub-names and their flat names."""

    options: Mapping[str, Mapping[str, str]]

    def within(self, name: str, parameters: Mapping[str, Parameter]) -> Nest:
        """Return what is left of it where `name`, the choice, has fewer options, or fewer names are there."""
        return Nest(
            {
                option: {sub: flat for sub, flat in subs.items() if flat in parameters}
                for option, subs in self.options.items()
                if parameters[name].contains(option)
            }
        )
