"""`--fix`: a parameter that is not searched, and has one value in each trial."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import data, hpo

from hpo.errors import SpaceError
from hpo.parameters import Choice
from hpo.space import SearchSpace

SCRIPT = """import hpo
lr = 10 ** -2  # hpo: loguniform(1e-5, 1e-1)
opt = "adam"  # hpo: choice("adam", "sgd")
momentum = 0.0
if opt == "sgd":
    momentum = 0.9  # hpo: uniform(0, 1)
hpo.report_final_result({"default": lr + momentum, "lr": lr, "opt": opt})
"""
NESTED = {
    "layer": {
        "_type": "choice",
        "_value": [{"_name": "none"}, {"_name": "conv", "size": {"_type": "choice", "_value": [1, 3]}}],
    },
    "units": {"_type": "randint", "_value": [1, 9], "_when": {"layer": ["none", "conv"]}},
    "_constraints": ["units < layer.size"],
}


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    Path("train.py").write_text(SCRIPT)


def test_each_trial_has_the_value_that_is_fixed_the_first_and_the_resumed_ones_too() -> None:
    hpo("run", "train.py", "--fix", "lr=0.5", "--fix", "opt=sgd", "--max-trials", "3")
    hpo("update", "--max-trials", "5")
    hpo("resume")
    trials = data("trial", "list")
    assert [(t["parameters"]["lr"], t["parameters"]["opt"]) for t in trials] == [(0.5, "sgd")] * 5
    assert [t["value"] for t in trials] == [0.5 + t["parameters"]["momentum"] for t in trials]
    assert trials[0]["parameters"]["momentum"] == 0.9
    assert len({t["parameters"]["momentum"] for t in trials}) == 5
    assert data("show")["fixed"] == {"lr": 0.5, "opt": "sgd"}
    assert "Fixed        lr=0.5  opt=sgd" in hpo("show").stdout
    assert "1 parameter," in hpo("show").stdout


def test_an_experiment_file_fixes_too_and_options_win() -> None:
    Path("config.yml").write_text(
        "trialCommand: python train.py\nfixed: {lr: 0.25, opt: adam}\nmaxTrialNumber: 1\n"
    )
    hpo("run", "--config", "config.yml", "--fix", "opt=sgd")
    assert data("show")["fixed"] == {"lr": 0.25, "opt": "sgd"}


def test_a_space_that_is_put_in_the_place_of_another_keeps_what_is_fixed() -> None:
    space = {"x": {"_type": "uniform", "_value": [0, 1]}, "y": {"_type": "uniform", "_value": [0, 1]}}
    Path("space.json").write_text(json.dumps(space))
    Path("plain.py").write_text(
        "import hpo\np = hpo.get_next_parameter()\nhpo.report_final_result(p['x'] + p['y'])\n"
    )
    hpo("run", "plain.py", "--space", "space.json", "--fix", "x=0.5", "--max-trials", "2")
    Path("wider.json").write_text(json.dumps(space | {"y": {"_type": "uniform", "_value": [5, 6]}}))
    hpo("update", "--space", "wider.json", "--max-trials", "4")
    hpo("resume")
    trials = data("trial", "list")
    assert {t["parameters"]["x"] for t in trials} == {0.5}
    assert trials[3]["parameters"]["y"] >= 5


@pytest.mark.parametrize(
    ("fixed", "said"),
    [
        ("opt=adm", "opt is 'adm', which lies outside choice('adam', 'sgd')"),
        ("ot=adam", "did you mean opt?"),
        ("lr=small", "lr is 'small', which lies outside loguniform"),
        ("lr", "write NAME=VALUE"),
    ],
)
def test_what_cannot_be_fixed_is_said_and_nothing_is_made(fixed: str, said: str) -> None:
    assert said in hpo("run", "train.py", "--fix", fixed, code=2).stderr
    assert data("list") == []


def test_what_can_be_active_no_more_is_not_searched() -> None:
    space = SearchSpace.from_json(NESTED).fixed({"layer": "none"})
    assert list(space) == ["layer", "units"]
    assert space["layer"] == Choice(("none",))
    assert space.constraints == ()
    assert SearchSpace.from_json(space.to_json(), defaults=space.defaults) == space
    other = SearchSpace.from_json(NESTED).fixed({"units": 2, "layer": "conv"})
    assert list(other.configurations()) == [{"layer": "conv", "layer.size": 3, "units": 2}]
    with pytest.raises(SpaceError, match=r"layer\.size is never active"):
        SearchSpace.from_json(NESTED).fixed({"layer": "none", "layer.size": 3})
