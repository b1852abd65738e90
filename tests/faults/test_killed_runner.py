"""The runner is killed whenever it is about to change something: nothing is lost, and nothing done twice.

Its changes are the files that it makes, renames and removes, its commits, before and after, and the processes
that it starts.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from oracle import TELL, Oracle, living

#: `hpo`, in a process that kills itself at a change, or writes down how many there were.
RUNNER = """
import atexit, os, signal, sqlite3, sys
from pathlib import Path

made, last = 0, int(os.environ.pop("KILLED_AT"))
home = os.environ["HPO_HOME"]

def change():
    global made
    made += 1
    if made == last:
        os.kill(os.getpid(), signal.SIGKILL)

def look(event, arguments):
    if event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "subprocess.Popen"):
        change()
    elif event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR) and home in str(arguments[0]):
        change()

class Connection(sqlite3.Connection):
    def execute(self, sql, *values):
        if sql != "COMMIT":
            return super().execute(sql, *values)
        change()
        done = super().execute(sql)
        change()
        return done

connect = sqlite3.connect
sqlite3.connect = lambda *where, **how: connect(*where, factory=Connection, **how)
sys.addaudithook(look)
atexit.register(lambda: Path("changes").write_text(str(made)))
from hpo.cli.command_line import main
sys.exit(main())
"""

#: Its second trial wishes for another, once.
SCRIPT = (
    TELL
    + """
from pathlib import Path
import hpo
from hpo.runtime.home import send_command
x = 0.5  # hpo: uniform(0, 1)
tell("begin")
if os.environ["HPO_TRIAL_SEQUENCE"] == "1" and not Path("wishes").exists():
    Path("wishes").touch()
    send_command(Path(os.environ["HPO_TRIAL_DIR"]).parents[1], {"do": "enqueue", "parameters": {"x": 0.25}})
    Path("wished").touch()
hpo.report_intermediate_result(x)
tell("reported", x)
hpo.report_final_result(x)
tell("end", x)
"""
)
TRIALS = 5

#: At which changes; more of them by `HPO_KILLED_AT="$(seq 120)" pytest tests/faults/test_killed_runner.py`.
AT = [int(at) for at in os.environ.get("HPO_KILLED_AT", "8 20 30 40 50 60").split()]


def run(*arguments: str, killed_at: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", RUNNER, *arguments, "--no-web"]
    environment = {**os.environ, "KILLED_AT": str(killed_at)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


def data(*arguments: str) -> Any:
    command = [sys.executable, "-m", "hpo", *arguments, "--json"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.fixture(autouse=True)
def oracle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ORACLE", str(tmp_path / "oracle"))
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(SCRIPT)
    return tmp_path / "oracle"


@pytest.mark.parametrize("at", AT)
def test_wherever_it_is_killed_it_goes_on_as_if_it_had_not_been(oracle: Path, at: int) -> None:
    options = ("run", "train.py", "--max-trials", str(TRIALS), "--concurrency", "2", "--seed", "1")
    done = run(*options, killed_at=at)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    while not (known := data("list")) or known[0]["status"] != "done":
        done = run("resume") if known else run(*options)
        assert done.returncode == 0, done.stderr
    heard, found = Oracle.read(oracle), data("trial", "list")
    assert [trial["number"] for trial in found] == list(range(len(found)))
    assert len(found) in (TRIALS, TRIALS + 1), "the trial that was wished for may be one more"
    assert {trial["number"]: trial["value"] for trial in found} == heard.results
    assert heard.repeated == set()
    wished = [trial["parameters"] for trial in found if trial["origin"] == "user"]
    assert wished == [{"x": 0.25}] or (not wished and not Path("wished").exists())
    assert living(oracle, patience=10) == []
    with closing(sqlite3.connect(Path(data("show")["directory"]) / "experiment.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("SELECT trial, count(*) FROM metric GROUP BY trial").fetchall() == [
            (number, 1) for number in range(len(found))
        ]


def test_there_are_as_many_changes_as_it_is_killed_at() -> None:
    assert run("run", "train.py", "--max-trials", str(TRIALS), "--concurrency", "2").returncode == 0
    assert int(Path("changes").read_text()) > max(AT)
