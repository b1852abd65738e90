"""The power is cut at any moment: what was flushed is there, the rest had not begun, and all goes on."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from oracle import TELL, Oracle
from power import Disk, Journal, recorded_disk
from upgrades import EARLIER, put_back

from hpo.dashboard.access import Access
from hpo.durable import flush, make_private, put
from hpo.runtime.home import commands, send_command
from hpo.runtime.store import Store

HOME = Path("not", "there", "home")
TRIALS = 12
SCRIPT = f"""{TELL}
import time, hpo
x = 0.5  # hpo: uniform(0, 1)
tell("begin")
time.sleep(0.03)
hpo.report_intermediate_result(x)
hpo.report_final_result(x)
tell("end", x)
"""
#: How often; more by `HPO_POWER_CUTS=67 pytest tests/faults/test_power_cut.py`.
CUTS = int(os.environ.get("HPO_POWER_CUTS", "4"))
kept_of_the_rest = pytest.mark.parametrize("kept", ["nothing", "names", "some", "all"])


@dataclass
class Recorded:
    """What an experiment, run to its end, made a disk do.

    Attributes:
        id: the experiment's.
        journal: what the disk did.
        code: the experiment's code, frozen.
    """

    id: str
    journal: Journal
    code: dict[str, bytes]

    @property
    def first(self) -> int:
        """The moment from which on the experiment is there: its name was flushed."""
        return self.journal.flushes("home")[-1]

    def moments(self) -> list[int]:
        """Return moments from the first on, evenly drawn, and that of the end."""
        last = len(self.journal.changes)
        return [*sorted(random.Random(CUTS).sample(range(self.first, last), CUTS)), last]


@contextlib.contextmanager
def disk(folder: Path) -> Iterator[Path]:
    with recorded_disk(folder / "disk", folder / "journal") as is_there:
        if not is_there:
            pytest.skip("to mount a file system of one's own takes root and libfuse")
        yield folder / "disk"


def hpo(*arguments: str, home: Path, oracle: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "hpo", *arguments],
        env={**os.environ, "HPO_HOME": str(home), "ORACLE": str(oracle)},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "train.py").write_text(SCRIPT)
    with disk(folder) as mounted:
        home = mounted / HOME
        options = ("--max-trials", str(TRIALS), "--concurrency", "2", "--seed", "1")
        hpo("run", str(folder / "train.py"), *options, home=home, oracle=folder / "oracle")
        (experiment,) = home.glob("[!.]*/experiment.db")
        code = contents(experiment.parent / "code")
    return Recorded(experiment.parent.name, Journal(folder / "journal"), code)


def written(folder: Path, *changes: tuple[Any, ...]) -> Journal:
    """Return the journal of a disk with one file, which was flushed and holds `ab`, and then was changed."""
    file = [("make", 2, stat.S_IFREG | 0o600, ""), ("enter", 1, "a", 2), ("write", 2, 0, "ab")]
    lines = [*file, ("sync", 2), ("sync", 1), *changes]
    (folder / "journal").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return Journal(folder / "journal")


def test_a_cut_keeps_what_was_flushed_and_of_the_rest_what_it_is_told_to(tmp_path: Path) -> None:
    new = (("make", 3, stat.S_IFREG | 0o600, ""), ("enter", 1, "b", 3), ("write", 3, 0, "c"), ("size", 2, 1))
    moved = (*new, ("move", 1, "b", 1, "a", 3))
    for changes, kept, left in (
        (moved, "nothing", {"a": b"ab"}),
        (moved, "names", {"a": b""}),
        (moved, "all", {"a": b"c"}),
        ((*moved, ("sync", 3)), "nothing", {"a": b"ab"}),
        ((*moved, ("sync", 3)), "names", {"a": b"c"}),
        ((*moved, ("sync", 1)), "nothing", {"a": b""}),
        ((*new, ("sync", 2)), "nothing", {"a": b"a"}),
        ((*new, ("leave", 1, "a")), "nothing", {"a": b"ab"}),
    ):
        journal = written(tmp_path, *changes)
        shutil.rmtree(tmp_path / "found", ignore_errors=True)
        journal.cut(len(journal.changes), kept, seed=0).copy_to(tmp_path / "found")
        assert contents(tmp_path / "found") == left, (changes, kept)


def test_a_cut_keeps_a_file_whose_new_folder_was_flushed_though_its_old_one_never_was(tmp_path: Path) -> None:
    folders = [
        (("make", at, stat.S_IFDIR | 0o700, ""), ("enter", 1, name, at)) for at, name in ((3, "c"), (4, "d"))
    ]
    file = (("make", 5, stat.S_IFREG | 0o600, ""), ("enter", 3, "e", 5), ("move", 3, "e", 4, "f", 5))
    journal = written(tmp_path, *folders[0], *folders[1], ("sync", 1), *file, ("sync", 4))
    journal.cut(len(journal.changes), "nothing", seed=0).copy_to(tmp_path / "found")
    assert sorted(contents(tmp_path / "found")) == ["a", "d/f"]


def test_a_cut_keeps_of_names_the_first_ones_any_number_of_them(tmp_path: Path) -> None:
    made = [(("make", n, stat.S_IFREG | 0o600, ""), ("enter", 1, str(n), n)) for n in range(3, 6)]
    journal = written(tmp_path, *(change for pair in made for change in pair))
    found = [sorted(journal.cut(len(journal.changes), "some", seed).nodes[1].names) for seed in range(40)]
    assert {len(names) for names in found} == {1, 2, 3, 4}
    assert all(names == [*("3", "4", "5")[: len(names) - 1], "a"] for names in found)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def results(disk: Disk, folder: Path, id: str) -> Mapping[int, Any]:  # noqa: A002
    """Return what the trials that ended came to, by a disk, which is written into a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    disk.copy_to(folder)
    experiment = folder / HOME / id
    with contextlib.closing(sqlite3.connect(experiment / "experiment.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return ended(experiment)


def ended(experiment: Path) -> Mapping[int, Any]:
    with contextlib.closing(Store(experiment)) as store:
        rows = [row for row in store.trials() if row.state.is_final]
        return {row.number: (row.state, row.parameters, row.value, row.attempt) for row in rows}


@kept_of_the_rest
def test_what_was_flushed_is_there(recorded: Recorded, tmp_path: Path, kept: str) -> None:
    journal, flushes = recorded.journal, recorded.journal.flushes("experiment.db-wal")
    for moment in recorded.moments():
        flushed = max(flush for flush in flushes if flush <= moment)
        promised = results(journal.at(max(flushed, recorded.first)), tmp_path / "promised", recorded.id)
        found = results(journal.cut(moment, kept, seed=moment), tmp_path / "found", recorded.id)
        assert promised.items() <= found.items(), f"{moment} of {len(journal.changes)}"
        assert contents(tmp_path / "found" / HOME / recorded.id / "code") == recorded.code
    assert len(found) == TRIALS


def test_results_are_flushed_while_others_are_made(recorded: Recorded, tmp_path: Path) -> None:
    last_but_one = recorded.journal.flushes("experiment.db-wal")[-2]
    assert len(results(recorded.journal.at(last_but_one), tmp_path / "found", recorded.id)) > TRIALS // 2


@kept_of_the_rest
def test_it_goes_on_to_its_end_and_runs_nothing_again(recorded: Recorded, tmp_path: Path, kept: str) -> None:
    for moment in recorded.moments()[:-1]:
        found = results(recorded.journal.cut(moment, kept, seed=moment), tmp_path / "found", recorded.id)
        home, oracle = tmp_path / "found" / HOME, tmp_path / f"oracle{moment}"
        hpo("resume", recorded.id, home=home, oracle=oracle)
        after = ended(home / recorded.id)
        assert sorted(after) == list(range(TRIALS))
        assert found.items() <= after.items()
        assert not Oracle.read(oracle).begun.keys() & found.keys()


def test_an_experiment_is_there_whole_or_not_at_all(recorded: Recorded, tmp_path: Path) -> None:
    changes = recorded.journal.changes
    named = next(i for i, change in enumerate(changes) if change[0] == "move" and change[4] == recorded.id)
    times_there = 0
    for moment in (*range(0, named, max(1, 30 // CUTS)), *range(named, recorded.first + 1)):
        for kept in ("nothing", "names", "some", "all"):
            shutil.rmtree(tmp_path / "found", ignore_errors=True)
            recorded.journal.cut(moment, kept, seed=moment).copy_to(tmp_path / "found")
            found = tmp_path / "found" / HOME / recorded.id
            if found.exists():
                times_there += 1
                assert contents(found / "code") == recorded.code
                assert not ended(found)
    assert times_there >= 2 + 4  # before its name was flushed, and after that


def test_a_home_that_the_page_made_is_there_and_serves_it(tmp_path: Path) -> None:
    with disk(tmp_path) as mounted:
        Access(mounted / HOME)
    journal = Journal(tmp_path / "journal")
    assert journal.cut(len(journal.changes), "nothing", seed=0).find(str(HOME))
    for moment in range(len(journal.changes)):
        shutil.rmtree(tmp_path / "found", ignore_errors=True)
        journal.cut(moment, "names", seed=0).copy_to(tmp_path / "found")
        Access(tmp_path / "found" / HOME)  # it has a token, or makes one


@kept_of_the_rest
def test_a_wish_that_was_left_is_there(tmp_path: Path, kept: str) -> None:
    with disk(tmp_path) as mounted:
        make_private(mounted / HOME / "ab1" / "commands")
        send_command(mounted / HOME / "ab1", {"do": "update", "max_trials": 7})
    journal = Journal(tmp_path / "journal")
    journal.cut(len(journal.changes), kept, seed=0).copy_to(tmp_path / "found")
    wishes = [wish for _, wish in commands(tmp_path / "found" / HOME / "ab1")]
    assert wishes == [{"do": "update", "max_trials": 7}]


@kept_of_the_rest
@pytest.mark.parametrize("version", EARLIER)
def test_an_upgrade_loses_nothing(tmp_path: Path, version: int, kept: str) -> None:
    earlier = put_back(version, tmp_path)
    place = HOME / earlier.name
    with disk(tmp_path) as mounted:
        make_private(mounted / HOME)
        shutil.copytree(earlier, mounted / HOME / ".new", ignore=shutil.ignore_patterns("wake"))
        put(mounted / HOME / ".new", mounted / place)
        before = Journal(tmp_path / "journal")
        with contextlib.closing(Store(mounted / place, read_only=False)) as store:
            trials = store.trials()
    journal = Journal(tmp_path / "journal")
    assert len(trials) == 5
    for moment in range(len(before.changes), len(journal.changes) + 1):
        shutil.rmtree(tmp_path / "found", ignore_errors=True)
        journal.cut(moment, kept, seed=moment).copy_to(tmp_path / "found")
        with contextlib.closing(Store(tmp_path / "found" / place, read_only=False)) as store:
            assert store.trials() == trials


@kept_of_the_rest
def test_a_script_is_the_old_one_or_has_its_values(tmp_path: Path, kept: str) -> None:
    places = {"home": tmp_path / "home", "oracle": tmp_path / "oracle"}
    with disk(tmp_path) as mounted:
        script = mounted / "train.py"
        script.write_text(SCRIPT)
        flush(script)
        flush(mounted)
        hpo("run", str(script), "--max-trials", "3", "--seed", "1", **places)
        before = Journal(tmp_path / "journal")
        hpo("apply", "--write", **places)
        new = script.read_text()
    journal = Journal(tmp_path / "journal")
    assert new != SCRIPT
    last = len(journal.changes)
    for moment in range(len(before.changes), last + 1):
        shutil.rmtree(tmp_path / "found", ignore_errors=True)
        journal.cut(moment, kept, seed=moment).copy_to(tmp_path / "found")
        assert (tmp_path / "found" / "train.py").read_text() in ({new} if moment == last else {SCRIPT, new})
