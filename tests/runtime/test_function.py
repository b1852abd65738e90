"""A fork server that was forked from the program itself is waited for and killed as any process is."""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path

import pytest

from hpo.runtime.function import ForkedServer


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
