"""Read what can be read of a damaged database.

SQLite finds damage, and reads past none: so tables are read from both ends, and row by row in between.
Where a file was cut short inside of a page, SQLite takes the rest of that page for zeros, and reads rows
that nobody wrote: only those count that are the same with other bytes there.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hpo.errors import StoreError
from hpo.runtime.schema import SCHEMA_VERSION, add_missing_tables, bring_up_to_date

__all__ = ["lacking", "salvage"]

_KEYS = {"experiment": "rowid", "trial": "rowid", "event": "rowid", "metric": "trial", "repetition": "trial"}
_FURTHEST = 10_000  # rows behind the last that can be read, that are looked for one by one

_Row = tuple[Any, ...]


def lacking(database: Path) -> int:
    """Return how many bytes the last page of a database lacks: it was cut short."""
    with database.open("rb") as file:
        page = int.from_bytes(file.read(18)[16:], "big")  # no hpo asks for the largest, which is 1 here
    return -database.stat().st_size % page if page else 0


def salvage(damaged: Path, sound: Path) -> bool:
    """Copy the rows that can be read into a new database; tell whether all results on the way are among them.

    Beside the new one a copy of the damaged one may be left.

    Raises:
        StoreError: the experiment's settings are not.
    """
    readings = [damaged]
    if lacking(damaged):
        readings.append(_filled_up(damaged, sound.with_name("filled.db")))
    with contextlib.ExitStack() as stack:
        olds = [stack.enter_context(contextlib.closing(_reading(path))) for path in readings]
        new = stack.enter_context(contextlib.closing(sqlite3.connect(sound, isolation_level=None)))
        try:
            if not damaged.stat().st_size:
                raise sqlite3.DatabaseError("the file is empty")
            return _copy(olds, new)
        except sqlite3.Error as error:
            help_ = f"nothing was changed; what trials reported is in {damaged.parent}/trials/*/metrics.jsonl"
            raise StoreError(f"not even the settings can be read: {error}", help=help_) from error


def _filled_up(damaged: Path, copy: Path) -> Path:
    """Return a copy with a whole last page: what is missing there is anything but zeros."""
    for suffix in ("", "-wal"):
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(f"{damaged}{suffix}", f"{copy}{suffix}")
    with copy.open("ab") as file:
        file.write(b"\xff" * lacking(damaged))
    return copy


def _reading(damaged: Path) -> sqlite3.Connection:
    # Without a log, as one that nobody writes to: then SQLite makes no files beside it.
    mode = "ro" if damaged.with_name(f"{damaged.name}-wal").exists() else "ro&immutable=1"
    return sqlite3.connect(f"{damaged.as_uri()}?mode={mode}", uri=True)


def _copy(olds: Sequence[sqlite3.Connection], new: sqlite3.Connection) -> bool:
    # With it SQLite reads also what has fewer pages than its header says; it writes nothing.
    for each in olds:
        each.execute("PRAGMA writable_schema = ON")
    old = olds[0]
    (version,) = old.execute("PRAGMA user_version").fetchone()
    if not 1 <= version <= SCHEMA_VERSION:
        raise sqlite3.DatabaseError(f"they have schema {version}, and this hpo knows {SCHEMA_VERSION}")
    made = "SELECT sql FROM sqlite_master WHERE type = ? AND tbl_name = ? AND sql LIKE ?"
    new.execute("BEGIN")
    is_whole = dict.fromkeys(_KEYS, False)
    for table, key in _KEYS.items():
        for (sql,) in old.execute(made, ("table", table, "CREATE TABLE %")).fetchall():
            new.execute(sql)
            is_whole[table] = _copy_table(olds, new, table, key)
        for (sql,) in old.execute(made, ("index", table, "CREATE INDEX %")).fetchall():
            new.execute(sql)
    if new.execute("SELECT id FROM experiment").fetchone() is None:
        raise sqlite3.DatabaseError("they are on a page that is damaged")
    new.execute(f"PRAGMA user_version = {version:d}")
    new.execute("COMMIT")
    bring_up_to_date(new)
    add_missing_tables(new)
    return is_whole["metric"]


def _copy_table(olds: Sequence[sqlite3.Connection], new: sqlite3.Connection, table: str, key: str) -> bool:
    """Copy the rows of a table that can be read, the same in each reading; tell whether all could be."""
    readings = [_rows(old, table, key) for old in olds]
    common = set.intersection(*(set(rows) for rows, _ in readings))
    for _, *row in filter(common.__contains__, dict.fromkeys(readings[0][0])):
        with contextlib.suppress(sqlite3.IntegrityError):  # it is none of ours
            new.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608
    return all(is_whole and len(common) == len(rows) for rows, is_whole in readings)


def _rows(old: sqlite3.Connection, table: str, key: str) -> tuple[list[_Row], bool]:
    """Return the rows of a table that can be read, and whether all can."""
    select = f"SELECT {key}, * FROM {table} NOT INDEXED"  # noqa: S608 - an index may be what is damaged
    first, is_whole = _until_damage(old, f"{select} ORDER BY {key}")
    found = [first]
    if not is_whole:
        low = first[-1][0] if first else -1
        last, _ = _until_damage(old, f"{select} WHERE {key} > ? ORDER BY {key} DESC", low)
        high = min(low + _FURTHEST, last[-1][0] if last else sys.maxsize)
        found += [
            last,
            *(_until_damage(old, f"{select} WHERE {key} = ?", n)[0] for n in range(low, high + 1)),
        ]
    return [row for rows in found for row in rows], is_whole


def _until_damage(db: sqlite3.Connection, query: str, *values: int) -> tuple[list[_Row], bool]:
    """Return the rows that come before one that cannot be read, and whether there is no such one."""
    rows: list[_Row] = []
    try:
        for row in db.execute(query, values):
            if isinstance(row[0], int):
                rows.append(row)  # what was read before an error stays
    except sqlite3.DatabaseError:
        return rows, False
    return rows, True
