"""Force a file to the disk in a thread, so that nobody waits for the disk."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

__all__ = ["Flusher"]

_sync = getattr(os, "fdatasync", os.fsync)  # what it leaves out is no matter: when the file was written


class Flusher:
    """Flush what is written to a file by others, when asked to.

    Args:
        path: a file that is there, and stays the same one.

    Raises:
        OSError: it cannot be opened.
        RuntimeError: no thread can be started.
    """

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDONLY)
        self._asked, self._is_closed = threading.Event(), False
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._work, name="flusher", daemon=True)
        # Signals are the main thread's: one that came here would not wake it.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            self._thread.start()
        except RuntimeError:
            os.close(self._fd)
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def ask(self) -> None:
        """Let everything written so far be flushed, and go on.

        Raises:
            OSError: an earlier flush failed.
        """
        if self._error is not None:
            raise self._error
        self._asked.set()

    def close(self) -> None:
        """Flush everything, and wait for it."""
        self._is_closed = True
        self._asked.set()
        self._thread.join()
        os.close(self._fd)
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        is_last = False
        while not is_last:
            self._asked.wait()
            self._asked.clear()
            is_last = self._is_closed  # seen before the flush, which else might lack what came last
            try:
                _sync(self._fd)
            except OSError as error:
                self._error = error
                return
