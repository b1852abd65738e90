import sys

import pytest

from hpo.errors import TunerError
from hpo.space import SearchSpace
from hpo.trial import Metric, Trial, TrialState
from hpo.tuners.custom import create_custom, create_custom_assessor

SPACE = SearchSpace.from_json(
    {
        "x": {"_type": "uniform", "_value": [0, 1]},
        "layer": {
            "_type": "choice",
            "_value": [{"_name": "none"}, {"_name": "dense", "size": {"_type": "randint", "_value": [1, 9]}}],
        },
    }
)

OURS = """
from typing import Annotated
from hpo.trial import Trial
from hpo.tuners import Tuner
from neighbour import VALUE

class Corner(Tuner):
    name = "Corner"
    def __init__(self, *args, at: float = VALUE, **common):
        super().__init__(*args, **common)
        self.at = at
    def suggest(self, number):
        return Trial(number, self.space.from_unit(dict.fromkeys(self.space, self.at)))
"""

NNIS = """
import nni
from nni.tuner import Tuner

class Listed(Tuner):
    def __init__(self, values, optimize_mode="maximize", seed=None):
        self.values, self.log, self.mode, self.seed = list(values), [], optimize_mode, seed
    def update_search_space(self, search_space):
        self.log.append(("space", sorted(search_space)))
    def generate_parameters(self, parameter_id, **kwargs):
        if not self.values:
            raise nni.NoMoreTrialError()
        return {"x": self.values.pop(0), "layer": {"_name": "dense", "size": 3}}
    def receive_trial_result(self, parameter_id, parameters, value, **kwargs):
        self.log.append(("result", parameter_id, parameters["layer"]["size"], value))
    def trial_end(self, parameter_id, success, **kwargs):
        self.log.append(("end", parameter_id, success))
    def import_data(self, data):
        self.log.append(("import", data))
"""

ASSESSOR = """
from nni.assessor import Assessor, AssessResult

class Impatient(Assessor):
    def __init__(self, limit=2):
        self.limit, self.ended = limit, []
    def assess_trial(self, trial_job_id, trial_history):
        return AssessResult.Good if len(trial_history) < self.limit else AssessResult.Bad
    def trial_end(self, trial_job_id, success):
        self.ended.append((trial_job_id, success))
"""


@pytest.fixture
def code(tmp_path):
    (tmp_path / "neighbour.py").write_text("VALUE = 0.0\n")
    (tmp_path / "ours.py").write_text(OURS)
    (tmp_path / "nnis.py").write_text(NNIS)
    (tmp_path / "assess.py").write_text(ASSESSOR)
    yield tmp_path
    sys.modules.pop("neighbour", None)


def test_a_tuner_of_our_kind_is_loaded_from_a_file_that_imports_its_neighbour(code):
    tuner = create_custom(code / "ours.py", "Corner", SPACE, direction="minimize")
    assert tuner.ask().parameters == {"x": 0.0, "layer": "none"}
    assert create_custom(code / "ours.py", "Corner", SPACE, direction="minimize", at=1).at == 1.0
    with pytest.raises(TunerError, match="att"):
        create_custom(code / "ours.py", "Corner", SPACE, direction="minimize", att=1)


def test_a_tuner_of_nnis_kind_gets_nested_parameters_and_every_result(code):
    tuner = create_custom(
        code / "nnis.py", "Listed", SPACE, direction="minimize", values=[0.1, 0.2, 0.3], seed=4
    )
    first, second, third = (tuner.ask() for _ in range(3))
    assert first.parameters == {"x": 0.1, "layer": "dense", "layer.size": 3}
    tuner.tell(second, 7.0)
    third.state, third.failure = TrialState.FAILED, "oom"
    tuner.tell(third, None)
    assert tuner.inner.log == [
        ("space", ["layer", "x"]),
        ("result", 1, 3, 7.0),
        ("end", 1, True),
        ("end", 2, False),
    ]


def test_a_tuner_of_nnis_kind_that_has_no_more_is_done_when_its_trials_ended(code):
    tuner = create_custom(code / "nnis.py", "Listed", SPACE, direction="minimize", values=[0.1])
    trial = tuner.ask()
    assert tuner.ask() is None
    assert not tuner.done
    tuner.tell(trial, 1.0)
    assert tuner.ask() is None
    assert tuner.done


def test_what_a_tuner_of_nnis_kind_did_not_generate_is_imported(code):
    tuner = create_custom(code / "nnis.py", "Listed", SPACE, direction="minimize", values=[])
    tuner.tell(Trial(0, {"x": 0.5, "layer": "none"}), 2.0)
    assert tuner.inner.log[-1] == (
        "import",
        [{"parameter": {"x": 0.5, "layer": {"_name": "none"}}, "value": 2.0}],
    )


def test_an_assessor_of_nnis_kind_judges_and_learns_who_ended(code):
    assessor = create_custom_assessor(code / "assess.py", "Impatient", direction="maximize", limit=3)
    trial = Trial(5, {}, state=TrialState.RUNNING)
    peers = [Trial(0, {}, state=TrialState.SUCCEEDED), Trial(1, {}, state=TrialState.FAILED)]
    answers = []
    for step in range(3):
        trial.intermediate.append(Metric(step, 0.5))
        answers.append(assessor.should_stop(trial, peers))
    assert answers == [False, False, True]
    assert assessor.inner.ended == [("0", True), ("1", False)]


def test_nni_is_stood_in_for_only_while_a_file_is_loaded(code):
    create_custom(code / "nnis.py", "Listed", SPACE, direction="minimize", values=[])
    assert "nni" not in sys.modules


@pytest.mark.parametrize(
    ("file", "class_name", "arguments", "said"),
    [
        ("gone.py", "X", {}, "there is no file"),
        ("nnis.py", "Lister", {}, "its classes are Listed"),
        ("broken.py", "X", {}, "ZeroDivisionError"),
        ("assess.py", "Impatient", {}, "is no tuner: it has no generate_parameters"),
        ("nnis.py", "Listed", {"wrong": 1}, "values"),
    ],
)
def test_mistakes_are_said_with_the_file_and_the_cure(code, file, class_name, arguments, said):
    (code / "broken.py").write_text("1 / 0\n")
    with pytest.raises(TunerError) as caught:
        create_custom(code / file, class_name, SPACE, direction="minimize", **arguments)
    assert said in f"{caught.value} {caught.value.help}"
