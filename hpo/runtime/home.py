"""Where experiments lie: ``$HPO_HOME``, one folder each, private to the user.

::

    $HPO_HOME/<id>/experiment.db   the truth
                   code/           the snapshot that trials run
                   trials/N/       parameters.json, metrics.jsonl, stdout.log, stderr.log, the trial's files
                   commands/       wishes of other processes, which the runner obeys
                   wake            a named pipe, which the runner reads: a line in it makes it look
                   lock            held by the runner and by the fork server
                   runner.log
                   earlier.json    results of an earlier experiment that the tuner was told
                   labels.json     the user's tags and notes
                   tuner.json      what the tuner says of its present model
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import secrets
import shutil
import socket
import stat
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from hpo.durable import make_private, put
from hpo.errors import StoreError, UsageError
from hpo.runtime.store import Store
from hpo.runtime.strays import end_left_in

__all__ = [
    "commands",
    "end_left",
    "damaged",
    "experiments",
    "find",
    "find_damaged",
    "has_room",
    "home",
    "is_running",
    "make_parts",
    "new_folder",
    "newest_folders",
    "public_name",
    "remove",
    "remove_remains",
    "send_command",
    "status",
    "take_lock",
]

_GET_FLAGS, _SET_FLAGS, _UNRELATED = 0x80086601, 0x40086602, 0x20000  # of Linux's ioctl
_ASKING = 0.5  # seconds: those who only ask (`is_running`) hold a lock for an instant
_ENDING = 15.0  # seconds: what a runner that died has left holds it until its trials have ended
_STARTING = 86400.0  # seconds: no start takes a day
_RESERVE = 16 << 20  # bytes; a tenth of a disk that is small

# Neither vowels nor digits that look like letters: ids are read aloud, and never spell a word.
_LETTERS = "bcdfghjkmnpqrstvwxz23456789"


def home() -> Path:
    """Return the folder of all experiments.

    Raises:
        UsageError: neither HPO_HOME nor the user has one.
    """
    given = os.environ.get("HPO_HOME")
    if not given and os.path.expanduser("~") == "~":  # noqa: PTH111 - pathlib raises what names no cure
        raise UsageError("there is no home folder to store experiments in", help="set HPO_HOME to a folder")
    return Path(given or Path.home() / ".hpo").absolute()


def make_parts(directory: Path) -> None:
    """Make the folders and the pipe of an experiment that are not there: archives leave them out.

    Raises:
        StoreError: something else is in the place of a folder.
    """
    for name in ("trials", "commands", "code"):
        folder = directory / name
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
        except FileExistsError:
            raise StoreError(f"{folder} is no folder", help="move it away, then try again") from None
    with contextlib.suppress(FileExistsError):
        os.mkfifo(directory / "wake", 0o600)


def _spread(directory: Path) -> None:
    """Tell ext4 that the folders in this one are unrelated, so that each gets a part of the disk to itself.

    It is what ``chattr +T`` does. Where many files were just deleted, as with an earlier experiment, making
    one nearby may take twenty times as long; other file systems have no such flag.
    """
    with contextlib.suppress(OSError):
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            flags = int.from_bytes(fcntl.ioctl(fd, _GET_FLAGS, bytes(8)), sys.byteorder)
            if not flags & _UNRELATED:
                fcntl.ioctl(fd, _SET_FLAGS, (flags | _UNRELATED).to_bytes(8, sys.byteorder))
        finally:
            os.close(fd)


@contextlib.contextmanager
def new_folder() -> Iterator[Path]:
    """Make the folder of a new experiment, hidden, and let it be filled; then give it its `public_name`.

    It is gone where that fails, and after a power cut it is there whole or not at all.

    Raises:
        StoreError: the home cannot be written to.
    """
    directory = home() / f".new-{''.join(secrets.choice(_LETTERS) for _ in range(8))}"
    try:
        make_private(home())
        _spread(home())
        directory.mkdir(mode=0o700)
        make_parts(directory)
        yield directory
        put(directory, public_name(directory))
    except BaseException as error:
        # It has its public name already where the disk did not take that one: nobody else's can have it then.
        shutil.rmtree(directory if directory.exists() else public_name(directory), ignore_errors=True)
        if isinstance(error, OSError | StoreError):
            reason = error.strerror if isinstance(error, OSError) else error.__cause__ or error
            message = f"the experiment cannot be stored in {home()}: {reason}"
            raise StoreError(
                message, help="make room, or set HPO_HOME to a folder that you can write to"
            ) from error
        raise


def has_room(directory: Path) -> bool:
    """Tell whether the disk has room to work in: below that it is as good as full.

    What is held back lets the runner end in good order, whatever else fills the disk.
    """
    disk = os.statvfs(directory)
    enough = min(_RESERVE, disk.f_blocks * disk.f_frsize // 10)
    return disk.f_bavail * disk.f_frsize >= enough and (disk.f_favail > 0 or disk.f_files == 0)


def public_name(directory: Path) -> Path:
    """Return what a new experiment's folder is called once it is whole."""
    return directory.with_name(directory.name.removeprefix(".new-"))


