"""How much of the front the tuners find in 50 and 100 trials, beside random search and Optuna.

    python -m benchmarks.quality.front --seeds 5

What is shown is the part of the hypervolume that is missing, in per cent: 0 is the whole front. Peers are
measured where Optuna is installed.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from statistics import mean
from typing import Any

from hpo import tuners
from hpo.objectives import Objectives, hypervolume
from hpo.space import SearchSpace

TUNERS = ("Random", "NSGA2", "TPE", "Auto")
PEERS = ("NSGAIISampler", "TPESampler")
_COUNTS = (50, 100)

Point = tuple[float, ...]


@dataclass(frozen=True)
class Task:
    """A problem whose front is known; every variable is from 0 to 1, and every objective minimised."""

    variables: int
    losses: Callable[[Sequence[float]], Point]
    reference: Point
    whole: float


def _zdt(shape: Callable[[float, float], float]) -> Callable[[Sequence[float]], Point]:
    def losses(x: Sequence[float]) -> Point:
        g = 1 + 9 * sum(x[1:]) / (len(x) - 1)
        return x[0], g * shape(x[0], g)

    return losses


def _dtlz2(x: Sequence[float]) -> Point:
    g = sum((each - 0.5) ** 2 for each in x[2:])
    a, b = (each * math.pi / 2 for each in x[:2])
    return tuple((1 + g) * f for f in (math.cos(a) * math.cos(b), math.cos(a) * math.sin(b), math.sin(a)))


def _third(f: float, g: float) -> float:
    return 1 - math.sqrt(f / g) - f / g * math.sin(10 * math.pi * f)


def _whole_third() -> float:
    points = [(k / 20000, _third(k / 20000, 1.0)) for k in range(20001)]
    return hypervolume(points, (1.1, 10.0))


TASKS = {
    "ZDT1": Task(6, _zdt(lambda f, g: 1 - math.sqrt(f / g)), (1.1, 10.0), 11 - 1 / 3),
    "ZDT2": Task(6, _zdt(lambda f, g: 1 - (f / g) ** 2), (1.1, 10.0), 11 - 2 / 3),
    "ZDT3": Task(6, _zdt(_third), (1.1, 10.0), _whole_third()),
    "DTLZ2": Task(7, _dtlz2, (2.5,) * 3, 2.5**3 - math.pi / 6),
}


def ours(name: str, task: Task, seed: int) -> Iterator[Point]:
    """Yield the results of one of our tuners."""
    count = len(task.reference)
    wanted = Objectives([f"f{i}:min" for i in range(count)])
    space = {f"x{i}": {"_type": "uniform", "_value": [0, 1]} for i in range(task.variables)}
    tuner = tuners.create(name, SearchSpace.from_json(space), seed=seed, objectives=wanted)
    while (trial := tuner.ask()) is not None:
        point = task.losses([trial.parameters[f"x{i}"] for i in range(task.variables)])
        trial.data = {f"f{i}": x for i, x in enumerate(point)}
        yield point
        tuner.tell(trial, point[0])


def peers(name: str, task: Task, seed: int) -> Iterator[Point]:
    """Yield the results of one of Optuna's samplers."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    given: dict[str, Any] = {"seed": seed} | ({"population_size": 24} if name.startswith("NSGA") else {})
    sampler = getattr(optuna.samplers, name)(**given)
    study = optuna.create_study(directions=["minimize"] * len(task.reference), sampler=sampler)
    while True:
        trial = study.ask()
        point = task.losses([trial.suggest_float(f"x{i}", 0, 1) for i in range(task.variables)])
        yield point
        study.tell(trial, list(point))


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", nargs="*", metavar="NAME", help="of the searches, these")
    chosen = parser.parse_args()
    seeds = range(chosen.seeds)
    searches = [(name, ours) for name in TUNERS if name != "NSGA2" or find_spec("deap")]
    searches += [(name, peers) for name in PEERS if find_spec("optuna")]
    searches = [(name, search) for name, search in searches if not chosen.only or name in chosen.only]
    heads = [f"{name}, {count}" for name in TASKS for count in _COUNTS]
    print("| |", " | ".join(heads), "|")
    print("|---|" + "---|" * len(heads))
    for name, search in searches:
        cells = []
        for task in TASKS.values():
            runs = []
            for seed in seeds:
                results = search(name, task, seed)
                runs.append([next(results) for _ in range(max(_COUNTS))])
            for count in _COUNTS:
                volumes = [hypervolume(run[:count], task.reference) for run in runs]
                cells.append(f"{100 * (1 - mean(volumes) / task.whole):.1f}")
        print(f"| {name} |", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
