"""Successive halving in brackets: which configuration runs next, and for how many passes.

L. Li, K. Jamieson, G. DeSalvo, A. Rostamizadeh and A. Talwalkar, "Hyperband: A Novel Bandit-Based Approach
to Hyperparameter Optimization", JMLR 18 (2018), algorithm 1. Here a promoted configuration goes on from
its checkpoint instead of being run anew, so a rung costs the difference of the budgets.

What is known of a bracket is in the memos of its trials, so it comes back whole when they are replayed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

from hpo.tuners.base import Tuner

__all__ = ["Brackets", "Place", "Schedule"]

_EPSILON = 1e-9  # 3 ** -3 * 27 is a little less than 1


class Place(NamedTuple):
    """A place in a bracket that is to be filled.

    Attributes:
        bracket: from 0.
        rung: from 0.
        budget: the passes that a trial of this rung makes, with those of the rungs before.
        promoted: the trial of the rung before that goes on; None for a new configuration.
    """

    bracket: int
    rung: int
    budget: int
    promoted: int | None

    @property
    def memo(self) -> dict[str, int]:
        """What is remembered of a trial in this place."""
        return {"bracket": self.bracket, "rung": self.rung}


@dataclass(frozen=True)
class Schedule:
    """How large the rungs of the brackets are, and their budgets.

    Attributes:
        smallest: the least budget, R / eta^s_max or more.
        largest: the paper's R.
        eta: of `eta` trials of a rung one goes on.
    """

    smallest: int
    largest: int
    eta: int

    @property
    def kinds(self) -> int:
        """How many kinds of bracket there are: s_max + 1."""
        return int(math.log(self.largest / self.smallest, self.eta) + _EPSILON) + 1

    def sizes(self, bracket: int) -> list[int]:
        """Return how many trials each rung of a bracket has."""
        s = self._s(bracket)
        first = math.ceil(self.kinds / (s + 1) * self.eta**s - _EPSILON)
        return [first // self.eta**rung for rung in range(s + 1)]

    def budget(self, bracket: int, rung: int) -> int:
        """Return the budget of a rung."""
        return max(int(self.largest * self.eta ** (rung - self._s(bracket)) + _EPSILON), 1)

    def _s(self, bracket: int) -> int:
        # The brackets begin with the one of the most halvings, and come round again.
        return self.kinds - 1 - bracket % self.kinds


class Brackets:
    """The brackets of a tuner.

    Args:
        tuner: whose trials fill them.
        schedule: their sizes.
        mode: whether a bracket begins while trials of another are under way.
    """

    def __init__(self, tuner: Tuner, schedule: Schedule, mode: Literal["parallelism", "serial"]) -> None:
        self._tuner, self.schedule, self._mode = tuner, schedule, mode
        self._seen = 0  # the trials below this number are in their rungs
        self.rungs: dict[int, list[list[int]]] = {}  # the trials by bracket and rung
        self._ended: set[int] = set()

    def take_in(self) -> None:
        """Put the trials that there are into their rungs."""
        end = max(self._tuner.trials, default=-1) + 1
        for number in range(self._seen, end):
            self._take_in(number)
        self._seen = end

    def next_place(self) -> Place | None:
        """Return the place of the next trial; None where the results of others must come first."""
        self.take_in()
        for bracket in [b for b in sorted(self.rungs) if b not in self._ended]:
            place = self._place_in(bracket)
            if place is not None:
                return place
            if not self._is_waiting(bracket):
                self._ended.add(bracket)
            elif self._mode == "serial":
                return None
        new = max(self.rungs, default=-1) + 1
        return Place(new, 0, self.schedule.budget(new, 0), None)

    def _take_in(self, number: int) -> None:
        trial = self._tuner.trials.get(number)
        if trial is None or "bracket" not in trial.memo:
            return  # the user's own, or one of another experiment
        bracket = trial.memo["bracket"]
        rungs = self.rungs.setdefault(bracket, [[] for _ in self.schedule.sizes(bracket)])
        rungs[trial.memo["rung"]].append(number)

    def _place_in(self, bracket: int) -> Place | None:
        rungs, sizes = self.rungs[bracket], self.schedule.sizes(bracket)
        if len(rungs[0]) < sizes[0]:
            return Place(bracket, 0, self.schedule.budget(bracket, 0), None)
        for rung in range(1, len(sizes)):
            below = rungs[rung - 1]
            if any(number not in self._tuner.results for number in below):
                return None
            gone_on = {self._tuner.trials[number].memo["continues"] for number in rungs[rung]}
            for number in self._best(below, sizes[rung]):
                if number not in gone_on:
                    return Place(bracket, rung, self.schedule.budget(bracket, rung), number)
        return None

    def _best(self, numbers: list[int], count: int) -> list[int]:
        """Return the best of some trials; fewer where so many failed."""
        values = {n: value for n in numbers if (value := self._tuner.results[n]) is not None}
        return sorted(values, key=lambda n: (self._tuner.loss(values[n]), n))[:count]

    def _is_waiting(self, bracket: int) -> bool:
        return any(n not in self._tuner.results for rung in self.rungs[bracket] for n in rung)
