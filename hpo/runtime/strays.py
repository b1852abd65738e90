"""Processes of an experiment that outlived both its runner and its fork server: found, and ended.

A process is known by its environment, which every trial and all that it starts inherit; never by a
number that was written down, which may be another process's by now.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time

__all__ = ["end_strays"]

_PATIENCE = 5.0  # seconds for the kernel to end what was killed


def end_strays(experiment: str) -> int:
    """Kill the processes of an experiment's trials, and wait until they are gone; return how many there were.

    Call it where none should live: before trials are run again.
    """
    if sys.platform != "linux":
        return 0
    mark = f"\0HPO_EXPERIMENT_ID={experiment}\0".encode()
    killed: set[int] = set()
    limit = time.monotonic() + _PATIENCE
    while living := _marked(mark):
        killed.update(living)
        for pid in living:
            _kill(pid, mark)
        if time.monotonic() > limit:
            break  # it hangs in the kernel; nothing can be done about it from here
        time.sleep(0.01)
    return len(killed)


def _marked(mark: bytes) -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and _has(int(name), mark)]  # noqa: PTH208


def _has(pid: int, mark: bytes) -> bool:
    if pid == os.getpid():
        return False  # an experiment inside a trial of another
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123
            return mark in b"\0" + file.read()
    except OSError:
        return False  # it ended, or is another user's


def _kill(pid: int, mark: bytes) -> None:
    """Kill the process behind a number, if it is still the one that was seen."""
    with contextlib.suppress(OSError):
        handle = os.pidfd_open(pid)
        try:
            if _has(pid, mark):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        finally:
            os.close(handle)
