"""A trial's files on their way between its node and its folder beside the store.

What was written last is sent: a report or a log from where it was read last, any other file whole. The parts
are dictionaries of plain values, since the two sides may run different versions of Python::

    {"log": "metrics.jsonl", "data": b"..."}                  to be appended
    {"file": "model.pt", "at": 0, "data": b"...", "last": False}  a part of a file; with the last it is there
    {"files": ["model.pt", ...]}                              all there are now; others are gone
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from hpo.runtime.checkpoint import UNFINISHED, is_record
from hpo.runtime.trial_files import open_plain

__all__ = ["Incoming", "Outgoing", "beginning", "pack", "unpack"]

_LOGS = ("metrics.jsonl", "stdout.log", "stderr.log")
_PARAMETERS = ("parameters.json", "nested.json")
_PART = 1 << 20  # bytes


class Outgoing:
    """What a trial writes into its folder, in parts.

    Args:
        folder: the trial's, on this node.
        offsets: how much of each log is on the other side, where it is not known what else is; left out, the
            trial is about to begin, and so far there is here what came from there.
    """

    def __init__(self, folder: Path, offsets: Mapping[str, int] | None = None) -> None:
        self._folder = folder
        self._offsets = dict.fromkeys(_LOGS, 0) if offsets is None else dict(offsets)
        self._sent = dict(_stamps(folder)) if offsets is None else {}
        self._seen: dict[str, tuple[int, int]] = {}

    def logs(self) -> Iterator[dict[str, Any]]:
        """Yield what was reported and printed since the last call: reports by whole lines."""
        for name in _LOGS:
            try:
                file = open_plain(self._folder / name)
            except OSError:
                continue  # not there yet; or the trial put something else in its place
            with file:
                file.seek(self._offsets[name])
                while data := file.read(_PART):
                    if name == _LOGS[0]:
                        data = data[: data.rfind(b"\n") + 1] or (data if len(data) == _PART else b"")
                    if not data:
                        break
                    self._offsets[name] += len(data)
                    file.seek(self._offsets[name])
                    yield {"log": name, "data": data}

    def files(self, *, finished: bool) -> Iterator[dict[str, Any]]:
        """Yield the files that changed, the oldest first: what says that others are whole comes after them.

        Args:
            finished: whether the trial has ended; until then a file has to be the same at two looks, so that
                none is sent that is being written.
        """
        stamps = dict(_stamps(self._folder))
        before, self._seen = self._seen, stamps
        for name, stamp in sorted(stamps.items(), key=lambda item: item[1][1]):
            if self._sent.get(name) != stamp and (finished or before.get(name) == stamp):
                with contextlib.suppress(OSError):
                    yield from _parts(self._folder, name)
                    self._sent[name] = stamp
        if finished or self._sent.keys() - stamps.keys():
            for name in self._sent.keys() - stamps.keys():
                del self._sent[name]
            yield {"files": sorted(self._sent)}


class Incoming:
    """The same on the other side: what comes from a node, written into the trial's folder here.

    Args:
        folder: the trial's, beside the store.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._unfinished = folder / UNFINISHED
        self._unfinished.unlink(missing_ok=True)  # of a node that died while it was under way
        self._here = {name for name, _ in _stamps(folder)}

    def offsets(self) -> dict[str, int]:
        """Return how much of each log is here."""
        found = {}
        for name in _LOGS:
            path = self._folder / name
            found[name] = path.stat().st_size if path.is_file() else 0
        return found

    def take(self, part: Mapping[str, Any]) -> bool:
        """Write a part; tell whether it was a report."""
        if "log" in part:
            name = part["log"]
            if name not in _LOGS:
                raise ValueError(f"{name!r} is no log of a trial")
            fd = os.open(self._folder / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            with os.fdopen(fd, "ab") as file:
                file.write(part["data"])
            return bool(name == _LOGS[0])
        if "file" in part:
            self._write(part["file"], part["at"], part["data"], is_last=part["last"])
        else:
            for name in self._here - set(part["files"]):
                with contextlib.suppress(OSError):
                    _inside(self._folder, name).unlink()
            self._here = set(part["files"])
        return False

    def _write(self, name: str, at: int, data: bytes, *, is_last: bool) -> None:
        path = _inside(self._folder, name)
        for parent in path.relative_to(self._folder).parents:
            if (self._folder / parent).is_file():  # there, a folder stands in its place now
                (self._folder / parent).unlink()
        if path.is_dir():
            shutil.rmtree(path)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._unfinished.open("ab" if at else "wb") as file:
            file.write(data)
        if is_last:
            self._unfinished.replace(path)
            self._here.add(name)


def beginning(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield what a trial's folder begins with, in parts: its values, and a checkpoint, where it has one."""
    for name in (*_PARAMETERS, *(name for name, _ in _stamps(folder))):
        with contextlib.suppress(OSError):
            yield from _parts(folder, name)


def pack(folder: Path) -> list[tuple[str, bytes]]:
    """Return the files of a folder that is small: the code."""
    packed = []
    for name, _ in _stamps(folder):
        with contextlib.suppress(OSError), open_plain(folder / name) as file:
            packed.append((name, file.read()))
    return packed


def unpack(folder: Path, files: list[tuple[str, bytes]]) -> None:
    """Write such files into a folder."""
    for name, data in files:
        path = _inside(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_bytes(data)


def _stamps(folder: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield a trial's own plain files, by their paths in its folder, with what changes when they do."""
    for where, _, names in os.walk(folder):
        for name in names:
            path = Path(where, name)
            if where == str(folder) and is_record(name):
                continue
            with contextlib.suppress(OSError):
                found = path.lstat()
                if stat.S_ISREG(found.st_mode):
                    yield path.relative_to(folder).as_posix(), (found.st_size, found.st_mtime_ns)


def _parts(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    with open_plain(folder / name) as file:
        at, data = 0, file.read(_PART)
        while True:
            following = file.read(_PART)
            yield {"file": name, "at": at, "data": data, "last": not following}
            if not following:
                return
            at, data = at + len(data), following


def _inside(folder: Path, name: str) -> Path:
    """Return a path in a folder; the name comes from another machine, where a trial chose it."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts:
        raise ValueError(f"{name!r} is no path inside of a trial's folder")
    path = folder
    for part in parts[:-1]:
        path /= part
        if path.is_symlink():
            raise ValueError(f"{name!r} leads out of the trial's folder")
    return path / parts[-1]
