"""A sound store in the place of a damaged one: of what can be read there, and of what the trials left.

Of trials whose rows are gone `take_up` makes new ones.
"""

from __future__ import annotations

import contextlib
import filecmp
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from hpo.config.size import size
from hpo.durable import flush, put
from hpo.errors import HpoError, StoreError, UsageError
from hpo.experiment.left_behind import by_their_folders, take_up
from hpo.experiment.wording import counted, listed
from hpo.runtime.home import take_lock
from hpo.runtime.queries import TrialRow
from hpo.runtime.salvage import lacking, salvage
from hpo.runtime.spool import Intermediate, read_spool
from hpo.runtime.store import Store
from hpo.space import SearchSpace

__all__ = ["Rescued", "rescue"]

_NAME = "experiment.db"
_MOST = 10_000_000  # trials; no number is beyond


class Rescued(NamedTuple):
    """What became of an experiment's trials, by their numbers.

    Attributes:
        whole: how many are as they were.
        again: those whose rows are gone, and whose folders are there.
        lost: those of which too little is left.
        damaged: where the damaged store is now.
    """

    whole: int
    again: list[int]
    lost: list[int]
    damaged: Path

    def __str__(self) -> str:
        parts = [f"{counted(self.whole, 'trial')} as before"]
        if self.again:
            parts.append(by_their_folders(self.again))
        if self.lost:
            parts.append(f"{listed(self.lost)} lost")
        return ", ".join(parts)


def rescue(directory: Path) -> Rescued:
    """Make a sound store for an experiment, and keep the damaged one beside it.

    Where it was cut short it can be called again, whenever that was; where it fails nothing is changed.

    Raises:
        UsageError: the store is sound, or the experiment runs.
        StoreError: not even its settings can be read, or its folder not be written to.
    """
    if not (directory / _NAME).is_file():
        Store(directory)  # says what is the matter
    with take_lock(directory):
        _check_room(directory)
        work = directory / ".rescue"
        damaged, is_earlier = _copied_aside(directory, work)
        work.mkdir(mode=0o700, exist_ok=True)
        try:
            sound = work / _NAME
            sound.unlink(missing_ok=True)
            os.close(os.open(sound, os.O_CREAT | os.O_WRONLY, 0o600))
            are_whole = salvage(damaged, sound)
            with (
                contextlib.closing(Store(work, read_only=False)) as store,
                store.blaming(),
                store.transaction(),
            ):
                rescued = _complete(store, directory, damaged, are_whole=are_whole)
        except BaseException:
            if not is_earlier:  # of which the log may be the only one
                _remove_copy(damaged)
                shutil.rmtree(work, ignore_errors=True)
            raise
        else:
            for name in ("wal", "shm"):  # SQLite would take them for those of the new one
                (directory / f"{_NAME}-{name}").unlink(missing_ok=True)
            put(sound, directory / _NAME)
            shutil.rmtree(work, ignore_errors=True)
        finally:
            damaged.with_name(f"{damaged.name}-shm").unlink(missing_ok=True)
    return rescued


def _check_room(directory: Path) -> None:
    """Refuse to begin where the disk has no room for the copies, a sound store and its log."""
    times = 4 if lacking(directory / _NAME) else 3
    need = times * sum(path.stat().st_size for path in directory.glob(f"{_NAME}*"))
    free = shutil.disk_usage(directory).free
    if free < need:
        message = f"{directory} has {size(free)} free, and the copy and the new store take up to {size(need)}"
        raise StoreError(message, help="make room, then try again")


def _copied_aside(directory: Path, work: Path) -> tuple[Path, bool]:
    """Return a copy of the damaged store, and whether it is that of a call that was cut short."""
    store = directory / _NAME
    copies = [directory / f"{_NAME}.damaged{n or ''}" for n in range(1000)]
    free = next(n for n, copy in enumerate(copies) if not copy.exists())
    if work.exists() and free and filecmp.cmp(copies[free - 1], store, shallow=False):
        return copies[free - 1], True
    with contextlib.suppress(StoreError), contextlib.closing(Store(directory)) as opened:
        if opened.damage() is None:
            raise UsageError(f"{store} is sound: there is nothing to rescue")
    try:
        if _log(store).exists() and _log(store).stat().st_size:
            shutil.copy2(_log(store), _log(copies[free]))
            flush(_log(copies[free]))
        shutil.copy2(store, copies[free])
        flush(copies[free])
    except BaseException:
        _remove_copy(copies[free])
        raise
    return copies[free], False


def _remove_copy(damaged: Path) -> None:
    for path in (damaged, _log(damaged)):
        path.unlink(missing_ok=True)


def _log(store: Path) -> Path:
    return store.with_name(f"{store.name}-wal")


def _complete(store: Store, directory: Path, damaged: Path, *, are_whole: bool) -> Rescued:
    """Add the trials that only have their folders, and what trials reported."""
    experiment = store.experiment()
    space = SearchSpace.from_json(experiment["space"], defaults=experiment["defaults"])
    rows = {row.number: row for row in _sound_rows(store)}
    store.remove_strays()
    left = take_up(store, directory, space)
    if not are_whole:
        for row in rows.values():
            _report_again(store, row, directory / "trials" / str(row.number))
    every = range(max([*rows, *left.taken, *left.lost], default=-1) + 1)
    lost = sorted({*every} - rows.keys() - {*left.taken})
    rescued = Rescued(len(rows), left.taken, lost, damaged)
    store.add_event("warning", f"the store was damaged: {rescued}")
    if left.taken and experiment["status"] != "running":
        store.set_status("stopped", "its store was damaged")
    return rescued


def _sound_rows(store: Store) -> Iterator[TrialRow]:
    """Yield the trials; take those away that no hpo wrote so."""
    for number in sorted(store.numbers()):
        try:
            row = store.trial(number)
        except HpoError:
            row = None
        if row is None or number not in range(_MOST):
            store.remove_trial(number)
        else:
            yield row


def _report_again(store: Store, row: TrialRow, folder: Path) -> None:
    """Record the results on the way anew, where a trial's only attempt reported them."""
    if not row.state.is_final:
        store.forget_metrics(row.number)  # whoever goes on reads them from the beginning
        store.set_spool(row.number, 0)
    elif row.attempt == 1 and row.repeat == 0:
        spool = [report for report, _ in read_spool(folder / "metrics.jsonl", 0)]
        reports = [report for report in spool if isinstance(report, Intermediate)]
        if reports:
            store.forget_metrics(row.number)
            store.add_metrics(row.number, list(enumerate(reports)))
