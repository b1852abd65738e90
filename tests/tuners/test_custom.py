import sys

import numpy as np
import pytest

from hpo.errors import TunerError
from hpo.space import SearchSpace
from hpo.trial import Metric, Trial, TrialState
from hpo.tuners.custom import (
    create_custom,
    create_custom_assessor,
    default_direction,
    default_seed,
    load_assessor,
    load_tuner,
)

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


def listed(code, *values):
    return create_custom(code / "nnis.py", "Listed", SPACE, {"values": values}, direction="minimize", seed=4)


def test_a_tuner_of_our_kind_is_loaded_from_a_file_that_imports_its_neighbour(code):
    tuner = create_custom(code / "ours.py", "Corner", SPACE, direction="minimize")
    assert tuner.ask().parameters == {"x": 0.0, "layer": "none"}
    assert create_custom(code / "ours.py", "Corner", SPACE, {"at": 1, "seed": 3}).at == 1.0
    with pytest.raises(TunerError, match="att"):
        create_custom(code / "ours.py", "Corner", SPACE, {"att": 1})


def test_a_tuner_of_nnis_kind_gets_nested_parameters_and_every_result(code):
    tuner = listed(code, 0.1, 0.2, 0.3)
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
    tuner = listed(code, 0.1)
    trial = tuner.ask()
    assert tuner.ask() is None
    assert not tuner.done
    tuner.tell(trial, 1.0)
    assert tuner.ask() is None
    assert tuner.done


def test_results_of_others_are_imported_all_at_once_before_the_next_proposal(code):
    tuner = listed(code, 0.7)
    tuner.tell(Trial(0, {"x": 0.5, "layer": "none"}), 2.0)
    tuner.tell(Trial(1, {"x": 0.6, "layer": "dense", "layer.size": 1}), 3.0)
    tuner.ask()
    first, second = {"x": 0.5, "layer": {"_name": "none"}}, {"x": 0.6, "layer": {"_name": "dense", "size": 1}}
    imported = [{"parameter": first, "value": 2.0}, {"parameter": second, "value": 3.0}]
    assert tuner.inner.log[1:] == [("import", imported)]


def test_one_that_imports_nothing_gets_the_results_of_others_as_its_own(code):
    text = NNIS.replace("import_data", "other").replace("receive_trial_result", "_receive")
    (code / "forgetful.py").write_text(
        text
        + """
    def receive_trial_result(self, parameter_id, parameters, value, **kwargs):
        self.log.append((parameters["x"], value))
"""
    )
    (code / "strict.py").write_text(
        text
        + """
    def receive_trial_result(self, parameter_id, parameters, value, **kwargs):
        self.log.append({}[parameter_id])
"""
    )
    for file, log in (("forgetful.py", [(0.5, 2.0)]), ("strict.py", [])):
        tuner = create_custom(code / file, "Listed", SPACE, {"values": [0.1]})
        tuner.tell(Trial(0, {"x": 0.5, "layer": "none"}), 2.0)
        assert tuner.ask().parameters["x"] == 0.1
        assert tuner.inner.log[1:] == log


def test_a_list_goes_on_where_the_run_before_stood_and_repeats_nothing(code):
    before = listed(code, 0.1, 0.2, 0.3, 0.4)
    first, second, third = (before.ask() for _ in range(3))
    tuner = listed(code, 0.1, 0.2, 0.3, 0.4)
    for trial in (first, second, third):
        tuner.add(Trial(trial.number, trial.parameters, state=TrialState.RUNNING))
    tuner.tell(tuner.trials[1], 7.0)
    fourth = tuner.ask()
    assert (fourth.number, fourth.parameters["x"]) == (3, 0.4)
    tuner.tell(tuner.trials[0], 8.0)
    tuner.tell(fourth, 9.0)
    told = [entry for entry in tuner.inner.log if entry[0] == "result"]
    assert told == [("result", 1, 3, 7.0), ("result", 0, 3, 8.0), ("result", 3, 3, 9.0)]


def test_what_violates_a_constraint_is_led_to_what_does_not_and_told_as_that(code):
    space = SearchSpace.from_json({**SPACE.to_json(), "_constraints": ["x < 0.5"]})
    tuner = create_custom(code / "nnis.py", "Listed", space, {"values": [0.9]})
    trial = tuner.ask()
    assert trial.parameters["x"] < 0.5
    assert tuner.inner.log == [("space", ["layer", "x"])]
    tuner.tell(trial, 1.0)
    assert tuner.inner.log[1] == ("result", 0, trial.parameters["layer.size"], 1.0)


def test_what_numpy_made_becomes_plain_values_and_anything_else_is_refused(code):
    tuner = listed(code, np.float32(0.5), {1, 2}, float("nan"))
    assert type(tuner.ask().parameters["x"]) is float
    for generated in (r"\{1, 2\}", "nan"):
        with pytest.raises(TunerError, match=rf"Listed generated .*{generated}"):
            tuner.ask()


@pytest.mark.parametrize("given", [{}, {"optimize_mode": "maximize", "seed": 1}])
def test_the_experiments_direction_and_seed_reach_a_class_of_nnis_kind(code, given):
    arguments = {"values": [], **given}
    tuner = create_custom(code / "nnis.py", "Listed", SPACE, arguments, direction="minimize", seed=4)
    assert (tuner.direction, tuner.inner.mode, tuner.inner.seed) == ("minimize", "minimize", 4)


