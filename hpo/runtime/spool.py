"""What trials reported: read their ``metrics.jsonl`` from where it was read last.

A line counts once it is whole, that is, once its newline is there. What cannot be read (a line torn by a
full disk, a hostile one) is passed over and said, never raised.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Bad", "Final", "Intermediate", "Own", "Report", "Warned", "read_spool"]

_READ = 1 << 20
_LONGEST = 1 << 20


@dataclass(frozen=True)
class Intermediate:
    """A result on the way; `value` is None where it was no finite number (`bad` says what it was)."""

    step: int
    value: float | None
    bad: str | None
    data: dict[str, Any] | None
    time: float


@dataclass(frozen=True)
class Final:
    """The result of a trial."""

    value: float
    data: dict[str, Any] | None
    time: float


@dataclass(frozen=True)
class Bad:
    """A final result that is no finite number."""

    reason: str
    time: float


@dataclass(frozen=True)
class Own:
    """The source's own value of a parameter, as the baseline trial saw it."""

    name: str
    value: Any


@dataclass(frozen=True)
class Warned:
    """Something that the user should know of this trial."""

    message: str


Report = Intermediate | Final | Bad | Own | Warned


def read_spool(path: Path, offset: int) -> Iterator[tuple[Report, int]]:
    """Yield the reports that begin at or after a byte offset, each with the offset after it."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        file.seek(offset)
        rest = b""
        while chunk := file.read(_READ):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                offset += len(line) + 1
                if line.strip():
                    yield _parse(line), offset
            if len(rest) > _LONGEST:
                offset += len(rest)
                yield Warned(f"a line of more than {_LONGEST} bytes was passed over"), offset
                rest = b""


def _parse(line: bytes) -> Report:
    try:
        return _report(json.loads(line))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        shown = line[:80].decode("utf-8", "replace")
        return Warned(f"a line of metrics.jsonl was passed over, since it is no report ({error}): {shown}")


def _report(record: Any) -> Report:
    kind, time = record["type"], float(record.get("time", 0.0))
    data = record.get("data")
    if data is not None and not isinstance(data, dict):
        raise TypeError("data is no object")
    if kind in ("intermediate", "final"):
        value = record["value"]
        bad = record.get("bad")
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            value, bad = None, str(bad or f"{value!r} is no finite number")
        if kind == "intermediate":
            step = int(record["step"])
            if abs(step) >= 2**63:
                raise ValueError("step is too large")
            return Intermediate(step, value, bad, data, time)
        return Bad(str(bad), time) if value is None else Final(float(value), data, time)
    if kind == "own":
        return Own(str(record["name"]), record["value"])
    if kind == "warning":
        return Warned(str(record["message"]))
    raise ValueError(f"unknown type {kind!r}")
