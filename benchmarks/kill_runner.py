"""Kill runner, fork server, a trial, or all of them with SIGKILL at random moments; count what is lost.

What happened is told by the trials themselves (see `tests/library/oracle.py`); the store is compared with it.
An experiment whose runner was killed is resumed; the others go on by themselves.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import NamedTuple

from measure import HPO, ask, cost, fresh_store, most_of, print_table

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "library"))
from oracle import TELL, Oracle, children, living, read

SCRIPT = (
    TELL
    + '''
import time

"""@hpo.uniform(0, 1)"""
x = 0.5
tell("begin")
"""@hpo.report_intermediate_result(x)"""
tell("reported", x)
time.sleep(0.1 * x)
"""@hpo.report_final_result(x)"""
tell("end", x)
'''
)


class Outcome(NamedTuple):
    """What one kill did, in trials and processes.

    Attributes:
        late: whether all had ended, and nobody was killed.
        finished: when it came.
        in_flight: when it came.
        lost: of all that finished, those without their result in the store.
        repeated: of all that finished, those that ran again.
        reports_lost: trials that ended well without an intermediate result that was acknowledged.
        missing: not there in the end; of a killed trial its failure is there.
        orphans: processes that lived on.
        seconds: to the next trial's first line, from the kill or, of a runner, from `hpo resume`.
    """

    late: bool
    finished: int
    in_flight: int
    lost: int
    repeated: int
    reports_lost: int
    missing: int
    orphans: int
    seconds: float


VICTIMS = ("runner", "server", "trial", "all")
COUNTED = (
    "of them too late",
    "finished at the kill",
    "in flight at the kill",
    "of all finished: lost",
    "of all finished: repeated",
    "acknowledged reports lost",
    "not there in the end",
    "orphans left",
)
TIMES: dict[str, Callable[[list[float]], float]] = {
    "median": median,
    "99 %": most_of,
    "most": max,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="of all victims together (default 20)")
    parser.add_argument("--victims", nargs="*", default=VICTIMS, choices=VICTIMS)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--concurrency", type=int, default=2)
    parser.add_argument("--seed", type=int, default=None, help="of the moments; random where left out")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    moments = random.Random(seed)
    run = ["run", "train.py", "--max-trials", str(options.trials), "--concurrency", str(options.concurrency)]
    run += ["--tuner", "Random"]
    duration = undisturbed(run)
    outcomes: dict[str, list[Outcome]] = {victim: [] for victim in options.victims}
    for _, victim in zip(range(options.kills), cycle(options.victims), strict=False):
        outcomes[victim].append(one_kill(run, options.trials, victim, moments.uniform(0, duration), moments))
    totals = [["kills", *(len(each) for each in outcomes.values())]]
    totals += [
        [what, *(sum(outcome[i] for outcome in each) for each in outcomes.values())]
        for i, what in enumerate(COUNTED)
    ]
    waited = [sorted(outcome.seconds for outcome in each if outcome.seconds) for each in outcomes.values()]
    totals += [
        [f"seconds to the next trial: {what}", *(f"{of(each):.2f}" if each else "" for each in waited)]
        for what, of in TIMES.items()
    ]
    print_table(["SIGKILL of", *outcomes], totals)
    every = [outcome for each in outcomes.values() for outcome in each]
    print(
        f"\n{options.kills} experiments of {options.trials} trials, {options.concurrency} at a time, "
        f"{duration:.1f} s each if not killed; one kill each at a random moment (seed {seed}). "
        "The next trial is there with its first line; after the runner's death the time is from `hpo resume`."
    )
    if any(any(outcome[3:8]) for outcome in every):
        sys.exit(1)


def undisturbed(run: list[str]) -> float:
    """Return the seconds that the experiment takes when nobody kills it."""
    with fresh_store() as (folder, environment):
        (folder / "train.py").write_text(SCRIPT)
        return cost([HPO, *run], {**environment, "ORACLE": str(folder / "oracle")}, folder).wall


def one_kill(run: list[str], trials: int, victim: str, moment: float, draw: random.Random) -> Outcome:
    """Run an experiment, kill after so many seconds, see to its end, and compare."""
    with fresh_store() as (folder, environment):
        (folder / "train.py").write_text(SCRIPT)
        path = folder / "oracle"
        environment["ORACLE"] = str(path)
        with subprocess.Popen(
            [HPO, *run], env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as runner:
            time.sleep(moment)
            while not (chosen := victims(runner.pid, victim, draw)) and runner.poll() is None:
                time.sleep(0.002)  # it is not there yet
            late = runner.poll() is not None
            for pid in () if late else chosen:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            before = Oracle.read(path)
            began = sum(before.begun.values())
            seconds = 0.0 if late or runner.pid in chosen else _first_line(path, began, runner)
        orphans = len(living(path))
        if runner.pid in chosen and not late:
            seconds = finish(run, environment, folder, path)
            orphans += len(living(path))
        after = Oracle.read(path)
        stored = {t["number"]: t for t in ask(["trial", "list"], environment, folder)}
    kept = {n for n, t in stored.items() if t["state"] == "succeeded"}
    told = {n for n, t in stored.items() if t["failure"] == "signal"} if victim == "trial" else set()
    return Outcome(
        late=late,
        finished=len(before.results),
        in_flight=len(before.begun) - len(before.results),
        lost=sum(n not in kept or stored[n]["value"] != result for n, result in after.results.items()),
        repeated=len(after.repeated),
        reports_lost=sum(
            not stored[n]["intermediate"] for n in kept if (n, stored[n]["attempt"]) in after.reported
        ),
        missing=trials - len(kept) - min(len(told), 1),
        orphans=orphans,
        seconds=seconds,
    )


def victims(runner: int, victim: str, draw: random.Random) -> list[int]:
    """Return whom to kill: nobody where the victim is not there yet, or any more."""
    servers = [pid for pid in children(runner) if b"hpo.runtime.forkserver" in read(f"/proc/{pid}/cmdline")]
    trials = [pid for server in servers for pid in children(server)]
    if victim == "all":
        return [runner, *servers, *trials] if draw.random() < 0.5 else [*trials, *servers, runner]
    found = {"runner": [runner], "server": servers, "trial": trials}[victim]
    return [draw.choice(found)] if found else []


def finish(run: list[str], environment: dict[str, str], folder: Path, oracle: Path) -> float:
    """Resume to the end; return the seconds to the first line of a trial."""
    begun = sum(Oracle.read(oracle).begun.values())
    known = ask(["list"], environment, folder)
    if known and known[0]["status"] == "done":
        return 0.0
    # A runner that was killed before it had made an experiment left nothing to resume.
    command = [HPO, "resume"] if known else [HPO, *run]
    with (
        (folder / "resume.log").open("w+") as log,
        subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log) as resumed,
    ):
        seconds = _first_line(oracle, begun, resumed)
        if resumed.wait() != 0:
            log.seek(0)
            sys.exit(f"{' '.join(command)} ended with {resumed.returncode}:\n{log.read()}")
    return seconds


def _first_line(oracle: Path, begun: int, runner: subprocess.Popen[bytes]) -> float:
    """Return the seconds until one more trial than so many has begun, or 0 where the runner ends before."""
    begin = time.perf_counter()
    while sum(Oracle.read(oracle).begun.values()) <= begun:
        if runner.poll() is not None:
            return 0.0
        time.sleep(0.005)
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
