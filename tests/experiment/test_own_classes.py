"""Folders written for NNI, with tuners and assessors of their own: run, killed, mended and resumed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import data, trials

TUNER = """\
import random
from nni.tuner import Tuner
from nni.utils import OptimizeMode, extract_scalar_reward

class Climber(Tuner):
    def __init__(self, optimize_mode="maximize", width=0.1, seed=None):
        self.sign = 1 if OptimizeMode(optimize_mode) is OptimizeMode.Maximize else -1
        self.random, self.width, self.best, self.told = random.Random(seed), width, None, []
    def update_search_space(self, search_space):
        self.low, self.high = search_space["x"]["_value"]
    def generate_parameters(self, parameter_id, **kwargs):
        print("asked for", parameter_id)
        if self.best is None:
            return {"x": self.random.uniform(self.low, self.high)}
        x = self.best[1]["x"] + self.random.uniform(-self.width, self.width)
        return {"x": min(self.high, max(self.low, x))}
    def receive_trial_result(self, parameter_id, parameters, value, **kwargs):
        self.learn(parameters, value)
    def import_data(self, data):
        with open("imported", "a") as file:
            print(sorted(each["value"] for each in data), file=file)
        for each in data:
            self.learn(each["parameter"], each["value"])
    def learn(self, parameters, value):
        reward = self.sign * extract_scalar_reward(value)
        if self.best is None or reward > self.best[0]:
            self.best = reward, parameters
"""
ASSESSOR = """\
from nni.assessor import Assessor, AssessResult

class Floor(Assessor):
    def __init__(self, floor):
        self.floor = floor
    def assess_trial(self, trial_job_id, trial_history):
        return AssessResult.Bad if trial_history[-1] < self.floor else AssessResult.Good
"""
TRIAL = """\
import os, time
import nni
x = nni.get_next_parameter()["x"]
while os.path.exists("wait") and nni.get_sequence_id() >= 9:
    time.sleep(0.02)
for epoch in range(3):
    nni.report_intermediate_result(x + epoch / 100)
    time.sleep(0.05 if x > 0.3 else 600)
nni.report_final_result(x)
with open("finished", "a") as file:
    print(nni.get_sequence_id(), file=file)
"""
V1 = """\
authorName: somebody
experimentName: climb
trialConcurrency: 2
maxTrialNum: 12
trainingServicePlatform: local
searchSpacePath: search_space.json
useAnnotation: false
tuner:
  codeDir: code
  classFileName: climber.py
  className: Climber
  classArgs: {optimize_mode: maximize, width: 0.2, seed: 4}
assessor:
  codeDir: code
  classFileName: floor_assessor.py
  className: Floor
  classArgs: {floor: 0.3}
trial: {command: python3 trial.py, codeDir: ., gpuNum: 0}
"""
V2 = """\
experimentName: climb
searchSpaceFile: search_space.json
trialCommand: python3 trial.py
trialConcurrency: 2
maxTrialNumber: 12
tuner: {codeDirectory: code, className: climber.Climber, classArgs: {width: 0.2, seed: 4}}
assessor: {codeDirectory: code, className: floor_assessor.Floor, classArgs: {floor: 0.3}}
trainingService: {platform: local}
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    (tmp_path / "work" / "code").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")
    Path("search_space.json").write_text('{"x": {"_type": "uniform", "_value": [0, 1]}}')
    Path("trial.py").write_text(TRIAL)
    Path("code/climber.py").write_text(TUNER)
    Path("code/floor_assessor.py").write_text(ASSESSOR)
    Path("v1.yml").write_text(V1)
    Path("v2.yml").write_text(V2)


def hpo(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "hpo", *arguments], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done


def wait_until(condition: Callable[[], object]) -> None:
    limit = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.02)


def finished() -> list[str]:
    return Path("finished").read_text().split() if Path("finished").exists() else []


@pytest.mark.parametrize("file", ["v1.yml", "v2.yml"])
def test_a_folder_with_a_tuner_and_an_assessor_of_its_own_runs_to_the_end(file: str) -> None:
    done = hpo("run", "--config", file, "--json")
    assert json.loads(done.stdout)["value"] == max(t["value"] or 0 for t in trials())
    assert "asked for 11" in done.stderr
    assert len(trials()) == 12
    for trial in trials():
        stopped = trial["parameters"]["x"] < 0.3
        assert trial["state"] == ("early_stopped" if stopped else "succeeded"), trial
        assert (trial["detail"] or "").startswith("Floor, after" if stopped else ""), trial
    assert "early_stopped" in {t["state"] for t in trials()}


