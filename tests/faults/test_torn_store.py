"""The last commit did not reach the disk whole: all before it are there, and nothing of it."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hpo.runtime.store import Store
from hpo.trial import Trial

COMMITS = 5
#: Every how many bytes; all of them by `HPO_TORN_STEP=1 pytest tests/faults/test_torn_store.py`.
STEP = int(os.environ.get("HPO_TORN_STEP", "211"))


@pytest.fixture
def torn(tmp_path: Path) -> Iterator[tuple[Path, range]]:
    """Yield a store that nobody closed, and where in its log the last commit stands."""
    folder = tmp_path / "store"
    folder.mkdir()
    store = Store.create(folder, id="e", name="e", direction="maximize", config={}, space={}, defaults={})
    log, sizes = folder / "experiment.db-wal", []
    for number in range(COMMITS):
        with store.transaction():
            store.add_trial(Trial(number, {"x": number, "text": "x" * 3000}), "tuner")
        sizes.append(log.stat().st_size)
    yield folder, range(*sizes[-2:])
    store.close()


def found(folder: Path, log: bytes) -> list[int]:
    """Return the trials in a copy of a store with another log; see that it goes on from there."""
    copy = folder.with_name("copy")
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    shutil.copy(folder / "experiment.db", copy)
    (copy / "experiment.db-wal").write_bytes(log)
    with contextlib.closing(Store(copy)) as store:
        read = [trial.number for trial in store.trials()]
    with contextlib.closing(Store(copy, read_only=False)) as store:
        with store.transaction():
            store.add_trial(Trial(99, {"x": 1}), "tuner")
        assert [trial.number for trial in store.trials()] == [*read, 99]
        assert store._db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return read


def test_a_last_commit_that_is_cut_short_is_not_there_and_all_others_are(torn: tuple[Path, range]) -> None:
    folder, last = torn
    log = (folder / "experiment.db-wal").read_bytes()
    assert found(folder, log) == [*range(COMMITS)]
    for end in last[::STEP]:
        assert found(folder, log[:end]) == [*range(COMMITS - 1)], end


def test_a_last_commit_with_a_flipped_bit_is_not_there_and_all_others_are(torn: tuple[Path, range]) -> None:
    folder, last = torn
    log = (folder / "experiment.db-wal").read_bytes()
    for at in last[::STEP]:
        harmed = bytearray(log)
        harmed[at] ^= 1 << at % 8
        assert found(folder, bytes(harmed)) == [*range(COMMITS - 1)], at
