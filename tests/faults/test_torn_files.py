"""A file of an experiment was cut short, or a bit flipped: no trial is lost; it goes on, or says why not."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import here, hpo
from means import wait_until

from hpo.runtime.store import Store

#: Every how many bytes; all of them by `HPO_TORN_STEP=1 pytest tests/faults/test_torn_files.py`.
STEP = int(os.environ.get("HPO_TORN_STEP", "211"))

SCRIPT = """import time, pathlib, hpo
x = 0.5  # hpo: uniform(0, 1)
hpo.report_intermediate_result(x)
if hpo.get_sequence_id() == 2 and not pathlib.Path("go").exists():
    time.sleep(600)
hpo.report_final_result(x)
"""
#: What the store keeps of the two trials that ended.
ENDED = "SELECT state, parameters, value FROM trial WHERE number < 2"
NAMES = (
    "code/digests.json", "code/manifest.json", "code/original/train.py", "code/trial/train.py", "commands",
    "labels.json", "lock", "runner.log", "tuner.json", "trials/1/metrics.jsonl", "trials/1/parameters.json",
    "trials/2/metrics.jsonl", "trials/2/parameters.json", "wake",
)  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield an experiment whose runner was killed in its third trial of four, with a wish that waits."""
    folder = tmp_path_factory.mktemp("torn")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("HPO_HOME", str(folder / "home"))
        patched.chdir(folder)
        Path("train.py").write_text(SCRIPT)
        options = ["--max-trials", "4", "--tag", "good", "--tuner", "Auto", "--no-web"]
        runner = subprocess.Popen([sys.executable, "-m", "hpo", "run", "train.py", *options])
        wait_until(lambda: any(folder.glob("home/*/trials/2/metrics.jsonl")))
        (spool,) = folder.glob("home/*/trials/2/metrics.jsonl")
        wait_until(lambda: spool.read_bytes().endswith(b"\n"))
        runner.send_signal(signal.SIGKILL)
        runner.wait()
        wait_until(lambda: json.loads(here("show", "--json")[0])["status"] == "interrupted")
        hpo("enqueue", "x=0.25")
        Path("go").touch()
        yield spool.parents[2]


def rows(directory: Path) -> list[tuple[object, ...]]:
    with contextlib.closing(Store(directory)) as store:
        assert store._db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return store._db.execute(ENDED).fetchall()


def asked(*arguments: str) -> str:
    """Run a command in this process, which ends as commands do; return its complaint, if it fails."""
    for status in 0, 1:
        with contextlib.suppress(AssertionError):
            _, complaint = here(*arguments, code=status)
            assert not status or complaint.startswith("hpo: ")
            return complaint if status else ""
    raise AssertionError(f"{arguments} ends otherwise")


def harms(whole: bytes) -> Iterator[bytes]:
    for at in range(0, len(whole), STEP):
        yield whole[:at]
        yield whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_cut_short_or_has_a_flipped_bit_loses_no_trial(
    made: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(made.parents[1])
    before, home = rows(made), made.parents[1] / "copy"
    monkeypatch.setenv("HPO_HOME", str(home))
    file = next((made / name).iterdir()) if (made / name).is_dir() else made / name
    whole = b"" if file.is_fifo() else file.read_bytes()
    for harmed in harms(whole) if whole else [b"\x00"]:
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(made, home / made.name, ignore=shutil.ignore_patterns("wake"))
        torn = home / made.name / file.relative_to(made)
        torn.write_bytes(harmed)
        for look in (["list"], ["show"], ["trial", "list"], ["trial", "show", "1"], ["doctor"]):
            asked(*look)
        if complaint := asked("resume", made.name, "--no-web"):
            assert file.name in complaint, harmed
            assert rows(home / made.name) == before, harmed
            torn.write_bytes(whole)
            assert not asked("resume", made.name, "--no-web"), harmed
        assert rows(home / made.name) == before, harmed
        found = json.loads(here("trial", "list", "--json")[0])
        assert [trial["state"] for trial in found] == ["succeeded"] * 4, harmed
        assert [len(trial["intermediate"]) for trial in found[:2]] == [1, 1], harmed
