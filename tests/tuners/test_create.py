import subprocess
import sys

import numpy as np
import pytest

from hpo import tuners
from hpo.errors import TunerError
from hpo.space import SearchSpace
from hpo.trial import Trial

SPACE = SearchSpace.from_json({"x": {"_type": "uniform", "_value": [0, 1]}})


def test_a_misspelt_tuner_gets_a_did_you_mean_and_the_list():
    with pytest.raises(TunerError) as caught:
        tuners.create("GridSerch", SPACE)
    assert "GridSerch" in caught.value.message
    assert "did you mean GridSearch?" in caught.value.help
    assert all(name in caught.value.help for name in tuners.names())


def test_an_assessor_is_no_tuner():
    with pytest.raises(TunerError) as caught:
        tuners.create("ASHA", SPACE)
    assert caught.value.help.startswith("it is an assessor, which stops trials of any tuner: --assessor ASHA")


def test_a_misspelt_argument_is_named_with_the_one_that_was_meant():
    with pytest.raises(TunerError) as caught:
        tuners.create("TPE", SPACE, tpe_arg={})
    assert "tpe_arg" in caught.value.message
    assert caught.value.help == "did you mean tpe_args?"


@pytest.mark.parametrize(
    ("arguments", "named", "takes"),
    [
        ({"seed": "zero"}, "seed is 'zero'", "a whole number"),
        ({"seed": True}, "seed is True", "a whole number"),
        ({"seed": 1.5}, "seed is 1.5", "a whole number"),
        ({"tpe_args": 3}, "tpe_args is 3", "a mapping with any of constant_liar_type"),
        ({"tpe_args": {"gama": 1}}, "'gama'", "did you mean gamma?"),
        ({"tpe_args": {1: 2}}, "no argument 1", "its arguments are"),
        ({"tpe_args": {"gamma": 10**400}}, "gamma is 1000", "a number of 1e-06 or more"),
        ({"tpe_args": {"gamma": "big"}}, "gamma is 'big'", "a number of 1e-06 or more"),
        ({"tpe_args": {"n_ei_candidates": 0}}, "n_ei_candidates is 0", "a whole number of 1 or more"),
        ({"tpe_args": {"constant_liar_type": "none"}}, "is 'none'", "best or mean or worst or null"),
        ({"optimize_mode": "max"}, "optimize_mode is 'max'", "maximize or minimize"),
        ({"direction": "up"}, "direction is 'up'", "maximize or minimize"),
    ],
)
def test_an_ill_typed_argument_is_named_with_what_was_got_and_what_it_takes(arguments, named, takes):
    with pytest.raises(TunerError) as caught:
        tuners.create("TPE", SPACE, **arguments)
    assert named in caught.value.message
    assert takes in caught.value.help


def test_a_whole_float_of_a_yaml_file_is_an_integer():
    tuner = tuners.create("TPE", SPACE, tpe_args={"n_startup_jobs": 5.0, "constant_liar_type": None})
    assert tuner.arguments.n_startup_jobs == 5
    assert isinstance(tuner.arguments.n_startup_jobs, int)
    assert tuner.arguments.constant_liar_type is None


@pytest.mark.parametrize(
    ("arguments", "direction"),
    [
        ({}, "minimize"),  # NNI's default of TPE
        ({"optimize_mode": "maximize"}, "maximize"),
        ({"optimize_mode": "maximize", "direction": "minimize"}, "minimize"),
        ({"direction": "maximize"}, "maximize"),
    ],
)
def test_the_direction_comes_from_the_caller_then_from_optimize_mode_then_from_the_tuner(
    arguments, direction
):
    assert tuners.create("TPE", SPACE, **arguments).direction == direction


