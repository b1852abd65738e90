"""Import what trials would import, before they are forked, and find out what does not survive a fork."""

from __future__ import annotations

import _thread
import contextlib
import importlib
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["NOT_FORKED", "preload"]

#: Libraries that do not work in a process forked after they were imported: they start threads or devices.
NOT_FORKED = frozenset({"grpc", "jax", "jaxlib", "pyspark", "ray", "tensorflow", "torch_xla", "tkinter"})


def preload(modules: Sequence[str]) -> str | None:
    """Import modules in turn; return the first after which this process may not fork, and stop there.

    It may not once a Python thread runs (the pools of OpenBLAS and OpenMP look after themselves), a GPU is
    open, or a library is loaded that is known not to bear it, by whichever of the modules. A module that
    fails is left to the trial, where its error belongs.
    """
    for name in modules:
        with contextlib.suppress(BaseException):
            importlib.import_module(name)
        if _thread._count() or _has_device() or not NOT_FORKED.isdisjoint(sys.modules):
            return name
    return None


def _has_device() -> bool:
    """Tell whether a driver of NVIDIA's or AMD's is open: what it has set up is bound to this process."""
    for fd in os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else ():  # noqa: PTH112, PTH208
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/self/fd/{fd}").startswith(("/dev/nvidia", "/dev/kfd")):  # noqa: PTH115
                return True
    return False
