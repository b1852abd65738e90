"""Signals, taken between two transactions instead of in the middle of one."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

__all__ = ["Interrupted", "Interruptions"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """Raised in code of the user's that still runs when a second signal comes."""

    def __str__(self) -> str:
        return "it was still at work when the second signal came"


class Interruptions:
    """The signals that end a program, kept until the loop takes them.

    In a thread of a program's they are left to the main one: Python takes handlers nowhere else.
    """

    def __init__(self) -> None:
        self._wake: int | None = None
        self._taken: list[int] = []
        self._may_break_in = False
        self._is_continued = False

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Keep signals: what comes after the loop has ended cuts no record short of how it ended."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._keep) for number in _SIGNALS}
        before[signal.SIGCONT] = signal.signal(signal.SIGCONT, self._note_continuing)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextlib.contextmanager
    def waking(self, wake: int) -> Iterator[None]:
        """Wake the loop for each.

        Args:
            wake: a descriptor to which a newline is written.
        """
        self._wake = wake
        try:
            yield
        finally:
            self._wake = None

    @contextlib.contextmanager
    def breaking_in(self) -> Iterator[None]:
        """Let a second signal end what runs here, which may never end by itself, with `Interrupted`."""
        self._may_break_in = True
        try:
            yield
        finally:
            self._may_break_in = False

    def _keep(self, number: int, frame: FrameType | None) -> None:
        is_stuck = self._may_break_in and self.came
        self._taken.append(number)
        self._wake_up()
        if is_stuck:
            raise Interrupted

    def _note_continuing(self, number: int, frame: FrameType | None) -> None:
        self._is_continued = True

    def _wake_up(self) -> None:
        if self._wake is not None:
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

    def take_continued(self) -> bool:
        """Tell whether the program was suspended, and went on, since the last call."""
        continued, self._is_continued = self._is_continued, False
        return continued
