"""A fork server that was forked from the program itself is waited for and killed as any process is."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from hpo.runtime.function import ForkedServer
from hpo.runtime.launcher import UNSHARED


def test_it_is_waited_for_and_killed_as_any_process_is(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, (tmp_path / "lock").open("w") as lock, (tmp_path / "log").open("ab") as log:
        server = ForkedServer(
            lambda: 1.0, ours, theirs, lock=lock.fileno(), log=log.fileno(), experiment="abc", environment={}
        )
        with pytest.raises(subprocess.TimeoutExpired) as caught:
            server.wait(0.05)
        assert caught.value.timeout == 0.05
        server.kill()
        assert server.wait() == -signal.SIGKILL
        assert server.wait(60) == -signal.SIGKILL
        server.kill()


def test_it_ends_where_the_program_lets_go_of_it(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, (tmp_path / "lock").open("w") as lock, (tmp_path / "log").open("ab") as log:
        server = ForkedServer(
            lambda: 1.0, ours, theirs, lock=lock.fileno(), log=log.fileno(), experiment="abc", environment={}
        )
    assert server.wait(60) == 0


def test_it_has_nothing_open_of_what_is_the_programs_alone(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, (tmp_path / "lock").open("w") as lock, (tmp_path / "log").open("ab") as log:
        with (tmp_path / "mine").open("w") as mine, (tmp_path / "other").open("w"):
            UNSHARED.add(mine)
            server = ForkedServer(
                lambda: 1.0,
                ours,
                theirs,
                lock=lock.fileno(),
                log=log.fileno(),
                experiment="abc",
                environment={},
            )
            opened = Path(f"/proc/{server.pid}/fd")
            until = time.monotonic() + 60
            while "mine" in (names := {Path(os.path.realpath(path)).name for path in opened.iterdir()}):
                assert time.monotonic() < until
            assert {"lock", "log", "other"} <= names
        server.kill()
        server.wait()
