"""Between the runner and Ray: it takes the words of a fork server, and lets hosts do the work.

Started as ``python -m hpo.runtime.cluster.bridge SOCKET LOCK``. It takes one word more than a fork server,
``{"over": true}``, without which the runner has died; and it says besides (see `forkserver` for the rest)::

    {"began": 7, "node": "a"}     trial 7 has its place, and runs
    {"memory": 7, "bytes": 9e8}   what it uses
    {"waits": "..."}              what trials wait for; null for nothing
    {"capacity": 12}              how many trials the cluster has room for
    {"found": {"7": 3.2}}         the first word: the trials of a runner that died which go on, for so long
    {"fatal": "...", "help": "..."}   there is no cluster to be had

A host is kept for a moment after its trial, since the next starts warm in it; then its room is given back.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import select
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hpo.runtime.cluster.files import Incoming, beginning, pack
from hpo.runtime.cluster.host import Host
from hpo.runtime.forkserver import first_line
from hpo.runtime.outbox import Outbox

__all__ = ["Bridge", "main"]

_KEPT = 5.0  # seconds that a host stays without a trial
_LOOK_EVERY = 1.0  # seconds between two looks at the cluster's nodes
_CLAIM_EVERY = 60.0  # seconds between two words to hosts that their runner lives
_ANSWER = 10.0  # seconds for a cluster to answer
_PATIENCE = 2.0  # seconds after which a trial without a place is said to wait
_CLOSING = 10.0  # seconds for hosts to clean up
_BATCH = 4 << 20  # bytes of files that go to a host at a time
_UNDER_WAY = 4  # such batches, so that none waits for the answer to the one before


class Bridge:
    """Serve one runner.

    Args:
        connection: its socket.
        setup: the first line that it sent.
    """

    def __init__(self, connection: socket.socket, setup: Mapping[str, Any]) -> None:
        import ray

        self._ray = ray
        self._connection, self._outbox = connection, Outbox(connection)
        self._setup = setup
        self._needs: dict[str, float] = setup["needs"]
        self._outlives: bool = setup["outlives"]  # the cluster, this process
        self._prefix = f"hpo-{setup['host']['experiment']}-"
        code = setup["code"]
        self._code = None if code is None else ray.put(pack(Path(code)))
        function = setup["function"]
        self._function = None if function is None else ray.put(Path(function).read_bytes())
        # Threads: one for the trial, one to steer it, some to watch it, of which one hangs whose runner died.
        self._host_class = ray.remote(concurrency_groups={"steer": 1, "watch": 9})(Host)  # type: ignore[call-overload]
        self._idle: list[tuple[float, Any]] = []
        self._hanging: list[Any] = []  # their trials do not end
        self._hosts: dict[int, Any] = {}  # by the trial that each runs
        self._asked: dict[int, float] = {}  # trials without a place, and since when
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing: set[asyncio.Task[None]] = set()  # of them, those that give hosts back
        self._said: dict[str, Any] = {}
        self._pipe = os.open(
            Path(setup["directory"]) / "wake", os.O_RDWR | os.O_NONBLOCK
        )  # the runner may open it later

    async def serve(self) -> None:
        """Work until the runner's end closes; then end every trial, unless it died and another may follow."""
        await self._take_up_what_runs()
        looking = asyncio.create_task(self._look())
        loop = asyncio.get_running_loop()
        buffer, is_over = b"", False
        with contextlib.suppress(ConnectionResetError):
            while data := await loop.sock_recv(self._connection, 1 << 20):
                *lines, buffer = (buffer + data).split(b"\n")
                for line in lines:
                    request = json.loads(line)
                    is_over = is_over or "over" in request
                    self._obey(request)
        looking.cancel()
        if is_over or not self._outlives:
            await asyncio.gather(self._close(self._all_hosts()), *self._closing)
        else:
            os._exit(0)  # Ray takes its time to leave, and the next runner waits for the lock

    async def _take_up_what_runs(self) -> None:
        """Find the hosts of a runner that died, and go on with those of its trials that are still wanted."""
        wanted = {int(number): attempt for number, attempt in self._setup["adopt"].items()}
        useless, found, going_on = [], {}, []
        for name in self._ray.util.list_named_actors() if self._outlives else ():
            if not name.startswith(self._prefix):
                continue
            with contextlib.suppress(Exception):  # it has died
                host = self._ray.get_actor(name)
                trial = await asyncio.wait_for(_future(self._steer(host, "trial")), _CLOSING)
                if trial is None or wanted.get(trial["number"]) != trial["attempt"]:
                    useless.append(host)
                else:
                    self._hosts[trial["number"]] = host
                    found[trial["number"]] = trial["seconds"]
                    going_on.append((trial, host))
        await self._close(useless)
        self._send({"found": found})
        # Not before: a trial that ended meanwhile would be said to have ended, and then to be found running.
        for trial, host in going_on:
            self._spawn(self._go_on(trial, host))

    async def _close(self, hosts: Sequence[Any]) -> None:
        closing = [_future(self._steer(host, "close")) for host in hosts]
        with contextlib.suppress(Exception):
            await asyncio.wait_for(asyncio.gather(*closing, return_exceptions=True), _CLOSING)
        for host in hosts:
            self._ray.kill(host)

    def _all_hosts(self) -> list[Any]:
        return [*self._hosts.values(), *(host for _, host in self._idle), *self._hanging]

    def _steer(self, host: Any, method: str, *args: Any) -> Any:
        return getattr(host, method).options(concurrency_group="steer").remote(*args)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _obey(self, request: Mapping[str, Any]) -> None:
        if "start" in request:
            self._spawn(self._run(request))
        elif "signal" in request:
            self._signal(request["signal"], request["number"])
        elif "give_up" in request and request["give_up"] in self._hosts:
            self._steer(self._hosts[request["give_up"]], "give_up", request["give_up"])

    def _signal(self, number: int, signal_number: int) -> None:
        host = self._hosts.get(number)
        if number in self._asked and signal_number in (9, 15):  # it has no place yet, and needs none now
            self._asked.pop(number)
            self._ray.kill(self._hosts.pop(number))
            self._send({"ended": number, "status": -signal_number})
        elif host is not None:
            self._steer(host, "signal", number, signal_number)

    # -- one trial

    async def _run(self, request: Mapping[str, Any]) -> None:
        number = request["start"]
        self._asked[number] = time.monotonic()
        host = self._hosts[number] = self._idle.pop()[1] if self._idle else self._new_host()
        async with self._answering_for(number, host):
            batches = _batches(self._beginning(request))
            batch = await asyncio.to_thread(next, batches)
            under_way: deque[Any] = deque()
            while following := await asyncio.to_thread(next, batches, None):
                under_way.append(host.bring.remote(batch))
                if len(under_way) == _UNDER_WAY:
                    await under_way.popleft()
                batch = following
            for each in under_way:
                await each
            began = await host.start.remote(request, batch)
            self._asked.pop(number, None)
            self._send(began)
            await self._follow(number, host, host.watch, Incoming(Path(request["dir"])))

    async def _go_on(self, trial: Mapping[str, Any], host: Any) -> None:
        """Follow a trial that an earlier runner started."""
        number, incoming = trial["number"], Incoming(Path(trial["dir"]))
        async with self._answering_for(number, host):
            await self._follow(number, host, host.watch, incoming, incoming.offsets())

    async def _follow(self, number: int, host: Any, watch: Any, incoming: Incoming, *offsets: Any) -> None:
        """Write what a trial writes into its folder here, until it ends."""
        stream = watch.options(
            num_returns="streaming", concurrency_group="watch", _generator_backpressure_num_objects=64
        )
        async for reference in stream.remote(*offsets):
            part = await reference
            if "memory" in part:
                self._send(part)
            elif "ended" not in part:
                if incoming.take(part):
                    self._poke(number)
            else:
                del self._hosts[number]
                if part.get("hangs"):  # what it has of its node is not free
                    self._hanging.append(host)
                else:
                    self._idle.append((time.monotonic(), host))
                is_lost = part["status"] is None
                self._send(
                    {"refused": number, "reason": part["reason"]}
                    if is_lost
                    else {"ended": number, "status": part["status"]}
                )

    @contextlib.asynccontextmanager
    async def _answering_for(self, number: int, host: Any) -> AsyncIterator[None]:
        """See to it that the runner learns how a trial ended, whatever happens to its node."""
        try:
            yield
        except Exception as error:
            # Else it was ended while it waited for its place; or it is over, and may be about to run again.
            if number in self._hosts and self._hosts[number] is host:
                del self._hosts[number]
                self._asked.pop(number, None)
                self._ray.kill(host)
                self._send({"refused": number, "reason": _reason(error)})

    def _new_host(self) -> Any:
        resources = dict(self._needs)
        options = {
            "num_cpus": resources.pop("CPU", 0),
            "num_gpus": resources.pop("GPU", 0),
            "memory": resources.pop("memory", None),
            "resources": resources,
            "runtime_env": self._setup["runtime_env"] or None,
            "name": f"{self._prefix}{secrets.token_hex(4)}" if self._outlives else None,
            "lifetime": "detached" if self._outlives else None,
        }
        given = {name: value for name, value in options.items() if value is not None}
        return self._host_class.options(**given).remote(self._setup["host"], self._code, self._function)

    def _beginning(self, request: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield what lies in the folders that a trial reads: its own, and those that its values name."""
        values = request["values"] or {}
        own = request["dir"]
        trials = str(Path(own).parent) + os.sep
        named = [value for value in values.values() if isinstance(value, str) and value.startswith(trials)]
        for folder in dict.fromkeys([own, *named]):
            yield from ((folder, part) for part in beginning(Path(folder)))

    def _poke(self, number: int) -> None:
        with contextlib.suppress(OSError):  # a full pipe: the runner looks anyway
            os.write(self._pipe, b"%d\n" % number)

    # -- the cluster

    async def _look(self) -> None:
        """Tell what the cluster has room for, and give back what is not used."""
        claimed = time.monotonic()
        while True:
            now = time.monotonic()
            while self._idle and now - self._idle[0][0] > _KEPT:
                self._closing.add(closing := self._spawn(self._close([self._idle.pop(0)[1]])))
                closing.add_done_callback(self._closing.discard)
            if now - claimed > _CLAIM_EVERY:
                claimed = now
                for host in self._all_hosts():
                    self._steer(host, "trial")
            nodes = [node["Resources"] for node in await asyncio.to_thread(self._ray.nodes) if node["Alive"]]
            self._tell("capacity", sum(_room(node, self._needs) for node in nodes))
            late = [number for number, since in self._asked.items() if now - since > _PATIENCE]
            self._tell("waits", self._what_is_missing(min(late), nodes) if late else None)
            await asyncio.sleep(_LOOK_EVERY)

    def _what_is_missing(self, number: int, nodes: list[dict[str, float]]) -> str:
        wanted = " and ".join(f"{amount:g} {name}" for name, amount in self._needs.items())
        if not any(_room(node, self._needs) for node in nodes):
            return f"trial {number} waits for {wanted}, which no node of the cluster has"
        free = self._ray.available_resources()  # type: ignore[no-untyped-call]
        shown = ", ".join(f"{free.get(name, 0):g} {name}" for name in self._needs)
        return f"trial {number} waits for {wanted} in the cluster, which is full: {shown} free"

    def _tell(self, what: str, value: Any) -> None:
        if self._said.get(what) != value:
            self._said[what] = value
            self._send({what: value})

    def _send(self, message: Mapping[str, Any]) -> None:
        self._outbox.put(message)
        if self._outbox:
            asyncio.get_running_loop().add_writer(self._connection, self._push)

    def _push(self) -> None:
        self._outbox.push()
        if not self._outbox:
            asyncio.get_running_loop().remove_writer(self._connection)


def _batches(parts: Iterable[tuple[str, dict[str, Any]]]) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """Yield parts of files together, at least once: few calls for small ones, little memory for others."""
    batch: list[tuple[str, dict[str, Any]]] = []
    length = 0
    for folder, part in parts:
        if batch and length + len(part["data"]) > _BATCH:
            yield batch
            batch, length = [], 0
        batch.append((folder, part))
        length += len(part["data"])
    yield batch


def _future(reference: Any) -> asyncio.Future[Any]:
    return asyncio.wrap_future(reference.future())


def _room(node: Mapping[str, float], needs: Mapping[str, float]) -> int:
    """Return how many trials a node has room for, were it empty."""
    return int(min((node.get(name, 0) + 1e-9) // amount for name, amount in needs.items()))


def _reason(error: Exception) -> str:
    """Return what went wrong with a trial's node or host, in a line."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, Exception):
        return str(cause) or type(cause).__name__
    lines = _lines(error)
    if "creation task" in lines[0]:  # the host could not be made: Ray tells how, with its traceback
        return lines[-1].partition(": ")[2] or lines[-1]
    if type(error).__name__ in ("ActorDiedError", "ActorUnavailableError", "NodeDiedError", "RayActorError"):
        return "the node that it ran on, or its process there, died"
    return lines[-1]


def _lines(error: Exception) -> list[str]:
    """Return what an error says, or else what it is."""
    return str(error).strip().splitlines() or [type(error).__name__]


def main(fd: int, lock: int) -> None:
    """Connect, then serve."""
    connection = socket.socket(fileno=fd)
    connection.set_inheritable(False)
    os.set_inheritable(lock, False)
    setup = json.loads(first_line(connection) or "null")
    if setup is None:
        return
    connected = threading.Event()
    threading.Thread(target=_end_with_runner, args=(connection, connected), daemon=True).start()
    try:
        setup["outlives"] = _connect(setup)
        bridge = Bridge(connection, setup)
    except ImportError as error:
        message, help_ = f"Ray cannot be imported: {error}", "pip install 'hpo-annotate[ray]'"
        connection.sendall(json.dumps({"fatal": message, "help": help_}).encode() + b"\n")
        return
    except Exception as error:
        where = setup["address"] or "on this machine"
        message = f"no Ray cluster {where}: {_lines(error)[0]}"
        help_ = "see docs/clusters.md; what Ray says stands in the runner.log of the experiment"
        connection.sendall(json.dumps({"fatal": message, "help": help_}).encode() + b"\n")
        raise
    connected.set()
    connection.setblocking(False)
    asyncio.run(bridge.serve())


def _end_with_runner(connection: socket.socket, connected: threading.Event) -> None:
    """End this process where its runner goes before there is a cluster."""
    poll = select.poll()
    poll.register(connection, select.POLLRDHUP)
    while not connected.is_set():
        if poll.poll(500) and not connected.is_set():  # else its hosts would be left
            os._exit(1)


def _connect(setup: Mapping[str, Any]) -> bool:
    """Connect; tell whether the cluster was there before, and so outlives this process."""
    address = setup["address"] or os.environ.get("RAY_ADDRESS") or None
    if address is None:  # a cluster of our own runs nothing for those who lack its token
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    import ray

    quiet: dict[str, Any] = {"namespace": "hpo", "log_to_driver": False, "logging_level": "ERROR"}
    if address is None:
        ray.init("local", include_dashboard=False, **quiet)  # by itself, it would take any that is here
        return False
    if address.startswith("ray://"):
        raise ValueError("that is Ray Client's; on a machine of the cluster, give auto, or HEAD:PORT")
    host, _, port = address.rpartition(":")
    if host and port.isdecimal():  # Ray itself would try for ten minutes
        socket.create_connection((host.strip("[]"), int(port)), _ANSWER).close()
    # The nodes need not have hpo installed: it travels, and of it they need the standard library alone.
    ray.init(address=address, runtime_env={"py_modules": [str(Path(__file__).parents[2])]}, **quiet)
    return True


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