def test_killed_in_the_middle_it_is_resumed_and_repeats_nothing() -> None:
    Path("wait").touch()
    runner = subprocess.Popen(
        [sys.executable, "-m", "hpo", "run", "--config", "v1.yml"], stderr=subprocess.DEVNULL
    )
    wait_until(lambda: len(finished()) >= 3)
    runner.send_signal(signal.SIGKILL)
    runner.wait()
    Path("wait").unlink()
    before = {t["number"]: t["value"] for t in trials() if t["value"] is not None}
    assert len(before) < 12
    hpo("resume")
    after = {t["number"]: t["value"] for t in trials()}
    assert len(after) == 12
    assert before.items() <= after.items()
    assert len(finished()) == len(set(finished()))
    first_import = json.loads(Path("imported").read_text().splitlines()[0])
    assert set(before.values()) <= set(first_import)


BROKEN = {
    "at import": ("code/climber.py", "import random\n", "import random\nimport gone\n", "gone", 2),
    "in the constructor": (
        "code/climber.py",
        "        self.sign",
        "        self.x.y = 1\n        self.sign",
        "'x'",
        7,
    ),
    "when it proposes": (
        "code/climber.py",
        'print("asked for", parameter_id)',
        "assert parameter_id < 5, 'no more than five'",
        "no more than five",
        12,
    ),
    "when it learns": (
        "code/climber.py",
        "        reward =",
        "        [][parameters['x'] > 0.3 and self.best is not None]\n        reward =",
        "list index",
        25,
    ),
    "when it assesses": (
        "code/floor_assessor.py",
        "        return",
        "        if int(trial_job_id) == 4: raise SystemExit('cannot judge')\n        return",
        "SystemExit: cannot judge",
        7,
    ),
}


@pytest.mark.parametrize("when", BROKEN)
def test_a_class_that_fails_is_named_with_its_line_and_once_mended_the_experiment_goes_on(when: str) -> None:
    file, right, wrong, said, line = BROKEN[when]
    text = Path(file).read_text()
    Path(file).write_text(text.replace(right, wrong, 1))
    errors = hpo("run", "--config", "v1.yml", code=2).stderr
    assert f"{Path(file).resolve()}:{line}: " in errors
    assert said in errors
    if when in ("at import", "in the constructor"):
        assert hpo("list", "--json").stdout == "[]\n"
        return
    (shown,) = data("list")
    assert shown["status"] == "error"
    assert f"hpo resume {shown['id']}" in errors
    recorded = {t["number"]: t["value"] for t in trials() if t["value"] is not None}
    Path(file).write_text(text)
    hpo("resume")
    assert len(trials()) == 12
    assert recorded.items() <= {t["number"]: t["value"] for t in trials()}.items()
    assert len(finished()) == len(set(finished()))


OURS = """\
from hpo.trial import Trial
from hpo.tuners.base import Tuner

class Halving(Tuner):
    def suggest(self, number):
        told = sorted(self.results, key=lambda n: (self.results[n] is None, self.results[n]))
        x = self.rng(number).random() if not told else self.trials[told[0]].parameters["x"] / 2
        return Trial(number, {"x": x + number / 1000})
"""
MARKED = """\
import os, time
import hpo
x = 0.9  # hpo: uniform(0, 1)
while os.path.exists("wait") and hpo.get_sequence_id() >= 4:
    time.sleep(0.02)
hpo.report_final_result(x)
print(hpo.get_sequence_id(), file=open("finished", "a"))
"""


def test_a_tuner_of_our_kind_on_the_command_line_proposes_the_same_after_a_kill() -> None:
    Path("ours.py").write_text(OURS)
    Path("marked.py").write_text(MARKED)
    command = [
        "run",
        "marked.py",
        "--tuner",
        "ours.py:Halving",
        "--minimize",
        "--max-trials",
        "8",
        "--seed",
        "1",
    ]
    hpo(*command)
    whole = [t["parameters"] for t in trials()]
    assert whole[0] == {"x": 0.9}
    Path("finished").unlink()
    Path("wait").touch()
    runner = subprocess.Popen([sys.executable, "-m", "hpo", *command], stderr=subprocess.DEVNULL)
    wait_until(lambda: len(finished()) >= 3)
    runner.kill()
    runner.wait()
    Path("wait").unlink()
    hpo("resume")
    assert [t["parameters"] for t in trials()] == whole


