"""Serve the page on a socket that was handed over: -m hpo.dashboard SOCKET OWNER HOST (see `server`)."""

from __future__ import annotations

import socket
import sys

from hpo.dashboard.server import serve

if __name__ == "__main__":
    descriptor, owner, host = sys.argv[1:]
    serve(socket.socket(fileno=int(descriptor)), host, owner=int(owner))
