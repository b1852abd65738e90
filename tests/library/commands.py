"""The command line, called as a user's shell does."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from unittest import mock

from hpo.cli import command_line

#: Commands that only read what is stored.
READING = ("best", "list", "show", "trial")


def hpo(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command that must end with this code."""
    command = [sys.executable, "-m", "hpo", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done


@contextlib.contextmanager
def keyboard(typed: bytes) -> Iterator[int]:
    """Give the descriptor of a terminal in which somebody typed this, for a process to read from."""
    ours, theirs = pty.openpty()
    os.write(ours, typed)
    try:
        yield theirs
    finally:
        os.close(theirs)
        os.close(ours)


def on_screen(*arguments: str, typed: bytes = b"", code: int | None = 0, **environment: str) -> str:
    """Return what a command that must end with this code, if one is given, writes to a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "hpo", *arguments],
        stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, **environment},
    )  # fmt: skip
    os.close(theirs)
    os.write(ours, typed)
    shown = b""
    with contextlib.suppress(OSError):  # its last writer is gone
        while chunk := os.read(ours, 1 << 16):
            shown += chunk
    os.close(ours)
    status = process.wait(timeout=300)
    assert code in (None, status), f"exit {status}\n{shown.decode()}"
    return shown.decode()


def data(*arguments: str) -> Any:
    """Return what a command prints as JSON.

    One that only reads is asked in this process: to start another takes longer than the answer. That they
    answer the same as processes of their own is seen in `cli/test_commands.py`.
    """
    if arguments[0] not in READING:
        return json.loads(hpo(*arguments, "--json").stdout)
    return json.loads(here(*arguments, "--json")[0])


def here(*arguments: str, code: int = 0) -> tuple[str, str]:
    """Run a command that must end with this code in this process; return what it says, and its complaints."""
    said, complaint = io.StringIO(), io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["hpo", *arguments]),
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(complaint),
    ):
        status = command_line.main()
    assert status == code, f"exit {status}\n{said.getvalue()}\n{complaint.getvalue()}"
    return said.getvalue(), complaint.getvalue()


def trials(*arguments: str) -> list[dict[str, Any]]:
    """Return the trials of an experiment, of the newest by itself."""
    found: list[dict[str, Any]] = data("trial", "list", *arguments)
    return found
