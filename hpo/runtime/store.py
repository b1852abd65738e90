"""The truth of an experiment: one folder, one SQLite file, one writer.

The runner alone writes; everyone else opens the file read-only, while the runner lives and after it died.
Every transaction is committed at once, which survives the death of any process, and is flushed to the disk
with its neighbours some 50 ms later, which survives a power cut.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hpo.errors import StoreError
from hpo.runtime.flusher import Flusher
from hpo.runtime.mounts import network_file_system
from hpo.runtime.queries import COLUMNS, Queries, TrialRow
from hpo.runtime.salvage import lacking
from hpo.runtime.schema import SCHEMA_VERSION, bring_up_to_date, make_tables
from hpo.runtime.spool import Intermediate
from hpo.trial import SCARCE, Trial, TrialState

__all__ = ["Store"]

_BUSY, _READING = 5.0, 60.0  # seconds to wait for others: for another writer; for readers, too


class Store(Queries):
    """An experiment's database, open.

    Args:
        directory: the experiment's folder.
        read_only: everyone but the runner.

    Attributes:
        wait_for_room: is called when the disk is full, and tells whether to try again.

    Raises:
        StoreError: it is not there, damaged, or of a later version.
    """

    def __init__(self, directory: Path, *, read_only: bool = True) -> None:
        self.directory = directory
        self.path = directory / "experiment.db"
        is_there, trials = self.path.is_file(), directory / "trials"
        if not is_there and not trials.is_dir():
            raise StoreError(
                f"there is no experiment in {directory}", help="`hpo list` shows those there are"
            )
        # Of an empty one SQLite would make a new one, and remove the log beside it.
        if not is_there or not self.path.stat().st_size:
            is_other = "no file" if self.path.exists() else "not there any more"
            raise StoreError(
                f"{self.path} is {'damaged: it is empty' if is_there else is_other}",
                help=f"put a copy there; what trials reported is in {trials}/*/metrics.jsonl",
            )
        self.wait_for_room: Callable[[], bool] = lambda: False
        self._statements: list[tuple[str, Sequence[Sequence[Any]]]] = []  # of the present transaction
        self._flusher: Flusher | None = None
        self._dirty = False
        try:
            self._open(read_only)
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            self._check_schema()
        except sqlite3.Error as error:
            raise self._unreadable(error) from error
        if not 1 <= version <= SCHEMA_VERSION:
            raise StoreError(
                f"{self.path} has schema {version}, and this hpo knows {SCHEMA_VERSION}",
                help="update hpo" if version > 0 else "it is damaged, or was not written by hpo",
            )
        if version < SCHEMA_VERSION:
            self.check()
            with self.blaming():
                self._migrate(read_only)

    def _check_schema(self) -> None:
        """Refuse what computes when it is read or written: a store has tables, and may come from anybody."""
        for (name,) in self._db.execute("SELECT name FROM sqlite_master WHERE type IN ('view', 'trigger')"):
            message = f"{self.path} cannot be read: {name} in it is no table, and no hpo made it"
            raise StoreError(message, help="do not open what you do not trust")
        self._db.execute("SELECT id FROM experiment").fetchone()

    def _migrate(self, read_only: bool) -> None:
        """Bring a store of an earlier version up to date: its own file, or, where that may not be, a copy."""
        earlier = self._db
        try:
            self._db = sqlite3.connect(self.path, isolation_level=None)
            bring_up_to_date(self._db)
        except sqlite3.OperationalError:
            if not read_only:
                raise
            self._db = sqlite3.connect(":memory:", isolation_level=None)
            earlier.backup(self._db)
            bring_up_to_date(self._db)
        earlier.close()
        if not read_only:
            self._open(read_only)

    def _open(self, read_only: bool) -> None:
        if not read_only:
            self._db = _writing(self.path)
            return
        try:
            self._db = sqlite3.connect(f"file:{_quoted(self.path)}?mode=ro", uri=True, isolation_level=None)
            self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:
            # A folder that may not be written to has no place for WAL's index; nobody writes there either.
            self._db = sqlite3.connect(
                f"file:{_quoted(self.path)}?mode=ro&immutable=1", uri=True, isolation_level=None
            )
            self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()

    @classmethod
    def create(
        cls,
        directory: Path,
        *,
        id: str,  # noqa: A002
        name: str,
        direction: str,
        config: Mapping[str, Any],
        space: Mapping[str, Any],
        defaults: Mapping[str, Any],
    ) -> Store:
        """Make an experiment's database in its folder, and open it for writing."""
        path = directory / "experiment.db"
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        with _written(path), contextlib.closing(_writing(path)) as db:
            make_tables(db)
            db.execute(
                "INSERT INTO experiment VALUES (?, ?, 'running', NULL, ?, 0, ?, ?, ?, ?, NULL)",
                (id, name, time.time(), direction, *map(_json, (config, space, defaults))),
            )
        return cls(directory, read_only=False)

    @contextlib.contextmanager
    def blaming(self) -> Iterator[None]:
        """Say it as an error of ours where what is asked cannot be read.

        Raises:
            StoreError: the file is damaged, or none of ours.
        """
        try:
            yield
        except sqlite3.Error as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: sqlite3.Error) -> StoreError:
        if not os.access(self.path, os.R_OK):
            return StoreError(f"{self.path} may not be read", help=f"chmod u+rw {self.path}")
        help_ = f"to make a sound one of what can be read: hpo rescue {self.directory.name}"
        return StoreError(f"{self.path} cannot be read: {error}", help=help_)

    def damage(self) -> str | None:
        """Return what SQLite finds wrong with the file; all of it is read."""
        try:
            (found,) = self._db.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.Error as error:
            return str(error)
        if found == "ok" and (bytes_ := lacking(self.path)) and not self._has_log():
            return f"{bytes_} bytes are missing at its end"  # SQLite takes them for zeros
        return None if found == "ok" else str(found).splitlines()[-1]  # the first says which database

    def _has_log(self) -> bool:
        """Tell whether there are commits in the log, of which a part may be in the file."""
        log = Path(f"{self.path}-wal")
        return log.exists() and log.stat().st_size > 0

    def check(self) -> None:
        """Refuse a damaged file, wherever the damage is.

        Raises:
            StoreError: it is.
        """
        if (damage := self.damage()) is not None:
            message = f"{self.path} is damaged: {damage}"
            help_ = f"nothing was changed; to make a sound store of it: hpo rescue {self.directory.name}"
            raise StoreError(message, help=help_)

    def close(self) -> None:
        """Flush and close."""
        try:
            self.flush()
        finally:
            flusher, self._flusher = self._flusher, None
            try:
                if flusher is not None:
                    flusher.close()
            finally:
                self._db.close()

    # -- writing: the runner only

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything inside together, or nothing.

        Raises:
            StoreError: the database cannot be written: the disk is gone, or full, and nobody waits for room.
        """
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._commit()
        except BaseException as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise StoreError(
                    f"{self.path} cannot be written: {error}",
                    help=f"nothing recorded is lost; make room, then: hpo resume {self.directory.name}",
                ) from error
            raise
        finally:
            self._statements = []
        self._dirty = True

    def _write(self, statement: str, *rows: Sequence[Any]) -> None:
        if not self._db.in_transaction:
            self._db.executemany(statement, rows)
            return
        self._statements.append((statement, rows))
        try:
            self._db.executemany(statement, rows)
        except sqlite3.OperationalError as error:
            self._begin_again(error)

    def _commit(self) -> None:
        while self._db.in_transaction:
            try:
                self._db.execute("COMMIT")
            except sqlite3.OperationalError as error:
                self._begin_again(error)

    def _begin_again(self, error: sqlite3.OperationalError) -> None:
        """Where the disk is full, wait for room, and do again what this transaction did so far."""
        while True:
            if "full" not in str(error) or not self.wait_for_room():
                raise error
            try:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                self._db.execute("BEGIN IMMEDIATE")
                for statement, rows in self._statements:
                    self._db.executemany(statement, rows)
            except sqlite3.OperationalError as another:
                error = another
            else:
                return

    @property
    def is_dirty(self) -> bool:
        """Whether there are commits that a power cut could take."""
        return self._dirty

    def flush(self) -> None:
        """Let the commits so far be forced to the disk; do not wait for it: `close` does.

        Raises:
            OSError: the disk did not take what was flushed before.
        """
        if not self._dirty:
            return
        if self._flusher is None:
            try:
                self._flusher = Flusher(Path(f"{self.path}-wal"))
            except FileNotFoundError:
                pass
            except (OSError, RuntimeError) as error:  # no descriptor to be had, or no thread: later
                if isinstance(error, OSError) and error.errno not in SCARCE:
                    raise
                return
        if self._flusher is not None:
            self._flusher.ask()
        self._dirty = False

    def fold(self) -> None:
        """Bring what is in the log into the file too, for who copies that alone; wait for no reader."""
        with contextlib.suppress(sqlite3.Error):  # all is in the log
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def set_status(self, status: str, message: str | None = None) -> None:
        """Record where the experiment stands."""
        self._write("UPDATE experiment SET status = ?, message = ?", (status, message))

    def set_elapsed(self, seconds: float) -> None:
        """Record the time that runners have spent on it."""
        self._write("UPDATE experiment SET elapsed = ?", (seconds,))

    def update_settings(self, changed: Mapping[str, Any]) -> None:
        """Record settings that were changed while it ran."""
        config = self.experiment()["config"]
        config["settings"].update(changed)
        self._write("UPDATE experiment SET config = ?", (_json(config),))

    def update_space(self, space: Mapping[str, Any]) -> None:
        """Record a search space that was changed while it ran."""
        self._write("UPDATE experiment SET space = ?", (_json(space),))

    def add_trial(self, trial: Trial, origin: str, device: Sequence[int] = ()) -> None:
        """Record a proposed trial; one in the state `running` starts now."""
        started = time.time() if trial.state is TrialState.RUNNING else None
        self._write(
            "INSERT INTO trial (number, state, origin, parameters, memo, attempt, started, device) "
            "VALUES (?, ?, ?, ?, ?, 1, ?, ?)",
            (
                trial.number,
                trial.state.value,
                origin,
                _json(trial.parameters),
                _json(trial.memo),
                started,
                None if started is None else _json(list(device)),
            ),
        )

    def put_trial(self, row: TrialRow, reports: Sequence[Intermediate] = ()) -> None:
        """Record a trial of another store, as it is, with its intermediate results."""
        values = [row.state.value if name == "state" else getattr(row, name) for name in COLUMNS]
        written = [_json(value) if isinstance(value, dict | list | tuple) else value for value in values]
        places = ", ".join("?" * len(COLUMNS))
        self._write(f"INSERT INTO trial ({', '.join(COLUMNS)}) VALUES ({places})", written)  # noqa: S608
        self.add_metrics(row.number, list(enumerate(reports)))

    def start_trial(self, number: int, device: Sequence[int]) -> None:
        """Record that a trial runs."""
        self._write(
            "UPDATE trial SET state = 'running', started = ?, device = ? WHERE number = ?",
            (time.time(), _json(list(device)), number),
        )

    def set_node(self, number: int, node: str) -> None:
        """Record which node of a cluster a trial runs on."""
        self._write("UPDATE trial SET node = ? WHERE number = ?", (node, number))

    def requeue_trial(self, number: int, *, failed: bool = False) -> None:
        """Let a trial run again: its number and parameters stay, the results of this run go."""
        self._write(
            "DELETE FROM metric WHERE trial = (SELECT number FROM trial WHERE number = ? AND repeat = 0)",
            (number,),
        )
        self._write(
            "UPDATE trial SET state = 'waiting', attempt = attempt + 1, retries = retries + ?, "
            "started = NULL, value = NULL, data = NULL, spool = 0 WHERE number = ?",
            (int(failed), number),
        )

    def add_metrics(self, number: int, reports: Sequence[tuple[int, Intermediate]]) -> None:
        """Record intermediate results, each with its place in the order of arrival."""
        written = [(i, r, _json(r.data) if r.data else None) for i, r in reports]
        rows = [(number, i, r.step, r.value, data, r.time) for i, r, data in written]
        if rows:
            self._write("INSERT INTO metric VALUES (?, ?, ?, ?, ?, ?)", *rows)

    def forget_metrics(self, number: int) -> None:
        """Take the intermediate results of a trial away."""
        self._write("DELETE FROM metric WHERE trial = ?", (number,))

    def remove_strays(self) -> None:
        """Take away what belongs to trials that are not here: another may get their numbers."""
        for table in ("metric", "repetition"):
            self._write(f"DELETE FROM {table} WHERE trial NOT IN (SELECT number FROM trial)", ())  # noqa: S608

    def remove_trial(self, number: int) -> None:
        """Take a trial away that cannot be read."""
        self._write("DELETE FROM trial WHERE number = ?", (number,))

    def set_spool(self, number: int, offset: int) -> None:
        """Record how much of a trial's spool is in the store."""
        self._write("UPDATE trial SET spool = ? WHERE number = ?", (offset, number))

    def set_parameters(self, number: int, parameters: Mapping[str, Any]) -> None:
        """Record values that were only known once the trial ran."""
        self._write("UPDATE trial SET parameters = ? WHERE number = ?", (_json(parameters), number))

    def set_value(self, number: int, value: float, data: Mapping[str, Any] | None) -> None:
        """Record a final result."""
        self._write(
            "UPDATE trial SET value = ?, data = ? WHERE number = ?",
            (value, _json(data) if data else None, number),
        )

    def add_repetition(
        self, number: int, repeat: int, value: float, data: Mapping[str, Any] | None, duration: float | None
    ) -> None:
        """Record how one of several runs of a trial ended."""
        self._write(
            "INSERT INTO repetition VALUES (?, ?, ?, ?, ?)",
            (number, repeat, value, _json(data) if data else None, duration),
        )

    def next_repetition(self, number: int, repeat: int) -> None:
        """Record that a trial waits for its next run."""
        self._write(
            "UPDATE trial SET state = 'waiting', repeat = ?, value = NULL, data = NULL, spool = 0 "
            "WHERE number = ?",
            (repeat, number),
        )

    def end_trial(
        self,
        trial: Trial,
        *,
        told: int,
        duration: float | None,
        detail: str | None,
        deviation: float | None = None,
    ) -> None:
        """Record how a trial ended."""
        self._write(
            "UPDATE trial SET state = ?, value = ?, deviation = ?, failure = ?, detail = ?, told = ?, "
            "duration = ?, ended = ? WHERE number = ?",
            (
                trial.state.value,
                trial.value,
                deviation,
                trial.failure,
                detail,
                told,
                duration,
                time.time(),
                trial.number,
            ),
        )

    def set_waits(self, reason: str | None) -> None:
        """Record what the next trial waits for."""
        self._write("UPDATE experiment SET waits = ?", (reason,))

    def add_event(self, kind: str, message: str, trial: int | None = None) -> None:
        """Record something that a person may want to know."""
        self._write(
            "INSERT INTO event (time, kind, trial, message) VALUES (?, ?, ?, ?)",
            (time.time(), kind, trial, message),
        )


def _writing(path: Path) -> sqlite3.Connection:
    """Open a database to write.

    On a network file system SQLite's log does not work: its index is memory that processes share. There each
    commit is flushed by itself, and waits for those who read.
    """
    is_far = network_file_system(path.parent) is not None
    db = sqlite3.connect(path, isolation_level=None, timeout=_READING if is_far else _BUSY)
    try:
        db.execute(f"PRAGMA journal_mode = {'DELETE' if is_far else 'WAL'}")
        # In the log `flush` does the rest, for many commits at once.
        db.execute(f"PRAGMA synchronous = {'FULL' if is_far else 'NORMAL'}")
    except sqlite3.Error:
        db.close()  # what is open may keep its folder from being deleted
        raise
    return db


@contextlib.contextmanager
def _written(path: Path) -> Iterator[None]:
    """Say it as an error of ours when SQLite cannot write."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be written: {error}", help="make room on its disk") from error


_json = json.JSONEncoder(ensure_ascii=False).encode


def _quoted(path: Path) -> str:
    from urllib.parse import quote

    return quote(str(path))
