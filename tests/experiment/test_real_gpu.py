"""Experiments on a real GPU, with PyTorch: run where there is both, and skipped elsewhere.

What NVML says of a GPU is tested on every machine, on a stand-in (`test_gpus.py`). What a stand-in cannot
show is here: that CUDA works in a process forked from a warm one, that the driver's own list of processes
empties when a trial is killed, and what a real neighbour looks like.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pynvml
import pytest

HPO = Path(sys.executable).with_name("hpo")


def _gpus() -> int:
    try:
        pynvml.nvmlInit()
        return int(pynvml.nvmlDeviceGetCount())
    except pynvml.NVMLError:
        return 0


pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed"),
    pytest.mark.skipif(_gpus() == 0, reason="there is no GPU here"),
]

SCRIPT = """
import os, time
import torch
import torch.nn

x = 0.5  # hpo: uniform(0, 1)
started = time.monotonic()
matrix = torch.full((1024, 1024), x, device="cuda")
value = (matrix @ matrix).sum().item() / 1024**3
torch.cuda.synchronize()
time.sleep(0.3)
seen = torch.cuda.device_count(), os.environ["CUDA_VISIBLE_DEVICES"]
with open("log", "a") as log:
    print(x, value, *seen, started, time.monotonic(), file=log)
'''@hpo.report_final_result(value)'''
"""

CONFIG = """
useAnnotation: true
trialCommand: python3 train.py
trialConcurrency: 1
trainingService: {platform: local, useActiveGpu: true, gpuIndices: [0]}
"""

NEIGHBOUR = """
import sys, torch
torch.cuda.mem_get_info()
free, total = torch.cuda.mem_get_info()
held = torch.empty(int(float(sys.argv[1]) * total), dtype=torch.uint8, device="cuda")
torch.cuda.synchronize()
print("here", flush=True)
sys.stdin.read()
"""


class Folder:
    """A folder with a script, and a store."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.environment = {**os.environ, "HPO_HOME": str(path / "home")}
        self.environment.pop("CUDA_VISIBLE_DEVICES", None)

    def write(self, name: str, text: str) -> None:
        (self.path / name).write_text(textwrap.dedent(text))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [HPO, "run", *arguments], cwd=self.path, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *arguments: str) -> str:
        """Run an experiment that must end well, and return what it said."""
        runner = self.start(*arguments)
        _, said = runner.communicate(timeout=240)
        assert runner.returncode == 0, said
        return said

    def ask(self, *arguments: str) -> Any:
        command = [HPO, *arguments, "--json"]
        done = subprocess.run(command, cwd=self.path, env=self.environment, capture_output=True, text=True)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def wait_for(self, what: Callable[[], object]) -> None:
        deadline = time.monotonic() + 60
        while not what():
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def log(self) -> list[list[str]]:
        return [line.split() for line in (self.path / "log").read_text().splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path)
    made.write("train.py", SCRIPT)
    return made


@pytest.fixture
def neighbour(tmp_path: Path) -> Iterator[Callable[[float], subprocess.Popen[str]]]:
    """Start a program of somebody else's, which holds a part of the GPU's memory until its input ends."""
    started: list[subprocess.Popen[str]] = []

    def start(part: float) -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", NEIGHBOUR, str(part)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
        )  # fmt: skip
        assert started[-1].stdout is not None
        assert started[-1].stdout.readline() == "here\n"
        return started[-1]

    yield start
    for process in started:
        process.communicate()


def test_a_trial_forked_from_a_warm_process_computes_on_its_gpu(folder: Folder) -> None:
    folder.run("train.py", "--gpus-per-trial", "1", "--max-trials", "4", "--concurrency", "2")
    lines = folder.log()
    assert len(lines) == 4
    for x, value, count, visible, *_ in lines:
        assert float(value) == pytest.approx(float(x) ** 2, rel=1e-3)
        assert (count, len(visible.split(","))) == ("1", 1)
    stored = {trial["parameters"]["x"]: trial["value"] for trial in folder.ask("trial", "list")}
    assert stored == {float(x): float(value) for x, value, *_ in lines}


