"""ASHA lets the best third of those that reached a rung pass."""

from __future__ import annotations

import pytest

from hpo import tuners
from hpo.errors import TunerError
from hpo.trial import Metric, Trial, TrialState
from hpo.tuners.assessor import Assessor


def trial(number: int, curve: list[float], state: TrialState = TrialState.SUCCEEDED) -> Trial:
    made = Trial(number, {}, state=state)
    made.intermediate = [Metric(step, value) for step, value in enumerate(curve)]
    return made


def running(curve: list[float]) -> Trial:
    return trial(99, curve, TrialState.RUNNING)


def asha(**arguments: object) -> Assessor:
    return tuners.create_assessor("ASHA", optimize_mode="minimize", **arguments)


PEERS = [trial(n, [n, n, n / 10, n / 10]) for n in range(1, 6)]


def test_the_best_third_at_the_first_rung_passes() -> None:
    assert not asha().should_stop(running([0.5]), PEERS)
    assert not asha().should_stop(running([1.5]), PEERS)  # the second of six
    assert asha().should_stop(running([2.5]), PEERS)


def test_the_highest_rung_that_is_reached_counts() -> None:
    assert asha().should_stop(running([2.5, 0.0]), PEERS)  # the second report is no rung
    assert not asha().should_stop(running([2.5, 2.5, 0.15]), PEERS)
    assert asha().should_stop(running([0.5, 0.5, 0.25]), PEERS)


def test_rungs_are_as_far_apart_as_eta_says_and_begin_where_min_budget_does() -> None:
    patient = asha(min_budget=4, eta=2)
    assert not patient.should_stop(running([9.0, 9.0, 9.0]), PEERS)
    assert patient.should_stop(running([9.0, 9.0, 9.0, 9.0]), PEERS)
    halving = asha(eta=2)
    assert not halving.should_stop(running([2.5]), PEERS)  # the third of six
    assert halving.should_stop(running([0.0, 3.5]), PEERS)


def test_peers_that_run_or_were_stopped_count_with_what_they_reported() -> None:
    better = [trial(1, [0.1], TrialState.RUNNING), trial(2, [0.2], TrialState.EARLY_STOPPED)]
    assert asha().should_stop(running([0.3]), better)
    assert not asha().should_stop(running([0.15]), [better[1], trial(3, [0.1], TrialState.FAILED)])


def test_the_first_at_a_rung_passes_and_equals_do() -> None:
    assert not asha().should_stop(running([1e9]), [])
    assert not asha().should_stop(running([1.0]), [trial(n, [1.0]) for n in range(9)])
    assert not asha().should_stop(running([]), PEERS)


def test_maximizing_mirrors_minimizing() -> None:
    up = tuners.create_assessor("ASHA")
    assert up.direction == "maximize"
    assert up.should_stop(running([1.5]), PEERS)
    assert not up.should_stop(running([5.5]), PEERS)


def test_its_arguments_are_checked() -> None:
    with pytest.raises(TunerError, match="ASHA: eta is 1"):
        asha(eta=1)
