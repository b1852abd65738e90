"""What the store recorded is told to a new tuner as it was told before, and what did not end is taken up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hpo.experiment.earlier import keep_earlier
from hpo.experiment.repetition import Outcome
from hpo.experiment.replay import replay, unfinished
from hpo.runtime.spool import Final, Intermediate
from hpo.runtime.store import Store
from hpo.space import SearchSpace
from hpo.trial import Metric, Trial, TrialState
from hpo.tuners.base import Tuner

SPACE = SearchSpace.from_json({"x": {"_type": "uniform", "_value": [0, 1]}})
CURVE = [Metric(0, 0.25), Metric(3, 0.5)]


class Pupil(Tuner):
    """Remember what it is told, and what it knew when it was."""

    def __init__(self) -> None:
        super().__init__(SPACE)
        self.heard: list[tuple[int, float | None, list[Metric], dict[str, Any] | None]] = []
        self.known: set[int] = set()

    def suggest(self, number: int) -> Trial:
        raise AssertionError("nobody asks")

    def observe(self, trial: Trial, value: float | None) -> None:
        self.heard.append((trial.number, value, list(trial.intermediate), trial.data))
        self.known = set(self.trials)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store.create(tmp_path, id="e", name="e", direction="maximize", config={}, space={}, defaults={})
    yield made
    made.close()


def end(store: Store, number: int, told: int, value: float | None, state: TrialState) -> None:
    data = None if value is None else {"default": value, "loss": 1}
    if value is not None:
        store.set_value(number, value, data)
    trial = Trial(number, {"x": number / 10}, state=state, value=value)
    store.end_trial(trial, told=told, duration=1.0, detail=None)


@pytest.fixture
def told(store: Store) -> Store:
    """Three that ended, in another order than they began; one that runs; each with a curve."""
    for number in range(4):
        store.add_trial(Trial(number, {"x": number / 10}), "baseline" if number == 0 else "tuner")
        reports = [Intermediate(m.step, m.value, None, {"default": m.value, "n": 1}, 0.0) for m in CURVE]
        store.add_metrics(number, list(enumerate(reports)))
    end(store, 2, 0, 0.75, TrialState.SUCCEEDED)
    end(store, 0, 1, 0.5, TrialState.SUCCEEDED)
    end(store, 1, 2, None, TrialState.EARLY_STOPPED)
    return store


def test_it_is_told_in_the_order_of_the_first_time_and_knows_them_all_before(told: Store) -> None:
    tuner = Pupil()
    yielded = [(trial.number, origin) for trial, origin in replay(told, tuner, curves=False)]
    assert yielded == [(2, "tuner"), (0, "baseline"), (1, "tuner")]
    assert [(number, value) for number, value, _, _ in tuner.heard] == [(2, 0.75), (0, 0.5), (1, None)]
    assert tuner.known == {0, 1, 2, 3}
    assert [trial.number for trial in tuner.running] == [3]


def test_each_is_yielded_just_before_it_is_told(told: Store) -> None:
    tuner = Pupil()
    for place, _ in enumerate(replay(told, tuner, curves=False)):
        assert len(tuner.heard) == place
    assert len(tuner.heard) == 3


def test_where_nobody_asks_for_curves_those_that_were_stopped_have_theirs(told: Store) -> None:
    tuner = Pupil()
    list(replay(told, tuner, curves=False))
    assert {number: curve for number, _, curve, _ in tuner.heard} == {2: [], 0: [], 1: CURVE}
    assert [data for *_, data in tuner.heard] == [None, None, None]


def test_where_somebody_does_each_has_its_own_with_all_that_was_reported(told: Store) -> None:
    tuner = Pupil()
    list(replay(told, tuner, curves=True))
    assert [curve for _, _, curve, _ in tuner.heard] == [CURVE] * 3
    assert tuner.trials[1].intermediate[0].data == {"default": 0.25, "n": 1}
    assert [data for *_, data in tuner.heard] == [
        {"default": 0.75, "loss": 1}, {"default": 0.5, "loss": 1}, None,
    ]  # fmt: skip


def test_where_somebody_does_those_that_did_not_end_have_theirs_too(told: Store) -> None:
    tuner = Pupil()
    list(replay(told, tuner, curves=True))
    (run,) = unfinished(told, tuner)
    assert run.trial.intermediate == CURVE
    assert run.sequence == len(CURVE)  # what it reports from now on comes after


def test_the_whole_of_results_can_be_asked_for_without_curves(told: Store) -> None:
    tuner = Pupil()
    list(replay(told, tuner, curves=False, data=True))
    assert tuner.heard[0][2:] == ([], {"default": 0.75, "loss": 1})
    assert tuner.trials[3].data is None


def test_results_of_an_earlier_experiment_are_told_first_and_are_no_trials_of_this_one(told: Store) -> None:
    keep_earlier(told.directory, [({"x": 0.75}, 0.125), ({"x": 7}, 0.25), ({"x": 0.5}, 0.5)])
    tuner = Pupil()
    yielded = [trial.number for trial, _ in replay(told, tuner, curves=False)]
    assert yielded == [2, 0, 1]
    assert [number for number, *_ in tuner.heard] == [-1, -3, 2, 0, 1]  # one lies outside the space
    assert tuner.next_number == 4


def test_those_that_did_not_end_are_taken_up_with_what_is_stored_of_them(told: Store) -> None:
    for number, origin in (4, "user"), (5, "tuner"), (6, "tuner"):
        told.add_trial(Trial(number, {"x": number / 10}), origin)
    told.requeue_trial(4, failed=True)
    told.add_repetition(5, 0, 0.5, {"default": 0.5}, 2.0)
    told.next_repetition(5, 1)
    told.set_value(6, 0.875, {"default": 0.875})
    told.set_spool(6, 99)
    tuner = Pupil()
    list(replay(told, tuner, curves=False))
    runs = {run.trial.number: run for run in unfinished(told, tuner, ("default",))}
    assert list(runs) == [3, 4, 5, 6]
    assert all(runs[number].trial is tuner.trials[number] for number in runs)
    assert {run.parts for run in runs.values()} == {("default",)}
    assert (runs[3].sequence, runs[3].attempt, runs[3].retries, runs[3].final) == (2, 1, 0, None)
    assert (runs[4].attempt, runs[4].retries, runs[4].origin) == (2, 1, "user")
    assert (runs[5].repeat, runs[5].directory.name) == (1, "5.1")
    assert runs[5].earlier == [Outcome(0.5, {"default": 0.5}, 2.0)]
    assert (runs[6].offset, runs[6].final) == (99, Final(0.875, {"default": 0.875}, 0.0))
    assert (runs[6].repeat, runs[6].directory.name, runs[6].earlier) == (0, "6", [])
