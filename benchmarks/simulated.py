"""An engine whose trials only pretend: the process at the other end of the socket, in a fork server's place.

Started as ``python -m simulated SOCKET LOCK``. A trial takes a random time, log-normal as those of real ones
are, reports on its way and at its end as a real one does, into its own file, and says when it ended, so that
one sees how late the loop learns of it.
"""

from __future__ import annotations

import heapq
import json
import math
import os
import random
import select
import socket
import sys
import time
from collections.abc import Mapping
from typing import Any

from hpo.runtime.forkserver import first_line

_SPREAD = 0.5  # of the logarithm of the durations


class Simulation:
    """Trials that are under way.

    Args:
        setup: ``mean`` (seconds that a trial takes), ``reports`` (on its way), ``wake`` (the runner's pipe).
    """

    def __init__(self, setup: Mapping[str, Any]) -> None:
        self._mean, self._reports = setup["mean"], setup["reports"]
        self._wake = os.open(setup["wake"], os.O_RDWR | os.O_NONBLOCK)
        self._due: list[tuple[float, int, int]] = []  # when, whose, and which report; the last one ends it
        self._trials: dict[int, tuple[str, Mapping[str, Any]]] = {}

    def start(self, request: Mapping[str, Any]) -> None:
        """Begin a trial."""
        number = request["start"]
        draw = random.Random(number)
        seconds = self._mean * math.exp(draw.gauss(-(_SPREAD**2) / 2, _SPREAD))
        self._trials[number] = (request["dir"], request["values"])
        now = time.monotonic()
        for step in range(self._reports + 1):
            heapq.heappush(self._due, (now + seconds * (step + 1) / (self._reports + 1), number, step))

    def pause(self) -> float | None:
        """Return the seconds until something happens."""
        return max(0.0, self._due[0][0] - time.monotonic()) if self._due else None

    def happen(self) -> bytes:
        """Let happen what is due; return what the runner is told."""
        lines = []
        while self._due and self._due[0][0] <= time.monotonic():
            at, number, step = heapq.heappop(self._due)
            if number not in self._trials:
                continue  # it was killed
            folder, values = self._trials[number]
            kind = "final" if step == self._reports else "intermediate"
            report = {"type": kind, "value": _loss(values), "step": step, "time": time.time()}
            with open(f"{folder}/metrics.jsonl", "a") as file:  # noqa: PTH123 - thousands a second
                file.write(json.dumps(report) + "\n")
            if step == self._reports:
                del self._trials[number]
                lines.append({"ended": number, "status": 0, "at": at})
            else:
                os.write(self._wake, b"%d\n" % number)
        return b"".join(json.dumps(line).encode() + b"\n" for line in lines)

    def kill(self, number: int) -> bytes:
        """End a trial."""
        if self._trials.pop(number, None) is None:
            return b""
        return json.dumps({"ended": number, "status": -9, "at": time.monotonic()}).encode() + b"\n"


def _loss(values: Mapping[str, Any]) -> float:
    return sum((value - 0.3) ** 2 for value in values.values() if isinstance(value, float))


def main(fd: int) -> None:
    connection = socket.socket(fileno=fd)
    setup = json.loads(first_line(connection) or "null")
    if setup is None:
        return
    simulation, buffer = Simulation(setup), b""
    while True:
        ready, _, _ = select.select([connection], [], [], simulation.pause())
        answer = b""
        if ready:
            data = connection.recv(1 << 20)
            if not data:
                return
            *lines, buffer = (buffer + data).split(b"\n")
            for request in map(json.loads, lines):
                if "start" in request:
                    simulation.start(request)
                elif request["number"] in (9, 15):
                    answer += simulation.kill(request["signal"])
        connection.sendall(answer + simulation.happen())


if __name__ == "__main__":
    main(int(sys.argv[1]))
