"""Be ``python script.py args``, inside a process that was forked or started for it.

The aim is one: emulate real Python as closely as can be. `__main__`, `sys.argv`, `sys.path`, exit codes,
`atexit`, open files and tracebacks behave as if the interpreter had been started for the script.

What can be made ready before the fork is: a page of memory that a trial writes to is copied for it, and
these copies are most of what a short trial costs.
"""

from __future__ import annotations

import atexit
import builtins
import gc
import os
import sys
from importlib.machinery import SourceFileLoader
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType
    from typing import NoReturn

    from hpo.runtime.snapshot import Snapshot

__all__ = ["Script", "end", "run_script"]


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
        self._code: CodeType | None = None

    def make_ready(self, args: Sequence[str]) -> None:
        """Let this process look like the script's, just before its first line."""
        sys.modules["__main__"] = self._main
        sys.argv[:] = [self.name, *args]
        sys.orig_argv[:] = [sys.executable, self.name, *args]
        sys.path[0] = os.path.dirname(self._real_path)  # noqa: PTH120

    def compile(self) -> None:
        """Compile it now; what is wrong with it is said when it is run."""
        try:
            self._code = self._snapshot.code(self._real_path, self._path)
        except Exception:
            self._code = None

    def run(self) -> NoReturn:
        """Run it, then end this process as the interpreter would."""
        try:
            code = self._code or self._snapshot.code(self._real_path, self._path)
            exec(code, self._main.__dict__)  # noqa: S102
            status = 0
        except SystemExit as stop:
            status = _exit_status(stop)
        except BaseException as error:  # the script's own: show it as Python does, without our frames
            status = _show(error)
        end(status, [self._main, *self._snapshot.loaded])


def run_script(name: str, args: Sequence[str], snapshot: Snapshot) -> NoReturn:
    """Run a script as `__main__` in this process, which ends with it."""
    script = Script(name, snapshot)
    script.make_ready(args)
    script.run()


def _exit_status(stop: SystemExit) -> int:
    if stop.code is None:
        return 0
    if isinstance(stop.code, int):
        return stop.code & 0xFF
    print(stop.code, file=sys.stderr)
    return 1


def _show(error: BaseException) -> int:
    """Print an uncaught exception and return the exit status: 1, or 130 for Ctrl-C."""
    traceback = error.__traceback__
    frames = traceback.tb_next if traceback is not None else None
    try:
        if sys.excepthook is sys.__excepthook__:
            # The default hook reads the file from disk; this one quotes the frozen lines.
            from traceback import print_exception

            print_exception(type(error), error, frames)
        else:
            sys.excepthook(type(error), error, frames)
    except SystemExit as stop:
        return _exit_status(stop)
    return 130 if isinstance(error, KeyboardInterrupt) else 1


def end(status: int, own: Sequence[ModuleType] = ()) -> NoReturn:
    """End as the interpreter does: threads, `atexit`, what the user's objects do as they go, the streams.

    A whole finalisation would tear down every preloaded library, in every trial, for nothing.

    Args:
        status: what to exit with.
        own: the script's own modules.
    """
    try:
        threading = sys.modules.get("threading")
        if threading is not None:
            threading._shutdown()
        atexit._run_exitfuncs()
        for module in own:
            module.__dict__.clear()
        gc.collect()
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not getattr(stream, "closed", False):
                stream.flush()
        except BaseException:
            status = status or 120  # as the interpreter does
    os._exit(status)
