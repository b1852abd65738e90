"""What is written is read again; a store of an earlier version is brought up to date, or read as it is."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from means import fill, small_disk

from hpo.errors import StoreError
from hpo.runtime import store as store_module
from hpo.runtime.schema import SCHEMA_VERSION
from hpo.runtime.spool import Intermediate
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


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    settings = {"direction": "maximize", "config": {"settings": {"name": "n", "seed": 1}}, "defaults": {}}
    made = Store.create(tmp_path, id="new", name="new", space={"x": 1}, **settings)  # type: ignore[arg-type]
    yield made
    made.close()


def test_what_is_noted_of_an_experiment_is_read_again(store: Store) -> None:
    assert store.experiment()["status"] == "running"
    with store.transaction():
        store.set_status("stopped", "the user asked for it")
        store.set_elapsed(2.5)
        store.update_settings({"seed": 2, "max_trials": 3})
        store.update_space({"y": 1})
        store.set_waits("a GPU")
    noted = store.experiment()
    assert (noted["status"], noted["message"]) == ("stopped", "the user asked for it")
    assert (noted["elapsed"], noted["waits"]) == (2.5, "a GPU")
    assert noted["config"] == {"settings": {"name": "n", "seed": 2, "max_trials": 3}}
    assert noted["space"] == {"y": 1}


def test_what_is_noted_of_a_trial_is_read_again(store: Store) -> None:
    with store.transaction():
        store.add_trial(Trial(0, {"x": 1}, memo={"arm": 2}), "baseline")
        store.add_trial(Trial(1, {"x": 2}, state=TrialState.RUNNING), "tuner", (0, 1))
        store.set_parameters(0, {"x": 3})
    waiting, running = store.trials()
    assert (waiting.parameters, waiting.memo, waiting.started, waiting.device) == (
        {"x": 3},
        {"arm": 2},
        None,
        [],
    )
    assert running.started is not None
    assert running.device == [0, 1]
    with store.transaction():
        store.start_trial(0, [1])
        store.set_node(0, "second")
        store.set_spool(0, 77)
        store.set_value(0, 0.5, {"default": 0.5})
    row = store.trial(0)
    assert row is not None
    assert (row.state, row.device, row.node, row.spool) == (TrialState.RUNNING, [1], "second", 77)
    assert (row.value, row.data) == (0.5, {"default": 0.5})
    assert row.started is not None


def test_the_runs_of_a_trial_are_kept_and_the_next_begins_with_nothing(store: Store) -> None:
    metric = Intermediate(0, 0.1, None, {"default": 0.1}, 5.0)
    with store.transaction():
        store.add_trial(Trial(0, {}, state=TrialState.RUNNING), "tuner")
        store.add_metrics(0, [(0, metric)])
        store.set_value(0, 0.5, {"default": 0.5})
        store.set_spool(0, 77)
        store.add_repetition(0, 0, 0.5, {"default": 0.5}, 2.0)
        store.next_repetition(0, 1)
        store.add_repetition(0, 1, 0.7, None, None)
    assert store.repetitions(0) == [(0.5, {"default": 0.5}, 2.0), (0.7, None, None)]
    row = store.trial(0)
    assert row is not None
    assert (row.state, row.repeat, row.value, row.data, row.spool) == (TrialState.WAITING, 1, None, None, 0)
    with store.transaction():
        store.requeue_trial(0)
    assert store.reports(0) == [metric]  # the curve is that of the first run, which is over
    row = store.trial(0)
    assert row is not None
    assert (row.attempt, row.retries) == (2, 0)


def test_a_trial_of_another_store_is_there_as_it_was(
    store: Store, tmp_path_factory: pytest.TempPathFactory
) -> None:
    reports = [Intermediate(step, 0.1 * step, None, {"default": step}, float(step)) for step in range(3)]
    trial = Trial(3, {"x": [1]}, state=TrialState.FAILED, memo={"arm": [2]})
    trial.failure = "exit"
    with store.transaction():
        store.add_trial(trial, "user")
        store.add_metrics(3, list(enumerate(reports)))
        store.end_trial(trial, told=0, duration=2.0, detail="it ended with status 1", deviation=0.5)
    row = store.trial(3)
    assert row is not None
    assert (row.failure, row.detail) == ("exit", "it ended with status 1")
    assert (row.told, row.duration, row.deviation) == (0, 2.0, 0.5)
    settings: dict[str, Any] = {"direction": "maximize", "config": {}, "space": {}, "defaults": {}}
    other = Store.create(tmp_path_factory.mktemp("other"), id="other", name="other", **settings)
    with other.transaction():
        other.put_trial(row, store.reports(3))
    assert other.trials() == [row]
    assert other.reports(3) == reports
    other.close()


def test_a_transaction_that_is_broken_off_leaves_nothing_and_the_next_is_its_own(store: Store) -> None:
    def fail() -> None:
        with store.transaction():
            store.add_event("note", "one")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with store.transaction():
        store.add_event("warning", "two", 5)
    (event,) = store.events()
    assert (event["kind"], event["message"], event["trial"]) == ("warning", "two", 5)


def test_a_disk_that_fails_is_said_and_not_waited_for(store: Store) -> None:
    store.wait_for_room = lambda: pytest.fail("it is not full")
    store._db.execute(
        "PRAGMA query_only = ON"
    )  # SQLite says of it what it says of a disk that nobody may write
    with (
        pytest.raises(StoreError, match="cannot be written: attempt to write") as raised,
        store.transaction(),
    ):
        store.add_event("note", "one")
    assert f"hpo resume {store.directory.name}" in (raised.value.help or "")
    store._db.execute("PRAGMA query_only = OFF")


def test_it_is_dirty_until_what_it_committed_goes_to_the_disk(store: Store) -> None:
    assert not store.is_dirty
    with store.transaction():
        store.add_event("note", "one")
    assert store.is_dirty
    store.flush()
    assert not store.is_dirty


@pytest.mark.parametrize("error", [OSError(errno.EMFILE, "no file"), RuntimeError("can't start new thread")])
def test_where_there_is_no_file_or_thread_to_flush_with_it_stays_dirty(
    store: Store, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    with store.transaction():
        store.add_event("note", "one")
    with monkeypatch.context() as short:
        short.setattr(store_module, "Flusher", Mock(side_effect=error))
        store.flush()
        assert store.is_dirty
    store.flush()
    assert not store.is_dirty


def test_a_folder_without_an_experiment_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no experiment in") as raised:
        Store(tmp_path)
    assert "hpo list" in (raised.value.help or "")


@pytest.mark.parametrize(
    ("content", "complaint", "cure"),
    [
        (b"", "is damaged: it is empty", "put a copy there"),
        (b"no database, and longer than the head of one" * 9, "cannot be read", "hpo rescue {}"),
    ],
)
def test_a_file_that_is_no_store_is_said(tmp_path: Path, content: bytes, complaint: str, cure: str) -> None:
    (tmp_path / "experiment.db").write_bytes(content)
    for read_only in (True, False):
        with pytest.raises(StoreError, match=complaint) as raised:
            Store(tmp_path, read_only=read_only)
        assert cure.format(tmp_path.name) in (raised.value.help or "")


def test_a_database_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        settings: dict[str, Any] = {"direction": "maximize", "config": {}, "space": {}, "defaults": {}}
        Store.create(tmp_path, id="new", name="new", **settings).close()
    finally:
        os.umask(before)
    assert (tmp_path / "experiment.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["plain", "with a space, a ? and 100%"])
def test_a_store_on_a_disk_that_nobody_may_write_is_read_all_the_same(tmp_path: Path, name: str) -> None:
    settings: dict[str, Any] = {"direction": "maximize", "config": {}, "space": {}, "defaults": {}}
    with small_disk(tmp_path / "disk", megabytes=8) as is_there:
        if not is_there:
            pytest.skip("only root may mount a small disk")
        folder = tmp_path / "disk" / name
        folder.mkdir()
        written = Store.create(folder, id="new", name="new", **settings)
        with written.transaction():
            written.add_trial(Trial(0, {"x": 1}), "tuner")
        written.close()
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path / "disk")], check=True)
        store = Store(folder)
        assert store.trials()[0].parameters == {"x": 1}
        store.close()
        with pytest.raises(StoreError, match="cannot be read"):
            Store(folder, read_only=False)


def test_where_there_is_no_room_for_a_new_store_that_is_said(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"direction": "maximize", "config": {}, "space": {}, "defaults": {}}
    with small_disk(tmp_path / "disk", megabytes=1) as is_there:
        if not is_there:
            pytest.skip("only root may mount a small disk")
        fill(tmp_path / "disk")
        with pytest.raises(StoreError, match=r"cannot be written: .* full") as raised:
            Store.create(tmp_path / "disk", id="new", name="new", **settings)
        assert raised.value.help == "make room on its disk"


def test_one_that_may_not_be_read_is_not_called_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "experiment.db").write_bytes(b"nothing that root could read")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(StoreError, match="may not be read") as said:
        Store(tmp_path)
    assert said.value.help == f"chmod u+rw {tmp_path / 'experiment.db'}"
