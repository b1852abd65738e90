"""Read what can be read of a damaged database.

SQLite finds damage, and reads past none: so tables are read from both ends, and row by row in between.
"""

from __future__ import annotations

import contextlib
import sqlite3
import sys
from pathlib import Path
from typing import Any

from hpo.errors import StoreError
from hpo.runtime.schema import SCHEMA_VERSION, add_missing_tables, bring_up_to_date

__all__ = ["salvage"]

_KEYS = {"experiment": "rowid", "trial": "rowid", "event": "rowid", "metric": "trial", "repetition": "trial"}
_FURTHEST = 10_000  # rows behind the last that can be read, that are looked for one by one

_Row = tuple[Any, ...]


def salvage(damaged: Path, sound: Path) -> bool:
    """Copy the rows that can be read into a new database; tell whether all results on the way are among them.

    Raises:
        StoreError: the experiment's settings are not.
    """
    # Without a log, as one that nobody writes to: then SQLite makes no files beside it.
    mode = "ro" if damaged.with_name(f"{damaged.name}-wal").exists() else "ro&immutable=1"
    with (
        contextlib.closing(sqlite3.connect(f"{damaged.as_uri()}?mode={mode}", uri=True)) as old,
        contextlib.closing(sqlite3.connect(sound, isolation_level=None)) as new,
    ):
        try:
            return _copy(old, new)
        except sqlite3.Error as error:
            help_ = f"nothing was changed; what trials reported is in {damaged.parent}/trials/*/metrics.jsonl"
            raise StoreError(f"not even the settings can be read: {error}", help=help_) from error


def _copy(old: sqlite3.Connection, new: sqlite3.Connection) -> bool:
    (version,) = old.execute("PRAGMA user_version").fetchone()
    if not 1 <= version <= SCHEMA_VERSION:
        raise sqlite3.DatabaseError(f"they have schema {version}, and this hpo knows {SCHEMA_VERSION}")
    made = "SELECT sql FROM sqlite_master WHERE type = ? AND tbl_name = ? AND sql LIKE ?"
    new.execute("BEGIN")
    is_whole = dict.fromkeys(_KEYS, False)
    for table, key in _KEYS.items():
        for (sql,) in old.execute(made, ("table", table, "CREATE TABLE %")).fetchall():
            new.execute(sql)
            is_whole[table] = _copy_table(old, new, table, key)
        for (sql,) in old.execute(made, ("index", table, "CREATE INDEX %")).fetchall():
            new.execute(sql)
    if new.execute("SELECT id FROM experiment").fetchone() is None:
        raise sqlite3.DatabaseError("they are on a page that is damaged")
    new.execute(f"PRAGMA user_version = {version:d}")
    new.execute("COMMIT")
    bring_up_to_date(new)
    add_missing_tables(new)
    return is_whole["metric"]


def _copy_table(old: sqlite3.Connection, new: sqlite3.Connection, table: str, key: str) -> bool:
    """Copy the rows of a table that can be read; tell whether all could be."""
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
    for _, *row in (row for rows in found for row in rows):
        with contextlib.suppress(sqlite3.IntegrityError):  # it was read from both sides, or is none of ours
            new.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608
    return is_whole


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
