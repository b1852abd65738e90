"""Experiments whose trials need GPUs, on a stand-in for NVIDIA's library."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hpo.runtime.store import Store

HPO = Path(sys.executable).with_name("hpo")
IDLE = "0 16000 15500 -"
BUSY = "0 16000 9000 4711"

SCRIPT = '''
import os, time
"""@hpo.uniform(0, 1)"""
x = 0.5
print(os.environ["CUDA_DEVICE_ORDER"], os.environ["CUDA_VISIBLE_DEVICES"])
with open("log", "a") as log:
    print("begin", os.environ["CUDA_VISIBLE_DEVICES"], file=log)
time.sleep(0.2)
while os.path.exists("wait-for-another") and open("log").read().count("begin") < 2:
    time.sleep(0.01)
with open("log", "a") as log:
    print("end", os.environ["CUDA_VISIBLE_DEVICES"], file=log)
"""@hpo.report_final_result(x)"""
'''


class Machine:
    """A machine with GPUs, and a folder with a script on it."""

    def __init__(self, nvml: Path, folder: Path) -> None:
        self.folder = folder
        (folder / "train.py").write_text(SCRIPT)
        self.state = folder / "gpus"
        variables = {k: v for k, v in os.environ.items() if k != "CUDA_VISIBLE_DEVICES"}
        mine = {
            "LD_LIBRARY_PATH": str(nvml),
            "STANDIN_NVML": str(self.state),
            "HPO_HOME": str(folder / "home"),
        }
        self.environment = variables | mine

    def has(self, *gpus: str) -> None:
        whole = self.state.with_suffix(".new")
        whole.write_text("\n".join(["0", *gpus]))
        whole.rename(self.state)

    def run(self, *options: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [HPO, "run", "train.py", "--gpus-per-trial", "1", *options],
            cwd=self.folder, env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def show(self, key: str = "status") -> str:
        command = [HPO, "show", "--json"]
        done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        return str(json.loads(done.stdout)[key]) if done.returncode == 0 else "nothing"

    def notes(self) -> list[str]:
        (database,) = self.folder.glob("home/*/experiment.db")
        with contextlib.closing(Store(database.parent)) as store:
            return [event["message"] for event in store.events() if event["kind"] == "note"]

    def wait_until(self, happened: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not happened():
            assert time.monotonic() < deadline
            time.sleep(0.1)


@pytest.fixture
def machine(nvml: Path, tmp_path: Path) -> Machine:
    return Machine(nvml, tmp_path)


def test_two_trials_never_have_one_gpu_at_once(machine: Machine) -> None:
    machine.has(IDLE, IDLE)
    runner = machine.run("--max-trials", "8", "--concurrency", "4")
    _, said = runner.communicate()
    assert runner.returncode == 0, said
    held: set[str] = set()
    for event, gpu in map(str.split, (machine.folder / "log").read_text().splitlines()):
        assert (gpu in held) == (event == "end")
        held ^= {gpu}
    (printed,) = {p.read_text().split()[0] for p in machine.folder.glob("home/*/trials/*/stdout.log")}
    assert printed == "PCI_BUS_ID"


def test_an_experiment_waits_for_a_gpu_that_another_program_uses_and_says_so(machine: Machine) -> None:
    machine.has(BUSY)
    runner = machine.run("--max-trials", "2")
    reason = "for 1 GPU: GPU 0 is used by another program (process 4711)"
    machine.wait_until(lambda: reason in machine.show("waits"))
    time.sleep(2.5)  # it looks again every second, and says it once
    (note,) = machine.notes()
    assert reason in note
    assert not (machine.folder / "log").exists()
    machine.has(IDLE)
    _, said = runner.communicate(timeout=300)
    assert runner.returncode == 0, said
    assert machine.show("waits") == "None"
    assert said.count("a trial waits since ") == 1
    assert "GPU 0 is used by another program (process 4711)" in said


def test_trials_with_half_a_gpu_each_share_it_two_at_a_time(machine: Machine) -> None:
    machine.has(IDLE)
    (machine.folder / "wait-for-another").touch()
    runner = machine.run("--gpus-per-trial", "0.5", "--max-trials", "6", "--concurrency", "4")
    _, said = runner.communicate(timeout=300)
    assert runner.returncode == 0, said
    running, most = 0, 0
    for line in (machine.folder / "log").read_text().splitlines():
        running += 1 if line.startswith("begin") else -1
        most = max(most, running)
    assert most == 2


def test_an_experiment_that_waits_can_be_interrupted(machine: Machine) -> None:
    machine.has(BUSY)
    runner = machine.run()
    machine.wait_until(lambda: machine.show() == "running")
    runner.send_signal(signal.SIGINT)
    _, said = runner.communicate(timeout=300)
    assert runner.returncode == 130, said
    assert machine.show() == "stopped"


def test_without_a_gpu_it_ends_at_once_and_says_so(machine: Machine) -> None:
    machine.has()
    runner = machine.run()
    _, said = runner.communicate(timeout=300)
    assert runner.returncode == 2
    assert "asks for 1 GPU per trial, and this machine has none" in said
    assert "--gpus-per-trial 0" in said
    assert machine.show() == "nothing"
