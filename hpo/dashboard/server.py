"""Where the page listens, and the process that serves it.

`hpo web` serves in the foreground. `hpo run` only listens: the process that serves is started when somebody
opens the link, so a run that nobody watches pays nothing, and it ends by itself when the run has ended and no
page is open any more.
"""

from __future__ import annotations

import errno
import gc
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.dashboard.access import Access
from hpo.errors import UsageError
from hpo.runtime import home
from hpo.runtime.polling import ready
from hpo.trial import FULL, SCARCE

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

__all__ = ["DEFAULT_PORT", "is_loopback", "link", "listen", "listening", "serve"]

DEFAULT_PORT = 8470
_LINGER = 60.0  # seconds that it waits for a page, once its run has ended
_AGAIN = 1.0  # seconds until it is tried once more to start that process
_BACKLOG = 64  # connections that wait; asyncio complains once for each of them where it has no descriptor


def listen(host: str = "127.0.0.1", port: int | None = None) -> socket.socket:
    """Return a socket that listens; where no port is asked for, the usual one or else a free one.

    Raises:
        UsageError: the address is none of this machine's, or taken.
    """
    for wanted in (DEFAULT_PORT, 0) if port is None else (port,):
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(
                host, wanted, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            found = socket.socket(family, kind, protocol)
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                found.bind(address)
                found.listen(128)
            except OSError:
                found.close()
                raise
        except OSError as error:
            reason = error.strerror or str(error)
            continue
        return found
    raise UsageError(
        f"the page cannot listen on {host} port {port or DEFAULT_PORT}: {reason}",
        help="choose another: --port N",
    )


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches an address."""
    return host == "localhost" or host.startswith("127.") or host == "::1"


def link(bound: socket.socket, host: str, code: str, experiment: str | None = None) -> str:
    """Return the address to open in a browser, with its one-time code."""
    name = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)  # noqa: S104
    name = f"[{name}]" if ":" in name else name
    where = f"&to={experiment}" if experiment else ""
    return f"http://{name}:{bound.getsockname()[1]}/enter?code={code}{where}"


def serve(bound: socket.socket, host: str, *, owner: int | None = None) -> None:
    """Serve until it is told to end.

    Args:
        bound: the socket.
        host: the address that it was bound to.
        owner: a descriptor that is at its end when the run that began this has ended.
    """
    import uvicorn

    from hpo.dashboard.app import create_app
    from hpo.dashboard.changes import Changes
    from hpo.dashboard.security import Security, allowed_names

    # What is read of 100,000 trials stays: to look for garbage in it takes as long as to read it.
    gc.set_threshold(50_000, 10, 10)
    changes = Changes(home.home())
    gate = Security(create_app(changes), Access(home.home()), allowed_names(host), bound.getsockname()[1])
    seen = time.monotonic()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal seen
        seen = time.monotonic()
        await gate(scope, receive, send)

    logging.getLogger("asyncio").addFilter(_FullOnce())
    config = uvicorn.Config(
        app,
        backlog=_BACKLOG,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    if owner is not None:

        def leave_when_alone() -> None:
            while os.read(owner, 1024):
                pass
            while changes.listeners or time.monotonic() - seen < _LINGER:
                time.sleep(1)
            server.should_exit = True

        threading.Thread(target=leave_when_alone, daemon=True).start()
    server.run(sockets=[bound])


class _FullOnce(logging.Filter):
    """Let asyncio say once that it has no descriptor, and not for each connection with a traceback."""

    _is_said = False

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if "_start_serving" in message:  # it was to listen again in a second, and ends before
            return False
        if "out of system resource" not in message:
            return True
        is_said, self._is_said = self._is_said, True
        record.exc_info = None
        return not is_said


@contextmanager
def listening(bound: socket.socket, host: str) -> Iterator[None]:
    """Listen while a run goes on, and start the process that serves when somebody comes."""
    read, write = os.pipe()  # its end is ours: of a killed process, too
    stop, stopped = os.pipe()

    def wait() -> None:
        while _is_first(bound.fileno(), stop):
            try:
                process = _start(bound, host, read)
            except OSError as error:
                if error.errno not in (*FULL, *SCARCE, errno.EAGAIN):
                    raise
                ready([stop], _AGAIN)
                continue
            death = os.pidfd_open(process.pid)
            try:
                if not _is_first(death, stop):
                    return
                process.wait()  # whoever comes next gets another one
            finally:
                os.close(death)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    try:
        yield
    finally:
        os.close(stopped)
        thread.join()
        for descriptor in (stop, read, write):
            os.close(descriptor)
        bound.close()


def _is_first(descriptor: int, stop: int) -> bool:
    """Wait for one of two descriptors; tell whether it was not the second."""
    return stop not in ready([descriptor, stop])


def _start(bound: socket.socket, host: str, owner: int) -> subprocess.Popen[bytes]:
    with _private(home.home() / "web" / "server.log") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "hpo.dashboard", str(bound.fileno()), str(owner), host],
            cwd="/",  # the first entry of its sys.path: not the user's folder
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            pass_fds=(bound.fileno(), owner),
            start_new_session=True,  # Ctrl-C in the terminal is the runner's business
        )


@contextmanager
def _private(path: Path) -> Iterator[int]:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        yield file
    finally:
        os.close(file)
