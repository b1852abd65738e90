"""`--warm-from`: what an experiment learns from an earlier one, of a script that has changed since."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from commands import data, on_screen

BEFORE = """import hpo
lr = 0.01  # hpo: loguniform(1e-5, 1e-1)
opt = "adam"  # hpo: choice("adam", "sgd")
units = 8  # hpo: randint(1, 100)
hpo.report_final_result(lr)
"""
AFTER = """import hpo
lr = 0.001  # hpo: loguniform(1e-5, 1e-2)
opt = "adam"  # hpo: choice("adam", "sgd", "lamb")
units = 8
drop = 0.1  # hpo: uniform(0, 0.5)
hpo.report_final_result(lr)
"""


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    Path("train.py").write_text(BEFORE)


def hpo(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hpo", *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, stdin=subprocess.DEVNULL
    )
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture
def earlier() -> list[dict[str, Any]]:
    """Run an experiment, change its script, and return its trials."""
    hpo("run", "train.py", "--max-trials", "8", "--seed", "1", "--name", "before")
    Path("train.py").write_text(AFTER)
    found: list[dict[str, Any]] = data("trial", "list", "before")
    return found


def test_what_still_fits_is_told_to_the_tuner_and_what_changed_is_said(earlier: list[dict[str, Any]]) -> None:
    fits = [t for t in earlier if t["parameters"]["lr"] <= 1e-2]
    assert 0 < len(fits) < len(earlier)
    done = hpo(
        "run", "train.py", "--max-trials", "3", "--seed", "2", "--warm-from", "before", "--name", "after"
    )
    for line in (
        f"learns from {len(fits)} of 8 results of ",
        "other domain: lr, loguniform(1e-05, 0.1) before, loguniform(1e-05, 0.01) now",
        "other domain: opt, choice('adam', 'sgd') before, choice('adam', 'sgd', 'lamb') now",
        "removed: units, randint(1, 100)",
        "added: drop, uniform(0, 0.5), taken to have been 0.1",
        f"left out: {8 - len(fits)} result",
    ):
        assert line in done.stderr
        assert line in hpo("show", "after").stdout
    shown = data("show", "after")
    assert shown["warm_from"] == data("show", "before")["id"]
    assert shown["trials"] == {"succeeded": 3}
    assert shown["explanation"]["results"] == 3 + len(fits)
    trials = data("trial", "list", "after")
    assert [t["number"] for t in trials] == [0, 1, 2]
    assert shown["best"]["value"] == max(t["value"] for t in trials)


def test_a_resumed_experiment_goes_on_as_one_that_was_never_interrupted(
    earlier: list[dict[str, Any]],
) -> None:
    command = ["run", "train.py", "--seed", "2", "--warm-from", "before"]
    hpo(*command, "--max-trials", "8", "--name", "whole")
    hpo(*command, "--max-trials", "4", "--name", "parts")
    hpo("update", "parts", "--max-trials", "8")
    hpo("resume", "parts")
    whole, parts = (data("trial", "list", name) for name in ("whole", "parts"))
    assert [t["parameters"] for t in whole] == [t["parameters"] for t in parts]
    hpo("run", "train.py", "--seed", "2", "--max-trials", "8", "--name", "cold")
    assert [t["parameters"] for t in data("trial", "list", "cold")] != [t["parameters"] for t in whole]


def test_where_what_was_told_is_damaged_it_says_which_file_to_do_without(
    earlier: list[dict[str, Any]],
) -> None:
    hpo("run", "train.py", "--seed", "2", "--warm-from", "before", "--max-trials", "4", "--name", "warm")
    told = Path(data("show", "warm")["directory"], "earlier.json")
    hpo("update", "warm", "--max-trials", "5")
    whole = told.read_text()
    for damage in (whole[:-9], '[{"parameters": {}}]', "[" * 100_000):
        told.write_text(damage)
        said = hpo("resume", "warm", code=1).stderr
        assert f"{told} cannot be read" in said
        assert "without the file, nothing earlier is told" in said
    told.unlink()
    hpo("resume", "warm")
    assert len(data("trial", "list", "warm")) == 5


def test_a_dry_run_shows_it_and_an_experiment_file_may_say_it(earlier: list[dict[str, Any]]) -> None:
    Path("config.yml").write_text(
        "trialCommand: python train.py\nwarmFrom: before\nmaxTrialNumber: 2\nseed: 2\n"
    )
    told = data("run", "--config", "config.yml", "--dry-run")
    assert told["warmth"][0].startswith("learns from ")
    hpo("run", "--config", "config.yml")
    assert [t["parameters"] for t in data("trial", "list")] == told["configurations"]


@pytest.mark.parametrize("tuner", ["TPE", "Anneal", "PBT"])
def test_every_kind_of_tuner_can_be_warmed(tuner: str, earlier: list[dict[str, Any]]) -> None:
    hpo("run", "train.py", "--max-trials", "2", "--tuner", tuner, "--warm-from", "before")
    assert data("show")["trials"] == {"succeeded": 2}


def test_where_nothing_fits_it_is_a_mistake(earlier: list[dict[str, Any]]) -> None:
    Path("other.py").write_text("import hpo\nlr = 5  # hpo: uniform(4, 6)\nhpo.report_final_result(lr)\n")
    done = hpo("run", "other.py", "--warm-from", "before", code=2)
    assert "nothing can be learnt from" in done.stderr
    assert "other domain: lr" in done.stderr
    assert "there is no experiment nobody" in hpo("run", "train.py", "--warm-from", "nobody", code=2).stderr


def test_a_script_whose_marks_changed_is_offered_its_last_experiment(earlier: list[dict[str, Any]]) -> None:
    done = hpo("run", "train.py", "--max-trials", "1", "--name", "cold")
    assert "The marks have changed since" in done.stderr
    assert (
        f"still fit; to learn from them: hpo run ... --warm-from {data('show', 'before')['id']}"
        in done.stderr
    )
    assert data("show", "cold")["warm_from"] is None
    done = hpo("run", "train.py", "--max-trials", "1")
    assert "The marks have changed" not in done.stderr
    done = hpo("run", "train.py", "--max-trials", "1", "--fix", "lr=0.01")
    assert "The marks have changed" not in done.stderr


def test_in_a_terminal_it_is_asked(earlier: list[dict[str, Any]]) -> None:
    on_screen("run", "train.py", "--max-trials", "1", "--no-web", "--name", "warm", typed=b"y\n")
    assert data("show", "warm")["warm_from"] == data("show", "before")["id"]


def test_results_that_are_good_where_ours_are_bad_are_no_lesson(earlier: list[dict[str, Any]]) -> None:
    refused = hpo(
        "run", "train.py", "--minimize", "--warm-from", "before", "--max-trials", "1", code=2
    ).stderr
    assert "(before) wanted maximize, and this one wants minimize" in refused
    assert "The marks have changed" not in hpo("run", "train.py", "--minimize", "--max-trials", "1").stderr


def test_results_in_another_objective_are_not_learnt_from() -> None:
    Path("two.py").write_text(
        "import hpo\nx = 0.5  # hpo: uniform(0, 1)\nhpo.report_final_result({'acc': x, 'loss': 1 - x})\n"
    )
    hpo("run", "two.py", "--max-trials", "2", "--objective", "acc:max", "--name", "one")
    again = ["run", "two.py", "--max-trials", "1", "--warm-from", "one", "--objective"]
    assert "learns from 2 results" in hpo(*again, "acc:max").stderr
    assert "wanted acc:max, and this one wants loss:max" in hpo(*again, "loss:max", code=2).stderr
