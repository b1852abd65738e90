"""The store lies on a network file system, where SQLite's log does not work: it does without."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import data, hpo, trials
from power import recorded_disk

from hpo.runtime.mounts import network_file_system
from hpo.runtime.store import Store

SCRIPT = """
import time
import hpo
x = 0.5  # hpo: uniform(0, 1)
for step in range(3):
    hpo.report_intermediate_result(x)
    time.sleep(0.05)
hpo.report_final_result(x)
"""


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Mount a disk that Linux takes for one that lies elsewhere; experiments are to be there."""
    with recorded_disk(tmp_path / "far away", tmp_path / "journal", kind="sshfs") as is_there:
        if not is_there:
            pytest.skip("only root, with FUSE, may mount one")
        monkeypatch.setenv("HPO_HOME", str(tmp_path / "far away" / "home"))
        monkeypatch.chdir(tmp_path)
        Path("train.py").write_text(SCRIPT)
        yield tmp_path / "far away"


def mode(directory: Path) -> str:
    with contextlib.closing(sqlite3.connect(f"file:{directory}/experiment.db?mode=ro", uri=True)) as db:
        return str(db.execute("PRAGMA journal_mode").fetchone()[0])


def test_only_what_is_there_is_far_away(disk: Path) -> None:
    assert network_file_system(disk) == "fuse.sshfs"
    assert network_file_system(disk / "nothing yet" / "below") == "fuse.sshfs"
    assert network_file_system(disk.parent) is None
    assert network_file_system(Path(f"{disk} and another")) is None
    assert network_file_system(Path("/")) is None


def test_that_results_wait_there_is_said_and_no_log_is_written(disk: Path) -> None:
    said = hpo("run", "train.py", "--max-trials", "4", "--concurrency", "2", "--no-web").stderr
    assert f"warning: {disk}/home is on a network file system (fuse.sshfs)" in said
    assert "set HPO_HOME to a folder on a local disk" in said
    directory = Path(data("show")["directory"])
    assert mode(directory) == "delete"
    assert not list(directory.glob("experiment.db-*"))
    assert [trial["state"] for trial in trials()] == ["succeeded"] * 4


def test_it_is_read_while_it_runs_and_goes_on_after_its_runner_was_killed(disk: Path) -> None:
    command = [sys.executable, "-m", "hpo", "run", "train.py", "--max-trials", "30", "--no-web"]
    runner = subprocess.Popen([*command, "--concurrency", "3"], stderr=subprocess.DEVNULL)
    limit = time.monotonic() + 60
    while not (stores := list(disk.glob("home/[!.]*/experiment.db"))):
        assert time.monotonic() < limit
        time.sleep(0.05)
    seen: dict[int, float] = {}
    while len(seen) < 6:
        assert time.monotonic() < limit
        with contextlib.closing(Store(stores[0].parent)) as store:
            seen = {row.number: row.value for row in store.trials() if row.value is not None}
    runner.send_signal(signal.SIGKILL)
    runner.wait()
    hpo("resume", "--no-web")
    after = {trial["number"]: trial["value"] for trial in trials()}
    assert len(after) == 30
    assert seen.items() <= after.items()


def test_an_experiment_that_is_moved_there_does_without_its_log_and_back_with_one(
    disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far, near = disk / "home", tmp_path / "home"
    monkeypatch.setenv("HPO_HOME", str(near))
    hpo("run", "train.py", "--max-trials", "2", "--no-web")
    name = data("show")["id"]
    assert mode(near / name) == "wal"
    for count, home, expected in ((3, far, "delete"), (4, near, "wal")):
        there = Path(os.environ["HPO_HOME"]) / name
        (there / "wake").unlink()
        home.mkdir(exist_ok=True)
        if (home / name).exists():
            shutil.rmtree(home / name)
        shutil.copytree(there, home / name, ignore=shutil.ignore_patterns("*-shm"))
        monkeypatch.setenv("HPO_HOME", str(home))
        hpo("update", name, "--max-trials", str(count))
        hpo("resume", name, "--no-web")
        assert len(trials()) == count
        assert mode(home / name) == expected
