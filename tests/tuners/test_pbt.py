"""PBT lets the worst of a generation go on from the best."""

from __future__ import annotations

import pytest

from hpo import tuners
from hpo.space import SearchSpace
from hpo.trial import Trial, TrialState
from hpo.tuners.base import Tuner

SPACE = SearchSpace.from_json(
    {
        "rate": {"_type": "loguniform", "_value": [1e-4, 1]},
        "size": {"_type": "choice", "_value": [16, 32, 64, 128]},
        "depth": {"_type": "randint", "_value": [1, 100]},
    }
)


def create(**arguments: object) -> Tuner:
    return tuners.create("PBT", SPACE, seed=1, **{"population_size": 10, "fraction": 0.2, **arguments})


def generation(tuner: Tuner, failed: tuple[int, ...] = ()) -> list[Trial]:
    """Run a generation in which later numbers are better."""
    asked = []
    while (trial := tuner.ask()) is not None:
        asked.append(trial)
    for trial in asked:
        is_failed = trial.number in failed
        trial.state = TrialState.FAILED if is_failed else TrialState.RUNNING
        tuner.tell(trial, None if is_failed else float(trial.number))
    return asked


def test_the_best_go_on_as_they_are_and_the_worst_from_checkpoints_of_the_best() -> None:
    tuner = create(passes=3)
    first, second = generation(tuner), generation(tuner)
    assert [len(first), len(second)] == [10, 10]
    assert [t.memo["continues"] for t in second[:8]] == [9, 8, 7, 6, 5, 4, 3, 2]
    assert all(t.parameters == tuner.trials[t.memo["continues"]].parameters for t in second[:8])
    assert all(t.memo["continues"] in (9, 8) for t in second[8:])
    assert {t.memo["budget"] for t in first} == {3}
    assert {t.memo["budget"] for t in second} == {6}


def test_the_next_generation_waits_for_the_last_of_this_one() -> None:
    tuner = create()
    asked = [tuner.ask() for _ in range(10)]
    assert tuner.ask() is None
    for trial in asked[1:]:
        assert trial is not None
        tuner.tell(trial, 1.0)
    assert tuner.ask() is None
    assert not tuner.done
    assert asked[0] is not None
    tuner.tell(asked[0], 1.0)
    following = tuner.ask()
    assert following is not None
    assert following.memo["generation"] == 1


def test_numbers_are_perturbed_by_the_factor_and_choices_to_a_neighbour() -> None:
    tuner = create(resample_probability=0, factor=0.5)
    generation(tuner)
    for trial in generation(tuner)[8:]:
        winner, values = tuner.trials[trial.memo["continues"]].parameters, trial.parameters
        factor = values["rate"] / winner["rate"]
        assert factor in (pytest.approx(0.5), pytest.approx(1.5)) or values["rate"] in (1e-4, 1.0)
        sizes = SPACE["size"].values() or ()
        assert abs(sizes.index(values["size"]) - sizes.index(winner["size"])) <= 1
        step = max(winner["depth"] * 0.5, 1)
        assert abs(abs(values["depth"] - winner["depth"]) - step) <= 0.5 or values["depth"] in (1, 99)


def test_one_that_failed_is_replaced_though_it_is_not_among_the_last() -> None:
    tuner = create()
    generation(tuner, failed=(9, 4, 5))
    second = generation(tuner)
    assert [t.memo["continues"] for t in second[:7]] == [8, 7, 6, 3, 2, 1, 0]
    assert all(t.memo["continues"] in (8, 7) for t in second[7:])


def test_a_generation_of_failures_is_followed_by_new_members() -> None:
    tuner = create()
    generation(tuner, failed=tuple(range(10)))
    second = generation(tuner)
    assert all("continues" not in t.memo for t in second)
    assert {t.memo["budget"] for t in second} == {2}


def test_scripts_of_nni_are_told_where_to_load_from_and_save_to() -> None:
    assert generation(create())[3].memo["checkpoints"] == ["checkpoint", "checkpoint"]
    tuner = create(all_checkpoint_dir="/scratch/all")
    assert generation(tuner)[3].memo["checkpoints"] == ["/scratch/all/none", "/scratch/all/3"]
    assert generation(tuner)[0].memo["checkpoints"] == ["/scratch/all/9", "/scratch/all/10"]


def test_it_tells_of_every_member_so_far() -> None:
    tuner = create()
    for _ in range(3):
        tuner.ask()
    assert tuner.explain() == {"model": "population", "generation": 0, "members": 3}
