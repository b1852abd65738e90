"""Hyperband: many configurations for a few passes, and the best of them for more.

L. Li, K. Jamieson, G. DeSalvo, A. Rostamizadeh and A. Talwalkar, "Hyperband: A Novel Bandit-Based Approach
to Hyperparameter Optimization", JMLR 18 (2018).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from hpo.space import Configuration
from hpo.trial import Trial
from hpo.tuners.arguments import AtLeast
from hpo.tuners.base import Tuner
from hpo.tuners.brackets import Brackets, Schedule

__all__ = ["Halving", "Hyperband"]


class Halving(Tuner):
    """What works in brackets of successive halving: a subclass says which, and what begins in them."""

    _brackets: Brackets

    def suggest(self, number: int) -> Trial | None:
        place = self._brackets.next_place()
        if place is None:
            return None
        if place.promoted is not None:
            return self.continued(number, place.promoted, place.budget, **place.memo)
        return Trial(number, self.draw(number), memo={"budget": place.budget, **place.memo})

    def draw(self, number: int) -> Configuration:
        """Return a configuration for the first rung of a bracket."""
        rng = self.rng(number)
        return self.unseen(lambda: self.space.sample(rng))

    def explain(self) -> Mapping[str, Any]:
        self._brackets.take_in()
        if not self._brackets.rungs:
            return {"model": "successive halving"}
        latest = max(self._brackets.rungs)
        budgets = [
            self._brackets.schedule.budget(latest, i) for i in range(len(self._brackets.rungs[latest]))
        ]
        rungs = {
            "1 pass" if budget == 1 else f"{budget} passes": len(rung)
            for budget, rung in zip(budgets, self._brackets.rungs[latest], strict=True)
        }
        return {"model": "successive halving", "bracket": latest, "trials of this bracket": rungs}


class Hyperband(Halving):
    """Halve successively, in brackets that begin with ever fewer configurations and more passes.

    Args:
        *args: the space.
        R: the passes of a whole trial; those of the marked loop where it is left out.
        eta: of so many trials of a rung one goes on to the next, with so many times the passes.
        exec_mode: whether a bracket begins while another waits for results, or all go one after the other.
        **common: direction and seed.
    """

    name = "Hyperband"
    whole_budget = "R"

    def __init__(
        self,
        *args: Any,
        R: Annotated[int, AtLeast(1)] = 60,  # noqa: N803 - NNI's name, and the paper's
        eta: Annotated[int, AtLeast(2)] = 3,
        exec_mode: Literal["parallelism", "serial"] = "parallelism",
        **common: Any,
    ) -> None:
        super().__init__(*args, **common)
        self._brackets = Brackets(self, Schedule(1, R, eta), exec_mode)
