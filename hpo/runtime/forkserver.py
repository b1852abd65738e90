"""The process from which trials are forked, one each, so that they start warm.

It imports once what the script imports at its top, then forks for each trial; a trial that is no Python
script is forked and replaced by its command. Being the parent of all trials it is also their keeper: when
the runner goes, however it goes, this end of the socket closes and every trial goes too.

It is single-threaded, reads one JSON object a line from the socket, and answers likewise::

    {"start": 7, "script": "train.py", "args": [], "values": {...}, "dir": ".../trials/7", "env": {...}}
    {"start": 8, "argv": ["/bin/sh", "-c", "run"], "values": {...}, "dir": ".../trials/8", "env": {...}}
    {"start": 9, "dir": ".../trials/9", "env": {...}}        where it was given a function to call
    {"signal": 7, "number": 15}
    {"give_up": 7}                                     it was killed, and does not end
                                               -> {"ended": 7, "status": 0, "left": []}   negative: a signal
                                               -> {"ended": 7, "status": null, "left": [4711]}
                                               -> {"waits": 8, "reason": "..."}    no process can be had
                                               -> {"began": 8}    which had to wait
                                               -> {"changed": [path]}    it begins anew, to import it again

Started as ``python -m hpo.runtime.forkserver SOCKET LOCK``, two descriptors; the first line it reads says
``{"experiment", "env", "cwd", "path", "snapshot", "modules"}``. It holds on to LOCK, the experiment's, so
that no second runner starts before every trial of the first has ended. The model is
`multiprocessing.forkserver`.

Most of what a short trial costs is the copying of pages that it writes to, be it a reference count. So this
process makes ready for a trial what it can before it forks.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
import time
from _signal import signal as set_handler  # type: ignore[import-not-found] # `signal.signal` looks up names

from hpo import trial
from hpo.runtime.outbox import Outbox
from hpo.runtime.strays import Mark, living

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, NoReturn

    from hpo.runtime.execfile import Script
    from hpo.runtime.preload import Elsewhere
    from hpo.runtime.snapshot import Snapshot

__all__ = ["Server", "first_line", "main", "offer_to_the_kernel"]

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_SIGCHLD, _DEFAULT = int(signal.SIGCHLD), int(signal.SIG_DFL)
_AGAIN = 250  # milliseconds until it tries once more to start what no process could be had for
_LONGEST = 1 << 16  # bytes that a program leaves to the next: the kernel takes twice as many in one variable
_PATIENCE = 5.0  # seconds for the kernel to end what was killed
_APPENDED = os.O_WRONLY | os.O_CREAT | os.O_APPEND


def _linux_prctl() -> Callable[[int, int, int, int, int], int]:
    """Return Linux's prctl; elsewhere, what does nothing."""
    if sys.platform != "linux":
        return lambda *_: 0
    import ctypes

    prctl = ctypes.CDLL(None).prctl
    prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    return prctl


_prctl = _linux_prctl()


