"""What a machine may lack for a while, room on a disk or in the kernel's tables: what needs it waits.

It is imported into every training script (see `trial`).
"""

from __future__ import annotations

import errno
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["FULL", "SCARCE", "patiently"]

FULL = (errno.ENOSPC, errno.EDQUOT)  # a disk, or what a user may have of it
SCARCE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)  # descriptors, and what the kernel needs for them
_TAKEN = (*FULL, errno.ENFILE, errno.ENOMEM)  # by others; its own descriptors are a script's own to close


def patiently(
    work: Callable[[], Any],
    say: Callable[[OSError], None] | None = None,
    *,
    lack: tuple[int, ...] = _TAKEN,
    seconds: float = float("inf"),
) -> Any:
    """Do what takes room on the disk, or in the system's tables, and where there is none wait for it.

    Args:
        work: what is done.
        say: is told what was lacking.
        lack: the errors that tell of it.
        seconds: how long to wait.

    Raises:
        OSError: it went wrong otherwise, or for too long.
    """
    limit = time.monotonic() + seconds
    while True:
        try:
            return work()
        except OSError as error:
            if error.errno not in lack or time.monotonic() > limit:
                raise
            if say is not None:
                say(error)
        time.sleep(0.5)
