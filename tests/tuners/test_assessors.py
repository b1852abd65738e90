import math

import pytest

from hpo import tuners
from hpo.errors import TunerError
from hpo.trial import Metric, Trial, TrialState
from hpo.tuners.curve_fitting import extrapolate


def trial(number, curve, state=TrialState.SUCCEEDED, value=None):
    made = Trial(number, {}, state=state, value=value)
    made.intermediate = [Metric(step, v) for step, v in enumerate(curve)]
    return made


def running(curve):
    return trial(99, curve, TrialState.RUNNING)


def learning(end, steps, rate=0.3):
    return [end * (1 - math.exp(-rate * step)) for step in range(1, steps + 1)]


def test_medianstop_stops_what_is_worse_than_the_median_of_running_averages():
    peers = [trial(i, [level] * 5) for i, level in enumerate([0.2, 0.5, 0.8])]
    assessor = tuners.create_assessor("Medianstop", direction="maximize")
    assert assessor.should_stop(running([0.4, 0.45]), peers)
    assert not assessor.should_stop(running([0.4, 0.55]), peers)
    mirrored = tuners.create_assessor("Medianstop", optimize_mode="minimize")
    assert not mirrored.should_stop(running([0.4, 0.45]), peers)
    assert mirrored.should_stop(running([0.6, 0.55]), peers)


def test_medianstop_compares_averages_up_to_the_same_step_and_the_best_so_far():
    peers = [trial(0, [0.0, 1.0, 1.0, 1.0])]  # its averages are 0, 1/2, 2/3, 3/4
    assessor = tuners.create_assessor("Medianstop")
    assert not assessor.should_stop(running([0.1]), peers)
    assert assessor.should_stop(running([0.1, 0.4]), peers)
    assert not assessor.should_stop(running([0.7, 0.1]), peers)


def test_medianstop_waits_for_its_start_step_and_for_a_peer():
    peers = [trial(0, [1.0] * 5)]
    patient = tuners.create_assessor("Medianstop", start_step=2)
    assert not patient.should_stop(running([0.0, 0.0]), peers)
    assert patient.should_stop(running([0.0, 0.0, 0.0]), peers)
    assessor = tuners.create_assessor("Medianstop")
    assert not assessor.should_stop(running([0.0]), [])
    assert not assessor.should_stop(running([0.0]), [trial(1, [1.0], TrialState.RUNNING)])
    assert not assessor.should_stop(running([]), peers)


def test_medianstop_counts_the_trials_that_it_stopped():
    stopped = [trial(i, [0.1, 0.1], TrialState.EARLY_STOPPED) for i in range(3)]
    assessor = tuners.create_assessor("Medianstop")
    assert not assessor.should_stop(running([0.2]), [trial(9, [1.0]), *stopped])


@pytest.mark.parametrize("magnitude", [1e-200, 1.0, 1e200, -1.0])
@pytest.mark.parametrize("rate", [0.15, 0.3, 0.6])
def test_a_learning_curve_is_extrapolated_to_within_a_tenth(rate, magnitude):
    curve = [magnitude * v for v in learning(1.0, 8, rate)]
    expected = magnitude * learning(1.0, 20, rate)[-1]
    assert extrapolate(curve, 20) == pytest.approx(expected, rel=0.1)


def test_a_constant_curve_stays_constant():
    assert extrapolate([0.5] * 6, 20) == 0.5
    assert extrapolate([0.0] * 6, 20) == 0.0


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_curvefitting_stops_a_curve_that_will_end_below_the_threshold(direction):
    sign = 1 if direction == "maximize" else -1
    assessor = tuners.create_assessor("Curvefitting", direction=direction, epoch_num=20)
    peers = [trial(0, [], value=sign * 0.9), trial(1, [], value=sign * 0.5)]
    bad, good = ([sign * v for v in learning(end, 8)] for end in (0.6, 0.95))
    assert assessor.should_stop(running(bad), peers)
    assert not assessor.should_stop(running(good), peers)
    assert not assessor.should_stop(running(bad[:5]), peers)  # before start_step
    assert not assessor.should_stop(running(bad), [])


def test_curvefitting_judges_every_gap_steps():
    assessor = tuners.create_assessor("Curvefitting", start_step=4, gap=3)
    peers = [trial(0, [], value=0.9)]
    judged = [n for n in range(1, 12) if assessor.should_stop(running(learning(0.3, n)), peers)]
    assert judged == [4, 7, 10]


def test_unknown_assessors_and_arguments_are_named():
    with pytest.raises(TunerError) as caught:
        tuners.create_assessor("medianstop")
    assert "did you mean Medianstop?" in caught.value.help
    with pytest.raises(TunerError) as caught:
        tuners.create_assessor("Medianstop", start=1)
    assert caught.value.help == "did you mean start_step?"


def test_a_direction_is_one_of_two():
    with pytest.raises(TunerError, match="direction is 'up'") as raised:
        tuners.create_assessor("Medianstop", direction="up")
    assert raised.value.help == "it is maximize or minimize"
