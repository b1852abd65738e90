from hpo import tuners
from hpo.space import SearchSpace
from hpo.trial import Trial


def grid(space, count):
    tuner = tuners.create("GridSearch", SearchSpace.from_json(space))
    asked = [tuner.ask() for _ in range(count)]
    return [trial.parameters for trial in asked if trial], tuner


def test_a_finite_grid_is_walked_in_order_and_then_done():
    space = {
        "a": {"_type": "choice", "_value": ["x", "y"]},
        "b": {"_type": "quniform", "_value": [0, 10, 5]},
    }
    points, tuner = grid(space, 7)
    assert sorted((p["a"], p["b"]) for p in points) == [(a, b) for a in "xy" for b in (0, 5, 10)]
    assert tuner.done


def test_a_continuous_parameter_is_bisected_by_quantile_epoch_by_epoch():
    points, tuner = grid({"x": {"_type": "loguniform", "_value": [1e-4, 1]}}, 7)
    quantiles = [round(tuner.space["x"].to_unit(p["x"]), 6) for p in points]
    assert quantiles == [0.5, 0.25, 0.75, 0.125, 0.375, 0.625, 0.875]
    assert not tuner.done


def test_an_inactive_parameter_multiplies_nothing():
    space = {
        "a": {"_type": "choice", "_value": ["x", "y"]},
        "b": {"_type": "randint", "_value": [0, 3], "_when": {"a": "x"}},
    }
    points, tuner = grid(space, 10)
    assert points == [{"a": "x", "b": 0}, {"a": "x", "b": 1}, {"a": "x", "b": 2}, {"a": "y"}]
    assert tuner.done


def test_what_the_user_tried_already_is_left_out():
    tuner = tuners.create("GridSearch", SearchSpace.from_json({"a": {"_type": "randint", "_value": [0, 3]}}))
    tuner.add(Trial(0, {"a": 1}))
    assert [tuner.ask().parameters["a"] for _ in range(2)] == [0, 2]
    assert tuner.ask() is None


def test_a_large_stepped_domain_is_searched_coarsely_before_finely():
    points, _ = grid({"n": {"_type": "quniform", "_value": [0, 1000, 1]}}, 3)
    assert [p["n"] for p in points] == [500, 250, 750]
