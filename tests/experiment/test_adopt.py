"""Folders of NNI's experiments, taken over: looked at, and gone on with."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from commands import data

from hpo.runtime import home
from hpo.runtime.queries import TrialRow
from hpo.runtime.store import Store

# As NNI 3.0 makes them.
SCHEMA = """
CREATE TABLE TrialJobEvent (timestamp integer, trialJobId text, event text, data text, logPath text,
    sequenceId integer, message text, environmentId text);
CREATE TABLE MetricData (timestamp integer, trialJobId text, parameterId text, type text, sequence integer,
    data text);
CREATE TABLE ExperimentProfile (params text, id text, execDuration integer, startTime integer,
    endTime integer, logDir text, nextSequenceId integer, revision integer);
"""
SPACE = {
    "x": {"_type": "uniform", "_value": [0, 1]},
    "layer": {
        "_type": "choice",
        "_value": [{"_name": "none"}, {"_name": "conv", "size": {"_type": "choice", "_value": [1, 2]}}],
    },
}
PARAMS = {
    "experimentName": "theirs",
    "experimentType": "hpo",
    "searchSpace": SPACE,
    "trialCommand": "python3 trial.py",
    "trialConcurrency": 1,
    "maxTrialNumber": 7,
    "useAnnotation": False,
    "tuner": {"name": "Random", "classArgs": {"seed": 1, "optimize_mode": "minimize"}},
    "trainingService": {"platform": "local"},
}
# How each ended, and its final result as NNI stores it: JSON in JSON.
TRIALS = [
    ("SUCCEEDED", '"0.5"'),
    ("SUCCEEDED", '"{\\"default\\": 0.25, \\"loss\\": 1}"'),
    ("FAILED", None),
    ("SUCCEEDED", None),
    ("SYS_CANCELED", None),
    ("RUNNING", None),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    Path("trial.py").write_text('import nni\nnni.report_final_result(nni.get_next_parameter()["x"])\n')
    made = tmp_path / "abcdef"
    (made / "db").mkdir(parents=True)
    (made / "trials" / "T0").mkdir(parents=True)
    (made / "trials" / "T0" / "stdout").write_text("hello\n")
    (made / "trials" / "T5").mkdir()
    (made / "trials" / "T5" / "stdout").write_text("half of it\n")
    store(made, {**PARAMS, "trialCodeDirectory": str(tmp_path / "work")})
    return made


def store(folder: Path, params: dict[str, Any]) -> None:
    db = sqlite3.connect(folder / "db" / "nni.sqlite")
    db.executescript(SCHEMA)
    for i, (state, final) in enumerate(TRIALS):
        name, time = f"T{i}", 1_700_000_000_000 + 10_000 * i
        layer = {"_name": "conv", "size": 2} if i % 2 else {"_name": "none"}
        given = {"parameter_id": i, "parameters": {"x": i / 10, "layer": layer}}
        events = [(time, "WAITING", json.dumps(given)), (time + 1000, "RUNNING", None)]
        events += [(time + 3000, state, None)] if state != "RUNNING" else []
        for at, event, said in events:
            row = (at, name, event, said, "/nowhere", i, None, None)
            db.execute("INSERT INTO TrialJobEvent VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        db.execute("INSERT INTO MetricData VALUES (?, ?, ?, 'PERIODICAL', 0, '\"0.75\"')", (time, name, i))
        if final:
            db.execute("INSERT INTO MetricData VALUES (?, ?, ?, 'FINAL', 0, ?)", (time, name, i, final))
    for revision in (1, 2):
        profile = (json.dumps(params), "abcdef", 60 * revision, 1, 2, "", 6, revision)
        db.execute("INSERT INTO ExperimentProfile VALUES (?, ?, ?, ?, ?, ?, ?, ?)", profile)
    db.commit()
    db.close()


def hpo(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hpo", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done


def test_all_of_it_is_there_and_says_of_each_trial_what_became_of_it(folder: Path) -> None:
    before = (folder / "db" / "nni.sqlite").read_bytes()
    assert "6 trials" in hpo("import", str(folder)).stderr
    shown = data("show", "theirs")
    assert (shown["status"], shown["elapsed"], shown["tuner"]["name"]) == ("stopped", 120, "Random")
    assert shown["space"] == SPACE
    trials = data("trial", "list")
    assert [t["state"] for t in trials] == [
        "succeeded", "succeeded", "failed", "failed", "system_canceled", "waiting",
    ]  # fmt: skip
    assert [t["value"] for t in trials] == [0.5, 0.25, None, None, None, None]
    assert [t["failure"] for t in trials] == [None, None, "exit", "no_result", None, None]
    assert trials[3]["detail"] == "it reported no number"
    assert trials[1]["parameters"] == {"x": 0.1, "layer": "conv", "layer.size": 2}
    assert trials[0]["intermediate"] == [[0, 0.75]]
    assert (trials[0]["started"], trials[0]["duration"]) == (1_700_000_001, 2)
    assert data("best")["trial"] == 1
    assert hpo("trial", "logs", "0").stdout == "hello\n"
    assert (folder / "db" / "nni.sqlite").read_bytes() == before


def test_it_is_resumed_where_it_stood(folder: Path) -> None:
    hpo("import", str(folder))
    hpo("resume")
    trials = data("trial", "list")
    assert len(trials) == 7
    assert trials[5]["value"] == trials[5]["parameters"]["x"] == 0.5
    assert trials[6]["state"] == "succeeded"
    shown = data("show")
    assert shown["status"] == "done"
    folders = Path(shown["directory"], "trials")
    assert (folders / "5" / "stdout.1.log").read_text() == "half of it\n"
    assert (folders / "5" / "stdout.log").read_text() == ""
    assert not list(folders.glob("*.before"))


def rows(name: str) -> list[TrialRow]:
    with closing(Store(home.find(name))) as opened:
        return opened.trials()


def test_of_trials_that_ran_at_once_the_first_to_end_is_told_first(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "db" / "nni.sqlite")) as db, db:
        late = "UPDATE TrialJobEvent SET timestamp = timestamp + 15000 WHERE trialJobId = ? AND event = ?"
        db.execute(late, ("T0", "SUCCEEDED"))
    hpo("import", str(folder))
    assert [row.told for row in rows("theirs")] == [1, 0, 2, 3, 4, None]
    assert [row.attempt for row in rows("theirs")] == [1, 1, 1, 1, 1, 2]


def test_what_each_trial_printed_is_there_by_all_names_that_nni_has_for_it(folder: Path) -> None:
    (folder / "trials" / "T0" / "stderr").write_text("oh\n")
    (folder / "trials" / "T1").mkdir()
    for name in ("stdout", "stderr"):
        (folder / "trials" / "T1" / f"trial.{name}").write_text(f"{name} of old\n")
    hpo("import", str(folder))
    folders = home.find("theirs") / "trials"
    assert {str(path.relative_to(folders)): path.read_text() for path in folders.rglob("*.log")} == {
        "0/stdout.log": "hello\n",
        "0/stderr.log": "oh\n",
        "1/stdout.log": "stdout of old\n",
        "1/stderr.log": "stderr of old\n",
        "5/stdout.1.log": "half of it\n",
    }


@pytest.mark.parametrize(
    "names",
    [
        {
            "trialConcurrency": 3, "maxTrialNumber": 9, "maxExperimentDuration": "90m", "trialGpuNumber": 2,
            "tuner": {"name": "tpe", "classArgs": {"seed": 5, "optimize_mode": "minimize"}},
        },
        {
            "trialConcurrency": 3, "maxTrialNum": 9, "maxExecDuration": 5400, "trialGpuNumber": 2,
            "tuner": {"builtinTunerName": "TPE", "classArgs": {"seed": 5, "optimize_mode": "minimize"}},
        },
    ],
    ids=["of the second schema", "of the first"],
)  # fmt: skip
def test_its_settings_are_taken_by_the_names_of_each_schema(folder: Path, names: dict[str, Any]) -> None:
    (folder / "db" / "nni.sqlite").unlink()
    store(folder, {"experimentName": "theirs", "searchSpace": SPACE, "trialCommand": "true", **names})
    assert "cannot go on here" not in hpo("import", str(folder)).stderr
    with closing(Store(home.find("theirs"))) as opened:
        settings = opened.experiment()["config"]["settings"]
    ours = ("trial_concurrency", "max_trials", "max_duration", "gpus_per_trial", "seed", "direction")
    assert [settings[name] for name in ours] == [3, 9, 5400, 2, 5, "minimize"]
    assert settings["tuner"]["name"] == "TPE"


def test_what_the_user_asked_for_and_imported_is_there_as_such(folder: Path) -> None:
    db = sqlite3.connect(folder / "db" / "nni.sqlite")
    layer = {"_name": "none"}
    imported = json.dumps([{"parameter": {"x": 0.875, "layer": layer}, "value": '{"default": 3}'}])
    asked = {
        "parameter_id": None,
        "parameter_source": "customized",
        "parameters": {"x": 0.625, "layer": layer},
    }
    for at, name, event, written in (
        (1_800_000_000_000, "", "ADD_CUSTOMIZED", json.dumps(asked["parameters"])),
        (1_800_000_000_000, "", "IMPORT_DATA", imported),
        (1_800_000_001_000, "T6", "RUNNING", json.dumps(asked)),
        (1_800_000_002_000, "T6", "SUCCEEDED", None),
    ):
        row = (at, name, event, written, None, None, None, None)
        db.execute("INSERT INTO TrialJobEvent VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    db.execute("INSERT INTO MetricData VALUES (1800000001500, 'T6', NULL, 'FINAL', 0, '\"0.5\"')")
    db.commit()
    db.close()
    hpo("import", str(folder))
    asked_for, other = data("trial", "list")[-2:]
    assert (asked_for["origin"], asked_for["parameters"]["x"], asked_for["value"]) == ("user", 0.625, 0.5)
    assert (other["origin"], other["parameters"]["x"], other["value"]) == ("imported", 0.875, 3)


def test_values_that_nni_3_noted_of_the_wrong_trial_are_put_right(folder: Path) -> None:
    db = sqlite3.connect(folder / "db" / "nni.sqlite")
    for trial, parameter_id in (("T0", 1), ("T1", 0)):
        db.execute("UPDATE MetricData SET parameterId = ? WHERE trialJobId = ?", (parameter_id, trial))
    db.commit()
    db.close()
    said = hpo("import", str(folder)).stderr
    assert "NNI noted other values of 2 trials than their results name: these are taken" in said
    assert [t["parameters"]["x"] for t in data("trial", "list")[:3]] == [0.1, 0.0, 0.2]


def test_a_tuner_that_is_not_here_is_named_and_another_goes_on(folder: Path) -> None:
    (folder / "db" / "nni.sqlite").unlink()
    store(folder, {**PARAMS, "searchSpace": json.dumps(SPACE), "tuner": {"className": "mine.Tuner"}})
    said = hpo("import", str(folder)).stderr
    assert "its tuner, mine.Tuner, cannot go on here: Auto does where it is resumed" in said


def test_a_tuner_that_cannot_take_its_arguments_here_says_why(folder: Path) -> None:
    (folder / "db" / "nni.sqlite").unlink()
    tuner = {"name": "TPE", "classArgs": {"tpe_args": {"n_ei_candidates": 0}}}
    store(folder, {**PARAMS, "searchSpace": json.dumps(SPACE), "tuner": tuner})
    said = hpo("import", str(folder)).stderr
    assert "its tuner, TPE (" in said
    assert "n_ei_candidates is 0" in said
    assert "Auto does where it is resumed" in said


def test_an_experiment_whose_space_was_in_a_file_is_refused(folder: Path) -> None:
    (folder / "db" / "nni.sqlite").unlink()
    store(folder, {**PARAMS, "searchSpace": None})
    assert "has no search space that is stored with it" in hpo("import", str(folder), code=2).stderr
    assert data("list") == []


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [(None, 2, "has no db/nni.sqlite"), (b"", 1, "no such table"), (b"x" * 4096, 1, "cannot be read")],
)
def test_a_folder_that_is_none_is_refused(
    folder: Path, content: bytes | None, code: int, message: str
) -> None:
    (folder / "db" / "nni.sqlite").unlink()
    if content is not None:
        (folder / "db" / "nni.sqlite").write_bytes(content)
    assert message in hpo("import", str(folder), code=code).stderr
    assert data("list") == []


DAMAGES = {
    "a name that is none": {"experimentName": 0},
    "a tuner that is none": {"tuner": -1},
    "arguments that are none": {"tuner": {"name": "TPE", "classArgs": "abc"}},
    "a folder that is none": {"trialCodeDirectory": 5},
    "a space that is no JSON": {"searchSpace": ""},
    "a space that is nested too deeply": {"searchSpace": "[" * 100_000},
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_configuration_is_said_in_a_line(folder: Path, damage: str) -> None:
    (folder / "db" / "nni.sqlite").unlink()
    store(folder, {**PARAMS, **DAMAGES[damage]})
    assert hpo("import", str(folder), code=1).stderr.startswith("hpo: ")
    assert data("list") == []


@pytest.mark.parametrize(
    "written", ["{}", "[1]", '{"parameters": [1]}', "[" * 100_000, "nothing", '{"parameters": 1e999}']
)
def test_damaged_trials_are_said_in_a_line(folder: Path, written: str) -> None:
    db = sqlite3.connect(folder / "db" / "nni.sqlite")
    db.execute("UPDATE TrialJobEvent SET data = ? WHERE event = 'WAITING'", (written,))
    db.commit()
    db.close()
    assert "is it whole, and NNI's?" in hpo("import", str(folder), code=1).stderr
