"""The median stopping rule.

D. Golovin et al., "Google Vizier: A Service for Black-Box Optimization", KDD 2017, section 3.2.1: stop a
trial whose best result so far is worse than the median of what its peers had on average by then.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Annotated, Any

from hpo.trial import Trial, TrialState
from hpo.tuners.arguments import AtLeast
from hpo.tuners.assessor import Assessor

__all__ = ["Medianstop"]


class Medianstop(Assessor):
    """Stop what is worse than the median of the ended trials' running averages at the same step.

    Trials that were stopped count with what they reported until then. NNI counts only those that ran to
    their end; so its median rises with every trial it stops, and it stops ever more.

    Args:
        start_step: how many results a trial may report before it is judged.
        **common: direction.
    """

    name = "Medianstop"

    def __init__(self, *, start_step: Annotated[int, AtLeast(0)] = 0, **common: Any) -> None:
        super().__init__(**common)
        self.start_step = start_step

    def should_stop(self, trial: Trial, peers: Sequence[Trial]) -> bool:
        own = self.losses(trial)
        step = len(own)
        if not step or step <= self.start_step:
            return False
        ended = (TrialState.SUCCEEDED, TrialState.EARLY_STOPPED)
        others = [p for p in peers if p.number != trial.number and p.state in ended]
        averages = [_mean(self.losses(p)[:step]) for p in others if len(p.intermediate) >= step]
        return bool(averages) and min(own) > median(averages)


def _mean(losses: Sequence[float]) -> float:
    # Term by term: a sum of huge results would overflow.
    return sum(loss / len(losses) for loss in losses)
