"""Tuners, assessors and advisors written for NNI get what NNI's dispatcher would have given them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import trials

TRIAL = """\
import time, nni
x = nni.get_next_parameter()["x"]
for epoch in range(3):
    nni.report_intermediate_result({"default": x, "loss": epoch})
    time.sleep(0.2 if x > 0.3 else 600)
nni.report_final_result({"default": x, "loss": 7})
"""
CONFIG = """\
experimentName: classes
searchSpace: {{x: {{_type: uniform, _value: [0, 1]}}}}
trialCommand: python3 trial.py
trialConcurrency: 1
maxTrialNumber: {trials}
{algorithms}
trainingService: {{platform: local}}
"""
TUNER = "tuner: {className: classes.Mine, classArgs: {optimize_mode: minimize}}\n"
CLASSES = """\
import nni
from nni.tuner import Tuner
from nni.assessor import Assessor, AssessResult

def say(*what):
    with open("said", "a") as file:
        print(*what, file=file)

class Mine(Tuner):
    def __init__(self, optimize_mode):
        self.values = [0.5, 0.7]
    def update_search_space(self, search_space):
        from nni.utils import NodeType  # NNI's modules are there in methods, too
        say("space", search_space["x"][NodeType.VALUE])
    def generate_parameters(self, parameter_id, **kwargs):
        if parameter_id >= len(self.values):
            raise nni.NoMoreTrialError("that is all")
        return {"x": self.values[parameter_id]}
    def receive_trial_result(self, parameter_id, parameters, value, **kwargs):
        more = kwargs["customized"], kwargs["trial_job_id"]
        say("result", parameter_id, parameters["x"], value["loss"], *more)
    def load_checkpoint(self):
        say("load", self.get_checkpoint_path())
    def import_data(self, data):
        say("import", sorted(each["value"]["loss"] for each in data))
    def _on_exit(self):
        say("exit")
    def _on_error(self):
        say("error")

class Watcher(Assessor):
    def assess_trial(self, trial_job_id, trial_history):
        say("assess", trial_job_id, trial_history[-1]["loss"])
        return AssessResult.Good
    def _on_exit(self):
        say("assessor's exit")

class Silent(Assessor):
    def assess_trial(self, trial_job_id, trial_history):
        pass
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    Path("trial.py").write_text(TRIAL)
    Path("classes.py").write_text(CLASSES)


def run(algorithms: str, *, trials: int = 9, code: int = 0) -> str:
    Path("config.yml").write_text(CONFIG.format(trials=trials, algorithms=algorithms))
    return hpo("run", "--config", "config.yml", code=code)


