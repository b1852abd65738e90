"""The GPUs of this machine, through NVML, handed to trials and taken back.

The rules are NNI's (`gpuScheduler.ts` of NNI 2.10): a GPU is offered while fewer than so many of our trials
run on it, and, unless active GPUs may be used, no program of others does. One thing is added: a GPU whose
memory others have filled is not offered.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hpo.errors import DeviceError

__all__ = ["GpuPool", "present_gpus"]

# Other programs end unannounced: this often, in seconds, a GPU that one of them uses is looked at again.
_RETRY_AFTER = 1.0

# The part of its share of memory that must be free for a trial to begin. What it will need is unknown;
# a desktop or a smaller neighbour should not keep it out, a GPU that somebody filled should.
_ENOUGH = 0.5

# What a GPU needs before any program can use it again, after a fault of its memory say, by NVML's name.
# Other faults leave it usable: memory that is remapped at the next reset is passed over until then.
_NEEDS = {
    "GPU_RESET": "a reset",
    "BUS_RESET": "a reset",
    "NODE_REBOOT": "a reboot",
    "SYSTEM_REBOOT": "a reboot",
}

_CURE = "set gpuNum: 0 (trialGpuNumber: 0, --gpus-per-trial 0) to run without GPUs"


@dataclass(frozen=True)
class _Reading:
    """One GPU at this moment: how much of its memory is free, and what keeps a trial from it, if anything."""

    index: int
    load: int
    free: float = 0.0
    obstacle: str | None = None


class GpuPool:
    """Hand GPUs to trials.

    GPUs have NVML's numbers, those of `nvidia-smi`; CUDA counts alike with ``CUDA_DEVICE_ORDER=PCI_BUS_ID``.

    Args:
        indices: the GPUs that may be used; None for all that ``CUDA_VISIBLE_DEVICES`` leaves.
        per_trial: how many GPUs a trial gets; 0.5 lets two trials share one.
        max_trials_per_gpu: how many trials may share a GPU; with a fraction, a limit where it is above 1.
        use_active: whether GPUs on which other programs run may be used.

    Attributes:
        retry_after: after a refusal, the seconds until it is worth asking again; None where only trials of
            this experiment are in the way, which end with a `release`.

    Raises:
        DeviceError: this machine does not have what is asked for.
    """

    def __init__(
        self, indices: Sequence[int] | None, per_trial: float, max_trials_per_gpu: int, use_active: bool
    ) -> None:
        if per_trial <= 0 or (per_trial > 1 and per_trial != int(per_trial)):
            raise DeviceError(
                f"the experiment asks for {per_trial:g} GPUs per trial",
                help="a trial gets a part of one GPU, such as 0.5, or whole ones",
            )
        self._wanted = _gpus(per_trial)
        self._nvml, present = _open_nvml(self._wanted)
        self._indices = self._visible(present) if indices is None else tuple(dict.fromkeys(indices))
        self._check_indices(present)
        self._count = max(1, int(per_trial))
        self._share = max_trials_per_gpu
        if per_trial < 1:
            fitting = int(1 / per_trial + 1e-9)
            self._share = min(fitting, max_trials_per_gpu) if max_trials_per_gpu > 1 else fitting
        if self._count > len(self._indices):
            raise DeviceError(
                f"the experiment asks for {self._wanted} per trial and may use only {_listed(self._indices)}",
                help="ask for fewer, or name more in gpuIndices",
            )
        self._use_active = use_active
        self._held: dict[int, tuple[int, ...]] = {}
        self.retry_after: float | None = None
        self._obstacles: list[str] = []

    def acquire(self, trial_number: int) -> tuple[int, ...] | None:
        """Give a trial its GPUs, the least shared and least filled ones, or None where it has to wait."""
        load = Counter(index for held in self._held.values() for index in held)
        readings = [self._read(index, load[index]) for index in self._indices]
        free = [reading for reading in readings if reading.obstacle is None]
        if len(free) < self._count:
            self._obstacles = [reading.obstacle for reading in readings if reading.obstacle is not None]
            others = any(reading.obstacle and reading.load < self._share for reading in readings)
            self.retry_after = _RETRY_AFTER if others else None
            return None
        # A few megabytes more or less tell nothing: equal GPUs are taken in their order.
        free.sort(key=lambda reading: (reading.load, -round(reading.free, 1), reading.index))
        self._obstacles = []
        self._held[trial_number] = tuple(sorted(reading.index for reading in free[: self._count]))
        return self._held[trial_number]

    def release(self, trial_number: int) -> None:
        """Take a trial's GPUs back."""
        self._held.pop(trial_number, None)

    def waiting_reason(self) -> str | None:
        """Say what the trial that was refused last waits for; None where none waits."""
        return f"{self._wanted}: {'; '.join(self._obstacles)}" if self._obstacles else None

    def _read(self, index: int, load: int) -> _Reading:
        if load >= self._share:
            trials = "a trial" if load == 1 else f"{load} trials"
            return _Reading(index, load, obstacle=f"GPU {index} runs {trials} of this experiment")
        nvml = self._nvml
        try:
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            # Where trials of ours run, the processes are theirs; what a neighbour fills shows in the memory.
            alone = load == 0 and not self._use_active
            processes = self._ask(nvml.nvmlDeviceGetComputeRunningProcesses, handle) if alone else None
            memory = self._ask(nvml.nvmlDeviceGetMemoryInfo, handle)
            needs = self._ask(self._what_it_needs, handle)
        except nvml.NVMLError as error:
            # This GPU is passed over until it answers again; the others go on.
            return _Reading(index, load, obstacle=f"GPU {index} does not answer ({error})")
        if needs is not None:
            return _Reading(index, load, obstacle=f"GPU {index} needs {needs} (nvidia-smi -q says more)")
        if processes:
            pids = ", ".join(str(process.pid) for process in processes[:3])
            return _Reading(index, load, obstacle=f"GPU {index} is used by another program (process {pids})")
        free = memory.free / memory.total if memory is not None and memory.total else 1.0
        if free < _ENOUGH / self._share:
            return _Reading(index, load, obstacle=f"GPU {index} has {free:.0%} of its memory free")
        return _Reading(index, load, free)

    def _ask(self, question: Callable[[Any], Any], handle: Any) -> Any:
        """Return NVML's answer, or None where this kind of GPU cannot tell."""
        try:
            return question(handle)
        except (self._nvml.NVMLError_NotSupported, self._nvml.NVMLError_FunctionNotFound):
            return None

    def _what_it_needs(self, handle: Any) -> str | None:
        """Return what a GPU needs before any program can use it, as drivers from 560 on tell."""
        field = getattr(self._nvml, "NVML_FI_DEV_GET_GPU_RECOVERY_ACTION", None)
        if field is None:
            return None
        (answer,) = self._nvml.nvmlDeviceGetFieldValues(handle, [field])
        actions = {getattr(self._nvml, f"NVML_GPU_RECOVERY_ACTION_{name}", None): name for name in _NEEDS}
        return _NEEDS.get(actions.get(answer.value.uiVal, "")) if answer.nvmlReturn == 0 else None

    def _visible(self, present: int) -> tuple[int, ...]:
        """Return the GPUs that the user's own environment leaves to this process, as CUDA reads it."""
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        if visible is None:
            return tuple(range(present))
        found: dict[int, None] = {}
        for word in visible.split(","):
            index = self._index_of(word.strip(), present)
            if index is None:
                break  # CUDA stops at the first that it does not know
            found[index] = None
        if not found:
            raise DeviceError(
                f"the experiment asks for {self._wanted} per trial, and CUDA_VISIBLE_DEVICES={visible!r} "
                f"leaves none of this machine's {_gpus(present)}",
                help="unset CUDA_VISIBLE_DEVICES, or name the GPUs in gpuIndices",
            )
        return tuple(found)

    def _index_of(self, word: str, present: int) -> int | None:
        if not word.startswith("GPU-"):
            return int(word) if word.isdecimal() and int(word) < present else None
        return next((i for i in range(present) if self._about("UUID", i).startswith(word)), None)

    def _about(self, what: str, index: int) -> str:
        try:
            handle = self._nvml.nvmlDeviceGetHandleByIndex(index)
            return str(getattr(self._nvml, f"nvmlDeviceGet{what}")(handle))
        except self._nvml.NVMLError as error:
            return str(error)

    def _check_indices(self, present: int) -> None:
        missing = [index for index in self._indices if not 0 <= index < present]
        if missing:
            there = ", ".join(f"GPU {i} ({self._about('Name', i)})" for i in range(present))
            raise DeviceError(
                f"the experiment asks for {_listed(self._indices)}, and this machine has no "
                f"{_listed(missing)}; it has {there}",
                help="name GPUs that are there in gpuIndices",
            )


