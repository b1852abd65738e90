"""Tell the pages what changed, as it changes: the kernel says which files were written, and nobody polls.

One task watches all experiments for all pages. What comes within a few hundredths of a second is told once.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asyncinotify import Event, Inotify, Mask, Watch

from hpo.errors import StoreError
from hpo.experiment.documents import open_store
from hpo.trial import TrialState

__all__ = ["Changes"]

_PAUSE = 0.03  # seconds: what comes within them is told together
_HOME = Mask.CREATE | Mask.MOVED_TO | Mask.MOVED_FROM | Mask.DELETE
# A lock that is closed for writing is a runner that ended, however it did.
_EXPERIMENT = Mask.MODIFY | Mask.MOVED_TO | Mask.CLOSE_WRITE | Mask.ONLYDIR
_TRIALS = Mask.CREATE | Mask.MOVED_TO | Mask.ONLYDIR
_COMMANDS = Mask.MOVED_TO | Mask.DELETE | Mask.ONLYDIR
_TRIAL = Mask.MODIFY | Mask.ONLYDIR
_STORE = ("experiment.db", "experiment.db-wal", "tuner.json", "labels.json", "lock")
_LOGS = ("stdout.log", "stderr.log")


@dataclass
class _News:
    """What changed of an experiment since it was last told."""

    store: bool = False
    log: bool = False
    trials: set[int] = field(default_factory=set)  # whose output grew

    def to_json(self, name: str) -> dict[str, Any]:
        return {"experiment": name, "store": self.store, "log": self.log, "trials": sorted(self.trials)}


class Changes:
    """The changes below a home, for any number of listeners.

    Args:
        home: the folder of all experiments.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._listeners: set[asyncio.Queue[dict[str, Any]]] = set()
        self._task: asyncio.Task[None] | None = None
        self._news: dict[str, _News] = {}
        self._is_list_new = False

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    async def listen(self, pulse: float = 15.0) -> AsyncIterator[dict[str, Any] | None]:
        """Yield changes until the listener leaves; the first one says that it is connected.

        Args:
            pulse: None is yielded where there was nothing for so many seconds.
        """
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._listeners.add(queue)
        if self._task is None:
            started = asyncio.Event()
            self._task = asyncio.create_task(self._watch(started))
            await started.wait()
        try:
            yield {"connected": True}
            while True:
                try:
                    yield await asyncio.wait_for(queue.get(), pulse)
                except asyncio.TimeoutError:
                    yield None
        finally:
            self._listeners.discard(queue)
            if not self._listeners and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _watch(self, started: asyncio.Event) -> None:
        with Inotify(sync_timeout=0) as inotify:
            watching = _Watching(inotify, self._home)
            watching.all_experiments()
            started.set()
            while True:
                self._take(await inotify.get(), watching)
                await asyncio.sleep(_PAUSE)
                for event in inotify:  # those that came in the meantime
                    self._take(event, watching)
                self._tell(watching)

    def _take(self, event: Event, watching: _Watching) -> None:
        if event.watch is None:  # too much happened to say what: all of it may be new
            for name in watching.names:
                self._news.setdefault(name, _News()).store = True
            self._is_list_new = True
            return
        name = "" if event.name is None else str(event.name)
        folder = event.watch.path
        if folder == self._home:
            self._is_list_new = self._is_list_new or not name.startswith(".")
        elif folder.parent == self._home:
            news = self._news.setdefault(folder.name, _News())
            news.store = news.store or name in _STORE
            news.log = news.log or name == "runner.log"
        elif folder.parent.parent == self._home and folder.name == "commands":
            self._news.setdefault(folder.parent.name, _News()).store = True  # a wish waits, or waits no more
        elif folder.parent.parent == self._home and re.fullmatch("[0-9]{1,9}", name):
            watching.trial(folder.parent.name, int(name))
            self._news.setdefault(folder.parent.name, _News()).trials.add(int(name))
        elif name in _LOGS:
            self._news.setdefault(folder.parent.parent.name, _News()).trials.add(int(folder.name))

    def _tell(self, watching: _Watching) -> None:
        told: list[dict[str, Any]] = []
        if self._is_list_new:
            watching.all_experiments()
            told.append({"experiments": True})
        for name, news in self._news.items():
            if news.store:
                watching.running_trials(name)
            if news.store or news.log or news.trials:
                told.append(news.to_json(name))
        self._news, self._is_list_new = {}, False
        for queue in self._listeners:
            for change in told:
                queue.put_nowait(change)


class _Watching:
    """The folders that are watched: the home, each experiment in it, and each trial that runs."""

    def __init__(self, inotify: Inotify, home: Path) -> None:
        self._inotify, self._home = inotify, home
        self.names: set[str] = set()
        self._trials: dict[str, dict[int, Watch]] = {}  # by their experiment and number
        inotify.add_watch(home, _HOME)

    def all_experiments(self) -> None:
        """Watch those that are new, and forget those that are gone."""
        found = {path.parent.name for path in self._home.glob("[!.]*/experiment.db")}
        for name in found - self.names:
            with contextlib.suppress(OSError):
                self._inotify.add_watch(self._home / name, _EXPERIMENT)
                self._inotify.add_watch(self._home / name / "trials", _TRIALS)
                self._inotify.add_watch(self._home / name / "commands", _COMMANDS)
                self.running_trials(name)
        self.names = found

    def running_trials(self, name: str) -> None:
        """Watch the output of the trials that run, and of those that ended no more."""
        try:
            with open_store(self._home / name) as store:
                running = store.numbers(TrialState.RUNNING)
        except StoreError:
            return
        watched = self._trials.setdefault(name, {})
        for number in running - watched.keys():
            self.trial(name, number)
        for number in watched.keys() - running:
            with contextlib.suppress(OSError):
                self._inotify.rm_watch(watched.pop(number))

    def trial(self, name: str, number: int) -> None:
        """Watch the output of a trial, if its folder is there."""
        with contextlib.suppress(OSError):
            watch = self._inotify.add_watch(self._home / name / "trials" / str(number), _TRIAL)
            self._trials.setdefault(name, {})[number] = watch
