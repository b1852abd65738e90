"""Ask the tuner, without spending more time on thoughts than trials that are soon over deserve."""

from __future__ import annotations

import time

from hpo.trial import Trial
from hpo.tuners.base import Tuner

__all__ = ["Asking"]

_UNHURRIED = 100  # results: until then each proposal counts, and the clock changes none
_SHARE = 1 / 4  # of the time may be spent on thinking


class Asking:
    """Hurry a tuner whose proposals take long beside the trials.

    A tuner that heeds it notes in the trial's memo what it did, so that resuming depends on no clock.
    """

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._spent = 0.0

    def ask(self, tuner: Tuner) -> Trial | None:
        """Return the next trial, or None where there is nothing to propose now."""
        begin = time.monotonic()
        is_slow = self._spent > _SHARE * (begin - self._begun)
        tuner.hurried = is_slow and len(tuner.results) >= _UNHURRIED
        trial = tuner.ask()
        self._spent += time.monotonic() - begin
        return trial
