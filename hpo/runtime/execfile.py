"""Be ``python script.py args``, inside a process that was forked or started for it.

The aim is one: emulate real Python as closely as can be. `__main__`, `sys.argv`, `sys.path`, exit codes,
`atexit`, open files and tracebacks behave as if the interpreter had been started for the script.

What can be made ready before the fork is: a page of memory that a trial writes to is copied for it, and
these copies are most of what a short trial costs.
"""

from __future__ import annotations

import atexit
import builtins
import contextlib
import gc
import os
import sys
from _signal import NSIG, SIG_DFL, getsignal, signal  # type: ignore[import-not-found] # the other one looks up names
from _weakref import ref
from importlib.machinery import SourceFileLoader
from traceback import print_exception
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType
    from typing import NoReturn

    from hpo.runtime.snapshot import Snapshot

__all__ = ["Script", "end", "exit_status", "run_script"]


class Script:
    """A script about to be run as `__main__`.

    Args:
        name: the path as on the command line.
        snapshot: holds the script's frozen text, and that of the modules beside it.
    """

    def __init__(self, name: str, snapshot: Snapshot) -> None:
        self.name = name
        self._snapshot = snapshot
        self._path = os.path.abspath(name)  # noqa: PTH100
        self._real_path = os.path.realpath(name)
        self._main = main = ModuleType("__main__")
        main.__file__ = self._path
        main.__loader__ = SourceFileLoader("__main__", self._path)
        main.__dict__.update(__builtins__=builtins, __spec__=None, __package__=None, __cached__=None)
        if sys.version_info < (3, 14):
            main.__dict__.update(__annotations__={})
        self._code: CodeType | None = None

    def make_ready(self, args: Sequence[str]) -> None:
        """Let this process look like the script's, just before its first line."""
        sys.modules["__main__"] = self._main
        sys.argv[:] = [self.name, *args]
        sys.orig_argv[:] = [sys.executable, self.name, *args]
        sys.path[0] = os.path.dirname(self._real_path)  # noqa: PTH120

    def compile(self) -> None:
        """Compile it now; what is wrong with it is said when it is run, warnings too."""
        self._code = self._snapshot.code_ahead(self._real_path, self._path)

    def run(self) -> NoReturn:
        """Run it, then end this process as the interpreter would."""
        threading = sys.modules.get("threading")
        if threading is not None and hasattr(threading.Thread, "_set_native_id"):
            threading.main_thread()._set_native_id()  # after a fork it has its parent's
        main = self._main.__dict__
        status, error = 0, None
        try:
            code = self._code or self._snapshot.code(self._real_path, self._path)
            exec(code, main)  # noqa: S102
        except SystemExit as stop:
            status = exit_status(stop)
        except BaseException as raised:  # shown later: what a hook raises is not raised while handling this
            error = raised
        if error is not None:
            status = _show(error)
        del main, error, self._main  # nothing here is to keep the script's objects
        end(status, ["__main__", *self._snapshot.loaded])


def run_script(name: str, args: Sequence[str], snapshot: Snapshot) -> NoReturn:
    """Run a script as `__main__` in this process, which ends with it."""
    script = Script(name, snapshot)
    script.make_ready(args)
    script.run()


def exit_status(stop: SystemExit) -> int:
    """Return the status that a process ends with, having shown what it says where that is no status."""
    if stop.code is None:
        return 0
    if isinstance(stop.code, int):
        is_of_c = -sys.maxsize - 1 <= stop.code <= sys.maxsize  # where its own integers end
        return stop.code & 0xFF if is_of_c else 0xFF
    text = ""
    with contextlib.suppress(Exception):
        text = str(stop.code)
    print(text, file=sys.stderr or sys.__stderr__)
    return 1


def _show(error: BaseException) -> int:
    """Print an uncaught exception, without our frames, and return the exit status: 1, or 130 for Ctrl-C."""
    sys.last_type, sys.last_value = type(error), error
    sys.last_traceback = error.__traceback__ and error.__traceback__.tb_next
    try:
        if sys.excepthook is sys.__excepthook__:
            # The default hook reads the file from disk; this one quotes the frozen lines.
            _print(error)
        else:
            sys.excepthook(sys.last_type, error, sys.last_traceback)
    except SystemExit as stop:
        return exit_status(stop)
    except BaseException as another:
        _print(another, "Error in sys.excepthook:\n")
        _print(error, "\nOriginal exception was:\n")
    return 130 if isinstance(error, KeyboardInterrupt) else 1


def _print(error: BaseException, title: str = "") -> None:
    """Print an exception that passed through one frame of ours."""
    if sys.stderr is not None:
        sys.stderr.write(title)
        print_exception(type(error), error, error.__traceback__ and error.__traceback__.tb_next)


def end(status: int, own: Sequence[str] = ()) -> NoReturn:
    """End as the interpreter does: threads, `atexit`, what the user's objects do as they go, the streams.

    A whole finalisation would tear down every preloaded library, in every trial, for nothing.

    Args:
        status: what to exit with.
        own: the names of the script's own modules.
    """
    try:
        threading = sys.modules.get("threading")
        if threading is not None:
            threading._shutdown()
        atexit._run_exitfuncs()
        _let_go(own)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not getattr(stream, "closed", False):
                stream.flush()
        except BaseException as error:  # as the interpreter does
            status = status or 120
            if stream is not sys.stderr:
                _print(error, f"Exception ignored in: {stream!r}\n")
    os._exit(status)


class _Witness:
    """Lies in a module's namespace, and goes with it."""


def _let_go(names: Sequence[str]) -> None:
    """Forget modules, so that their objects go: while one is finalised, it still finds its module's names.

    A namespace that something keeps is emptied: a file that was left open in it is to be written.
    """
    for number in range(1, NSIG):  # a handler keeps its module
        if callable(getsignal(number)):
            signal(number, SIG_DFL)
    for name in ("last_type", "last_value", "last_traceback"):
        sys.__dict__.pop(name, None)
    witnesses = []
    for module in filter(None, [sys.modules.pop(name, None) for name in names]):
        witness = module.__dict__["__hpo_witness__"] = _Witness()
        witnesses.append(ref(witness))
        del module, witness  # else the last ones would be kept
    gc.collect()
    for kept in filter(None, (witness() for witness in witnesses)):
        for namespace in gc.get_referrers(kept):
            if isinstance(namespace, dict):
                namespace.clear()
        gc.collect()
