"""nnictl's own command lines, run by `hpo nnictl` in a folder written for NNI."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import trials

from hpo.cli.nnictl import ABSENT, COMMANDS

TRIAL = """\
import time
import nni
x = nni.get_next_parameter()["x"]
print("x is", x)
nni.report_intermediate_result(x / 2)
time.sleep(0.05 if x < 50 else 600)
nni.report_final_result({"default": x, "other": 1})
"""
CONFIG = """\
experimentName: ctl
trialCommand: python3 trial.py
trialConcurrency: 2
maxTrialNumber: {trials}
searchSpaceFile: search_space.json
tuner: {{name: Random, classArgs: {{seed: 1, optimize_mode: maximize}}}}
trainingService: {{platform: local}}
"""
FROM_NNI = (Path(__file__).parents[2] / "docs" / "from-nni.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    Path("trial.py").write_text(TRIAL)
    Path("search_space.json").write_text('{"x": {"_type": "uniform", "_value": [0, 1]}}')
    Path("config.yml").write_text(CONFIG.format(trials=6))
    Path("long.yml").write_text(CONFIG.format(trials=9999))


def nnictl(line: str, *, code: int = 0, text: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hpo", "nnictl", *line.split()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, input=text)
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done


def told(line: str) -> Any:
    return json.loads(nnictl(line).stdout)


def begun(config: str) -> str:
    found = re.search(r"Experiment (\w+) runs in the background", nnictl(f"create -c {config}").stderr)
    assert found
    return found[1]


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_an_experiment_is_created_looked_at_exported_imported_and_deleted() -> None:
    name = begun("config.yml --port 8088")
    until(lambda: told(f"experiment status {name}")["status"] == "done")
    assert told(f"experiment show {name}")["trials"] == {"succeeded": 6}
    assert told(f"config show {name}")["concurrency"] == 2
    assert name in nnictl("experiment list --all").stdout
    assert name not in nnictl("experiment list").stdout
    assert len(nnictl(f"trial ls {name} --head 2").stdout.splitlines()) == 3
    assert nnictl(f"log trial {name} -T {name}-3").stdout.startswith("x is 0.")
    assert len(nnictl(f"log trial {name}").stdout.splitlines()) == 7  # it lists them
    assert "6 trials succeeded" in nnictl(f"log stderr {name}").stdout
    assert len(nnictl(f"log stdout {name} -T 2").stdout.splitlines()) == 2
    assert nnictl(f"log stdout {name} --path").stdout.endswith("runner.log\n")
    nnictl(f"experiment export {name} -t json -f out.json -i")
    exported = json.loads(Path("out.json").read_text())
    assert exported[0]["value"] == {"default": exported[0]["parameter"]["x"], "other": 1}
    assert exported[0]["intermediate"] == [exported[0]["parameter"]["x"] / 2]
    nnictl(f"experiment export {name} --type csv --filename out.csv")
    assert Path("out.csv").read_text().startswith("number,state,value,duration,failure,x")
    nnictl(f"experiment import {name} -f out.json")
    nnictl(f"update trialnum {name} -v 8")
    nnictl(f"resume {name} -f")
    assert told(f"experiment show {name}")["trials"] == {"succeeded": 6 + 6 + 2}
    viewed = nnictl(f"view {name}").stdout
    assert f"ctl   {name}   done" in viewed
    assert "8 of 8 and 6 imported: 14 succeeded" in viewed
    nnictl(f"experiment delete {name}", text="y\n")
    assert nnictl("experiment list --all").stdout == ""


def test_a_running_one_is_updated_its_trials_are_killed_and_it_is_stopped() -> None:
    first, second = begun("long.yml"), begun("long.yml")
    assert second in nnictl("top -t 3").stdout
    assert "2 experiments are running" in nnictl("stop", code=2).stderr
    nnictl(f"stop {second[:6]}*")
    until(lambda: told(f"experiment status {second}")["status"] == "stopped")
    nnictl(f"update concurrency {first} -v 1")
    nnictl(f"update duration {first} --value 1h")
    Path("slow.json").write_text('{"x": {"_type": "uniform", "_value": [60, 61]}}')
    nnictl(f"update searchspace {first} -f slow.json")
    until(lambda: any(t["state"] == "running" and t["parameters"]["x"] > 50 for t in trials(first)))
    number = next(t["number"] for t in trials(first) if t["state"] == "running")
    wrong = nnictl(f"trial kill {first} -T {second}-{number}", code=2)
    assert f"trial {second}-{number} is none of experiment {first}" in wrong.stderr
    nnictl(f"trial kill -T {first}-{number}")
    until(lambda: trials(first)[number]["state"] == "user_canceled")
    shown = told(f"experiment show {first}")
    assert (shown["concurrency"], shown["limits"]["max_duration"]) == (1, 3600)
    nnictl("stop --all")
    until(lambda: told(f"experiment status {first}")["status"] == "stopped")
    nnictl("stop", code=2)


def test_in_the_foreground_it_ends_with_its_experiment() -> None:
    done = nnictl("create --config config.yml --foreground")
    assert "6 trials succeeded" in done.stderr
    assert done.stderr.startswith("$ hpo run --config config.yml\n")


def test_annotated_code_gives_its_space_and_a_trials_own_code() -> None:
    code = '"""@nni.variable(nni.choice(1, 2), name=n)"""\nn = 1\n"""@nni.report_final_result(n)"""\n'
    Path("marked.py").write_text(code)
    nnictl_words = ["ss_gen", "-t", "python3 marked.py", "-d", "."]
    command = [sys.executable, "-m", "hpo", "nnictl", *nnictl_words]
    subprocess.run(command, check=True, capture_output=True)
    space = {"marked/n/choice": {"_type": "choice", "_value": [1, 2]}}
    assert json.loads(Path("nni_auto_gen_search_space.json").read_text()) == space
    run = [sys.executable, "-m", "hpo", "run", "marked.py", "--max-trials", "2", "--name", "m"]
    subprocess.run(run, check=True, capture_output=True)
    assert "n = " in nnictl("trial codegen m -T 1").stdout


def test_version_and_help_are_there() -> None:
    assert nnictl("--version").stdout.startswith("hpo ")
    assert "First steps:" in nnictl("hello").stdout


@pytest.mark.parametrize("command", ABSENT)
def test_what_has_no_equivalent_says_what_there_is_instead(command: str) -> None:
    said = nnictl(f"{command} --anything at all", code=2).stderr
    assert said == f"hpo: nnictl {command} has no equivalent here\n  {ABSENT[command]}\n"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("create", "required: --config/-c"),
        ("create -c nowhere.yml", "nowhere.yml cannot be read"),
        ("update concurrency -v 2", "there is no experiment"),
        ("stop nonesuch", "$ hpo stop nonesuch\nhpo: there is no experiment"),
        ("trial kill -T abc", "abc is no trial"),
        ("experiment delete", "which experiment"),
        ("experiment export -t xml -f x", "invalid choice"),
        ("stop -p 8080", "listen on no port"),
        ("nonsense", "invalid choice"),
    ],
)
def test_a_mistake_exits_with_2_and_says_what_it_is(line: str, message: str) -> None:
    assert message in nnictl(line, code=2).stderr


@pytest.mark.parametrize("command", [*COMMANDS, *ABSENT])
def test_the_map_in_the_documentation_has_every_command(command: str) -> None:
    rows = [line for line in FROM_NNI.splitlines() if line.startswith("|")]
    assert any(f"`{command}" in row.split("|")[1] for row in rows), command
