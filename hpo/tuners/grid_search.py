"""Grid search, epoch by epoch: each epoch halves the intervals of the one before.

Choices, lists and integers are on the grid with all their values from the first epoch on. A continuous
parameter begins with its median and is bisected by quantile: 1/2; 1/4, 3/4; 1/8, 3/8 ... as in NNI 3.0
(`docs/source/hpo/tuners.rst`, "Grid Search"). So one can stop at any time and has a uniform grid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from hpo.parameters import Arrangement, Choice, Parameter, RandInt
from hpo.space import Configuration
from hpo.trial import Trial
from hpo.tuners.base import Tuner

__all__ = ["GridSearch"]

_FINEST = 8  # the epoch up to which constraints may leave no point of the grid


class GridSearch(Tuner):
    """Propose every point of the grid, the last parameter changing fastest; done when a finite one is."""

    name = "GridSearch"
    takes_several = "any"

    def __init__(self, *args: Any, **common: Any) -> None:
        super().__init__(*args, **common)
        self._grid = self._points()
        self.epoch = 0

    def suggest(self, number: int) -> Trial | None:
        # What lies behind the iterator was proposed, so a tuner that begins anew (resume) passes over
        # exactly that and stands at the same point.
        point = next((p for p in self._grid if self.is_new(p)), None)
        self.done = point is None
        return None if point is None else Trial(number, point)

    def explain(self) -> Mapping[str, Any]:
        return {"model": "grid", "epoch": self.epoch}

    def _points(self) -> Iterator[Configuration]:
        for self.epoch in count():
            grid = {name: _ticks(self.space[name], self.epoch) for name in self.space}
            is_empty = True
            for point in self.space.configurations(grid.__getitem__):
                is_empty = False
                yield point
            if is_empty and self.epoch == _FINEST:
                return  # constraints that no grid will meet, such as an equation
            if all(len(ticks) == _size(self.space[name]) for name, ticks in grid.items()):
                return


def _ticks(parameter: Parameter, epoch: int) -> tuple[Any, ...]:
    """Return a parameter's values on the grid of an epoch."""
    values = parameter.values()
    if values is not None and isinstance(parameter, Arrangement | Choice | RandInt):
        return values
    parts = 2 ** (epoch + 1)
    if values is not None and parts > len(values):
        return values
    return tuple(dict.fromkeys(parameter.from_unit(k / parts) for k in range(1, parts)))


def _size(parameter: Parameter) -> int | None:
    values = parameter.values()
    return None if values is None else len(values)
