"""Folders written for NNI, one for each kind of example in its documentation, run as they stand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

CLASSIFICATION = """\
import logging
import nni
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

LOG = logging.getLogger("sklearn_classification")

def load_data():
    digits = load_digits()
    X_train, X_test, y_train, y_test = train_test_split(digits.data, digits.target, random_state=99)
    ss = StandardScaler()
    return ss.fit_transform(X_train), ss.transform(X_test), y_train, y_test

def get_default_parameters():
    return {"C": 1.0, "kernel": "linear", "degree": 3, "gamma": 0.01, "coef0": 0.01}

def get_model(PARAMS):
    return SVC(C=PARAMS.get("C"), kernel=PARAMS.get("kernel"), gamma=PARAMS.get("gamma"),
               degree=PARAMS.get("degree"), coef0=PARAMS.get("coef0"))

if __name__ == "__main__":
    X_train, X_test, y_train, y_test = load_data()
    try:
        RECEIVED_PARAMS = nni.get_next_parameter()
        LOG.debug(RECEIVED_PARAMS)
        PARAMS = get_default_parameters()
        PARAMS.update(RECEIVED_PARAMS)
        model = get_model(PARAMS)
        model.fit(X_train, y_train)
        nni.report_final_result(model.score(X_test, y_test))
    except Exception as exception:
        LOG.exception(exception)
        raise
"""
CLASSIFICATION_SPACE = {
    "C": {"_type": "uniform", "_value": [0.1, 1]},
    "kernel": {"_type": "choice", "_value": ["linear", "rbf", "poly", "sigmoid"]},
    "degree": {"_type": "choice", "_value": [1, 2, 3, 4]},
    "gamma": {"_type": "uniform", "_value": [0.01, 0.1]},
    "coef0": {"_type": "uniform", "_value": [0.01, 0.1]},
}
REGRESSION = """\
import nni
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsRegressor

params = nni.get_next_parameter()
X, y = load_diabetes(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
model = {"ridge": Ridge(alpha=params["alpha"]), "knn": KNeighborsRegressor()}[params["model_name"]]
nni.report_final_result(r2_score(y_test, model.fit(X_train, y_train).predict(X_test)))
"""
# The skeleton of mnist-pytorch and mnist-tfv2: arguments, merged with the tuner's, and a result an epoch.
EPOCHS = """\
import argparse
import logging
import nni
import numpy as np
from nni.utils import merge_parameter

logger = logging.getLogger("mnist")

def get_params():
    parser = argparse.ArgumentParser(description="synthetic digits")
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--hidden_size", type=int, default=512)
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--momentum", type=float, default=0.5)
    parser.add_argument("--epochs", type=int, default=25)
    args, _ = parser.parse_known_args()
    return args

def main(args):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 10))
    y = (x @ rng.normal(size=10) > 0).astype(float)
    w, velocity = np.zeros(10), np.zeros(10)
    for epoch in range(args["epochs"]):
        for i in range(0, 400, args["batch_size"]):
            xs, ys = x[i:i + args["batch_size"]], y[i:i + args["batch_size"]]
            gradient = xs.T @ (1 / (1 + np.exp(-xs @ w)) - ys) / len(xs)
            velocity = args["momentum"] * velocity - args["lr"] * gradient
            w = w + velocity
        accuracy = float(np.mean((x @ w > 0) == y))
        nni.report_intermediate_result(accuracy)
    nni.report_final_result(accuracy)

if __name__ == "__main__":
    tuner_params = nni.get_next_parameter()
    logger.debug(tuner_params)
    main(vars(merge_parameter(get_params(), tuner_params)))
"""
EPOCHS_SPACE = {
    "batch_size": {"_type": "choice", "_value": [16, 32, 64, 128]},
    "hidden_size": {"_type": "choice", "_value": [128, 256, 512, 1024]},
    "lr": {"_type": "choice", "_value": [0.0001, 0.001, 0.01, 0.1]},
    "momentum": {"_type": "uniform", "_value": [0, 1]},
}
BUDGET = """\
import nni
params = nni.get_next_parameter()
budget = params["TRIAL_BUDGET"]
for epoch in range(int(budget)):
    nni.report_intermediate_result(params["x"] * (1 - 0.5 ** (epoch + 1)))
