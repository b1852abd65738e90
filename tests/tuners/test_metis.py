"""Metis chooses between exploring, exploiting and measuring again."""

from __future__ import annotations

import pytest

from hpo import tuners
from hpo.space import SearchSpace
from hpo.trial import Trial
from hpo.tuners.base import Tuner

SPACE = SearchSpace.from_json(
    {"x": {"_type": "uniform", "_value": [0, 1]}, "y": {"_type": "uniform", "_value": [0, 1]}}
)


def loss(trial: Trial) -> float:
    return float((trial.parameters["x"] - 0.3) ** 2 + (trial.parameters["y"] - 0.7) ** 2)


def create(**arguments: object) -> Tuner:
    return tuners.create("Metis", SPACE, direction="minimize", seed=5, **arguments)


def run(tuner: Tuner, count: int) -> list[Trial]:
    asked = []
    for _ in range(count):
        trial = tuner.ask()
        assert trial is not None
        asked.append(trial)
        tuner.tell(trial, loss(trial))
    return asked


@pytest.mark.parametrize("no_candidates", [False, True])
def test_it_finds_a_minimum(no_candidates: bool) -> None:
    last = run(create(no_candidates=no_candidates), 30)
    assert min(map(loss, last)) < 1e-4  # of 30 at random the best is 0.01


def test_it_says_why_it_tries_what_it_tries() -> None:
    reasons = {t.memo.get("reason") for t in run(create(), 30)}
    assert {None, "exploration", "exploitation"} <= reasons
    assert {t.memo.get("reason") for t in run(create(no_candidates=True), 15)} == {None, "optimum"}
    assert {t.memo.get("reason") for t in run(create(exploration_probability=0), 15)} == {None, "optimum"}


def test_a_result_that_does_not_fit_in_is_measured_again() -> None:
    def with_an_outlier(**arguments: object) -> tuple[Trial, list[Trial]]:
        tuner = create(cold_start_num=25, exploration_probability=1, **arguments)
        run(tuner, 24)
        odd = tuner.ask()
        assert odd is not None
        tuner.tell(odd, -30.0)
        return odd, run(tuner, 1)

    odd, after = with_an_outlier(no_resampling=False)
    assert [(t.memo["reason"], t.parameters) for t in after] == [("resampling", odd.parameters)]
    _, after = with_an_outlier()
    assert after[0].parameters != odd.parameters
