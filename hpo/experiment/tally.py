"""What came of the trials so far: how many ended how, and the best of them."""

from __future__ import annotations

from hpo.trial import Trial, TrialState
from hpo.tuners.base import Direction

__all__ = ["Tally"]


class Tally:
    """Count the trials that end.

    Args:
        direction: which results are better.

    Attributes:
        counts: how many trials ended in each state.
        imported: how many of them came from elsewhere.
        best: the best trial so far; of equals, the first.
        baseline: the trial that ran the source's own values, once it succeeded.
    """

    def __init__(self, direction: Direction) -> None:
        self._sign = 1 if direction == "maximize" else -1
        self.counts: dict[TrialState, int] = dict.fromkeys(TrialState, 0)
        self.imported = 0
        self.best: Trial | None = None
        self.baseline: Trial | None = None

    def add(self, trial: Trial, origin: str) -> bool:
        """Count a trial that ended; return whether it is the best so far."""
        self.counts[trial.state] += 1
        self.imported += origin == "imported"
        if origin == "baseline" and trial.value is not None:
            self.baseline = trial
        is_best = self._is_better(trial)
        if is_best:
            self.best = trial
        return is_best

    def _is_better(self, trial: Trial) -> bool:
        if trial.value is None or self.best is None or self.best.value is None:
            return trial.value is not None
        return self._sign * trial.value > self._sign * self.best.value
