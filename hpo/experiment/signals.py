"""Signals, taken between two transactions instead of in the middle of one."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from types import FrameType, TracebackType

__all__ = ["Interruptions"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruptions:
    """While entered, keep the signals that end a program, and wake the loop.

    In a thread of a program's they are left to the main one: Python takes handlers nowhere else.

    Args:
        wake: a descriptor to which a newline is written.
    """

    def __init__(self, wake: int) -> None:
        self._wake = wake
        self._taken: list[int] = []

    def __enter__(self) -> Interruptions:
        if threading.current_thread() is not threading.main_thread():
            self._before = {}
            return self
        self._before = {number: signal.signal(number, self._keep) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _keep(self, number: int, frame: FrameType | None) -> None:
        self._taken.append(number)
        with contextlib.suppress(OSError):
            os.write(self._wake, b"\n")

    @property
    def came(self) -> bool:
        """Whether there are some to take."""
        return bool(self._taken)

    def take(self) -> list[int]:
        """Return the signals since the last call."""
        taken, self._taken = self._taken, []
        return taken