def test_trials_with_a_quarter_of_a_gpu_each_compute_on_it_at_once(folder: Folder) -> None:
    options = ["--gpus-per-trial", "0.25", "--max-trials", "8", "--concurrency", "8"]
    folder.write("config.yml", CONFIG)
    folder.run("--config", "config.yml", *options)
    spans = [(float(started), float(ended)) for *_, started, ended in folder.log()]
    together = max(sum(a <= moment <= b for a, b in spans) for moment, _ in spans)
    assert 2 <= together <= 4


def test_a_gpu_that_another_program_uses_is_waited_for_until_that_program_ends(
    folder: Folder, neighbour: Callable[[float], subprocess.Popen[str]]
) -> None:
    others = [neighbour(0.05) for _ in range(_gpus())]
    runner = folder.start("train.py", "--gpus-per-trial", str(_gpus()), "--max-trials", "1")
    folder.wait_for(lambda: (folder.ask("show") or {}).get("waits"))
    assert "is used by another program (process" in folder.ask("show")["waits"]
    assert not (folder.path / "log").exists()
    for other in others:
        other.communicate()
    _, said = runner.communicate(timeout=300)
    assert runner.returncode == 0, said
    assert len(folder.log()) == 1


def test_a_gpu_that_a_neighbour_has_filled_is_not_taken_though_active_ones_may_be(
    folder: Folder, neighbour: Callable[[float], subprocess.Popen[str]]
) -> None:
    folder.write("config.yml", CONFIG)
    other = neighbour(0.7)
    runner = folder.start("--config", "config.yml", "--gpus-per-trial", "1", "--max-trials", "1")
    folder.wait_for(lambda: (folder.ask("show") or {}).get("waits"))
    assert "% of its memory free" in folder.ask("show")["waits"]
    other.communicate()
    _, said = runner.communicate(timeout=300)
    assert runner.returncode == 0, said


def test_a_trial_that_is_killed_gives_its_gpu_to_the_next(folder: Folder) -> None:
    folder.write("train.py", SCRIPT.replace("time.sleep(0.3)", "time.sleep(600 if x != 0.5 else 0)"))
    folder.run(
        "train.py", "--gpus-per-trial", str(_gpus()), "--max-trials", "3", "--max-trial-duration", "8s"
    )
    trials = folder.ask("trial", "list")
    assert [trial["failure"] for trial in trials] == [None, "timeout", "timeout"]


def test_a_library_that_opens_the_gpu_when_it_is_imported_is_left_to_the_trials(folder: Folder) -> None:
    library = folder.path / "elsewhere"
    library.mkdir()
    (library / "opens_the_gpu.py").write_text("import torch\nHERE = torch.ones(1, device='cuda')\n")
    folder.environment["PYTHONPATH"] = str(library)
    folder.write("train.py", SCRIPT.replace("import torch.nn", "import opens_the_gpu"))
    said = folder.run("train.py", "--gpus-per-trial", "1", "--max-trials", "2")
    assert len(folder.log()) == 2, said


def test_a_trial_that_asks_for_more_than_the_gpu_has_is_told_apart(folder: Folder) -> None:
    folder.write("train.py", SCRIPT.replace("(1024, 1024)", "(1024, 1024) if x == 0.5 else (10**7, 10**6)"))
    folder.run("train.py", "--gpus-per-trial", "1", "--max-trials", "2")
    assert [trial["failure"] for trial in folder.ask("trial", "list")] == [None, "oom"]


def test_trials_without_gpus_see_none_where_they_are_hidden(folder: Folder) -> None:
    folder.write(
        "train.py",
        """
        import torch
        x = 0.5  # hpo: uniform(0, 1)
        '''@hpo.report_final_result(x + torch.cuda.device_count())'''
        """,
    )
    folder.run("train.py", "--gpus-per-trial", "0", "--max-trials", "1")
    assert folder.ask("best")["value"] == 0.5