def present_gpus() -> list[tuple[str, int, int]]:
    """Return the GPUs of this machine: name, free memory and all of it, in bytes.

    Raises:
        DeviceError: there are none.
    """
    nvml, count, cause = _begun_nvml()
    if not count:
        raise DeviceError(cause)
    found = []
    for index in range(count):
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
        found.append((str(nvml.nvmlDeviceGetName(handle)), int(memory.free), int(memory.total)))
    return found


def _open_nvml(wanted: str) -> tuple[Any, int]:
    """Return NVML, begun, and how many GPUs it sees; imported here, since most experiments need none."""
    nvml, present, cause = _begun_nvml()
    if not present:
        message = f"the experiment asks for {wanted} per trial, and this machine has none: {cause}"
        raise DeviceError(message, help=_CURE)
    return nvml, present


def _begun_nvml() -> tuple[Any, int, str]:
    """Return NVML, begun, how many GPUs it sees, and why there are none."""
    import pynvml

    try:
        pynvml.nvmlInit()
        return pynvml, int(pynvml.nvmlDeviceGetCount()), "NVIDIA's driver sees no GPU"
    except pynvml.NVMLError_LibraryNotFound:
        return pynvml, 0, "no NVIDIA driver was found (libnvidia-ml.so.1)"
    except pynvml.NVMLError as error:
        return pynvml, 0, f"NVIDIA's driver says: {error}"


def _gpus(count: float) -> str:
    return "1 GPU" if count == 1 else f"{count:g} of a GPU" if count < 1 else f"{count:g} GPUs"


def _listed(indices: Sequence[int]) -> str:
    return f"GPU {indices[0]}" if len(indices) == 1 else f"GPUs {', '.join(map(str, indices))}"
