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

    from hpo.runtime.snapshot import Snapshot

__all__ = ["NOT_FORKED", "Elsewhere", "make_way", "preload"]

#: Libraries that do not work in a process forked after they were imported: they start threads or devices.
NOT_FORKED = frozenset({"grpc", "jax", "jaxlib", "pyspark", "ray", "tensorflow", "torch_xla", "tkinter"})

#: What every Python has loaded before its script begins: no module of the script's own can hide it.
_AT_START = frozenset(
    {"abc", "codecs", "encodings", "genericpath", "importlib", "io", "os", "posixpath", "runpy", "site"}
    | {"stat", *sys.builtin_module_names}
)

_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_HPO = os.path.dirname(os.path.dirname(__file__)) + os.sep  # noqa: PTH120


def make_way(snapshot: Snapshot, folder: str) -> None:
    """Forget modules of the standard library that own ones of the script hide: we needed them, it does not.

    Args:
        snapshot: has the script's own modules.
        folder: the script's.
    """
    for name in list(sys.modules):
        first = name.partition(".")[0]
        if first in sys.stdlib_module_names and first not in _AT_START:
            path = os.path.join(folder, first)  # noqa: PTH118
            if f"{path}.py" in snapshot or f"{path}/__init__.py" in snapshot:
                del sys.modules[name]


def preload(modules: Sequence[str], own: Sequence[str]) -> str | None:
    """Import modules in turn; return the first after which this process may not fork, and stop there.

    It may not once a Python thread runs (the pools of OpenBLAS and OpenMP look after themselves), a GPU is
    open, or a library is loaded that is known not to bear it, by whichever of the modules. A module that
    fails is left to the trial, where its error belongs; so is one that loads what is the script's own.

    Args:
        modules: their names.
        own: the names of the script's own modules that are loaded, at any time.
    """
    for name in modules:
        with contextlib.suppress(BaseException):
            importlib.import_module(name)
        if own or _thread._count() or _has_device() or not NOT_FORKED.isdisjoint(sys.modules):
            return name
    return None


class Elsewhere:
    """What was imported, is not frozen and not where packages are installed: somebody may edit it."""

    def __init__(self) -> None:
        installed = (os.path.dirname(os.__file__) + os.sep, _HPO)  # noqa: PTH120
        files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
        self._seen = {
            path: _stamp(path)
            for path in files
            if isinstance(path, str)
            and path.endswith(".py")
            and not path.startswith(installed)
            and not any(folder in path for folder in _INSTALLED)
        }

    def changed(self) -> list[str]:
        """Return the files that are no longer what was imported."""
        return [path for path, stamp in self._seen.items() if _stamp(path) != stamp]


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _has_device() -> bool:
    """Tell whether a driver of NVIDIA's or AMD's is open: what it has set up is bound to this process."""
    for fd in os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else ():  # noqa: PTH112, PTH208
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/self/fd/{fd}").startswith(("/dev/nvidia", "/dev/kfd")):  # noqa: PTH115
                return True
    return False
