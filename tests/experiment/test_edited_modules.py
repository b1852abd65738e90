"""A module is edited while an experiment runs: one of the script's own is frozen, others are not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

#: The second trial edits the module, while the first still runs.
SCRIPT = """import module
import hpo, os, pathlib, time
x = 0.5  # hpo: uniform(0, 1)
number = os.environ["HPO_TRIAL_SEQUENCE"]
if number == "0":
    limit = time.monotonic() + 60
    while not pathlib.Path("third").exists() and time.monotonic() < limit:
        time.sleep(0.02)
if number == "1":
    pathlib.Path(module.__file__).write_text("VALUE = 22\\n")
if number == "2":
    pathlib.Path("third").touch()
hpo.report_final_result(module.VALUE)
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "elsewhere"))
    for name in "elsewhere", "project":
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "project")
    Path("train.py").write_text(SCRIPT)
    return tmp_path


def run() -> tuple[str, list[Any]]:
    def hpo(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "hpo", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)

    done = hpo("run", "train.py", "--max-trials", "4", "--concurrency", "2", "--seed", "1", "--no-web")
    return done.stderr, json.loads(hpo("trial", "list", "--json").stdout)


def test_of_one_from_elsewhere_the_trials_that_start_afterwards_have_the_new_text_and_it_is_said(
    place: Path,
) -> None:
    module = place / "elsewhere" / "module.py"
    module.write_text("VALUE = 1\n")
    said, trials = run()
    assert [trial["value"] for trial in trials] == [1, 1, 22, 22]
    assert [(trial["state"], trial["attempt"]) for trial in trials] == [("succeeded", 1)] * 4
    assert said.count(f"edited, and not frozen, is {module}: trials from now on import it as it is now") == 1


def test_one_of_the_scripts_own_stays_as_it_was(place: Path) -> None:
    (place / "project" / "module.py").write_text("VALUE = 1\n")
    said, trials = run()
    assert [trial["value"] for trial in trials] == [1, 1, 1, 1]
    assert (place / "project" / "module.py").read_text() == "VALUE = 22\n"
    assert "edited" not in said
