"""The bridge beside a stand-in for Ray, which does what no real one does when a test wants it."""

from __future__ import annotations

import asyncio
import json
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hpo.errors import StoreError
from hpo.runtime.cluster import bridge as module
from hpo.runtime.cluster.bridge import Bridge
from hpo.runtime.cluster.launcher import ClusterLauncher


class Method:
    """A method of an actor, with what a call of it returns."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self.remote = call

    def options(self, **_: Any) -> Method:
        return self


def at_once(value: Any) -> asyncio.Future[Any]:
    """Return what a call of an actor does that has been answered already."""
    answered = asyncio.get_running_loop().create_future()
    answered.set_result(value)
    return answered


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
        "runtime_env": {},
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


def test_where_the_runner_dies_the_hosts_are_left_to_the_next_and_the_bridge_is_gone_at_once(
    served: tuple[socket.socket, Bridge], ended: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    class GoneError(Exception):
        pass

    def leave(status: int) -> None:
        raise GoneError(status)

    runner, bridge = served
    monkeypatch.setattr(bridge._ray, "util", SimpleNamespace(list_named_actors=list), raising=False)
    monkeypatch.setattr(os, "_exit", leave)
    bridge._outlives = True
    bridge._hosts[3] = SimpleNamespace()  # without a method: whatever is asked of it fails
    runner.shutdown(socket.SHUT_WR)
    with pytest.raises(GoneError):
        asyncio.run(bridge.serve())
    assert not ended


def test_of_a_runner_that_died_the_trials_that_are_wanted_go_on_and_other_hosts_end(
    served: tuple[socket.socket, Bridge], ended: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(value: Any) -> Any:
        answered: Future[Any] = Future()
        answered.set_result(value)
        return SimpleNamespace(future=lambda: answered)

    def host(number: int | None, attempt: int = 1) -> Any:
        trial = {"number": number, "attempt": attempt, "dir": str(tmp_path), "seconds": 2.5}
        return SimpleNamespace(
            trial=Method(lambda: answer(None if number is None else trial)),
            close=Method(lambda: answer(None)),
            watch=Method(watch),
        )

    async def watch(offsets: dict[str, int]) -> AsyncIterator[Any]:
        yield at_once({"log": "stdout.log", "data": b"three\n"[offsets["stdout.log"] - 8 :]})
        yield at_once({"ended": 3, "status": 0, "reason": ""})

    async def run() -> None:
        await bridge._take_up_what_runs()
        await asyncio.gather(*bridge._tasks)

    runner, bridge = served
    hosts = {
        "hpo-abc-1": host(3),
        "hpo-abc-2": host(4, attempt=1),  # which ran again since
        "hpo-abc-3": host(5),
        "hpo-abc-4": host(None),
        "hpo-def-5": host(3),  # another experiment's
    }
    (tmp_path / "stdout.log").write_text("one\ntwo\n")
    names = ["hpo-abc-0", *hosts]  # of which the first has died meanwhile
    monkeypatch.setattr(bridge._ray, "util", SimpleNamespace(list_named_actors=lambda: names), raising=False)
    monkeypatch.setattr(bridge._ray, "get_actor", hosts.__getitem__, raising=False)
    bridge._outlives = True
    bridge._setup = {**bridge._setup, "adopt": {"3": 1, "4": 2}}
    asyncio.run(asyncio.wait_for(run(), 60))
    words = [json.loads(line) for line in runner.recv(1 << 16).splitlines()]
    assert words == [{"found": {"3": 2.5}}, {"ended": 3, "status": 0}]
    assert ended == [hosts[f"hpo-abc-{number}"] for number in (2, 3, 4)]
    assert (tmp_path / "stdout.log").read_text() == "one\ntwo\nthree\n"


def test_files_go_to_a_host_in_batches_the_last_of_which_comes_with_the_start(
    served: tuple[socket.socket, Bridge], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bridge = served[1]
    monkeypatch.setattr(module, "_BATCH", 10)
    folder = tmp_path / "trials" / "3"
    folder.mkdir(parents=True)
    files = {str(number): b"abcd" for number in range(11)} | {"large": b"a" * 20}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    batches: list[Any] = []

    def bring(batch: Any) -> asyncio.Future[None]:
        batches.append(batch)
        return at_once(None)

    def start(_: Any, batch: Any) -> asyncio.Future[Any]:
        batches.append(batch)
        return at_once({"began": 3, "node": "a"})

    async def watch() -> AsyncIterator[Any]:
        yield at_once({"ended": 3, "status": 0, "reason": ""})

    async def run() -> None:
        host = SimpleNamespace(bring=Method(bring), start=Method(start), watch=Method(watch))
        bridge._idle.append((0.0, host))
        await bridge._run({"start": 3, "dir": str(folder), "values": None})

    asyncio.run(asyncio.wait_for(run(), 60))
    assert {part["file"]: part["data"] for batch in batches for _, part in batch} == files
    lengths = [[len(part["data"]) for _, part in batch] for batch in batches]
    assert all(sum(batch) <= 10 or len(batch) == 1 for batch in lengths)
    assert sum(len(batch) for batch in lengths) == 12
    assert not any(sum(pair) <= 10 for pair in zip(map(sum, lengths), map(sum, lengths[1:]), strict=False))


class ActorDiedError(Exception):
    """What Ray raises, by its name."""


class TaskError(Exception):
    """What Ray raises where a method of a host does."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(f"ray::Host.start()\n  File: host.py\n{cause}")
        self.cause = cause


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            ActorDiedError(
                "The actor died because of an error raised in its creation task, ray::Host.__init__()\n"
                '  File "host.py", line 63, in __init__\n'
                "FileNotFoundError: /home/a/project is not on b\n"
            ),
            "/home/a/project is not on b",
        ),
        (ActorDiedError("raised in its creation task:\n  File: host.py\nAssertionError"), "AssertionError"),
        (
            ActorDiedError("The actor died unexpectedly.\nIts node was: b"),
            "the node that it ran on, or its process there, died",
        ),
        (TaskError(OSError("no space left")), "no space left"),
        (TaskError(AssertionError()), "AssertionError"),
        (ValueError("Two lines:\nof which the last says more\n"), "of which the last says more"),
        (MemoryError(), "MemoryError"),
    ],
)
def test_why_a_trial_was_lost_is_told_in_a_line(
    served: tuple[socket.socket, Bridge], tmp_path: Path, ended: list[Any], error: Exception, reason: str
) -> None:
    runner, bridge = served

    def start(*_: Any) -> None:
        raise error

    host = SimpleNamespace(start=Method(start))
    bridge._idle.append((0.0, host))
    asyncio.run(bridge._run({"start": 3, "dir": str(tmp_path), "values": None}))
    assert json.loads(runner.recv(1 << 16)) == {"refused": 3, "reason": reason}
    assert ended == [host]


