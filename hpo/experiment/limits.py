"""When an experiment has enough: its time, its failures, its patience, a result that is good enough."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hpo.config.model import Config
from hpo.runtime.queries import TrialRow
from hpo.target import Target
from hpo.trial import Trial, TrialState

__all__ = ["Limits"]

_JUDGED = (TrialState.SUCCEEDED, TrialState.FAILED, TrialState.EARLY_STOPPED)


class Limits:
    """Count what the limits of an experiment are about; the limits themselves may change as it runs.

    Attributes:
        winner: the number of the trial whose result is good enough.
    """

    def __init__(self, config: Config) -> None:
        self.winner: int | None = None
        self._failures = 0
        self._since_best = 0
        self._target: Target | None = None
        self.change(config)

    def change(self, config: Config) -> None:
        """Take other limits."""
        self._config = config
        if config.stop_when != (self._target.text if self._target else None):
            self._target = Target(config.stop_when) if config.stop_when is not None else None
            self.winner = None

    def look_back(self, rows: Iterable[TrialRow]) -> None:
        """Look for a result that is good enough among those that are stored."""
        for row in rows:
            if row.value is not None:
                self.result(row.number, row.value, row.data)

    def result(self, number: int, value: float, data: Mapping[str, Any] | None) -> str | None:
        """Take note of a final result; return what is odd about it."""
        if self._target is None or self.winner is not None:
            return None
        if self._target.is_met(value, data) and self._config.wanted.is_feasible(value, data):
            self.winner = number
        if self._target.is_missing(data):
            has = ", ".join(map(str, data or ()))
            return f"--stop-when {self._target.text}: no result is called {self._target.name}; there is {has}"
        return None

    def ended(self, trial: Trial, *, is_best: bool) -> None:
        """Take note of a trial that ended."""
        self._failures += trial.state is TrialState.FAILED
        self._since_best = 0 if is_best else self._since_best + (trial.state in _JUDGED)

    def reached(self, elapsed: float) -> str | None:
        """Return why no more trials should start, or None.

        Args:
            elapsed: the seconds that were spent on the experiment.
        """
        config = self._config
        if self.winner is not None:
            return f"trial {self.winner} reached {config.stop_when}"
        if config.max_duration is not None and elapsed >= config.max_duration:
            return f"the time limit of {config.max_duration:g} s is reached"
        if config.max_failures is not None and self._failures >= config.max_failures:
            return f"{self._failures} trials failed, and the limit is {config.max_failures}"
        if config.patience is not None and self._since_best >= config.patience:
            return f"the last {self._since_best} trials brought nothing better"
        return None
