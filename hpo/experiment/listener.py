"""Who is told what happens in an experiment: the command line, a notebook, a callback."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hpo.trial import Metric, Trial

if TYPE_CHECKING:
    from hpo.experiment.loop import Experiment

__all__ = ["Listener", "Listeners"]


class Listener:
    """Hear of everything, and do nothing; subclasses override what they care for."""

    def started(self, experiment: Experiment, trial: Trial) -> None:
        """Hear that a trial starts."""

    def reported(self, trial: Trial, metric: Metric) -> None:
        """Hear of an intermediate result."""

    def ended(self, experiment: Experiment, trial: Trial, detail: str | None) -> None:
        """Hear that a trial ended."""

    def noted(self, message: str) -> None:
        """Hear something that a person should know."""

    def over(self) -> None:
        """Hear that the experiment has ended, for now."""

    def tick(self, experiment: Experiment) -> float | None:
        """Show the time pass; return the seconds until the next call, or None for no more calls."""
        return None


class Listeners(Listener):
    """Tell several of everything; the first is a person's, who hears the notes and sees the time pass."""

    def __init__(self, first: Listener, *others: Listener) -> None:
        self._first, self._all = first, (first, *others)

    def started(self, experiment: Experiment, trial: Trial) -> None:
        for each in self._all:
            each.started(experiment, trial)

    def reported(self, trial: Trial, metric: Metric) -> None:
        for each in self._all:
            each.reported(trial, metric)

    def ended(self, experiment: Experiment, trial: Trial, detail: str | None) -> None:
        for each in self._all:
            each.ended(experiment, trial, detail)

    def noted(self, message: str) -> None:
        self._first.noted(message)

    def over(self) -> None:
        for each in self._all:
            each.over()

    def tick(self, experiment: Experiment) -> float | None:
        return self._first.tick(experiment)
