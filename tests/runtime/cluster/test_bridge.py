"""The bridge beside a stand-in for Ray, which does what no real one does when a test wants it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hpo.errors import StoreError
from hpo.runtime.cluster.bridge import Bridge
from hpo.runtime.cluster.launcher import ClusterLauncher


class Method:
    """A method of an actor, with what a call of it returns."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self.remote = call

    def options(self, **_: Any) -> Method:
        return self


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return the hosts that were killed; there is no other Ray than this."""
    hosts: list[Any] = []
    ray = SimpleNamespace(remote=lambda **_: lambda host: host, nodes=list, kill=hosts.append)
    monkeypatch.setitem(sys.modules, "ray", ray)
    return hosts


@pytest.fixture
def served(tmp_path: Path, ended: list[Any]) -> Iterator[tuple[socket.socket, Bridge]]:
    """Return a bridge, and its runner's socket."""
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
        yield runner, Bridge(connection, setup)


def test_a_host_that_is_being_given_back_when_the_experiment_ends_is_not_left(
    served: tuple[socket.socket, Bridge], ended: list[Any]
) -> None:
    runner, bridge = served

    def close() -> Any:
        """Take a while, in which the experiment ends."""
        closed: Future[None] = Future()
        runner.sendall(b'{"over": true}\n')
        runner.shutdown(socket.SHUT_WR)
        threading.Timer(0.5, closed.set_result, [None]).start()
        return SimpleNamespace(future=lambda: closed)

    host = SimpleNamespace(close=Method(close))
    bridge._idle.append((float("-inf"), host))
    asyncio.run(bridge.serve())
    assert ended == [host]


def test_a_trial_that_runs_again_can_be_ended_while_it_waits_for_its_place(
    served: tuple[socket.socket, Bridge], ended: list[Any], tmp_path: Path
) -> None:
    runner, bridge = served
    request = {"start": 3, "dir": str(tmp_path), "values": None}
    starts: list[asyncio.Future[dict[str, Any]]] = []

    def start(*_: Any) -> asyncio.Future[dict[str, Any]]:
        starts.append(asyncio.get_running_loop().create_future())
        if len(starts) == 1:
            starts[0].set_result({"began": 3, "node": "a"})
        return starts[-1]

    async def watch() -> AsyncIterator[Any]:
        end: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        end.set_result({"ended": 3, "status": 1, "reason": ""})
        yield end
        bridge._obey(request)  # the runner is quicker than the end of what is watched
        while len(starts) < 2:
            await asyncio.sleep(0.01)

    async def run() -> None:
        bridge._idle.append((0.0, SimpleNamespace(start=Method(start), watch=Method(watch))))
        bridge._obey(request)
        while len(starts) < 2 or len(bridge._tasks) > 1:
            await asyncio.sleep(0.01)
        bridge._obey({"signal": 3, "number": 15})

    asyncio.run(asyncio.wait_for(run(), 60))
    assert len(ended) == 1
    words = [json.loads(line) for line in runner.recv(1 << 16).splitlines()]
    assert words[-2:] == [{"ended": 3, "status": 1}, {"ended": 3, "status": -15}]


def test_of_a_bridge_that_dies_again_and_again_that_is_said_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ClusterLauncher, "server", "hpo.no_such_module")
    with (tmp_path / "lock").open("w") as lock, (tmp_path / "runner.log").open("ab") as log:
        launcher = ClusterLauncher(
            tmp_path, None, {}, {}, adopt={}, fits=False, hides_gpus=False, cwd=tmp_path, snapshot=None,
            path=tmp_path, modules=(), lock=lock, log=log, experiment="abc", spawns=False, threads={},
            variables={},
        )  # fmt: skip
    for _ in range(3):
        launcher._server.wait()
        assert not list(launcher.events())
    launcher._server.wait()
    with pytest.raises(StoreError, match="died three times in a row"):
        list(launcher.events())
    launcher.close()
    assert "No module named hpo.no_such_module" in (tmp_path / "runner.log").read_text()


def test_what_the_runner_does_not_read_yet_holds_up_nothing(served: tuple[socket.socket, Bridge]) -> None:
    runner, bridge = served
    bridge._connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)  # the least: some five lines
    runner.setblocking(False)

    async def tell() -> bytes:
        for number in range(100):
            bridge._send({"capacity": number})
        received = b""
        while received.count(b"\n") < 100:
            received += await asyncio.get_running_loop().sock_recv(runner, 1 << 16)
        return received

    received = asyncio.run(asyncio.wait_for(tell(), 60))
    assert [json.loads(line)["capacity"] for line in received.splitlines()] == list(range(100))
