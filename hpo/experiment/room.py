"""Room on the disk that an experiment is on, and for open files: without it, it pauses instead of ending."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from hpo.experiment.listener import Listener
from hpo.runtime import home
from hpo.trial import FULL, SCARCE

__all__ = ["Room"]

T = TypeVar("T")

_EVERY = 0.25  # seconds between two looks
_LATER = 10.0  # seconds in which what could not write has ended


class Room:
    """Wait for room where there is none.

    Args:
        directory: the experiment's folder.
        listener: hears that it waits.
        is_called_off: tells whether a signal came, which ends the waiting.
    """

    def __init__(self, directory: Path, listener: Listener, is_called_off: Callable[[], bool]) -> None:
        self._directory, self._listener, self._is_called_off = directory, listener, is_called_off
        self._full = f"the disk that {directory} is on is full"
        self._said: str | None = None
        self._full_at: float | None = None  # when it was seen to be full last

    def exists(self) -> bool:
        """Tell whether there is room now."""
        return self._obstacle() is None

    def _obstacle(self) -> str | None:
        try:
            os.close(os.open(self._directory, os.O_RDONLY))
        except OSError as error:
            if error.errno in SCARCE:
                return _scarce(error)
        if home.has_room(self._directory):
            return None
        self._full_at = time.monotonic()
        return self._full

    def was_missing(self) -> str | None:
        """Return what is said of the disk where it is full, or was just now.

        While it is the loop waits, and learns only afterwards what has ended.
        """
        self._obstacle()
        is_over = self._full_at is None or time.monotonic() > self._full_at + _LATER
        return None if is_over else self._full

    def wait(self, why: str | None = None) -> bool:
        """Pause while there is none: nothing starts or is stored, and reports wait in their files.

        Args:
            why: what is said; None for what is in the way now, or else that the disk is full.

        Returns:
            Whether there is room again; False where it was called off.
        """
        if self._is_called_off():
            return False
        if self._said is None:
            self._said = why or self._obstacle() or self._full
            self._listener.noted(
                f"{self._said}: no trial starts until there is room, then it goes on by itself"
            )
        while not self._is_called_off():
            time.sleep(_EVERY)
            if self.exists():
                return True
        return False

    def take_warning(self) -> str | None:
        """Return, once, what is to be recorded of a wait that is over."""
        said, self._said = self._said, None
        return None if said is None else f"{said}: it waited for room"

    def keep_trying(self, write: Callable[[], T]) -> T:
        """Write something, again where there was no room.

        Raises:
            OSError: it was called off, or what is wrong is something else.
        """
        while True:
            try:
                return write()
            except OSError as error:
                # A quota leaves the disk itself room, and others may have made some meanwhile.
                why = _scarce(error) if error.errno in SCARCE else None
                is_something_else = why is None and error.errno not in FULL and self.exists()
                if is_something_else or not self.wait(why):
                    raise


def _scarce(error: OSError) -> str:
    return f"no file can be opened ({error.strerror})"
