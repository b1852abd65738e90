"""Measure what an experiment costs beside its trials: to begin, to run, to wait, and to take reports."""

from __future__ import annotations

import argparse
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from measure import HPO, PYTHON, ask, fresh_store, print_table

BEGINS = '''
import os, time
with open(os.environ["BEGUN"], "a") as file:
    file.write(f"{time.time()}\\n")
"""@hpo.uniform(0, 1)"""
x = 0.5
"""@hpo.report_final_result(x)"""
'''
WAITS = '''
import os, time
open(os.environ["BEGUN"], "a").close()
"""@hpo.uniform(0, 1)"""
x = 0.5
"""@hpo.report_intermediate_result(x)"""
time.sleep(1000)
'''
REPORTS = '''
import hpo, os, sys, time
"""@hpo.uniform(0, 1)"""
x = 0.5
begin = time.time()
for step in range(int(sys.argv[1])):
    hpo.report_intermediate_result(x, step)
with open(os.environ["BEGUN"], "a") as file:
    file.write(f"{begin} {time.time()}\\n")
"""@hpo.report_final_result(x)"""
'''
FLOODS = '''
import hpo, os, sys, time
"""@hpo.uniform(0, 1)"""
x = 0.5
if hpo.get_sequence_id() > 0:
    open(os.environ["BEGUN"], "a").close()
    while not os.path.exists("go"):
        time.sleep(0.01)
    for _ in range(int(sys.argv[1])):
        sys.stdout.write("x" * 1_000_000)
    for step in range(int(sys.argv[2])):
        hpo.report_intermediate_result(x, step)
"""@hpo.report_final_result(x)"""
'''


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000, help="of a script that does nothing")
    parser.add_argument("--tuner", default="Random", help="whose computing counts as the runner's")
    parser.add_argument("--idle", type=float, default=10, help="seconds to watch a runner that waits")
    parser.add_argument(
        "--reports", type=int, default=32_000, help="of one trial, and of 16 at once together"
    )
    parser.add_argument("--output", type=int, default=1000, help="MB that a trial writes to its output")
    parser.add_argument("--metrics", type=int, default=100_000, help="that another reports")
    parser.add_argument("--rounds", type=int, default=5, help="of cold starts")
    options = parser.parse_args()
    begun, plain = zip(*(first_lines() for _ in range(options.rounds)), strict=True)
    rows = [
        ["from `python train.py` to its first line, s", f"{median(plain):.3f}"],
        ["from `hpo run train.py` to the first trial's first line, s", f"{median(begun):.3f}"],
        *per_trials(options.trials, options.tuner),
        *idle(options.idle, options.tuner),
        *reports(options.reports, 1),
        *reports(options.reports // 16, 16),
        *floods(f"{options.output:,} MB to its output", options.output, 0),
        *floods(f"{options.metrics:,} reports", 0, options.metrics),
    ]
    print_table(["what", "measured"], rows)
    print(f"\nCold starts: medians of {options.rounds}.")


class Process:
    """A process that somebody else has started, as the kernel sees it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    @property
    def cpu(self) -> float:
        """Seconds that it computed, without its children's."""
        return int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[0]) / 1e9

    def status(self, field: str) -> int:
        text = Path(f"/proc/{self.pid}/status").read_text()
        return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(f"{field}:"))

    @property
    def children(self) -> list[Process]:
        pids = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [Process(int(pid)) for pid in pids]


@contextmanager
def running(
    script: str, *options: str, arguments: tuple[str, ...] = ()
) -> Iterator[tuple[subprocess.Popen[bytes], Path, dict[str, str]]]:
    """Run an experiment of a script in the background; it is ended at the end."""
    with fresh_store() as (folder, environment):
        (folder / "train.py").write_text(script)
        environment["BEGUN"] = str(folder / "begun")
        command = [HPO, "run", "train.py", "--seed", "0", *options]
        command += ["--", *arguments] if arguments else []
        quiet = subprocess.DEVNULL
        with subprocess.Popen(command, env=environment, cwd=folder, stdout=quiet, stderr=quiet) as runner:
            try:
                yield runner, folder, environment
            finally:
                runner.terminate()


