"""Is a process left when an experiment is ended? How many, and how long it takes until all are gone.

Each trial has a child, one in a session of its own, and a daemon that it forked twice. The experiment is
ended by `hpo stop`, by Ctrl-C twice, or by SIGKILL of its runner, and all that lives is looked for in /proc.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from measure import HPO, fresh_store, print_table

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "library"))
from oracle import living

SCRIPT = """
import os, subprocess, time
import hpo
x = 0.5  # hpo: uniform(0, 1)
for apart in (False, True):
    subprocess.Popen(["sleep", "3600"], start_new_session=apart)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execvp("sleep", ["sleep", "3600"])
    os._exit(0)
hpo.report_intermediate_result(x)
time.sleep(3600)
"""
TRIALS = 2  # at a time
PROCESSES = 4 * TRIALS + 2  # each with three, a fork server, and the runner
WAYS = ("hpo stop", "Ctrl-C twice", "SIGKILL")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=10, help="for each way to end it (default 10)")
    options = parser.parse_args()
    took: dict[str, list[float]] = {way: [] for way in WAYS}
    left = dict.fromkeys(WAYS, 0)
    for _ in range(options.times):
        for way in WAYS:
            seconds, processes = one_end(way)
            took[way].append(seconds)
            left[way] += processes
    print_table(
        ("ended by", "times", "processes", "left after 60 s", "seconds, median", "at most"),
        [
            (way, len(each), PROCESSES * len(each), left[way], f"{median(each):.2f}", f"{max(each):.2f}")
            for way, each in took.items()
        ],
    )
    sys.exit(any(left.values()))


def one_end(way: str) -> tuple[float, int]:
    """Run an experiment and end it; return the seconds until its processes are gone, and how many stay."""
    with fresh_store() as (folder, environment):
        (folder / "train.py").write_text(SCRIPT)
        oracle = folder / "oracle"  # nothing is written there: its name marks the processes
        runner = subprocess.Popen(
            [HPO, "run", "train.py", "--concurrency", str(TRIALS), "--no-web"],
            cwd=folder,
            env={**environment, "ORACLE": str(oracle)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while len(living(oracle, patience=0)) < PROCESSES:
            time.sleep(0.05)
        begin = time.monotonic()
        if way == "hpo stop":
            subprocess.run([HPO, "stop"], env=environment, check=True, capture_output=True)
        elif way == "Ctrl-C twice":
            for _ in range(2):
                os.kill(runner.pid, signal.SIGINT)
                time.sleep(0.1)  # two that come at once are one
        else:
            runner.kill()
        runner.wait()
        left = len(living(oracle))
        return time.monotonic() - begin, left


if __name__ == "__main__":
    main()
