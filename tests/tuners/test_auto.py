import math
import statistics

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from hpo import tuners
from hpo.space import SearchSpace
from hpo.trial import Metric, TrialState
from hpo.tuners.acquisition import ConfidenceBound, ExpectedImprovement, ProbabilityOfImprovement, _log_h
from hpo.tuners.gaussian import Features, GaussianProcess, fit
from hpo.tuners.outcomes import standardised, targets
from hpo.tuners.points import Cube

SPACE = SearchSpace.from_json(
    {
        "kind": {"_type": "choice", "_value": ["a", "b", "c"]},
        "lr": {"_type": "loguniform", "_value": [1e-6, 1]},
        "depth": {"_type": "randint", "_value": [1, 20]},
        "drop": {"_type": "uniform", "_value": [0, 1], "_when": {"kind": ["b"]}},
    }
)


def bowl(p):
    return (
        (math.log10(p["lr"]) + 3) ** 2
        + ((p["depth"] - 7) / 5) ** 2
        + {"a": 1, "b": 0, "c": 2}[p["kind"]]
        + (p.get("drop", 0.5) - 0.3) ** 2
    )


def best(name, seed, trials=40):
    tuner = tuners.create(name, SPACE, direction="minimize", seed=seed)
    values = []
    for _ in range(trials):
        trial = tuner.ask()
        values.append(bowl(trial.parameters))
        tuner.tell(trial, values[-1])
    return min(values)


def test_it_finds_the_minimum_of_a_conditional_space_within_forty_trials():
    found = [best("Auto", seed) for seed in range(5)]
    assert statistics.median(found) < 0.05
    assert statistics.median(found) < statistics.median(best("Random", seed) for seed in range(5)) / 5


def run_where_some_fail(fails, loss, trials):
    tuner = tuners.create("Auto", SPACE, direction="minimize")
    for _ in range(trials):
        trial = tuner.ask()
        if fails(trial.parameters):
            trial.state, trial.failure = TrialState.FAILED, "oom"
        tuner.tell(trial, None if fails(trial.parameters) else loss(trial.parameters))
    return list(tuner.trials.values())


def test_a_region_where_trials_fail_is_avoided():
    trials = run_where_some_fail(lambda p: p["depth"] > 9, bowl, 60)
    late = [trial.state is TrialState.FAILED for trial in trials[30:]]
    assert statistics.mean(late) < 0.25  # by chance it would be more than a half


def test_a_best_value_at_the_edge_of_failure_is_found():
    trials = run_where_some_fail(lambda p: p["lr"] > 1e-3, lambda p: -math.log10(p["lr"]), 40)
    assert max(t.parameters["lr"] for t in trials if t.state is TrialState.SUCCEEDED) > 8e-4


def test_it_says_what_it_models_and_why():
    tuner = tuners.create("Auto", SPACE, direction="minimize")
    assert "startup" in tuner.explain()["why"]
    for _ in range(30):
        trial = tuner.ask()
        tuner.tell(trial, bowl(trial.parameters))
    told = tuner.explain()
    assert told["results"] == 30
    assert set(told["length_scales"]) == set(SPACE)
    assert set(told["bests_found"]) == {"startup", "everywhere", "near", "elsewhere", "Parzen"}
    assert sum(told["bests_found"].values()) > 3


def test_a_stopped_trial_counts_by_what_it_reported_but_never_as_good():
    tuner = tuners.create("Auto", SPACE, direction="maximize")
    for value in (1.0, 2.0, 3.0):
        tuner.tell(tuner.ask(), value)
    stopped = tuner.ask()
    stopped.intermediate = [Metric(0, 99.0)]
    stopped.state = TrialState.EARLY_STOPPED
    tuner.tell(stopped, None)
    assert tuner._portfolio._history.losses.tolist() == [-1.0, -2.0, -3.0, -2.0]


@pytest.mark.parametrize("kind", [ExpectedImprovement, ProbabilityOfImprovement, ConfidenceBound])
def test_gradients_are_the_slopes_of_the_score(kind):
    generator = np.random.default_rng(0)
    cube = Cube(SPACE)
    rows = cube.snap(generator.random((30, 4)))
    features = Features(cube)
    points, values = features.of(rows, cube.active(rows)), standardised(generator.normal(size=30))
    process = GaussianProcess(points, features, values, fit(points, features, values))
    improvement = kind(features, process, -1.0)
    at = features.of(generator.random((1, 4)), np.ones((1, 4), dtype=bool))[0]
    score, slope = improvement.with_gradient(at)
    numeric = approx_fprime(at, lambda x: improvement.with_gradient(x)[0], 1e-6)
    assert slope == pytest.approx(numeric, rel=1e-3, abs=1e-4)
    row = generator.random((1, 4))
    everywhere = np.ones((1, 4), dtype=bool)
    assert improvement(row, everywhere)[0] == pytest.approx(
        improvement.with_gradient(features.of(row, everywhere)[0])[0]
    )
    assert np.isfinite(score)


def test_expected_improvement_is_exact_far_out():
    z = np.array([-40.0, -10.0, -1.0, 0.0, 3.0])
    # log(phi(z) + z Phi(z)), from mpmath with 50 digits.
    exact = [-808.29856835662, -55.55312203612, -2.48512102571, -0.91893853320, 1.09873966533]
    assert _log_h(z) == pytest.approx(exact, rel=1e-6)


def test_targets_keep_the_order_at_any_magnitude():
    losses = np.array([1e-30, 3e-30, 5.0, 1e30, -1e-30, 2.0])
    bent = targets(losses)
    assert np.isfinite(bent).all()
    assert (np.diff(bent[np.argsort(losses)]) >= 0).all()
    assert targets(np.full(5, 1e300)).tolist() == [0.0] * 5
