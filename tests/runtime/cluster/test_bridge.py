"""The bridge beside a stand-in for Ray, which does what no real one does when a test wants it."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hpo.runtime.cluster.bridge import Bridge


class SlowToClose:
    """A host at whose close the experiment ends, and which takes a while for it."""

    def __init__(self, runner: socket.socket) -> None:
        self._runner = runner
        self.close = SimpleNamespace(options=lambda **_: SimpleNamespace(remote=self._close))

    def _close(self) -> Any:
        closed: Future[None] = Future()
        self._runner.sendall(b'{"over": true}\n')
        self._runner.shutdown(socket.SHUT_WR)
        threading.Timer(0.5, closed.set_result, [None]).start()
        return SimpleNamespace(future=lambda: closed)


def test_a_host_that_is_being_given_back_when_the_experiment_ends_is_not_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[Any] = []
    ray = SimpleNamespace(remote=lambda **_: lambda host: host, nodes=list, kill=ended.append)
    monkeypatch.setitem(sys.modules, "ray", ray)
    os.mkfifo(tmp_path / "wake")
    setup = {
        "needs": {"CPU": 1.0},
        "outlives": False,
        "host": {"experiment": "abc"},
        "code": None,
        "function": None,
        "directory": str(tmp_path),
        "adopt": {},
    }
    runner, connection = socket.socketpair()
    with runner, connection:
        connection.setblocking(False)
        bridge = Bridge(connection, setup)
        host = SlowToClose(runner)
        bridge._idle.append((float("-inf"), host))
        asyncio.run(bridge.serve())
    assert ended == [host]
