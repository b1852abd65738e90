"""Asynchronous successive halving, in the form that stops trials.

L. Li, K. Jamieson, A. Rostamizadeh, E. Gonina, J. Ben-Tzur, M. Hardt, B. Recht and A. Talwalkar, "A System
for Massively Parallel Hyperparameter Tuning", MLSys 2020: a trial that reaches a rung passes it when it is
among the best of those that reached it so far. The paper pauses the others, and promotes some of them
later; here they end, so that any script that reports its results on the way can be tuned so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from hpo.trial import Trial, TrialState
from hpo.tuners.arguments import AtLeast
from hpo.tuners.assessor import Assessor

__all__ = ["ASHA"]

# What these reported is no worse than what others did: they only did not get on.
_PEERS = (TrialState.RUNNING, TrialState.SUCCEEDED, TrialState.EARLY_STOPPED)


class ASHA(Assessor):
    """Stop what is not among the best of those that reported as often.

    A trial is judged by the highest rung that it has reached, anew with every report, since peers reach
    that rung after it.

    Args:
        eta: of so many trials that reach a rung one passes; each rung is so many times as high as the last.
        min_budget: how many results a trial reports before the first rung.
        **common: direction.
    """

    name = "ASHA"

    def __init__(
        self,
        *,
        eta: Annotated[int, AtLeast(2)] = 3,
        min_budget: Annotated[int, AtLeast(1)] = 1,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.eta, self.min_budget = eta, min_budget

    def should_stop(self, trial: Trial, peers: Sequence[Trial]) -> bool:
        if len(trial.intermediate) < self.min_budget:
            return False
        rung = self._rung(len(trial.intermediate))
        own, number = trial.intermediate[rung - 1].value, trial.number
        # Peers may be thousands, and reports come often.
        reached = [
            peer.intermediate[rung - 1].value
            for peer in peers
            if len(peer.intermediate) >= rung and peer.number != number and peer.state in _PEERS
        ]
        places = max((len(reached) + 1) // self.eta, 1)
        better = sum(value > own for value in reached)
        if self.direction == "minimize":
            better = sum(value < own for value in reached)
        return better >= places

    def _rung(self, reports: int) -> int:
        """Return the highest rung that so many reports reach."""
        rung = self.min_budget
        while rung * self.eta <= reports:
            rung *= self.eta
        return rung
