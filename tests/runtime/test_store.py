"""A store of an earlier version is brought up to date, and read where it cannot be."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from hpo.errors import StoreError
from hpo.runtime.schema import SCHEMA_VERSION
from hpo.runtime.store import Store
from hpo.trial import Trial, TrialState

#: What version 1 of the schema was, for good.
FIRST = """
CREATE TABLE experiment (
    id TEXT NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL, message TEXT, created REAL NOT NULL,
    elapsed REAL NOT NULL, direction TEXT NOT NULL, config TEXT NOT NULL, space TEXT NOT NULL,
    defaults TEXT NOT NULL
);
CREATE TABLE trial (
    number INTEGER PRIMARY KEY, state TEXT NOT NULL, origin TEXT NOT NULL, parameters TEXT NOT NULL,
    memo TEXT NOT NULL, attempt INTEGER NOT NULL, value REAL, data TEXT, told INTEGER, started REAL,
    ended REAL, duration REAL, failure TEXT, detail TEXT, device TEXT, spool INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX trial_by_state ON trial (state, value);
CREATE TABLE metric (
    trial INTEGER NOT NULL REFERENCES trial (number), sequence INTEGER NOT NULL, step INTEGER NOT NULL,
    value REAL, data TEXT, time REAL NOT NULL, PRIMARY KEY (trial, sequence)
) WITHOUT ROWID;
CREATE TABLE event (
    id INTEGER PRIMARY KEY, time REAL NOT NULL, kind TEXT NOT NULL, trial INTEGER, message TEXT NOT NULL
);
INSERT INTO experiment VALUES ('old', 'old', 'done', NULL, 0, 1, 'maximize', '{}', '{}', '{}');
INSERT INTO trial VALUES (0, 'succeeded', 'tuner', '{"x": 1}', '{}', 1, 0.5, NULL, 0, 1, 2, 1, NULL, NULL,
    '[]', 10);
PRAGMA user_version = 1;
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    db = sqlite3.connect(tmp_path / "experiment.db")
    db.executescript(FIRST)
    db.execute("PRAGMA journal_mode = WAL")
    db.close()
    return tmp_path


def version(directory: Path) -> int:
    db = sqlite3.connect(directory / "experiment.db")
    found = int(db.execute("PRAGMA user_version").fetchone()[0])
    db.close()
    return found


@pytest.mark.parametrize("read_only", [True, False])
def test_an_old_store_is_brought_up_to_date_and_keeps_what_it_has(old: Path, read_only: bool) -> None:
    store = Store(old, read_only=read_only)
    (row,) = store.trials()
    assert (row.state, row.value, row.retries, row.deviation) == (TrialState.SUCCEEDED, 0.5, 0, None)
    assert store.experiment()["waits"] is None
    store.close()
    assert version(old) == SCHEMA_VERSION


def test_an_old_store_that_nobody_may_write_is_read_all_the_same(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Root may write anywhere; what SQLite says of a file that it cannot write is the same for both.
    connect = sqlite3.connect

    def only_to_read(database: object, **options: object) -> sqlite3.Connection:
        if database == old / "experiment.db":
            raise sqlite3.OperationalError("attempt to write a readonly database")
        return connect(database, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(sqlite3, "connect", only_to_read)
    store = Store(old)
    assert store.trials()[0].parameters == {"x": 1}
    store.close()
    monkeypatch.undo()
    assert version(old) == 1


def test_a_later_version_is_refused(old: Path) -> None:
    db = sqlite3.connect(old / "experiment.db")
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    db.close()
    with pytest.raises(StoreError, match=f"schema {SCHEMA_VERSION + 1}, and this hpo knows {SCHEMA_VERSION}"):
        Store(old)


def test_a_migrated_store_has_the_schema_of_a_new_one(
    old: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    new = tmp_path_factory.mktemp("new")
    settings = {"direction": "maximize", "config": {}, "space": {}, "defaults": {}}
    Store.create(new, id="new", name="new", **settings).close()  # type: ignore[arg-type]
    Store(old, read_only=False).close()
    assert columns(old) == columns(new)
    assert indexes(old) == indexes(new)
    for directory in (old, new):
        store = Store(directory, read_only=False)
        with store.transaction():
            store.add_trial(Trial(7, {"x": 2}), "tuner")
            store.requeue_trial(7, failed=True)
        row = store.trial(7)
        assert row is not None
        assert (row.attempt, row.retries) == (2, 1)
        store.close()


def indexes(directory: Path) -> list[tuple[str]]:
    db = sqlite3.connect(directory / "experiment.db")
    found = list(db.execute("SELECT sql FROM sqlite_master WHERE type = 'index' ORDER BY name"))
    db.close()
    return found


def columns(directory: Path) -> dict[str, list[tuple[object, ...]]]:
    db = sqlite3.connect(directory / "experiment.db")
    tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {table: list(db.execute(f"PRAGMA table_info({table})")) for table in tables}
    db.close()
    return found


def test_trials_come_in_the_order_of_their_results(tmp_path: Path) -> None:
    settings = {"direction": "minimize", "config": {}, "space": {}, "defaults": {}}
    store = Store.create(tmp_path, id="new", name="new", **settings)  # type: ignore[arg-type]
    with store.transaction():
        for number, value in enumerate([0.5, None, 0.25, 0.75, 0.25]):
            trial = Trial(number, {})
            trial.state = TrialState.FAILED if value is None else TrialState.SUCCEEDED
            trial.value = value
            store.add_trial(trial, "tuner")
            store.end_trial(trial, told=number, duration=None, detail=None)
    best = store.best()
    assert best is not None
    assert best.number == 2
    assert [row.number for row in store.ranked(3)] == [3, 0, 2]
    assert [row.number for row in store.ranked(9, descending=False)] == [2, 4, 0, 3]
    store.close()
