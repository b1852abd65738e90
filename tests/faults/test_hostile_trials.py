"""Trials that do their worst, and what happens around them: the experiment goes on, and says what was."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from means import compiled, little_memory

from hpo.config.model import Config
from hpo.experiment import watch
from hpo.experiment.create import create

#: One trial of three, of number 1, does what is filled in.
SCRIPT = """import os, signal, sys, time
import hpo
x = 0.5  # hpo: uniform(0, 1)
if hpo.get_sequence_id() == 1:
    {}
hpo.report_final_result(1)
"""


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def hpo(*arguments: str, code: int = 0) -> str:
    command = [sys.executable, "-m", "hpo", *arguments]
    done = subprocess.run(command, capture_output=True, timeout=300, check=False)
    said = done.stderr.decode()
    assert done.returncode == code, said
    assert "Traceback" not in said
    return done.stdout.decode() + said


def run(line: str, *options: str) -> list[dict[str, Any]]:
    Path("train.py").write_text(SCRIPT.format(line))
    hpo("run", "train.py", "--max-trials", "3", *options)
    trials: list[dict[str, Any]] = json.loads(hpo("trial", "list", "--json"))
    return trials


def states(trials: list[dict[str, Any]]) -> list[str | None]:
    return [trial["failure"] or trial["state"] for trial in trials]


def folder() -> Path:
    (store,) = Path(os.environ["HPO_HOME"]).glob("[!.]*/experiment.db")
    return store.parent


def wait_for_pid(terminal: int | None = None) -> None:
    """Wait until a trial wrote who it is; a terminal that nobody reads would block those that write."""
    limit = time.monotonic() + 60
    while not (Path("pid").exists() and Path("pid").read_text()):
        assert time.monotonic() < limit
        if terminal is not None and select.select([terminal], [], [], 0.05)[0]:
            os.read(terminal, 1 << 16)
        time.sleep(0.02)


def test_a_gigabyte_of_output_takes_little_room_and_keeps_its_two_ends() -> None:
    much = "[sys.stdout.write('x' * 1048575 + chr(10)) for _ in range(1024)]"
    line = f"print('the beginning'); {much}; print('the end')"
    assert states(run(line)) == ["succeeded"] * 3
    log = folder() / "trials" / "1" / "stdout.log"
    assert log.stat().st_size > 1 << 30
    assert log.stat().st_blocks * 512 < 100 << 20
    shown = hpo("trial", "logs", folder().name, "1")
    assert shown.startswith("the beginning\nxxx")
    assert shown.endswith("xxx\nthe end\n")
    assert "bytes were left out here: the log was too long]" in shown
    assert len(shown) < 100 << 20


def test_a_hundred_thousand_results_are_all_stored() -> None:
    trials = run("[hpo.report_intermediate_result(i) for i in range(100_000)]")
    assert states(trials) == ["succeeded"] * 3
    assert trials[1]["intermediate"] == [[i, float(i)] for i in range(100_000)]


def test_of_two_final_results_the_first_counts_and_the_second_is_noted() -> None:
    trials = run("hpo.report_final_result(7); hpo.report_final_result(8)")
    assert [trial["value"] for trial in trials] == [1.0, 7.0, 1.0]
    assert "a second final result, 8.0, was not taken" in hpo("trial", "show", folder().name, "1")


def test_a_trial_that_makes_folders_in_the_place_of_its_files_runs_again() -> None:
    names = ("parameters.json", "parameters.json.new", "metrics.1.jsonl", "stderr.1.log")
    line = (
        "hpo.report_intermediate_result(int(os.environ['HPO_TRIAL_ATTEMPT']))\n"
        "    if os.environ['HPO_TRIAL_ATTEMPT'] == '1':\n"
        "        (hpo.trial_dir() / 'parameters.json').unlink()\n"
        f"        [os.makedirs(hpo.trial_dir() / name / 'more') for name in {names}]\n"
        "        sys.exit('once')"
    )
    trials = run(line, "--retries", "1")
    assert states(trials) == ["succeeded"] * 3
    assert [trial["intermediate"] for trial in trials] == [[], [[0, 2.0]], []]


@pytest.mark.parametrize("line", ["os.closerange(0, 3)", "os.closerange(0, 256)"])
def test_a_trial_that_closes_its_own_descriptors_still_reports(line: str) -> None:
    trials = run(f"hpo.report_intermediate_result(3); {line}")
    assert states(trials) == ["succeeded"] * 3
    assert trials[1]["intermediate"] == [[0, 3.0]]


def test_a_trial_that_neither_ends_nor_heeds_sigterm_is_killed_at_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch, "_GRACE", 0.5)
    endless = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    while True: time.sleep(1)"
    Path("train.py").write_text(SCRIPT.format(endless))
    experiment = create(Config(max_trials=3, max_trial_duration=5), script="train.py")
    experiment.run()
    assert [row.failure for row in experiment.store.trials()] == [None, "timeout", None]


def test_when_the_terminal_closes_all_stops_and_can_be_resumed() -> None:
    Path("train.py").write_text(SCRIPT.format("open('pid', 'w').write(str(os.getpid())); time.sleep(300)"))
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-m", "hpo", "run", "train.py", "--max-trials", "3"])
    wait_for_pid(terminal)
    os.close(terminal)  # the kernel sends SIGHUP
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 143
    assert not Path(f"/proc/{Path('pid').read_text()}").exists()
    assert json.loads(hpo("show", "--json"))["status"] == "stopped"
    Path("train.py").write_text(SCRIPT.format("time.sleep(300)"))
    trials = json.loads(hpo("trial", "list", "--json"))
    assert states(trials) == ["succeeded", "waiting"]


def test_ctrl_c_in_a_terminal_is_the_runners_and_what_runs_finishes() -> None:
    waits = "open('pid', 'w').write(str(os.getpid()))\n    while not os.path.exists('go'): time.sleep(0.02)"
    Path("train.py").write_text(SCRIPT.format(waits))
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-m", "hpo", "run", "train.py", "--max-trials", "3"])
    wait_for_pid(terminal)
    os.write(terminal, b"\x03")
    said = b""
    while b"1 running finish first" not in said:
        said += os.read(terminal, 1 << 16)
    Path("go").touch()
    with contextlib.suppress(OSError):  # its last writer is gone
        while os.read(terminal, 1 << 16):
            pass
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 130
    trials = json.loads(hpo("trial", "list", "--json"))
    assert [(t["state"], t["attempt"]) for t in trials] == [("succeeded", 1)] * 2


@pytest.fixture(scope="session")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = compiled("clock", tmp_path_factory.mktemp("clock"))
    if library is None:
        pytest.skip("there is no C compiler (cc, gcc or clang) to build the stand-in for the clock")
    return library


@pytest.mark.parametrize("jump", [86400, -86400])
def test_when_the_clock_jumps_nothing_times_out_and_no_duration_is_odd(
    clock: Path, jump: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LD_PRELOAD", str(clock))
    monkeypatch.setenv("STANDIN_CLOCK", str(Path("jump").absolute()))
    before = time.time()
    line = f"open('jump', 'w').write('{jump}'); time.sleep(0.3); open('at', 'w').write(str(time.time()))"
    trials = run(line, "--max-trial-duration", "50", "--max-duration", "60")
    assert abs(float(Path("at").read_text()) - before - jump) < 600  # it did jump
    assert states(trials) == ["succeeded"] * 3
    assert all(0 <= trial["duration"] < 50 for trial in trials)
    Path("jump").unlink()
    assert 0 <= json.loads(hpo("show", "--json"))["elapsed"] < 60


@pytest.mark.parametrize("changes", ["2027-03-28T01:00:00+00:00", "2027-10-31T01:00:00+00:00"])
def test_when_summer_time_begins_or_ends_nothing_times_out_and_no_duration_is_odd(
    clock: Path, changes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    monkeypatch.setenv("LD_PRELOAD", str(clock))
    monkeypatch.setenv("STANDIN_CLOCK", str(Path("jump").absolute()))
    moment = datetime.fromisoformat(changes).timestamp()
    steps = [
        f"open('jump', 'w').write(str(int({moment} - time.time()) - 1))",
        "before = time.localtime().tm_isdst",
        "time.sleep(3)",
        "open('summer', 'w').write(f'{before} {time.localtime().tm_isdst}')",
    ]
    trials = run("; ".join(steps), "--max-trial-duration", "50", "--max-trial-silence", "40")
    assert Path("summer").read_text() == ("0 1" if "03-28" in changes else "1 0")
    assert states(trials) == ["succeeded"] * 3
    assert 3 <= trials[1]["duration"] < 50
    assert 3 <= json.loads(hpo("show", "--json"))["elapsed"] < 100


@pytest.fixture
def enter(tmp_path: Path) -> Iterator[Path]:
    with little_memory(tmp_path, megabytes=400) as enter:
        if enter is None:
            pytest.skip("no control group for memory can be made here")
        yield enter


def test_a_trial_that_the_kernel_kills_for_memory_is_told_apart(enter: Path) -> None:
    Path("train.py").write_text(SCRIPT.format("held = b'x' * (1 << 30)"))
    command = [str(enter), sys.executable, "-m", "hpo", "run", "train.py", "--max-trials", "3"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    trials = json.loads(hpo("trial", "list", "--json"))
    assert states(trials) == ["succeeded", "oom", "succeeded"]
    assert trials[1]["detail"] == "the kernel killed it: there was no memory left"


def test_trials_that_the_kernel_kills_at_the_same_time_are_all_told_apart(enter: Path) -> None:
    Path("train.py").write_text(SCRIPT.replace("== 1", "> 0").format("held = b'x' * (1 << 30)"))
    run = ["-m", "hpo", "run", "train.py", "--max-trials", "5", "--concurrency", "4"]
    done = subprocess.run([str(enter), sys.executable, *run], capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert states(json.loads(hpo("trial", "list", "--json"))) == ["succeeded"] + ["oom"] * 4


def test_a_home_that_can_only_be_read_is_said_and_read(tmp_path: Path) -> None:
    run("pass")
    home = Path(os.environ["HPO_HOME"])
    mount = ["mount", "--bind", "-o", "ro", str(home), str(home)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root may mount")
    try:
        if os.access(home, os.W_OK):
            subprocess.run(["mount", "-o", "remount,bind,ro", str(home)], check=True)
        said = hpo("run", "train.py", "--max-trials", "3", code=1)
        assert f"the experiment cannot be stored in {home}: Read-only file system" in said
        assert "Read-only file system" in hpo("resume", code=1)
        assert "3 of 3: 3 succeeded" in hpo("show")
        assert states(json.loads(hpo("trial", "list", "--json"))) == ["succeeded"] * 3
    finally:
        subprocess.run(["umount", "-l", str(home)], check=True)


def test_a_suspended_trial_can_still_be_stopped() -> None:
    Path("train.py").write_text(SCRIPT.format("open('pid', 'w').write(str(os.getpid())); time.sleep(300)"))
    runner = subprocess.Popen([sys.executable, "-m", "hpo", "run", "train.py"], stderr=subprocess.PIPE)
    wait_for_pid()
    os.kill(int(Path("pid").read_text()), signal.SIGSTOP)
    hpo("stop")
    runner.communicate(timeout=300)
    assert runner.returncode == 143


def test_time_in_which_an_experiment_is_suspended_with_its_trials_is_none_of_theirs() -> None:
    steps = "open('pid', 'w').write(str(os.getpid())); [time.sleep(0.1) for _ in range(10)]"
    Path("train.py").write_text(SCRIPT.format(steps))
    command = ["run", "train.py", "--max-trials", "2", "--max-trial-duration", "2", "--no-web"]
    runner = subprocess.Popen([sys.executable, "-m", "hpo", *command], stderr=subprocess.PIPE)
    wait_for_pid()
    trial = int(Path("pid").read_text())
    server = int(Path(f"/proc/{trial}/stat").read_text().rpartition(") ")[2].split()[1])
    for pid in runner.pid, server, trial:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(4)
    for pid in trial, server, runner.pid:
        os.kill(pid, signal.SIGCONT)
    runner.communicate(timeout=300)
    assert states(json.loads(hpo("trial", "list", "--json"))) == ["succeeded"] * 2
