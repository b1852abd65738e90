"""The files of a trial's folder, opened with care: the folder is the trial's, and so anything may be in it.

A named pipe in the place of a log would keep the runner waiting for ever, a link to ``/dev/zero`` would fill
its memory.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from pathlib import Path
from typing import BinaryIO

from hpo.trial import SCARCE, patiently

__all__ = ["open_plain", "read_plain", "rename", "write_text"]

_PATIENCE = 10.0  # seconds until there is a descriptor


def open_plain(path: str | Path) -> BinaryIO:
    """Open a file to read it, waiting for nothing but a descriptor.

    Raises:
        OSError: it is missing, or no plain file: a link, a pipe, a folder, a device.
    """
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        fd = patiently(lambda: os.open(path, flags), lack=SCARCE, seconds=_PATIENCE)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):  # a link; a socket
            raise _not_plain(path) from error
        raise
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise _not_plain(path)
    return os.fdopen(fd, "rb")


def read_plain(path: str | Path, most: int) -> str:
    """Return the text of a file of ours that somebody else may have put there.

    Raises:
        OSError: it is missing, no plain file, or larger than so many bytes.
        UnicodeDecodeError: it is no text.
    """
    with open_plain(path) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, "it is too large", str(path))
    return data.decode()


def _not_plain(path: str | Path) -> OSError:
    return OSError(errno.EINVAL, "it is no plain file", str(path))


def write_text(path: str, text: str) -> None:
    """Write a file, in the place of whatever is there."""
    try:
        _create(path, text)
    except FileExistsError:
        new = Path(f"{path}.new")
        _remove(new)
        _create(str(new), text)
        rename(new, Path(path))


def rename(path: Path, other: Path) -> None:
    """Give a file another name, in the place of whatever has it: a folder, too.

    Raises:
        FileNotFoundError: there is no such file.
    """
    try:
        path.replace(other)
    except FileNotFoundError:
        raise
    except OSError:
        _remove(other)
        path.replace(other)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _create(path: str, text: str) -> None:
    with open(path, "x", encoding="utf-8") as file:  # noqa: PTH123 - a path costs each trial time
        file.write(text)
