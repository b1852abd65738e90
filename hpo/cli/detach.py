"""`--detach`: the command returns once the experiment is there, and its runner stays behind."""

from __future__ import annotations

import json as json_
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

__all__ = ["Announce", "detach"]

Announce = Callable[[Path], None]


def detach(*, json: bool) -> Announce:
    """Go on in a process of its own, which a closed terminal does not end; this one waits, tells and ends.

    Mistakes are still said in the terminal: the new process leaves it when it calls what is returned, with
    the experiment's folder. From then on its words go to the folder's runner.log.
    """
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        os.setsid()
        return lambda directory: _leave(directory, write)
    os.close(write)
    try:
        with os.fdopen(read, encoding="utf-8") as pipe:
            name = pipe.read()
        status = 0 if name else os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except KeyboardInterrupt:
        os.kill(pid, signal.SIGINT)
        raise
    if name and json:
        print(json_.dumps({"experiment": name}))
    elif name:
        print(f"Experiment {name} runs in the background. Watch it: hpo attach {name}", file=sys.stderr)
    raise SystemExit(status)


def _leave(directory: Path, pipe: int) -> None:
    for name, flags, streams in (
        (os.devnull, os.O_RDWR, (0, 1)),
        (str(directory / "runner.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, (2,)),
    ):
        file = os.open(name, flags, 0o600)
        for stream in streams:
            os.dup2(file, stream)
        os.close(file)
    os.write(pipe, directory.name.encode())
    os.close(pipe)
