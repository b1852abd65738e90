"""What figures and importances are made of: read once, for all that one page asks for."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

from hpo.experiment.record import Record
from hpo.importance import fanova

__all__ = ["Records", "shares"]

_CURVES = 1000  # of trials: what figures can show of more of them


class Records:
    """The record that was read last: the figures of one page are drawn from it, and it may be large."""

    def __init__(self) -> None:
        self._kept: tuple[Path, str, Record] | None = None
        self._lock = Lock()

    def read(self, directory: Path, stamp: str) -> Record:
        """Return an experiment's record, as it is at a stamp."""
        with self._lock:
            if self._kept is None or self._kept[:2] != (directory, stamp):
                self._kept = None  # before there are two
                self._kept = (directory, stamp, Record.read(directory, curves=_CURVES))
            return self._kept[2]


def shares(record: Record) -> dict[str, float]:
    """Return the importance of each parameter, by fANOVA; nothing where there are too few results."""
    if len(record.succeeded) < 5 or len(record.space) < 2:
        return {}
    return fanova(record)