def experiments() -> list[tuple[Path, dict[str, Any]]]:
    """Return the folders of all readable experiments and what each says of itself, the newest first."""
    return _readable(_looked_at())


def newest_folders() -> list[Path]:
    """Return the folders of all experiments, readable or not, the one that was written to last first."""
    times = {path.parent: path.stat().st_mtime for path in home().glob("[!.]*/experiment.db")}
    return sorted(times, key=times.__getitem__, reverse=True)


def damaged(begin: str = "", *, whole: bool = False) -> Iterator[StoreError]:
    """Yield what is wrong with the experiments that cannot be read.

    Args:
        begin: how their ids begin.
        whole: whether to read all of each file; else what it says of itself.
    """
    return _errors(_looked_at(begin, whole=whole))


def _folders() -> Iterator[Path]:
    for path in home().glob("[!.]*"):
        # By os.path: what may not be looked into, a disk's lost+found say, is no experiment, and no error.
        is_there = os.path.exists(path / "experiment.db")  # noqa: PTH110
        if is_there or all(os.path.isdir(path / part) for part in ("code", "trials")):  # noqa: PTH112
            yield path  # perhaps one whose store somebody removed


#: An experiment's folder with what it says of itself, or with what is wrong with it.
_Look = tuple[Path, dict[str, Any] | StoreError]


def _looked_at(begin: str = "", *, whole: bool = False) -> Iterator[_Look]:
    for path in (each for each in _folders() if each.name.startswith(begin)):
        try:
            with contextlib.closing(Store(path)) as store:
                said = store.experiment()
                if whole:
                    store.check()
        except StoreError as error:
            yield path, error
        else:
            yield path, said


def _errors(looked_at: Iterable[_Look]) -> Iterator[StoreError]:
    return (said for _, said in looked_at if isinstance(said, StoreError))


def _readable(looked_at: Iterable[_Look]) -> list[tuple[Path, dict[str, Any]]]:
    found = [(path, said) for path, said in looked_at if isinstance(said, dict)]
    return sorted(found, key=lambda pair: pair[1]["created"], reverse=True)


def _check_newest(looked_at: Iterable[_Look], created: float) -> None:
    """Refuse to take another one for the newest, which cannot be read.

    Raises:
        StoreError: it is damaged.
    """
    for path, said in looked_at:
        with contextlib.suppress(OSError):
            if isinstance(said, StoreError) and (path / "code").stat().st_mtime > created:
                help_ = f"{said.help}; or name another: `hpo list` shows those that can be read"
                raise StoreError(f"the newest, {path.name}: {said.message}", help=help_) from said


