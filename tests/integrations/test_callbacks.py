"""The callbacks for training frameworks, with the frameworks themselves: without one, its test is skipped."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from commands import data

DATA = """import hpo, numpy as np
rng = np.random.default_rng(0)
X = rng.normal(size=(200, 3)).astype("float32"); y = (X[:, 0] > 0).astype("float32")
rate = 0.3  # hpo: uniform(0.1, 0.9)
"""
SCRIPTS = {
    "xgboost": """
import xgboost as xgb
from hpo.integrations.xgboost import Report
sets = [(xgb.DMatrix(X[:100], y[:100]), "train"), (xgb.DMatrix(X[100:], y[100:]), "valid")]
options = {"eta": rate, "objective": "binary:logistic", "eval_metric": ["auc", "logloss"], "nthread": 1}
log = {}
xgb.train(options, sets[0][0], 3, evals=sets, evals_result=log, verbose_eval=False,
    callbacks=[Report(METRIC)])
expected = log["valid"][METRIC or "logloss"]
""",
    "lightgbm": """
import lightgbm as lgb
from hpo.integrations.lightgbm import Report
train = lgb.Dataset(X[:100], y[:100]); valid = lgb.Dataset(X[100:], y[100:], reference=train)
options = {"learning_rate": rate, "objective": "binary", "metric": ["auc", "binary_logloss"], "verbose": -1}
log = {}
keep = lgb.record_evaluation(log)
lgb.train({**options, "num_threads": 1}, train, 3, valid_sets=[valid], callbacks=[Report(METRIC), keep])
expected = log["valid_0"][METRIC or "auc"]
""",
    "lightning": """
import torch, lightning
from hpo.integrations.lightning import Report
class Model(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 1)
    def loss(self, batch):
        return torch.nn.functional.binary_cross_entropy_with_logits(self.layer(batch[0])[:, 0], batch[1])
    def training_step(self, batch, _):
        return self.loss(batch)
    def validation_step(self, batch, _):
        self.log("auc", self.loss(batch))
    def on_validation_epoch_end(self):
        if not self.trainer.sanity_checking:
            expected.append(float(self.trainer.callback_metrics["auc"]))
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=rate)
expected = []
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(y)), 50)
trainer = lightning.Trainer(max_epochs=3, accelerator="cpu", logger=False, enable_checkpointing=False,
    enable_progress_bar=False, callbacks=[Report(METRIC or "auc")])
trainer.fit(Model(), loader, loader)
""",
    "keras": """
import keras
from hpo.integrations.keras import Report
model = keras.Sequential([keras.layers.Dense(1, activation="sigmoid")])
model.compile(keras.optimizers.SGD(rate), "binary_crossentropy", metrics=["auc"])
report = Report(METRIC) if METRIC else Report()
run = model.fit(X, y, epochs=3, validation_split=0.5, verbose=0, callbacks=[report])
expected = run.history[METRIC or "val_loss"]
""",
}


def hpo(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hpo", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(params=list(SCRIPTS))
def framework(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name: str = request.param
    if find_spec(name) is None:
        pytest.skip(f"{name} is not installed (requirements/ecosystem.txt)")
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return name


@pytest.mark.parametrize("metric", [None, "auc"])
def test_it_reports_what_the_framework_recorded(framework: str, metric: str | None) -> None:
    told = "hpo.report_final_result({'default': expected[-1], 'expected': list(map(float, expected))})\n"
    Path("train.py").write_text(f"METRIC = {metric!r}\n" + DATA + SCRIPTS[framework] + told)
    hpo("run", "train.py", "--max-trials", "2")
    exported = json.loads(hpo("export", "--format", "json").stdout)
    finals = {t["number"]: t for t in exported}
    for trial in finals.values():
        assert len(trial["intermediate"]) == 3
        assert [step for step, _ in trial["intermediate"]] == [0, 1, 2]
        assert trial["intermediate"][-1][1] == pytest.approx(trial["value"], rel=1e-6)


def test_a_metric_that_is_not_there_is_an_error_that_names_those_that_are(framework: str) -> None:
    Path("train.py").write_text("METRIC = 'acuracy'\n" + DATA + SCRIPTS[framework])
    hpo("run", "train.py", "--max-trials", "1", code=1)
    detail = data("trial", "list")[0]["detail"]
    assert "there is no metric" in detail
    assert "auc" in detail


def test_by_hand_it_reports_nowhere_and_is_in_nobodys_way(framework: str) -> None:
    Path("train.py").write_text("METRIC = None\n" + DATA + SCRIPTS[framework] + "print(len(expected))\n")
    command = [sys.executable, "train.py"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout.splitlines()[-1] == "3"
