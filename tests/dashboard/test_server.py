"""The process that serves: when it starts, when it ends, what it says and what it does not."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from hpo.dashboard.access import Access
from hpo.dashboard.server import listen
from hpo.errors import UsageError

SCRIPT = """import time
import hpo
x = 0.5  # hpo: uniform(0, 1)
for i in range(4000):
    time.sleep(0.05)
    print("line", i, flush=True)
    hpo.report_intermediate_result(x * i)
hpo.report_final_result(x)
"""


def started(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "hpo", *arguments],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )


def link_of(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        found = re.search(r"http://\S+", line)
        if found:
            return found[0]
    raise AssertionError("no link was printed")


def ended(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    process.communicate(timeout=300)


def ask(port: int, path: str, home: Path) -> Any:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
    request.add_header("Authorization", f"Bearer {Access(home).token}")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def port_of(link: str) -> int:
    return int(re.search(r":(\d+)/", link)[1])  # type: ignore[index]


def servers(link: str) -> list[int]:
    """Return the processes that serve on a link's port."""
    wanted = f"{port_of(link):04X}"
    inodes = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(f":{wanted}") and fields[3] == "0A":
            inodes.add(f"socket:[{fields[9]}]")
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if any(os.readlink(fd) in inodes for fd in (process / "fd").iterdir()):
                command = (process / "cmdline").read_bytes()
                if b"hpo.dashboard" in command:
                    found.append(int(process.name))
    return found


