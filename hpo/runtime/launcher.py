"""The runner's end of the fork server: start trials, stop them, learn how they ended."""

from __future__ import annotations

import ast
import contextlib
import errno
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.machinery import PathFinder
from itertools import pairwise
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from hpo.errors import StoreError
from hpo.runtime.memory import used
from hpo.runtime.preload import NOT_FORKED
from hpo.runtime.strays import Mark, Stray, end_strays, living
from hpo.trial import SCARCE, patiently

if TYPE_CHECKING:
    from hpo.runtime.function import ForkedServer, Function
    from hpo.runtime.placement import Places

__all__ = [
    "UNSHARED",
    "Began",
    "Command",
    "Ended",
    "FunctionCommand",
    "Launcher",
    "Noted",
    "ScriptCommand",
    "ShellCommand",
    "Waits",
    "modules_to_preload",
    "named_scripts",
    "parse_command",
]

SHIMS = Path(__file__).parent / "shims"

#: What this process has open, and a server that is forked from it closes, so that it ends with this process.
UNSHARED: weakref.WeakSet[Any] = weakref.WeakSet()

_RECEIVED = 1 << 16  # bytes at a time: what is left makes the descriptor readable again
_PATIENCE = 10.0  # seconds for the server to end its trials, or until it can be started


@dataclass(frozen=True)
class ScriptCommand:
    """A Python script, run by this Python, from its snapshot."""

    script: str
    args: tuple[str, ...] = ()

    def with_options(self, options: Mapping[str, Any]) -> ScriptCommand:
        """Return the command with values sent as ``--NAME VALUE``."""
        return ScriptCommand(self.script, (*self.args, *_option_words(options))) if options else self


@dataclass(frozen=True)
class ShellCommand:
    """Any other command, run by the shell as it is."""

    text: str

    def with_options(self, options: Mapping[str, Any]) -> ShellCommand:
        """Return the command with values sent as ``--NAME VALUE``, quoted."""
        return ShellCommand(f"{self.text} {shlex.join(_option_words(options))}") if options else self


@dataclass(frozen=True)
class FunctionCommand:
    """A call of a function in the program that runs the experiment; `name` is for people."""

    name: str

    def with_options(self, options: Mapping[str, Any]) -> FunctionCommand:
        """Return the command: a function gets its values otherwise."""
        return self


def _option_words(options: Mapping[str, Any]) -> list[str]:
    """Return values as words of a command line; of a list each item is one, for argparse's ``nargs``."""
    words: list[str] = []
    for name, value in options.items():
        words += [f"--{name}", *map(str, value if isinstance(value, list) else [value])]
    return words


Command = ScriptCommand | ShellCommand | FunctionCommand


@dataclass(frozen=True)
class Ended:
    """How a trial's process ended: an exit status, minus a signal's number, or None when it was lost.

    Attributes:
        left: the processes of it that were killed and do not end.
    """

    number: int
    status: int | None
    reason: str = ""
    left: Sequence[Stray] = ()


@dataclass(frozen=True)
class Noted:
    """Something that a person should know."""

    message: str


@dataclass(frozen=True)
class Waits:
    """A trial that was started, and for which no process can be had now."""

    number: int


@dataclass(frozen=True)
class Began:
    """A trial that had to wait for its place, or its process, runs now: on a node, or here."""

    number: int
    node: str | None = None


def parse_command(text: str, directory: Path) -> Command:
    """Read a configuration's command: ``python[3] FILE.py ARGS`` is a script if that is this very Python."""
    with contextlib.suppress(ValueError):
        words = shlex.split(text)
        plain = not set(text) & set("|&;<>()$`\\\"'*?[#~=%\n")
        script = plain and len(words) >= 2 and words[1].endswith(".py") and _is_this_python(words[0])
        if script and (directory / words[1]).is_file():
            return ScriptCommand(words[1], tuple(words[2:]))
    return ShellCommand(text)


