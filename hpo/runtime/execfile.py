"""Be ``python script.py args``, inside a process that was forked for it.

The aim is one: emulate real Python as closely as can be. `__main__`, `sys.argv`, `sys.path`, exit codes,
`atexit`, open files and tracebacks behave as if the interpreter had been started for the script.
"""

from __future__ import annotations

import builtins
import gc
import os
import sys
from importlib.machinery import SourceFileLoader
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from hpo.runtime.snapshot import Snapshot

__all__ = ["run_script"]


def run_script(script: str, args: Sequence[str], snapshot: Snapshot) -> NoReturn:
    """Run a script as `__main__`, then end this process as the interpreter would.

    Args:
        script: the path as on the command line.
        args: what follows it there.
        snapshot: holds the script's frozen text, and that of the modules beside it.
    """
    path = os.path.abspath(script)  # noqa: PTH100
    main = ModuleType("__main__")
    main.__file__ = path
    main.__loader__ = SourceFileLoader("__main__", path)
    main.__dict__.update(__builtins__=builtins, __spec__=None, __package__=None, __cached__=None)
    sys.modules["__main__"] = main
    sys.argv[:] = [script, *args]
    sys.path[0] = os.path.dirname(os.path.realpath(script))  # noqa: PTH120
    try:
        code = snapshot.code(os.path.realpath(script), path)
        exec(code, main.__dict__)  # noqa: S102
        status = 0
    except SystemExit as stop:
        status = _exit_status(stop)
    except BaseException as error:  # the script's own: show it as Python does, without our frames
        status = _show(error)
    _end(status, main, snapshot)


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


def _end(status: int, main: ModuleType, snapshot: Snapshot) -> NoReturn:
    """End as the interpreter does: threads, `atexit`, what the user's objects do as they go, the streams.

    A whole finalisation would tear down every preloaded library, in every trial, for nothing.
    """
    import atexit
    import threading

    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        own = [m for m in list(sys.modules.values()) if (getattr(m, "__file__", None) or "") in snapshot]
        for module in (main, *own):
            module.__dict__.clear()
        del own
        gc.collect()
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except BaseException:
            status = status or 120  # as the interpreter does
    os._exit(status)