def test_importing_the_room_and_searching_without_a_model_loads_no_numpy():
    program = """
import sys
from hpo import tuners
from hpo.space import SearchSpace
space = SearchSpace.from_json({"x": {"_type": "randint", "_value": [0, 9]}})
for name in ("Random", "GridSearch", "QMC", "Auto"):
    tuner = tuners.create(name, space)
    tuner.tell(tuner.ask(), 1.0)
print([m for m in ("numpy", "scipy") if m in sys.modules])
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_a_tuner_of_another_package_is_found_by_its_entry_point(tmp_path, monkeypatch):
    (tmp_path / "first_value.py").write_text(
        "from hpo.trial import Trial\n"
        "from hpo.tuners import Tuner\n"
        "class First(Tuner):\n"
        "    name = 'First'\n"
        "    def suggest(self, number):\n"
        "        return Trial(number, self.space.from_unit(dict.fromkeys(self.space, 0.0)))\n"
    )
    info = tmp_path / "first_value-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: first-value\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[hpo.tuners]\nFirst = first_value:First\nBroken = nowhere:X\nNone = json:loads\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert tuners.create("First", SPACE).ask().parameters == {"x": 0.0}
    assert "First" in tuners.names()
    with pytest.raises(TunerError, match="cannot be imported"):
        tuners.create("Broken", SPACE)
    with pytest.raises(TunerError, match="no subclass"):
        tuners.create("None", SPACE)


def test_a_number_that_must_be_one_of_few_says_which():
    with pytest.raises(TunerError) as caught:
        tuners.create("GP", SPACE, nu=1.5)
    assert caught.value.help == "it takes a number: 2.5"


@pytest.mark.parametrize(
    ("name", "argument", "value"),
    [
        ("BOHB", "random_fraction", 33),
        ("PBT", "resample_probability", 25),
        ("Metis", "exploration_probability", -0.1),
    ],
)
def test_a_share_is_no_percentage(name, argument, value):
    with pytest.raises(TunerError) as caught:
        tuners.create(name, SPACE, **{argument: value})
    assert caught.value.help == "it takes a number from 0 to 1"
    assert tuners.create(name, SPACE, **{argument: 1}).ask() is not None


@pytest.mark.parametrize("argument", ["R", "exec_mode"])
def test_an_argument_of_hyperbands_that_bohb_does_not_have_is_refused(argument):
    with pytest.raises(TunerError, match="BOHB has no argument"):
        tuners.create("BOHB", SPACE, **{argument: 9})


def test_a_space_that_is_no_batch_is_described_in_few_words():
    many = SearchSpace.from_json({f"p{i}": {"_type": "uniform", "_value": [0, 1]} for i in range(200)})
    for space, words in ((many, "has 200 parameters"), (SPACE, "has x, which is uniform(0, 1)")):
        with pytest.raises(TunerError) as caught:
            tuners.create("Batch", space)
        assert caught.value.message.endswith(words)


BUDGETS = {"Hyperband", "BOHB", "PBT"}  # these give a configuration more passes


@pytest.mark.parametrize("name", sorted(set(tuners.BUILT_IN_TUNERS) - BUDGETS - {"Batch"}))
def test_each_configuration_of_a_finite_space_is_proposed_once(name):
    space = SearchSpace.from_json(
        {"a": {"_type": "choice", "_value": [1, 2, 3]}, "b": {"_type": "choice", "_value": ["x", "y"]}}
    ).constrained("a < 3 or b == 'x'")
    tuner = tuners.create(name, space, direction="maximize", seed=0)
    proposed = []
    while (trial := tuner.ask()) is not None:
        proposed.append((trial.parameters["a"], trial.parameters["b"]))
        tuner.tell(trial, float(trial.parameters["a"]))
    assert tuner.done
    assert sorted(proposed) == [(1, "x"), (1, "y"), (2, "x"), (2, "y"), (3, "x")]


def test_what_is_told_of_no_trial_or_with_numbers_of_numpy_is_refused_and_changes_nothing():
    tuner = tuners.create("Auto", SPACE, direction="minimize")
    with pytest.raises(TunerError, match="is no trial"):
        tuner.tell({"x": 0.5}, 1.0)
    with pytest.raises(TunerError, match="int64 is not JSON") as caught:
        tuner.tell(Trial(0, {"x": np.int64(1)}), 1.0)
    assert "value.item()" in caught.value.help
    assert not tuner.trials
    assert tuner.ask().number == 0


def test_an_integer_that_no_float_can_hold_is_a_failure_as_infinity_is():
    tuner = tuners.create("Random", SPACE)
    trial = tuner.ask()
    tuner.tell(trial, 10**400)
    assert tuner.results == {0: None}


@pytest.mark.parametrize(
    "returned",
    [
        "{'x': 0.5}",
        "Trial(number + 1, {'x': 0.5})",
        "Trial(number, {'x': 2})",
        "Trial(number, {'x': 0.5}, memo={'x': {2}})",
        "Trial(number, {'x': 0.5}, memo={'budget': [9]})",
        "Trial(number, {'x': 0.5}, memo={'budget': '9'})",
        "Trial(number, {'x': 0.5}, memo={'continues': number})",
        "Trial(number, {'x': 0.5}, memo={'continues': '../..'})",
        "Trial(number, {'x': 0.5}, memo={'continues': -1})",
    ],
)
def test_a_class_that_proposes_something_else_is_told_what_it_returned(returned):
    namespace = {"Trial": Trial, "Tuner": tuners.Tuner}
    exec(f"class Mine(Tuner):\n    def suggest(self, number):\n        return {returned}\n", namespace)
    tuner = tuners.create(namespace["Mine"], SPACE.constrained("x < 0.9"))
    tuner.tell(Trial(-1, {"x": 0.5}), 1.0)  # of an earlier experiment: there is nothing to go on from
    with pytest.raises(TunerError) as caught:
        tuner.check_proposal(tuner.ask())
    assert "Mine" in caught.value.message
    assert "{'x': " in caught.value.message
    assert caught.value.help


def test_what_misses_a_constraint_is_not_left_to_be_tried():
    space = SearchSpace.from_json({"k": {"_type": "randint", "_value": [0, 4]}}).constrained("k < 2")
    tuner = tuners.create("GridSearch", space)
    tuner.tell(tuner.ask(), 1.0)
    assert not tuner.has_tried_all
    tuner.tell(tuner.ask(), 1.0)
    assert tuner.has_tried_all
