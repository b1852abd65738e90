"""BOHB fills Hyperband's brackets with what its model takes for good."""

from __future__ import annotations

import numpy as np
import pytest

from hpo import tuners
from hpo.errors import TunerError
from hpo.space import SearchSpace
from hpo.tuners.base import Tuner
from hpo.tuners.kernel_density import KernelDensity
from hpo.tuners.points import Cube

SPACE = SearchSpace.from_json(
    {
        "x": {"_type": "uniform", "_value": [0, 1]},
        "kind": {"_type": "choice", "_value": ["a", "b", "c"]},
        "y": {"_type": "uniform", "_value": [0, 1], "_when": {"kind": ["a", "b"]}},
    }
)


def run(tuner: Tuner, count: int) -> None:
    for _ in range(count):
        trial = tuner.ask()
        assert trial is not None
        values = trial.parameters
        loss = (values["x"] - 0.3) ** 2 + {"a": 0.0, "b": 0.1, "c": 0.5}[values["kind"]]
        # Few passes mislead a little.
        tuner.tell(trial, loss + 0.01 / trial.memo["budget"])


def test_its_brackets_are_hyperbands() -> None:
    tuner = tuners.create("BOHB", SPACE, min_budget=3, max_budget=27)
    run(tuner, 9 + 3 + 1)
    memos = [trial.memo for trial in tuner.trials.values()]
    assert [m["budget"] for m in memos] == [3] * 9 + [9] * 3 + [27]
    assert memos[12]["continues"] in (9, 10, 11)


def test_its_new_configurations_come_to_be_good_ones() -> None:
    tuner = tuners.create("BOHB", SPACE, direction="minimize", max_budget=9, seed=2)
    run(tuner, 150)
    fresh = [t.parameters for t in tuner.trials.values() if t.memo["rung"] == 0 and t.number >= 75]
    near = sum(abs(p["x"] - 0.3) < 0.15 and p["kind"] == "a" for p in fresh)
    assert near / len(fresh) > 0.4  # at random it would be a tenth
    assert tuner.explain()["model"] == "kernel density, in brackets"


def test_the_model_is_of_the_results_with_most_passes() -> None:
    tuner = tuners.create("BOHB", SPACE, max_budget=9, min_points_in_model=1)
    run(tuner, 9)
    assert tuner.explain()["results"] == 9
    run(tuner, 3)
    assert tuner.explain()["results"] == 3


def test_the_density_is_one_over_the_whole_space() -> None:
    cube, generator = Cube(SPACE), np.random.default_rng(0)
    observed = np.array([[0.1, 1 / 6, 0.9], [0.5, 0.5, 0.2], [0.95, 5 / 6, np.nan]])
    density = KernelDensity(cube, observed, 0.05)
    rows = generator.random((40_000, 3))
    assert np.exp(density.log_density(rows, cube.active(rows))).mean() == pytest.approx(1.0, abs=0.03)


def test_draws_follow_the_density() -> None:
    cube, generator = Cube(SPACE), np.random.default_rng(0)
    density = KernelDensity(cube, np.array([[0.2, 1 / 6, 0.5], [0.3, 1 / 6, 0.6]]), 0.001)
    rows = density.sample(generator, 4000, factor=1.0)
    assert rows[:, 0].mean() == pytest.approx(0.25, abs=0.01)
    assert (rows[:, 1] < 1 / 3).mean() > 0.6
    assert density.sample(generator, 4000, factor=3.0)[:, 0].std() > 1.4 * rows[:, 0].std()


def test_a_largest_budget_under_the_smallest_is_refused() -> None:
    with pytest.raises(TunerError, match="max_budget is 2, and min_budget 5"):
        tuners.create("BOHB", SPACE, min_budget=5, max_budget=2)
