"""Importances beside functions whose variance is known, of hpo and, where it is installed, of Optuna.

The error is the largest difference between a parameter's share by fANOVA and the true one.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from measure import print_table
from numpy.typing import NDArray

from hpo.importance.evidence import Evidence
from hpo.importance.fanova import fanova
from hpo.importance.ped_anova import ped_anova
from hpo.space import SearchSpace
from hpo.tuners.points import Cube

Points = NDArray[np.float64]
Shares = Mapping[str, float]

_G = np.array([0, 1, 4.5, 9, 99, 99, 99, 99, 99, 99])


def linear(x: Points) -> Points:
    return np.asarray(3 * x[:, 0] + 2 * x[:, 1] + x[:, 2])


def noisy(x: Points) -> Points:
    return linear(x) + np.random.default_rng(1).normal(0, 0.6, len(x))


def ishigami(x: Points) -> Points:
    u = np.pi * (2 * x - 1)
    return np.asarray(np.sin(u[:, 0]) + 7 * np.sin(u[:, 1]) ** 2 + 0.1 * u[:, 2] ** 4 * np.sin(u[:, 0]))


def sobol_g(x: Points) -> Points:
    return np.asarray(np.prod((np.abs(4 * x - 2) + _G) / (1 + _G), axis=1))


def _g_shares() -> list[float]:
    parts = 1 / (3 * (1 + _G) ** 2)
    return list(parts / (np.prod(1 + parts) - 1))


FUNCTIONS: Mapping[str, tuple[Callable[[Points], Points], Sequence[float]]] = {
    "3a + 2b + c, 10 parameters": (linear, [9 / 14, 4 / 14, 1 / 14, 0, 0, 0, 0, 0, 0, 0]),
    "the same with noise of 0.6": (noisy, [9 / 14, 4 / 14, 1 / 14, 0, 0, 0, 0, 0, 0, 0]),
    "Ishigami's, 3 parameters": (ishigami, [0.3139, 0.4424, 0.0]),
    "Sobol's g, 10 parameters": (sobol_g, _g_shares()),
}


def of_hpo(x: Points, y: Points) -> tuple[Callable[[], Shares], Callable[[], Shares]]:
    """Return both measures of hpo, to be called."""
    names = [f"x{i}" for i in range(x.shape[1])]
    space = SearchSpace.from_json({name: {"_type": "uniform", "_value": [0, 1]} for name in names})
    evidence = Evidence(Cube(space), x, y)
    return lambda: fanova(evidence), lambda: ped_anova(evidence)


def of_optuna(x: Points, y: Points) -> tuple[Callable[[], Shares], Callable[[], Shares]]:
    """Return both measures of Optuna, to be called."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    names = [f"x{i}" for i in range(x.shape[1])]
    domains = {name: optuna.distributions.FloatDistribution(0, 1) for name in names}
    study = optuna.create_study()
    for row, value in zip(x.tolist(), y.tolist(), strict=True):
        parameters = dict(zip(names, row, strict=True))
        study.add_trial(optuna.trial.create_trial(params=parameters, distributions=domains, value=value))
    judge: Any = optuna.importance.get_param_importances
    variance = optuna.importance.FanovaImportanceEvaluator(seed=0)
    best = optuna.importance.PedAnovaImportanceEvaluator()
    return lambda: judge(study, evaluator=variance, normalize=False), lambda: judge(study, evaluator=best)


def timed(measure: Callable[[], Shares], rounds: int) -> tuple[float, Shares]:
    """Return the median of the seconds that a measure takes, and what it says."""
    taken = []
    for _ in range(rounds):
        begin = time.perf_counter()
        shares = measure()
        taken.append(time.perf_counter() - begin)
    return float(np.median(taken)), shares


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    judges = {"hpo": of_hpo}
    try:
        import optuna
    except ImportError:
        pass
    else:
        judges[f"Optuna {optuna.__version__}"] = of_optuna
    rows = []
    for function, (result, truth) in FUNCTIONS.items():
        x = np.random.default_rng(0).random((options.trials, len(truth)))
        y = result(x)
        for who, measures in judges.items():
            variance, best = measures(x, y)
            seconds, shares = timed(variance, options.rounds)
            error = max(abs(shares[f"x{i}"] - share) for i, share in enumerate(truth))
            ped_seconds, _ = timed(best, options.rounds)
            rows.append([function, who, f"{error:.3f}", f"{seconds:.2f}", f"{ped_seconds:.3f}"])
    print_table(["function", "", "fANOVA's error", "fANOVA s", "PED-ANOVA s"], rows)


if __name__ == "__main__":
    main()
