"""Every built-in tuner keeps the contract."""

from importlib.util import find_spec
from typing import ClassVar

import pytest

from hpo import tuners
from hpo.tuners.testing import SPACES, TunerContract


class TestRandom(TunerContract):
    name = "Random"


class TestGridSearch(TunerContract):
    name = "GridSearch"


class TestBatch(TunerContract):
    name = "Batch"
    spaces = ("one value", "one choice")


class TestTPE(TunerContract):
    name = "TPE"


class TestAuto(TunerContract):
    name = "Auto"
    trials = 16


class TestAnneal(TunerContract):
    name = "Anneal"


class TestEvolution(TunerContract):
    name = "Evolution"
    class_args: ClassVar = {"population_size": 8}


class TestCMAES(TunerContract):
    name = "CMAES"


class TestGP(TunerContract):
    name = "GP"
    trials = 16


class TestGPWithConfidenceBounds(TunerContract):
    name = "GP"
    class_args: ClassVar = {"utility": "ucb", "cold_start_num": 5}
    trials = 12


class TestQMC(TunerContract):
    name = "QMC"


class TestHyperband(TunerContract):
    name = "Hyperband"
    class_args: ClassVar = {"R": 9}


class TestHyperbandOneBracketAtATime(TunerContract):
    name = "Hyperband"
    class_args: ClassVar = {"R": 8, "eta": 2, "exec_mode": "serial"}


class TestBOHB(TunerContract):
    name = "BOHB"
    class_args: ClassVar = {"max_budget": 9, "min_points_in_model": 4, "random_fraction": 0.1}


class TestPBT(TunerContract):
    name = "PBT"
    class_args: ClassVar = {"population_size": 6, "passes": 2}


class TestMetis(TunerContract):
    name = "Metis"
    class_args: ClassVar = {"cold_start_num": 4, "selection_num_starting_points": 50}
    trials = 9


class TestDNGO(TunerContract):
    name = "DNGO"
    class_args: ClassVar = {"sample_size": 100, "trials_per_update": 6, "num_epochs_per_training": 50}
    trials = 16


@pytest.mark.skipif(find_spec("smac") is None, reason="the extra smac is not installed")
class TestSMAC(TunerContract):
    name = "SMAC"
    trials = 12


@pytest.mark.skipif(find_spec("deap") is None, reason="the extra nsga2 is not installed")
class TestNSGA2(TunerContract):
    name = "NSGA2"
    class_args: ClassVar = {"population_size": 6}


class TestTPEWithTheBestLie(TunerContract):
    name = "TPE"
    class_args: ClassVar = {"tpe_args": {"constant_liar_type": "best", "n_startup_jobs": 3}}


@pytest.mark.skipif(not (find_spec("deap") and find_spec("smac")), reason="an extra is not installed")
def test_those_that_are_said_to_take_several_objectives_do():
    taking = {name for name in tuners.BUILT_IN_TUNERS if tuners.find(name).takes_several}
    assert set(tuners.SEVERAL) == taking


def test_every_built_in_tuner_is_here():
    tested = {cls.name for cls in TunerContract.__subclasses__()}
    assert tested == set(tuners.names())
    assert set(TestBatch.spaces) < set(SPACES)
