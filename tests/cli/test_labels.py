"""Tags and notes: what the user says of an experiment."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from commands import data, hpo

from hpo.dashboard.views import overview, stamp
from hpo.errors import StoreError, UsageError
from hpo.experiment.documents import open_store
from hpo.runtime.labels import Labels, add_note, add_tags, read_labels

SCRIPT = "import hpo\nx = 0.5  # hpo: uniform(0, 1)\nhpo.report_final_result(x)\n"


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    Path("train.py").write_text(SCRIPT)


def test_tags_and_notes_are_shown_wherever_an_experiment_is() -> None:
    hpo("run", "train.py", "--max-trials", "1", "--tag", "small", "--name", "one")
    hpo("run", "train.py", "--max-trials", "1", "--name", "two")
    shown = data("show", "one")
    directory = Path(shown["directory"])
    before = stamp(directory)
    hpo("tag", "one", "old", "small")
    hpo("note", "one", "x matters")
    assert stamp(directory) != before
    assert data("show", "one")["tags"] == ["small", "old"]
    assert [note["text"] for note in data("show", "one")["notes"]] == ["x matters"]
    assert "Tags         small old\n" in hpo("show", "one").stdout
    assert "Notes        x matters   " in hpo("show", "one").stdout
    with open_store(directory) as store:
        assert overview(store)["tags"] == ["small", "old"]
        assert overview(store)["notes"][0]["text"] == "x matters"
    assert [e["name"] for e in data("list", "--tag", "small")] == ["one"]
    assert data("list", "--tag", "small", "--tag", "none") == []
    assert hpo("list").stdout.splitlines()[0].endswith("tags")
    hpo("tag", "one", "small", "--remove")
    assert data("list", "--tag", "small") == []


def test_an_experiment_file_tags_too() -> None:
    Path("config.yml").write_text("trialCommand: python train.py\ntags: [a, b]\nmaxTrialNumber: 1\n")
    hpo("run", "--config", "config.yml")
    assert data("show")["tags"] == ["a", "b"]


def test_what_is_no_tag_or_no_note_is_said() -> None:
    assert "'a b' is no tag" in hpo("run", "train.py", "--tag", "a b", code=2).stderr
    assert data("list") == []
    hpo("run", "train.py", "--max-trials", "1")
    said = hpo("tag", "train", "b", "--remove", code=2).stderr
    assert "has no tag b\n  it has no tags" in said
    hpo("tag", "train", "a", "c")
    assert "its tags are a, c" in hpo("tag", "train", "b", "--remove", code=2).stderr
    assert "the note is empty" in hpo("note", "train", " ", code=2).stderr


def test_a_tag_has_a_hundred_characters_at_most(tmp_path: Path) -> None:
    add_tags(tmp_path, ["a" * 100])
    with pytest.raises(UsageError, match="is no tag"):
        add_tags(tmp_path, ["a" * 101])


def test_they_are_for_their_owner_alone(tmp_path: Path) -> None:
    add_tags(tmp_path, ["a"])
    assert (tmp_path / "labels.json").stat().st_mode & 0o777 == 0o600


def test_of_many_that_label_at_once_none_is_lost(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: add_tags(tmp_path, [f"tag{i}"]), range(20)))
        list(pool.map(lambda i: add_note(tmp_path, f"note {i}"), range(20)))
    assert len(read_labels(tmp_path).tags) == len(read_labels(tmp_path).notes) == 20


@pytest.mark.parametrize(
    "written",
    [
        b"{",
        b"\xff",
        b'{"tags": 1, "notes": []}',
        b"[" * 100_000,
        b'{"tags": ["a"]}',
        b'{"tags": [], "notes": [{"text": "", "time": %d}]}' % 10**400,
    ],
)
def test_a_file_that_is_none_of_ours_says_nothing_and_stays_as_it_is(tmp_path: Path, written: bytes) -> None:
    (tmp_path / "labels.json").write_bytes(written)
    assert read_labels(tmp_path) == Labels()
    for change in (lambda: add_tags(tmp_path, ["a"]), lambda: add_note(tmp_path, "b")):
        with pytest.raises(StoreError, match="cannot be read"):
            change()
    assert (tmp_path / "labels.json").read_bytes() == written


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text('{"tags": ["secret"], "notes": []}')
    os.symlink(other, tmp_path / "labels.json")
    assert read_labels(tmp_path) == Labels()


def test_notes_that_would_not_be_read_again_are_not_written() -> None:
    hpo("run", "train.py", "--max-trials", "1", "--tag", "kept")
    directory = Path(data("show")["directory"])
    add_note(directory, "é" * 100_000)
    with pytest.raises(UsageError, match="more than 1 MB"):
        add_note(directory, "é" * 100_000)
    labels = read_labels(directory)
    assert labels.tags == ["kept"]
    assert len(labels.notes) == 1


def test_what_is_not_in_utf_8_is_a_mistake_and_no_traceback() -> None:
    hpo("run", "train.py", "--max-trials", "1")
    wrong = os.fsdecode(b"\xff")
    for command in (["note", "train", wrong], ["run", "train.py", "--name", wrong]):
        assert "is not in UTF-8" in hpo(*command, code=2).stderr
