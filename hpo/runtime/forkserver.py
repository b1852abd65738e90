"""The process from which trials are forked, one each, so that they start warm.

It imports once what the script imports at its top, then forks for each trial; a trial that is no Python
script is forked and replaced by its command. Being the parent of all trials it is also their keeper: when
the runner goes, however it goes, this end of the socket closes and every trial goes too.

It is single-threaded, reads one JSON object a line from the socket, and answers likewise::

    {"start": 7, "script": "train.py", "args": [], "dir": ".../trials/7", "env": {...}}
    {"start": 8, "command": "sh run.sh", "dir": ".../trials/8", "env": {...}}
    {"signal": 7, "number": 15}
                                                     -> {"started": 7, "pid": 4711}
                                                     -> {"ended": 7, "status": 0}   negative: a signal

Started as ``python -m hpo.runtime.forkserver SOCKET LOCK``, two descriptors; the first line it reads says
``{"experiment", "cwd", "path", "snapshot", "modules"}``. It holds on to LOCK, the experiment's, so that no
second runner starts before every trial of the first has ended. The model is `multiprocessing.forkserver`.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys

from hpo.runtime.strays import Mark

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

    from hpo.runtime.snapshot import Snapshot

__all__ = ["Server", "main"]

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def _prctl(option: int, argument: int) -> None:
    """Call Linux's prctl; elsewhere, do nothing."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(option, argument, 0, 0, 0)


class Server:
    """Fork trials on request, and report their ends.

    Args:
        connection: the runner's socket.
        lock: a descriptor that this process holds and its trials do not.
        snapshot: the frozen scripts, or None where the trials run none.
        experiment: the id that trials are marked with.
    """

    def __init__(
        self, connection: socket.socket, lock: int, snapshot: Snapshot | None, experiment: str
    ) -> None:
        self.connection = connection
        self.lock = lock
        self.snapshot = snapshot
        self.experiment = experiment
        self.trials: dict[int, int] = {}  # pid -> number
        self._buffer = b""
        self._alarm, self._alarm_end = os.pipe()
        os.set_blocking(self._alarm, False)
        os.set_blocking(self._alarm_end, False)
        signal.set_wakeup_fd(self._alarm_end, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)

    def serve(self) -> None:
        """Work until the runner's end closes; then end every trial."""
        poll = select.poll()
        poll.register(self.connection, select.POLLIN)
        poll.register(self._alarm, select.POLLIN)
        open_ = True
        try:
            while open_:
                for fd, _ in poll.poll():
                    if fd == self._alarm:
                        with contextlib.suppress(BlockingIOError):
                            os.read(self._alarm, 4096)
                        self._reap()
                    else:
                        open_ = self._receive()
        finally:
            for pid in self.trials:
                _kill_group(pid, signal.SIGKILL)
            while self.trials:
                self._reap(block=True)
            self._sweep(Mark())  # of an experiment inside a trial, say

    def _receive(self) -> bool:
        try:
            data = self.connection.recv(1 << 20)
        except ConnectionResetError:  # it went before it read all that we sent
            data = b""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            request = json.loads(line)
            if "start" in request:
                self._start(request)
            else:
                self._signal(request["signal"], request["number"])
        return bool(data)

    def _send(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):  # the runner is gone: `serve` sees it next
            self.connection.sendall(json.dumps(message).encode() + b"\n")

    # -- starting

    def _start(self, request: dict[str, Any]) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            pid = os.fork()
        except OSError as error:
            self._send({"refused": request["start"], "reason": str(error)})
            return
        if pid == 0:
            self._become_trial(request)
        self.trials[pid] = request["start"]
        self._send({"started": request["start"], "pid": pid})

    def _become_trial(self, request: dict[str, Any]) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()
            server = os.getppid()
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != server:
                os._exit(1)  # the server died in between
            Mark(self.experiment, request["start"]).bear()
            self._open_streams(request["dir"])
            self.connection.close()
            for fd in (self.lock, self._alarm, self._alarm_end):
                os.close(fd)
            for name, value in request["env"].items():
                os.environ[name] = value
            if "command" in request:
                os.execv("/bin/sh", ["sh", "-c", request["command"]])
            self._run_script(request)
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(1)

    def _open_streams(self, directory: str) -> None:
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        for fd, name in ((1, "stdout.log"), (2, "stderr.log")):
            path = os.path.join(directory, name)  # noqa: PTH118
            log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(log, fd)
            os.close(log)

    def _run_script(self, request: dict[str, Any]) -> NoReturn:
        from hpo import trial
        from hpo.runtime.execfile import run_script

        assert self.snapshot is not None
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        _reseed()
        trial._reset()
        gc.enable()
        run_script(request["script"], request["args"], self.snapshot)

    # -- ending

    def _signal(self, number: int, signal_number: int) -> None:
        for pid, trial_number in self.trials.items():
            if trial_number == number:
                _kill_group(pid, signal_number)

    def _reap(self, *, block: bool = False) -> None:
        """Report the children that ended, and end what they left behind."""
        while True:
            # WNOWAIT leaves a zombie: until it is reaped its pid, and so its group, is nobody else's.
            options = os.WEXITED | os.WNOWAIT | (0 if block else os.WNOHANG)
            try:
                ended = os.waitid(os.P_ALL, 0, options)
            except ChildProcessError:
                return
            if ended is None:
                return
            number = self.trials.get(ended.si_pid)
            if number is not None:
                _kill_group(ended.si_pid, signal.SIGKILL)
            _, status = os.waitpid(ended.si_pid, 0)
            if number is not None:
                del self.trials[ended.si_pid]
                self._sweep(Mark(self.experiment, number))
                self._send({"ended": number, "status": os.waitstatus_to_exitcode(status)})
                if block:
                    return

    def _sweep(self, mark: Mark) -> None:
        """Kill the descendants that left the trial's group: orphaned, they are now children of ours."""
        for _ in range(100):  # each round may orphan the next generation
            strays = [pid for pid in _children() if pid not in self.trials and mark.is_on(pid)]
            if not strays:
                return
            for pid in strays:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, 0)


