"""Pieces of log files: trials write them, so they may be anything, and of any size."""

from __future__ import annotations

import os
from pathlib import Path

from hpo.runtime.trial_files import open_plain

__all__ = ["tail_of"]


def tail_of(path: Path, offset: int | None, limit: int) -> tuple[bytes, int, int]:
    """Return a piece of a file, where it begins, and the file's size; nothing of what is no plain file.

    Args:
        path: the file.
        offset: where the piece begins; None for the file's end.
        limit: how many bytes at the most.
    """
    try:
        with open_plain(path) as file:
            size = os.fstat(file.fileno()).st_size
            begin = max(0, size - limit) if offset is None else offset
            file.seek(begin)
            return file.read(limit), begin, size
    except OSError:
        return b"", 0, 0
