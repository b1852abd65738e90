"""`hpo clean`: delete old experiments, after saying which and asking."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import typer

from hpo.cli.output import print_json, print_table
from hpo.config.duration import parse_duration
from hpo.config.size import parse_size, size
from hpo.errors import UsageError
from hpo.experiment.documents import open_store
from hpo.experiment.wording import ago, counted, short
from hpo.runtime import home
from hpo.runtime.disk_use import DiskUse, disk_use

__all__ = ["clean"]


@dataclass(frozen=True)
class _Stored:
    """An experiment in the store, and what it takes there; `last` is when something last happened."""

    directory: Path
    name: str
    status: str
    last: float
    best: float | None
    use: DiskUse


def clean(*, older_than: str | None, keep: int | None, quota: str | None, sure: bool, json: bool) -> None:
    """Delete experiments: the old ones, all but the newest, or the oldest until the rest fits."""
    age = None if older_than is None else parse_duration(older_than)
    most = None if quota is None else parse_size(quota)
    home.remove_remains()
    stored = sorted(map(_stored, (path for path, _ in home.experiments())), key=lambda each: -each.last)
    asked = any(given is not None for given in (age, keep, most))
    doomed = _doomed(stored, age, keep, most) if asked else []
    if json:
        print_json({"experiments": [_document(each, each in doomed) for each in stored]})
    else:
        _print(doomed if asked else stored)
        _say(stored, doomed, most, asked=asked)
    if not doomed:
        return
    if not sure:
        _ask(doomed)
    for each in doomed:
        home.remove(each.directory)
    freed = size(sum(each.use.total for each in doomed))
    print(f"{counted(len(doomed), 'experiment')} deleted, {freed} are free.", file=sys.stderr)


def _stored(directory: Path) -> _Stored:
    with open_store(directory) as store:
        row, last, best = store.experiment(), store.last_end(), store.best()
    status = home.status(directory, row["status"])
    moment = max(row["created"], last or 0.0)
    return _Stored(directory, row["name"], status, moment, best.value if best else None, disk_use(directory))


def _doomed(
    stored: Sequence[_Stored], age: float | None, keep: int | None, most: int | None
) -> list[_Stored]:
    """Return what is to be deleted, the oldest first; what runs never is.

    Args:
        stored: all experiments, the newest first.
        age: seconds; what is older goes.
        keep: so many of the newest stay; without the others, all the rest goes.
        most: bytes; the oldest go until the others, those that run included, take no more.
    """
    candidates = [each for each in stored[keep or 0 :][::-1] if not home.is_running(each.directory)]
    if age is None and most is None:
        return candidates
    now, total = time.time(), sum(each.use.total for each in stored)
    doomed = []
    for each in candidates:
        is_old = age is not None and now - each.last > age
        is_too_much = most is not None and total > most
        if is_old or is_too_much:
            doomed.append(each)
            total -= each.use.total
    return doomed


def _print(shown: Sequence[_Stored]) -> None:
    if not shown:
        return
    columns = ["id", "name", "status", "best", "last active", "code", "files", "logs", "store", "all"]
    now = time.time()
    rows = [
        [
            each.directory.name,
            each.name,
            each.status,
            short(each.best),
            ago(now - each.last),
            *(
                size(n)
                for n in (each.use.code, each.use.files, each.use.logs, each.use.store, each.use.total)
            ),
        ]
        for each in shown
    ]
    print_table(columns, rows)


def _say(stored: Sequence[_Stored], doomed: Sequence[_Stored], most: int | None, *, asked: bool) -> None:
    total = sum(each.use.total for each in stored)
    print(f"{counted(len(stored), 'experiment')} in {home.home()}: {size(total)}", file=sys.stderr)
    if not asked:
        print("Nothing is deleted; say what: --older-than 30d, --keep 10, --quota 5G", file=sys.stderr)
    elif not doomed:
        print("None of them is to be deleted.", file=sys.stderr)
    left = total - sum(each.use.total for each in doomed)
    if most is not None and left > most:
        print(f"What stays takes {size(left)}, which is more than the quota.", file=sys.stderr)


def _document(each: _Stored, is_doomed: bool) -> dict[str, Any]:
    use = {**asdict(each.use), "total": each.use.total}
    told = {"id": each.directory.name, "name": each.name, "status": each.status, "last": each.last}
    return {**told, "best": each.best, "bytes": use, "delete": is_doomed}


def _ask(doomed: Sequence[_Stored]) -> None:
    try:
        typer.confirm(
            f"Delete {counted(len(doomed), 'experiment')}, with all that is in them?", abort=True, err=True
        )
    except typer.Abort:
        if sys.stdin.isatty():
            raise
        help_ = "--yes does not ask"
        raise UsageError("nobody said yes: nothing is deleted", help=help_) from None
