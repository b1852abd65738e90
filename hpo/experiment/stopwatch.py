"""The time spent on an experiment: that in which its runner was suspended, with Ctrl-Z for one, is none."""

from __future__ import annotations

import time

__all__ = ["Stopwatch"]


class Stopwatch:
    """Measure the seconds spent on an experiment.

    Args:
        before: by earlier runners.
    """

    def __init__(self, before: float) -> None:
        self._before = before
        self._begun = self._looked = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds spent, by this runner and those before."""
        return self._before + time.monotonic() - self._begun

    def leave_out(self, *, was_continued: bool, since: float | None = None) -> float:
        """Look; leave out the time in which the runner was suspended, and return its seconds.

        Args:
            was_continued: whether SIGCONT came since the last look; it was suspended at some moment since.
            since: when the runner was suspended, where nothing but the time that passed tells of it.
        """
        now = time.monotonic()
        begun = self._looked if was_continued else since
        seconds = 0.0 if begun is None else now - begun
        self._begun += seconds
        self._looked = now
        return seconds
