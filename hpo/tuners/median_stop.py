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
        # Of each trial that ended, as soon as one is judged beside it: curves of the ended do not change.
        self._averages: dict[int, list[float]] = {}

    def should_stop(self, trial: Trial, peers: Sequence[Trial]) -> bool:
        own = self.losses(trial)
        step = len(own)
        if not step or step <= self.start_step:
            return False
        ended = (TrialState.SUCCEEDED, TrialState.EARLY_STOPPED)
        averages = [
            self._running_average(peer)[step - 1]
            for peer in peers
            if len(peer.intermediate) >= step and peer.number != trial.number and peer.state in ended
        ]
        return bool(averages) and min(own) > median(averages)

    def _running_average(self, ended: Trial) -> list[float]:
        """Return what an ended trial had on average after each of its results."""
        known = self._averages.get(ended.number)
        if known is None or len(known) != len(ended.intermediate):
            known, mean = [], 0.0
            for count, loss in enumerate(self.losses(ended), 1):
                mean = mean * ((count - 1) / count) + loss / count  # a sum of huge results would overflow
                known.append(mean)
            self._averages[ended.number] = known
        return known
