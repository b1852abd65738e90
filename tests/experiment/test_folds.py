"""A trial that reports the folds of a cross-validation: its result is their mean."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import fmean, stdev

import pytest
from commands import data, hpo

SCRIPT = """import hpo
x = 0.5  # hpo: uniform(0, 1)
for fold in range(4):
    '''@hpo.report_fold({"default": x + fold, "other": fold})'''
"""


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    Path("train.py").write_text(SCRIPT)


def test_the_mean_of_the_folds_is_the_result_and_on_the_way_the_mean_so_far() -> None:
    done = hpo("run", "train.py", "--max-trials", "2")
    assert "reports a result" not in done.stderr
    assert "the mean of 4 folds" in done.stderr
    for trial in data("trial", "list"):
        values = [trial["parameters"]["x"] + fold for fold in range(4)]
        assert trial["value"] == pytest.approx(fmean(values))
        assert trial["deviation"] == pytest.approx(stdev(values))
        means = [[n, pytest.approx(fmean(values[: n + 1]))] for n in range(4)]
        assert trial["intermediate"] == means
    exported = json.loads(hpo("export", "--format", "nni").stdout)
    assert exported


def test_an_assessor_stops_what_is_hopeless_after_a_few_folds() -> None:
    # Whoever is hopeless waits for being stopped, however long it takes until somebody looks.
    Path("train.py").write_text(
        "import time, hpo\nx = 0.5  # hpo: uniform(0, 1)\nfor fold in range(60):\n"
        "    hpo.report_fold(x)\n    time.sleep(600 if x < 0.5 and fold > 9 else 0)\n"
    )
    Path("config.yml").write_text(
        "trialCommand: python train.py\nmaxTrialNumber: 8\nseed: 3\n"
        "assessor: {name: Medianstop, classArgs: {start_step: 2}}\n"
    )
    hpo("run", "--config", "config.yml")
    hopeless = [t for t in data("trial", "list") if t["parameters"]["x"] < 0.5]
    assert hopeless
    assert {t["state"] for t in hopeless} == {"early_stopped"}
    assert all(t["value"] is None and 2 <= len(t["intermediate"]) < 60 for t in hopeless)
    assert all(t["detail"] == f"Medianstop, after {len(t['intermediate'])} reports" for t in hopeless)


def test_a_fold_that_is_no_number_fails_the_trial_and_a_trial_that_breaks_off_has_no_result() -> None:
    Path("train.py").write_text(SCRIPT.replace("x + fold", 'float("nan") if fold == 2 else x'))
    hpo("run", "train.py", "--max-trials", "1", code=1)
    (trial,) = data("trial", "list")
    assert trial["failure"] == "bad_value"
    assert "fold 2: nan is no finite number" in trial["detail"]
    Path("train.py").write_text(SCRIPT + "raise SystemExit(4)\n")
    hpo("run", "train.py", "--max-trials", "1", code=1)
    assert data("trial", "list")[0]["failure"] == "exit"


def test_a_result_that_is_reported_beside_the_folds_is_the_result() -> None:
    Path("train.py").write_text(SCRIPT + "hpo.report_final_result(7)\n")
    assert data("run", "train.py", "--max-trials", "1")["value"] == 7


def test_a_trial_in_another_language_reports_folds_too_and_each_run_of_several_has_its_own() -> None:
    Path("run.sh").write_text(f"for v in 1 2 6; do {sys.executable} -m hpo metric $v --fold; done\n")
    Path("space.json").write_text('{"x": {"_type": "uniform", "_value": [0, 1]}}')
    Path("config.yml").write_text("trialCommand: sh run.sh\nsearchSpaceFile: space.json\nmaxTrialNumber: 1\n")
    best = data("run", "--config", "config.yml", "--repeat", "2")
    assert (best["value"], best["deviation"], best["runs"]) == (3, 0, 2)
    assert data("trial", "list")[0]["runs"] == [3, 3]
    hpo("run", "--config", "config.yml")
    assert data("best")["deviation"] == pytest.approx(stdev([1, 2, 6]))