def named_scripts(text: str, directory: Path) -> list[Path]:
    """Return the Python files of a folder that a command names, as ``FILE.py`` or ``-m MODULE``."""
    try:
        words = shlex.split(text)
    except ValueError:  # the shell will say it
        words = text.split()
    modules = [f"{name.replace('.', '/')}.py" for flag, name in pairwise(words) if flag == "-m"]
    named = [word for word in words if word.endswith(".py")]
    return [directory / name for name in dict.fromkeys([*named, *modules]) if (directory / name).is_file()]


def _is_this_python(word: str) -> bool:
    if not os.path.basename(word).startswith("python"):  # noqa: PTH119
        return False
    found = shutil.which(word, path=trial_path())
    if found is None:
        return False
    # Two environments share the interpreter's file; the folder tells them apart.
    return Path(found).parent == Path(sys.executable).parent and os.path.samefile(found, sys.executable)  # noqa: PTH121


def trial_path() -> str:
    """Return the trials' PATH: where `hpo` was called by its path, its environment's commands come first.

    So ``.venv/bin/hpo run --config config.yml`` runs ``python train.py`` with ``.venv/bin/python``.
    """
    path = os.environ.get("PATH", os.defpath)
    here = str(Path(sys.executable).parent)
    caller = os.path.dirname(os.path.abspath(sys.argv[0]))  # noqa: PTH100, PTH120 - unlike resolve, follows no link
    called_by_path = caller == here and here not in path.split(os.pathsep)
    return here + os.pathsep + path if called_by_path else path


def modules_to_preload(source: bytes, directory: Path) -> list[str]:
    """Return the installed modules that a script imports before its first other statement.

    Args:
        source: the script's text.
        directory: its folder, whose own modules are left to the trial.
    """
    modules: list[str] = []
    body = ast.parse(source).body
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]  # the docstring
    for statement in body:
        if isinstance(statement, ast.Import):
            modules += [alias.name for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom):
            if statement.level == 0 and statement.module not in (None, "__future__"):
                modules.append(str(statement.module))
        else:
            break
    found = []
    for name in dict.fromkeys(modules):
        top = name.partition(".")[0]
        if top not in NOT_FORKED and PathFinder.find_spec(top, [str(directory)]) is None:
            found.append(name)
    return found


