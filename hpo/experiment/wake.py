"""What the loop waits for: the ends of trials, and those who call it through a pipe."""

from __future__ import annotations

import os
import time
from pathlib import Path

from hpo.runtime.launcher import UNSHARED, Launcher
from hpo.runtime.polling import ready

__all__ = ["Wake"]

_LOOK_EVERY = 0.02  # seconds between two looks at what trials report on their way, or others wish
_PIPE = 1 << 16  # bytes that a pipe holds


class Wake:
    """The pipe into which trials write that they have reported, and others that they have a wish.

    Args:
        directory: the experiment's folder.
        launcher: tells of trials that ended.
    """

    def __init__(self, directory: Path, launcher: Launcher) -> None:
        self._pipe = os.open(directory / "wake", os.O_RDWR | os.O_NONBLOCK)
        self._launcher = launcher
        self._looked = time.monotonic()
        UNSHARED.add(self)

    def fileno(self) -> int:
        """Return the pipe's descriptor."""
        return self._pipe

    def close(self) -> None:
        """Close the pipe."""
        UNSHARED.discard(self)
        os.close(self._pipe)

    def wait(self, pause: float | None) -> tuple[bool, set[int]]:
        """Wait; return whether a wish may have been left, and the trials that have reported.

        Args:
            pause: seconds until something else is due; None where only an event can be.
        """
        sources = [self._pipe, self._launcher.fileno()]
        # For a moment nobody listens to the pipe: short trials end meanwhile, and then their reports are read
        # at once. Of many reports each look so takes many.
        deaf = self._looked + _LOOK_EVERY - time.monotonic()
        if deaf > 0:
            is_first = pause is None or deaf < pause
            if ready(sources[1:], deaf if is_first else pause) or not is_first:
                return False, set()
            pause = None if pause is None else pause - deaf
        if self._pipe not in ready(sources, pause):
            return False, set()
        self._looked = time.monotonic()
        return self._drain()

    def _drain(self) -> tuple[bool, set[int]]:
        """Read at most what fits in, whoever goes on writing. Of a full pipe a call may be missing."""
        try:
            data = os.read(self._pipe, _PIPE)
        except BlockingIOError:
            return False, set()
        lines = data.split(b"\n")
        called = len(data) == _PIPE or b"" in lines[:-1]
        return called, {int(line) for line in lines if line.isdigit() and len(line) < 10}
