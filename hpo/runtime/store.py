"""The truth of an experiment: one folder, one SQLite file, one writer.

The runner alone writes; everyone else opens the file read-only, while the runner lives and after it died.
Every transaction is committed at once, which survives the death of any process, and is flushed to the disk
with its neighbours at most 50 ms later, which survives a power cut.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hpo.errors import StoreError
from hpo.runtime.flusher import Flusher
from hpo.runtime.selection import Selection
from hpo.runtime.spool import Intermediate
from hpo.trial import Metric, Trial, TrialState

__all__ = ["SCHEMA_VERSION", "Store", "TrialRow"]

# History of the schema, and how the one before becomes it:
# 1  the first
# 2  trials that are retried and repeated; what the next trial waits for
# 3  indexes for what would look at every trial: the baseline, and what was told last
# 4  a plan names the files that marks were read from: the script, where it did not say
SCHEMA_VERSION = 4
_MIGRATIONS = {
    2: """
    ALTER TABLE experiment ADD COLUMN waits TEXT;
    ALTER TABLE trial ADD COLUMN retries INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE trial ADD COLUMN repeat INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE trial ADD COLUMN deviation REAL;
    CREATE TABLE repetition (
        trial INTEGER NOT NULL REFERENCES trial (number), repeat INTEGER NOT NULL, value REAL NOT NULL,
        data TEXT, duration REAL, PRIMARY KEY (trial, repeat)
    ) WITHOUT ROWID;
    """,
    3: """
    CREATE INDEX trial_baseline ON trial (number) WHERE origin = 'baseline';
    CREATE INDEX trial_by_told ON trial (told);
    """,
    4: """
    UPDATE experiment SET config = json_set(config, '$.plan.sources', CASE
        WHEN json_extract(config, '$.plan.command.script') IS NULL THEN json('[]')
        WHEN json_extract(config, '$.plan.command.script') LIKE '/%'
            THEN json_array(json_extract(config, '$.plan.command.script'))
        ELSE json_array(
            json_extract(config, '$.plan.cwd') || '/' || json_extract(config, '$.plan.command.script')
        )
    END)
    WHERE json_type(config, '$.plan') = 'object' AND json_type(config, '$.plan.sources') IS NULL
    """,
}

_SCHEMA = """
CREATE TABLE experiment (
    id            TEXT NOT NULL,     -- the folder's name
    name          TEXT NOT NULL,     -- as the user calls it; need not be unique
    status        TEXT NOT NULL,     -- running, stopped, done, error ('interrupted' is seen, not stored)
    message       TEXT,              -- why it ended, for a person
    created       REAL NOT NULL,     -- wall clock, seconds since 1970
    elapsed       REAL NOT NULL,     -- seconds that runners spent on it, all together
    direction     TEXT NOT NULL,     -- maximize or minimize
    config        TEXT NOT NULL,     -- the configuration it runs by, JSON
    space         TEXT NOT NULL,     -- NNI's search-space JSON
    defaults      TEXT NOT NULL,     -- the source's own values by name, JSON
    waits         TEXT               -- what the next trial waits for, and since when; NULL for nothing
);
CREATE TABLE trial (
    number        INTEGER PRIMARY KEY,  -- from 0, in the order of proposal
    state         TEXT NOT NULL,        -- hpo.trial.TrialState
    origin        TEXT NOT NULL,        -- baseline, tuner, user or imported
    parameters    TEXT NOT NULL,        -- the configuration, JSON
    memo          TEXT NOT NULL,        -- what the tuner must remember, JSON
    attempt       INTEGER NOT NULL,     -- 1, and one more each time it is run again
    value         REAL,                 -- the final result
    data          TEXT,                 -- the whole result where it was a dict, JSON
    told          INTEGER,              -- its place in the order in which the tuner was told
    started       REAL,                 -- wall clock
    ended         REAL,                 -- wall clock
    duration      REAL,                 -- seconds, by a clock that nobody sets
    failure       TEXT,                 -- exception, exit, signal, oom, timeout, no_result, bad_value, lost
    detail        TEXT,                 -- what went wrong, for a person
    device        TEXT,                 -- the GPUs it had, JSON list
    spool         INTEGER NOT NULL DEFAULT 0, -- bytes of metrics.jsonl that are in this file
    retries       INTEGER NOT NULL DEFAULT 0, -- how often it failed and was run again
    repeat        INTEGER NOT NULL DEFAULT 0, -- which of its runs is under way, or was the last, from 0
    deviation     REAL                  -- of its runs' results, of which `value` is the mean
);
CREATE INDEX trial_by_state ON trial (state, value);
CREATE INDEX trial_baseline ON trial (number) WHERE origin = 'baseline';
CREATE INDEX trial_by_told ON trial (told);
CREATE TABLE metric (
    trial         INTEGER NOT NULL REFERENCES trial (number),
    sequence      INTEGER NOT NULL,     -- order of arrival in this trial
    step          INTEGER NOT NULL,
    value         REAL,                 -- NULL where it was no finite number
    data          TEXT,                 -- the whole result where it was a dict, JSON
    time          REAL NOT NULL,        -- wall clock of the trial
    PRIMARY KEY (trial, sequence)
) WITHOUT ROWID;
CREATE TABLE repetition (
    trial         INTEGER NOT NULL REFERENCES trial (number),
    repeat        INTEGER NOT NULL,     -- from 0
    value         REAL NOT NULL,        -- the final result of this run
    data          TEXT,                 -- the whole result where it was a dict, JSON
    duration      REAL,                 -- seconds
    PRIMARY KEY (trial, repeat)
) WITHOUT ROWID;
CREATE TABLE event (
    id            INTEGER PRIMARY KEY,
    time          REAL NOT NULL,        -- wall clock
    kind          TEXT NOT NULL,        -- note, warning, error
    trial         INTEGER,              -- NULL where it is about the experiment
    message       TEXT NOT NULL
);
"""


class TrialRow(NamedTuple):
    """A trial as the store has it. A tuple: there may be 100,000 of them."""

    number: int
    state: TrialState
    origin: str
    parameters: dict[str, Any]
    memo: dict[str, Any]
    attempt: int
    value: float | None
    data: dict[str, Any] | None
    told: int | None
    started: float | None
    ended: float | None
    duration: float | None
    failure: str | None
    detail: str | None
    device: list[int]
    spool: int
    retries: int = 0
    repeat: int = 0
    deviation: float | None = None

    def trial(self, intermediate: Sequence[Metric] = ()) -> Trial:
        """Return the trial as tuners know it."""
        trial = Trial(self.number, self.parameters, state=self.state, value=self.value, memo=self.memo)
        trial.failure = self.failure
        trial.intermediate = list(intermediate)
        return trial


_FIELDS = TrialRow._fields
_COLUMNS = ", ".join(_FIELDS)
_STATES = {state.value: state for state in TrialState}
_STATE, _PARAMETERS, _MEMO, _DATA, _DEVICE = map(
    _FIELDS.index, ("state", "parameters", "memo", "data", "device")
)


def _row(values: Iterable[Any]) -> TrialRow:
    row = list(values)
    row[_STATE] = _STATES[row[_STATE]]
    row[_PARAMETERS] = json.loads(row[_PARAMETERS])
    row[_MEMO] = {} if row[_MEMO] == "{}" else json.loads(row[_MEMO])
    row[_DATA] = json.loads(row[_DATA]) if row[_DATA] else None
    row[_DEVICE] = json.loads(row[_DEVICE]) if row[_DEVICE] else []
    return TrialRow._make(row)


class Store:
    """An experiment's database, open.

    Args:
        directory: the experiment's folder.
        read_only: everyone but the runner.

    Raises:
        StoreError: it is not there, damaged, or of a later version.
    """

    def __init__(self, directory: Path, *, read_only: bool = True) -> None:
        self.directory = directory
        self.path = directory / "experiment.db"
        if not self.path.is_file():
            raise StoreError(
                f"there is no experiment in {directory}", help="`hpo list` shows those there are"
            )
        self._db: sqlite3.Connection
        self._flusher: Flusher | None = None
        self._dirty = False
        try:
            self._open(read_only)
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.Error as error:
            raise StoreError(
                f"{self.path} cannot be read: {error}",
                help="copy the folder first; trials/*/metrics.jsonl still hold what was reported",
            ) from error
        if version > SCHEMA_VERSION:
            raise StoreError(
                f"{self.path} has schema {version}, and this hpo knows {SCHEMA_VERSION}", help="update hpo"
            )
        if version < SCHEMA_VERSION:
            self._migrate(read_only)

    def _migrate(self, read_only: bool) -> None:
        """Bring a store of an earlier version up to date: its own file, or, where that may not be, a copy."""
        earlier = self._db
        try:
            self._db = sqlite3.connect(self.path, isolation_level=None)
            _bring_up_to_date(self._db)
        except sqlite3.OperationalError:
            if not read_only:
                raise
            self._db = sqlite3.connect(":memory:", isolation_level=None)
            earlier.backup(self._db)
            _bring_up_to_date(self._db)
        earlier.close()
        if not read_only:
            self._open(read_only)

    def _open(self, read_only: bool) -> None:
        if not read_only:
            self._db = sqlite3.connect(self.path, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")  # `flush` does the rest, for many commits at once
            return
        try:
            self._db = sqlite3.connect(f"file:{_quoted(self.path)}?mode=ro", uri=True, isolation_level=None)
            self._db.execute("SELECT id FROM experiment").fetchone()
        except sqlite3.OperationalError:
            # A folder that may not be written to has no place for WAL's index; nobody writes there either.
            self._db = sqlite3.connect(
                f"file:{_quoted(self.path)}?mode=ro&immutable=1", uri=True, isolation_level=None
            )
            self._db.execute("SELECT id FROM experiment").fetchone()

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
        with _written(path), contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
            db.execute(
                "INSERT INTO experiment VALUES (?, ?, 'running', NULL, ?, 0, ?, ?, ?, ?, NULL)",
                (id, name, time.time(), direction, *map(_json, (config, space, defaults))),
            )
        return cls(directory, read_only=False)

    def close(self) -> None:
        """Flush and close."""
        self.flush()
        if self._flusher is not None:
            self._flusher.close()
            self._flusher = None
        self._db.close()

    # -- writing: the runner only

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything inside together, or nothing.

        Raises:
            StoreError: the database cannot be written: the disk is full, or gone.
        """
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except BaseException as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise StoreError(
                    f"{self.path} cannot be written: {error}",
                    help=f"nothing recorded is lost; make room, then: hpo resume {self.directory.name}",
                ) from error
            raise
        self._dirty = True

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
            with contextlib.suppress(FileNotFoundError):
                self._flusher = Flusher(Path(f"{self.path}-wal"))
        if self._flusher is not None:
            self._flusher.ask()
        self._dirty = False

    def set_status(self, status: str, message: str | None = None) -> None:
        """Record where the experiment stands."""
        self._db.execute("UPDATE experiment SET status = ?, message = ?", (status, message))

    def set_elapsed(self, seconds: float) -> None:
        """Record the time that runners have spent on it."""
        self._db.execute("UPDATE experiment SET elapsed = ?", (seconds,))

    def update_settings(self, changed: Mapping[str, Any]) -> None:
        """Record settings that were changed while it ran."""
        config = self.experiment()["config"]
        config["settings"].update(changed)
        self._db.execute("UPDATE experiment SET config = ?", (_json(config),))

    def update_space(self, space: Mapping[str, Any]) -> None:
        """Record a search space that was changed while it ran."""
        self._db.execute("UPDATE experiment SET space = ?", (_json(space),))

    def add_trial(self, trial: Trial, origin: str, device: Sequence[int] = ()) -> None:
        """Record a proposed trial; one in the state `running` starts now."""
        started = time.time() if trial.state is TrialState.RUNNING else None
        self._db.execute(
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

    def put_trial(self, row: TrialRow, reports: Sequence[Intermediate]) -> None:
        """Record a trial of another store, as it is, with its intermediate results."""
        values = [row.state.value if name == "state" else getattr(row, name) for name in _FIELDS]
        written = [_json(value) if isinstance(value, dict | list) else value for value in values]
        places = ", ".join("?" * len(_FIELDS))
        self._db.execute(f"INSERT INTO trial ({_COLUMNS}) VALUES ({places})", written)  # noqa: S608
        self.add_metrics(row.number, list(enumerate(reports)))

    def start_trial(self, number: int, device: Sequence[int]) -> None:
        """Record that a trial runs."""
        self._db.execute(
            "UPDATE trial SET state = 'running', started = ?, device = ? WHERE number = ?",
            (time.time(), _json(list(device)), number),
        )

    def requeue_trial(self, number: int, *, failed: bool = False) -> None:
        """Let a trial run again: its number and parameters stay, the results of this run go."""
        self._db.execute(
            "DELETE FROM metric WHERE trial = (SELECT number FROM trial WHERE number = ? AND repeat = 0)",
            (number,),
        )
        self._db.execute(
            "UPDATE trial SET state = 'waiting', attempt = attempt + 1, retries = retries + ?, "
            "started = NULL, value = NULL, data = NULL, spool = 0 WHERE number = ?",
            (int(failed), number),
        )

    def add_metrics(self, number: int, reports: Sequence[tuple[int, Intermediate]]) -> None:
        """Record intermediate results, each with its place in the order of arrival."""
        if reports:
            self._db.executemany(
                "INSERT INTO metric VALUES (?, ?, ?, ?, ?, ?)",
                [(number, i, r.step, r.value, _json(r.data) if r.data else None, r.time) for i, r in reports],
            )

    def set_spool(self, number: int, offset: int) -> None:
        """Record how much of a trial's spool is in the store."""
        self._db.execute("UPDATE trial SET spool = ? WHERE number = ?", (offset, number))

    def set_parameters(self, number: int, parameters: Mapping[str, Any]) -> None:
        """Record values that were only known once the trial ran."""
        self._db.execute("UPDATE trial SET parameters = ? WHERE number = ?", (_json(parameters), number))

    def set_value(self, number: int, value: float, data: Mapping[str, Any] | None) -> None:
        """Record a final result."""
        self._db.execute(
            "UPDATE trial SET value = ?, data = ? WHERE number = ?",
            (value, _json(data) if data else None, number),
        )

    def add_repetition(
        self, number: int, repeat: int, value: float, data: Mapping[str, Any] | None, duration: float | None
    ) -> None:
        """Record how one of several runs of a trial ended."""
        self._db.execute(
            "INSERT INTO repetition VALUES (?, ?, ?, ?, ?)",
            (number, repeat, value, _json(data) if data else None, duration),
        )

    def next_repetition(self, number: int, repeat: int) -> None:
        """Record that a trial waits for its next run."""
        self._db.execute(
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
        self._db.execute(
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
        self._db.execute("UPDATE experiment SET waits = ?", (reason,))

    def add_event(self, kind: str, message: str, trial: int | None = None) -> None:
        """Record something that a person may want to know."""
        self._db.execute(
            "INSERT INTO event (time, kind, trial, message) VALUES (?, ?, ?, ?)",
            (time.time(), kind, trial, message),
        )

    # -- reading

    def experiment(self) -> dict[str, Any]:
        """Return the experiment's row, its JSON parsed."""
        cursor = self._db.execute("SELECT * FROM experiment")
        row = dict(zip((c[0] for c in cursor.description), cursor.fetchone(), strict=True))
        for column in ("config", "space", "defaults"):
            row[column] = json.loads(row[column])
        return row

    def counts(self) -> dict[str, int]:
        """Return how many trials are in each state."""
        return dict(self._db.execute("SELECT state, count(*) FROM trial GROUP BY state ORDER BY state"))

    def trials(
        self, *, states: Sequence[TrialState] = (), offset: int = 0, limit: int = -1
    ) -> list[TrialRow]:
        """Return trials by number, all or those in some states, all or a page of them."""
        where = f"WHERE state IN ({', '.join('?' * len(states))})" if states else ""
        rows = self._db.execute(
            f"SELECT {_COLUMNS} FROM trial {where} ORDER BY number LIMIT ? OFFSET ?",  # noqa: S608
            (*(s.value for s in states), limit, offset),
        )
        return [_row(row) for row in rows]

    def select(self, selection: Selection, *, offset: int = 0, limit: int = 100) -> list[TrialRow]:
        """Return a page of the trials that fit, in their order."""
        rows = self._db.execute(
            f"SELECT {_COLUMNS} FROM trial WHERE {selection.where} "  # noqa: S608
            f"ORDER BY {selection.order} LIMIT ? OFFSET ?",
            (*selection.arguments, *selection.order_arguments, limit, offset),
        )
        return [_row(row) for row in rows]

    def count(self, selection: Selection) -> int:
        """Return how many trials fit."""
        query = f"SELECT count(*) FROM trial WHERE {selection.where}"  # noqa: S608
        return int(self._db.execute(query, selection.arguments).fetchone()[0])

    def results(self) -> list[tuple[int, float, float | None]]:
        """Return number, final result and time of the end of all that succeeded, in the order of telling."""
        query = "SELECT number, value, ended FROM trial WHERE state = 'succeeded' AND value IS NOT NULL"
        return list(self._db.execute(f"{query} ORDER BY told, number"))

    def sample(self, limit: int) -> list[tuple[int, float, dict[str, Any]]]:
        """Return number, final result and parameters of trials that succeeded: so many, evenly spread."""
        (last,) = self._db.execute("SELECT max(number) FROM trial").fetchone()
        every = max(1, -(-((last or 0) + 1) // limit))
        rows = self._db.execute(
            "SELECT number, value, parameters FROM trial WHERE state = 'succeeded' AND number % ? = 0 "
            "ORDER BY number",
            (every,),
        )
        return [(number, value, json.loads(parameters)) for number, value, parameters in rows]

    def failures(self) -> list[dict[str, Any]]:
        """Return each kind of failure: how often, and the last trial of it, with what went wrong there."""
        cursor = self._db.execute(
            "SELECT failure, count(*) AS count, max(number) AS trial, detail FROM trial "
            "WHERE state = 'failed' GROUP BY failure ORDER BY 2 DESC"
        )
        return [dict(zip((c[0] for c in cursor.description), row, strict=True)) for row in cursor]

    def ranked(self, limit: int, *, descending: bool = True) -> list[TrialRow]:
        """Return the succeeded trials with the highest results, or the lowest, the most extreme first."""
        rows = self._db.execute(
            f"SELECT {_COLUMNS} FROM trial WHERE state = 'succeeded' "  # noqa: S608
            f"ORDER BY value {'DESC' if descending else 'ASC'}, number LIMIT ?",
            (limit,),
        )
        return [_row(row) for row in rows]

    def trial(self, number: int) -> TrialRow | None:
        """Return one trial."""
        row = self._db.execute(f"SELECT {_COLUMNS} FROM trial WHERE number = ?", (number,)).fetchone()  # noqa: S608
        return None if row is None else _row(row)

    def best(self) -> TrialRow | None:
        """Return the best succeeded trial; of equals, the earliest."""
        return next(iter(self.top(1)), None)

    def top(self, limit: int) -> list[TrialRow]:
        """Return the best succeeded trials, the best first; of equals, the earliest."""
        (direction,) = self._db.execute("SELECT direction FROM experiment").fetchone()
        return self.ranked(limit, descending=direction == "maximize")

    def baseline(self) -> TrialRow | None:
        """Return the trial that ran the source's own values, where there was one."""
        row = self._db.execute(
            f"SELECT {_COLUMNS} FROM trial WHERE origin = 'baseline' ORDER BY number LIMIT 1"  # noqa: S608
        ).fetchone()
        return None if row is None else _row(row)

    def metrics(self, number: int) -> list[Metric]:
        """Return a trial's intermediate results, in order, the finite ones."""
        rows = self._db.execute(
            "SELECT step, value FROM metric WHERE trial = ? AND value IS NOT NULL ORDER BY sequence",
            (number,),
        )
        return [Metric(step, value) for step, value in rows]

    def reports(self, number: int) -> list[Intermediate]:
        """Return a trial's intermediate results as they were reported, in order, the finite ones."""
        rows = self._db.execute(
            "SELECT step, value, data, time FROM metric WHERE trial = ? AND value IS NOT NULL "
            "ORDER BY sequence",
            (number,),
        )
        return [Intermediate(step, v, None, json.loads(d or "null"), at) for step, v, d, at in rows]

    def last_metric(self, number: int) -> Metric | None:
        """Return the last finite intermediate result of a trial."""
        row = self._db.execute(
            "SELECT step, value FROM metric WHERE trial = ? AND value IS NOT NULL "
            "ORDER BY sequence DESC LIMIT 1",
            (number,),
        ).fetchone()
        return None if row is None else Metric(*row)

    def all_metrics(self, most: int | None = None) -> dict[int, list[Metric]]:
        """Return intermediate results by trial: of all, or of so many, evenly spread, and of the best."""
        found: dict[int, list[Metric]] = {}
        (last,) = self._db.execute("SELECT max(number) FROM trial").fetchone()
        every = 1 if most is None else max(1, -(-((last or 0) + 1) // most))
        best = None if every == 1 else self.best()
        rows = self._db.execute(
            "SELECT trial, step, metric.value FROM trial JOIN metric ON trial = number "
            "WHERE (number % ? = 0 OR number = ?) AND metric.value IS NOT NULL ORDER BY number, sequence",
            (every, best.number if best else None),
        )
        for trial, step, value in rows:
            found.setdefault(trial, []).append(Metric(step, value))
        return found

    def repetitions(self, number: int) -> list[tuple[float, dict[str, Any] | None, float | None]]:
        """Return the results of the runs of a trial that runs several times, those that ended, in order."""
        rows = self._db.execute(
            "SELECT value, data, duration FROM repetition WHERE trial = ? ORDER BY repeat", (number,)
        )
        return [(value, json.loads(data or "null"), duration) for value, data, duration in rows]

    def last_sequence(self, number: int) -> int:
        """Return how many intermediate results of a trial are here."""
        row = self._db.execute("SELECT max(sequence) FROM metric WHERE trial = ?", (number,)).fetchone()
        return 0 if row[0] is None else int(row[0]) + 1

    def events(self, trial: int | None = None) -> list[dict[str, Any]]:
        """Return what was noted, of one trial or of all."""
        where, values = ("", ()) if trial is None else ("WHERE trial = ?", (trial,))
        cursor = self._db.execute(f"SELECT time, kind, trial, message FROM event {where} ORDER BY id", values)  # noqa: S608
        return [dict(zip((c[0] for c in cursor.description), row, strict=True)) for row in cursor]

    def told_after(self, told: int) -> list[TrialRow]:
        """Return the trials that ended after one, by its place in the order of telling."""
        rows = self._db.execute(f"SELECT {_COLUMNS} FROM trial WHERE told > ? ORDER BY told", (told,))  # noqa: S608
        return [_row(row) for row in rows]

    def last_told(self) -> int:
        """Return the place of the last trial in the order of telling; -1 where there is none."""
        row = self._db.execute("SELECT max(told) FROM trial").fetchone()
        return -1 if row[0] is None else int(row[0])


@contextlib.contextmanager
def _written(path: Path) -> Iterator[None]:
    """Say it as an error of ours when SQLite cannot write."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be written: {error}", help="make room on its disk") from error


def _bring_up_to_date(db: sqlite3.Connection) -> None:
    """Migrate a database, one version after the other, all or nothing."""
    db.execute("BEGIN IMMEDIATE")
    version = db.execute("PRAGMA user_version").fetchone()[0]  # another process may have been faster
    steps = [_MIGRATIONS[later] for later in range(version + 1, SCHEMA_VERSION + 1)]
    for statement in "".join(steps).split(";"):
        db.execute(statement)
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    db.execute("COMMIT")


_json = json.JSONEncoder(ensure_ascii=False).encode


def _quoted(path: Path) -> str:
    from urllib.parse import quote

    return quote(str(path))
