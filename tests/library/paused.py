"""Run the command line, and stop where it calls a function until the file `go` is there.

    paused.py module:name ARGUMENTS...

When it has come there, the file `there` is made; `pid` holds the process from the beginning on.
"""

from __future__ import annotations

import functools
import importlib
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def pausing(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wait before a call."""

    @functools.wraps(function)
    def paused(*args: Any, **kwargs: Any) -> Any:
        Path("there").touch()
        end = time.monotonic() + 60
        while not Path("go").exists() and time.monotonic() < end:
            time.sleep(0.01)
        return function(*args, **kwargs)

    return paused


if __name__ == "__main__":
    module, _, name = sys.argv.pop(1).partition(":")
    *outer, last = name.split(".")
    owner: Any = functools.reduce(getattr, outer, importlib.import_module(module)) if last else None
    if last:
        setattr(owner, last, pausing(getattr(owner, last)))
    if "DEAF" in os.environ:  # it goes on at a SIGCONT, and does not learn of it
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCONT])
    Path("pid").write_text(str(os.getpid()))
    from hpo.cli import main

    sys.exit(main())
