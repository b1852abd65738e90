"""Who is told what happens in an experiment: the command line, a notebook, a callback."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hpo.trial import Metric, Trial

if TYPE_CHECKING:
    from hpo.experiment.loop import Experiment

__all__ = ["Listener"]


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

    def tick(self, experiment: Experiment) -> float | None:
        """Show the time pass; return the seconds until the next call, or None for no more calls."""
        return None
