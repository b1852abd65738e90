"""What came of the trials is counted, and the best of them known, as they end."""

from __future__ import annotations

from hpo.experiment.tally import Tally
from hpo.objectives import Objectives
from hpo.trial import Trial, TrialState


def ended(number: int, value: float | None, **data: float) -> Trial:
    state = TrialState.FAILED if value is None else TrialState.SUCCEEDED
    trial = Trial(number, {}, state=state, value=value)
    trial.data = data or None
    return trial


def test_trials_are_counted_by_their_ends_and_those_from_elsewhere_too() -> None:
    tally = Tally(Objectives((), (), "maximize"))
    for number, value in enumerate([0.5, None, 0.25]):
        tally.add(ended(number, value), "imported" if number else "tuner")
    assert (tally.counts[TrialState.SUCCEEDED], tally.counts[TrialState.FAILED]) == (2, 1)
    assert tally.counts[TrialState.EARLY_STOPPED] == 0
    assert tally.imported == 2


def test_the_best_is_the_first_of_equals_and_each_better_one_says_so() -> None:
    tally = Tally(Objectives((), (), "minimize"))
    assert tally.best is None
    are_best = [tally.add(ended(n, value), "tuner") for n, value in enumerate([0.5, None, 0.25, 0.25, 0.75])]
    assert are_best == [True, False, True, False, False]
    assert tally.best is not None
    assert tally.best.number == 2
    assert len(tally.front) == 1


def test_one_that_misses_a_constraint_is_never_the_best() -> None:
    tally = Tally(Objectives((), ("latency<=50",), "maximize"))
    assert not tally.add(ended(0, 0.9, default=0.9, latency=60), "tuner")
    assert tally.add(ended(1, 0.5, default=0.5, latency=40), "tuner")
    assert tally.best is not None
    assert tally.best.number == 1


def test_of_several_objectives_those_stay_that_none_dominates() -> None:
    tally = Tally(Objectives(("acc:max", "latency:min"), (), "maximize"))
    results = [(0.5, 10), (0.9, 50), (0.4, 20), (0.6, 10), (0.95, 5)]
    are_best = [tally.add(ended(n, acc, acc=acc, latency=ms), "tuner") for n, (acc, ms) in enumerate(results)]
    assert are_best == [True, True, False, True, True]
    assert [trial.number for _, trial in tally.front] == [4]


def test_the_baseline_is_the_one_that_ran_the_own_values_to_a_result() -> None:
    tally = Tally(Objectives((), (), "maximize"))
    tally.add(ended(0, None), "baseline")
    assert tally.baseline is None
    tally.add(ended(1, 0.5), "tuner")
    tally.add(ended(2, 0.4), "baseline")
    assert tally.baseline is not None
    assert tally.baseline.number == 2
