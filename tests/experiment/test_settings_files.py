"""Marks in YAML files that a script reads: each trial reads its own values, and the best are written back."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from commands import data, hpo
from hypothesis import given
from hypothesis import strategies as st

from hpo.errors import UsageError
from hpo.experiment.settings_files import read_settings
from hpo.runtime.settings import rewritten, yaml_value
from hpo.runtime.store import Store

SETTINGS = """# settings
optimizer:
  name: adam  # hpo: choice(adam, sgd)
  lr: 1.0e-2  # hpo: loguniform(1e-5, 1e-1)
  # hpo: decay = choice(0, 0.1, null)
  weight_decay: 0
widths: [1, 2]  # hpo: choice([1, 2], [3, 4])
steps:
  - 5  # hpo: randint(1, 9)
text: "a # hpo: no mark"  # nor this
"""
SCRIPT = """import pathlib, sys, yaml, hpo
found = yaml.safe_load(open("config.yaml"))
again = yaml.safe_load(pathlib.Path("config.yaml").read_text())
assert found == again
hpo.report_final_result({"default": found["optimizer"]["lr"], **found})
"""


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    Path("config.yaml").write_text(SETTINGS)
    Path("train.py").write_text(SCRIPT)


def check_trials(*command: str) -> None:
    """Run an experiment, and compare what its trials read with what they were to have."""
    hpo(*command)
    for trial in data("trial", "list"):
        values = trial["parameters"]
        assert set(values) == {"optimizer.name", "optimizer.lr", "decay", "widths", "steps.0"}
        read = Store(Path(data("show")["directory"])).trial(trial["number"]).data  # type: ignore[union-attr]
        assert (read["optimizer"]["lr"], read["optimizer"]["name"]) == (
            values["optimizer.lr"],
            values["optimizer.name"],
        )
        assert (read["optimizer"]["weight_decay"], read["widths"]) == (values["decay"], values["widths"])
        assert (read["steps"], read["text"]) == ([values["steps.0"]], "a # hpo: no mark")
    assert data("trial", "list")[0]["parameters"]["optimizer.lr"] == 0.01


def test_each_trial_reads_its_own_values_and_a_resumed_one_what_was_frozen() -> None:
    check_trials("run", "train.py", "--max-trials", "4", "--seed", "1", "--concurrency", "2")
    Path("config.yaml").write_text("optimizer: {lr: 7}\n")
    hpo("update", "--max-trials", "6")
    hpo("resume")
    assert all(t["value"] <= 0.1 for t in data("trial", "list"))


def test_so_does_a_module_a_python_that_is_started_afresh_and_one_that_a_command_starts() -> None:
    Path("settings.py").write_text('import yaml\nfound = yaml.safe_load(open("config.yaml"))\n')
    Path("train.py").write_text(
        'from settings import found\nimport hpo\nNAME = "config.yaml"\n'
        'hpo.report_final_result({"default": found["optimizer"]["lr"], **found})\n'
    )
    check_trials("run", "train.py", "--max-trials", "3")
    check_trials("run", "train.py", "--max-trials", "3", "--start-method", "spawn")
    Path("run.yml").write_text(f"trialCommand: 'true && {sys.executable} train.py'\nmaxTrialNumber: 3\n")
    check_trials("run", "--config", "run.yml")


def test_a_file_on_the_command_line_is_found_and_marks_of_the_script_stand_beside_its_own() -> None:
    Path("more.yml").write_text("depth: 3  # hpo: randint(1, 9)\n")
    Path("train.py").write_text(
        "import sys, yaml, hpo\nw = 1.0  # hpo: uniform(0, 2)\n"
        "hpo.report_final_result(yaml.safe_load(open(sys.argv[1].partition('=')[2]))['depth'] + w)\n"
    )
    hpo("run", "train.py", "--max-trials", "3", "--", "--config=more.yml")
    for trial in data("trial", "list"):
        assert trial["value"] == trial["parameters"]["depth"] + trial["parameters"]["w"]


def test_apply_writes_the_values_back_and_leaves_the_rest_as_it_is() -> None:
    hpo("run", "train.py", "--max-trials", "3", "--seed", "1", "--fix", "decay=null")
    chosen = data("trial", "list")[2]["parameters"]
    diff = hpo("apply", "--trial", "2").stdout
    assert "-  lr: 1.0e-2  # hpo: loguniform(1e-5, 1e-1)" in diff
    assert Path("config.yaml").read_text() == SETTINGS
    hpo("apply", "--trial", "2", "--write")
    written = Path("config.yaml").read_text()
    found = yaml.safe_load(written)
    assert (found["optimizer"]["lr"], found["optimizer"]["weight_decay"]) == (chosen["optimizer.lr"], None)
    assert (found["optimizer"]["name"], found["widths"]) == (chosen["optimizer.name"], chosen["widths"])
    assert [line.partition("#")[2] for line in written.splitlines()] == [
        line.partition("#")[2] for line in SETTINGS.splitlines()
    ]
    assert "config.yaml: optimizer.lr" in hpo("trial", "code", "1").stdout
    assert "Nothing else is to be changed" in hpo("apply", "--trial", "2").stderr


def test_annotate_shows_them_with_their_places_and_checks_a_file_by_itself() -> None:
    shown = hpo("annotate", "train.py").stdout
    assert "optimizer.lr    loguniform(1e-05, 0.1)" in shown
    assert "config.yaml:4" in shown
    told = json.loads(hpo("annotate", "train.py", "--format", "json").stdout)
    assert told["space"]["steps.0"] == {"_type": "randint", "_value": [1, 9]}
    (lr,) = (p for p in told["parameters"] if p["name"] == "optimizer.lr")
    assert (lr["file"], lr["line"], lr["column"], lr["default"]) == ("config.yaml", 4, 7, 0.01)
    assert "optimizer.lr" in json.loads(hpo("annotate", "config.yaml", "--space").stdout)
    hpo("annotate", "--check", "config.yaml", "train.py")
    Path("config.yaml").write_text("lr: 1  # hpo: uniform(2, 1)\n")
    assert "config.yaml:1: uniform(2, 1)" in hpo("annotate", "--check", "config.yaml", code=2).stderr


def test_a_changed_file_is_a_change_of_the_code() -> None:
    hpo("run", "train.py", "--max-trials", "1", "--name", "one")
    Path("config.yaml").write_text(SETTINGS.replace("1e-5", "1e-4"))
    hpo("run", "train.py", "--max-trials", "1", "--name", "two")
    assert "+  lr: 1.0e-2  # hpo: loguniform(1e-4, 1e-1)" in data("diff", "one", "two")["code"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lr: 1  # hpo: loguniforn(1, 2)\n", "config.yaml:1: loguniforn(1, 2): "),
        ("a: 1\n# hpo: uniform(0, 1)\n", "config.yaml:2: this mark stands at no value"),
        ("a:  # hpo: uniform(0, 1)\n  b: 1\n", "config.yaml:1: this mark stands at no value"),
        ("a: {b: 1}  # hpo: uniform(0, 1)\n", "this mark stands at no value"),
    ],
)
def test_a_mark_with_a_mistake_is_said_at_its_place(text: str, said: str) -> None:
    Path("config.yaml").write_text(text)
    if "b: 1}" in text:  # the value inside of the braces is the only one that can be meant
        assert [v.name for v in read_settings(Path("config.yaml")).values] == ["a.b"]  # type: ignore[union-attr]
        return
    assert said in hpo("run", "train.py", code=2).stderr
    assert data("list") == []


def test_one_name_means_one_value_and_json_has_no_marks() -> None:
    Path("train.py").write_text(SCRIPT + "decay = 1  # hpo: uniform(0, 2)\n")
    assert "decay is marked in the script and in" in hpo("run", "train.py", code=2).stderr
    Path("train.py").write_text(SCRIPT.replace("config.yaml", "config.json"))
    Path("config.json").write_text('{"lr": 0.1}  # hpo: uniform(0, 1)\n')
    assert "JSON has no comments" in hpo("run", "train.py", code=2).stderr


def test_a_name_that_two_files_mark_is_refused() -> None:
    Path("other.yaml").write_text("optimizer:\n  lr: 3  # hpo: randint(1, 9)\n")
    Path("train.py").write_text(SCRIPT + "yaml.safe_load(open('other.yaml'))\n")
    said = hpo("run", "train.py", code=2).stderr
    assert "optimizer.lr is marked in" in said
    assert "name one: # hpo: NAME = DOMAIN" in said


def test_of_a_script_that_is_no_python_that_is_said() -> None:
    Path("train.py").write_text("def (:\n")
    assert "train.py:1:5" in hpo("run", "train.py", code=2).stderr


NUMBERS = st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]))
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS, lambda inner: st.lists(inner, max_size=3), max_leaves=4
)


@given(VALUES)
def test_every_value_is_read_back_as_it_is(value: Any) -> None:
    text = rewritten("a: 0  # rest\n", [(3, 4, "a")], {"a": value})
    assert text.endswith("  # rest\n")
    read = yaml.safe_load(text)["a"]
    assert (read, type(read)) == (value, type(value))
    assert yaml_value(value)


@pytest.mark.parametrize(
    "word", ["y", "N", "yes", "no", "on", "Off", "true", "false", "null", "None", "nan", "inf"]
)
def test_a_word_that_some_reader_of_yaml_takes_for_something_else_is_quoted(word: str) -> None:
    assert yaml_value(word) == f'"{word}"'
    assert yaml_value(f"{word}x") == f"{word}x"


def test_a_file_without_marks_is_none(tmp_path: Path) -> None:
    Path("plain.yaml").write_text("a: 1\n")
    assert read_settings(Path("plain.yaml")) is None
    Path("broken.yaml").write_bytes(b"\xff # hpo: uniform(0, 1)\n")
    assert read_settings(Path("broken.yaml")) is None
    Path("config.json").write_text("1 # hpo: x")
    with pytest.raises(UsageError, match="is JSON"):
        read_settings(Path("config.json"))
