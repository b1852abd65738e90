"""Trials that call a function of the program that runs the experiment: one of a notebook, say.

Such a function may be in no file, so it cannot be imported elsewhere: the fork server is forked from the
program itself, and every trial from the server. What the function sees is what the program had when the
experiment began, and nothing that a trial does comes back but its reports.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from hpo.errors import UsageError
from hpo.runtime.execfile import exit_status
from hpo.runtime.forkserver import Server, offer_to_the_kernel
from hpo.runtime.launcher import UNSHARED

__all__ = ["ForkedServer", "Function", "run_function"]

Function = Callable[[], Any]  # one trial; what it returns is its final result, unless it reported one


class ForkedServer:
    """A fork server that was forked from this process; to be waited for and killed as a `Popen` is.

    Args:
        function: what a trial calls.
        ours: this process's end of its connection.
        theirs: its own end.
        lock: the experiment's lock, open.
        log: where its output goes.
        experiment: the experiment's id.
        environment: what trials have in their environment.

    Raises:
        UsageError: this process has used CUDA, which does not survive a fork.
    """

    def __init__(
        self,
        function: Function,
        ours: socket.socket,
        theirs: socket.socket,
        *,
        lock: int,
        log: int,
        experiment: str,
        environment: Mapping[str, str],
    ) -> None:
        _refuse_cuda()
        UNSHARED.add(ours)
        sys.stdout.flush()
        sys.stderr.flush()
        with warnings.catch_warnings():
            # A program with threads, as a notebook's, may fork: the child calls nothing that they might hold.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
        if self.pid == 0:
            for mine in list(UNSHARED):
                mine.close()
            _serve(function, theirs, lock, log, experiment, environment)
        self._status: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended; return how.

        Raises:
            subprocess.TimeoutExpired: it lives for longer than `timeout` seconds.
        """
        limit = None if timeout is None else time.monotonic() + timeout
        while self._status is None:
            with contextlib.suppress(ChildProcessError):
                pid, status = os.waitpid(self.pid, 0 if limit is None else os.WNOHANG)
                if pid == 0:
                    if limit is not None and time.monotonic() > limit:
                        raise subprocess.TimeoutExpired("fork server", timeout or 0.0)
                    time.sleep(0.005)
                    continue
                self._status = os.waitstatus_to_exitcode(status)
                break
            self._status = 0  # somebody else waited for it
        return self._status

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it lives."""
        if self._status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)


def _refuse_cuda() -> None:
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        raise UsageError(
            "this process has used CUDA, and processes forked from it cannot",
            help="restart it and tune before CUDA is used, or put the function into a script: hpo run",
        )


def _serve(
    function: Function,
    connection: socket.socket,
    lock: int,
    log: int,
    experiment: str,
    environment: Mapping[str, str],
) -> NoReturn:
    status = 1
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        atexit._clear()  # the program's own
        null = os.open(os.devnull, os.O_RDONLY)
        for target, source in ((0, null), (1, log), (2, log)):
            os.dup2(source, target)
        _open_text_streams()
        os.environ.clear()
        os.environ.update(environment)
        gc.collect()
        gc.freeze()
        offer_to_the_kernel()
        Server(connection, lock, None, experiment, function).serve()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def _open_text_streams() -> None:
    """Let `print` write to the descriptors: a notebook's own streams go to threads that are not here."""
    for fd, name in ((1, "stdout"), (2, "stderr")):
        stream = open(fd, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def run_function(function: Function) -> NoReturn:
    """Call a function as a trial, report what it returns, and end this process."""
    from hpo import trial

    signal.signal(signal.SIGINT, signal.default_int_handler)
    _open_text_streams()
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:  # `random` sees to itself
        numpy_random.seed()
    status = 0
    try:
        result = function()
        if result is not None and not trial.has_final():
            trial.report_final_result(result)
        threading._shutdown()  # type: ignore[attr-defined]
    except SystemExit as stop:
        status = exit_status(stop)
    except BaseException as error:
        frames = error.__traceback__.tb_next if error.__traceback__ is not None else None
        traceback.print_exception(type(error), error, _own(frames))
        status = 1
    with contextlib.suppress(BaseException):
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()
    os._exit(status)


def _own(frames: Any) -> Any:
    """Return a traceback without the frames of this package that stand before the function's own."""
    inner = frames
    while inner is not None and inner.tb_frame.f_globals.get("__name__", "").startswith("hpo."):
        inner = inner.tb_next
    return inner or frames
