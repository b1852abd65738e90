"""`--detach`: the command returns once the experiment is there, and its runner stays behind."""

from __future__ import annotations

import json as json_
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

__all__ = ["Announce", "detach"]

Announce = Callable[[Path, str | None], None]


def detach(*, json: bool) -> Announce:
    """Go on in a process of its own, which a closed terminal does not end; this one waits, tells and ends.

    Mistakes are still said in the terminal: the new process leaves it when it calls what is returned, with
    the experiment's folder and the link to its page. From then on its words go to the folder's runner.log.
    """
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        os.setsid()
        return lambda directory, watch: _leave(directory, watch, write)
    os.close(write)
    try:
        with os.fdopen(read, encoding="utf-8") as pipe:
            name, _, watch = pipe.read().partition("\n")
        status = 0 if name else os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except KeyboardInterrupt:
        os.kill(pid, signal.SIGINT)
        raise
    if name and json:
        print(json_.dumps({"experiment": name, "page": watch or None}))
    elif name:
        print(f"Experiment {name} runs in the background. Watch it: hpo attach {name}", file=sys.stderr)
        if watch:
            print(f"In a browser: {watch}", file=sys.stderr)
    raise SystemExit(status)


def _leave(directory: Path, watch: str | None, pipe: int) -> None:
    for name, flags, streams in (
        (os.devnull, os.O_RDWR, (0, 1)),
        (str(directory / "runner.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, (2,)),
    ):
        file = os.open(name, flags, 0o600)
        for stream in streams:
            os.dup2(file, stream)
        os.close(file)
    os.write(pipe, f"{directory.name}\n{watch or ''}".encode())
    os.close(pipe)
