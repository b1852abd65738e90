"""The memory of trials: how much one uses with all its processes, and whether the kernel ran out of it."""

from __future__ import annotations

import contextlib
import math
import os
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from hpo.runtime.strays import Mark

__all__ = ["KernelKills", "used"]

_CGROUP = Path("/sys/fs/cgroup")
_OWN_GROUPS = Path("/proc/self/cgroup")
_TOGETHER = 1.0  # seconds
_PAGE = os.sysconf("SC_PAGE_SIZE")


def used(server: int, marks: Mapping[int, Mark], *, enough: int) -> dict[int, int]:
    """Return how many bytes the trials use, by their numbers, each with all its processes.

    Args:
        server: the process that all of them descend from.
        marks: what the processes of each bear.
        enough: below this a quick answer will do, in which what processes share, such as the modules that
            all trials are forked with, counts for each of them.
    """
    descendants = [pid for pid in _family(server) if pid != server]
    found = {}
    for number, mark in marks.items():
        pids = [pid for pid in descendants if mark.is_on(pid)]
        resident = sum(map(_resident, pids))
        found[number] = resident if resident < enough else sum(map(_proportional, pids))
    return found


def _family(pid: int) -> Iterator[int]:
    yield pid
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_bytes().split():
                yield from _family(int(child))


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _proportional(pid: int) -> int:
    """Return the memory of a process, in which each page counts in parts for those that share it."""
    try:
        found = re.search(rb"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_bytes(), re.MULTILINE)
    except OSError:
        found = None
    return int(found[1]) * 1024 if found else _resident(pid)


def _kernel_kills() -> int:
    """Return how many processes of this container, or machine, the kernel killed for want of memory.

    Of a control group its own count is exact; the one of the machine has others' as well.
    """
    for path in (*_events(), Path("/proc/vmstat")):
        with contextlib.suppress(OSError):
            found = re.search(rb"^oom_kill (\d+)$", path.read_bytes(), re.MULTILINE)
            if found is not None:
                return int(found[1])
    return 0


class KernelKills:
    """Tell whether the kernel killed a process for want of memory just now."""

    def __init__(self) -> None:
        self._count, self._at = _kernel_kills(), -math.inf

    def are_recent(self) -> bool:
        """Look; of trials that are killed within a moment each may owe it to the same want of memory."""
        count, now = _kernel_kills(), time.monotonic()
        if count > self._count:
            self._count, self._at = count, now
        return now - self._at < _TOGETHER


def _events() -> Iterator[Path]:
    """Yield where this process's control group counts: of version 2, else of version 1."""
    with contextlib.suppress(OSError):
        groups = dict(line.split(":", 2)[1:] for line in _OWN_GROUPS.read_text().splitlines())
        if "" in groups:
            yield _CGROUP / groups[""].lstrip("/") / "memory.events"
        if "memory" in groups:
            yield _CGROUP / "memory" / groups["memory"].lstrip("/") / "memory.oom_control"
