"""The logs of trials: files that trials write to themselves, and that are kept from filling the disk.

Of a log that is very long the beginning and the end are kept, and the middle becomes a hole in the file: it
takes no room, every position stays what it was, and the trial goes on writing and notices nothing. Where the
file system knows no holes, the log stays as it is.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from hpo.runtime.trial_files import open_plain

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

__all__ = ["copy", "trim"]

_KEPT = 32 << 20  # bytes, of the beginning and of the end each
_SLACK = 16 << 20  # so much more is let grow before a hole is made
_PUNCH_HOLE, _KEEP_SIZE = 2, 1  # of Linux's fallocate


def trim(path: str) -> None:
    """Make a hole in the middle of a log that takes too much room."""
    with contextlib.suppress(OSError):
        found = os.lstat(path)
        if found.st_blocks * 512 <= 2 * _KEPT + _SLACK or not stat.S_ISREG(found.st_mode):
            return
        fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if stat.S_ISREG(os.fstat(fd).st_mode):
                _punch(fd, _KEPT, os.fstat(fd).st_size - 2 * _KEPT)
        finally:
            os.close(fd)


def _punch(fd: int, offset: int, length: int) -> None:
    if sys.platform == "linux" and length > 0:
        fallocate = ctypes.CDLL(None).fallocate
        fallocate(fd, _PUNCH_HOLE | _KEEP_SIZE, ctypes.c_int64(offset), ctypes.c_int64(length))


def copy(path: Path, offset: int, out: SupportsWrite[bytes]) -> int:
    """Copy a log from an offset on, byte for byte; say what was left out; return where it ends.

    Raises:
        OSError: it is no plain file, or cannot be read.
    """
    try:
        file = open_plain(path)
    except FileNotFoundError:
        return offset
    with file:
        end = file.seek(0, os.SEEK_END)
        while offset < end:
            data = _next_data(file, offset, end)
            if data - offset >= _SLACK:  # a smaller hole is one that the trial made itself
                out.write(b"\n[%d bytes were left out here: the log was too long]\n" % (data - offset))
                offset = data
            file.seek(offset)
            chunk = file.read(min(1 << 16, end - offset))
            if not chunk:
                break
            out.write(chunk)
            offset += len(chunk)
    return offset


def _next_data(file: BinaryIO, offset: int, end: int) -> int:
    try:
        return os.lseek(file.fileno(), offset, os.SEEK_DATA)
    except OSError:  # nothing but a hole up to the end, or no notion of holes
        return offset