def test_only_of_a_trial_that_runs_a_host_hears_that_it_is_given_up(
    served: tuple[socket.socket, Bridge],
) -> None:
    bridge = served[1]
    given_up: list[int] = []
    bridge._hosts[3] = SimpleNamespace(give_up=Method(given_up.append))
    bridge._obey({"give_up": 4})
    bridge._obey({"give_up": 3})
    assert given_up == [3]


def test_a_host_takes_what_a_trial_needs_and_ray_is_told_nothing_that_was_not_said(
    served: tuple[socket.socket, Bridge],
) -> None:
    bridge = served[1]
    made: list[dict[str, Any]] = []

    def options(**given: Any) -> Any:
        made.append(given)
        return SimpleNamespace(remote=lambda *_: None)

    bridge._host_class = SimpleNamespace(options=options)
    bridge._new_host()
    bridge._needs = {"CPU": 2.0, "GPU": 0.5, "memory": 1e9, "quantum": 1.0}
    bridge._setup = {**bridge._setup, "runtime_env": {"pip": ["scikit-learn"]}}
    bridge._outlives = True
    bridge._new_host()
    assert made[0] == {"num_cpus": 1.0, "num_gpus": 0, "resources": {}}
    assert made[1].pop("name").startswith("hpo-abc-")
    assert made[1] == {
        "num_cpus": 2.0,
        "num_gpus": 0.5,
        "memory": 1e9,
        "resources": {"quantum": 1.0},
        "runtime_env": {"pip": ["scikit-learn"]},
        "lifetime": "detached",
    }


