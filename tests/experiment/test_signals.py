"""Signals at each phase of `hpo run`, in a terminal whose shell has jobs: what ends, and what goes on."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import paused
import pytest
from commands import data, hpo, trials

#: The second trial, or the module that it imports, waits for `go` where it is told to.
SCRIPT = """import os
import hpo
import warm
x = 0.5  # hpo: uniform(0, 1)
if hpo.get_sequence_id() == 1:
    warm.wait("runs")
hpo.report_final_result(x)
"""
WARM = """import os, time


def wait(phase):
    if os.environ.get("WAITS") == phase:
        open("there", "w").close()
        end = time.monotonic() + 60
        while not os.path.exists("go") and time.monotonic() < end:
            time.sleep(0.01)


wait("warms")
"""
#: Where a run is stopped, by phase; the last two are told to the script.
PHASES = {
    "reads": "hpo.experiment.draft:draft",
    "stores": "hpo.runtime.store:Store.create",
    "begins": "hpo.experiment.loop:Experiment.run",
    "closes": "hpo.runtime.launcher:Launcher.close",
    "concludes": "hpo.experiment.loop:Experiment._conclude",
    "warms": ":",
    "runs": ":",
}
CTRL_C, CTRL_Z = b"\x03", b"\x1a"


def until(holds: Callable[[], bool], what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.01)


class Shell:
    """A shell with job control, in a terminal."""

    def __init__(self) -> None:
        self.said = ""
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.environ["PS1"] = "$ "
            os.execlp("bash", "bash", "--norc", "--noprofile", "-i")

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self._terminal, b"\nexit\nexit\n")
            while os.read(self._terminal, 1 << 16):
                pass
        os.close(self._terminal)
        os.waitpid(self._pid, 0)

    def type(self, keys: bytes) -> None:
        os.write(self._terminal, keys)

    def hears(self, pattern: str, seconds: float = 60) -> re.Match[str]:
        """Wait until this is said; what came before it is over."""
        end = time.monotonic() + seconds
        while (found := re.search(pattern, self.said)) is None:
            assert time.monotonic() < end, f"no {pattern!r} in:\n{self.said}"
            if select.select([self._terminal], [], [], 0.1)[0]:
                self.said += os.read(self._terminal, 1 << 16).decode(errors="replace")
        self.said = self.said[found.end() :]
        return found

    def begin(self, phase: str, *options: str) -> int:
        """Start a run, and wait until it is at a phase; return its process."""
        runs = [sys.executable, paused.__file__, PHASES[phase], "run", "train.py", "--no-web"]
        self.type(f"WAITS={phase} {' '.join([*runs, '--max-trials', '3', *options])}\n".encode())
        until(Path("there").exists, f"it never {phase}")
        return int(Path("pid").read_text())

    def suspend(self) -> None:
        self.type(CTRL_Z)
        self.hears(r"\[1\]\+ +Stopped")

    def code(self) -> int:
        """Return the exit status, once it has ended."""
        self.type(b"echo code-$?\n")
        return int(self.hears(r"code-(\d+)")[1])


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    if shutil.which("bash") is None:
        pytest.skip("there is no bash, whose jobs are suspended")
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(SCRIPT)
    Path("warm.py").write_text(WARM)
    shell = Shell()
    yield shell
    shell.close()


def processes(mark: str) -> dict[int, str]:
    """Return what runs with this in its environment, but for shells in which somebody types."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if mark.encode() in (process / "environ").read_bytes() and not words.startswith("bash"):
                found[int(process.name)] = words
    return found


def ours() -> dict[int, str]:
    """Return what runs of our experiment."""
    return processes(f"HPO_HOME={os.environ['HPO_HOME']}\0")