def _kill_group(pid: int, signal_number: int) -> None:
    # Right after the fork the child may not have its group yet; it is ours to signal all the same.
    try:
        os.killpg(pid, signal_number)
    except (ProcessLookupError, PermissionError):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal_number)


def _children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", "rb") as file:  # noqa: PTH123
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []


def _reseed() -> None:
    """Give the child a random state of its own, as a new process has."""
    if "random" in sys.modules:
        sys.modules["random"].seed()
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()


def preload(modules: Sequence[str]) -> bool:
    """Import modules; tell whether the process may still fork: it may not once a thread runs.

    A module that fails is left to the trial, where its error belongs.
    """
    import threading

    for name in modules:
        with contextlib.suppress(BaseException):
            importlib.import_module(name)
    return threading.active_count() == 1


def main(fd: int, lock: int) -> None:
    """Prepare, then serve."""
    os.set_inheritable(fd, False)
    os.set_inheritable(lock, False)
    connection = socket.socket(fileno=fd)
    setup = json.loads(os.environ.pop(_SETUP, "") or _first_line(connection) or "null")
    if setup is None:
        return
    os.chdir(setup["cwd"])
    sys.path[0] = setup["path"]
    sys.path_importer_cache.clear()
    snapshot = None
    if setup["snapshot"] is not None:
        from hpo.runtime import execfile  # noqa: F401 - preloaded for the trials
        from hpo.runtime.snapshot import Snapshot

        snapshot = Snapshot(setup["snapshot"])
        if not preload(setup["modules"]):
            # A thread does not survive a fork: begin again without the modules, one of which started it.
            _begin_again({**setup, "modules": []}, fd, lock)
        snapshot.install()
        snapshot.show_frozen_lines()
        snapshot.compile()
    gc.collect()
    gc.disable()
    gc.freeze()  # children share these pages, and their own collections pass over them
    Server(connection, lock, snapshot, setup["experiment"]).serve()


_SETUP = "HPO_FORKSERVER_SETUP"


def _begin_again(setup: dict[str, Any], *descriptors: int) -> NoReturn:
    os.environ[_SETUP] = json.dumps(setup)
    for fd in descriptors:
        os.set_inheritable(fd, True)
    os.chdir("/")
    os.execv(sys.executable, [sys.executable, "-m", "hpo.runtime.forkserver", *map(str, descriptors)])


def _first_line(connection: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        received = connection.recv(1)
        if not received:
            return b""
        line += received
    return line


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
