"""What a trial that goes on from another begins with."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hpo.runtime.checkpoint import copy_files

RECORDS = ("metrics.jsonl", "metrics.1.jsonl", "stdout.log", "stderr.2.log", "parameters.json", "nested.json")


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    folder = tmp_path / "3"
    (folder / "weights").mkdir(parents=True)
    for name in RECORDS:
        (folder / name).write_text("of the experiment")
    (folder / "model.pt").write_bytes(b"\0model")
    (folder / "weights" / "stdout.log").write_text("the script's own")
    (folder / "last").symlink_to("model.pt")
    os.mkfifo(folder / "pipe")
    return folder


def test_it_has_the_others_own_files_and_none_of_its_records(earlier: Path) -> None:
    later = earlier.with_name("7")
    copy_files(earlier, later)
    found = sorted(str(path.relative_to(later)) for path in later.rglob("*"))
    assert found == ["last", "model.pt", "weights", "weights/stdout.log"]
    assert (later / "last").readlink() == Path("model.pt")
    (later / "model.pt").write_bytes(b"better")
    assert (earlier / "model.pt").read_bytes() == b"\0model"


def test_what_a_killed_runner_left_of_a_copy_is_begun_again(earlier: Path) -> None:
    later = earlier.with_name("7")
    half = earlier.with_name("7.new")
    half.mkdir()
    (half / "torn").touch()
    copy_files(earlier, later)
    assert not half.exists()
    assert not (later / "torn").exists()
