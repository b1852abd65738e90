"""The command `hpo`: parse, call, print."""

from __future__ import annotations

import gc
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line.

    `hpo param` and `hpo metric` run inside trials, many times over: they do not wait for the other
    commands' libraries to load.
    """
    if len(sys.argv) > 1 and sys.argv[1] in ("param", "metric"):
        from hpo.cli.inside import main as inside

        sys.exit(inside(sys.argv[1:]))
    gc.disable()  # what is imported stays: looking through it for rubbish finds none
    import signal

    is_heeded = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_heeded:  # Ctrl-C while it loads ends it at once, with no traceback through what is imported
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from hpo.cli.command_line import main as app
    from hpo.runtime.execfile import end

    gc.freeze()
    gc.enable()
    if is_heeded:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    status = app()
    gc.freeze()
    end(status)
