"""The command `hpo`: parse, call, print."""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

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
    script = _script_to_run(sys.argv[1:])
    if script is not None:
        from hpo.experiment.extraction import begin

        begin(script)
    from hpo.cli.command_line import main as app
    from hpo.runtime.execfile import end

    gc.freeze()
    gc.enable()
    if is_heeded:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    status = app()
    gc.freeze()
    end(status)


def _script_to_run(words: Sequence[str]) -> str | None:
    """Return the script that a command line seems to run: its marks are read while the command line loads.

    A runner that detaches itself is another process, and reads them itself.
    """
    if words[:1] != ["run"] or "--detach" in words:
        return None
    named = (os.path.normpath(word) for word in words[1:] if word.endswith(".py"))
    return next(filter(os.path.isfile, named), None)
