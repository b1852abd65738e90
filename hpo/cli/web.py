"""`hpo web`, and the link to the page that `hpo run` prints."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from hpo.dashboard.access import Access
from hpo.dashboard.server import is_loopback, link, listen, listening, serve
from hpo.errors import HpoError
from hpo.runtime import home

__all__ = ["Address", "open_page", "serve_page"]

Address = Callable[[Path], str | None]
_LOOPBACK = "127.0.0.1"


def serve_page(host: str, port: int | None) -> None:
    """Serve the page over all experiments until Ctrl-C; print its link."""
    access = Access(home.home())
    bound = listen(host, port)
    print(f"Open {link(bound, host, access.mint())}", file=sys.stderr)
    print("The link lets one browser in, once, within a day; Ctrl-C ends the page.", file=sys.stderr)
    if not is_loopback(host):
        _, number, *_ = bound.getsockname()
        for line in (
            f"Warning: port {number} of {host} is open to the network. Who has the link, or sees the",
            "traffic, which is not encrypted, can read sources and logs and steer experiments. Safer, from",
            "the other machine:",
            f"ssh -L {number}:127.0.0.1:{number} THIS-MACHINE, with `hpo web` here without --host.",
        ):
            print(line, file=sys.stderr)
    serve(bound, host)


@contextlib.contextmanager
def open_page(port: int | None, *, is_wanted: bool) -> Iterator[Address]:
    """Listen for who wants to watch while something runs; yield what tells where an experiment is seen.

    Without a port that was asked for, an experiment runs whether or not there can be a page.

    Args:
        port: one that was asked for.
        is_wanted: whether there is to be a page at all.

    Raises:
        UsageError: the port is taken.
    """
    with contextlib.ExitStack() as stack:
        bound = None
        try:
            bound = listen(port=port) if is_wanted else None
        except HpoError as error:
            if port is not None:
                raise
            _note(error)
        if bound is not None:
            stack.enter_context(listening(bound, _LOOPBACK))
        yield lambda directory: _address(bound, directory)


def _address(bound: socket.socket | None, directory: Path) -> str | None:
    """Return where an experiment is seen; the first secret of the page is made here, and not before."""
    if bound is None:
        return None
    try:
        return link(bound, _LOOPBACK, Access(home.home()).mint(), directory.name)
    except HpoError as error:
        _note(error)
        return None


def _note(error: HpoError) -> None:
    print(f"note: there is no page: {error}", file=sys.stderr)