nni.report_final_result(params["x"] * (1 - 0.5 ** int(budget)))
"""
UNIT_SPACE = {"x": {"_type": "uniform", "_value": [0, 1]}}
NESTED = """\
import nni
params = nni.get_next_parameter()
layer = params["layer0"]
size = layer.get({"Empty": "none", "Conv": "kernel_size", "Max_pool": "pooling_size"}[layer["_name"]], 0)
nni.report_final_result({"default": size + params["bias"], "size": size})
"""
NESTED_SPACE = {
    "layer0": {
        "_type": "choice",
        "_value": [
            {"_name": "Empty"},
            {"_name": "Conv", "kernel_size": {"_type": "choice", "_value": [1, 2, 3, 5]}},
            {"_name": "Max_pool", "pooling_size": {"_type": "choice", "_value": [2, 3, 5]}},
        ],
    },
    "bias": {"_type": "quniform", "_value": [0, 1, 0.25]},
}
BATCH_SPACE = {"combine_params": {"_type": "choice", "_value": [{"x": 1, "y": "a"}, {"x": 3, "y": "b"}]}}
BATCH = """\
import nni
from nni.utils import merge_parameter
nni.report_final_result(merge_parameter({"x": 0, "y": ""}, nni.get_next_parameter())["x"])
"""
ANNOTATED = '''\
import nni

def max_pool(k):
    return 10 * k

def avg_pool(k):
    return k

class Network:
    def __init__(self):
        """@nni.variable(nni.choice(2, 3, 5, 7), name=self.conv_size)"""
        self.conv_size = 2

    def build(self):
        """@nni.function_choice(max_pool(self.conv_size), avg_pool(self.conv_size), name=max_pool)"""
        return max_pool(self.conv_size)

if __name__ == "__main__":
    """@nni.get_next_parameter()"""
    """@nni.variable(nni.uniform(0, 0.5), name=bias)"""
    bias = 0.1
    result = Network().build() + bias
    """@nni.report_intermediate_result(result / 2)"""
    """@nni.report_final_result(result)"""
'''
LAYERS = '''\
def conv(inputs, size=1):
    return sum(inputs[0]) + sum(map(sum, inputs[1])) + size

def pool(inputs):
    return 1

x = [4]
"""@nni.mutable_layers(
    {layer_choice: [conv(size=1), conv(size=3), pool()],
     optional_inputs: [x], optional_input_size: 1, layer_output: out},
    {layer_choice: [conv(size=2)], fixed_inputs: [], layer_output: other})"""
"""@nni.report_final_result(out if isinstance(out, int) else 0)"""
'''


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def run(script: str, config: str, space: Any = None) -> tuple[dict[str, Any], list[dict[str, Any]], str]:
    """Run a folder; return its best trial, all of them, and what was said."""
    Path("main.py").write_text(script)
    Path("config.yml").write_text(dedent(config))
    if space is not None:
        Path("search_space.json").write_text(json.dumps(space))
    done = hpo("run", "--config", "config.yml", "--seed", "1", "--json")
    return json.loads(done.stdout), json.loads(hpo("trial", "list", "--json").stdout), done.stderr


def hpo(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hpo", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done


V1 = """\
authorName: default
experimentName: example
trialConcurrency: 2
maxExecDuration: 1h
maxTrialNum: {trials}
trainingServicePlatform: local
searchSpacePath: search_space.json
useAnnotation: false
tuner:
  builtinTunerName: {tuner}
  classArgs: {{optimize_mode: maximize}}
trial:
  command: python3 main.py
  codeDir: .
  gpuNum: 0
