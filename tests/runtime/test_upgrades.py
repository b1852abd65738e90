"""Experiments that an earlier hpo wrote, and whose runner was killed: they are shown, and go on."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from commands import data, trials
from upgrades import EARLIER, UPGRADES, put_back

from hpo.errors import StoreError
from hpo.runtime import schema
from hpo.runtime.schema import SCHEMA_VERSION
from hpo.runtime.store import Store


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    shutil.copy(UPGRADES / "train.py", tmp_path)
    return tmp_path


def hpo(*arguments: str) -> str:
    command = [sys.executable, "-m", "hpo", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("version", EARLIER)
def test_an_experiment_of_every_earlier_schema_is_shown_and_goes_on(work: Path, version: int) -> None:
    put_back(version, work)
    assert data("show")["status"] == "interrupted"
    before = trials()
    assert [t["state"] for t in before] == ["succeeded", "succeeded", "failed", "succeeded", "interrupted"]
    hpo("resume", "--no-web")
    after = trials()
    assert after[:4] == before[:4]
    assert [t["state"] for t in after[4:]] == ["succeeded"] * 2, [t["detail"] for t in after[4:]]
    assert after[4]["parameters"] == before[4]["parameters"]
    assert after[4]["intermediate"] == [[0, 0.0], [1, after[4]["parameters"]["x"]]]
    assert data("best")["value"] == max(t["value"] or 0 for t in after)
    assert "+x = " in hpo("apply")


@pytest.mark.parametrize("version", EARLIER)
def test_an_upgrade_that_is_cut_short_leaves_the_store_as_it_was(
    work: Path, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = put_back(version, work)
    last = schema._MIGRATIONS[SCHEMA_VERSION] + "; SELECT * FROM none"
    monkeypatch.setattr(schema, "_MIGRATIONS", {**schema._MIGRATIONS, SCHEMA_VERSION: last})
    with pytest.raises(StoreError, match="no such table: none"):
        Store(directory, read_only=False)
    db = sqlite3.connect(directory / "experiment.db")
    assert db.execute("PRAGMA user_version").fetchone() == (version,)
    db.close()
    monkeypatch.undo()
    store = Store(directory, read_only=False)
    assert len(store.trials()) == 5
    store.close()
