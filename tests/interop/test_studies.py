"""Studies of Optuna's and sweeps of W&B, taken in."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from commands import data, hpo

from hpo.config.space_file import load_space
from hpo.errors import ConfigError, UsageError
from hpo.interop.optuna_study import adopt_study, study_results
from hpo.runtime.store import Store

SWEEP = """
program: train.py
method: bayes
metric: {name: loss, goal: minimize}
parameters:
  lr: {distribution: log_uniform_values, min: 1e-5, max: 0.1}
  old_lr: {distribution: log_uniform, min: 0, max: 1}
  layers: {min: 1, max: 4}
  drop: {min: 0.0, max: 0.5}
  opt: {values: [adam, sgd]}
  epochs: {value: 5}
  units: {distribution: q_uniform, min: 8, max: 64, q: 8}
  noise: {distribution: normal, mu: 1, sigma: 2}
  net:
    parameters:
      width: {values: [1, 2]}
"""


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


class TestSweeps:
    def test_its_parameters_are_a_space(self) -> None:
        Path("sweep.yaml").write_text(SWEEP)
        space = load_space(Path("sweep.yaml"))
        assert {name: str(space[name]) for name in space} == {
            "lr": "loguniform(1e-05, 0.1)",
            "old_lr": "loguniform(1.0, 2.718281828459045)",
            "layers": "randint(1, 5)",
            "drop": "uniform(0.0, 0.5)",
            "opt": "choice('adam', 'sgd')",
            "epochs": "choice(5)",
            "units": "quniform(8, 64, 8)",
            "noise": "normal(1, 2)",
            "net.width": "choice(1, 2)",
        }

    def test_an_experiment_runs_over_it(self) -> None:
        Path("sweep.yaml").write_text(SWEEP)
        Path("train.py").write_text(
            "import hpo\np = hpo.get_next_parameter()\nhpo.report_final_result(p['lr'] * p['net.width'])\n"
        )
        hpo("run", "train.py", "--space", "sweep.yaml", "--max-trials", "2", "--minimize")
        assert len(data("trial", "list")[0]["parameters"]) == 9

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("x: {distribution: beta, a: 1, b: 2}", "x: there is no counterpart to the distribution beta"),
            ("x: {min: 3}", "x: it needs 'max'"),
            ("x: {values: [1, 2], probabilities: [0.1, 0.9]}", "leave probabilities out"),
            ("x: {distribution: uniform, min: 2, max: 1}", "low is 2 and high is 1"),
            ("x: 3", "a parameter of a sweep is a mapping"),
        ],
    )
    def test_what_has_no_counterpart_is_said_at_its_place(self, line: str, said: str) -> None:
        Path("sweep.yaml").write_text(f"method: random\nparameters:\n  {line}\n")
        with pytest.raises(ConfigError) as caught:
            load_space(Path("sweep.yaml"))
        (diagnostic,) = caught.value.diagnostics
        assert said in diagnostic.message
        assert (diagnostic.file, diagnostic.line) == ("sweep.yaml", 3)


class TestStudies:
    @pytest.fixture(autouse=True)
    def _study(self) -> None:
        optuna = pytest.importorskip("optuna", reason="requirements/ecosystem.txt")
        optuna.logging.set_verbosity(optuna.logging.ERROR)

        def objective(trial: Any) -> float:
            lr = trial.suggest_float("lr", 1e-5, 1e-1, log=True)
            layers = trial.suggest_int("layers", 1, 3)
            opt = trial.suggest_categorical("opt", ["adam", "sgd"])
            if opt == "sgd":
                trial.suggest_float("momentum", 0, 1)
            trial.report(lr, 0)
            if trial.number == 3:
                raise optuna.TrialPruned
            if trial.number == 4:
                raise ValueError
            return float(lr * layers)

        study = optuna.create_study(
            study_name="mine", storage="sqlite:///study.db", direction="minimize",
            sampler=optuna.samplers.RandomSampler(seed=1),
        )  # fmt: skip
        study.optimize(objective, n_trials=20, catch=ValueError)
        self.best = study.best_value

    def test_one_becomes_an_experiment_with_its_space_and_trials(self) -> None:
        assert "18" not in hpo("import", "study.db").stderr.split("trials")[0]
        shown = data("show", "mine")
        assert shown["direction"] == "minimize"
        assert shown["trials"] == {"early_stopped": 1, "failed": 1, "succeeded": 18}
        assert shown["best"]["value"] == self.best
        assert shown["space"]["layers"] == {"_type": "randint", "_value": [1, 4]}
        assert shown["space"]["momentum"]["_when"] == {"opt": ["sgd"]}
        assert all(len(t["intermediate"]) == 1 for t in data("trial", "list", "mine"))

    def test_a_script_goes_on_from_it(self) -> None:
        hpo("import", "study.db")
        Path("train.py").write_text(
            "import hpo\nlr = 0.01  # hpo: loguniform(1e-5, 1e-1)\nlayers = 1  # hpo: randint(1, 4)\n"
            'opt = "adam"  # hpo: choice("adam", "sgd")\nhpo.report_final_result(lr * layers)\n'
        )
        done = hpo("run", "train.py", "--minimize", "--warm-from", "mine", "--max-trials", "3")
        assert "learns from 18 results of" in done.stderr

    def test_its_results_are_imported_into_an_experiment(self) -> None:
        hpo("import", "study.db")
        done = hpo("import", "mine", "study.db")
        assert "18 trials imported into" in done.stderr

    def test_of_several_one_is_named(self) -> None:
        import optuna

        optuna.create_study(study_name="other", storage="sqlite:///study.db")
        assert "holds 2 studies: mine, other" in hpo("import", "study.db", code=2).stderr
        assert "holds no study none" in hpo("import", "study.db", "--study", "none", code=2).stderr
        hpo("import", "study.db", "--study", "mine")

    def test_every_kind_of_distribution_has_its_domain(self) -> None:
        import optuna

        floating, whole = optuna.distributions.FloatDistribution, optuna.distributions.IntDistribution
        study = optuna.create_study(study_name="kinds", storage="sqlite:///kinds.db")
        distributions = {
            "float": floating(0, 2), "log": floating(0.25, 2, log=True), "steps": floating(0, 2, step=0.5),
            "offset": floating(0.25, 1.25, step=0.5), "one": floating(1, 1), "int": whole(1, 9),
            "int_log": whole(1, 9, log=True), "int_steps": whole(2, 8, step=2),
        }  # fmt: skip
        values = dict.fromkeys(distributions, 1) | {"offset": 0.75, "int_steps": 4}
        study.add_trial(optuna.create_trial(params=values, distributions=distributions, value=0.5))
        with contextlib.closing(Store(adopt_study(Path("kinds.db")))) as store:
            space = store.experiment()["space"]
            assert store.trials()[0].parameters == values
        assert {name: [each["_type"], *each["_value"]] for name, each in space.items()} == {
            "float": ["uniform", 0, 2], "log": ["loguniform", 0.25, 2], "steps": ["quniform", 0, 2, 0.5],
            "offset": ["choice", 0.25, 0.75, 1.25], "one": ["choice", 1], "int": ["randint", 1, 10],
            "int_log": ["qloguniform", 1, 9, 1], "int_steps": ["quniform", 2, 8, 2],
        }  # fmt: skip

    def test_what_cannot_be_taken_in_is_said(self) -> None:
        import optuna

        optuna.create_study(directions=["minimize", "maximize"], storage="sqlite:///two.db", study_name="two")
        with pytest.raises(UsageError, match="the study two has 2 objectives"):
            study_results(Path("two.db"))
        optuna.create_study(storage="sqlite:///empty.db", study_name="empty")
        with pytest.raises(UsageError, match="has no trial with parameters"):
            adopt_study(Path("empty.db"))
        with contextlib.closing(sqlite3.connect("two.db")) as db:
            db.execute("DROP TABLE trials")
            db.execute("ALTER TABLE studies RENAME COLUMN study_name TO name")
        with pytest.raises(UsageError, match="holds no study that this Optuna reads"):
            study_results(Path("two.db"))

    def test_another_database_is_none(self) -> None:
        import sqlite3

        db = sqlite3.connect("other.db")
        db.execute("CREATE TABLE version_info (x)")
        db.commit()
        db.close()
        assert "holds no studies" in hpo("import", "other.db", code=2).stderr


@pytest.mark.parametrize("command", [["import"], ["import", "train"]])
def test_a_database_of_somebody_else_is_refused_and_stays_as_it_is(command: list[str]) -> None:
    Path("train.py").write_text("import hpo\nx = 0.5  # hpo: uniform(0, 1)\nhpo.report_final_result(x)\n")
    hpo("run", "train.py", "--max-trials", "1")
    with contextlib.closing(sqlite3.connect("theirs.db")) as db:
        db.execute("CREATE TABLE customers (name TEXT)")
    before = Path("theirs.db").read_bytes()
    assert "theirs.db holds no studies of Optuna's" in hpo(*command, "theirs.db", code=2).stderr
    assert Path("theirs.db").read_bytes() == before
    Path("theirs.db").write_bytes(before[:100] + b"x" * 3000)
    assert "theirs.db cannot be read" in hpo(*command, "theirs.db", code=2).stderr


def test_a_file_that_is_no_database_is_told_from_a_folder_of_nnis() -> None:
    Path("study.pkl").write_bytes(b"\x80\x04.")
    assert "study.pkl is neither a study of Optuna's" in hpo("import", "study.pkl", code=2).stderr