def is_whole_and_goes_on() -> None:
    """See that nothing is left that runs, that the store is whole, and that a run goes on to its end."""
    until(lambda: not ours(), "something is left that runs", 15)
    for path in Path(os.environ["HPO_HOME"]).glob("*/experiment.db"):
        with closing(sqlite3.connect(path)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    Path("go").touch()
    for experiment in data("list"):
        if experiment["status"] != "done":
            hpo("resume", experiment["id"])
        assert data("show", experiment["id"])["status"] == "done"
        assert [each["state"] for each in trials(experiment["id"])] == ["succeeded"] * 3


ENDING = {"Ctrl-C": signal.SIGINT, "SIGTERM": signal.SIGTERM, "SIGHUP": signal.SIGHUP}
EARLY = {"Ctrl-C": 130, "SIGTERM": 143, "SIGHUP": 129}


def sent(shell: Shell, pid: int, how: str) -> None:
    if how == "Ctrl-C":
        shell.type(CTRL_C)
    else:
        os.kill(pid, ENDING[how])


@pytest.mark.parametrize("how", ENDING)
@pytest.mark.parametrize("phase", ["reads", "stores", "begins"])
def test_before_the_first_trial_it_ends_at_once(shell: Shell, phase: str, how: str) -> None:
    pid = shell.begin(phase)
    sent(shell, pid, how)
    assert shell.code() == EARLY[how]
    is_whole_and_goes_on()
    assert len(data("list")) == (phase == "begins")


@pytest.mark.parametrize("how", ENDING)
@pytest.mark.parametrize("phase", ["closes", "concludes"])
def test_at_its_end_it_is_done_all_the_same(shell: Shell, phase: str, how: str) -> None:
    pid = shell.begin(phase)
    sent(shell, pid, how)
    time.sleep(0.1)
    Path("go").touch()
    assert shell.code() == 0
    assert data("show")["status"] == "done"
    is_whole_and_goes_on()


@pytest.mark.parametrize("phase", ["warms", "runs"])
@pytest.mark.parametrize(
    ("signals", "code"),
    [
        (["Ctrl-C"], 130),
        (["Ctrl-C", "Ctrl-C"], 130),
        (["Ctrl-C", "Ctrl-C", "Ctrl-C"], 130),
        (["SIGTERM"], 143),
        (["SIGHUP"], 143),
        (["Ctrl-C", "SIGTERM"], 130),
    ],
    ids=lambda each: ", ".join(each) if isinstance(each, list) else "",
)
def test_while_trials_start_or_run_it_stops(shell: Shell, phase: str, signals: list[str], code: int) -> None:
    pid = shell.begin(phase)
    for i, how in enumerate(signals):
        sent(shell, pid, how)
        if i < len(signals) - 1:
            shell.hears(("running finish first", "Ending the running trials")[i])
    if signals == ["Ctrl-C"]:
        shell.hears("running finish first")
        Path("go").touch()
    assert shell.code() == code
    assert data("show")["status"] == "stopped"
    is_whole_and_goes_on()


@pytest.mark.parametrize("phase", PHASES)
def test_it_is_suspended_and_goes_on_with_nothing_lost(shell: Shell, phase: str) -> None:
    shell.begin(phase, "--max-trial-duration", "3")
    shell.suspend()
    time.sleep(3.5 if phase in ("warms", "runs") else 0.1)
    shell.type(b"fg\n")
    shell.hears("train.py")
    time.sleep(0.5)  # in which a trial would be ended
    Path("go").touch()
    assert shell.code() == 0
    assert [(each["state"], each["attempt"]) for each in trials()] == [("succeeded", 1)] * 3
    is_whole_and_goes_on()


def test_what_ended_while_it_was_suspended_has_its_result(shell: Shell) -> None:
    shell.begin("runs", "--max-trial-duration", "3")
    shell.suspend()
    Path("go").touch()
    time.sleep(3.5)
    shell.type(b"fg\n")
    assert shell.code() == 0
    assert [(each["state"], each["attempt"]) for each in trials()] == [("succeeded", 1)] * 3
    is_whole_and_goes_on()


def test_after_ctrl_c_it_may_be_suspended_and_what_runs_finishes(shell: Shell) -> None:
    shell.begin("runs", "--max-trial-duration", "3")
    shell.type(CTRL_C)
    shell.hears("running finish first")
    shell.suspend()
    time.sleep(3.5)
    shell.type(b"fg\n")
    shell.hears("train.py")
    time.sleep(0.5)  # in which a trial would be ended
    Path("go").touch()
    assert shell.code() == 130
    assert [(each["state"], each["attempt"]) for each in trials()] == [("succeeded", 1)] * 2
    is_whole_and_goes_on()


@pytest.mark.parametrize("is_told", [True, False], ids=["and told", "and not told, as in a frozen container"])
def test_all_may_be_suspended_together_and_nothing_is_too_late(shell: Shell, is_told: bool) -> None:
    if not is_told:
        shell.type(b"export DEAF=1\n")
    shell.begin("runs", "--max-trial-duration", "3", "--max-duration", "20")
    every = [pid for pid in ours() if pid != os.getpid()]
    assert len(every) >= 3  # the runner, the process that starts trials, and a trial
    for number in (signal.SIGSTOP, signal.SIGCONT):
        for pid in every:
            os.kill(pid, number)
        time.sleep(3.5 if number == signal.SIGSTOP else 0.5)
    Path("go").touch()
    shell.type(b"fg\n")
    until(lambda: not ours(), "it did not end")
    assert [(each["state"], each["attempt"]) for each in trials()] == [("succeeded", 1)] * 3
    assert data("show")["elapsed"] < 3.5
