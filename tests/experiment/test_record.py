"""An experiment as it stands in the store: what is best, and what can be compared."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Any

import pytest
from records import MIXED, UNIFORM, new_store, record, trial

from hpo.experiment.record import Record, fence
from hpo.objectives import Objectives
from hpo.runtime.spool import Intermediate
from hpo.trial import Metric, Trial, TrialState

SPACE = {"x": UNIFORM}


def of(*values: float | None, **others: Any) -> Any:
    return record([trial(i, {"x": i / 10}, value) for i, value in enumerate(values)], SPACE, **others)


@pytest.mark.parametrize(("direction", "best"), [("maximize", 1), ("minimize", 3)])
def test_the_best_of_equals_is_the_earliest(direction: str, best: int) -> None:
    found = of(None, 5.0, 5.0, 1.0, 1.0, direction=direction)
    assert found.best.number == best
    assert found.front == [found.best]


def test_where_nothing_succeeded_nothing_is_the_best() -> None:
    assert of(None).best is None
    assert of(None).front == []


def test_no_result_is_the_worst_in_both_directions() -> None:
    assert [of(direction="minimize").loss(each) for each in (2.0, None)] == [2.0, inf]
    assert [of(direction="maximize").loss(each) for each in (2.0, None)] == [-2.0, inf]


def test_only_a_trial_that_succeeded_with_a_result_counts() -> None:
    stopped = trial(0, {"x": 0.5}, 9.0, state=TrialState.EARLY_STOPPED)
    empty = trial(1, {"x": 0.5}, None, state=TrialState.SUCCEEDED)
    assert record([stopped, empty], SPACE).succeeded == []


def test_a_result_that_misses_a_constraint_is_not_the_best() -> None:
    found = of(0.0, 3.0, 9.0, objectives=Objectives([], ["default<=5"]))
    assert [each.number for each in found.feasible] == [0, 1]
    assert found.best.number == 1
    assert [each.number for each in of(0.0, objectives=Objectives([], ["default<=0.5"])).feasible] == [0]


def test_of_several_objectives_the_best_is_of_those_that_none_dominates() -> None:
    wanted = Objectives(["acc:max", "cost:min"])
    results = [(0.9, 9.0), (0.8, 2.0), (0.5, 1.0), (0.7, 8.0), (0.0, 0.9)]
    trials = [
        trial(i, {"x": 0.5}, acc, data={"acc": acc, "cost": cost}) for i, (acc, cost) in enumerate(results)
    ]
    found = record(trials, SPACE, objectives=wanted)
    assert [each.number for each in found.front] == [0, 1, 2, 4]
    assert found.best is not None
    assert found.best.number == 1


def test_trials_of_one_budget_are_compared() -> None:
    budgets = [1] * 5 + [3] * 4 + [9] * 3
    trials = [trial(i, {"x": 0.1}, 1.0, memo={"budget": budget}) for i, budget in enumerate(budgets)]
    found = record([*trials, trial(12, {"x": 0.1}, 1.0)], SPACE)
    assert found.budget == 3
    assert [each.number for each in found.comparable] == [5, 6, 7, 8]
    assert record([*trials[:3], *trials[-3:]], SPACE).budget == 9  # none had enough, and as many had each
    assert record([*trials[:3], *trials[-2:]], SPACE).budget == 1


def test_without_budgets_all_that_succeeded_are() -> None:
    found = of(1.0, None, 2.0)
    assert found.budget is None
    assert [each.number for each in found.comparable] == [0, 2]


def test_values_of_parameters_that_the_space_had_earlier_have_names_as_well() -> None:
    found = record([trial(0, {"old": 1, "width": 0.5, "lr": 0.1}, 1.0)], MIXED)
    assert list(found.names) == [*MIXED, "old"]


def test_the_baseline_is_the_trial_of_the_sources_own_values() -> None:
    assert of(1.0).baseline is None
    own = trial(1, {"x": 0.5}, 0.0, origin="baseline")
    assert record([trial(0, {"x": 0.1}, 1.0), own], SPACE).baseline == own


def test_it_is_what_the_store_holds(tmp_path: Path) -> None:
    directory = tmp_path / "bcdfghjk"
    store = new_store(directory, SPACE, defaults={"x": 0.25}, objectives=["acc:max", "cost:min"])
    with store.transaction():
        for number in range(3):
            store.add_trial(Trial(number, {"x": 0.5}), "tuner")
            store.add_metrics(number, [(0, Intermediate(1, 0.5, None, None, 0.0))])
    store.set_status("done")
    store.close()
    found = Record.read(directory)
    assert (found.id, found.name, found.status, found.direction) == ("bcdfghjk", "digits", "done", "minimize")
    assert (found.space.to_json(), found.space.defaults) == (SPACE, {"x": 0.25})
    assert [each.number for each in found.trials] == [0, 1, 2]
    assert found.intermediate == {number: [Metric(1, 0.5)] for number in range(3)}
    assert len(Record.read(directory, curves=1).intermediate) == 1
    assert found.objectives.names == ("acc", "cost")


def test_a_record_is_itself() -> None:
    one, other = of(1.0), of(1.0)
    assert one != other
    assert len({one, other}) == 2


def test_a_fence_is_as_far_from_the_best_as_most_others_several_times() -> None:
    assert fence([], 2) == inf
    assert fence([5.0, 3.0], 2) == inf  # the worst but a tenth of two is the best
    assert fence([float(each) for each in range(11)], 2) == 18
    assert fence([0.0, 0.5, *[0.5] * 9], 2) == 1.0
