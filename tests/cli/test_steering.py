"""Experiments in the background, steered from outside; results of one taken into another."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commands import data, here

from hpo.runtime import home

SCRIPT = """import time
import hpo
x = 0.5  # hpo: uniform(0, 1)
time.sleep(0.05)
hpo.report_final_result(-abs(x - 0.3))
"""
#: Its trials end when they are told to go.
UNTIL_TOLD = SCRIPT.replace(
    "time.sleep(0.05)", "while not __import__('os').path.exists('go'): time.sleep(0.05)"
)


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(SCRIPT)


def hpo(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "hpo", *arguments], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, data("show")
        time.sleep(0.1)


def reader(fifo: str) -> int | None:
    """Return a descriptor to write with to who reads from a pipe, once somebody does."""
    try:
        return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None


class TestDetached:
    def test_the_command_returns_and_the_experiment_goes_on_to_its_end(self) -> None:
        Path("train.py").write_text(UNTIL_TOLD)
        begun = data("run", "train.py", "--max-trials", "10", "--detach")
        name, link = begun["experiment"], begun["page"]
        assert data("show", name)["status"] == "running"
        assert [e["id"] for e in data("list", "--running")] == [name]
        Path("go").touch()
        until(lambda: data("show", name)["status"] == "done")
        assert data("show", name)["trials"] == {"succeeded": 10}
        assert data("list", "--running") == []
        assert "10 trials succeeded" in hpo("log", name).stdout
        assert "/enter?code=" in link  # whoever has it may enter: a log is no place for it
        assert "/enter?code=" not in hpo("log", name).stdout
        assert Path(hpo("log", name, "--path").stdout.strip()).is_file()

    def test_a_mistake_is_said_at_once(self) -> None:
        assert "there is no tuner" in hpo("run", "train.py", "--tuner", "TPEE", "--detach", code=2).stderr
        assert data("list") == []

    def test_ctrl_c_before_it_is_in_the_background_ends_all_of_it(self) -> None:
        os.mkfifo("config.yml")  # it waits for what somebody writes there
        command = [sys.executable, "-m", "hpo", "run", "--config", "config.yml", "--detach"]
        started = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + 60
        while (writing := reader("config.yml")) is None:
            assert time.monotonic() < end
            time.sleep(0.05)
        started.send_signal(signal.SIGINT)
        said = started.communicate(timeout=60)[1]  # its other process has closed it, too
        os.close(writing)
        assert started.returncode == 130
        assert "Traceback" not in said
        assert data("list") == []

    def test_its_session_is_its_own_and_stop_ends_it(self) -> None:
        name = data("run", "train.py", "--max-trials", "1000", "--detach")["experiment"]
        owner = int((Path(os.environ["HPO_HOME"]) / name / "lock").read_text().split()[1])
        assert os.getsid(owner) == owner
        hpo("stop", name)
        until(lambda: data("show", name)["status"] == "stopped")
        assert data("resume", name, "--detach")["experiment"] == name
        until(lambda: data("show", name)["status"] == "running")
        hpo("stop", name)
        until(lambda: not data("list", "--running"))


class TestAnotherSpace:
    def test_it_takes_effect_on_the_running_experiment(self) -> None:
        name = data("run", "train.py", "--max-trials", "10000", "--detach")["experiment"]
        Path("space.json").write_text('{"x": {"_type": "uniform", "_value": [0.6, 0.7]}}')
        until(lambda: len(data("trial", "list", name)) > 3)
        hpo("update", name, "--space", "space.json")
        until(lambda: data("show", name)["space"]["x"]["_value"] == [0.6, 0.7])
        taken = time.time()
        until(lambda: data("trial", "list", name)[-1]["started"] > taken)
        later = [t for t in data("trial", "list", name) if t["started"] > taken]
        assert later
        assert all(0.6 <= t["parameters"]["x"] <= 0.7 for t in later)
        hpo("update", name, "--max-trials", "1")
        until(lambda: data("show", name)["status"] == "done")

    def test_one_that_cannot_be_searched_changes_nothing(self) -> None:
        Path("space.json").write_text('{"x": {"_type": "uniform", "_value": [1, 0]}}')
        hpo("run", "train.py", "--max-trials", "3")
        assert "HPO511" in hpo("update", "--space", "space.json", code=2).stderr


class TestResumed:
    def test_it_says_what_has_changed_in_the_meantime(self) -> None:
        hpo("run", "train.py", "--max-trials", "1")
        assert "has --max-trials 2, once it goes on" in hpo("update", "--max-trials", "2").stdout
        said = hpo("resume").stderr
        assert "It has --max-trials 2, from now on" in said
        assert "changed since it began" not in said
        Path("train.py").write_text("raise SystemExit('edited')\n")
        hpo("update", "--max-trials", "3")
        assert (
            "train.py changed since it began: its trials run the code as it was then" in hpo("resume").stderr
        )
        Path("train.py").unlink()
        hpo("update", "--max-trials", "4")
        assert "train.py changed since it began" in hpo("resume").stderr
        assert data("show")["trials"] == {"succeeded": 4}


class TestImport:
    def test_the_tuner_learns_from_what_another_experiment_found(self) -> None:
        hpo("run", "train.py", "--max-trials", "12", "--seed", "1", "--name", "one")
        hpo("export", "one", "--format", "nni", "-o", "one.json")
        exported = json.loads(Path("one.json").read_text())
        assert set(exported[0]) == {"parameter", "value", "trialJobId"}
        assert len(exported) == 12
        hpo("run", "train.py", "--max-trials", "2", "--seed", "2", "--name", "two")
        assert "12 trials imported into" in hpo("import", "two", "one.json").stderr
        hpo("update", "two", "--max-trials", "5")
        hpo("resume", "two")
        trials = data("trial", "list", "two")
        assert [t["origin"] for t in trials].count("imported") == 12
        assert len(trials) == 12 + 5  # they count towards no limit
        found = [(t["parameters"], t["value"]) for t in trials if t["origin"] == "imported"]
        assert found == [(e["parameter"], e["value"]) for e in exported]
        hpo("update", "two", "--max-trials", "6")
        hpo("resume", "two")  # and replay knows them
        assert len(data("trial", "list", "two")) == 12 + 6

    def test_nnis_own_forms_of_a_result_are_read_and_misfits_are_named(self) -> None:
        hpo("run", "train.py", "--max-trials", "1", "--seed", "2")
        results = [0.25, "0.5", {"default": 0.75, "loss": 1}, '{"default": 1}', None, "none"]
        entries = [{"parameter": {"x": i / 10}, "value": v} for i, v in enumerate(results)]
        misfits = [{"parameter": {"x": 7}, "value": 1}, {"parameter": {"y": 0.5}, "value": 1}]
        Path("results.json").write_text(json.dumps([*entries, *misfits]))
        said = hpo("import", "train", "results.json").stderr
        assert "passed over: entry 6: x is 7, which lies outside" in said
        assert "passed over: entry 7: there is no parameter y" in said
        hpo("update", "--max-trials", "2")
        hpo("resume")
        trials = data("trial", "list")
        assert [t["value"] for t in trials if t["origin"] == "imported"] == [0.25, 0.5, 0.75, 1.0]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("[", "is no JSON"), ("{}", "holds no list of trials"), ("[1]", "entry 0 has no parameters"),
            ("[]", "has no trial with a result"),
        ],
    )  # fmt: skip
    def test_a_file_that_is_no_export_is_refused(self, text: str, message: str) -> None:
        hpo("run", "train.py", "--max-trials", "1")
        Path("results.json").write_text(text)
        assert message in hpo("import", "train", "results.json", code=2).stderr


class TestParquet:
    def test_a_table_has_a_typed_column_for_each_parameter(self) -> None:
        import pyarrow.parquet

        space = {"x": {"_type": "uniform", "_value": [0, 1]}, "k": {"_type": "choice", "_value": ["a", 1]}}
        Path("space.json").write_text(json.dumps({**space, "value": {"_type": "randint", "_value": [0, 9]}}))
        hpo("run", "train.py", "--space", "space.json", "--max-trials", "3")
        hpo("export", "--format", "parquet", "-o", "trials.parquet")
        table = pyarrow.parquet.read_table("trials.parquet")
        types = {field.name: str(field.type) for field in table.schema}
        assert (types["x"], types["value"], types["failure"]) == ("double", "double", "string")
        assert (types["k"], types["parameter.value"]) == ("string", "int64")
        assert table.column("x").to_pylist() == [t["parameters"]["x"] for t in data("trial", "list")]

    def test_numbers_of_two_kinds_are_one_and_each_objective_has_a_column(self) -> None:
        import pyarrow.parquet

        Path("train.py").write_text(
            "import hpo\nn = 2.5  # hpo: choice(1, 2.5)\n"
            "hpo.report_final_result({'accuracy': n, 'state': 1 / n})\n"
        )
        objectives = ["--objective", "accuracy:max", "--objective", "state:min"]
        hpo("run", "train.py", *objectives, "--tuner", "GridSearch", "--max-trials", "2")
        hpo("export", "--format", "parquet", "-o", "trials.parquet")
        table = pyarrow.parquet.read_table("trials.parquet")
        assert table.column("n").to_pylist() == table.column("accuracy").to_pylist() == [2.5, 1.0]
        assert table.column("result.state").to_pylist() == [0.4, 1.0]
        assert set(table.column("state").to_pylist()) == {"succeeded"}

    def test_it_needs_a_file_and_the_library(self, monkeypatch: pytest.MonkeyPatch) -> None:
        hpo("run", "train.py", "--max-trials", "1")
        assert "-o trials.parquet" in hpo("export", "--format", "parquet", code=2).stderr
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        said = here("export", "--format", "parquet", "-o", "trials.parquet", code=2)[1]
        assert "pip install 'hpo-annotate[parquet]'" in said
        assert not Path("trials.parquet").exists()


class TestAttach:
    def begin(self) -> str:
        Path("train.py").write_text(UNTIL_TOLD)
        name = data("run", "train.py", "--max-trials", "4", "--detach")["experiment"]
        until(lambda: data("show", name)["trials"].get("running") == 1)
        return str(name)

    def test_it_shows_what_happens_until_the_end(self) -> None:
        name = self.begin()
        command = [sys.executable, "-m", "hpo", "attach", name]
        watcher = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert watcher.stderr is not None
        assert watcher.stderr.readline().startswith(
            f"Experiment {name}: 1 parameter, Auto, maximize, 4 trials"
        )
        Path("go").touch()
        said = watcher.communicate(timeout=300)[1]
        assert watcher.returncode == 0
        assert [line.split()[1] for line in said.splitlines() if line.startswith("trial ")] == list("0123")
        assert "4 trials succeeded" in said
        assert f"hpo show {name}" in said

    def test_it_tells_what_ended_before_and_what_else_happens(self) -> None:
        Path("train.py").write_text(UNTIL_TOLD.replace("while not", "while hpo.get_sequence_id() and not"))
        name = data("run", "train.py", "--max-trials", "2", "--detach")["experiment"]
        until(lambda: data("show", name)["trials"] == {"succeeded": 1, "running": 1})
        command = [sys.executable, "-m", "hpo", "attach", name]
        watcher = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert watcher.stderr is not None
        watcher.stderr.readline()
        assert watcher.stderr.readline() == "1 trial ended before\n"
        directory = Path(os.environ["HPO_HOME"], name)
        home.send_command(directory, {"do": "nonsense"})
        until(lambda: not list((directory / "commands").iterdir()))
        Path("go").touch()
        said = watcher.communicate(timeout=300)[1]
        assert [line.split()[1] for line in said.splitlines() if line.startswith("trial ")] == ["1"]
        assert "this could not be done: {'do': 'nonsense'}\n" in said

    def test_ctrl_c_ends_the_watching_and_not_the_experiment(self) -> None:
        name = self.begin()
        command = [sys.executable, "-m", "hpo", "attach", name]
        watcher = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert watcher.stderr is not None
        watcher.stderr.readline()
        watcher.send_signal(signal.SIGINT)
        said = watcher.communicate(timeout=300)[1]
        assert watcher.returncode == 130
        assert f"Experiment {name} goes on. End it with: hpo stop {name}" in said
        Path("go").touch()
        until(lambda: data("show", name)["status"] == "done")

    def test_what_does_not_run_cannot_be_watched(self) -> None:
        hpo("run", "train.py", "--max-trials", "1")
        assert "is not running" in hpo("attach", code=2).stderr


#: Its trial starts a process that goes its own way.
LEAVES = """import os, subprocess, time
import hpo
x = 0.5  # hpo: uniform(0, 1)
away = subprocess.Popen(["sleep", "300"], start_new_session=True)
open("new", "w").write(f"{os.getppid()} {os.getpid()} {away.pid}")
os.rename("new", "pids")
time.sleep(300)
"""


class TestWhatTrialsLeft:
    """Runner and fork server are killed at once, so that nobody ends what a trial started."""

    @pytest.fixture
    def left(self) -> Iterator[tuple[str, int]]:
        Path("train.py").write_text(LEAVES)
        name = data("run", "train.py", "--detach")["experiment"]
        until(Path("pids").exists)
        server, trial, away = map(int, Path("pids").read_text().split())
        runner = int((Path(os.environ["HPO_HOME"]) / name / "lock").read_text().split()[1])
        os.kill(runner, signal.SIGSTOP)  # it would see its server die
        for pid in (server, trial, runner):
            os.kill(pid, signal.SIGKILL)
        until(lambda: data("show", name)["status"] == "interrupted")
        yield name, away
        if not self.is_gone(away):
            os.kill(away, signal.SIGKILL)

    @staticmethod
    def is_gone(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] in "ZX"
        except FileNotFoundError:
            return True

    def test_doctor_tells_of_it_and_stop_ends_it(self, left: tuple[str, int]) -> None:
        name, away = left
        assert f"1 process of {name} lives without its runner" in here("doctor")[0]
        assert not self.is_gone(away)
        assert f"Experiment {name} did not run any more. Ended 1 process" in hpo("stop").stdout
        assert self.is_gone(away)
        assert f"{name} lives" not in here("doctor")[0]
        assert "is not running" in hpo("stop", code=2).stderr

    def test_it_is_deleted_with_its_experiment(self, left: tuple[str, int]) -> None:
        name, away = left
        hpo("delete", name, "--yes")
        assert self.is_gone(away)
