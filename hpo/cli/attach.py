"""`hpo attach`: watch an experiment that another process runs, as if it ran here."""

from __future__ import annotations

import time

from hpo.errors import UsageError
from hpo.experiment.documents import open_store
from hpo.experiment.standing import Standing
from hpo.experiment.wording import counted
from hpo.progress import REFRESH, Progress
from hpo.runtime import home
from hpo.runtime.store import Store

__all__ = ["attach"]


def attach(reference: str | None) -> int:
    """Show an experiment's progress until it ends; return the exit status. Ctrl-C only ends the watching."""
    directory = home.find(reference)
    if not home.is_running(directory):
        help_ = f"hpo show {directory.name}, or go on with it: hpo resume {directory.name}"
        raise UsageError(f"experiment {directory.name} is not running", help=help_)
    progress = Progress()
    with open_store(directory) as store:
        try:
            _watch(store, progress)
        except KeyboardInterrupt:
            progress.end()
            progress.print(f"Experiment {directory.name} goes on. End it with: hpo stop {directory.name}")
            return 130
        progress.end()
        progress.close(Standing.read(store), store)
        return 1 if store.experiment()["status"] == "error" else 0


def _watch(store: Store, progress: Progress) -> None:
    standing = Standing.read(store)
    watch = _Watch(store, progress)
    progress.open(standing)
    if standing.ended:
        progress.print(f"{counted(standing.ended, 'trial')} ended before")
    while watch.look():
        time.sleep(REFRESH)


class _Watch:
    """Tell what happens since the last look."""

    def __init__(self, store: Store, progress: Progress) -> None:
        self._store, self._progress = store, progress
        self._told = store.last_told()
        self._events = len(store.events())

    def look(self) -> bool:
        """Show what is new; tell whether there may be more."""
        is_running = home.is_running(self._store.directory)  # asked first: the rest is what it left
        standing = Standing.read(self._store)
        for row in self._store.told_after(self._told):
            self._told = self._told if row.told is None else row.told
            is_best = any(best.number == row.number for best in standing.front)
            self._progress.tell(row, row.detail, is_best=is_best)
        events = self._store.events()
        for event in events[self._events :]:
            if event["trial"] is None:
                self._progress.noted(event["message"])
        self._events = len(events)
        self._progress.draw(standing)
        return is_running
