"""`hpo clean`: old experiments go, after they were listed, and somebody said yes."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from commands import data, keyboard

from hpo.runtime.disk_use import disk_use
from hpo.runtime.home import take_lock

SCRIPT = """import hpo
x = 0.5  # hpo: uniform(0, 1)
(hpo.trial_dir() / "weights.bin").write_bytes(bytes(range(256)) * 4096)
hpo.report_final_result(x)
"""
DAY = 86400


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    Path("train.py").write_text(SCRIPT)
    for days, name in ((40, "old"), (20, "middle"), (0, "new")):
        hpo("run", "train.py", "--max-trials", "1", "--name", name)
        age(name, days)
    return tmp_path / "home"


def hpo(*arguments: str, code: int = 0, answer: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hpo", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, input=answer)
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def folder(name: str) -> Path:
    return Path(data("show", name)["directory"])


def age(name: str, days: int) -> None:
    db = sqlite3.connect(folder(name) / "experiment.db")
    db.execute("UPDATE experiment SET created = created - ?", (days * DAY,))
    db.execute("UPDATE trial SET ended = ended - ?", (days * DAY,))
    db.commit()
    db.close()


def names() -> list[str]:
    return [e["name"] for e in data("list")]


def test_alone_it_only_lists_what_each_takes() -> None:
    done = hpo("clean")
    assert len(done.stdout.splitlines()) == 4
    assert "Nothing is deleted; say what" in done.stderr
    use = disk_use(folder("new"))
    assert use.files >= 2**20
    assert 0 < use.code < 2**16
    assert use.total == use.code + use.files + use.logs + use.store
    assert names() == ["new", "middle", "old"]


def test_what_is_old_goes_once_somebody_says_yes() -> None:
    assert "nobody said yes" in hpo("clean", "--older-than", "30d", code=2).stderr
    assert "old" in names()
    done = hpo("clean", "--older-than", "30d", answer="y\n")
    assert [line.split()[1] for line in done.stdout.splitlines()[1:] if line.strip()] == ["old"]
    assert names() == ["new", "middle"]


def test_all_but_the_newest_go_and_with_a_quota_the_oldest() -> None:
    hpo("clean", "--quota", "2.5MB", "--yes")
    assert names() == ["new", "middle"]
    told = data("clean", "--quota", "1K", "--keep", "1", "--yes")
    assert [each["name"] for each in told["experiments"] if each["delete"]] == ["middle"]
    assert names() == ["new"]
    hpo("clean", "--keep", "0", "--yes")
    assert names() == []


def test_one_that_runs_stays(home: Path) -> None:
    with take_lock(folder("old")):
        done = hpo("clean", "--quota", "1K", "--yes")
        assert "which is more than the quota" in done.stderr
        assert names() == ["old"]
    assert hpo("clean", "--keep", "1", "--yes").stderr.endswith("None of them is to be deleted.\n")
    with take_lock(folder("old")):
        assert "is running" in hpo("delete", "old", "--yes", code=2).stderr
    assert "old" in names()


@pytest.mark.parametrize("command", [["clean", "--keep", "0"], ["delete", "old"]])
def test_who_says_no_in_a_terminal_keeps_all_without_another_word(command: list[str]) -> None:
    called = [sys.executable, "-m", "hpo", *command]
    with keyboard(b"n\n") as terminal:
        done = subprocess.run(
            called, stdin=terminal, capture_output=True, timeout=300, check=False, text=True
        )
    assert done.returncode == 130
    assert "hpo:" not in done.stderr
    assert names() == ["new", "middle", "old"]


def test_one_that_was_moved_to_another_disk_goes_with_the_link_to_it(home: Path, tmp_path: Path) -> None:
    moved = tmp_path / "big"
    link = folder("old").rename(moved) and home / "linked"
    link.symlink_to(moved)
    assert names() == ["new", "middle", "old"]
    hpo("clean", "--keep", "1", "--yes")
    assert names() == ["new"]
    assert not moved.exists()
    assert [path.name for path in home.iterdir() if path.name.startswith(".") or path.is_symlink()] == []


def test_a_deletion_of_one_behind_a_link_that_was_cut_short_is_ended(home: Path, tmp_path: Path) -> None:
    (home / ".deleted-gone").symlink_to(tmp_path / "nowhere")
    hpo("clean")
    assert not (home / ".deleted-gone").is_symlink()
