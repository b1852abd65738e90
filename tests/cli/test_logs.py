"""`hpo trial logs`: what a trial wrote, at whichever attempt."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import data, here

SCRIPT = """\
import hpo, os, pathlib, sys, time
x = 0.5  # hpo: uniform(0, 1)
attempt, run = os.environ["HPO_TRIAL_ATTEMPT"], os.environ["HPO_TRIAL_REPEAT"]
print(f"attempt {attempt} of run {run}", flush=True)
while pathlib.Path("wait").exists():
    time.sleep(0.05)
if f"{attempt} {run}" in os.environ.get("FAILS", "1 0"):
    print("its last words")
    raise ValueError(f"attempt {attempt}")
hpo.report_final_result(x)
"""


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(SCRIPT)


def hpo(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command that must end with this code. What it prints of a trial may be a traceback."""
    command = [sys.executable, "-m", "hpo", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def begin() -> subprocess.Popen[bytes]:
    """Start an experiment of one trial, and return once that has written and waits."""
    Path("wait").touch()
    command = [sys.executable, "-m", "hpo", "run", "train.py", "--max-trials", "1", "--retries", "1"]
    runner = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    limit = time.monotonic() + 60
    while not any(log.stat().st_size for log in Path("home").glob("*/trials/0/stdout.log")):
        assert time.monotonic() < limit
        time.sleep(0.1)
    return runner


def test_an_attempt_that_failed_is_read_and_told_of() -> None:
    hpo("run", "train.py", "--max-trials", "1", "--retries", "1")
    assert hpo("trial", "logs", "0").stdout == "attempt 2 of run 0\n"
    first = hpo("trial", "logs", "0", "--attempt", "1")
    assert first.stdout == "attempt 1 of run 0\nits last words\n"
    assert first.stderr.endswith("ValueError: attempt 1\n")
    assert hpo("trial", "logs", "0", "--attempt", "2").stdout == "attempt 2 of run 0\n"
    wrong = hpo("trial", "logs", "0", "--attempt", "3", code=2).stderr
    assert f"trial 0 of {data('show')['id']} has had 2 attempts, and no attempt 3" in wrong
    logs = f"hpo trial logs {data('show')['id']} 0"
    assert f"earlier    1 attempt; what it wrote: {logs} --attempt 1\n" in here("trial", "show", "0")[0]


def test_of_a_trial_of_several_runs_an_attempt_is_found_in_whichever_run_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FAILS", "1 0, 2 1, 3 1")
    hpo("run", "train.py", "--max-trials", "1", "--retries", "3", "--repeat", "3")
    last = "its last words\n"
    assert [hpo("trial", "logs", "0", "--attempt", str(n)).stdout for n in range(1, 5)] == [
        f"attempt 1 of run 0\n{last}",
        f"attempt 2 of run 0\nattempt 2 of run 1\n{last}",
        f"attempt 3 of run 1\n{last}",
        "attempt 4 of run 1\nattempt 4 of run 2\n",
    ]
    assert hpo("trial", "logs", "0").stdout == "attempt 2 of run 0\nattempt 4 of run 1\nattempt 4 of run 2\n"
    logs = f"hpo trial logs {data('show')['id']} 0"
    said = here("trial", "show", "0")[0]
    assert f"earlier    3 attempts; what the last of them wrote: {logs} --attempt 3\n" in said


def test_who_follows_a_trial_that_fails_and_runs_again_misses_nothing() -> None:
    runner = begin()
    follower = subprocess.Popen(
        [sys.executable, "-m", "hpo", "trial", "logs", "0", "--follow"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert follower.stdout is not None
    said = follower.stdout.readline()
    Path("wait").unlink()
    said += follower.communicate(timeout=60)[0]
    assert said == "attempt 1 of run 0\nits last words\nattempt 2 of run 0\n"
    assert runner.wait(60) == follower.returncode == 0


def test_a_trial_that_waits_to_run_again_has_had_the_attempts_before() -> None:
    runner = begin()
    here("stop")
    runner.wait(60)
    assert "has had 1 attempt, and no attempt 2" in here("trial", "logs", "0", "--attempt", "2", code=2)[1]
    assert "earlier    1 attempt; what it wrote: " in here("trial", "show", "0")[0]
    assert hpo("trial", "logs", "0", "--attempt", "1").stdout == "attempt 1 of run 0\n"
