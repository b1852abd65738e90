"""A trial hangs in the kernel, in a disk that does not answer: it cannot be killed, and holds up nobody."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hung import hung_disk, is_uninterruptible, waits_for_disk

#: The first attempt at the second trial asks the disk for a file, itself or by a child that it leaves behind.
SCRIPT = """import os, pathlib, subprocess, sys, time
import hpo
x = 0.5  # hpo: uniform(0, 1)
here = pathlib.Path(__file__).parent
pid, file = str(here / "pid"), str(here / "disk" / "file")
ask = f"import os; open({pid!r}, 'w').write(str(os.getpid())); os.stat({file!r})"
if os.environ["HPO_TRIAL_SEQUENCE"] == "1" and os.environ["HPO_TRIAL_ATTEMPT"] == "1":
    if "child" not in sys.argv:
        exec(ask)
    subprocess.Popen([sys.executable, "-c", ask], start_new_session=True)
    while not (here / "pid").exists():
        time.sleep(0.01)
    time.sleep(1)  # until the disk knows of the question, who asks can be killed
place = os.environ.get("HPO_TRIAL_CORES") or os.environ.get("CUDA_VISIBLE_DEVICES")
hpo.report_final_result(float(place or x))
"""


@pytest.fixture
def answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Mount the disk; give what lets it answer at last."""
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(SCRIPT)
    with hung_disk(tmp_path / "disk") as let_go:
        if let_go is None:
            pytest.skip("to mount a file system of one's own takes root and libfuse")
        yield let_go


def begin(*options: str, prefix: str = "") -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "hpo", "run", "train.py", "--no-web", "--seed", "1", *options]
    return subprocess.Popen([*prefix.split(), *command], stderr=subprocess.PIPE, text=True)


def resume() -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hpo", "resume", "--no-web"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def trials() -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "hpo", "trial", "list", "--json"]
    return list(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))


def wait_until(happened: Callable[[], object]) -> None:
    limit = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < limit
        time.sleep(0.02)


def pid_of_who_hangs() -> int:
    wait_until(lambda: Path("pid").exists() and waits_for_disk(int(Path("pid").read_text() or 0)))
    return int(Path("pid").read_text())


@pytest.mark.usefixtures("answer")
def test_a_trial_that_cannot_be_killed_is_given_up_and_the_others_go_on() -> None:
    runner = begin("--max-trials", "4", "--max-trial-duration", "1", "--max-trial-memory", "10GB")
    pid = pid_of_who_hangs()
    said = runner.communicate(timeout=120)[1]
    assert runner.returncode == 0, said
    assert "Traceback" not in said
    assert is_uninterruptible(pid)
    hung = f"PID {pid}, in uninterruptible sleep"
    assert f"trial 1: {hung}, was killed, and does not end" in said
    assert f"{hung}, was killed, and does not end: it still lives" in said
    found = trials()
    assert [trial["state"] for trial in found] == ["succeeded", "failed", "succeeded", "succeeded"]
    assert (found[1]["failure"], found[1]["attempt"]) == ("lost", 1)
    assert found[1]["detail"] == f"it took longer than 1 s; it does not end though it was killed ({hung})"


@pytest.mark.usefixtures("answer")
@pytest.mark.parametrize("option", ["--cpus-per-trial", "--gpus-per-trial"])
def test_a_process_that_a_trial_left_behind_and_that_cannot_be_killed_keeps_its_place(
    option: str, nvml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("there is one core only")
    alone = f"taskset -c {','.join(map(str, sorted(os.sched_getaffinity(0))[:2]))}"
    (tmp_path / "gpus").write_text("\n".join(["0", *2 * ["0 16000 15500 -"]]))
    monkeypatch.setenv("LD_LIBRARY_PATH", str(nvml))
    monkeypatch.setenv("STANDIN_NVML", str(tmp_path / "gpus"))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    runner = begin("--max-trials", "6", "--concurrency", "2", option, "1", "--", "child", prefix=alone)
    pid = pid_of_who_hangs()
    said = runner.communicate(timeout=60)[1]
    assert runner.returncode == 0, said
    assert said.count(f"PID {pid}, in uninterruptible sleep, was killed, and does not end") == 2
    found = trials()
    assert [trial["state"] for trial in found] == ["succeeded"] * 6
    places = [trial["value"] for trial in found]
    assert len(set(places)) == 2
    assert places[1] not in places[2:]


def test_an_experiment_that_is_stopped_ends_and_the_trial_is_left_to_the_next_runner(
    answer: Callable[[], None],
) -> None:
    runner = begin("--max-trials", "3")
    pid = pid_of_who_hangs()
    for _ in range(3):  # let them finish; end them; kill them
        runner.send_signal(signal.SIGINT)
        time.sleep(0.5)
    said = runner.communicate(timeout=60)[1]
    assert runner.returncode == 130, said
    assert f"PID {pid}, in uninterruptible sleep, was killed, and does not end: it still lives" in said
    answer()
    assert resume().returncode == 0
    assert [trial["state"] for trial in trials()] == ["succeeded"] * 3


@pytest.mark.usefixtures("answer")
def test_a_runner_that_was_killed_is_followed_by_another_though_a_trial_of_it_cannot_be() -> None:
    runner = begin("--max-trials", "3")
    pid = pid_of_who_hangs()
    runner.kill()
    runner.communicate()
    wait_until(lambda: resume().returncode == 0)
    assert is_uninterruptible(pid)
    assert [(trial["state"], trial["attempt"]) for trial in trials()] == [
        ("succeeded", 1),
        ("succeeded", 2),
        ("succeeded", 1),
    ]