def until(holds: Callable[[], Any], seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while not (result := holds()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return result


@pytest.fixture
def run(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[str]]:
    """Return an experiment that runs, with a page."""
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(SCRIPT)
    process = started("run", "train.py", "--max-trials", "3")
    yield process
    ended(process)


class TestRun:
    def test_the_page_starts_when_its_link_is_opened_and_not_before(self, run: Any, home: Path) -> None:
        link = link_of(run)
        assert servers(link) == []
        (experiment,) = ask(port_of(link), "/api/experiments", home)
        assert link.endswith(f"&to={experiment['id']}")
        assert len(servers(link)) == 1

    def test_a_page_that_is_killed_is_there_again_and_the_experiment_does_not_notice(
        self, run: Any, home: Path
    ) -> None:
        link = link_of(run)
        ask(port_of(link), "/api/experiments", home)
        (first,) = servers(link)
        os.kill(first, signal.SIGKILL)
        until(lambda: first not in servers(link))
        (experiment,) = ask(port_of(link), "/api/experiments", home)
        assert experiment["status"] == "running"
        assert run.poll() is None
        assert servers(link) != [first]

    def test_it_outlives_a_killed_runner_while_it_is_looked_at(self, run: Any, home: Path) -> None:
        link = link_of(run)
        ask(port_of(link), "/api/experiments", home)
        stream = HTTPConnection("127.0.0.1", port_of(link), timeout=60)
        stream.request("GET", "/api/changes", headers={"Authorization": f"Bearer {Access(home).token}"})
        answer = stream.getresponse()
        assert b"connected" in answer.readline()
        run.kill()
        run.wait()
        until(lambda: ask(port_of(link), "/api/experiments", home)[0]["status"] == "interrupted")
        (server,) = servers(link)
        stream.close()
        os.kill(server, signal.SIGTERM)  # it would end by itself, in a minute: see below
        until(lambda: server not in servers(link))

    def test_it_ends_once_its_run_has_ended_and_nobody_looks(self, home: Path) -> None:
        program = (
            "import os; from hpo.dashboard import server; server._LINGER = 0.1; read, write = os.pipe(); "
            "os.close(write); server.serve(server.listen(port=0), '127.0.0.1', owner=read)"
        )
        subprocess.run([sys.executable, "-c", program], check=True, timeout=300)

    def test_secrets_are_in_no_argument_no_environment_and_no_log(self, run: Any, home: Path) -> None:
        link = link_of(run)
        (experiment,) = ask(port_of(link), "/api/experiments", home)
        until(lambda: ask(port_of(link), "/api/experiments", home)[0]["trials"].get("running"))
        code = re.search(r"code=([^&]+)", link)[1].encode()  # type: ignore[index]
        secrets = (Access(home).token.encode(), code)
        looked = 0
        for process in Path("/proc").glob("[0-9]*"):
            for name in ("cmdline", "environ"):
                with contextlib.suppress(OSError):
                    told = (process / name).read_bytes()
                    looked += 1
                    assert not any(secret in told for secret in secrets), process
        assert looked > 4
        for path in home.rglob("*"):
            if path.is_file() and path != home / "web" / "token":
                data = path.read_bytes()
                assert not any(secret in data for secret in secrets), path
                assert path.stat().st_mode & 0o077 == 0 or experiment["id"] in path.parts, path

    def test_changes_come_as_they_happen(self, run: Any, home: Path) -> None:
        link = link_of(run)
        stream = HTTPConnection("127.0.0.1", port_of(link), timeout=60)
        stream.request("GET", "/api/changes", headers={"Authorization": f"Bearer {Access(home).token}"})
        answer = stream.getresponse()
        seen: list[dict[str, Any]] = []
        while not any(c.get("trials") for c in seen) or not any(c.get("store") for c in seen):
            line = answer.readline()
            if line.startswith(b"data: "):
                seen.append(json.loads(line[6:]))
            assert len(seen) < 200
        stream.close()

    def test_without_a_page_there_is_no_link_and_nothing_listens(self, home: Path, tmp_path: Path) -> None:
        script = tmp_path / "quick.py"
        script.write_text("import hpo\nx = 1  # hpo: choice(1, 2)\nhpo.report_final_result(x)\n")
        arguments = [sys.executable, "-m", "hpo", "run", str(script), "--max-trials", "2", "--no-web"]
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=300, check=True)
        assert "http://" not in done.stderr
        assert not (home / "web").exists()

    def test_where_its_secrets_would_not_be_safe_there_is_no_page_and_the_experiment_runs(
        self, home: Path, tmp_path: Path
    ) -> None:
        (home / "web").mkdir()
        (home / "web").chmod(0o755)
        script = tmp_path / "quick.py"
        script.write_text("import hpo\nx = 1  # hpo: choice(1, 2)\nhpo.report_final_result(x)\n")
        arguments = [sys.executable, "-m", "hpo", "run", str(script), "--max-trials", "2"]
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=300, check=True)
        assert "note: there is no page: the page's token cannot be kept in " in done.stderr
        assert "http://" not in done.stderr
        assert "2 trials succeeded" in done.stderr

    def test_a_port_that_is_taken_is_said_before_anything_is_made(self, home: Path, tmp_path: Path) -> None:
        script = tmp_path / "quick.py"
        script.write_text("import hpo\nx = 1  # hpo: choice(1, 2)\nhpo.report_final_result(x)\n")
        with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as other:
            port = str(other.getsockname()[1])
            arguments = [sys.executable, "-m", "hpo", "run", str(script), "--port", port]
            done = subprocess.run(arguments, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 2
        assert f"port {port}" in done.stderr
        assert not [path for path in home.iterdir() if path.name != "web"]


class TestWeb:
    def test_it_serves_until_it_is_told_to_end(self, home: Path) -> None:
        process = started("web", "--port", str(free_port()))
        try:
            link = link_of(process)
            assert ask(port_of(link), "/api/experiments", home) == []
            process.send_signal(signal.SIGINT)
            process.wait(timeout=300)
            assert process.returncode == 130
        finally:
            ended(process)

    def test_open_to_the_network_it_says_what_that_exposes(self, home: Path) -> None:
        process = started("web", "--host", "0.0.0.0", "--port", str(free_port()))
        try:
            assert process.stderr is not None
            said = [process.stderr.readline() for _ in range(6)]
            assert any("open to the network" in line for line in said)
            assert any("ssh -L" in line for line in said)
        finally:
            ended(process)

    def test_an_address_that_is_not_ours_is_a_mistake(self) -> None:
        with pytest.raises(UsageError, match="cannot listen on 203\\.0\\.113\\.1"):
            listen("203.0.113.1", 1234)


def free_port() -> int:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as found:
        return int(found.getsockname()[1])
