"""Files and folders that a power cut leaves whole, or as if they had never been written.

The name that a file is given may reach the disk before what the file holds: then it is there, and empty. So
what it holds is flushed first, then it gets its name, and then that is flushed.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

__all__ = ["flush", "make_private", "put"]

_AT_ONCE = 16  # file systems flush neighbours together; one after the other, 300 files take half a second
_NO_FLUSH = (
    errno.EINVAL,
    errno.EBADF,
    errno.EACCES,
    errno.EPERM,
    errno.EISDIR,
)  # of a folder, on some systems


def put(new: Path, path: Path) -> Path:
    """Give a file, or a folder with all that is in it, its name, in the place of a file that has it.

    Args:
        new: what was written, on the same file system.
        path: its name.

    Returns:
        The path.

    Raises:
        OSError: the disk did not take it.
    """
    if new.is_dir():
        from concurrent.futures import ThreadPoolExecutor  # most commands have no use for it

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(flush, new.rglob("*")))
    flush(new)
    new.replace(path)
    flush(path.parent)
    return path


def make_private(folder: Path) -> None:
    """Make a folder for the user alone, where it is not there, and those above it that are not.

    Raises:
        OSError: it cannot be made, or its name not be flushed.
    """
    new = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for each in new:
        flush(each.parent)


def flush(path: Path) -> None:
    """Flush what a file holds, or which names a folder has; pass over what is neither.

    Raises:
        OSError: the disk did not take it.
    """
    mode = path.lstat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        return  # to open a pipe is to wait for its other end
    try:
        fd = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        if not (stat.S_ISDIR(mode) and error.errno in _NO_FLUSH):
            raise
