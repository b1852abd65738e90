"""The disk is full: a small one, in memory, which is filled and emptied."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from means import fill, read_until, small_disk, wait_until
from power import recorded_disk

from hpo.errors import StoreError
from hpo.runtime.spool import Intermediate
from hpo.runtime.store import Store
from hpo.trial import Trial, TrialState

#: From the fifth trial on they wait until the disk is full, however long that takes here.
SCRIPT = """import pathlib, time
import hpo
x = 0.5  # hpo: uniform(0, 1)
while hpo.get_sequence_id() >= 4 and not pathlib.Path(__file__).with_name("full").exists():
    time.sleep(0.02)
for step in range(10):
    hpo.report_intermediate_result({"default": step, "text": "x" * 1000})
    time.sleep(0.02)
hpo.report_final_result(x)
"""
FULL = "is full: no trial starts until there is room"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", megabytes=8) as is_there:
        if not is_there:
            pytest.skip("only root may mount a small disk")
        yield tmp_path / "disk"


def begin(disk: Path, *options: str, script: str = SCRIPT) -> subprocess.Popen[str]:
    path = disk.parent / "train.py"
    path.write_text(script)
    return subprocess.Popen(
        [sys.executable, "-m", "hpo", "run", str(path), "--max-trials", "12", "--seed", "1", *options],
        env={**os.environ, "HPO_HOME": str(disk / "home")},
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_trials(disk: Path, count: int) -> None:
    wait_until(lambda: len(list(disk.glob("home/[!.]*/trials/*"))) >= count)


def test_it_pauses_and_goes_on_by_itself_and_nothing_is_lost(disk: Path) -> None:
    runner = begin(disk, "--concurrency", "2")
    wait_for_trials(disk, 3)
    ballasts = [fill(disk, leave=300_000)]
    (disk.parent / "full").touch()
    read_until(runner, FULL)
    ballasts.append(fill(disk))  # to the last byte
    time.sleep(1)  # trials that report now find no room
    assert runner.poll() is None
    for ballast in ballasts:
        ballast.unlink()
    said = runner.communicate(timeout=300)[1]
    assert runner.returncode == 0, said
    (found,) = (disk / "home").glob("[!.]*/experiment.db")
    store = Store(found.parent)
    assert [row.state for row in store.trials()] == [TrialState.SUCCEEDED] * 12
    assert all([m.step for m in store.metrics(row.number)] == list(range(10)) for row in store.trials())
    assert any("it waited for room" in event["message"] for event in store.events())
    store.close()


def test_a_trial_that_ends_since_it_finds_no_room_to_print_runs_again(disk: Path) -> None:
    prints = """import pathlib, time
import hpo
x = 0.5  # hpo: uniform(0, 1)
here = pathlib.Path(__file__).parent
while hpo.get_sequence_id() >= 4 and not (here / "full").exists():
    time.sleep(0.02)
try:
    for _ in range(10):
        print("x" * 10_000, flush=True)
except OSError:
    (here / "met").touch()
    raise
hpo.report_final_result(x)
"""
    runner = begin(disk, "--concurrency", "2", script=prints)
    wait_for_trials(disk, 6)
    ballast = fill(disk)
    (disk.parent / "full").touch()
    wait_until((disk.parent / "met").exists)
    read_until(runner, FULL)
    ballast.unlink()
    said = runner.communicate(timeout=300)[1]
    assert runner.returncode == 0, said
    (found,) = (disk / "home").glob("[!.]*/experiment.db")
    with contextlib.closing(Store(found.parent)) as store:
        assert [row.state for row in store.trials()] == [TrialState.SUCCEEDED] * 12
        again = [event["message"] for event in store.events() if "it runs again" in event["message"]]
    assert again
    assert all(f"attempt 1 failed: the disk that {found.parent} is on is full; " in each for each in again)


def test_while_it_waits_it_can_be_stopped_and_resumed(disk: Path) -> None:
    runner = begin(disk)
    wait_for_trials(disk, 2)
    ballast = fill(disk, leave=300_000)
    (disk.parent / "full").touch()
    read_until(runner, FULL)
    runner.terminate()
    runner.communicate(timeout=300)
    assert runner.returncode == 143
    ballast.unlink()
    environment = {**os.environ, "HPO_HOME": str(disk / "home")}
    command = [sys.executable, "-m", "hpo", "resume"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=True)
    assert "12 trials succeeded" in done.stderr


def test_while_it_waits_it_is_stopped_also_by_trials_that_take_their_time_to_end(disk: Path) -> None:
    slow = """import pathlib, signal, sys, time
