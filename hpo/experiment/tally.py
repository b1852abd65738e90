"""What came of the trials so far: how many ended how, and the best of them."""

from __future__ import annotations

from hpo.objectives import Losses, Objectives, compromise, no_worse
from hpo.trial import Trial, TrialState

__all__ = ["Tally"]


class Tally:
    """Count the trials that end.

    Args:
        objectives: which results are better.

    Attributes:
        counts: how many trials ended in each state.
        imported: how many of them came from elsewhere.
        front: the best trials so far: of one objective the best, of several those that none dominates; of
            equals, the first.
        baseline: the trial that ran the source's own values, once it succeeded.
    """

    def __init__(self, objectives: Objectives) -> None:
        self._objectives = objectives
        self.counts: dict[TrialState, int] = dict.fromkeys(TrialState, 0)
        self.imported = 0
        self.front: list[tuple[Losses, Trial]] = []
        self.baseline: Trial | None = None

    @property
    def best(self) -> Trial | None:
        """The best trial so far; of several objectives, the nearest to the best of each."""
        at = compromise([losses for losses, _ in self.front])
        return None if at is None else self.front[at][1]

    def add(self, trial: Trial, origin: str) -> bool:
        """Count a trial that ended; return whether it is among the best so far."""
        self.counts[trial.state] += 1
        self.imported += origin == "imported"
        if origin == "baseline" and trial.value is not None:
            self.baseline = trial
        if trial.value is None or not self._objectives.is_feasible(trial.value, trial.data):
            return False
        losses = self._objectives.losses(trial.value, trial.data)
        if any(no_worse(best, losses) for best, _ in self.front):
            return False
        self.front = [(other, t) for other, t in self.front if not no_worse(losses, other)]
        self.front.append((losses, trial))
        return True
