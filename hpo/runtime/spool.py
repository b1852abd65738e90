"""What trials reported: read their ``metrics.jsonl`` from where it was read last.

A line counts once it is whole, that is, once its newline is there. What cannot be read (a line torn by a
full disk, a hostile one) is passed over and said, never raised. And what is read can be stored, shown and
read again: text without lone surrogates, numbers of 64 bits, times of this calendar, nothing very deep.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from hpo.runtime.trial_files import open_plain
from hpo.trial import SCARCE

__all__ = ["Bad", "Final", "Fold", "HeldSpool", "Intermediate", "Own", "Report", "Warned", "read_spool"]

_READ = 1 << 20
_LONGEST = 1 << 20
_LONGEST_TEXT = 500  # characters of what is said to a person
_DEEPEST = 100  # levels of a result: what is far deeper, Python can neither write nor read again
_LATEST = 253402300799  # the last second of the year 9999


@dataclass(frozen=True)
class Intermediate:
    """A result on the way; `value` is None where it was no finite number (`bad` says what it was)."""

    step: int
    value: float | None
    bad: str | None
    data: dict[str, Any] | None
    time: float


@dataclass(frozen=True)
class Fold:
    """The result of one fold of a cross-validation; `value` is None where it was no finite number."""

    value: float | None
    bad: str | None
    data: dict[str, Any] | None
    time: float


@dataclass(frozen=True)
class Final:
    """The result of a trial, and the deviation where it is a mean."""

    value: float
    data: dict[str, Any] | None
    time: float
    deviation: float | None = None


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


Report = Intermediate | Fold | Final | Bad | Own | Warned


class HeldSpool:
    """A spool that is open, so that it can be read though its trial has removed it; it closes by itself.

    Args:
        path: a trial's `metrics.jsonl`, which is made where it is not there.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: str) -> None:
        self._fd = -1
        flags = os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        self._fd = os.open(path, flags, 0o600)

    def opened(self) -> BinaryIO:
        """Return a file of its own to read it with."""
        return os.fdopen(os.dup(self._fd), "rb")

    def close(self) -> None:
        """Let go of it."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    __del__ = close


def read_spool(
    path: str | Path, offset: int, attempt: int | None = None, held: HeldSpool | None = None
) -> Iterator[tuple[Report, int]]:
    """Yield the reports that begin at or after a byte offset, each with the offset after it.

    They are those of this moment: one who writes faster than we read keeps nobody here.

    Args:
        path: a trial's `metrics.jsonl`.
        offset: where an earlier call ended.
        attempt: refuse the lines that say they are of another attempt at the trial; None for no difference.
        held: the same file, which is read where the trial has removed it.
    """
    try:
        file = open_plain(path)
    except (FileNotFoundError, NotADirectoryError):
        if held is None:
            return
        file = held.opened()
    except OSError as error:
        if error.errno in SCARCE:
            raise  # it may hold a result, and can be read later
        yield Warned(f"{os.path.basename(path)} cannot be read: {error.strerror}"), offset  # noqa: PTH119
        return
    with file:
        end = os.fstat(file.fileno()).st_size
        if offset > end:
            return  # a power cut took what was read; there may be no seeking so far, either
        file.seek(offset)
        rest = b""
        while chunk := file.read(min(_READ, max(0, end - offset - len(rest)))):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                offset += len(line) + 1
                if line.strip():
                    yield _parse(line, attempt), offset
            if len(rest) > _LONGEST:
                offset = _after_hole(file, offset + len(rest), end)
                yield Warned(f"a line of more than {_LONGEST} bytes was passed over"), offset
                rest = b""


def _after_hole(file: BinaryIO, offset: int, end: int) -> int:
    """Go on where there is data: a hole of a sparse file may be as large as one likes."""
    with contextlib.suppress(OSError):  # there is no more data
        return min(file.seek(offset, os.SEEK_DATA), end)
    return file.seek(end)


def _parse(line: bytes, attempt: int | None) -> Report:
    try:
        record = json.loads(line.decode())
        if attempt is not None and record.get("attempt", attempt) != attempt:
            raise ValueError("it comes late, of another attempt")
        return _report(record)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        shown = line[:80].decode("utf-8", "replace")
        return Warned(
            _text(f"a line of metrics.jsonl was passed over, since it is no report ({error}): {shown}")
        )


def _report(record: Any) -> Report:
    kind, time = record["type"], _time(record.get("time", 0.0))
    data = record.get("data")
    if data is not None and not isinstance(data, dict):
        raise TypeError("data is no object")
    if kind in ("intermediate", "fold", "final"):
        data = None if data is None else _storable(data)
        value, bad = _number(record["value"]), None
        if value is None:
            bad = _text(record.get("bad") or f"{record['value']!r} is no finite number")
        if kind == "intermediate":
            step = int(record["step"])
            if abs(step) >= 2**63:
                raise ValueError("step is too large")
            return Intermediate(step, value, bad, data, time)
        if kind == "fold":
            return Fold(value, bad, data, time)
        return Bad(str(bad), time) if value is None else Final(value, data, time)
    if kind == "own":
        listed = record["value"] if isinstance(record["value"], list) else [record["value"]]
        if any(isinstance(each, dict | list) for each in listed):
            raise TypeError("an own value is a number, a text, true, false or null, or a list of such")
        return Own(_text(record["name"]), _storable(record["value"]))
    if kind == "warning":
        return Warned(_text(record["message"]))
    raise ValueError(f"unknown type {kind!r}")


def _time(value: Any) -> float:
    time = float(value)
    if not 0 <= time <= _LATEST:
        raise ValueError(f"time is {time!r}")
    return time


def _number(value: Any) -> float | None:
    """Return a finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    with contextlib.suppress(OverflowError):
        number = float(value)
        return number if math.isfinite(number) else None
    return None


def _text(value: object) -> str:
    """Return what can be said to a person, not at any length."""
    text = _encodable(str(value))
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 3] + "..."


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _storable(value: Any, depth: int = 0) -> Any:
    """Return JSON as it can be stored, and read by others than Python: what has no such form, as text."""
    if depth > _DEEPEST:
        raise ValueError(f"a result of more than {_DEEPEST} levels")
    if isinstance(value, dict):
        return {_encodable(key): _storable(each, depth + 1) for key, each in value.items()}
    if isinstance(value, list):
        return [_storable(each, depth + 1) for each in value]
    if isinstance(value, str):
        return _encodable(value)
    if isinstance(value, int) and abs(value) < 2**63:  # a bool, too
        return value
    if isinstance(value, int | float):
        number = _number(value)
        return _text(value) if number is None else number
    return value
