"""A disk whose power can be cut, afterwards, at any moment: it remembers every change and every flush.

It is a file system in memory (by FUSE), which writes what is asked of it into a journal. A cut keeps what
was flushed before it, as POSIX promises: the contents of a file by its own fsync, a name by that of the
folder that has it. Of everything later it keeps what it is told to: all, nothing, names without what they
name, as file systems often do, or by chance some of the names, the first ones, and some pages.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import random
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Disk", "Journal", "mounted", "recorded_disk"]

_NAMING = ("enter", "leave", "move")
_PAGE = 4096
_ROOT = 1


@dataclass
class _Node:
    mode: int
    data: bytearray = field(default_factory=bytearray)  # of a link, where it leads
    names: dict[str, int] = field(default_factory=dict)
    changed: float = field(default_factory=time.time)


class Disk:
    """Files and folders in memory, as a list of changes makes them."""

    def __init__(self) -> None:
        self.nodes = {_ROOT: _Node(stat.S_IFDIR | 0o755)}

    def find(self, path: str) -> int:
        """Return the node at a path.

        Raises:
            OSError: nothing is there.
        """
        at = _ROOT
        for name in filter(None, path.split("/")):
            try:
                at = self.nodes[at].names[name]
            except KeyError:
                raise OSError(errno.ENOENT, path) from None
        return at

    def apply(self, change: Sequence[Any]) -> None:
        """Make a change; one whose ground is gone makes none."""
        what, at, *rest = change
        if what == "make":
            self.nodes[at] = _Node(*rest[:1], bytearray(rest[1].encode()))
            return
        node = self.nodes[at]
        node.changed = time.time()
        if what == "enter":
            node.names[rest[0]] = rest[1]
        elif what == "leave":
            node.names.pop(rest[0], None)
        elif what == "move":
            node.names.pop(rest[0], None)
            self.nodes[rest[1]].names[rest[2]] = rest[3]
        elif what == "write":
            offset, data = rest[0], rest[1].encode("latin-1")
            node.data.extend(bytes(max(0, offset - len(node.data))))
            node.data[offset : offset + len(data)] = data
        elif what == "size":
            del node.data[rest[0] :]
            node.data.extend(bytes(rest[0] - len(node.data)))
        elif what == "mode":
            node.mode = stat.S_IFMT(node.mode) | rest[0]

    def copy_to(self, folder: Path, at: int = _ROOT) -> None:
        """Write everything into a folder, which is made."""
        folder.mkdir()
        folder.chmod(stat.S_IMODE(self.nodes[at].mode))
        for name, number in self.nodes[at].names.items():
            node, path = self.nodes[number], folder / name
            if stat.S_ISDIR(node.mode):
                self.copy_to(path, number)
            elif stat.S_ISLNK(node.mode):
                path.symlink_to(node.data.decode())
            elif stat.S_ISFIFO(node.mode):
                os.mkfifo(path, stat.S_IMODE(node.mode))
            elif stat.S_ISREG(node.mode):
                path.write_bytes(node.data)
                path.chmod(stat.S_IMODE(node.mode))


class Journal:
    """Everything that a disk was asked to do, in the order in which it did it.

    A moment is how much of it came before.
    """

    def __init__(self, path: Path) -> None:
        self.changes: list[list[Any]] = [json.loads(line) for line in path.read_text().splitlines()]

    def at(self, moment: int) -> Disk:
        """Return the disk as its users saw it at a moment."""
        disk = Disk()
        for change in self.changes[:moment]:
            disk.apply(change)
        return disk

    def flushes(self, name: str) -> list[int]:
        """Return the moments right after a file or folder of this name was flushed."""
        nodes = {change[3] for change in self.changes if change[0] == "enter" and change[2] == name}
        return [i + 1 for i, (what, at, *_) in enumerate(self.changes) if what == "sync" and at in nodes]

    def cut(self, moment: int, kept: str, seed: int) -> Disk:
        """Return what is left on the disk where the power was cut at a moment.

        Args:
            moment: when.
            kept: what is left of what was not flushed: ``nothing``, ``names``, ``some`` or ``all``.
            seed: of the chance that says what some is.
        """
        chance = random.Random(seed)
        flushed = {at: i for i, (what, at, *_) in enumerate(self.changes[:moment]) if what == "sync"}
        share = {"nothing": 0.0, "names": 0.0, "all": 1.0}.get(kept, chance.random())

        def is_flushed(i: int) -> bool:
            what, at, *rest = self.changes[i]
            return any(i < flushed.get(each, 0) for each in (at, *(rest[1:2] if what == "move" else ())))

        names = [i for i in range(moment) if self.changes[i][0] in _NAMING and not is_flushed(i)]
        lost = set(names[{"nothing": 0, "some": chance.randint(0, len(names))}.get(kept, len(names)) :])
        disk = Disk()
        for i, change in enumerate(self.changes[:moment]):
            what = change[0]
            if what in ("make", "mode") or (what in _NAMING and i not in lost):
                disk.apply(change)
            elif what == "size":
                if is_flushed(i) or chance.random() < share:
                    disk.apply(change)
            elif what == "write":
                for page in [change] if is_flushed(i) else _pages(change):
                    if is_flushed(i) or chance.random() < share:
                        disk.apply(page)
        return disk


def _pages(write: Sequence[Any]) -> Iterator[list[Any]]:
    what, at, offset, data = write
    while data:
        room = _PAGE - offset % _PAGE
        yield [what, at, offset, data[:room]]
        offset, data = offset + room, data[room:]


@contextlib.contextmanager
def recorded_disk(
    folder: Path, journal: Path, full: range = range(0), kind: str = "recorded"
) -> Iterator[bool]:
    """Mount such a disk on a folder; tell whether one may.

    Args:
        folder: where to.
        journal: the file into which everything is written.
        full: which of the changes that take room are refused, for want of it; ``JOURNAL.refused`` tells that
            one was.
        kind: what Linux is told that it is, after ``fuse.``.
    """
    command = [sys.executable, __file__, str(folder), str(journal), kind, str(full.start), str(full.stop)]
    with mounted(folder, command) as server:
        yield server is not None


@contextlib.contextmanager
def mounted(folder: Path, command: Sequence[str]) -> Iterator[subprocess.Popen[str] | None]:
    """Let a command mount its file system on a folder, and give its process; None where one may not."""
    folder.mkdir()
    if os.geteuid() != 0 or not os.access("/dev/fuse", os.W_OK):
        yield None
        return
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        limit = time.monotonic() + 60
        while not os.path.ismount(folder) and server.poll() is None:
            assert time.monotonic() < limit
            time.sleep(0.01)
        if server.poll() is not None:
            said = server.communicate()[1]
            may_not = "mount failed" in said or ("libfuse" in said and "CI" not in os.environ)
            assert may_not, said
        yield server if server.poll() is None else None
    finally:
        subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=False)
        server.terminate()
        server.wait()
        server.stderr.close()  # type: ignore[union-attr]


def _serve(folder: str, journal: str, kind: str, *full: str) -> None:
    import mfusepy  # only here: the rest needs no FUSE

    class Server(mfusepy.Operations):  # type: ignore[misc]
        use_ns = True

        def __init__(self) -> None:
            self.disk = Disk()
            self.journal = open(journal, "w", buffering=1, encoding="utf-8")  # noqa: SIM115
            self.last = _ROOT
            self.full, self.asked = range(*map(int, full)), 0

        def _do(self, *change: Any) -> int:
            if change[0] in ("make", "write"):
                self.asked += 1
                if self.asked in self.full:
                    Path(f"{journal}.refused").touch()
                    raise OSError(errno.ENOSPC, "full")
            self.journal.write(json.dumps(change) + "\n")
            self.disk.apply(change)
            return 0

        def _parent(self, path: str) -> tuple[int, str]:
            parent, _, name = path.rpartition("/")
            return self.disk.find(parent), name

        def _make(self, path: str, mode: int, data: str = "") -> int:
            parent, name = self._parent(path)
            self.last += 1
            self._do("make", self.last, mode, data)
            self._do("enter", parent, name, self.last)
            return self.last

        def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
            number = fh or self.disk.find(path)
            node = self.disk.nodes[number]
            when = int(node.changed * 1e9)
            size = len(node.data)
            return {
                "st_mode": node.mode, "st_size": size, "st_ino": number, "st_nlink": 1,
                "st_uid": os.getuid(), "st_gid": os.getgid(), "st_blocks": -(-size // 512),
                "st_atime": when, "st_mtime": when, "st_ctime": when,
            }  # fmt: skip

        def readdir(self, path: str, fh: int) -> Any:
            return [".", "..", *self.disk.nodes[self.disk.find(path)].names]

        def readlink(self, path: str) -> str:
            return self.disk.nodes[self.disk.find(path)].data.decode()

        def open(self, path: str, flags: int) -> int:
            number = self.disk.find(path)
            if flags & os.O_TRUNC:
                self._do("size", number, 0)
            return number

        def opendir(self, path: str) -> int:
            return self.disk.find(path)

        def create(self, path: str, mode: int, fi: Any = None) -> int:
            return self._make(path, stat.S_IFREG | stat.S_IMODE(mode))

        def mknod(self, path: str, mode: int, dev: int) -> int:
            self._make(path, mode)
            return 0

        def mkdir(self, path: str, mode: int) -> int:
            self._make(path, stat.S_IFDIR | stat.S_IMODE(mode))
            return 0

        def symlink(self, target: str, source: str) -> int:
            self._make(target, stat.S_IFLNK | 0o777, source)
            return 0

        def link(self, target: str, source: str) -> int:
            return self._do("enter", *self._parent(target), self.disk.find(source))

        def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
            return bytes(self.disk.nodes[fh].data[offset : offset + size])

        def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
            self._do("write", fh, offset, data.decode("latin-1"))
            return len(data)

        def truncate(self, path: str, length: int, fh: int | None = None) -> int:
            return self._do("size", fh or self.disk.find(path), length)

        def chmod(self, path: str, mode: int) -> int:
            return self._do("mode", self.disk.find(path), stat.S_IMODE(mode))

        def chown(self, path: str, uid: int, gid: int) -> int:
            return 0

        def utimens(self, path: str, times: Any = None) -> int:
            return 0

        def unlink(self, path: str) -> int:
            return self._do("leave", *self._parent(path))

        def rmdir(self, path: str) -> int:
            if self.disk.nodes[self.disk.find(path)].names:
                raise OSError(errno.ENOTEMPTY, path)
            return self._do("leave", *self._parent(path))

        def rename(self, old: str, new: str) -> int:
            return self._do("move", *self._parent(old), *self._parent(new), self.disk.find(old))

        def fsync(self, path: str, datasync: int, fh: int) -> int:
            return self._do("sync", fh or self.disk.find(path))

        def fsyncdir(self, path: str, datasync: int, fh: int) -> int:
            return self._do("sync", fh or self.disk.find(path))

    mfusepy.FUSE(Server(), folder, foreground=True, nothreads=True, nonempty=False, subtype=kind)


if __name__ == "__main__":
    _serve(*sys.argv[1:])
