"""The processes of an experiment's trials: known wherever they went, and ended.

A process is known by a mark that it inherits, never by a number that was written down, which may be another
process's by now. The mark must outlast all that a daemon does to be rid of its origin: fork twice, begin a
session, close every descriptor, clear the environment. So it is a resource limit, which the kernel hands on
through every fork and exec and shows to the user's other processes (`prlimit`): RLIMIT_RTTIME, how many
microseconds a real-time process may compute at a stretch. Nobody else sets it, and the value says whose the
process is and limits nothing: it is above 146,000 years.

Where a sandbox lets nobody set it, the environment is left, as ``/proc`` shows it: that of the last exec, so
that what was only forked is not known by it.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

__all__ = ["Mark", "Stray", "end_left_in", "end_strays", "left_in", "living"]

_PATIENCE = 5.0  # seconds for the kernel to end what was killed

_FOLDER = b"HPO_TRIAL_DIR="

_NUMBER_BITS, _EXPERIMENT_BITS = 28, 32
_MARKED = 1 << 62
_HARD_LIMIT = resource.getrlimit(resource.RLIMIT_RTTIME)[1] if sys.platform == "linux" else 0


class Mark:
    """What the processes of a trial, of an experiment's trials, or of any trial at all bear.

    Args:
        experiment: its id; None for any.
        number: the trial's; None for all of the experiment.
    """

    def __init__(self, experiment: str | None = None, number: int | None = None) -> None:
        self._limit = _MARKED
        self._ignored = _NUMBER_BITS + _EXPERIMENT_BITS
        self._variables: list[bytes] = []
        if experiment is not None:
            self._limit |= zlib.crc32(experiment.encode()) << _NUMBER_BITS
            self._ignored = _NUMBER_BITS
            self._variables.append(f"\0HPO_EXPERIMENT_ID={experiment}\0".encode())
        if number is not None:
            self._limit |= number % (1 << _NUMBER_BITS)
            self._ignored = 0
            self._variables.append(f"\0HPO_TRIAL_SEQUENCE={number}\0".encode())

    def bear(self) -> None:
        """Put it on this process, and so on all that it will start."""
        if sys.platform == "linux":
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(resource.RLIMIT_RTTIME, (self._limit, _HARD_LIMIT))

    def is_on(self, pid: int) -> bool:
        """Tell whether a process bears it; one that ended, or is another user's, does not."""
        return _limit(pid) >> self._ignored == self._limit >> self._ignored or self._is_in_environment(pid)

    def _is_in_environment(self, pid: int) -> bool:
        if not self._variables:
            return False
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123
                environment = b"\0" + file.read()
        except OSError:
            return False
        return all(variable in environment for variable in self._variables)


def _limit(pid: int) -> int:
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            return resource.prlimit(pid, resource.RLIMIT_RTTIME)[0]
    return 0


class Stray:
    """A process of a trial that was killed and does not end, for the kernel waits for a disk or a device.

    Args:
        pid: its number.
        mark: what it bears.
    """

    def __init__(self, pid: int, mark: Mark) -> None:
        self.pid, self._mark = pid, mark

    def __str__(self) -> str:
        return f"PID {self.pid}" + (", in uninterruptible sleep" if _state(self.pid) == b"D" else "")

    def lives(self) -> bool:
        """Tell whether it still does."""
        return _lives(self.pid, self._mark)


def living(mark: Mark) -> list[int]:
    """Return the processes that bear a mark."""
    if sys.platform != "linux":
        return []
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and _lives(int(name), mark)]  # noqa: PTH208


def left_in(directory: Path) -> list[int]:
    """Return the processes of the trials in this very folder: the mark alone fits those of a copy of it, too.

    They have a file in its folder open, as they inherit their trial's logs, or their environment names it.
    """
    mark, place = Mark(directory.name), os.path.realpath(directory) + os.sep
    return [pid for pid in living(mark) if _is_at(pid, place)]


def _is_at(pid: int, place: str) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123
            variables = file.read().split(b"\0")
        descriptors = os.listdir(f"/proc/{pid}/fd")  # noqa: PTH208
    except OSError:
        return False
    named = [each.removeprefix(_FOLDER) for each in variables if each.startswith(_FOLDER)]
    paths = [os.path.realpath(os.fsdecode(path)) for path in named]
    for descriptor in descriptors:
        with contextlib.suppress(OSError):  # closed by now
            paths.append(os.readlink(f"/proc/{pid}/fd/{descriptor}"))  # noqa: PTH115
    return any(path.startswith(place) for path in paths)


def end_strays(experiment: str) -> int:
    """Kill the processes of an experiment's trials, and wait until they are gone; return how many went.

    Call it where none should live: before trials are run again.
    """
    mark = Mark(experiment)
    return _end(mark, lambda: living(mark))


def end_left_in(directory: Path) -> int:
    """Kill the processes that `left_in` finds, and wait until they are gone; return how many went."""
    return _end(Mark(directory.name), lambda: left_in(directory))


def _end(mark: Mark, look: Callable[[], list[int]]) -> int:
    killed: set[int] = set()
    limit = time.monotonic() + _PATIENCE
    while found := look():
        killed.update(found)
        for pid in found:
            _kill(pid, mark)
        if time.monotonic() > limit:
            break  # it hangs in the kernel; nothing can be done about it from here
        time.sleep(0.01)
    return len(killed.difference(found))


def _lives(pid: int, mark: Mark) -> bool:
    if pid == os.getpid() or not mark.is_on(pid):
        return False  # this one is an experiment inside a trial of another
    return _state(pid) not in (b"Z", b"X", b"")


def _state(pid: int) -> bytes:
    """Return the kernel's letter for what a process does; none where there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            return file.read().rpartition(b") ")[2][:1]
    except OSError:
        return b""


def _kill(pid: int, mark: Mark) -> None:
    """Kill the process behind a number, if it is still the one that was seen."""
    with contextlib.suppress(OSError):
        handle = os.pidfd_open(pid)
        try:
            if mark.is_on(pid):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        finally:
            os.close(handle)