class Server:
    """Fork trials on request, and report their ends.

    Args:
        connection: the runner's socket.
        lock: a descriptor that this process holds and its trials do not.
        snapshot: the frozen scripts, or None where the trials run none.
        experiment: the id that trials are marked with.
        function: what trials call, where they are neither scripts nor commands.
    """

    def __init__(
        self,
        connection: socket.socket,
        lock: int,
        snapshot: Snapshot | None,
        experiment: str,
        function: Callable[[], Any] | None = None,
    ) -> None:
        self.connection = connection
        self.lock = lock
        self.snapshot = snapshot
        self.experiment = experiment
        self.function = function
        self.trials: dict[int, tuple[int, Mark]] = {}  # pid -> number and what its processes bear
        self._left: set[int] = set()  # the children that do not end
        self._queue: list[Mapping[str, Any]] = []  # what is to be started
        self._waiting: set[int] = set()  # those of it of which the runner knows that they wait
        self._elsewhere: Elsewhere | None = None  # what has to be imported again when it was edited
        self._script: Script | None = None  # the one that was made ready last
        self._environment = dict(os.environb)  # what is not a trial's own
        self._variables: Mapping[bytes, bytes] = {}  # what was set for the last trial
        self._pid = os.getpid()
        self._children_file = f"/proc/self/task/{self._pid}/children"
        self._buffer = b""
        self._outbox = Outbox(connection)
        self._alarm, self._alarm_end = os.pipe()
        os.set_blocking(self._alarm, False)
        os.set_blocking(self._alarm_end, False)
        signal.set_wakeup_fd(self._alarm_end, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def begin_anew_when_changed(
        self, elsewhere: Elsewhere, begin_again: Callable[[dict[str, Any]], NoReturn]
    ) -> None:
        """Import anew what is edited, as a new program in this process, which takes over the trials."""
        self._elsewhere, self._begin_again = elsewhere, begin_again

    def take_over(self, state: Mapping[str, Any]) -> None:
        """Go on from where the program was that had this process before."""
        self.trials = {pid: (number, Mark(self.experiment, number)) for pid, number in state["trials"]}
        self._left, self._waiting = set(state["left"]), set(state["waiting"])
        self._queue, self._buffer = state["queue"], state["buffer"].encode()
        self._outbox = Outbox(self.connection, state["unsent"])
        self._reap()

    def _begin_anew(self) -> None:
        changed = self._elsewhere.changed() if self._elsewhere is not None else []
        if not changed:
            return
        state = {
            "trials": [(pid, number) for pid, (number, _) in self.trials.items()],
            "left": list(self._left),
            "queue": self._queue,
            "waiting": list(self._waiting),
            "buffer": self._buffer.decode(),
            "unsent": str(self._outbox),
        }
        if len(json.dumps(state)) < _LONGEST:  # else there are thousands at once: later
            self._outbox.put({"changed": changed})
            self._set_environment({})
            self._begin_again(state)

    def serve(self) -> None:
        """Work until the runner's end closes; then end every trial."""
        poll = select.poll()
        poll.register(self.connection, select.POLLIN)
        poll.register(self._alarm, select.POLLIN)
        open_ = True
        try:
            self._start()
            while open_:
                poll.modify(self.connection, select.POLLIN | (select.POLLOUT if self._outbox else 0))
                for fd, event in poll.poll(_AGAIN if self._queue else None):
                    if fd == self._alarm:
                        with contextlib.suppress(BlockingIOError):
                            os.read(self._alarm, 4096)
                        self._reap()
                    elif event == select.POLLOUT:
                        self._outbox.push()
                    else:
                        open_ = self._receive()
                self._start()
        finally:
            for pid in self.trials:
                _kill_group(pid, signal.SIGKILL)
            limit = time.monotonic() + _PATIENCE
            while self.trials.keys() - self._left and time.monotonic() < limit:
                self._reap()
                time.sleep(0.005)
            self._sweep(None)  # of an experiment inside a trial, say, or of one that shed its mark

    def _receive(self) -> bool:
        try:
            data = self.connection.recv(1 << 20)
        except ConnectionResetError:  # it went before it read all that we sent
            data = b""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            request = json.loads(line)
            if "start" in request:
                self._queue.append(request)
            elif "give_up" in request:
                self._give_up(request["give_up"])
            else:
                self._signal(request["signal"], request["number"])
        return bool(data)

    # -- starting

    def _start(self) -> None:
        """Start what waits, in its order; the rest is tried again in a while, or when a trial has ended."""
        while self._queue:
            self._begin_anew()
            number = self._queue[0]["start"]
            error = self._fork(self._queue[0])
            if error is not None:
                waiting = {request["start"] for request in self._queue}
                for each in waiting - self._waiting:
                    self._outbox.put({"waits": each, "reason": str(error.strerror)})
                self._waiting = waiting
                return
            del self._queue[0]
            if number in self._waiting:
                self._waiting.remove(number)
                self._outbox.put({"began": number})

    def _fork(self, request: Mapping[str, Any]) -> OSError | None:
        number = request["start"]
        mark = Mark(self.experiment, number)
        self._set_environment({os.fsencode(n): os.fsencode(value) for n, value in request["env"].items()})
        trial.make_ready(request["values"])
        if "script" in request:
            self._make_ready(request["script"], request["args"])
        try:
            pid = os.fork()
        except OSError as error:
            return error
        if pid == 0:
            self._become_trial(request, mark)
        self.trials[pid] = number, mark
        return None

    def _set_environment(self, variables: Mapping[bytes, bytes]) -> None:
        """Let Python see a trial's variables. The C library sees them in the trial alone (`_become_trial`).

        It keeps every value that a variable ever had, half a kilobyte for each trial.
        """
        seen = os.environ._data  # type: ignore[attr-defined] # what `os.environ` is without `putenv`
        for name in self._variables.keys() - variables.keys():
            if name in self._environment:
                seen[name] = self._environment[name]
            else:
                del seen[name]
        seen.update(variables)
        self._variables = variables

    def _make_ready(self, name: str, args: list[str]) -> None:
        """Look like a script's process."""
        from hpo.runtime.execfile import Script

        assert self.snapshot is not None
        if self._script is None or self._script.name != name:
            self._script = Script(name, self.snapshot)
            self._script.compile()
        self._script.make_ready(args)
        numpy_random = sys.modules.get("numpy.random")
        if numpy_random is not None:  # `random` sees to itself
            numpy_random.seed()

    def _become_trial(self, request: Mapping[str, Any], mark: Mark) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            set_handler(_SIGCHLD, _DEFAULT)
            os.setsid()
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != self._pid:
                os._exit(1)  # the server died in between
            mark.bear()
            for name, value in self._variables.items():
                os.putenv(name, value)
            cores = request["env"].get("HPO_TRIAL_CORES")
            if cores:
                os.sched_setaffinity(0, map(int, cores.split(",")))
            self._open_streams(request["dir"])
            for fd in (self.connection.detach(), self.lock, self._alarm, self._alarm_end):
                os.close(fd)
            if "argv" in request:
                for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and no other program
                    set_handler(number, _DEFAULT)
                os.execv(request["argv"][0], request["argv"])
            gc.enable()
            if self.function is not None:
                from hpo.runtime.function import run_function

                run_function(self.function)
            assert self._script is not None
            self._script.run()
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(1)

    def _open_streams(self, directory: str) -> None:
        for fd, name in ((1, "stdout.log"), (2, "stderr.log")):  # the input is empty already
            path = f"{directory}/{name}"
            log = trial.patiently(lambda path=path: os.open(path, _APPENDED, 0o600))  # type: ignore[misc]
            os.dup2(log, fd)
            os.close(log)

    # -- ending

    def _signal(self, number: int, signal_number: int) -> None:
        for pid, (trial_number, _) in self.trials.items():
            if trial_number == number:
                _kill_group(pid, signal_number)
        kept = [request for request in self._queue if request["start"] != number]
        if len(kept) < len(self._queue) and signal_number in (signal.SIGTERM, signal.SIGKILL):
            self._queue = kept
            self._waiting.discard(number)
            self._outbox.put({"ended": number, "status": -signal_number})

    def _give_up(self, number: int) -> None:
        """Report a trial that does not end though it was killed, and wait for it no more."""
        self._reap()  # it may have ended by now
        for pid, (trial_number, mark) in self.trials.items():
            if trial_number == number and pid not in self._left:
                self._left.add(pid)
                self._outbox.put({"ended": number, "status": None, "left": living(mark)})

    def _reap(self) -> None:
        """Report the children that ended, and end what they left behind."""
        while True:
            try:
                # WNOWAIT leaves a zombie: until it is reaped its pid, and so its group, is nobody else's.
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT | os.WNOHANG)
            except ChildProcessError:
                return
            if ended is None:
                return
            pid = ended.si_pid
            trial = self.trials.get(pid)
            if trial is not None:
                _kill_group(pid, signal.SIGKILL)
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            is_given_up = pid in self._left
            self._left.discard(pid)
            if trial is not None:
                del self.trials[pid]
                number, mark = trial
                left = self._sweep(mark)
                if not is_given_up:
                    self._outbox.put({"ended": number, "status": status, "left": left})

    def _sweep(self, mark: Mark | None) -> list[int]:
        """Kill the descendants that left the trial's group: orphaned, they are now children of ours.

        Args:
            mark: what they bear; None for all there are.

        Returns:
            Those that do not end.
        """
        limit = time.monotonic() + _PATIENCE
        while True:  # each round may orphan the next generation
            others = self._children() - self.trials.keys() - self._left
            strays = [pid for pid in others if mark is None or mark.is_on(pid)]
            if not strays or time.monotonic() > limit:
                self._left.update(strays)
                return strays
            for pid in strays:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
            time.sleep(0.001)

    def _children(self) -> set[int]:
        try:
            with open(self._children_file, "rb", buffering=0) as file:  # noqa: PTH123
                return {int(pid) for pid in file.readall().split()}
        except OSError:
            return set()


