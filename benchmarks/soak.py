"""Does an experiment that goes on and on grow? Descriptors and memory while thousands of short trials run.

Runner and fork server are sampled each second; every ten seconds a trial is killed, or the fork server is
suspended for a moment. What is printed per process: at the beginning, at the end, and by how much it grew
with 1,000 trials (a line by least squares, the first quarter left out). It ends with 1 where that is too
much, or where something was left or damaged.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from statistics import linear_regression
from typing import NamedTuple

from measure import HPO, fresh_store, print_table

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "library"))
from oracle import children, living

MOST = {"descriptors": 1.0, "memory": 1024.0}  # kB: what the tuner knows of 1,000 trials takes 750
MANY = 10_000  # trials: of fewer the growth is noise

SCRIPT = """
import hpo
x = 0.5  # hpo: uniform(0, 1)
hpo.report_intermediate_result(x)
hpo.report_final_result(x)
"""


class Sample(NamedTuple):
    """A moment.

    Attributes:
        trials: how many had ended.
        descriptors: open ones.
        memory: in kB, what is shared with others in equal parts.
    """

    trials: int
    descriptors: int
    memory: int


Watched = dict[str, list[Sample]]


def sample(pid: int, trials: int) -> Sample:
    """Look at a process.

    Raises:
        OSError: it is gone.
    """
    folder = Path("/proc", str(pid))
    rollup = dict(line.split()[:2] for line in (folder / "smaps_rollup").read_text().splitlines()[1:])
    return Sample(trials, sum(1 for _ in (folder / "fd").iterdir()), int(rollup["Pss:"]))


def ended(store: Path) -> int:
    """Return how many trials ended."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as db:
        return int(db.execute("SELECT count(*) FROM trial WHERE told IS NOT NULL").fetchone()[0])


def disturb(server: int, rng: random.Random) -> None:
    """Kill a trial, or suspend the fork server for a moment."""
    trials = children(server)
    if trials and rng.random() < 0.5:
        with suppress(ProcessLookupError):
            os.kill(rng.choice(trials), signal.SIGKILL)
        return
    os.kill(server, signal.SIGSTOP)
    time.sleep(0.3)
    os.kill(server, signal.SIGCONT)


def growth(samples: list[Sample], name: str) -> float:
    """Return by how much something grows with 1,000 trials."""
    late = samples[len(samples) // 4 :]
    line = linear_regression([s.trials for s in late], [float(getattr(s, name)) for s in late])
    return 1000 * line.slope


def watch(runner: subprocess.Popen[bytes], store: Path, minutes: float, rng: random.Random) -> Watched:
    """Sample an experiment's processes, and disturb its trials."""
    (server,) = children(runner.pid)
    found: Watched = {"runner": [], "fork server": []}
    end, disturbed = time.monotonic() + 60 * minutes, time.monotonic()
    while time.monotonic() < end:
        time.sleep(1)
        trials = ended(store)
        for name, pid in ("runner", runner.pid), ("fork server", server):
            found[name].append(sample(pid, trials))
        if time.monotonic() - disturbed > 10:
            disturb(server, rng)
            disturbed = time.monotonic()
    return found


def main() -> None:
    """Run, disturb, sample, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--tuner", default="Random")
    parser.add_argument("--seed", type=int, default=0, help="of what is killed when")
    options = parser.parse_args()
    with fresh_store() as (folder, environment):
        (folder / "train.py").write_text(SCRIPT)
        oracle = folder / "oracle"  # nothing is written there: its name marks the processes
        endless = ("--max-trials", "10000000", "--max-failures", "10000000")
        runner = subprocess.Popen(
            [HPO, "run", "train.py", "--tuner", options.tuner, "--concurrency", "2", "--no-web", *endless],
            cwd=folder,
            env={**environment, "ORACLE": str(oracle)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while not (stores := list(folder.glob("home/[!.]*/experiment.db"))) or not children(runner.pid):
            time.sleep(0.05)
        found = watch(runner, stores[0], options.minutes, random.Random(options.seed))
        runner.terminate()
        runner.wait()
        left, trials = living(oracle), ended(stores[0])
        with closing(sqlite3.connect(stores[0])) as db:
            is_whole = db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    print(f"{trials} trials in {options.minutes:g} minutes; processes left: {len(left)}\n")
    print_table(
        ("", "descriptors", "per 1,000 trials", "memory, MB", "kB per 1,000 trials"),
        [
            (
                name,
                f"{each[0].descriptors} to {each[-1].descriptors}",
                f"{growth(each, 'descriptors'):+.3f}",
                f"{each[0].memory / 1024:.1f} to {each[-1].memory / 1024:.1f}",
                f"{growth(each, 'memory'):+.1f}",
            )
            for name, each in found.items()
        ],
    )
    has_grown = trials > MANY and any(
        growth(each, name) > most for each in found.values() for name, most in MOST.items()
    )
    sys.exit(bool(left) or not is_whole or has_grown)


if __name__ == "__main__":
    main()
