"""`hpo diff`: how two experiments differ."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from commands import data

BEFORE = """import hpo
x = 0.5  # hpo: uniform(0, 1)
y = 1  # hpo: choice(1, 2)
'''@hpo.report_final_result(x + y)'''
"""
AFTER = "# coding: latin-1\n# caf\xe9\n" + BEFORE.replace("uniform(0, 1)", "uniform(0, 2)").replace(
    "x + y", "x - y"
)


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(BEFORE)
    hpo("run", "train.py", "--max-trials", "2", "--seed", "1", "--name", "one")


def hpo(*arguments: str) -> str:
    command = [sys.executable, "-m", "hpo", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_configuration_space_code_and_results_are_told_apart() -> None:
    Path("train.py").write_text(AFTER, encoding="latin-1")
    hpo("run", "train.py", "--max-trials", "3", "--seed", "1", "--name", "two", "--tuner", "Random")
    told = data("diff", "one", "two")
    assert told["configuration"]["max_trials"] == [2, 3]
    assert [each["name"] for each in told["configuration"]["tuner"]] == ["Auto", "Random"]
    assert "seed" not in told["configuration"]
    assert told["space"] == {"x": ["uniform(0, 1) = 0.5", "uniform(0, 2) = 0.5"]}
    assert "-'''@hpo.report_final_result(x + y)'''\n+'''@hpo.report_final_result(x - y)'''\n" in told["code"]
    assert [each["trials"] for each in told["results"]] == [{"succeeded": 2}, {"succeeded": 3}]
    shown = hpo("diff", "one", "two")
    assert "max_trials  2" in shown
    assert "+'''@hpo.report_final_result(x - y)'''\n" in shown


def test_the_same_experiment_does_not_differ() -> None:
    told = data("diff", "one", "one")
    assert (told["configuration"], told["space"], told["code"]) == ({}, {}, "")
    assert "The configuration is the same." in hpo("diff", "one", "one")
