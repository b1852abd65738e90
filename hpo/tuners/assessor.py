"""The contract of an assessor: it says which running trials are not worth their time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from hpo.errors import TunerError
from hpo.trial import Trial
from hpo.tuners.base import Direction

__all__ = ["Assessor"]


class Assessor(ABC):
    """Judge a running trial by what it reported, and by what its peers did.

    What it answers depends on its arguments alone, so a resumed experiment stops the trials that the
    uninterrupted one would have; what it keeps can only be what it would compute again.

    Args:
        direction: whether larger results are better.
    """

    #: NNI's name of the assessor, and the default direction that NNI gives it.
    name: ClassVar[str]
    default_direction: ClassVar[Direction] = "maximize"

    def __init__(self, *, direction: Direction = "maximize") -> None:
        if direction not in ("maximize", "minimize"):
            raise TunerError(f"direction is {direction!r}", help="it is maximize or minimize")
        self.direction: Direction = direction

    @abstractmethod
    def should_stop(self, trial: Trial, peers: Sequence[Trial]) -> bool:
        """Tell whether to stop a trial, after its latest intermediate result.

        Args:
            trial: the running trial.
            peers: the other trials of the experiment, running and ended; `trial` itself may be among them.
        """

    def end(self, *, failed: bool) -> None:  # noqa: B027 - few have something to close
        """Learn that the experiment ends for now; `failed` says that a class of the user's failed."""

    def losses(self, trial: Trial) -> list[float]:
        """Return a trial's intermediate results so that smaller is better."""
        sign = -1.0 if self.direction == "maximize" else 1.0
        return [sign * metric.value for metric in trial.intermediate]

    def loss(self, trial: Trial) -> float | None:
        """Return a trial's final result so that smaller is better."""
        if trial.value is None:
            return None
        return -trial.value if self.direction == "maximize" else trial.value
