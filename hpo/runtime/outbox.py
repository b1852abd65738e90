"""Lines to the runner, from a process that waits for no room: the runner may be waiting for it to read."""

from __future__ import annotations

import json
import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["Outbox"]


class Outbox:
    """Messages that are sent as there is room for them.

    Args:
        connection: the socket; whether it blocks does not matter.
        unsent: what another program, which had this process before, had not sent.
    """

    def __init__(self, connection: socket.socket, unsent: str = "") -> None:
        self._connection = connection
        self._unsent = bytearray(unsent.encode())

    def __bool__(self) -> bool:
        """Tell whether something waits for room."""
        return bool(self._unsent)

    def __str__(self) -> str:
        """Return what waits for room."""
        return self._unsent.decode()

    def put(self, message: Mapping[str, Any]) -> None:
        """Send a message, now or later."""
        self._unsent += json.dumps(message).encode() + b"\n"
        self.push()

    def push(self) -> None:
        """Send what there is room for."""
        try:
            while self._unsent:
                del self._unsent[: self._connection.send(self._unsent, socket.MSG_DONTWAIT)]
        except BlockingIOError:
            pass
        except OSError:  # the runner is gone, which whoever reads sees next
            self._unsent.clear()