def test_a_class_has_its_own_direction_and_seed_where_nobody_gives_another(code):
    (code / "mine.py").write_text(NNIS.replace('"maximize", seed=None', '"minimize", seed=42'))
    cls = load_tuner(code / "mine.py", "Listed")
    assert (default_direction(cls, {}), default_seed(cls)) == ("minimize", 42)
    assert default_direction(cls, {"optimize_mode": "maximize"}) == "maximize"
    assert create_custom(code / "mine.py", "Listed", SPACE, {"values": []}).inner.mode == "minimize"


def test_a_file_is_run_once_and_again_when_it_changed(code):
    load_assessor(code / "assess.py", "Impatient").seen = True
    assert load_assessor(code / "assess.py", "Impatient").seen
    (code / "assess.py").write_text(ASSESSOR + "# changed\n")
    assert not hasattr(load_assessor(code / "assess.py", "Impatient"), "seen")


def test_a_file_of_a_package_imports_relatively(code):
    package = code / "own_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "values.py").write_text("VALUES = [0.25]\n")
    (package / "tuner.py").write_text("from .values import VALUES" + NNIS + "        self.log += VALUES\n")
    tuner = create_custom(package / "tuner.py", "Listed", SPACE, {"values": [0.5]})
    tuner.tell(Trial(0, {"x": 0.5, "layer": "none"}), 2.0)
    tuner.ask()
    assert tuner.inner.log[-1] == 0.25


def test_what_a_class_prints_is_kept_off_stdout(code, capsys):
    (code / "loud.py").write_text(
        "print('loaded')" + NNIS.replace("self.values, ", "print('made');self.values, ")
    )
    create_custom(code / "loud.py", "Listed", SPACE, {"values": []})
    assert capsys.readouterr() == ("", "loaded\nmade\n")


def test_an_assessor_of_nnis_kind_judges_and_learns_who_ended(code):
    assessor = create_custom_assessor(code / "assess.py", "Impatient", {"limit": 3})
    trial = Trial(5, {}, state=TrialState.RUNNING)
    peers = [Trial(0, {}, state=TrialState.SUCCEEDED), Trial(1, {}, state=TrialState.FAILED)]
    answers = []
    for step in range(3):
        trial.intermediate.append(Metric(step, 0.5))
        answers.append(assessor.should_stop(trial, peers))
    assert answers == [False, False, True]
    assert assessor.inner.ended == [("0", True), ("1", False)]


def test_nni_is_stood_in_for_only_while_a_file_is_loaded(code):
    listed(code)
    assert "nni" not in sys.modules


@pytest.mark.parametrize(
    ("file", "class_name", "arguments", "said"),
    [
        ("gone.py", "X", {}, "there is no file"),
        ("nnis.py", "Lister", {}, "did you mean Listed?"),
        ("nnis.py", "Corner", {}, "its classes are Listed"),
        ("broken.py", "X", {}, "broken.py:3: ZeroDivisionError: division by zero"),
        ("unfinished.py", "X", {}, "unfinished.py:2: SyntaxError: "),
        ("leaving.py", "X", {}, "leaving.py:2: SystemExit: 3"),
        ("assess.py", "Impatient", {}, "is no tuner: it has no generate_parameters"),
        ("nnis.py", "Listed", {"value": 1}, "Listed has no argument 'value' did you mean values?"),
        ("nnis.py", "Listed", {}, "Listed needs the argument 'values'"),
        ("nnis.py", "Listed", {"values": 7}, "the tuner Listed failed at {code}/nnis.py:7: TypeError: "),
        ("spaceless.py", "Spaceless", {}, "Error: a tuner must define update_search_space"),
    ],
)
def test_mistakes_are_said_with_their_place_and_the_cure(code, file, class_name, arguments, said):
    (code / "broken.py").write_text("import os\n\n1 / 0\n")
    (code / "unfinished.py").write_text("import os\ndef f(:\n")
    (code / "leaving.py").write_text("import sys\nsys.exit(3)\n")
    spaceless = "from nni.tuner import Tuner\nclass Spaceless(Tuner):\n    generate_parameters = print\n"
    (code / "spaceless.py").write_text(spaceless)
    with pytest.raises(TunerError) as caught:
        create_custom(code / file, class_name, SPACE, arguments)
    assert said.format(code=code) in f"{caught.value} {caught.value.help}"


def test_an_assessor_of_our_kind_has_the_experiments_direction(code):
    (code / "own.py").write_text(
        "from hpo.tuners import Assessor\n\n\nclass Slow(Assessor):\n    name = 'Slow'\n"
        "    def __init__(self, *, steps: int = 2, **common):\n"
        "        super().__init__(**common)\n        self.steps = steps\n"
        "    def should_stop(self, trial, peers):\n        return len(trial.intermediate) >= self.steps\n"
    )
    assessor = create_custom_assessor(code / "own.py", "Slow", {"steps": 1}, direction="minimize")
    trial = Trial(0, {}, state=TrialState.RUNNING)
    trial.intermediate.append(Metric(0, 0.5))
    assert (assessor.direction, assessor.should_stop(trial, [])) == ("minimize", True)
    with pytest.raises(TunerError, match="step"):
        create_custom_assessor(code / "own.py", "Slow", {"step": 1})
