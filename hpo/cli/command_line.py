"""Run a command line, and say what goes wrong."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import threading
from collections.abc import Sequence

import hpo.cli.commands  # noqa: F401 - adds them to `app`
from hpo.cli.app import app
from hpo.errors import DiagnosticError, HpoError, UsageError, printable

__all__ = ["main"]

_SOON = 0.01  # seconds
_NO_THREAD = "can't start new thread"  # Python says no more than that


def main() -> int:
    """Run the command line; return the exit status."""
    before, sys.unraisablehook = sys.unraisablehook, _interrupt_again
    try:
        _check_text(sys.argv)
        result = app(standalone_mode=False)
        _flush()
    except HpoError as error:
        _complain(error)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `| head` has seen enough
        _fall_silent()
        return 0
    except SystemExit as ending:
        if isinstance(ending.__context__, BrokenPipeError):  # click and rich would end with 1
            _fall_silent()
            return 0
        raise
    except OSError as error:  # a full disk, a folder that somebody removed
        print(
            f"hpo: {error.strerror or error}" + (f": {error.filename}" if error.filename else ""),
            file=sys.stderr,
        )
        return 1
    except Exception as error:
        return _usage(error)
    finally:
        sys.unraisablehook = before
    return result if isinstance(result, int) else 0


def _interrupt_again(ignored: sys.UnraisableHookArgs) -> None:
    """Let Ctrl-C count where Python passes over exceptions: in callbacks, as of imports, and finalisers."""
    if issubclass(ignored.exc_type, KeyboardInterrupt):
        # Once more, a little later: what is raised here would be passed over, too.
        timer = threading.Timer(_SOON, os.kill, (os.getpid(), signal.SIGINT))
        timer.daemon = True
        with contextlib.suppress(RuntimeError):  # there is no thread to be had, or Python is about to end
            timer.start()
    else:
        sys.__unraisablehook__(ignored)


def _flush() -> None:
    """Write what is left to be said; where nobody is left to read it, the exit status stays what it is."""
    if sys.stdout is None or sys.stdout.closed:  # a server's, which has spoken its own protocol there
        return
    try:
        sys.stdout.flush()
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.EIO):  # the reader of a pipe, a terminal that was closed
            raise
        _fall_silent()


def _fall_silent() -> None:
    sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - or the interpreter complains as it ends


def _check_text(words: Sequence[str]) -> None:
    """Refuse what neither the store nor a JSON file can hold.

    Raises:
        UsageError: a word of the command line is not in UTF-8.
    """
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            raise UsageError(f"{word!r} is not in UTF-8", help="write it in UTF-8; rename a file") from None


def _complain(error: HpoError) -> None:
    """Print an error, and how to mend it; to a terminal, folded between words."""
    is_diagnostic = isinstance(error, DiagnosticError)  # editors jump to FILE:LINE at the start
    said = error.message if is_diagnostic else f"hpo: {error.message}"
    lines = [*printable(said).split("\n"), *([f"  {error.help}"] if error.help else [])]
    if sys.stderr.isatty() and not is_diagnostic:
        import shutil
        import textwrap

        width = shutil.get_terminal_size().columns
        lines = [
            part
            for line in lines
            for part in textwrap.wrap(
                line, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
            )
        ]
    print("\n".join(lines), file=sys.stderr)


def _usage(error: Exception) -> int:
    """Show what click says of a wrong command line; anything else is a bug, and raised."""
    show = getattr(error, "show", None)
    if show is not None:
        show()
        return int(getattr(error, "exit_code", 2))
    if type(error).__name__ == "Abort":
        return 130
    if isinstance(error, RuntimeError) and str(error) == _NO_THREAD:
        print(f"hpo: {error}: no more processes and threads are allowed here (ulimit -u)", file=sys.stderr)
        return 1
    raise error
