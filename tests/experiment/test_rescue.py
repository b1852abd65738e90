"""A store that is damaged is said to be, becomes a sound one, and the experiment goes on."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from pathlib import Path
from typing import NoReturn

import pytest
from commands import data, hpo, trials

from hpo.errors import StoreError, UsageError
from hpo.experiment import rescue as rescuing
from hpo.experiment.rescue import rescue
from hpo.runtime.queries import TrialRow
from hpo.runtime.store import Store

SCRIPT = """
import hpo
x = 0.5  # hpo: uniform(0, 1)
for step in range(5):
    hpo.report_intermediate_result(x + step)
hpo.report_final_result(x)
"""
TRIALS = 45
PAGE = 4096


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an experiment that is done, all of whose store is in one file."""
    folder = tmp_path_factory.mktemp("rescue")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HPO_HOME", str(folder / "home"))
        patch.chdir(folder)
        Path("train.py").write_text(SCRIPT)
        hpo("run", "train.py", "--max-trials", str(TRIALS), "--tuner", "Random", "--no-web")
        directory = Path(data("show")["directory"])
    with contextlib.closing(sqlite3.connect(directory / "experiment.db")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return directory


@pytest.fixture
def directory(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of it."""
    monkeypatch.setenv("HPO_HOME", str(tmp_path))
    copy = tmp_path / run.name
    shutil.copytree(run, copy, ignore=shutil.ignore_patterns("wake", "*-wal", "*-shm"))
    return copy


def rows(directory: Path) -> dict[int, TrialRow]:
    with contextlib.closing(Store(directory)) as store:
        return {row.number: row for row in store.trials()}


def curves(directory: Path) -> dict[int, int]:
    with contextlib.closing(Store(directory)) as store:
        return {number: len(curve) for number, curve in store.all_metrics().items()}


def pages(directory: Path) -> int:
    return (directory / "experiment.db").stat().st_size // PAGE


def damage(directory: Path, page: int, how: str = "random") -> None:
    path = directory / "experiment.db"
    content, at = bytearray(path.read_bytes()), page * PAGE
    was = content[at : at + PAGE]
    content[at : at + PAGE] = {
        "random": os.urandom(PAGE),
        "zeros": bytes(PAGE),
        "flipped": bytes(each ^ 255 for each in was),
    }[how]
    path.write_bytes(content)


@pytest.fixture(scope="module")
def page_of_trials(run: Path, tmp_path_factory: pytest.TempPathFactory) -> int:
    """Return a page with trials, which is not the one that leads to all of them."""
    found = []
    for page in range(2, pages(run)):
        copy = tmp_path_factory.mktemp("page") / run.name
        shutil.copytree(run, copy, ignore=shutil.ignore_patterns("wake", "*-wal", "*-shm"))
        damage(copy, page)
        with contextlib.suppress(StoreError):
            found.append((len(rescue(copy).again), page))
    return min(pair for pair in found if pair[0])[1]


@pytest.mark.parametrize("how", ["random", "zeros", "flipped"])
def test_whichever_page_is_damaged_nothing_that_can_be_read_is_lost(directory: Path, how: str) -> None:
    before, reported, saved = rows(directory), curves(directory), 0
    for page in range(pages(directory)):
        copy = directory.with_name("copy")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(directory, copy, ignore=shutil.ignore_patterns("*-wal", "*-shm"))
        damage(copy, page, how)
        harmed = (copy / "experiment.db").read_bytes()
        try:
            found = rescue(copy)
        except StoreError as error:
            complaint = error.message
            assert "not even the settings can be read" in complaint
            assert (copy / "experiment.db").read_bytes() == harmed
            assert not list(copy.glob("*.damaged*"))
            continue
        saved += 1
        after = rows(copy)
        assert sorted(after) == sorted(before)
        assert found.whole + len(found.again) == TRIALS
        assert not found.lost
        assert found.damaged.read_bytes() == harmed
        assert {n: after[n] for n in before if n not in found.again} == {
            n: before[n] for n in before if n not in found.again
        }, page
        kept = {n: count for n, count in curves(copy).items() if n not in found.again}
        assert kept == {n: count for n, count in reported.items() if n not in found.again}, page
        with contextlib.closing(Store(copy)) as store:
            store.check()
    assert saved > pages(directory) / 2


def test_a_damaged_experiment_is_not_resumed_and_says_how_it_can_be(
    directory: Path, page_of_trials: int
) -> None:
    before = {trial["number"]: trial["value"] for trial in trials()}
    damage(directory, page_of_trials)
    complaint = hpo("resume", directory.name, "--no-web", code=1).stderr
    assert "experiment.db is damaged" in complaint
    assert f"hpo rescue {directory.name}" in complaint
    assert "is damaged" in hpo("doctor").stdout
    said = hpo("rescue", directory.name[:4]).stderr
    assert "is sound again" in said
    assert "by what is in their folders" in said
    assert f"The damaged store is kept: {directory}/experiment.db.damaged" in said
    hpo("resume", directory.name, "--no-web")
    assert {trial["number"]: trial["value"] for trial in trials()} == before
    assert {trial["state"] for trial in trials()} == {"succeeded"}
    with contextlib.closing(Store(directory)) as store:
        assert any("the store was damaged" in event["message"] for event in store.events())


def test_a_trial_that_had_no_result_runs_again_and_one_without_a_folder_is_lost(
    directory: Path, page_of_trials: int
) -> None:
    damage(directory, page_of_trials)
    copy = directory.with_name("copy")
    shutil.copytree(directory, copy)
    first, second, *_ = rescue(copy).again
    shutil.rmtree(copy)
    (directory / "trials" / str(first) / "metrics.jsonl").unlink()
    shutil.rmtree(directory / "trials" / str(second))
    found = rescue(directory)
    assert found.lost == [second]
    assert first in found.again
    hpo("resume", directory.name, "--no-web")
    (again,) = (trial for trial in trials() if trial["number"] == first)
    assert (again["state"], again["attempt"]) == ("succeeded", 2)


def test_a_sound_store_is_left_alone(directory: Path) -> None:
    assert "is sound: there is nothing to rescue" in hpo("rescue", directory.name, code=2).stderr
    with pytest.raises(UsageError, match="nothing to rescue"):
        rescue(directory)
    assert not list(directory.glob("*.damaged*"))


@pytest.mark.parametrize("moment", ["_copied_aside", "salvage", "_complete", "put"])
def test_cut_short_it_can_be_called_again(
    directory: Path, page_of_trials: int, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage(directory, page_of_trials)

    def cut_short(*_: object, **__: object) -> NoReturn:
        os._exit(9)

    child = os.fork()
    if child == 0:
        monkeypatch.setattr(rescuing, moment, cut_short)
        rescue(directory)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    found = rescue(directory)
    assert sorted(rows(directory)) == list(range(TRIALS))
    assert [path.name for path in directory.glob("*.damaged*")] == [found.damaged.name]
    assert not (directory / ".rescue").exists()
