import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo import tuners
from hpo.space import SearchSpace
from hpo.trial import TrialState
from hpo.tuners.options import Option
from hpo.tuners.points import Cube
from hpo.tuners.tpe import _improvements

MIXED = SearchSpace.from_json(
    {
        "lr": {"_type": "loguniform", "_value": [1e-6, 1]},
        "depth": {"_type": "randint", "_value": [1, 20]},
        "kind": {"_type": "choice", "_value": ["a", "b", "c"]},
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


def best(name, seed, trials=60, **arguments):
    tuner = tuners.create(name, MIXED, direction="minimize", seed=seed, **arguments)
    values = []
    for _ in range(trials):
        trial = tuner.ask()
        values.append(bowl(trial.parameters))
        tuner.tell(trial, values[-1])
    return min(values)


def test_it_learns_a_conditional_space_better_than_random_search_does():
    ours = statistics.median(best("TPE", seed) for seed in range(9))
    assert ours < statistics.median(best("Random", seed) for seed in range(9)) / 2


def test_where_trials_fail_it_goes_less():
    tuner = tuners.create("TPE", MIXED, direction="minimize")
    late = []
    for number in range(80):
        trial = tuner.ask()
        fails = trial.parameters["depth"] > 10
        if number >= 40:
            late.append(fails)
        if fails:
            trial.state, trial.failure = TrialState.FAILED, "oom"
        tuner.tell(trial, None if fails else 1.0)
    assert statistics.mean(late) < 0.3  # by chance it would be a half


def test_a_trial_lost_with_its_machine_says_nothing_about_its_configuration():
    tuner, told = (tuners.create("TPE", MIXED, seed=1) for _ in range(2))
    lost = told.ask()
    lost.state, lost.failure = TrialState.FAILED, "lost"
    told.tell(lost, None)
    tuner.ask()
    assert told.explain() == tuner.explain()


def test_trials_under_way_push_proposals_apart():
    def spread(liar):
        tuner = tuners.create("TPE", MIXED, direction="minimize", tpe_args={"constant_liar_type": liar})
        for _ in range(60):
            trial = tuner.ask()
            tuner.tell(trial, bowl(trial.parameters))
        return statistics.pstdev(math.log(tuner.ask().parameters["lr"]) for _ in range(32))

    assert spread("worst") > spread("best")


SMALL = SearchSpace.from_json(
    {
        "size": {"_type": "choice", "_value": [2, 3, 5, 7]},
        "pool": {"_type": "choice", "_value": ["max", "mean"]},
        "bias": {"_type": "uniform", "_value": [0, 0.5]},
    }
)


def test_no_option_of_a_small_space_is_left_untried():
    misses = 0
    for seed in range(40):
        tuner = tuners.create("TPE", SMALL, direction="maximize", seed=seed)
        for _ in range(25):
            trial = tuner.ask()
            p = trial.parameters
            tuner.tell(trial, p["size"] * (10 if p["pool"] == "max" else 1) + p["bias"])
        misses += max(tuner.results.values()) < 70
    assert misses <= 1  # random search: 2


def test_a_good_configuration_counts_by_what_it_gains_at_any_magnitude():
    assert _improvements(np.array([-3.0, 1.0]), 2.0) == pytest.approx([10 / 6, 2 / 6])
    assert _improvements(np.array([-1.7e308, 0.0]), 1.7e308) == pytest.approx([4 / 3, 2 / 3])
    assert _improvements(np.array([5.0, 5.0]), 5.0).tolist() == [1.0, 1.0]
    assert _improvements(np.array([5.0, 6.0]), np.inf).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("name", ["TPE", "Auto"])
def test_where_thousands_are_under_way_what_was_bad_still_counts(name):
    line = SearchSpace.from_json({"x": {"_type": "uniform", "_value": [0, 1]}})

    def proposals(bad, seed):
        """Where it goes on, when what is good is on both sides and what is bad is around one place."""
        tuner = tuners.create(name, line, direction="minimize", seed=seed)
        tuner.hurried = True
        for _ in range(3000):
            tuner.ask()
        rng = np.random.default_rng(0)
        for number in range(200):
            trial = tuner.trials[number]
            is_good = number % 5 == 0
            around = rng.choice([0.3, 0.7]) if is_good else bad
            trial.parameters = {"x": float(around + 0.02 * rng.normal())}
            tuner.tell(trial, 0.0 if is_good else 1.0)
        return [tuner.ask().parameters["x"] for _ in range(40)]

    def mean(bad):
        return statistics.mean(x for seed in range(4) for x in proposals(bad, seed))

    assert mean(bad=0.7) < 0.45 < 0.55 < mean(bad=0.3)


MODELS = SearchSpace.from_json(
    {
        "model": {"_type": "choice", "_value": ["linear", "tree", "svm", "broken"]},
        "l1": {"_type": "uniform", "_value": [0, 1], "_when": {"model": ["linear"]}},
        "depth": {"_type": "uniform", "_value": [0, 1], "_when": {"model": ["tree"]}},
        "c": {"_type": "uniform", "_value": [0, 1], "_when": {"model": ["svm"]}},
        "gamma": {"_type": "uniform", "_value": [0, 1], "_when": {"model": ["svm"]}},
    }
)


def tried(seed, loss):
    """Which models it tries in 100 trials; a loss of None is a failure."""
    tuner, models = tuners.create("TPE", MODELS, direction="minimize", seed=seed), []
    for _ in range(100):
        trial = tuner.ask()
        value = loss(trial.parameters)
        models.append(trial.parameters["model"])
        if value is None:
            trial.state, trial.failure = TrialState.FAILED, "error"
        tuner.tell(trial, value)
    return models


def test_a_model_that_must_be_tuned_first_is_not_condemned_by_few_bad_draws():
    def loss(p):
        if p["model"] == "svm":  # the best, where both its parameters are right
            return 2 * math.hypot(p["c"] - 0.8, p["gamma"] - 0.2)
        return {"linear": 0.4, "tree": 0.6, "broken": 1.0}[p["model"]]

    late = [tried(seed, loss)[60:].count("svm") for seed in range(7)]
    assert statistics.median(late) > 25  # of 40
    for seed in range(3):
        models = tried(seed, loss)
        assert min(models.count(model) for model in ("linear", "tree", "svm")) >= 9


def test_a_model_that_only_fails_has_had_its_chance():
    models = tried(0, lambda p: None if p["model"] == "broken" else 0.5)
    assert models.count("broken") <= 8
    assert "broken" not in models[50:]


NESTED = SearchSpace.from_json(
    {
        "layers": {"_type": "randint", "_value": [1, 90]},
        "family": {"_type": "choice", "_value": ["net", "forest"]},
        "optimiser": {
            "_type": "choice",
            "_value": ["sgd", "adam"],
            "_when": {"family": ["net"], "layers": [3, 70]},
        },
        "momentum": {"_type": "uniform", "_value": [0, 1], "_when": {"optimiser": ["sgd"]}},
    }
)


@given(st.integers(0, 2**32), st.sampled_from([0.25, 0.75]))
def test_a_configuration_that_is_given_an_option_has_it(seed, quantile):
    cube, generator = Cube(NESTED), np.random.default_rng(seed)
    option = Option(cube.names.index("optimiser"), quantile)
    rows = option.given_to(cube, generator.random((20, len(cube))), generator)
    wanted = "sgd" if quantile < 0.5 else "adam"
    assert [cube.configuration(row)["optimiser"] for row in rows] == [wanted] * 20
    assert option.held_by(cube, np.array([cube.row(cube.configuration(row)) for row in rows])).all()


@pytest.mark.parametrize("name", ["TPE", "GP", "Metis"])
def test_what_a_tuner_says_of_its_model_tells_failures_from_results(name):
    tuner = tuners.create(name, MIXED, direction="minimize")
    for i in range(20):
        tuner.tell(tuner.ask(), float(i) if i > 17 else None)
    told = tuner.explain()
    assert (told["results"], told["failed"]) == (20, 18)
    assert told.get("good", 2) == 2
