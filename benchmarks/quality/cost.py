"""Measure the CPU time of a suggestion by the number of trials told before: ten parameters of mixed kinds.

    python cost.py --optimisers hpo-Auto,hpo-TPE,optuna-tpe,optuna-gp --told 100,1000

Numerical libraries get one thread. Of several suggestions, each told before the next, the mean is printed
and the most.
"""

from __future__ import annotations

import argparse
import os
import random
import time
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

from peers import Optuna, Ours, create

from hpo.space import SearchSpace
from hpo.trial import Trial

SPACE = SearchSpace.from_json(
    {
        **{f"u{i}": {"_type": "uniform", "_value": [0, 1]} for i in range(4)},
        **{f"l{i}": {"_type": "loguniform", "_value": [1e-5, 1]} for i in range(2)},
        **{f"n{i}": {"_type": "randint", "_value": [1, 51]} for i in range(2)},
        **{f"c{i}": {"_type": "choice", "_value": ["a", "b", "c", "d"]} for i in range(2)},
    }
)


def loss(c: dict[str, Any]) -> float:
    """Return a bowl with a step for each option, and the noise of training."""
    bowl = sum((c[f"u{i}"] - 0.3) ** 2 for i in range(4)) + sum(
        (c[f"n{i}"] / 50 - 0.5) ** 2 for i in range(2)
    )
    steps = sum(0.1 * "abcd".index(c[f"c{i}"]) for i in range(2))
    return bowl + steps + abs(c["l0"] - 1e-3) ** 0.5 + random.Random(str(c)).gauss(0, 0.01)


def teach(optimiser: Any, count: int) -> None:
    """Tell the results of random configurations."""
    rng = random.Random(0)
    for number in range(count):
        config = SPACE.sample(rng)
        if isinstance(optimiser, Ours):
            optimiser.tuner.tell(Trial(number, config), loss(config))
        else:
            import optuna

            fixed = optuna.trial.FixedTrial(config)
            for name in SPACE.order:
                Optuna._suggest(fixed, name, SPACE[name])
            trial = optuna.trial.create_trial(
                params=config, distributions=fixed.distributions, value=loss(config)
            )
            optimiser.study.add_trial(trial)


def cost(name: str, told: int, suggestions: int) -> list[float]:
    """Return the milliseconds of CPU of each suggestion and its telling; a first one is not counted."""
    optimiser = create(name, SPACE, 0, told + suggestions + 1)
    teach(optimiser, told)
    times = []
    for _ in range(suggestions + 1):
        started = time.process_time()
        key, config = optimiser.ask()
        asked = time.process_time() - started
        value = loss(config)
        started = time.process_time()
        optimiser.tell(key, value)
        times.append(1000 * (asked + time.process_time() - started))
    return times[1:]


def main() -> None:
    """Print a table: a row for each optimiser, a column for each number of trials."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--optimisers", default="hpo-Auto,hpo-TPE,optuna-tpe,optuna-gp")
    parser.add_argument("--told", default="100,1000,10000")
    parser.add_argument("--suggestions", type=int, default=20)
    parser.add_argument("--gp-until", type=int, default=1000, help="ask optuna-gp after no more trials")
    given = parser.parse_args()
    columns = [int(n) for n in given.told.split(",")]
    print("| CPU ms, mean (most) | " + " | ".join(f"{n:,} told" for n in columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for name in given.optimisers.split(","):
        cells = []
        for n in columns:
            if name == "optuna-gp" and n > given.gp_until:
                cells.append("-")
                continue
            times = cost(name, n, given.suggestions if name != "optuna-gp" else 3)
            cells.append(f"{sum(times) / len(times):.1f} ({max(times):.0f})")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
