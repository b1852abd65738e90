"""What wakes the loop: wishes, reports, and the ends of trials."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest

from hpo.experiment import wake
from hpo.experiment.wake import Wake


@pytest.fixture
def ends() -> Iterator[tuple[int, int]]:
    """Give the pipe by which the loop learns that a trial has ended: where it reads, and its other end."""
    pipe = os.pipe()
    yield pipe
    for each in pipe:
        os.close(each)


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "wake")
    return tmp_path / "wake"


@pytest.fixture
def waking(pipe: Path, ends: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> Iterator[Wake]:
    monkeypatch.setattr(wake, "_LOOK_EVERY", 0.0)
    found = Wake(pipe.parent, Mock(fileno=lambda: ends[0]))
    yield found
    found.close()


def test_an_empty_line_is_a_wish_and_a_number_a_trial_that_has_reported(waking: Wake, pipe: Path) -> None:
    pipe.write_text("3\n12\n")
    assert waking.wait(None) == (False, {3, 12})
    pipe.write_text("7\n\n123456789\n")
    assert waking.wait(None) == (True, {7, 123456789})
    pipe.write_text("\n")
    assert waking.wait(None) == (True, set())
    assert waking.wait(0) == (False, set())


def test_closed_it_holds_nothing_open(pipe: Path, ends: tuple[int, int]) -> None:
    closed = Wake(pipe.parent, Mock(fileno=lambda: ends[0]))
    closed.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(closed.fileno())


def test_what_names_no_trial_is_nobodys(waking: Wake, pipe: Path) -> None:
    pipe.write_text("x\n-1\n1234567890\n4\n")
    assert waking.wait(None) == (False, {4})


def test_where_the_pipe_is_full_a_wish_may_have_found_no_room_in_it(waking: Wake, pipe: Path) -> None:
    descriptor = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    os.write(descriptor, b"1\n" * (wake._PIPE // 2))
    os.close(descriptor)
    assert waking.wait(None) == (True, {1})


def test_a_trial_that_ends_wakes_it_too_and_has_written_nothing(waking: Wake, ends: tuple[int, int]) -> None:
    os.write(ends[1], b".")
    assert waking.wait(None) == (False, set())


def test_who_writes_while_nobody_listens_is_heard_afterwards(
    waking: Wake, pipe: Path, ends: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe.write_text("\n5\n")
    monkeypatch.setattr(wake, "_LOOK_EVERY", 1000.0)
    assert waking.wait(0) == (False, set())
    os.write(ends[1], b".")
    assert waking.wait(None) == (False, set())
    os.read(ends[0], 1)
    monkeypatch.setattr(wake, "_LOOK_EVERY", 0.0)
    waking.wait(0)  # it has looked just now
    pipe.write_text("\n6\n")
    monkeypatch.setattr(wake, "_LOOK_EVERY", 0.05)
    assert waking.wait(None) == (True, {6})
