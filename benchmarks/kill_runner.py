"""Kill the runner with SIGKILL at random moments, resume, and count finished trials lost and repeated.

What happened is told by the trials themselves: each appends a line to a file of its own making (the oracle)
when it begins, and one when its final report has returned. The store is compared with that.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from measure import HPO, ask, cost, fresh_store, print_table

SCRIPT = '''
import os, time

def tell(event):
    line = f"{event} {os.environ['HPO_TRIAL_SEQUENCE']} {x!r}\\n".encode()
    oracle = os.open(os.environ["ORACLE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(oracle, line)
    os.close(oracle)

"""@hpo.uniform(0, 1)"""
x = 0.5
tell("begin")
"""@hpo.report_intermediate_result(x)"""
time.sleep(0.1 * x)
"""@hpo.report_final_result(x)"""
tell("end")
'''


@dataclass
class Oracle:
    """What the trials say of themselves, in the order of their saying it.

    Attributes:
        begun: how often each trial began.
        results: the result of each whose final report has returned.
        repeated: those that began again after that.
    """

    begun: Counter[int] = field(default_factory=Counter)
    results: dict[int, float] = field(default_factory=dict)
    repeated: set[int] = field(default_factory=set)

    @classmethod
    def read(cls, path: Path) -> Oracle:
        oracle = cls()
        for line in path.read_text().splitlines() if path.exists() else ():
            event, number, value = line.split()
            if event == "end":
                oracle.results[int(number)] = float(value)
            else:
                oracle.begun[int(number)] += 1
                if int(number) in oracle.results:
                    oracle.repeated.add(int(number))
        return oracle


@dataclass(frozen=True)
class Outcome:
    """What one kill did, in trials, and how long it took from `hpo resume` to the next trial's first line."""

    finished: int
    in_flight: int
    lost: int
    repeated: int
    unfinished: int
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--concurrency", type=int, default=2)
    parser.add_argument("--seed", type=int, default=None, help="of the moments; random where left out")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    moments = random.Random(seed)
    run = ["run", "train.py", "--max-trials", str(options.trials), "--concurrency", str(options.concurrency)]
    duration = undisturbed(run)
    outcomes = [one_kill(run, options.trials, moments.uniform(0, duration)) for _ in range(options.kills)]
    total = [sum(column) for column in zip(*map(counts, outcomes), strict=True)]
    what = (
        "finished when the runner was killed",
        "of all finished: lost",
        "of all finished: repeated",
        "in flight when it was killed",
        "not there in the end",
    )
    print_table(["trials", "number"], zip(what, total, strict=True))
    slowest = max(outcome.seconds for outcome in outcomes)
    print(
        f"\n{options.kills} experiments of {options.trials} trials, {duration:.1f} s each, "
        f"killed once at a random moment (seed {seed}). "
        f"From `hpo resume` to the next trial's first line: at most {slowest:.2f} s."
    )
    if any(outcome.lost or outcome.repeated or outcome.unfinished for outcome in outcomes):
        sys.exit(1)


def counts(outcome: Outcome) -> tuple[int, ...]:
    return outcome.finished, outcome.lost, outcome.repeated, outcome.in_flight, outcome.unfinished


def undisturbed(run: list[str]) -> float:
    """Return the seconds that the experiment takes when nobody kills it."""
    with fresh_store() as (folder, environment):
        (folder / "train.py").write_text(SCRIPT)
        return cost([HPO, *run], {**environment, "ORACLE": str(folder / "oracle")}, folder).wall


def one_kill(run: list[str], trials: int, moment: float) -> Outcome:
    """Run an experiment, kill its runner after so many seconds, finish it, and compare."""
    with fresh_store() as (folder, environment):
        (folder / "train.py").write_text(SCRIPT)
        path = folder / "oracle"
        environment["ORACLE"] = str(path)
        with subprocess.Popen(
            [HPO, *run], env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as runner:
            time.sleep(moment)
            runner.kill()
        before = Oracle.read(path)
        seconds = finish(run, environment, folder, path)
        after = Oracle.read(path)
        stored = {t["number"]: t for t in ask(["trial", "list"], environment, folder)}
    kept = {n for n, t in stored.items() if t["state"] == "succeeded"}
    return Outcome(
        finished=len(before.results),
        in_flight=len(before.begun) - len(before.results),
        lost=sum(n not in kept or stored[n]["value"] != result for n, result in after.results.items()),
        repeated=len(after.repeated),
        unfinished=trials - len(kept),
        seconds=seconds,
    )


def finish(run: list[str], environment: dict[str, str], folder: Path, oracle: Path) -> float:
    """Resume to the end; return the seconds to the first line of a trial."""
    begun = sum(Oracle.read(oracle).begun.values())
    known = ask(["list"], environment, folder)
    if known and known[0]["status"] == "done":
        return 0.0
    # A runner that was killed before it had made an experiment left nothing to resume.
    command = [HPO, "resume"] if known else [HPO, *run]
    begin = time.perf_counter()
    with (
        (folder / "resume.log").open("w+") as log,
        subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log) as resumed,
    ):
        while sum(Oracle.read(oracle).begun.values()) == begun and resumed.poll() is None:
            time.sleep(0.005)
        seconds = time.perf_counter() - begin
        if resumed.wait() != 0:
            log.seek(0)
            sys.exit(f"{' '.join(command)} ended with {resumed.returncode}:\n{log.read()}")
    return seconds


if __name__ == "__main__":
    main()
