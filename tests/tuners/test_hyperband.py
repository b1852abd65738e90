"""Hyperband is the paper's algorithm, and a promoted trial is one that goes on."""

from __future__ import annotations

from collections import Counter

import pytest

from hpo import tuners
from hpo.errors import TunerError
from hpo.space import SearchSpace
from hpo.trial import TrialState
from hpo.tuners.base import Tuner
from hpo.tuners.brackets import Schedule

SPACE = SearchSpace.from_json({"x": {"_type": "uniform", "_value": [0, 1]}})


def create(**arguments: object) -> Tuner:
    return tuners.create("Hyperband", SPACE, seed=1, direction="minimize", **arguments)


def run(tuner: Tuner, count: int) -> None:
    """Run trials one by one; the result is the configuration's x."""
    for _ in range(count):
        trial = tuner.ask()
        assert trial is not None
        tuner.tell(trial, trial.parameters["x"])


def test_the_brackets_are_those_of_the_papers_table() -> None:
    schedule = Schedule(1, 81, 3)
    table = [
        list(zip(schedule.sizes(b), (schedule.budget(b, i) for i in range(5 - b)), strict=True))
        for b in range(5)
    ]
    assert table == [
        [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
        [(34, 3), (11, 9), (3, 27), (1, 81)],
        [(15, 9), (5, 27), (1, 81)],
        [(8, 27), (2, 81)],
        [(5, 81)],
    ]


def test_the_best_third_of_a_rung_goes_on() -> None:
    tuner = create(R=9)
    run(tuner, 13)
    first = sorted(range(9), key=lambda n: tuner.trials[n].parameters["x"])
    promoted = [tuner.trials[n] for n in range(9, 13)]
    assert [t.memo["continues"] for t in promoted] == [*first[:3], 9]
    assert [t.memo["budget"] for t in promoted] == [3, 3, 3, 9]
    assert promoted[3].parameters == tuner.trials[first[0]].parameters


def test_it_tells_of_every_trial_so_far() -> None:
    tuner = create(R=9)
    run(tuner, 13)
    rungs = {"1 pass": 9, "3 passes": 3, "9 passes": 1}
    assert tuner.explain() == {"model": "successive halving", "bracket": 0, "trials of this bracket": rungs}


def test_the_brackets_come_round_again() -> None:
    tuner = create(R=9)
    run(tuner, 13 + 7 + 3 + 9)
    counts = Counter((t.memo["bracket"], t.memo["rung"], t.memo["budget"]) for t in tuner.trials.values())
    assert counts == {
        (0, 0, 1): 9,
        (0, 1, 3): 3,
        (0, 2, 9): 1,
        (1, 0, 3): 5,
        (1, 1, 9): 1,
        (2, 0, 9): 3,
        (3, 0, 1): 9,
        (3, 1, 3): 1,
    }


@pytest.mark.parametrize(("mode", "proposed"), [("parallelism", 1), ("serial", None)])
def test_while_a_rung_is_not_complete_the_next_bracket_begins_or_waits(
    mode: str, proposed: int | None
) -> None:
    tuner = create(R=9, exec_mode=mode)
    run(tuner, 8)
    last = tuner.ask()
    following = tuner.ask()
    assert last is not None
    assert (None if following is None else following.memo["bracket"]) == proposed
    tuner.tell(last, 2.0)
    after = tuner.ask()
    assert after is not None
    assert after.memo["rung"] == 1


def test_failed_trials_are_not_promoted_and_a_rung_of_failures_ends_its_bracket() -> None:
    tuner = create(R=9)
    for number in range(9):
        trial = tuner.ask()
        assert trial is not None
        trial.state = TrialState.FAILED if number else TrialState.RUNNING
        tuner.tell(trial, None if number else 1.0)
    only = tuner.ask()
    assert only is not None
    assert only.memo["continues"] == 0
    tuner.tell(only, None)
    new = tuner.ask()
    assert new is not None
    assert (new.memo["bracket"], new.memo["rung"]) == (1, 0)


def test_arguments_are_nnis_and_checked() -> None:
    with pytest.raises(TunerError, match="Hyperband: eta is 1"):
        create(eta=1)
    with pytest.raises(TunerError, match="Hyperband: exec_mode is 'both'"):
        create(exec_mode="both")
