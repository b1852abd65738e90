"""Run one folder written for NNI by hpo, and by NNI where it is installed, and measure both.

Both read the same files. The trials themselves write when they end, so a result counts when it is there,
whatever the tool polls. Then the last trial sleeps, and what the tool's own processes cost meanwhile is
its idle cost.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from measure import HPO, PYTHON, print_table

TRIAL = """\
import os, sys, time
import nni
value = nni.get_next_parameter()["x"]
nni.report_intermediate_result(value / 2)
nni.report_final_result(value)
with open("ended", "a") as file:
    print(time.time(), file=file)
while os.path.exists("idle") and nni.get_sequence_id() == TRIALS:
    time.sleep(0.1)
"""
CONFIG = """\
searchSpace: {{x: {{_type: uniform, _value: [0, 1]}}}}
trialCommand: {python} trial_of_benchmark.py
trialConcurrency: {concurrency}
maxTrialNumber: {trials}
tuner: {{name: Random, classArgs: {{seed: 1}}}}
trainingService: {{platform: local}}
"""
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Measured:
    """What one run cost: seconds to the last result, share of a core when idle, MB of memory, processes."""

    wall: float
    idle: float
    memory: float
    processes: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--concurrency", type=int, default=2)
    parser.add_argument("--idle", type=float, default=10, help="seconds for which the idle cost is taken")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--nnictl", type=Path, help="of an environment that has NNI")
    options = parser.parse_args()
    tools = {"hpo run": ([HPO, "run", "--config", "config.yml"], PYTHON)}
    if options.nnictl:
        command = [str(options.nnictl.absolute()), "create", "-c", "config.yml", "-p", "18088", "-f"]
        tools["nnictl create"] = (command, str(options.nnictl.absolute().with_name("python")))
    rows = []
    for name, (command, python) in tools.items():
        runs = [measure(command, python, options) for _ in range(options.rounds)]
        middle = [median(getattr(run, each) for run in runs) for each in ("wall", "idle", "memory")]
        rows.append([name, *(f"{value:.2f}" for value in middle), runs[0].processes])
    header = ["tool", "seconds to the last result", "idle: cores", "idle: MB", "processes"]
    print_table(header, rows)
    print(
        f"\n{options.trials} trials, {options.concurrency} at a time; medians of {options.rounds} rounds. "
        "Cost of the tool's own processes, while one more trial sleeps."
    )


def measure(command: list[str], python: str, options: argparse.Namespace) -> Measured:
    with tempfile.TemporaryDirectory(prefix="hpo-benchmark-") as name:
        folder = Path(name)
        (folder / "trial_of_benchmark.py").write_text(TRIAL.replace("TRIALS", str(options.trials)))
        settings = {"python": python, "concurrency": options.concurrency, "trials": options.trials + 1}
        (folder / "config.yml").write_text(CONFIG.format(**settings))
        (folder / "idle").touch()
        bin_ = str(Path(python).parent)
        path = f"{bin_}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "HOME": name, "HPO_HOME": f"{name}/home", "PATH": path}
        begin = time.time()
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            wall = _last_result(folder, process, options.trials) - begin
            time.sleep(2)  # so that what follows a result is over
            return Measured(wall, *_idle_cost(process.pid, options.idle))
        finally:
            (folder / "idle").unlink()
            _end(process)


def _last_result(folder: Path, process: subprocess.Popen[bytes], trials: int) -> float:
    """Wait for the last trial but the one that sleeps; return when it ended."""
    while process.poll() is None:
        ended = folder / "ended"
        times = ended.read_text().splitlines() if ended.exists() else []
        if len(times) > trials:  # the one that sleeps has written as well
            return float(times[trials - 1])
        time.sleep(0.02)
    sys.exit((folder / "log").read_text())


def _idle_cost(root: int, seconds: float) -> tuple[float, float, int]:
    before = {pid: _cpu(pid) for pid in _own(root)}
    time.sleep(seconds)
    pids = [pid for pid in _own(root) if pid in before]
    spent = sum(_cpu(pid) - before[pid] for pid in pids)
    return spent / seconds, sum(map(_memory, pids)), len(pids)


def _own(root: int) -> Iterator[int]:
    """Yield a process and its descendants, but for the trials."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        waiting += parents.get(pid, [])
        if b"NNI_TRIAL_JOB_ID=" not in _read(pid, "environ") and b"trial_of" not in _read(pid, "cmdline"):
            yield pid


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def _cpu(pid: int) -> float:
    fields = _read(pid, "stat").rpartition(b")")[2].split()
    return sum(map(int, fields[11:13])) / TICK if fields else 0.0


def _memory(pid: int) -> float:
    """Return a process's proportional share of memory, in MB."""
    lines = _read(pid, "smaps_rollup").decode().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        try:
            process.send_signal(number)
            process.wait(20)
            return
        except subprocess.TimeoutExpired:
            continue


if __name__ == "__main__":
    main()
