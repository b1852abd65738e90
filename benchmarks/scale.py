"""Measure how many trials the loop, the tuners, the store and the page bear: in flight, and in all.

The trials are simulated (see `simulated.py`): they report and end as real ones do, and cost the machine next
to nothing. A trial is late by the time from its end to when the loop takes note of it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import quantiles
from typing import Any

from measure import print_table
from viewer import Viewer

from hpo.config.model import Algorithm, Config
from hpo.experiment.algorithms import make_tuner
from hpo.experiment.documents import open_store
from hpo.experiment.loop import Experiment
from hpo.runtime import home
from hpo.runtime.launcher import Began, Ended, Launcher, ShellCommand
from hpo.runtime.store import Store
from hpo.space import SearchSpace
from hpo.tuners.base import Tuner

SPACE = {
    **{f"x{i}": {"_type": "uniform", "_value": [0, 1]} for i in range(6)},
    "lr": {"_type": "loguniform", "_value": [1e-5, 0.1]},
    "width": {"_type": "randint", "_value": [8, 512]},
    "layers": {"_type": "quniform", "_value": [1, 8, 1]},
    "optimizer": {"_type": "choice", "_value": ["sgd", "adam", "rmsprop"]},
}


class SimulatedLauncher(Launcher):
    """Start trials that only pretend, and note how late the loop learns of their ends."""

    server = "simulated"

    def __init__(self, mean: float, reports: int, **launched: Any) -> None:
        self._simulation = {"mean": mean, "reports": reports, "wake": str(launched["cwd"] / "wake")}
        self.late: list[float] = []
        super().__init__(**launched)

    def _first_words(self) -> Mapping[str, Any]:
        return self._simulation

    def _event(self, message: Mapping[str, Any]) -> Ended | Began | None:
        self.late.append(time.monotonic() - message["at"])
        return super()._event(message)


class Timed:
    """A tuner whose proposals are timed."""

    def __init__(self, tuner: Tuner) -> None:
        self.seconds: list[float] = []
        ask = tuner.ask

        def timed() -> Any:
            begin = time.perf_counter()
            trial = ask()
            self.seconds.append(time.perf_counter() - begin)
            return trial

        tuner.ask = timed  # type: ignore[method-assign]


def run(tuner: str, in_flight: int, trials: int, rate: float, reports: int) -> dict[str, Any]:
    """Run an experiment in this process; return what it took."""
    directory = Path(os.environ["HPO_HOME"]) / "scale"
    directory.mkdir(parents=True)
    os.mkfifo(directory / "wake")
    config = Config(
        tuner=Algorithm(name=tuner),
        trial_concurrency=in_flight,
        max_trials=trials,
        seed=0,
        direction="minimize",
    )
    space = SearchSpace.from_json(SPACE)
    settings = config.model_dump(mode="json", exclude={"space"})
    Store.create(
        directory,
        id="scale",
        name="scale",
        direction="minimize",
        config={
            "settings": settings,
            "plan": {"command": {"text": "true"}, "cwd": str(directory), "modules": [], "sources": []},
        },
        space=space.to_json(),
        defaults={},
    ).close()
    lock = home.take_lock(directory)
    with (directory / "runner.log").open("ab") as log:
        launcher = SimulatedLauncher(
            in_flight / rate,
            reports,
            cwd=directory,
            snapshot=None,
            path=directory,
            modules=(),
            lock=lock,
            log=log,
            experiment="scale",
        )
    store, made = Store(directory, read_only=False), make_tuner(config, space)
    timed = Timed(made)
    begin, cpu = time.perf_counter(), time.process_time()
    Experiment(store, space, made, config, ShellCommand("true"), launcher).run()
    wall, cpu = time.perf_counter() - begin, time.process_time() - cpu
    store.close()
    lock.close()
    began = time.perf_counter()
    with open_store(directory) as looked:
        assert looked.counts() == {"succeeded": trials}
        looked.best()
    seen = time.perf_counter() - began
    return {
        "wall": wall,
        "cpu": 1000 * cpu / trials,
        "late": [
            1000 * q for q in (quantiles(launcher.late, n=100)[49], quantiles(launcher.late, n=100)[98])
        ],
        "ask": 1000 * sum(timed.seconds) / len(timed.seconds),
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
        "store": sum(f.stat().st_size for f in directory.glob("experiment.db*")) / 1e6,
        "seen": 1000 * seen,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tuner", default="Random,TPE,Auto", help="names, parted by commas")
    parser.add_argument("--in-flight", type=int, nargs="*", default=[1000, 10_000])
    parser.add_argument("--trials", type=int, help="in all (default: three times those in flight)")
    parser.add_argument(
        "--rate", type=float, default=200, help="how many trials end in a second (default 200)"
    )
    parser.add_argument("--reports", type=int, default=0, help="intermediate results of each trial")
    parser.add_argument(
        "--page", action="store_true", help="look at the page meanwhile, and tell what that takes"
    )
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        print(json.dumps(run(given.tuner, given.in_flight[0], given.trials, given.rate, given.reports)))
        return
    rows, pages = [], []
    for in_flight in given.in_flight:
        for tuner in given.tuner.split(","):
            trials = given.trials or 3 * in_flight
            found = _measure(tuner, in_flight, trials, given)
            if given.page:
                pages.append((f"{tuner} with {in_flight:,} in flight", found["page"]))
            late = [f"{ms:.0f}" for ms in found["late"]]
            costs = [f"{found[name]:.2f}" for name in ("ask", "cpu")]
            sizes = [f"{found[name]:.0f}" for name in ("memory", "store", "seen")]
            rows.append(
                [
                    tuner,
                    f"{in_flight:,}",
                    f"{trials:,}",
                    f"{trials / found['wall']:.0f}",
                    *late,
                    *costs,
                    *sizes,
                ]
            )
    header = ["tuner", "in flight", "trials", "trials a second", "late, ms", "99 %", "a proposal, ms"]
    print_table([*header, "CPU ms a trial", "memory, MB", "store, MB", "to see the best, ms"], rows)
    for title, looked in pages:
        print(f"\nThe page beside {title}:\n")
        print_table(["view", "times", "median, ms", "99 %", "worst"], looked)


def _measure(tuner: str, in_flight: int, trials: int, given: argparse.Namespace) -> dict[str, Any]:
    """Run one in a process of its own, so that its memory is its own."""
    import subprocess

    with tempfile.TemporaryDirectory(prefix="hpo-benchmark-") as folder:
        environment = {
            **os.environ,
            "HPO_HOME": folder,
            "PYTHONPATH": str(Path(__file__).parent),  # where the engine lies
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        words = [f"--tuner={tuner}", f"--in-flight={in_flight}", f"--trials={trials}", f"--rate={given.rate}"]
        command = [sys.executable, __file__, "--inside", *words, f"--reports={given.reports}"]
        viewer = Viewer(Path(folder), "scale") if given.page else None
        with viewer.looking() if viewer else contextlib.nullcontext():
            done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**found, "page": viewer.rows()} if viewer else found


if __name__ == "__main__":
    main()