class Launcher:
    """Start and stop trials on this machine, through a fork server that ends when this object does.

    Args:
        cwd: the folder that trials run in.
        snapshot: the snapshot's folder, where there is one.
        path: what stands for `sys.path[0]` while modules are preloaded.
        modules: what to import before forking.
        lock: the experiment's lock file, open; the server keeps it while trials live.
        log: where the server's own output goes. Of both files it keeps duplicates.
        experiment: the experiment's id, by which its processes are known.
        threads: the variables that limit the threads of numerical libraries; what the user set stays.
        variables: the environment that all trials have beside this process's.
        function: what trials call, where they are neither scripts nor commands.
        spawns: whether each script gets a Python that is started for it.

    Attributes:
        running: the trials whose ends have not come out of `events`.
        capacity: how many trials there is room for; None where only the experiment's settings say so.
        waits: what a trial that was started waits for, where it has no place yet.
    """

    server = "hpo.runtime.forkserver"  # the module at the other end of the socket
    begins_at_once = True  # or a trial may wait for its place, and `events` has a `Began` for it

    def __init__(
        self,
        *,
        cwd: Path,
        snapshot: Path | None,
        path: Path,
        modules: Sequence[str],
        lock: IO[Any],
        log: IO[Any],
        experiment: str,
        threads: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        function: Function | None = None,
        spawns: bool = False,
    ) -> None:
        code = {} if snapshot is None else {"HPO_CODE": str(snapshot)}  # see `snapshot`
        self._function, self._spawns = function, spawns
        self._setup: dict[str, Any] = {
            "experiment": experiment,
            "env": {**(variables or {}), **code},
            "cwd": str(cwd),
            "snapshot": None if snapshot is None else str(snapshot),
            "path": str(path),
            "modules": list(modules),
        }
        # Duplicates: a server that dies is started again, whatever the caller closed since.
        self._lock, self._log = os.dup(lock.fileno()), os.dup(log.fileno())
        self._log_name = str(log.name)
        self._environment = trial_environment(threads or {})
        self._experiment = experiment
        self._deaths = 0
        self._given_up: set[int] = set()
        self._waiting: set[int] = set()  # trials without a process
        self.running: set[int] = set()
        self.capacity: int | None = None
        self.waits: str | None = None
        self._spawn()

    def _spawn(self) -> None:
        """Start the server, for which there may be no process or descriptor for a moment."""
        patiently(self._spawn_now, lack=(*SCARCE, errno.EAGAIN), seconds=_PATIENCE)

    def _spawn_now(self) -> None:
        self._connection, theirs = socket.socketpair()
        self._buffer = b""
        try:
            with theirs:
                self._server = self._server_at(theirs)
        except OSError:
            self._connection.close()
            raise
        if self._function is None:
            self._send(self._first_words())

    def _server_at(self, theirs: socket.socket) -> subprocess.Popen[bytes] | ForkedServer:
        if self._function is not None:
            from hpo.runtime.function import ForkedServer

            return ForkedServer(
                self._function,
                self._connection,
                theirs,
                lock=self._lock,
                log=self._log,
                experiment=self._experiment,
                environment={**self._environment, **self._setup["env"]},
            )
        return subprocess.Popen(
            [
                sys.executable,
                "-m",
                self.server,
                str(theirs.fileno()),
                str(self._lock),
            ],
            cwd="/",  # the first entry of its sys.path while it starts: not the user's folder
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            pass_fds=(theirs.fileno(), self._lock),
            start_new_session=True,  # Ctrl-C in the terminal is the runner's business
        )

    @property
    def survivors(self) -> Mapping[int, float]:
        """The trials of a runner that died which still run, and since how many seconds.

        On one machine there are none: they die with it.
        """
        return {}

    def places(self) -> Places | None:
        """Return what gives trials their places, where they do not run on this machine."""
        return None

    def _first_words(self) -> Mapping[str, Any]:
        """Return what the server is told before anything else."""
        return self._setup

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when there are events."""
        return self._connection.fileno()

    def start(
        self,
        number: int,
        command: Command,
        directory: Path,
        environment: Mapping[str, str],
        values: Mapping[str, Any] | None = None,
    ) -> None:
        """Start a trial; how it ends comes out of `events`.

        Args:
            number: the trial's.
            command: what it runs.
            directory: its own folder, for its logs.
            environment: the variables that are its own.
            values: what its parameters file says: a script that was forked need not read it.
        """
        request: dict[str, Any] = {
            "start": number,
            "dir": str(directory),
            "env": dict(environment),
            "values": None if values is None else dict(values),
            **self._what_runs(command),
        }
        self.running.add(number)
        self._given_up.discard(number)
        self._send(request)

    def _what_runs(self, command: Command) -> dict[str, Any]:
        if isinstance(command, ShellCommand):
            return {"argv": ["/bin/sh", "-c", command.text]}
        if isinstance(command, ScriptCommand) and self._spawns:
            return {"argv": [sys.executable, command.script, *command.args]}
        if isinstance(command, ScriptCommand):
            return {"script": command.script, "args": command.args}
        return {}

    def signal(self, number: int, signal_number: int) -> None:
        """Send a signal to a trial's whole process group."""
        self._server.send_signal(signal.SIGCONT)  # somebody may have suspended it
        self._send({"signal": number, "number": int(signal_number)})

    def give_up(self, number: int) -> None:
        """Wait no more for a trial that does not end though it was killed: `events` has it as lost.

        Called once more where it has not: the server does not answer, as it hangs itself, and begins again.
        """
        if number in self._given_up:
            self._server.kill()
        self._given_up.add(number)
        self._send({"give_up": number})

    def memory(self, *, enough: int) -> dict[int, int]:
        """Return how many bytes each trial uses with all its processes (see `memory.used`)."""
        marks = {number: Mark(self._experiment, number) for number in self.running}
        return used(self._server.pid, marks, enough=enough)

    def events(self) -> Iterator[Ended | Began | Waits | Noted]:
        """Yield the trials that ended since the last call; does not wait.

        And where one has to wait, for its place or a process, yield that it waits, and that it has begun.
        """
        try:
            data = self._connection.recv(_RECEIVED, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except ConnectionResetError:  # it died with words of ours unread
            data = b""
        closed = not data
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            event = self._event(json.loads(line))
            if isinstance(event, Noted):
                yield event
            elif event is not None and event.number in self.running:
                if isinstance(event, Ended):
                    self.running.remove(event.number)
                yield event
        if closed:
            yield from self._server_died()

    def _event(self, message: Mapping[str, Any]) -> Ended | Began | Waits | Noted | None:
        """Take a line of the server's."""
        if "changed" in message:
            names, are = ", ".join(message["changed"]), "are" if len(message["changed"]) > 1 else "is"
            return Noted(f"edited, and not frozen, {are} {names}: trials from now on import it as it is now")
        if "waits" in message:
            self._waiting.add(message["waits"])
            self.waits = f"no process can be started: {message['reason']}"
            return Waits(message["waits"])
        if "began" in message:
            self._wait_no_more(message["began"])
            return Began(message["began"])
        if "ended" in message:
            self._deaths = 0
            self._wait_no_more(message["ended"])
            number, status, left = message["ended"], message["status"], message.get("left", ())
            strays = self._strays(number, left)
            hangs = f"it does not end though it was killed ({'; '.join(map(str, strays))})"
            return Ended(number, status, hangs if status is None else "", strays)
        return Ended(message["refused"], None, message["reason"])

    def _wait_no_more(self, number: int) -> None:
        if number in self._waiting:
            self._waiting.remove(number)
            self.waits = self.waits if self._waiting else None

    def _strays(self, number: int, pids: Sequence[int]) -> list[Stray]:
        mark = Mark(self._experiment, number)
        return [Stray(pid, mark) for pid in pids]

    def _server_died(self) -> Iterator[Ended]:
        """Begin again with a new server; the trials died with the old one."""
        self._connection.close()
        self._server.wait()
        end_strays(self._experiment)
        lost, self.running = sorted(self.running), set()
        for number in lost:
            self._wait_no_more(number)
        self._deaths += 1
        if self._deaths > 3:
            raise StoreError(
                "the process that starts trials died three times in a row",
                help=f"its last words are in {self._log_name}",
            )
        self._spawn()
        for number in lost:
            left = self._strays(number, living(Mark(self._experiment, number)))
            yield Ended(number, None, "the process that starts trials died", left)

    def close(self) -> None:
        """End the server, and with it every trial that is left."""
        self._connection.close()
        self._server.send_signal(signal.SIGCONT)
        try:
            self._server.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._server.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):  # it hangs in the kernel itself
                self._server.wait(_PATIENCE or None)
            end_strays(self._experiment)
        for fd in (self._lock, self._log):
            os.close(fd)

    def _send(self, message: Mapping[str, Any]) -> None:
        # A server that died shows up in `events`, which sorts it out.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._connection.sendall(json.dumps(message).encode() + b"\n")


def trial_environment(threads: Mapping[str, str]) -> dict[str, str]:
    """Return the environment that all trials share: the user's, and ours, of which the user's wins."""
    environment = dict(os.environ)
    environment.pop("HPO_CODE", None)  # of a trial that this experiment runs in
    paths = [os.path.abspath(p) for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p]  # noqa: PTH100
    environment["PYTHONPATH"] = os.pathsep.join([str(SHIMS), *paths])
    environment["PATH"] = trial_path()
    environment["PYTHONUNBUFFERED"] = "1"
    return {**threads, **environment}
