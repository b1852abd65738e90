"""Room on the disk that an experiment is on: where there is none, it pauses instead of ending."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from hpo.experiment.listener import Listener
from hpo.runtime import home
from hpo.trial import FULL

__all__ = ["Room"]

T = TypeVar("T")

_EVERY = 0.25  # seconds between two looks at a disk that is full


class Room:
    """Wait for room where there is none.

    Args:
        directory: the experiment's folder.
        listener: hears that it waits.
        is_called_off: tells whether a signal came, which ends the waiting.
    """

    def __init__(self, directory: Path, listener: Listener, is_called_off: Callable[[], bool]) -> None:
        self._directory, self._listener, self._is_called_off = directory, listener, is_called_off
        self._complaint = f"the disk that {directory} is on is full"
        self._has_waited = False

    def exists(self) -> bool:
        """Tell whether there is room now."""
        return home.has_room(self._directory)

    def wait(self) -> bool:
        """Pause while the disk is full: nothing starts or is stored, and reports wait in their files.

        Returns:
            Whether there is room again; False where it was called off.
        """
        if self._is_called_off():
            return False
        if not self._has_waited:  # else it was said
            self._listener.noted(
                f"{self._complaint}: no trial starts until there is room, then it goes on by itself"
            )
        self._has_waited = True
        while not self._is_called_off():
            time.sleep(_EVERY)
            if self.exists():
                return True
        return False

    def take_warning(self) -> str | None:
        """Return, once, what is to be recorded of a wait that is over."""
        if not self._has_waited:
            return None
        self._has_waited = False
        return f"{self._complaint}: it waited for room"

    def keep_trying(self, write: Callable[[], T]) -> T:
        """Write something, again where the disk was full.

        Raises:
            OSError: it was called off, or what is wrong is something else.
        """
        while True:
            try:
                return write()
            except OSError as error:
                # A quota leaves the disk itself room, and others may have made some meanwhile.
                is_something_else = error.errno not in FULL and self.exists()
                if is_something_else or not self.wait():
                    raise
