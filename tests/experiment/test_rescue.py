"""A store that is damaged is said to be, becomes a sound one, and the experiment goes on."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import NoReturn
from unittest.mock import Mock

import pytest
from commands import data, here, hpo, trials
from upgrades import EARLIER, put_back

from hpo.errors import StoreError, UsageError
from hpo.experiment import rescue as rescuing
from hpo.experiment.rescue import Rescued, rescue
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


def assert_nothing_is_lost(
    directory: Path, found: Rescued, before: dict[int, TrialRow], reported: dict[int, int]
) -> None:
    """Compare with what was there before the damage, but for what is to be had from folders."""
    after, curves_after = rows(directory), curves(directory)
    assert sorted(after) == sorted(before)
    assert found.whole + len(found.again) == len(before)
    assert not found.lost
    kept = before.keys() - {*found.again}
    assert {n: after[n] for n in kept} == {n: before[n] for n in kept}
    assert {n: curves_after[n] for n in kept} == {n: reported[n] for n in kept}
    with contextlib.closing(Store(directory)) as store:
        store.check()


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
        assert found.damaged.read_bytes() == harmed
        assert_nothing_is_lost(copy, found, before, reported)
    assert saved > pages(directory) / 2


@pytest.mark.parametrize("less", [1, 700, 3000, PAGE, PAGE + 700, 2 * PAGE + 3000, 4 * PAGE - 1, 4 * PAGE])
def test_of_a_file_that_was_cut_short_nothing_that_can_be_read_is_lost(directory: Path, less: int) -> None:
    before, reported = rows(directory), curves(directory)
    path = directory / "experiment.db"
    os.truncate(path, path.stat().st_size - less)
    harmed = path.read_bytes()
    found = rescue(directory)
    assert found.damaged.read_bytes() == harmed
    assert_nothing_is_lost(directory, found, before, reported)


def test_what_is_no_file_is_said_and_not_waited_for(directory: Path) -> None:
    path = directory / "experiment.db"
    path.unlink()
    os.mkfifo(path)
    for command in ("rescue", "show", "resume"):
        assert f"{path} is no file\n" in hpo(command, directory.name, code=1).stderr


def test_a_damaged_experiment_is_not_resumed_and_says_how_it_can_be(
    directory: Path, page_of_trials: int
) -> None:
    before = {trial["number"]: trial["value"] for trial in trials()}
    damage(directory, page_of_trials)
    complaint = hpo("resume", directory.name, "--no-web", code=1).stderr
    assert re.search(r"experiment\.db is damaged: .*Page \d+.*\n  nothing was changed", complaint), complaint
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


def test_where_there_is_no_room_for_a_copy_and_a_new_store_it_does_not_begin(
    directory: Path, page_of_trials: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage(directory, page_of_trials)
    there = sorted(directory.rglob("*"))
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda _: Mock(free=60_000))
        with pytest.raises(StoreError, match=r"has 58.6 K free, and the copy and the new store take up to"):
            rescue(directory)
    assert sorted(directory.rglob("*")) == there
    rescue(directory)


def test_a_trial_that_was_told_last_of_all_numbers_is_no_trial(directory: Path) -> None:
    with contextlib.closing(sqlite3.connect(directory / "experiment.db")) as db, db:
        db.execute("UPDATE trial SET told = 9223372036854775807 WHERE number = 3")
    assert "one was told as number 9223372036854775807" in hpo("resume", "--no-web", code=1).stderr


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


def test_a_trial_whose_row_is_gone_reports_each_result_once(directory: Path, page_of_trials: int) -> None:
    damage(directory, page_of_trials)
    found = rescue(directory)
    gone = found.again[-1]
    hpo("resume", directory.name, "--no-web")
    assert curves(directory)[gone] == 5


def test_what_a_lost_trial_reported_is_nobodys(directory: Path, page_of_trials: int) -> None:
    damage(directory, page_of_trials)
    for folder in (directory / "trials").iterdir():
        shutil.rmtree(folder)
    rescue(directory)
    with contextlib.closing(sqlite3.connect(directory / "experiment.db")) as db:
        of = {number for (number,) in db.execute("SELECT trial FROM metric")}
    assert of == {*rows(directory)} != {*range(TRIALS)}


HOLDER = """
import sqlite3, sys
writer, reader = sqlite3.connect(sys.argv[1]), sqlite3.connect(sys.argv[1])
writer.execute("UPDATE experiment SET message = 'in the log'")
writer.commit()
print(*reader.execute("SELECT message FROM experiment").fetchone(), flush=True)
sys.stdin.read()
"""


def test_whoever_has_the_damaged_one_open_does_not_disturb_those_who_open_the_new_one(
    directory: Path, page_of_trials: int
) -> None:
    damage(directory, page_of_trials)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, directory / "experiment.db"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "in the log\n"
        rescue(directory)
        assert len(rows(directory)) == TRIALS
        hpo("resume", directory.name, "--no-web")
        assert len(trials()) == TRIALS


def leave_in_the_log(directory: Path, name: str) -> tuple[bytes, bytes]:
    """Rename the experiment in the log alone; return what is in the store and in the log."""
    path, log = directory / "experiment.db", directory / "experiment.db-wal"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE experiment SET name = ?", (name,))
        db.commit()
        kept = path.read_bytes(), log.read_bytes()
    path.write_bytes(kept[0])
    log.write_bytes(kept[1])
    return kept


def test_what_is_still_in_the_log_counts_and_the_log_is_kept_beside_the_damaged_one(
    directory: Path, page_of_trials: int
) -> None:
    damage(directory, page_of_trials)
    evidence = leave_in_the_log(directory, "in the log")
    found = rescue(directory)
    with contextlib.closing(Store(directory)) as store:
        assert store.experiment()["name"] == "in the log"
    assert (found.damaged.read_bytes(), Path(f"{found.damaged}-wal").read_bytes()) == evidence
    assert len(list(directory.glob("*.damaged*"))) == 2


def test_however_often_it_is_interrupted_it_has_what_was_in_the_log(
    directory: Path, page_of_trials: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage(directory, page_of_trials)
    leave_in_the_log(directory, "in the log")
    for moment in ("put", "salvage"):
        with monkeypatch.context() as interrupted:
            interrupted.setattr(rescuing, moment, Mock(side_effect=KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                rescue(directory)
        assert not (directory / "experiment.db-wal").exists()
    found = rescue(directory)
    with contextlib.closing(Store(directory)) as store:
        assert store.experiment()["name"] == "in the log"
    assert {*directory.glob("*.damaged*")} == {found.damaged, Path(f"{found.damaged}-wal")}
    assert not (directory / ".rescue").exists()


def change(directory: Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(directory / "experiment.db")) as db, db:
        for statement in statements:
            db.execute(statement)


@pytest.mark.parametrize("version", [-5, 0, 6])
def test_what_is_of_another_schema_is_refused(directory: Path, version: int) -> None:
    change(directory, f"PRAGMA user_version = {version}")
    with pytest.raises(StoreError, match=f"has schema {version}"):
        Store(directory)
    with pytest.raises(StoreError, match=f"they have schema {version}"):
        rescue(directory)


def test_a_table_that_is_gone_is_made_anew_and_a_view_in_its_place_is_not_kept(directory: Path) -> None:
    before = curves(directory)
    change(directory, "ALTER TABLE metric RENAME TO m", "CREATE VIEW metric AS SELECT * FROM m")
    rescue(directory)
    assert curves(directory) == before


def test_a_number_that_no_trial_has_costs_no_memory(directory: Path) -> None:
    change(directory, f"UPDATE trial SET number = {1 << 62} WHERE number = 7", "CREATE VIEW v AS SELECT 1")
    assert rescue(directory).again == [7]


@pytest.mark.parametrize(
    ("command", "code", "complaint"),
    [
        ("list", 0, "experiment.db is damaged: it is empty"),
        ("show", 1, "experiment.db is damaged: it is empty"),
        ("resume", 1, "experiment.db is damaged: it is empty"),
        ("rescue", 1, "not even the settings can be read: the file is empty"),
    ],
)
def test_an_empty_file_is_refused_and_the_log_beside_it_stays(
    directory: Path, command: str, code: int, complaint: str
) -> None:
    path, log = directory / "experiment.db", directory / "experiment.db-wal"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE experiment SET message = 'in the log'")
        db.commit()
        evidence = log.read_bytes()
    path.write_bytes(b"")
    log.write_bytes(evidence)
    there = {*directory.rglob("*"), directory / "lock"}
    said = here(command, *[directory.name] * (command != "list"), code=code)[1]
    assert complaint in said
    assert {*directory.rglob("*"), directory / "lock"} == there
    assert (path.read_bytes(), log.read_bytes()) == (b"", evidence)


@pytest.mark.parametrize("version", EARLIER)
def test_one_of_an_earlier_hpo_is_kept_as_it_is_where_it_is_damaged(tmp_path: Path, version: int) -> None:
    directory = put_back(version, tmp_path)
    damage(directory, 3)
    harmed = (directory / "experiment.db").read_bytes()
    with pytest.raises(StoreError, match="is damaged"):
        Store(directory)
    assert rescue(directory).damaged.read_bytes() == harmed


def test_where_the_copy_cannot_be_made_nothing_is_left(
    directory: Path, page_of_trials: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage(directory, page_of_trials)

    def fail(_: Path, copy: Path) -> NoReturn:
        copy.write_bytes(b"the beginning")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copy2", fail)
    with pytest.raises(OSError, match="No space left"):
        rescue(directory)
    assert not list(directory.glob("*.damaged*"))
