"""What trials say of themselves, in a file of their own making: the store is compared with that.

A trial says with what it began, which report has returned, and that its final report has. What it says after
a report has returned was acknowledged, and may never be lost, changed or doubled.
"""

from __future__ import annotations

import ast
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["TELL", "Oracle", "children", "living", "read"]

#: For the top of a script whose experiment runs with ORACLE, a path, in its environment.
TELL = """
import os

def tell(event, value=None):
    number, attempt = os.environ["HPO_TRIAL_SEQUENCE"], os.environ["HPO_TRIAL_ATTEMPT"]
    line = f"{event} {number} {attempt} {os.getpid()} {value!r}\\n".encode()
    oracle = os.open(os.environ["ORACLE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(oracle, line)
    os.close(oracle)
"""


@dataclass
class Oracle:
    """What the trials said, in the order of their saying it.

    Attributes:
        begun: how often each trial began.
        attempts: what each of a trial's attempts said as it began: with what it runs.
        pids: the processes of each.
        results: the result of each whose final report has returned.
        repeated: those that began again after that.
        reported: of each trial's attempts, what those reports said that have returned.
    """

    begun: Counter[int] = field(default_factory=Counter)
    attempts: dict[int, dict[int, Any]] = field(default_factory=dict)
    pids: dict[int, set[int]] = field(default_factory=dict)
    results: dict[int, float] = field(default_factory=dict)
    repeated: set[int] = field(default_factory=set)
    reported: dict[tuple[int, int], list[float]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Oracle:
        """Read what was said so far."""
        oracle = cls()
        for line in path.read_text().splitlines() if path.exists() else ():
            event, number, attempt, pid, value = line.split(" ", 4)
            oracle._hear(event, int(number), int(attempt), int(pid), value)
        return oracle

    def _hear(self, event: str, number: int, attempt: int, pid: int, value: str) -> None:
        if event == "end":
            self.results[number] = float(value)
        elif event == "reported":
            self.reported.setdefault((number, attempt), []).append(float(value))
        else:
            self.begun[number] += 1
            self.attempts.setdefault(number, {})[attempt] = ast.literal_eval(value)
            self.pids.setdefault(number, set()).add(pid)
            if number in self.results:
                self.repeated.add(number)


def children(pid: int) -> list[int]:
    """Return the children of a process."""
    return [int(child) for child in read(f"/proc/{pid}/task/{pid}/children").split()]


def read(path: str) -> bytes:
    """Return what a file of /proc says; nothing where its process is gone."""
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def living(oracle: Path, *words: bytes, patience: float = 60.0) -> list[int]:
    """Return the processes that live on with an oracle, or with words in their command, if any still do.

    Args:
        oracle: what ORACLE says in their environment.
        words: each known to be in no other command.
        patience: seconds in which they may end.
    """
    mark = f"\0ORACLE={oracle}\0".encode()
    limit = time.monotonic() + patience
    while True:
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            is_marked = mark in b"\0" + read(f"{path}/environ")
            command = b"" if is_marked or not words else read(f"{path}/cmdline")
            with suppress(OSError):
                if is_marked or any(word in command for word in words):
                    found.append(int(path.name))
        if not found or time.monotonic() > limit:
            return found
        time.sleep(0.02)