x = 0.5  # hpo: uniform(0, 1)
signal.signal(signal.SIGTERM, lambda *_: (time.sleep(1), sys.exit()))
pathlib.Path(__file__).with_name("runs").touch()
time.sleep(600)
"""
    runner = begin(disk, script=slow)
    wait_until((disk.parent / "runs").exists)
    fill(disk, leave=300_000)
    (pipe,) = disk.glob("home/[!.]*/wake")
    pipe.write_text("\n")  # it looks at the disk when something happens
    read_until(runner, FULL)
    runner.terminate()
    said = runner.communicate(timeout=300)[1]
    assert runner.returncode == 143, said
    assert FULL not in said


def test_an_experiment_that_finds_no_room_to_begin_says_so(disk: Path) -> None:
    (disk / "home").mkdir()
    fill(disk)
    runner = begin(disk)
    said = runner.communicate(timeout=300)[1]
    assert runner.returncode == 1
    assert "Traceback" not in said
    assert "No space left on device" in said
    assert str(disk / "home") in said


def test_a_disk_that_fills_up_inside_a_commit_is_waited_for_and_everything_is_stored_once(disk: Path) -> None:
    (disk / "experiment").mkdir()
    space = {"x": {"_type": "uniform", "_value": [0, 1]}}
    store = Store.create(
        disk / "experiment", id="e", name="e", direction="maximize", config={}, space=space, defaults={}
    )
    waits: list[Path] = []

    def wait_for_room() -> bool:
        waits.append(ballast)
        ballast.unlink()
        return True

    store.wait_for_room = wait_for_room
    ballast = fill(disk)
    with store.transaction():
        store.add_trial(Trial(0, {"x": 0.5}), "tuner")
        reports = [Intermediate(step, 0.1, None, {"text": "x" * 500}, 0.0) for step in range(2000)]
        store.add_metrics(0, list(enumerate(reports)))
        store.add_event("note", "afterwards")
    assert waits == [ballast]
    assert [m.step for m in store.metrics(0)] == list(range(2000))
    assert [e["message"] for e in store.events()] == ["afterwards"]
    store.close()
    reread = Store(disk / "experiment")
    assert len(reread.metrics(0)) == 2000
    reread.close()


def test_where_nobody_waits_a_full_disk_is_an_error_and_the_store_stays_as_it_was(disk: Path) -> None:
    (disk / "experiment").mkdir()
    store = Store.create(
        disk / "experiment", id="e", name="e", direction="maximize", config={}, space={}, defaults={}
    )
    ballast = fill(disk)
    with pytest.raises(StoreError, match="full"), store.transaction():
        store.add_event("note", "x" * 5000)
    ballast.unlink()
    assert store.events() == []
    store.close()


#: From which change on; more of them by `HPO_FULL_FROM="10 20 30" pytest tests/faults/test_full_disk.py`.
FROM = [int(at) for at in os.environ.get("HPO_FULL_FROM", "5 73 160 220 300").split()]


@pytest.mark.parametrize("at", FROM)
def test_at_whatever_moment_it_is_full_for_a_while_no_trial_fails_for_it(tmp_path: Path, at: int) -> None:
    script = "import time, hpo\nx = 0.5  # hpo: uniform(0, 1)\ntime.sleep(0.02)\nhpo.report_final_result(x)\n"
    (tmp_path / "train.py").write_text(script)
    places = {**os.environ, "HPO_HOME": str(tmp_path / "disk" / "home")}

    def hpo(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "hpo", *arguments]
        return subprocess.run(command, env=places, capture_output=True, text=True, timeout=300, check=False)

    refused = range(at, at + 8)
    with recorded_disk(tmp_path / "disk", tmp_path / "journal", refused) as is_there:
        if not is_there:
            pytest.skip("to mount a file system of one's own takes root and libfuse")
        options = ("--max-trials", "12", "--concurrency", "2", "--seed", "1", "--no-web")
        done = hpo("run", str(tmp_path / "train.py"), *options)
        assert "Traceback" not in done.stderr
        assert (tmp_path / "journal.refused").exists()  # if only of what a trial wrote, and then wrote again
        while "cannot be stored in" in done.stderr:  # there was none for the experiment itself
            assert not list((tmp_path / "disk").glob("home/*"))
            done = hpo("run", str(tmp_path / "train.py"), *options)
        trials = json.loads(hpo("trial", "list", "--json").stdout)
    assert done.returncode == 0, done.stderr
    assert [(t["state"], t["attempt"]) for t in trials] == [("succeeded", 1)] * 12