def test_direction_and_seed_on_the_command_line_reach_a_class_of_nnis_kind() -> None:
    Path("marked.py").write_text(MARKED)
    line = "self.random, self.width"
    Path("code/climber.py").write_text(
        TUNER.replace(line, f"print('sign', self.sign, 'seed', seed)\n        {line}")
    )
    tuner = ["--tuner", "code/climber.py:Climber"]
    done = hpo("run", "marked.py", *tuner, "--minimize", "--seed", "7", "--max-trials", "2", "--json")
    assert "sign -1 seed 7\n" in done.stderr
    assert json.loads(done.stdout)["baseline"] == 0.9


def test_a_class_of_ones_own_that_is_to_find_a_front_is_refused_with_those_that_can() -> None:
    Path("ours.py").write_text(OURS)
    Path("marked.py").write_text(MARKED)
    options = ("--tuner", "ours.py:Halving", "--objective", "a:max", "--objective", "b:min")
    said = hpo("run", "marked.py", *options, code=2).stderr
    assert "Halving, a class of your own, takes one objective" in said
    assert "NSGA2" in said


def test_an_option_that_names_no_class_says_how_to() -> None:
    named = "--tuner code/climber.py:Class"
    assert named in hpo("run", "trial.py", "--tuner", "code/climber.py:", code=2).stderr
    assert "--assessor names nothing" in hpo("run", "trial.py", "--assessor", "", code=2).stderr
    assert (
        "--tuner code/climber.py:Class" in hpo("run", "trial.py", "--tuner", "code/climber.py", code=2).stderr
    )
    assert (
        "did you mean Climber?"
        in hpo("run", "--config", "v1.yml", "--tuner", "code/climber.py:Climbr", code=2).stderr
    )


MEDIAN = {
    "v1": V1.split("tuner:")[0]
    + """\
tuner: {builtinTunerName: Batch}
assessor: {builtinAssessorName: Medianstop, classArgs: {optimize_mode: maximize, start_step: 1}}
trial: {command: python3 trial.py, codeDir: ., gpuNum: 0}
""",
    "v2": V2.split("tuner:")[0]
    + """\
tuner: {name: Batch}
assessor: {name: Medianstop, classArgs: {optimize_mode: maximize, start_step: 1}}
trainingService: {platform: local}
""",
}


@pytest.mark.parametrize("generation", MEDIAN)
def test_medianstop_in_a_file_stops_a_bad_trial(generation: str) -> None:
    # One by one: the third is the worst, and would sleep for minutes after its second report.
    space = {"x": {"_type": "choice", "_value": [0.7, 0.8, 0.1, 0.9]}}
    Path("search_space.json").write_text(json.dumps(space))
    Path("trial.py").write_text(
        TRIAL.replace("0.05 if x > 0.3 else 600", "0.05 if x > 0.3 or epoch == 0 else 600")
    )
    Path("median.yml").write_text(MEDIAN[generation])
    hpo("run", "--config", "median.yml", "--concurrency", "1")
    told = [(t["parameters"]["x"], t["state"], len(t["intermediate"])) for t in trials()]
    good = "succeeded"
    assert told[:3] == [(0.7, good, 3), (0.8, good, 3), (0.1, "early_stopped", 2)]


NOWHERE = """\
from hpo.trial import Trial
from hpo.tuners.base import Tuner
import nni.tuner

class Ours(Tuner):
    def suggest(self, number):
        return Trial(number, {"x": 7.5})

class Theirs(nni.tuner.Tuner):
    def update_search_space(self, search_space):
        pass
    def generate_parameters(self, parameter_id, **kwargs):
        return {"y": 0.5}
"""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Ours", "the tuner Ours proposed {'x': 7.5}: x is 7.5, which lies outside uniform(0, 1)"),
        ("Theirs", "the tuner Theirs generated {'y': 0.5}, with no parameter of the space"),
    ],
)
def test_a_class_that_proposes_what_is_not_in_the_space_is_refused(name: str, said: str) -> None:
    Path("nowhere.py").write_text(NOWHERE)
    Path("marked.py").write_text(MARKED)
    assert said in hpo("run", "marked.py", "--tuner", f"nowhere.py:{name}", code=2).stderr


def test_a_class_that_has_enough_does_not_claim_that_all_was_tried() -> None:
    Path("ours.py").write_text(
        OURS.replace("        told =", "        self.done = number > 2\n        told =")
    )
    Path("marked.py").write_text(MARKED)
    hpo("run", "marked.py", "--tuner", "ours.py:Halving", "--max-trials", "8")
    assert "done: the tuner has nothing more to propose" in hpo("show").stdout
