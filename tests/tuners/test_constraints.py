"""Constraints: proposals are searched among what passes them, and not led there afterwards."""

from __future__ import annotations

import math
import random
import statistics

import numpy as np
import pytest

from hpo import tuners
from hpo.space import SearchSpace
from hpo.tuners.points import Cube

SPACE = SearchSpace.from_json(
    {
        **{f"x{i}": {"_type": "uniform", "_value": [-5, 5]} for i in range(5)},
        "_constraints": ["x0 + x1 + x2 <= 1", "x3 * x4 >= 2"],
    }
)
LEAST = 3 * (1.2 - 1 / 3) ** 2 + 2 * (math.sqrt(2) - 1.2) ** 2  # where both constraints hold with equality


def found(name: str, seed: int) -> float:
    tuner = tuners.create(name, SPACE, direction="minimize", seed=seed)
    best = math.inf
    for _ in range(50):
        trial = tuner.ask()
        value = sum((x - 1.2) ** 2 for x in trial.parameters.values())
        tuner.tell(trial, value)
        best = min(best, value)
    return best


@pytest.mark.parametrize(("name", "near"), [("Auto", 0.2), ("GP", 0.2), ("Metis", 0.2), ("TPE", 1.5)])
def test_an_optimum_on_the_edge_of_two_constraints_is_found(name: str, near: float) -> None:
    assert statistics.median(found(name, seed) for seed in range(3)) < LEAST + near


def test_a_point_that_is_mended_is_where_its_configuration_is() -> None:
    cube, rng = Cube(SPACE), np.random.default_rng(0)
    rows = rng.random((50, len(cube)))
    for row, before in zip(cube.mended(rows), rows, strict=True):
        configuration = cube.configuration(row)
        assert SPACE.is_feasible(configuration)
        assert configuration == pytest.approx(cube.configuration(before))
        assert SPACE.is_feasible_at(before.tolist()) == (row == before).all()


def test_those_that_pass_come_first_and_keep_their_order() -> None:
    cube, rng = Cube(SPACE), random.Random(0)
    rows = np.array([[rng.random() for _ in range(5)] for _ in range(60)])
    order = cube.feasible_first(rows, 4).tolist()
    passing = [i for i in range(40) if SPACE.is_feasible_at(rows[i].tolist())][:4]
    assert order[: len(passing)] == passing
    assert order[len(passing) :] == [i for i in range(60) if i not in passing]
