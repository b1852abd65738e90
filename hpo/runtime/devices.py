"""The GPUs of this machine, through NVML, handed to trials and taken back."""

from __future__ import annotations

from collections.abc import Sequence

from hpo.errors import DeviceError

__all__ = ["GpuPool"]


class GpuPool:
    """Hand GPUs to trials.

    Args:
        indices: the GPUs that may be used; None for all.
        per_trial: how many GPUs a trial gets.
        max_trials_per_gpu: how many trials may share one.
        use_active: whether GPUs on which other programs run may be used.

    Raises:
        DeviceError: this machine does not have what is asked for.
    """

    def __init__(
        self, indices: Sequence[int] | None, per_trial: int, max_trials_per_gpu: int, use_active: bool
    ) -> None:
        present = _gpu_count(per_trial)
        self._indices = tuple(range(present)) if indices is None else tuple(indices)
        missing = [index for index in self._indices if index >= present]
        if missing or per_trial > len(self._indices):
            raise DeviceError(
                f"the experiment asks for {_gpus(per_trial)} per trial among the GPUs "
                f"{', '.join(map(str, self._indices))}, and this machine has {present}, numbered from 0",
                help="mend gpuIndices and gpuNum",
            )
        self._per_trial, self._share, self._use_active = per_trial, max_trials_per_gpu, use_active
        self._held: dict[int, tuple[int, ...]] = {}

    def acquire(self, trial: int) -> tuple[int, ...] | None:
        """Give a trial its GPUs, the least shared first, or None where it has to wait."""
        load = {i: sum(i in held for held in self._held.values()) for i in self._indices}
        free = [i for i in self._indices if load[i] < self._share and (load[i] or self._is_free(i))]
        if len(free) < self._per_trial:
            return None
        self._held[trial] = tuple(sorted(free, key=lambda i: load[i])[: self._per_trial])
        return self._held[trial]

    def release(self, trial: int) -> None:
        """Take a trial's GPUs back."""
        self._held.pop(trial, None)

    def _is_free(self, index: int) -> bool:
        import pynvml

        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        return self._use_active or not pynvml.nvmlDeviceGetComputeRunningProcesses(handle)


def _gpu_count(wanted: int) -> int:
    import pynvml

    try:
        pynvml.nvmlInit()
        return int(pynvml.nvmlDeviceGetCount())
    except pynvml.NVMLError as error:
        raise DeviceError(
            f"the experiment asks for {_gpus(wanted)} per trial, and this machine has none ({error})",
            help="set gpuNum: 0 (--gpus-per-trial 0) to run without, or install NVIDIA's driver",
        ) from None


def _gpus(count: int) -> str:
    return "1 GPU" if count == 1 else f"{count} GPUs"
