import math
import statistics

import numpy as np
import pytest

from hpo import tuners
from hpo.space import SearchSpace
from hpo.trial import TrialState
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

    def proposals(bad):
        """Where it goes on, when what is good is on both sides and what is bad is around one place."""
        tuner = tuners.create(name, line, direction="minimize", seed=0)
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

    assert statistics.mean(proposals(bad=0.7)) < 0.45 < 0.55 < statistics.mean(proposals(bad=0.3))