@pytest.mark.parametrize(
    ("address", "variable", "used"),
    [
        ("mine", "another", "mine"),
        ("mine", None, "mine"),
        (None, "another", "another"),
        (None, "", "local"),
        (None, None, "local"),
    ],
)
def test_the_cluster_is_the_one_that_was_named_else_the_variables_else_one_of_its_own_with_a_token(
    ended: list[Any], monkeypatch: pytest.MonkeyPatch, address: str | None, variable: str | None, used: str
) -> None:
    for name, value in {"RAY_ADDRESS": variable, "RAY_AUTH_MODE": None}.items():
        monkeypatch.setenv(name, value or "")
        if value is None:
            monkeypatch.delenv(name)

    def init(local: str | None = None, *, address: str | None = None, **_: Any) -> None:
        joined.append(local or address)

    joined: list[str | None] = []
    monkeypatch.setattr(sys.modules["ray"], "init", init, raising=False)
    outlives = module._connect({"address": address})
    assert joined == [used]
    assert outlives == (used != "local")
    assert os.environ.get("RAY_AUTH_MODE") == (None if outlives else "token")


def test_an_address_of_ray_client_is_refused_with_those_that_are_taken(ended: list[Any]) -> None:
    with pytest.raises(ValueError, match=r"that is Ray Client's; .* give auto, or HEAD:PORT"):
        module._connect({"address": "ray://127.0.0.1:10001"})


Bridging = Callable[[str], tuple[socket.socket, subprocess.Popen[bytes]]]


@pytest.fixture
def bridging(tmp_path: Path) -> Iterator[Bridging]:
    """Start a bridge in a process of its own, where Ray is a module with such a text."""
    started: list[tuple[socket.socket, subprocess.Popen[bytes]]] = []

    def start(ray: str) -> tuple[socket.socket, subprocess.Popen[bytes]]:
        (tmp_path / "ray.py").write_text(ray)
        runner, theirs = socket.socketpair()
        runner.settimeout(60)
        path = os.pathsep.join([str(tmp_path), str(Path(module.__file__).parents[3])])
        variables = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        with theirs, (tmp_path / "lock").open("w") as lock:
            process = subprocess.Popen(
                [sys.executable, "-m", module.__name__, str(theirs.fileno()), str(lock.fileno())],
                env={**variables, "PYTHONPATH": path},
                pass_fds=(theirs.fileno(), lock.fileno()),
                stderr=subprocess.DEVNULL,
            )
        started.append((runner, process))
        runner.sendall(b'{"address": null}\n')
        return started[-1]

    yield start
    for runner, process in started:
        runner.close()
        process.kill()
        process.wait()


def test_a_bridge_ends_with_its_runner_though_ray_still_looks_for_the_cluster(bridging: Bridging) -> None:
    runner, process = bridging("import signal\ndef init(*_, **__): signal.pause()")
    runner.close()
    process.wait(60)


def test_a_runner_that_ends_when_there_is_a_cluster_is_not_taken_for_one_that_ended_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connected = threading.Event()

    class Poll:
        def register(self, *_: Any) -> None:
            pass

        def poll(self, _: int) -> list[tuple[int, int]]:
            """Hear of the end that comes just after the cluster is there."""
            connected.set()
            return [(0, select.POLLRDHUP)]

    statuses: list[int] = []
    monkeypatch.setattr(select, "poll", Poll)
    monkeypatch.setattr(os, "_exit", statuses.append)
    with socket.socket() as connection:
        module._end_with_runner(connection, connected)
    assert not statuses  # or its hosts would not be closed


def test_where_ray_is_missing_the_runner_learns_what_to_install_and_the_bridge_ends(
    bridging: Bridging,
) -> None:
    runner, process = bridging("raise ImportError('no wheel for this Python')")
    assert json.loads(runner.makefile().readline()) == {
        "fatal": "Ray cannot be imported: no wheel for this Python",
        "help": "pip install 'hpo-annotate[ray]'",
    }
    process.wait(60)


def test_a_cluster_that_cannot_be_had_is_told_though_ray_does_not_say_why(bridging: Bridging) -> None:
    runner, process = bridging("def init(*_, **__): raise AssertionError")
    assert json.loads(runner.makefile().readline()) == {
        "fatal": "no Ray cluster on this machine: AssertionError",
        "help": "see docs/clusters.md; what Ray says stands in the runner.log of the experiment",
    }
    process.wait(60)


def test_what_ray_starts_gets_neither_the_runners_socket_nor_the_lock(bridging: Bridging) -> None:
    runner, _ = bridging(
        "import os, sys\n"
        "def init(*_, **__):\n"
        "    raise OSError([fd for fd in sys.argv[1:] if os.system(f'test -e /proc/self/fd/{fd}') == 0])\n"
    )
    assert json.loads(runner.makefile().readline())["fatal"] == "no Ray cluster on this machine: []"