def find(reference: str | None) -> Path:
    """Return an experiment's folder by id, unique prefix of an id, name, or (None) the newest.

    Raises:
        UsageError: there is none, or several fit.
        StoreError: the one that is meant cannot be read.
    """
    looked_at = list(_looked_at())
    every = _readable(looked_at)
    if not every:
        for error in _errors(looked_at):
            raise error
        raise UsageError(f"there is no experiment in {home()}", help="start one: hpo run SCRIPT")
    if reference is None:
        _check_newest(looked_at, every[0][1]["created"])
        return every[0][0]
    exact = [path for path, _ in every if path.name == reference]
    named = [path for path, row in every if row["name"] == reference]
    begun = [path for path, _ in every if reference and path.name.startswith(reference)]
    for fits in (exact, named, begun):
        if len(fits) == 1 or (fits and fits is named):
            return fits[0]  # of several of one name, the newest
    if begun:
        raise UsageError(f"{reference} fits {', '.join(p.name for p in begun)}", help="give more of the id")
    for error in _errors(look for look in looked_at if reference and look[0].name.startswith(reference)):
        raise error
    raise UsageError(
        f"there is no experiment {reference} in {home()}", help="`hpo list` shows those there are"
    )


def find_damaged(reference: str) -> Path:
    """Return an experiment's folder as `find` does; by its id also one that cannot be read.

    Raises:
        UsageError: there is none, or several fit.
    """
    every = list(_folders())
    exact = [path for path in every if path.name == reference]
    fits = exact or [path for path in every if path.name.startswith(reference)]
    if len(fits) == 1:
        return fits[0]
    return find(reference)


def take_lock(directory: Path) -> IO[str]:
    """Take an experiment's lock: an open file; the kernel frees it when its holders end, however they end.

    Raises:
        UsageError: somebody else runs the experiment.
        StoreError: its folder cannot be written to, or its file system has no locks.
    """
    try:
        file = (directory / "lock").open("a+", encoding="utf-8")
    except OSError as error:
        message = f"experiment {directory.name} cannot be run from {directory}: {error.strerror}"
        raise StoreError(message, help="copy the folder to where it can be written to") from error
    began = time.monotonic()
    while not _try_lock(file, directory) or _has_listener(directory):
        file.seek(0)
        owner = file.read().strip()
        if time.monotonic() - began > (_ENDING if _has_died(owner) else _ASKING):
            file.close()
            raise UsageError(
                f"experiment {directory.name} is being run by {owner or 'another process'}",
                help="`hpo stop` ends it; watch it with `hpo show`",
            )
        time.sleep(0.05)
    file.truncate(0)
    with contextlib.suppress(OSError):  # a full disk: whose it is can be held, and cannot be said
        os.write(file.fileno(), f"process {os.getpid()} on {socket.gethostname()}".encode())
    return file


def _try_lock(file: IO[str], directory: Path) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        file.close()
        message = f"experiment {directory.name} cannot be locked in {directory}: {error.strerror}"
        help_ = "only one may run it: copy the folder to a file system with locks, or set HPO_HOME to one"
        raise StoreError(message, help=help_) from error
    return True


def _has_died(owner: str) -> bool:
    """Tell whether a runner of this machine, as it wrote itself into its lock, is no more."""
    found = re.fullmatch(r"process (\d+) on (.*)", owner)
    if found is None or found[2] != socket.gethostname():
        return False
    try:
        with contextlib.suppress(PermissionError):  # another user's
            os.kill(int(found[1]), 0)
    except ProcessLookupError:
        return True
    return False


