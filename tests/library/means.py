"""What makes a machine worse than it is: a small disk, a slow one, a clock that jumps, little memory."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

__all__ = ["compiled", "fill", "little_memory", "read_until", "small_disk", "wait_until"]

_SOURCES = Path(__file__).parent


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[bool]:
    """Mount a small disk, in memory, on a folder; tell whether one may."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        yield False
        return
    try:
        yield True
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path, leave: int = 0) -> Path:
    """Fill a disk but for some bytes; return the file that has to go to empty it again."""
    ballast = disk / f"ballast{leave}"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        room = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize - leave
        while room > 0:
            room -= file.write(bytes(min(room, 1 << 16)))
    return ballast


def compiled(name: str, folder: Path) -> Path | None:
    """Build the stand-in `name`, for LD_PRELOAD; nothing where there is no C compiler."""
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        return None
    library, source = folder / f"{name}.so", _SOURCES / f"{name}.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    return library


@contextlib.contextmanager
def little_memory(folder: Path, megabytes: int) -> Iterator[Path | None]:
    """Make a control group that may use so much memory; give the script that starts a command in it."""
    group = _make_group(megabytes)
    if group is None:
        yield None
        return
    enter = folder / "enter"
    enter.write_text(f'#!/bin/sh\necho $$ > {group}/cgroup.procs && exec "$@"\n')
    enter.chmod(0o755)
    try:
        yield enter
    finally:
        for _ in range(600):
            try:
                group.rmdir()
            except OSError:
                time.sleep(0.1)
            else:
                break


def _make_group(megabytes: int) -> Path | None:
    for root, limit in (
        (Path("/sys/fs/cgroup"), "memory.max"),
        (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
    ):
        group = root / f"hpo-test-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        if os.access(group / limit, os.W_OK):  # else it is no group, or not of memory
            (group / limit).write_text(str(megabytes << 20))
            return group
        group.rmdir()
    return None


def wait_until(happened: Callable[[], bool]) -> None:
    """Wait until something has happened, for a minute at most."""
    limit = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < limit
        time.sleep(0.01)


def read_until(runner: subprocess.Popen[str], words: str) -> str:
    """Read what a process says until it has said some words; return all of it."""
    assert runner.stderr is not None
    said = ""
    while words not in said:
        line = runner.stderr.readline()
        assert line, said
        said += line
    return said
