"""Every built-in tuner keeps the contract."""

import subprocess
import sys
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
    tested = {cls.name for cls in TunerContract.__subclasses__() if cls.tuner is None}
    assert tested == set(tuners.names())
    assert set(TestBatch.spaces) < set(SPACES)


class ByItsClass(tuners.find("Random")):
    """One that no package registers."""


class TestAClass(TunerContract):
    tuner = ByItsClass
    spaces = ("continuous", "finite")
    trials = 8

    def test_a_space_that_it_cannot_search_is_refused_at_the_start(self) -> None:
        """It searches all of them."""


def test_what_a_tuner_of_somebody_fails_says_what_was_got_and_what_was_expected(tmp_path):
    (tmp_path / "mine.py").write_text("""
from hpo.trial import Trial
from hpo.tuners import Tuner

class Mine(Tuner):
    proposed = 0
    def suggest(self, number):
        self.proposed += 1
        return Trial(number, {"x": float(self.proposed), "y": 0.5})
""")
    (tmp_path / "test_mine.py").write_text("""
from hpo.tuners.testing import TunerContract
from mine import Mine

class TestMine(TunerContract):
    tuner, spaces, trials = Mine, ("continuous",), 8
""")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_mine.py", "-k", "replay"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout
    assert "FAILED test_mine.py::TestMine::test_replay_resumes_where_the_experiment_stood" in said
    assert "{'x': 1.0, 'y': 0.5} != {'x': 9.0, 'y': 0.5}" in said
