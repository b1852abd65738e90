"""What is written is on the disk when it was flushed, and what the disk refuses is said."""

from __future__ import annotations

import errno
import threading
import time
from pathlib import Path

import pytest

from hpo.runtime import flusher
from hpo.runtime.flusher import Flusher


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "log"
    path.write_text("one")
    return path


def test_what_is_written_while_the_disk_is_slow_is_flushed_before_it_closes(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []
    is_busy, may_go_on = threading.Event(), threading.Event()

    def slow(fd: int) -> None:
        flushed.append(file.read_text())  # what is written later is another flush's
        is_busy.set()
        may_go_on.wait(60)

    monkeypatch.setattr(flusher, "_sync", slow)
    flush = Flusher(file)
    flush.ask()
    assert is_busy.wait(60)
    file.write_text("one, two")
    threading.Timer(0.2, may_go_on.set).start()  # by then it is asked to close
    flush.close()
    assert flushed[-1] == "one, two"


def test_what_the_disk_refused_is_said_at_the_end_and_to_all_who_ask_later(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_refused = threading.Event()

    def refuse(fd: int) -> None:
        is_refused.set()
        raise OSError(errno.EIO, "the disk is broken")

    monkeypatch.setattr(flusher, "_sync", refuse)
    flush = Flusher(file)
    flush.ask()
    assert is_refused.wait(60)
    with pytest.raises(OSError, match="the disk is broken"):
        flush.close()
    with pytest.raises(OSError, match="the disk is broken"):
        flush.ask()


def test_it_rests_until_it_is_asked(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[int] = []
    is_done = threading.Event()

    def sync(fd: int) -> None:
        flushed.append(fd)
        is_done.set()

    monkeypatch.setattr(flusher, "_sync", sync)
    flush = Flusher(file)
    assert not is_done.wait(0.1)
    flush.ask()
    assert is_done.wait(60)
    time.sleep(0.1)
    flush.close()
    assert len(flushed) == 2  # as it was asked, and at the end
