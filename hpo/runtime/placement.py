"""Where trials run: which GPUs and which cores each has, and what the next one waits for."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from hpo.runtime.cores import CorePool
from hpo.runtime.devices import GpuPool
from hpo.runtime.strays import Stray

__all__ = ["Place", "Places"]


_RETRY_AFTER = 1.0  # seconds between two looks at what does not end


@dataclass(frozen=True)
class Place:
    """What a trial has of this machine for itself; None where nothing is assigned."""

    gpus: tuple[int, ...] | None = None
    cores: tuple[int, ...] | None = None

    def variables(self) -> dict[str, str]:
        """Return the environment that holds a trial to its place."""
        variables = {}
        if self.gpus is not None:
            variables["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, self.gpus))  # none hides them
            variables["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"  # NVML's order, which the numbers are in
        if self.cores is not None:
            variables["HPO_TRIAL_CORES"] = ",".join(map(str, self.cores))
        return variables


class Places:
    """Hand places to trials, and take them back.

    Args:
        gpus: the GPUs; None where none are scheduled.
        hides_gpus: whether trials see no GPU at all.
        cores: the cores; None where trials share them.

    Attributes:
        retry_after: after a refusal, the seconds until it is worth asking again; None where only trials of
            this experiment are in the way.
    """

    # A pool knows places by numbers of their own: a trial may run again while its old place is not free yet.

    def __init__(
        self, gpus: GpuPool | None = None, *, hides_gpus: bool = False, cores: CorePool | None = None
    ) -> None:
        self._gpus, self._hides_gpus, self._cores = gpus, hides_gpus, cores
        self._waits_for: str | None = None
        self._waits_since = ""
        self.retry_after: float | None = None
        self._numbers = count()
        self._number_of: dict[int, int] = {}  # the place of each trial
        self._left: dict[int, Sequence[Stray]] = {}  # what does not end, in which place

    def acquire(self, trial_number: int) -> Place | None:
        """Give a trial its place, or None where it has to wait."""
        self.retry_after = _RETRY_AFTER if self.left else None
        number = self._number_of[trial_number] = next(self._numbers)
        cores = self._cores.acquire(number) if self._cores else None
        if self._cores and cores is None:
            self.release(trial_number)
            self._wait(self._cores.waiting_reason())
            return None
        gpus = self._gpus.acquire(number) if self._gpus else () if self._hides_gpus else None
        if self._gpus and gpus is None:
            self.release(trial_number)
            self.retry_after = self._gpus.retry_after or self.retry_after
            self._wait(self._gpus.waiting_reason() or "a GPU")
            return None
        self._waits_for = None
        return Place(gpus, cores)

    def keep(self, trial_number: int) -> None:
        """Count a trial that an earlier runner gave its place: on one machine there is none."""

    def release(self, trial_number: int, left: Sequence[Stray] = ()) -> None:
        """Take a trial's place back, once what is left of the trial has ended."""
        number = self._number_of.pop(trial_number, None)
        if number is not None and left:
            self._left[number] = left
        elif number is not None:
            self._free(number)

    @property
    def left(self) -> list[Stray]:
        """What does not end, and keeps its place as long as it lives."""
        for number, strays in list(self._left.items()):
            if not any(stray.lives() for stray in strays):
                del self._left[number]
                self._free(number)
        return [stray for strays in self._left.values() for stray in strays if stray.lives()]

    def _free(self, number: int) -> None:
        if self._gpus:
            self._gpus.release(number)
        if self._cores:
            self._cores.release(number)

    @property
    def waiting_reason(self) -> str | None:
        """What the trial that was refused last waits for, and since when; None where none waits."""
        if self._waits_for is None:
            return None
        return f"a trial waits since {self._waits_since} for {self._waits_for}"

    def _wait(self, reason: str) -> None:
        if self._waits_for is None:
            self._waits_since = time.strftime("%H:%M:%S")
        held = "".join(f"; {stray}, was killed and does not end" for stray in self.left)
        self._waits_for = reason + held
