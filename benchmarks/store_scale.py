"""Measure a store of very many trials: what `hpo list`, `best`, `show`, `resume` and a page of trials take.

Each measurement opens the store anew, as a command or a request does. `hpo resume` tells all trials to a new
tuner, which then proposes one; of it there is one round.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from measure import fresh_store, print_table

from hpo.config.model import Algorithm, Config
from hpo.experiment.algorithms import make_tuner
from hpo.experiment.documents import best_json, experiment_json, trial_json
from hpo.experiment.replay import replay
from hpo.runtime import home
from hpo.runtime.spool import Intermediate
from hpo.runtime.store import Store
from hpo.space import SearchSpace
from hpo.trial import Trial, TrialState

SPACE = {
    "lr": {"_type": "loguniform", "_value": [1e-5, 0.1]},
    "width": {"_type": "randint", "_value": [8, 512]},
    "optimizer": {"_type": "choice", "_value": ["sgd", "adam"]},
}
SETTINGS = {
    "seed": 0,
    "tuner": {"name": "TPE"},
    "trial_concurrency": 8,
    "max_trials": None,
    "max_duration": None,
    "max_trial_duration": None,
}
PAGE = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--results", type=int, default=50, help="intermediate ones of each trial")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with fresh_store() as (_, environment):
        os.environ["HPO_HOME"] = environment["HPO_HOME"]
        directory = Path(environment["HPO_HOME"]) / "scale"
        directory.mkdir(parents=True)
        begin = time.perf_counter()
        fill(directory, options.trials, options.results)
        written = time.perf_counter() - begin
        megabytes = sum(path.stat().st_size for path in directory.iterdir()) / 1e6
        rows = [
            [f"`{name}`", *(f"{ms:.1f}" for ms in milliseconds(action, options.rounds))]
            for name, action in actions(directory, options.trials).items()
        ]
        rows += [
            [f"`hpo resume`, {tuner}", *(f"{ms:,.0f}" for ms in milliseconds(resume(tuner), rounds=1))]
            for tuner in ("Random", "TPE", "Auto")
        ]
    print_table(["what", "ms, median", "slowest"], rows)
    print(
        f"\n{options.trials:,} trials with {options.results} intermediate results each, {megabytes:.0f} MB, "
        f"written in {written:.0f} s; {options.rounds} rounds."
    )


def actions(directory: Path, trials: int) -> dict[str, Callable[[Store], object]]:
    """Return what is measured, by name."""

    def page(offset: int) -> Callable[[Store], object]:
        return lambda store: [trial_json(store, row) for row in store.trials(offset=offset, limit=PAGE)]

    return {
        "hpo list": lambda _: [experiment_json(Store(path)) for path, _ in home.experiments()],
        "hpo show": experiment_json,
        "hpo best": best_json,
        f"the first {PAGE} trials, with their curves": page(0),
        f"{PAGE} trials in the middle": page(trials // 2),
        f"the last {PAGE} trials": page(trials - PAGE),
        f"the best {PAGE} trials": lambda store: [trial_json(store, row) for row in store.ranked(PAGE)],
        f"{PAGE} failed trials": lambda store: store.trials(states=[TrialState.FAILED], limit=PAGE),
        "one trial": lambda store: store.metrics(trials // 3),
        "what ended last": lambda store: store.told_after(store.last_told() - PAGE),
    }


def resume(tuner: str) -> Callable[[Store], object]:
    """Return what happens before the first trial of an experiment that goes on."""

    def replayed(store: Store) -> object:
        config = Config(tuner=Algorithm(name=tuner), seed=0, direction="maximize")
        made = make_tuner(config, SearchSpace.from_json(SPACE))
        for _ in replay(store, made, curves=False):
            pass
        return made.ask()

    return replayed


def milliseconds(action: Callable[[Store], object], rounds: int) -> tuple[float, float]:
    """Return the median and the longest time."""
    found = []
    for _ in range(rounds):
        begin = time.perf_counter()
        with contextlib.closing(Store(home.find("scale"))) as store:
            action(store)
        found.append(1000 * (time.perf_counter() - begin))
    return median(found), max(found)


def fill(directory: Path, trials: int, results: int) -> None:
    """Write an experiment as a runner would have."""
    plan = {"command": {"text": "true"}, "cwd": str(directory), "modules": [], "sources": []}
    config = {"settings": SETTINGS, "plan": plan}
    store = Store.create(
        directory, id="scale", name="scale", direction="maximize", config=config, space=SPACE, defaults={}
    )
    draw = random.Random(0)
    for first in range(0, trials, 1000):
        with store.transaction():
            for number in range(first, min(first + 1000, trials)):
                parameters = {
                    "lr": 10 ** draw.uniform(-5, -1),
                    "width": draw.randrange(8, 512),
                    "optimizer": draw.choice(["sgd", "adam"]),
                }
                trial = Trial(number, parameters, state=TrialState.RUNNING)
                store.add_trial(trial, "tuner")
                store.add_metrics(number, [(i, report(i, draw)) for i in range(results)])
                failed = number % 20 == 7
                trial.state = TrialState.FAILED if failed else TrialState.SUCCEEDED
                trial.value, trial.failure = (None, "exit") if failed else (draw.random(), None)
                store.end_trial(trial, told=number, duration=1.0, detail=None)
    with store.transaction():
        store.set_status("done")
    store.close()


def report(step: int, draw: random.Random) -> Intermediate:
    return Intermediate(step, 1 - math.exp(-step / 10) + draw.gauss(0, 0.01), None, None, 1.7e9 + step)


if __name__ == "__main__":
    main()
