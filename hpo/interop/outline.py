"""What the exporters share: a space as other tools know one, without what is ours alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpo.constraints import Constraint, names_in
from hpo.errors import UsageError
from hpo.objectives import Objectives
from hpo.parameters import Parameter
from hpo.space import SearchSpace

__all__ = ["Outline", "options_of"]

_MOST = 256  # options that are written out


@dataclass(frozen=True)
class Outline:
    """What is exported.

    Attributes:
        name: the experiment's.
        space: what it searches.
        objectives: what is wanted of results.
        script: what its trials run, where that is a Python script.
        max_trials: how many trials it has, where that is limited.
    """

    name: str
    space: SearchSpace
    objectives: Objectives
    script: str | None
    max_trials: int | None

    @property
    def directions(self) -> Sequence[str]:
        """Which results are better, of each objective."""
        return [each.direction for each in self.objectives.each] or [self.objectives.direction]

    @property
    def alone(self) -> str:
        """What is said where a tool takes one objective and there are several; empty where there is one."""
        several = self.objectives.are_several
        return f"It searches the first objective alone: {self.objectives.each[0]}" if several else ""

    def conditions(self, values: str = "values") -> Mapping[str, str]:
        """Return when each conditional parameter is active, as a Python test over a dict of that name."""
        return {
            name: " and ".join(f"{values}.get({c.parent!r}) in {list(c.values)!r}" for c in conditions)
            for name, conditions in self.space.conditions.items()
            if conditions
        }

    @property
    def constraints(self) -> Sequence[str]:
        """What must hold, as Python tests over ``values``: true where a name in it is inactive."""
        return [_over_values(constraint) for constraint in self.space.constraints]

    def in_words(self, name: str) -> str:
        """Return when a parameter is active, for people; empty where it always is."""
        return " and ".join(
            f"{c.parent} is {' or '.join(map(repr, c.values))}" for c in self.space.conditions.get(name, ())
        )

    def notes(self, *, conditions: bool = True) -> Iterator[str]:
        """Yield what a form without conditions and constraints cannot say, in words."""
        for name in self.conditions() if conditions else ():
            yield f"{name} is active only where {self.in_words(name)}"
        for constraint in self.space.constraints:
            yield f"only where {constraint}"


def options_of(name: str, domain: Parameter) -> list[Any] | None:
    """Return the options of a choice, or of a list that has few; None for numbers.

    Raises:
        UsageError: it has too many.
    """
    if domain.type == "choice":
        return list(domain.values() or ())
    if domain.type not in ("subset", "permutation"):
        return None
    count: int = domain.count  # type: ignore[attr-defined]
    if count > _MOST:
        message = (
            f"{name} has {count} values, and other tools have no {domain.type}: up to {_MOST} are listed"
        )
        raise UsageError(message, help="fix it with --fix, or leave it to hpo")
    return list(domain.values() or ())


def _over_values(constraint: Constraint) -> str:
    text = constraint.text.strip()
    tree = ast.parse(text, mode="eval").body
    data = text.encode()  # columns of `ast` count bytes; a constraint is one line or several
    starts = [0]
    for line in data.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    places = sorted(names_in(tree), key=lambda pair: (pair[1].lineno, pair[1].col_offset), reverse=True)
    for name, node in places:
        begin = starts[node.lineno - 1] + node.col_offset
        end = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        data = data[:begin] + f"values[{name!r}]".encode() + data[end:]
    names = ", ".join(map(repr, constraint.names))
    return f"not {{{names}}} <= values.keys() or ({data.decode()})"
