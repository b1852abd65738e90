"""A disk that does not answer: who asks it for a file cannot be killed until it does, or is gone."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from power import mounted

__all__ = ["hung_disk", "is_uninterruptible", "waits_for_disk"]


@contextlib.contextmanager
def hung_disk(folder: Path) -> Iterator[Callable[[], None] | None]:
    """Mount such a disk on a folder; give what makes all its questions fail, or None where one may not."""
    with mounted(folder, [sys.executable, __file__, str(folder)]) as server:
        if server is None:
            yield None
            return
        try:
            yield server.kill
        finally:
            server.kill()


def waits_for_disk(pid: int) -> bool:
    """Tell whether a process has asked such a disk; the first signal that ends it finds that it cannot be."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/wchan").read_text() == "request_wait_answer"
    return False


def is_uninterruptible(pid: int) -> bool:
    """Tell whether a process waits so that no signal reaches it."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("D")
    return False


def _serve(folder: str) -> None:
    import mfusepy  # only here: the rest needs no FUSE

    class Server(mfusepy.Operations):  # type: ignore[misc]
        use_ns = True

        def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
            while path != "/":
                time.sleep(600)
            return {"st_mode": stat.S_IFDIR | 0o755, "st_nlink": 2, "st_uid": os.getuid()}

    mfusepy.FUSE(Server(), folder, foreground=True)


if __name__ == "__main__":
    _serve(*sys.argv[1:])
