"""What an experiment takes of the disk, by what it is for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hpo.runtime.checkpoint import is_record

__all__ = ["DiskUse", "disk_use"]


@dataclass(frozen=True)
class DiskUse:
    """Bytes on the disk.

    Attributes:
        code: the snapshot.
        logs: what trials and the runner wrote to their outputs.
        files: what trials wrote into their folders, their checkpoints among it.
        store: the database, the spools, and all the rest that hpo wrote.
    """

    code: int = 0
    logs: int = 0
    files: int = 0
    store: int = 0

    @property
    def total(self) -> int:
        """All of it."""
        return self.code + self.logs + self.files + self.store


def disk_use(directory: Path) -> DiskUse:
    """Return what an experiment's folder takes; links are not followed."""
    sizes = {"code": 0, "logs": 0, "files": 0, "store": 0}
    for parts, size in _files(str(directory), ()):
        sizes[_kind(parts)] += size
    return DiskUse(**sizes)


def _kind(parts: tuple[str, ...]) -> str:
    name = parts[-1]
    if parts[0] == "code":
        return "code"
    if parts[0] == "trials":
        is_own = len(parts) != 3 or not is_record(name)
        return "files" if is_own else "logs" if name.endswith(".log") else "store"
    return "logs" if name == "runner.log" else "store"


def _files(folder: str, parts: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
    try:
        entries = list(os.scandir(folder))
    except OSError:  # gone meanwhile, or not ours to read
        return
    for entry in entries:
        try:
            status = entry.stat(follow_symlinks=False)
            is_folder = entry.is_dir(follow_symlinks=False)
        except OSError:
            continue
        here = (*parts, entry.name)
        if is_folder:
            yield from _files(entry.path, here)
        else:
            yield here, status.st_blocks * 512