def is_running(directory: Path) -> bool:
    """Tell whether a runner lives, or trials of one that are about to end."""
    try:
        with (directory / "lock").open(encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        pass
    except OSError:
        return True
    return _has_listener(directory)


def _has_listener(directory: Path) -> bool:
    """Tell whether a runner reads its pipe: one whose lock somebody took for a stale one does, too."""
    try:
        pipe = os.open(directory / "wake", os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return stat.S_ISFIFO(os.fstat(pipe).st_mode)
    finally:
        os.close(pipe)


def end_left(directory: Path) -> int:
    """End the processes that trials left, where runner and fork server were killed; return how many.

    Raises:
        UsageError: it runs.
        StoreError: it cannot be written to.
    """
    with take_lock(directory):
        return end_left_in(directory)


def remove(directory: Path) -> None:
    """Delete an experiment's folder, and end what its trials left.

    Raises:
        UsageError: it runs.
        StoreError: it cannot be written to.
    """
    for folder in (directory, directory.parent):
        if not os.access(folder, os.W_OK):  # asked first: half of it would be gone, and the rest hidden
            message = f"experiment {directory.name} cannot be deleted: {folder} may not be written to"
            raise StoreError(message, help=f"chmod u+w {folder}, then delete it")
    with take_lock(directory):  # nobody resumes it meanwhile
        end_left_in(directory)
        # Renamed first: half of an experiment is never listed.
        doomed = directory.with_name(f".deleted-{directory.name}")
        directory.rename(doomed)
        _delete(doomed)


def _delete(folder: Path) -> None:
    """Delete a folder, or what a link leads to in its place: an experiment that its user moved elsewhere."""
    if folder.is_symlink():
        with contextlib.suppress(FileNotFoundError):
            _delete(folder.resolve())
        folder.unlink()
        return
    try:
        shutil.rmtree(folder)
    except PermissionError:  # a trial protected folders of its own, as caches do
        for path, folders, _ in os.walk(folder):
            for name in folders:
                inner = Path(path, name)
                if not inner.is_symlink():
                    inner.chmod(0o700)
        shutil.rmtree(folder)


def remove_remains() -> None:
    """Delete what is left of experiments whose deletion, or start, was cut short."""
    for path in home().glob(".deleted-*"):
        with contextlib.suppress(OSError):
            _delete(path)
    for path in home().glob(".new-*"):
        with contextlib.suppress(FileNotFoundError):  # it has its public name by now
            if time.time() - path.stat().st_mtime > _STARTING:
                shutil.rmtree(path, ignore_errors=True)


def status(directory: Path, stored: str) -> str:
    """Return an experiment's status: the stored one, but ``interrupted`` where its runner died."""
    return "interrupted" if stored == "running" and not is_running(directory) else stored


# -- wishes of other processes


def send_command(directory: Path, command: Mapping[str, Any]) -> None:
    """Leave a wish for the runner, and wake it.

    Raises:
        StoreError: its folder cannot be written to.
    """
    folder = directory / "commands"
    # File systems tell times in steps of milliseconds: of two within one step the name says which was first.
    name = f"{time.time_ns():020}-{secrets.token_hex(4)}.json"
    path = folder / f".{name}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)  # a copy may be without it
        path.write_text(json.dumps(command), encoding="utf-8")
        put(path, folder / name)
    except OSError as error:
        message = f"experiment {directory.name} cannot be told: {folder}: {error.strerror}"
        raise StoreError(message, help="make room there, or make it yours to write to") from error
    wake(directory)


def wake(directory: Path) -> None:
    """Make the runner look, where there is one."""
    try:
        pipe = os.open(directory / "wake", os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return
    try:
        os.write(pipe, b"\n")
    except OSError:
        pass
    finally:
        os.close(pipe)


def commands(directory: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the wishes that were left, the oldest first, each with its file.

    Whoever obeys one removes its file once what it changed is stored: a runner that dies before leaves the
    wish to the next. One that dies between the two leaves a wish that was obeyed: the next has to see that.
    """
    folder = directory / "commands"
    found = []
    for path in folder.glob("[!.]*.json"):
        with contextlib.suppress(
            FileNotFoundError
        ):  # obeyed meanwhile, where it is not the runner that looks
            found.append((path.stat().st_mtime_ns, path))
    for _, path in sorted(found):
        try:
            command = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except ValueError:
            command = {}
        yield path, command if isinstance(command, dict) else {}
