"""`hpo run --dry-run`: what would run, and nothing that does."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import data, hpo

SCRIPT = """import hpo
from pathlib import Path
Path("ran").touch()
x = 0.5  # hpo: uniform(0, 1)
opt = "adam"  # hpo: choice("adam", "sgd")
if opt == "sgd":
    momentum = 0.9  # hpo: uniform(0, 1)
hpo.report_final_result(x)
"""


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    Path("train.py").write_text(SCRIPT)


def test_it_says_what_would_run_and_leaves_nothing() -> None:
    options = ["run", "train.py", "--seed", "1", "--max-trials", "9", "--param", "wd=uniform(0,1)"]
    told = data(*options, "--dry-run", "--detach")
    assert not Path("ran").exists()
    assert not Path("../home").exists()
    assert list(told["space"]) == ["x", "opt", "momentum", "wd"]
    assert told["plan"]["tuner"]["name"] == "Auto"
    assert told["plan"]["limits"]["max_trials"] == 9
    assert (told["plan"]["seed"], told["plan"]["concurrency"], told["plan"]["engine"]) == (1, 1, "local")
    assert len(told["configurations"]) == 5
    assert told["configurations"][0] == {"x": 0.5, "opt": "adam"}
    last = told["configurations"][-1]
    assert told["command"] == f"python train.py --wd {last['wd']}"
    hpo(*options)
    assert [t["parameters"] for t in data("trial", "list")[:5]] == told["configurations"]


def test_it_reads_for_a_person() -> None:
    told = hpo("run", "train.py", "--dry-run", "--max-trials", "2", "--fix", "x=0.25", "--", "a b").stdout
    assert "Space        2 parameters\n" in told
    assert "momentum  uniform(0, 1)  now 0.9  only where opt is sgd" in told
    assert "Fixed        x=0.25" in told
    assert "Limits       2 trials" in told
    assert "First trials 0  x=0.25  opt=adam   the script's own values" in told
    assert "Command      python train.py 'a b'" in told


def test_what_a_space_an_assessor_and_a_warm_start_change_is_told() -> None:
    hpo("run", "train.py", "--max-trials", "2", "--seed", "1")
    Path("train.py").write_text(SCRIPT + "# hpo: constraint(x <= 0.75)\n")
    told = hpo("run", "train.py", "--dry-run", "--assessor", "Medianstop", "--warm-from", "train").stdout
    assert "             only where x <= 0.75\n" in told
    assert "Assessor     Medianstop\n" in told
    assert "\nWarm start   " in told
    assert "Fixed" not in told
    told = hpo("run", "train.py", "--dry-run", "--fix", "opt=sgd", "--param", "wd=uniform(0,1)").stdout
    assert "             momentum  uniform(0, 1)  now 0.9\n" in told
    assert "             wd        uniform(0, 1)\n" in told


def test_what_would_be_a_mistake_is_one() -> None:
    assert (
        "there is no tuner" in hpo("run", "train.py", "--dry-run", "--tuner", "None", code=2).stderr.lower()
    )
