"""What runs trials on a node: an actor that holds their resources, and a fork server of its own.

Where the runner dies, its hosts go on: the next runner of the experiment finds them, and what their trials
have done meanwhile.

It has a folder on its node that looks like an experiment's, since trials look for their own there::

    /tmp/hpo-UID-XXXXXXXX/code/         the snapshot
                          work/         the user's folder, where this node has none: the frozen files
                          trials/N/
                          wake  server.log
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from hpo.runtime.cluster.carried import MODULE, unpack_function
from hpo.runtime.cluster.files import Incoming, Outgoing, unpack
from hpo.runtime.launcher import Command, Ended, Launcher, ScriptCommand, ShellCommand
from hpo.runtime.polling import ready
from hpo.runtime.snapshot import has_files, move

__all__ = ["Host"]

_LOOK_EVERY = 0.25  # seconds between two looks at logs; a report is seen at once
_FILES_EVERY = 2.0  # seconds between two looks at files, checkpoints among them
_MEMORY_EVERY = 0.5  # seconds between two looks at the memory of a trial that has a limit
_CLAIMED = 600.0  # seconds that a host without a runner keeps the results of its trial
_PREFIX = f"hpo-{os.getuid()}-"


class Host:
    """Run trials, one at a time, on the node that this is created on.

    Args:
        setup: what a `Launcher` is told, in plain values: ``experiment``, ``directory`` (the experiment's
            folder on the runner's machine), ``cwd``, ``path``, ``modules``, ``spawns``, ``threads``,
            ``variables``, ``memory`` (the most bytes that a trial may use, or None), and ``environment``, the
            user's, of which a variable that the node has itself counts less.
        code: the snapshot's files, by their paths; None without one.
        function: what trials call, where they call one of the runner's program (see `carried`).
    """

    def __init__(
        self, setup: Mapping[str, Any], code: list[tuple[str, bytes]] | None, function: bytes | None = None
    ) -> None:
        is_there = Path(setup["cwd"]).is_dir() and Path(setup["path"]).is_dir()
        if not is_there and code is None and function is None:
            raise FileNotFoundError(
                f"{setup['cwd']} is not on {socket.gethostname()}, and the trials run there"
            )
        _remove_what_is_left()
        self.root = Path(tempfile.mkdtemp(prefix=_PREFIX))
        lock = _locked(self.root)
        self._theirs = setup["directory"]
        os.mkfifo(self.root / "wake", 0o600)
        self._wake = os.open(self.root / "wake", os.O_RDWR | os.O_NONBLOCK)
        self._steering = threading.Lock()
        self._over = threading.Event()
        self._trial: dict[str, Any] | None = None
        self._began = 0.0
        self._ended: Ended | None = None
        self._incoming: dict[str, Incoming] = {}
        self._outgoing: Outgoing | None = None
        self._claimed = time.monotonic()
        self._most_memory: int | None = setup["memory"]
        snapshot = None
        if code is not None:
            unpack(self.root / "code", code)
            snapshot = self.root / "code"
            is_there = is_there and has_files(str(snapshot))  # not just a folder of that name
        cwd, path, modules = Path(setup["cwd"]), Path(setup["path"]), setup["modules"]
        if snapshot is not None and not is_there:
            self._bring(snapshot)
            cwd, path = self._moved(cwd), self._moved(path)
        self._calling: Path | None = None
        if function is not None:
            self._calling = unpack_function(function, self.root / "call")
            path, modules = self._calling.parent, () if setup["spawns"] else (MODULE,)
            snapshot = path / "code"
            if not is_there:
                cwd = path
        for name, value in setup["environment"].items():
            os.environ.setdefault(name, value)
        commands = os.path.dirname(sys.executable)  # noqa: PTH120 - of this environment, links not followed
        if commands not in os.environ["PATH"].split(os.pathsep):
            os.environ["PATH"] = commands + os.pathsep + os.environ["PATH"]
        with (self.root / "server.log").open("ab") as log, lock:
            self._launcher = Launcher(
                cwd=cwd,
                snapshot=snapshot,
                path=path,
                modules=modules,
                lock=lock,
                log=log,
                # Of several hosts on one node each knows its own processes.
                experiment=f"{setup['experiment']}.{self.root.name}",
                threads=setup["threads"],
                variables=setup["variables"],
                spawns=setup["spawns"],
            )
        threading.Thread(target=self._end_if_unclaimed, daemon=True).start()

    def _bring(self, snapshot: Path) -> None:
        """Let the frozen files stand for the user's folder, which this node has not got."""
        work = self.root / "work"
        self._stood = Path(move(str(snapshot), str(work)))
        shutil.copytree(snapshot / "original", work, dirs_exist_ok=True)

    def _moved(self, path: Path) -> Path:
        """Return where a path of the code lies on a node that has not got the user's folder."""
        work = self.root / "work"
        return work / path.relative_to(self._stood) if path.is_relative_to(self._stood) else work

    def bring(self, parts: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """Take some of what lies in the folders that the next trial reads; the last of it comes with `start`.

        Args:
            parts: each with the folder that it is of, as the runner's machine calls it.
        """
        if not self._incoming:
            shutil.rmtree(self.root / "trials", ignore_errors=True)  # of the trial before
        for path, part in parts:
            if path not in self._incoming:
                self._incoming[path] = Incoming(self._here(path))
            self._incoming[path].take(part)

    def start(
        self, request: Mapping[str, Any], parts: Sequence[tuple[str, Mapping[str, Any]]]
    ) -> dict[str, Any]:
        """Start a trial, and return the node's name; `watch` tells what becomes of it.

        Args:
            request: the fork server's ``start``, with the folders of the runner's machine.
            parts: see `bring`.
        """
        self.bring(parts)
        self._incoming.clear()
        number, folder = request["start"], self._here(request["dir"])
        variables = {name: self._at_home(value) for name, value in request["env"].items()}
        for name in ("parameters.json", "nested.json"):
            if (folder / name).exists():
                text = (folder / name).read_text(encoding="utf-8")
                (folder / name).write_text(text.replace(self._theirs, str(self.root)), encoding="utf-8")
        command = self._command(request)
        self._trial = {
            "number": number,
            "attempt": int(variables["HPO_TRIAL_ATTEMPT"]),
            "dir": request["dir"],
        }
        self._began = time.monotonic()
        self._ended, self._outgoing = None, Outgoing(folder)
        with self._steering:
            self._launcher.start(number, command, folder, variables, self._at_home(request["values"]))
        return {"began": number, "node": socket.gethostname()}

    def _command(self, request: Mapping[str, Any]) -> Command:
        if "script" in request:
            return ScriptCommand(self._script(request["script"]), tuple(request["args"]))
        return ScriptCommand(str(self._calling)) if self._calling else ShellCommand(request["command"])

    def trial(self) -> dict[str, Any] | None:
        """Return the trial of this host: its number, attempt, dir, and the seconds since it began.

        It may have ended meanwhile.
        """
        self._claimed = time.monotonic()
        return self._trial and {**self._trial, "seconds": self._claimed - self._began}

    def watch(self, offsets: Mapping[str, int] | None = None) -> Iterator[dict[str, Any]]:
        """Yield what the trial writes (see `files`), and how it ended.

        Args:
            offsets: how much of each log another runner has got before it died; this one goes on from there.
        """
        assert self._trial is not None
        assert self._outgoing is not None
        number = self._trial["number"]
        if offsets is not None:
            self._outgoing = Outgoing(self._here(self._trial["dir"]), offsets)
        outgoing = self._outgoing
        files_at = memory_at = time.monotonic()
        while (ended := self._ended) is None:
            self._wait(_LOOK_EVERY)
            if outgoing is not self._outgoing:
                return  # another runner watches now
            yield from outgoing.logs()
            now = time.monotonic()
            if now >= files_at:
                yield from outgoing.files(finished=False)
                files_at = now + _FILES_EVERY
            if self._most_memory is not None and now >= memory_at:
                yield {"memory": number, "bytes": self._memory(number, self._most_memory)}
                memory_at = now + _MEMORY_EVERY
        if outgoing is self._outgoing:
            yield from outgoing.logs()
            yield from outgoing.files(finished=True)
            hangs = bool(ended.left)
            yield {"ended": number, "status": ended.status, "reason": ended.reason, "hangs": hangs}

    def _wait(self, seconds: float) -> None:
        """Wait for a report, the trial's end, or a while."""
        ends = self._launcher.fileno()
        awake = ready([ends, self._wake], seconds)
        if self._wake in awake:
            with contextlib.suppress(BlockingIOError):  # another thread was quicker
                os.read(self._wake, 1 << 16)
        if ends in awake:
            with self._steering:
                for event in self._launcher.events():
                    if isinstance(event, Ended):
                        self._ended = event

    def _end_if_unclaimed(self) -> None:
        """End this process when its trial is over and no runner has asked for it in a while."""
        while not self._over.wait(_CLAIMED / 10):
            if time.monotonic() - self._claimed > _CLAIMED:
                if self._ended is None and self._trial is not None:
                    self._wait(0)
                else:
                    self.close()
                    os._exit(0)

    def _memory(self, number: int, enough: int) -> int:
        with self._steering:
            return self._launcher.memory(enough=enough).get(number, 0)

    def signal(self, number: int, signal_number: int) -> None:
        """Send a signal to a trial."""
        with self._steering:
            self._launcher.signal(number, signal_number)

    def give_up(self, number: int) -> None:
        """Wait no more for a trial that does not end though it was killed."""
        with self._steering:
            self._launcher.give_up(number)

    def close(self) -> None:
        """End the trial that runs, and clean up."""
        with self._steering:
            if not self._over.is_set():
                self._over.set()
                self._launcher.close()
                shutil.rmtree(self.root, ignore_errors=True)

    def _script(self, name: str) -> str:
        """Return the script's path: one that was written absolute may lie elsewhere here."""
        return name if not os.path.isabs(name) or os.path.exists(name) else str(self._moved(Path(name)))  # noqa: PTH110, PTH117

    def _here(self, path: str) -> Path:
        """Return where a folder of the experiment lies on this node."""
        return self.root / Path(path).relative_to(self._theirs)

    def _at_home(self, value: Any) -> Any:
        """Return a value in which the experiment's folder is the one on this node."""
        if isinstance(value, str):
            return value.replace(self._theirs, str(self.root))
        if isinstance(value, dict):
            return {key: self._at_home(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._at_home(each) for each in value]
        return value


def _locked(folder: Path) -> IO[bytes]:
    """Return a folder's lock file, held: it appears with the lock on it, so that nobody takes it before."""
    lock = (folder / "lock.new").open("xb")
    fcntl.flock(lock, fcntl.LOCK_EX)
    (folder / "lock.new").rename(folder / "lock")
    return lock


def _remove_what_is_left() -> None:
    """Remove the folders of hosts that were killed, once none of their processes lives."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError), (folder / "lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