def hpo(*arguments: str, code: int = 0) -> str:
    command = [sys.executable, "-m", "hpo", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def said() -> list[str]:
    return Path("said").read_text().splitlines()


def states() -> list[str]:
    return [trial["state"] for trial in trials()]


def test_a_result_that_is_a_dict_comes_whole_and_the_end_is_told() -> None:
    out = run(TUNER + "assessor: {className: classes.Watcher}\n")
    assert "2 trials succeeded" in out
    assert "the tuner has nothing more to propose" in out
    told = said()
    assert "space [0, 1]" in told
    assert [line for line in told if line.startswith("result")] == [
        "result 0 0.5 7 False 0",
        "result 1 0.7 7 False 1",
    ]
    assert "assess 0 0" in told
    assert told[-2:] == ["exit", "assessor's exit"]


def test_on_resuming_it_may_load_a_checkpoint_and_gets_whole_results() -> None:
    run(TUNER, trials=1)
    Path("said").unlink()
    hpo("update", "--max-trials", "2")
    hpo("resume")
    assert [line for line in said() if not line.startswith("space")] == [
        "load None",
        "import [7]",
        "result 0 0.5 7 False 0",  # it proposed that again, and is told what came of it
        "result 1 0.7 7 False 1",
        "exit",
    ]


def test_a_class_that_fails_is_told_of_it() -> None:
    Path("classes.py").write_text(CLASSES.replace('value["loss"]', 'value["nothing"]'))
    assert "KeyError: 'nothing'" in run(TUNER, code=2)
    assert said()[-1] == "error"


def test_an_assessor_that_answers_nothing_is_refused_as_in_nni() -> None:
    out = run(TUNER + "assessor: {className: classes.Silent}\n", code=2)
    assert "the assessor Silent answered None of trial 0" in out
    assert "let assess_trial return AssessResult.Good or AssessResult.Bad" in out


def test_one_that_never_answers_is_ended_by_a_second_interruption() -> None:
    Path("classes.py").write_text(
        CLASSES.replace(
            "        if parameter_id >= len(self.values):",
            """        say("asked")
        while True:
            pass
        if parameter_id >= len(self.values):""",
        )
    )
    Path("config.yml").write_text(CONFIG.format(trials=1, algorithms=TUNER))
    command = [sys.executable, "-m", "hpo", "run", "--config", "config.yml"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        limit = time.monotonic() + 60
        while not (Path("said").exists() and "asked" in said()):
            assert time.monotonic() < limit
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert process.poll() is None
        while process.poll() is None:  # two that come before the first is looked at are one to the kernel
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
        _, err = process.communicate()
    assert "Traceback" not in err
    assert "Interrupted: it was still at work when the second signal came" in err


def test_one_with_nothing_to_try_says_so() -> None:
    Path("classes.py").write_text(CLASSES.replace("[0.5, 0.7]", "[]"))
    assert "no trial succeeded: the tuner has nothing more to propose" in run(TUNER, code=1)


@pytest.mark.parametrize(
    "line", ["from nni.algorithms.hpo.tpe_tuner import TpeTuner", "from nni.utils import json2space"]
)
def test_a_part_of_nni_that_is_not_here_is_said_with_the_cure(line: str) -> None:
    Path("classes.py").write_text(f"{line}\n{CLASSES}")
    out = run(TUNER, code=2)
    assert "config.yml:6:20: error: the import of classes.py failed at " in out
    assert "install NNI beside it (pip install nni), or do without" in out


def test_another_space_reaches_it_with_what_is_known() -> None:
    run(TUNER, trials=1)
    Path("space.json").write_text('{"x": {"_type": "uniform", "_value": [0, 2]}}')
    Path("said").unlink()
    hpo("update", "--space", "space.json", "--max-trials", "2")
    hpo("resume")
    assert said()[-1] == "exit"
    assert "space [0, 2]" in said()
    assert "result 1 0.7 7 False 1" in said()


class TestAdvisors:
    """Classes that derive from NNI's dispatcher: they get and send its messages."""

    ADVISOR = """\
import nni
from nni import parameter_expressions
from nni.runtime.msg_dispatcher_base import MsgDispatcherBase
from nni.runtime.tuner_command_channel import CommandType
from nni.utils import MetricType

def say(*what):
    with open("said", "a") as file:
        print(*what, file=file)

class Mine(MsgDispatcherBase):
    def __init__(self, values):
        super().__init__()
        self.values, self.number = values, 0
    def handle_initialize(self, data):
        self.handle_update_search_space(data)
        self.send(CommandType.Initialized, "")
    def handle_update_search_space(self, data):
        self.space = data
    def handle_request_trial_jobs(self, data):
        for _ in range(data):
            if self.number == len(self.values):
                self.send(CommandType.NoMoreTrialJobs, "")
                return
            trial = {"parameter_id": self.number, "parameters": {"x": self.values[self.number]}}
            self.send(CommandType.NewTrialJob, nni.dump(trial))
            self.number += 1
    def handle_report_metric_data(self, data):
        value = nni.load(data["value"])
        say(data["type"], data["parameter_id"], value["default"])
        if data["type"] == MetricType.PERIODICAL and value["default"] < 0.3:
            self.send(CommandType.KillTrialJob, nni.dump(data["trial_job_id"]))
    def handle_trial_end(self, data):
        say(data["event"], nni.load(data["hyper_params"])["parameter_id"])
    def handle_import_data(self, data):
        say("import", len(data))
"""
    NAMED = "{{codeDirectory: ., className: {name}, classArgs: {{values: [0.5, 0.1, 0.9]}}}}\n"

    @pytest.mark.parametrize("field", ["tuner", "advisor"])
    def test_it_proposes_and_kills_and_learns(self, field: str) -> None:
        Path("advisor.py").write_text(self.ADVISOR)
        out = run(f"{field}: " + self.NAMED.format(name="advisor.Mine"))
        assert "the tuner has nothing more to propose" in out
        assert states() == ["succeeded", "early_stopped", "succeeded"]
        told = said()
        assert [line for line in told if "PERIODICAL" not in line] == [
            "FINAL 0 0.5",
            "SUCCEEDED 0",
            "EARLY_STOPPED 1",
            "FINAL 2 0.9",
            "SUCCEEDED 2",
        ]
        assert told.count("PERIODICAL 0 0.5") == told.count("PERIODICAL 2 0.9") == 3

    def test_it_is_resumed_with_the_results_so_far(self) -> None:
        Path("advisor.py").write_text(self.ADVISOR)
        run("tuner: " + self.NAMED.format(name="advisor.Mine"), trials=1)
        hpo("update", "--max-trials", "2")
        hpo("resume")
        assert "import 1" in said()

    def test_the_paths_and_the_function_of_nni_1_will_do(self) -> None:
        older = self.ADVISOR.replace("nni.runtime.msg_dispatcher_base", "nni.msg_dispatcher_base")
        older = older.replace("nni.runtime.tuner_command_channel import CommandType", "nni.protocol import *")
        Path("advisor.py").write_text(older.replace("self.send(", "send("))
        run("tuner: " + self.NAMED.format(name="advisor.Mine"), trials=1)
        assert states() == ["succeeded"]

    @pytest.mark.parametrize(
        ("instead", "message"),
        [
            ('"no trial"', "which is no trial"),
            ('nni.dump({"parameter_id": 0})', "which is no trial"),
            ('nni.dump({"parameter_id": 0, "parameters": 3})', "which is no configuration of the space"),
        ],
    )
    def test_a_message_that_says_nothing_is_named(self, instead: str, message: str) -> None:
        Path("advisor.py").write_text(self.ADVISOR.replace("nni.dump(trial)", instead))
        out = run("tuner: " + self.NAMED.format(name="advisor.Mine"), code=2)
        assert message in out
