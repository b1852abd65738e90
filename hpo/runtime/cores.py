"""The cores of this machine, so many for each trial, and no core for two."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from hpo.errors import DeviceError

__all__ = ["CorePool", "THREADS", "thread_limits"]

#: What tells numerical libraries how many threads to start: first OpenMP's, of numpy, torch and scikit-learn.
THREADS = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS")


class CorePool:
    """Hand cores to trials, neighbours together.

    Args:
        per_trial: how many cores a trial gets.

    Raises:
        DeviceError: this process may not use that many.
    """

    def __init__(self, per_trial: int) -> None:
        cores = sorted(os.sched_getaffinity(0), key=_place)
        self._count = len(cores)
        if per_trial > len(cores):
            raise DeviceError(
                f"the experiment asks for {per_trial} cores per trial, and this process may use {len(cores)}",
                help=f"set --cpus-per-trial {len(cores)} (trialCpuNumber) or fewer",
            )
        self._per_trial, self._free = per_trial, cores
        self._held: dict[int, tuple[int, ...]] = {}

    def acquire(self, trial_number: int) -> tuple[int, ...] | None:
        """Give a trial its cores, or None where it has to wait."""
        if len(self._free) < self._per_trial:
            return None
        taken, self._free = self._free[: self._per_trial], self._free[self._per_trial :]
        self._held[trial_number] = tuple(taken)
        return self._held[trial_number]

    def release(self, trial_number: int) -> None:
        """Take a trial's cores back."""
        self._free = sorted([*self._free, *self._held.pop(trial_number, ())], key=_place)

    def waiting_reason(self) -> str:
        """Say what a trial that was refused waits for."""
        cores = "1 core" if self._per_trial == 1 else f"{self._per_trial} cores"
        return f"{cores}: of {self._count}, the trials that run have {self._count - len(self._free)}"


def _place(core: int) -> tuple[int, int, int]:
    """Return where a core is, so that those of one chip, and the threads of one core, are neighbours."""
    folder = Path(f"/sys/devices/system/cpu/cpu{core}/topology")
    chip = unit = 0
    with contextlib.suppress(OSError, ValueError):
        chip = int((folder / "physical_package_id").read_text())
        unit = int((folder / "core_id").read_text())
    return chip, unit, core


def thread_limits(concurrency: int, per_trial: int | None) -> dict[str, str]:
    """Return the variables by which trials that run at once share the cores.

    A numerical library that starts a thread on each core in each of the trials is several times slower than
    one that does not.
    """
    if per_trial is None and concurrency == 1:
        return {}
    share = per_trial or max(1, len(os.sched_getaffinity(0)) // concurrency)
    return dict.fromkeys(THREADS, str(share))
