"""The default tuner: it spreads a few trials, then lets searches take turns that know the tree of conditions.

What the turns are, and what they see, stands in `portfolio.py`. This module needs the standard library
alone: the first trials start before numpy and scipy are there, which load while they run.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from hpo.trial import Trial, TrialState
from hpo.tuners.base import Tuner
from hpo.tuners.qmc import HaltonSequence, spread

if TYPE_CHECKING:
    from hpo.tuners.portfolio import Portfolio

__all__ = ["Auto"]

_MODELS = "hpo.tuners.portfolio"


class Auto(Tuner):
    """Choose by what it sees: the default."""

    name = "Auto"
    takes_several = "one"

    def __init__(self, *args: Any, **common: Any) -> None:
        super().__init__(*args, **common)
        self._sequence = HaltonSequence(self.space.width, self.seed)
        self._untaught: list[Trial] = []  # told, before the models were there
        self._usable = 0

    @property
    def _startup(self) -> int:
        """How many results a model needs: one more than there are coordinates, between 4 and 10."""
        return min(10, max(4, self.space.width + 1))

    @property
    def _starting(self) -> bool:
        # Where most trials fail, two results and what failed say more than further draws.
        enough = self._startup if len(self.results) < 2 * self._startup else 2
        return self._usable < enough

    def observe(self, trial: Trial, value: float | None) -> None:
        stopped = trial.state is TrialState.EARLY_STOPPED and bool(trial.intermediate)
        self._usable += value is not None or stopped
        if "_portfolio" in vars(self):
            self._portfolio.observe(self, trial)
            return
        self._untaught.append(trial)
        if len(self._untaught) == self._startup // 2:
            # In time, and where starting trials need not wait for it. No daemon: an interpreter that ends
            # in the middle of an import of compiled modules may crash.
            threading.Thread(target=import_module, args=(_MODELS,)).start()

    @cached_property
    def _portfolio(self) -> Portfolio:
        portfolio: Portfolio = import_module(_MODELS).Portfolio(self.space, self._startup)
        for trial in self._untaught:
            portfolio.observe(self, trial)
        self._untaught = []
        return portfolio

    def suggest(self, number: int) -> Trial:
        if self._starting:
            return Trial(number, spread(self, self._sequence, number))
        turn, draw = self._portfolio.turn(self, number)
        return Trial(number, self.unseen(draw, draws=40), memo={"search": turn})

    def explain(self) -> Mapping[str, Any]:
        if self._starting:
            why = f"{self._usable} of {self._startup} startup results are in"
            return {"model": "quasi-random", "why": why}
        return self._portfolio.explain(self)
