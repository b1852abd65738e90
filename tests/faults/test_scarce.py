"""There is no process to be had, or no file can be opened: an experiment waits, and loses nothing."""

from __future__ import annotations

import contextlib
import json
import resource
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from means import compiled, read_until, wait_until

SCRIPT = """import time
import hpo
x = 0.5  # hpo: uniform(0, 1)
time.sleep(0.2)
hpo.report_final_result(x)
"""
NO_PROCESS = "no process can be started: Resource temporarily unavailable: trials wait until one can"
NO_FILE = "no file can be opened (Too many open files): no trial starts until there is room"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(SCRIPT)


@pytest.fixture
def full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the file that lets the machine have no room for a process, while it is there."""
    library = compiled("fork", tmp_path)
    if library is None:
        pytest.skip("there is no C compiler to build the stand-in for a full machine with")
    monkeypatch.setenv("LD_PRELOAD", str(library))
    monkeypatch.setenv("STANDIN_FORK", str(tmp_path / "full"))
    return tmp_path / "full"


def begin(*options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "hpo", "run", "train.py", "--seed", "1", "--no-web", *options]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def wait_for_trials(count: int) -> None:
    wait_until(lambda: len(list(Path("home").glob("[!.]*/trials/*"))) >= count)


def outcomes() -> list[Any]:
    command = [sys.executable, "-m", "hpo", "trial", "list", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [(trial["state"], trial["attempt"]) for trial in json.loads(done.stdout)]


def test_trials_wait_for_processes_in_no_time_of_their_own(full: Path) -> None:
    runner = begin("--max-trials", "20", "--concurrency", "4", "--max-trial-duration", "2")
    wait_for_trials(4)
    full.touch()
    said = read_until(runner, NO_PROCESS)
    time.sleep(3)
    full.unlink()
    time.sleep(0.5)
    full.touch()  # it is said once, however often it comes
    time.sleep(0.7)
    full.unlink()
    said += runner.communicate(timeout=60)[1]
    assert runner.returncode == 0, said
    assert said.count("no process can be started") == 1
    assert "Traceback" not in said
    assert outcomes() == [("succeeded", 1)] * 20


def test_trials_that_wait_for_processes_are_ended_with_their_experiment(full: Path) -> None:
    full.touch()
    runner = begin("--max-trials", "3", "--concurrency", "2")
    read_until(runner, NO_PROCESS)
    runner.terminate()
    said = runner.communicate(timeout=60)[1]
    assert runner.returncode == 143, said
    full.unlink()
    resume = [sys.executable, "-m", "hpo", "resume", "--no-web"]
    subprocess.run(resume, check=True, capture_output=True, timeout=60)
    assert [state for state, _ in outcomes()] == ["succeeded"] * 3


def test_a_runner_that_can_open_no_file_waits_and_loses_no_result() -> None:
    runner = begin("--max-trials", "12", "--concurrency", "4")
    wait_for_trials(4)
    _, most = resource.prlimit(runner.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(runner.pid, resource.RLIMIT_NOFILE, (3, most))
    try:
        said = read_until(runner, NO_FILE)
        time.sleep(1)
    finally:
        resource.prlimit(runner.pid, resource.RLIMIT_NOFILE, (1024, most))
    said += runner.communicate(timeout=60)[1]
    assert runner.returncode == 0, said
    assert said.count("no file can be opened") == 1
    assert outcomes() == [("succeeded", 1)] * 12


def test_a_command_for_which_there_is_no_thread_says_so() -> None:
    program = """import sys, threading
def refuse(*_):
    raise RuntimeError("can't start new thread")
threading._start_new_thread = refuse
from hpo.cli import main
sys.argv = ["hpo", "run", "train.py", "--max-trials", "1", "--no-web"]
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "can't start new thread: no more processes and threads are allowed here (ulimit -u)" in done.stderr


@contextlib.contextmanager
def crowded_page(log: Path) -> Iterator[tuple[int, list[socket.socket]]]:
    """Serve a page to more visitors than files that it may open; give its port and them, and end it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with log.open("wb") as out:
        command = [sys.executable, "-m", "hpo", "web", "--port", str(port)]
        page = subprocess.Popen(["prlimit", "--nofile=40", *command], stdout=out, stderr=out)
    visitors: list[socket.socket] = []
    try:
        wait_until(lambda: answers(port))
        visitors += [socket.create_connection(("127.0.0.1", port)) for _ in range(80)]
        wait_until(lambda: "out of system resource" in log.read_text())
        yield port, visitors
    finally:
        page.terminate()
        page.wait()
        for visitor in visitors:
            visitor.close()


def test_a_page_with_more_visitors_than_files_that_it_may_open_comes_back(tmp_path: Path) -> None:
    with crowded_page(tmp_path / "log") as (port, visitors):
        time.sleep(2.5)
        for visitor in visitors:
            visitor.close()
        wait_until(lambda: answers(port))
    said = (tmp_path / "log").read_text()
    assert said.count("out of system resource") == 1
    assert "Traceback" not in said


def test_a_page_that_ends_while_it_has_too_many_visitors_ends_quietly(tmp_path: Path) -> None:
    with crowded_page(tmp_path / "log"):
        pass
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_a_page_for_which_no_process_can_be_started_is_served_once_one_can() -> None:
    Path("home").mkdir()
    Path("home/web").mkdir(mode=0o700)
    program = """import sys
from hpo.dashboard.server import listen, listening
bound = listen(port=0)
with listening(bound, "127.0.0.1"):
    print(bound.getsockname()[1], flush=True)
    sys.stdin.read()
"""
    runner = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert runner.stdout is not None
    port = int(runner.stdout.readline())
    most = resource.prlimit(runner.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(runner.pid, resource.RLIMIT_NOFILE, (3, most[1]))
    assert not answers(port)
    resource.prlimit(runner.pid, resource.RLIMIT_NOFILE, most)
    assert answers(port, seconds=20)
    said = runner.communicate(timeout=60)[1]
    assert "Traceback" not in said


def answers(port: int, seconds: float = 5) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/api/experiments", timeout=seconds).close()
    except urllib.error.HTTPError as error:
        error.close()
        return error.code == 401
    except OSError:
        return False
    return True


NOTEBOOK = """import os, hpo
held = [os.open("/dev/null", os.O_RDONLY) for _ in range(1100)]
found = hpo.tune(lambda x: x, space={"x": hpo.uniform(0, 1)}, max_trials=6, concurrency=2, tuner="Random")
print(len(found.trials))
"""


def test_a_program_with_a_thousand_open_files_runs_experiments() -> None:
    Path("notebook.py").write_text(NOTEBOOK)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limits[1] < 2048:
        pytest.skip("so many files may not be open here")
    done = subprocess.run(
        [sys.executable, "notebook.py"],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (2048, limits[1])),
    )
    assert done.stdout.strip().endswith("6"), done.stderr
