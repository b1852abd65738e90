"""Where trials run: which GPUs and which cores each has, and what the next one waits for."""

from __future__ import annotations

import time
from dataclasses import dataclass

from hpo.runtime.cores import CorePool
from hpo.runtime.devices import GpuPool

__all__ = ["Place", "Places"]


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

    def __init__(
        self, gpus: GpuPool | None = None, *, hides_gpus: bool = False, cores: CorePool | None = None
    ) -> None:
        self._gpus, self._hides_gpus, self._cores = gpus, hides_gpus, cores
        self._waits_for: str | None = None
        self._waits_since = ""
        self.retry_after: float | None = None

    def acquire(self, trial_number: int) -> Place | None:
        """Give a trial its place, or None where it has to wait."""
        self.retry_after = None
        cores = self._cores.acquire(trial_number) if self._cores else None
        if self._cores and cores is None:
            self._wait(self._cores.waiting_reason())
            return None
        gpus = self._gpus.acquire(trial_number) if self._gpus else () if self._hides_gpus else None
        if self._gpus and gpus is None:
            self.release(trial_number)
            self.retry_after = self._gpus.retry_after
            self._wait(self._gpus.waiting_reason() or "a GPU")
            return None
        self._waits_for = None
        return Place(gpus, cores)

    def keep(self, trial_number: int) -> None:
        """Count a trial that an earlier runner gave its place: on one machine there is none."""

    def release(self, trial_number: int) -> None:
        """Take a trial's place back."""
        if self._gpus:
            self._gpus.release(trial_number)
        if self._cores:
            self._cores.release(trial_number)

    @property
    def waiting_reason(self) -> str | None:
        """What the trial that was refused last waits for, and since when; None where none waits."""
        if self._waits_for is None:
            return None
        return f"a trial waits since {self._waits_since} for {self._waits_for}"

    def _wait(self, reason: str) -> None:
        if self._waits_for is None:
            self._waits_since = time.strftime("%H:%M:%S")
        self._waits_for = reason
