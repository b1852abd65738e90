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
    from hpo.cli.command_line import main as app
    from hpo.runtime.execfile import end

    gc.freeze()
    gc.enable()
    status = app()
    gc.freeze()
    end(status)
