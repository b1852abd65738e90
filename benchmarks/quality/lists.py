"""How well the tuners search lists: the best of 60 trials, the mean of some seeds, beside random search.

python -m benchmarks.quality.lists --seeds 4
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Callable, Mapping
from itertools import combinations, pairwise
from statistics import mean
from typing import Any

from hpo import tuners
from hpo.space import SearchSpace

TUNERS = ("Random", "QMC", "Auto", "TPE", "GP", "CMAES", "Anneal", "Evolution")
_NAMES = [f"f{i}" for i in range(12)]
_RANDOM = random.Random(5)
_WORTH = {name: _RANDOM.gauss(0, 1) for name in _NAMES}
_TOGETHER = {pair: _RANDOM.gauss(0, 0.5) for pair in combinations(_NAMES, 2) if _RANDOM.random() < 0.2}
_WAYS = {(a, b): _RANDOM.random() for a in range(8) for b in range(8)}

Task = tuple[Mapping[str, Any], Callable[[list[Any]], float]]


def features(chosen: list[str]) -> float:
    """Return the loss of some of twelve features, which are worth something alone and in pairs."""
    pairs = sum(_TOGETHER.get(pair, 0.0) for pair in combinations(chosen, 2))
    return 0.1 * len(chosen) - sum(_WORTH[name] for name in chosen) - pairs


def places(order: list[int]) -> float:
    """Return how far eight items stand from their places, in all."""
    return sum(abs(item - place) for place, item in enumerate(order))


def way(order: list[int]) -> float:
    """Return the length of a way through eight towns: what matters is who stands beside whom."""
    return sum(_WAYS[pair] for pair in pairwise(order))


TASKS: Mapping[str, Task] = {
    "features: 1 to 6 of 12": ({"_type": "subset", "_value": _NAMES, "_min": 1, "_max": 6}, features),
    "places of 8": ({"_type": "permutation", "_value": list(range(8))}, places),
    "a way through 8": ({"_type": "permutation", "_value": list(range(8))}, way),
}


def best_of(tuner: str, task: Task, seed: int, trials: int) -> float:
    """Return the least loss of so many trials."""
    space, loss = task
    searching = tuners.create(tuner, SearchSpace.from_json({"x": space}), direction="minimize", seed=seed)
    best = math.inf
    for _ in range(trials):
        trial = searching.ask()
        if trial is None:
            break
        value = loss(trial.parameters["x"])
        best = min(best, value)
        searching.tell(trial, value)
    return best


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--trials", type=int, default=60)
    given = parser.parse_args()
    print("| task |", " | ".join(TUNERS), "|")
    print("|---|" + "---|" * len(TUNERS))
    for name, task in TASKS.items():
        means = [mean(best_of(t, task, seed, given.trials) for seed in range(given.seeds)) for t in TUNERS]
        print(f"| {name} |", " | ".join(f"{value:.2f}" for value in means), "|", flush=True)


if __name__ == "__main__":
    main()
