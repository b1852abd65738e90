"""`--on-finish`: a command that runs when an experiment has ended."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from commands import data

SCRIPT = """import hpo
x = 0.5  # hpo: uniform(0, 1)
hpo.report_final_result(x)
"""
TELL = 'echo "$HPO_STATUS $HPO_BEST_TRIAL $HPO_BEST_VALUE $HPO_EXPERIMENT_NAME" >> told; '
TELL += 'cp "$HPO_BEST_FILE" best.json'


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    Path("train.py").write_text(SCRIPT)


def hpo(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hpo", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done


def test_it_knows_what_came_of_the_experiment_each_time_that_it_ends() -> None:
    best = data("run", "train.py", "--max-trials", "1", "--on-finish", TELL + "; echo a word")
    assert Path("told").read_text() == "done 0 0.5 train\n"
    assert json.loads(Path("best.json").read_text()) == best
    hpo("update", "--max-trials", "2")
    hpo("resume")
    assert Path("told").read_text().count("done") == 2


def test_an_experiment_that_failed_says_so_to_it() -> None:
    Path("train.py").write_text(SCRIPT)
    Path("bad.py").write_text("import hpo\nx = 0.5  # hpo: uniform(0, 1)\nraise SystemExit(1)\n")
    hpo("run", "bad.py", "--max-trials", "1", "--on-finish", TELL, code=1)
    assert Path("told").read_text() == "error   bad\n"
    assert json.loads(Path("best.json").read_text())["trial"] is None


def test_it_runs_where_the_trials_did_and_is_told_which_experiment_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = 'echo "$HPO_EXPERIMENT_ID $HPO_EXPERIMENT_DIR $HPO_BEST_FILE" >> told'
    hpo("run", "train.py", "--max-trials", "1", "--on-finish", told)
    shown, there = data("show"), Path("told").absolute()
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    hpo("update", "--max-trials", "2")
    hpo("resume")
    directory = shown["directory"]
    assert there.read_text() == f"{shown['id']} {directory} {directory}/best.json\n" * 2


def test_its_own_failure_is_said_and_changes_nothing_else() -> None:
    done = hpo("run", "train.py", "--max-trials", "1", "--on-finish", "exit 3")
    assert "--on-finish ended with status 3: exit 3" in done.stderr
    assert "--on-finish ended with status 3: exit 3" in hpo("show").stdout


def test_an_experiment_file_has_it_too_and_it_can_look_at_the_experiment_or_go_on_with_it() -> None:
    Path("again.sh").write_text(
        'if [ ! -e done ]; then touch done; python3 -m hpo update "$HPO_EXPERIMENT_ID" --max-trials 2; '
        'python3 -m hpo resume "$HPO_EXPERIMENT_ID"; fi\n'.replace("python3", sys.executable)
    )
    Path("config.yml").write_text("trialCommand: python train.py\nmaxTrialNumber: 1\nonFinish: sh again.sh\n")
    hpo("run", "--config", "config.yml")
    assert data("show")["trials"] == {"succeeded": 2}
