"""Without room on the disk or for files an experiment waits, says why, and goes on."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hpo.experiment import room as module
from hpo.experiment.listener import Listener
from hpo.experiment.room import Room
from hpo.runtime import home


class Heard(Listener):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def noted(self, message: str) -> None:
        self.notes.append(message)


class Disk:
    """A disk that is full for so many looks, and an experiment on it that may be called off."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full_for, self.is_called_off, self.now = 0, False, 1000.0
        self.heard = Heard()
        self.said = f"the disk that {path} is on is full"
        self.room = Room(path, self.heard, lambda: self.is_called_off)
        monkeypatch.setattr(home, "has_room", self._has_room)
        clock = SimpleNamespace(monotonic=lambda: self.now, sleep=lambda _: None)
        monkeypatch.setattr(module, "time", clock)

    def _has_room(self, _: Path) -> bool:
        self.full_for -= 1
        return self.full_for < 0


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(tmp_path, monkeypatch)


def failing(*numbers: int) -> Callable[[], str]:
    """Return what fails with these errors, one after the other, and then works."""
    left = list(numbers)

    def write() -> str:
        if left:
            number = left.pop(0)
            raise OSError(number, os.strerror(number))
        return "written"

    return write


def test_it_waits_until_there_is_room_and_says_so_once(disk: Disk) -> None:
    disk.full_for = 4
    assert disk.room.wait()
    assert disk.full_for < 0
    disk.full_for = 2
    assert disk.room.wait()
    assert disk.heard.notes == [
        f"{disk.said}: no trial starts until there is room, then it goes on by itself"
    ]
    assert disk.room.take_warning() == f"{disk.said}: it waited for room"
    assert disk.room.take_warning() is None


def test_whoever_has_called_it_off_does_not_wait(disk: Disk) -> None:
    disk.full_for, disk.is_called_off = 1000, True
    assert not disk.room.wait()
    assert disk.heard.notes == []


def test_called_off_while_it_waits_it_waits_no_longer(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    disk.full_for = 1000
    monkeypatch.setattr(module.time, "sleep", lambda _: setattr(disk, "is_called_off", True))
    assert not disk.room.wait()
    assert len(disk.heard.notes) == 1


def test_what_finds_no_room_is_written_once_there_is(disk: Disk) -> None:
    disk.full_for = 3
    assert disk.room.keep_trying(failing(errno.ENOSPC, errno.EDQUOT)) == "written"
    assert disk.heard.notes[0].startswith(f"{disk.said}: no trial starts")


def test_a_quota_leaves_the_disk_room_and_is_waited_for_all_the_same(disk: Disk) -> None:
    assert disk.room.keep_trying(failing(errno.EDQUOT)) == "written"
    assert len(disk.heard.notes) == 1


def test_that_no_file_can_be_opened_is_said_as_it_is(disk: Disk) -> None:
    assert disk.room.keep_trying(failing(errno.EMFILE)) == "written"
    assert disk.room.take_warning() == "no file can be opened (Too many open files): it waited for room"


def test_what_fails_for_another_reason_is_not_tried_again(disk: Disk) -> None:
    with pytest.raises(PermissionError):
        disk.room.keep_trying(failing(errno.EACCES))
    assert disk.heard.notes == []


def test_what_fails_for_another_reason_on_a_full_disk_is_tried_again(disk: Disk) -> None:
    disk.full_for = 2
    assert disk.room.keep_trying(failing(errno.EIO)) == "written"


def test_what_is_called_off_fails_with_its_own_error(disk: Disk) -> None:
    disk.is_called_off = True
    with pytest.raises(OSError, match="No space left"):
        disk.room.keep_trying(failing(errno.ENOSPC))


def test_for_a_while_after_it_was_full_that_is_the_reason_of_what_could_not_write(disk: Disk) -> None:
    assert disk.room.was_missing() is None
    disk.full_for = 1
    assert disk.room.was_missing() == disk.said
    disk.now += module._LATER
    assert disk.room.was_missing() == disk.said
    disk.now += 1
    assert disk.room.was_missing() is None


def test_a_folder_that_cannot_be_opened_for_want_of_files_is_no_room(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = os.open
    attempts = iter([errno.ENFILE, errno.EMFILE])

    def scarce(*arguments: Any) -> int:
        for number in attempts:
            raise OSError(number, os.strerror(number))
        return opened(*arguments)

    monkeypatch.setattr(os, "open", scarce)
    assert not disk.room.exists()
    assert disk.room.wait()
    assert disk.room.take_warning() == "no file can be opened (Too many open files): it waited for room"