"""
V2 = """\
searchSpaceFile: search_space.json
trialCommand: python3 main.py
trialConcurrency: 2
maxTrialNumber: {trials}
maxExperimentDuration: 1h
tuner: {{name: {tuner}, classArgs: {{optimize_mode: maximize}}}}
trainingService: {{platform: local}}
"""


@pytest.mark.parametrize("schema", [V1, V2], ids=["v1", "v2"])
class TestBothSchemas:
    def test_sklearn_classification(self, schema: str) -> None:
        best, trials, _ = run(CLASSIFICATION, schema.format(trials=6, tuner="TPE"), CLASSIFICATION_SPACE)
        assert [t["state"] for t in trials] == ["succeeded"] * 6
        assert best["value"] == max(t["value"] for t in trials) > 0.9

    def test_sklearn_regression(self, schema: str) -> None:
        space = {
            "model_name": {"_type": "choice", "_value": ["ridge", "knn"]},
            "alpha": {"_type": "loguniform", "_value": [0.001, 10]},
        }
        best, trials, _ = run(REGRESSION, schema.format(trials=5, tuner="Evolution"), space)
        assert len(trials) == 5
        assert 0 < best["value"] < 1

    def test_nested_choices_are_handed_over_nested_and_shown_flat(self, schema: str) -> None:
        best, trials, _ = run(NESTED, schema.format(trials=12, tuner="Random"), NESTED_SPACE)
        names = {frozenset(t["parameters"]) for t in trials}
        assert names > {frozenset({"layer0", "bias"})}
        assert best["value"] >= 3

    def test_the_batch_tuner_runs_its_list_and_ends(self, schema: str) -> None:
        config = schema.format(trials=10, tuner="BatchTuner")
        _, trials, _ = run(BATCH, config, BATCH_SPACE)
        assert sorted(t["value"] for t in trials) == [1, 3]


class TestAssessors:
    @pytest.mark.parametrize(
        ("tuner", "assessor"),
        [
            ("Random", "{name: Medianstop, classArgs: {optimize_mode: maximize, start_step: 3}}"),
            ("Random", "{name: Curvefitting, classArgs: {epoch_num: 25, start_step: 4, threshold: 0.99}}"),
        ],
    )
    def test_a_trial_with_a_result_an_epoch_is_judged_on_its_way(self, tuner: str, assessor: str) -> None:
        config = V2.format(trials=16, tuner=tuner) + f"assessor: {assessor}\n"
        best, trials, _ = run(EPOCHS, config, EPOCHS_SPACE)
        assert {t["state"] for t in trials} <= {"succeeded", "early_stopped"}
        succeeded = [t for t in trials if t["state"] == "succeeded"]
        assert all(len(t["intermediate"]) == 25 for t in succeeded)
        assert best["value"] > 0.9


class TestAdvisors:
    V1_ADVISOR = """\
        authorName: default
        experimentName: example_mnist_hyperband
        trialConcurrency: 2
        maxExecDuration: 1h
        maxTrialNum: 20
        trainingServicePlatform: local
        searchSpacePath: search_space.json
        useAnnotation: false
        advisor:
          builtinAdvisorName: Hyperband
          classArgs: {R: 9, eta: 3, optimize_mode: maximize}
        trial: {command: python3 main.py, codeDir: ., gpuNum: 0}
        """
    V2_ADVISOR = """\
        searchSpaceFile: search_space.json
        trialCommand: python3 main.py
        trialConcurrency: 2
        maxTrialNumber: 20
        advisor: {name: Hyperband, classArgs: {R: 9, eta: 3, optimize_mode: maximize}}
        trainingService: {platform: local}
        """

    @pytest.mark.parametrize("config", [V1_ADVISOR, V2_ADVISOR], ids=["v1", "v2"])
    def test_hyperband_gives_each_trial_its_budget(self, config: str) -> None:
        _, trials, _ = run(BUDGET, config, UNIT_SPACE)
        assert {len(t["intermediate"]) for t in trials} == {t["budget"] for t in trials} == {1, 3, 9}


class TestAnnotation:
    V1_ANNOTATED = V1.replace("searchSpacePath: search_space.json\n", "").replace(
        "useAnnotation: false", "useAnnotation: true"
    )
    V2_ANNOTATED = V2.replace("searchSpaceFile: search_space.json", "useAnnotation: true")

    @pytest.mark.parametrize("config", [V1_ANNOTATED, V2_ANNOTATED], ids=["v1", "v2"])
    def test_annotated_code_is_tuned_as_it_stands(self, config: str) -> None:
        best, trials, _ = run(ANNOTATED, config.format(trials=25, tuner="TPE"))
        assert trials[0]["value"] == best["baseline"] == 20.1  # what the code says by itself
        assert best["value"] > 30  # whichever size: how good a tuner is, is not asked here
        assert best["parameters"]["max_pool"] == "max_pool(self.conv_size)"
        assert trials[3]["intermediate"] == [[0, trials[3]["value"] / 2]]
        assert Path("main.py").read_text() == ANNOTATED

    def test_mutable_layers_choose_a_layer_for_each_trial(self) -> None:
        config = self.V1_ANNOTATED.format(trials=8, tuner="GridSearch") + "  nasMode: classic_mode\n"
        best, trials, said = run(LAYERS, config)
        assert "trial.nasMode has no effect here" in said
        values = {t["parameters"]["out.layer_choice"]: t["value"] for t in trials}
        assert values == {"conv(size=1)": 5, "conv(size=3)": 7, "pool()": 1}
        assert best["value"] == 7


class TestEnvironment:
    def test_a_trial_knows_itself_by_nnis_variables(self) -> None:
        script = """
import json, os, nni
own = {name: value for name, value in os.environ.items() if name.startswith("NNI_")}
assert (own["NNI_EXP_ID"], own["NNI_TRIAL_JOB_ID"]) == (nni.get_experiment_id(), nni.get_trial_id())
assert own["NNI_CODE_DIR"] == os.getcwd() and own["NNI_PLATFORM"] == "local"
with open(os.path.join(own["NNI_OUTPUT_DIR"], "result"), "w") as file:
    file.write("mine")
nni.report_final_result(int(own["NNI_TRIAL_SEQ_ID"]))
"""
        best, trials, _ = run(script, V2.format(trials=2, tuner="Random"), UNIT_SPACE)
        assert [t["value"] for t in trials] == [0, 1]
        (result,) = Path(os.environ["HPO_HOME"]).glob(f"{best['experiment']}/trials/1/result")
        assert result.read_text() == "mine"


class TestWhereNniIsInstalled:
    def test_trials_import_ours_and_everything_else_imports_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "installed" / "nni").mkdir(parents=True)
        (tmp_path / "installed" / "nni" / "__init__.py").write_text("installed = True\n")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path / "installed"))
        script = """
import nni
assert not hasattr(nni, "installed")
nni.report_final_result(nni.get_next_parameter()["x"])
"""
        _, trials, _ = run(script, V2.format(trials=2, tuner="Random"), UNIT_SPACE)
        assert [t["state"] for t in trials] == ["succeeded"] * 2
        by_hand = "import hpo, nni; print(nni.installed)"
        done = subprocess.run([sys.executable, "-c", by_hand], capture_output=True, text=True, check=True)
        assert done.stdout == "True\n"
