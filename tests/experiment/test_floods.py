"""Trials that write very much: their runner reads what it needs, and stays as small as it was."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import trials

SCRIPT = """import os, sys, time
import hpo
x = 0.5  # hpo: uniform(0, 1)
if hpo.get_sequence_id() > 0:
    open("there", "w").close()
    while not os.path.exists("go"):
        time.sleep(0.01)
    for _ in range(int(sys.argv[1])):
        sys.stdout.write("x" * 1_000_000)
    for step in range(int(sys.argv[2])):
        hpo.report_intermediate_result(x, step)
    sys.stdout.flush()
    open("written", "w").close()
    while not os.path.exists("seen"):
        time.sleep(0.01)
if sys.argv[3] == "reports":
    hpo.report_final_result(x)
else:
    print("\\naccuracy:", x)
"""


def memory(pid: int, what: str) -> int:
    """Return a process's memory in kB: what it has, or the most that it had."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:"))


def until_there(name: str, runner: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while not Path(name).exists():
        assert runner.poll() is None, "it ended"
        assert time.monotonic() < end, f"there is no {name}"
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("megabytes", "reports", "options"),
    [
        (120, 0, ()),
        (60, 0, ("--metric-pattern", "accuracy: ([0-9.]+)")),
        (0, 30_000, ()),
    ],
    ids=["output", "output that is looked through", "reports"],
)
def test_its_runner_grows_by_less_than_20_megabytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, megabytes: int, reports: int, options: tuple[str, ...]
) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(SCRIPT)
    command = [
        sys.executable,
        "-m",
        "hpo",
        "run",
        "train.py",
        "--max-trials",
        "2",
        "--tuner",
        "Random",
        "--no-web",
        *options,
    ]
    written = ["--", str(megabytes), str(reports), "prints" if options else "reports"]
    with subprocess.Popen([*command, *written], stderr=subprocess.DEVNULL) as runner:
        until_there("there", runner)
        Path(f"/proc/{runner.pid}/clear_refs").write_text("5")  # the most begins anew
        before = memory(runner.pid, "VmRSS")
        Path("go").touch()
        until_there("written", runner)
        Path("seen").touch()
        most = before
        while runner.poll() is None:
            try:
                most = memory(runner.pid, "VmHWM")
            except (OSError, StopIteration):  # it has just ended
                break
            time.sleep(0.005)
    assert most - before < 20_000
    (log,) = Path(os.environ["HPO_HOME"]).glob("*/trials/1/stdout.log")
    assert log.stat().st_size >= megabytes * 1_000_000
    assert log.stat().st_blocks * 512 < 81 << 20
    found = [(each["state"], each["value"] is not None, len(each["intermediate"])) for each in trials()]
    printed = bool(options)
    assert found == [("succeeded", True, printed), ("succeeded", True, reports or printed)]