def first_lines() -> tuple[float, float]:
    """Return the seconds to the first line of a trial, and of the script run by hand."""
    started = time.time()
    with running(BEGINS, "--max-trials", "1") as (runner, folder, environment):
        runner.wait()
        of_trial = float((folder / "begun").read_text().split()[0]) - started
        (folder / "begun").unlink()
        started = time.time()
        subprocess.run([PYTHON, "train.py"], cwd=folder, env=environment, check=True)
        return of_trial, float((folder / "begun").read_text().split()[0]) - started


def per_trials(trials: int, tuner: str) -> Iterator[list[str]]:
    cpu, memory = 0.0, 0
    limits = ("--max-trials", str(trials), "--concurrency", "2", "--tuner", tuner)
    with running(BEGINS, *limits) as (runner, _, _):
        process = Process(runner.pid)
        while runner.poll() is None:
            try:
                cpu, memory = process.cpu, process.status("VmHWM")
            except (OSError, StopIteration):  # it has just ended
                break
            time.sleep(0.02)
    yield [f"CPU of the runner alone, {trials:,} trials with {tuner}, s", f"{cpu:.2f}"]
    yield ["most memory of the runner, MB", f"{memory / 1000:.0f}"]


def idle(seconds: float, tuner: str) -> Iterator[list[str]]:
    limits = ("--max-trials", "4", "--concurrency", "2", "--tuner", tuner)
    with running(WAITS, *limits) as (runner, folder, _):
        while not (folder / "begun").exists():
            time.sleep(0.1)
        time.sleep(3)
        process = Process(runner.pid)
        everybody = [process, *process.children]
        before = [each.cpu for each in everybody]
        time.sleep(seconds)
        used = [each.cpu - b for each, b in zip(everybody, before, strict=True)]
        yield ["CPU of a runner whose trials compute, % of a core", f"{100 * used[0] / seconds:.2f}"]
        yield ["of its other processes, %", f"{100 * sum(used[1:]) / seconds:.2f}"]
        yield ["memory of such a runner, MB", f"{process.status('VmRSS') / 1000:.0f}"]


def reports(count: int, trials: int) -> Iterator[list[str]]:
    """Let trials report as fast as they can, all at once; all of it must be there in the end."""
    limits = ("--max-trials", str(trials), "--concurrency", str(trials), "--tuner", "Random")
    with running(REPORTS, *limits, arguments=(str(count),)) as (runner, folder, environment):
        runner.wait()
        spans = [list(map(float, line.split())) for line in (folder / "begun").read_text().splitlines()]
        stored = ask(["trial", "list"], environment, folder)
    seconds = max(end for _, end in spans) - min(begin for begin, _ in spans)
    kept = sum(len(trial["intermediate"]) for trial in stored)
    name = f"{trials} trial{'s' if trials > 1 else ''} at once"
    yield [f"reports a second, of {name}", f"{count * trials / seconds:,.0f}"]
    yield [f"of {count * trials:,} reports lost", str(count * trials - kept)]


def floods(what: str, megabytes: int, count: int) -> Iterator[list[str]]:
    """Let the second trial write so much, and see by how much its runner grows, from the first on."""
    arguments = (str(megabytes), str(count))
    limits = ("--max-trials", "2", "--tuner", "Random", "--no-web")
    with running(FLOODS, *limits, arguments=arguments) as (runner, folder, environment):
        process = Process(runner.pid)
        while not (folder / "begun").exists():
            time.sleep(0.02)
        Path(f"/proc/{runner.pid}/clear_refs").write_text("5")  # the most begins anew
        before = most = process.status("VmRSS")
        begin = time.perf_counter()
        (folder / "go").touch()
        while runner.poll() is None:
            try:
                most = process.status("VmHWM")
            except (OSError, StopIteration):  # it has just ended
                break
            time.sleep(0.01)
        runner.wait()
        seconds = time.perf_counter() - begin
        (kept,) = [t for t in ask(["trial", "list"], environment, folder) if t["number"] == 1]
        (log,) = folder.glob("home/*/trials/1/stdout.log")
        room = log.stat().st_blocks * 512 / 1e6
    assert (kept["state"], len(kept["intermediate"])) == ("succeeded", count)
    yield [
        f"by how much a runner grows, of whose trials one writes {what}, MB",
        f"{(most - before) / 1000:.1f}",
    ]
    yield ["from its first to the end of the experiment, s", f"{seconds:.1f}"]
    if megabytes:
        yield ["what its log then takes of the disk, MB", f"{room:.0f}"]


if __name__ == "__main__":
    main()
