"""A log that fills the disk loses its middle, and a copy of it says so."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from hpo.runtime import logs

BLOCK = 1 << 16


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a log of 40 blocks, of which the first and last eight are kept, with a slack of four."""
    monkeypatch.setattr(logs, "_KEPT", 8 * BLOCK)
    monkeypatch.setattr(logs, "_SLACK", 4 * BLOCK)
    path = tmp_path / "stdout.log"
    path.write_bytes(b"".join(bytes([65 + i % 26]) * BLOCK for i in range(40)))
    return path


def copied(path: Path, offset: int = 0) -> tuple[bytes, int]:
    out = io.BytesIO()
    end = logs.copy(path, offset, out)
    return out.getvalue(), end


def test_its_beginning_and_its_end_are_kept_and_what_is_between_takes_no_room(log: Path) -> None:
    whole = log.read_bytes()
    logs.trim(str(log))
    assert log.stat().st_size == len(whole)
    if log.stat().st_blocks * 512 >= len(whole):
        pytest.skip("this file system knows no holes")
    assert log.stat().st_blocks * 512 == 16 * BLOCK
    assert copied(log) == (
        whole[: 8 * BLOCK]
        + f"\n[{24 * BLOCK} bytes were left out here: the log was too long]\n".encode()
        + whole[-8 * BLOCK :],
        len(whole),
    )


@pytest.mark.parametrize("blocks", [3, 16, 20])
def test_one_that_is_not_much_too_long_stays_as_it_is(log: Path, blocks: int) -> None:
    os.truncate(log, blocks * BLOCK)
    whole = log.read_bytes()
    logs.trim(str(log))
    assert log.read_bytes() == whole


def test_a_hole_that_a_trial_made_itself_is_copied_as_it_reads(log: Path) -> None:
    with log.open("r+b") as file:
        file.seek(43 * BLOCK)
        file.write(b"end")
    assert copied(log, 39 * BLOCK) == (b"N" * BLOCK + bytes(3 * BLOCK) + b"end", 43 * BLOCK + 3)


def test_of_one_that_is_cut_while_it_is_copied_there_is_what_was_read(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Cutting(io.BytesIO):
        def write(self, data: bytes) -> int:  # type: ignore[override]
            os.truncate(log, BLOCK)
            return super().write(data)

    out = Cutting()
    assert logs.copy(log, 0, out) == BLOCK
    assert out.getvalue() == b"A" * BLOCK


def test_what_is_no_file_is_left_alone(log: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(log)
    whole = log.read_bytes()
    logs.trim(str(tmp_path / "link"))
    logs.trim(str(tmp_path / "none"))
    assert log.read_bytes() == whole
    assert log.stat().st_blocks * 512 >= len(whole)
    assert copied(tmp_path / "none", 7) == (b"", 7)