def offer_to_the_kernel() -> None:
    """Let the kernel, when it runs out of memory, end a trial, which inherits this, before the runner."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "r+b", buffering=0) as file:  # noqa: PTH123
        now = int(file.read())
        file.seek(0)
        file.write(b"%d" % max(now, min(now + 300, 1000)))


def _kill_group(pid: int, signal_number: int) -> None:
    # Right after the fork the child may not have its group yet; it is ours to signal all the same.
    try:
        os.killpg(pid, signal_number)
    except (ProcessLookupError, PermissionError):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal_number)


def main(fd: int, lock: int) -> None:
    """Prepare, then serve."""
    os.set_inheritable(fd, False)
    os.set_inheritable(lock, False)
    connection = socket.socket(fileno=fd)
    setup = json.loads(os.environ.pop(_SETUP, "") or first_line(connection) or "null")
    if setup is None:
        return
    os.chdir(setup["cwd"])
    os.environ.update(setup["env"])
    snapshot = None
    if setup["snapshot"] is not None:
        from hpo.runtime import execfile  # noqa: F401 - preloaded for the trials
        from hpo.runtime.preload import Elsewhere, make_way, preload
        from hpo.runtime.snapshot import Snapshot

        snapshot = Snapshot(setup["snapshot"])
        snapshot.show_frozen_lines()
        snapshot.compile()
        make_way(snapshot, setup["path"])  # from here on the script's own modules hide others
    sys.path[0] = setup["path"]
    sys.path_importer_cache.clear()
    # As an interpreter that was just started has them, whatever the runner did with its own.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    elsewhere = None
    if snapshot is not None:
        snapshot.install()
        unfit = preload(setup["modules"], snapshot.loaded)
        if unfit is not None:
            modules = [name for name in setup["modules"] if name != unfit]
            _begin_again({**setup, "modules": modules}, fd, lock)
        elsewhere = Elsewhere()
    gc.collect()
    gc.disable()
    gc.freeze()  # children share these pages, and their own collections pass over them
    server = Server(connection, lock, snapshot, setup["experiment"])
    state = setup.pop("state", None)
    if state is None:
        offer_to_the_kernel()
    else:
        server.take_over(state)
    if elsewhere is not None:
        server.begin_anew_when_changed(elsewhere, lambda it: _begin_again({**setup, "state": it}, fd, lock))
    server.serve()


_SETUP = "HPO_FORKSERVER_SETUP"


def _begin_again(setup: dict[str, Any], *descriptors: int) -> NoReturn:
    os.environ[_SETUP] = json.dumps(setup)
    for fd in descriptors:
        os.set_inheritable(fd, True)
    os.chdir("/")
    os.execv(sys.executable, [sys.executable, "-m", "hpo.runtime.forkserver", *map(str, descriptors)])


def first_line(connection: socket.socket) -> bytes:
    """Return the first line that comes, and leave what follows; nothing where it ends before that."""
    line = b""
    while not line.endswith(b"\n"):
        received = connection.recv(1)
        if not received:
            return b""
        line += received
    return line


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
