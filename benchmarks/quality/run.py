"""Run optimisers over tasks and seeds, and append a line of JSON for every run.

    python run.py --optimisers hpo-Auto,optuna-tpe --trials 100 --seeds 10 --data FOLDER -o runs.jsonl

A run that is in the file already is not run again, so one can stop, go on, and add seeds and optimisers
later; `--again` replaces what is there. `--in-flight 8` keeps eight trials under way, which end in the order
of random durations. With `report.py` the lines become tables.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np
from held_back import held_back
from peers import create
from tasks import Task, all_tasks

from hpo.space import SearchSpace


def run(task: Task, optimiser: str, seed: int, trials: int, in_flight: int) -> dict[str, object]:
    """Return the record of one run: the loss of what seems best, and from which trial on."""
    loss, noise = task.loss(seed), np.random.default_rng((1, seed))
    clock = np.random.default_rng((2, seed))
    seeming, bests = np.inf, []
    waiting: list[tuple[float, int, object, dict[str, object]]] = []
    cpu, now = 0.0, 0.0
    started = time.process_time()
    optimise = create(optimiser, SearchSpace.from_json(task.space), seed, trials)
    cpu += time.process_time() - started
    for number in range(trials):
        started = time.process_time()
        while len(waiting) < min(in_flight, trials - number):
            key, config = optimise.ask()
            waiting.append((now + clock.exponential(), number, key, config))
        cpu += time.process_time() - started
        ended = min(range(len(waiting)), key=lambda i: waiting[i][0])
        now, _, key, config = waiting.pop(ended)
        value = loss(config)
        told = value + task.noise * noise.normal()
        if told < seeming:
            seeming = told
            bests.append([number, float(f"{value:.8g}")])
        started = time.process_time()
        optimise.tell(key, told)
        cpu += time.process_time() - started
    return {"bests": bests, "cpu_ms": round(1000 * cpu / trials, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--optimisers", required=True, help="names, parted by commas")
    parser.add_argument(
        "--tasks", default="", help="only those whose name or family begins so, parted by commas"
    )
    parser.add_argument("--held-back", action="store_true", help="the tasks of held_back.py")
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--in-flight", type=int, default=1)
    parser.add_argument("--data", type=Path, default=os.environ.get("HPO_BENCH_DATA"), help="YAHPO's folder")
    parser.add_argument("--again", action="store_true", help="also where the file has the run")
    parser.add_argument("-o", "--output", type=Path, default=Path("runs.jsonl"))
    given = parser.parse_args()

    keys = ("task", "optimiser", "seed", "trials", "in_flight")
    done = set()
    if given.output.exists() and not given.again:
        lines = map(json.loads, given.output.read_text().splitlines())
        done = {tuple(line[k] for k in keys) for line in lines}
    wanted = tuple(filter(None, given.tasks.split(",")))
    tasks = (held_back if given.held_back else all_tasks)(Path(given.data) if given.data else None)
    for seed in range(given.seeds):
        for task in tasks:
            if wanted and not (task.name.startswith(wanted) or task.family.startswith(wanted)):
                continue
            for optimiser in given.optimisers.split(","):
                key = (task.name, optimiser, seed, given.trials, given.in_flight)
                if key in done:
                    continue
                record = dict(zip(keys, key, strict=True))
                record |= {"family": task.family, "optimum": task.optimum}
                record |= run(task, optimiser, seed, given.trials, given.in_flight)
                with given.output.open("a") as file:
                    file.write(json.dumps(record, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
