"""An experiment's folder that was copied, restored or damaged: it goes on, or says at once why not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from commands import data, hpo, trials

from hpo.errors import StoreError
from hpo.runtime.snapshot import check, freeze, seal

SCRIPT = "import hpo\nx = 0.5  # hpo: uniform(0, 1)\nhpo.report_final_result(x)\n"


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of an experiment that has trials to go."""
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(SCRIPT)
    hpo("run", "train.py", "--max-trials", "2", "--no-web")
    directory = Path(data("show")["directory"])
    hpo("update", directory.name, "--max-trials", "4")
    return directory


def test_a_copy_without_pipes_and_empty_folders_goes_on(directory: Path) -> None:
    (directory / "wake").unlink()
    shutil.rmtree(directory / "trials")
    shutil.rmtree(directory / "commands")
    hpo("update", "--max-trials", "4")
    hpo("resume", "--no-web")
    assert len(trials()) == 4


@pytest.mark.parametrize("is_there", [True, False])
def test_one_that_cannot_be_read_can_be_deleted_by_its_whole_id(directory: Path, is_there: bool) -> None:
    (directory / "experiment.db").unlink()
    if is_there:
        (directory / "experiment.db").touch()
    for reference in (directory.name[:-1], ".", ""):
        hpo("delete", reference, "--yes", code=1)
    said = hpo("delete", directory.name, code=1).stderr
    assert f"; or delete it: hpo delete {directory.name} --yes" in said
    assert directory.is_dir()
    hpo("delete", directory.name, "--yes")
    assert not directory.exists()
    assert directory.parent.is_dir()


@pytest.mark.parametrize("name", ["trials", "commands", "code"])
def test_a_file_in_the_place_of_a_folder_is_said(directory: Path, name: str) -> None:
    shutil.rmtree(directory / name)
    (directory / name).touch()
    assert f"{directory / name} is no folder" in hpo("resume", "--no-web", code=1).stderr


def test_what_the_machine_refuses_as_it_is_opened_is_said(directory: Path) -> None:
    (directory / "runner.log").unlink()
    (directory / "runner.log").mkdir()
    said = hpo("resume", "--no-web", code=1).stderr
    assert f"experiment {directory.name} cannot go on: [Errno 21] Is a directory" in said
    assert f"mend that, then go on with: hpo resume {directory.name}" in said


def test_values_are_not_written_by_marks_that_are_not_what_they_were(directory: Path) -> None:
    (directory / "code" / "original" / "train.py").write_text("")
    assert "original/train.py is not what it was" in hpo("apply", code=2).stderr


@pytest.mark.parametrize(
    "said",
    ["", "[]", "{}", '{"root": 3, "files": []}', '{"root": "/x", "files": [3]}', "[" * 100_000],
    ids=lambda said: said[:30],
)
def test_a_manifest_that_cannot_be_read_is_said(tmp_path: Path, said: str) -> None:
    (tmp_path / "manifest.json").write_text(said)
    with pytest.raises(StoreError, match="the code that was frozen is gone or damaged") as caught:
        check(str(tmp_path))
    assert caught.value.help is not None
    assert f"put {tmp_path} back from a copy, or begin anew" in caught.value.help


@pytest.fixture
def frozen(tmp_path: Path) -> Path:
    """Return a snapshot of a script and of what it reads its settings from."""
    code = tmp_path / "code"
    freeze(code, {tmp_path / "train.py": (b"x = 1", b"x = 2")}, tmp_path)
    (code / "settings.json").write_text("[]")
    seal(code)
    check(str(code))
    return code


@pytest.mark.parametrize("name", ["original/train.py", "trial/train.py", "manifest.json", "settings.json"])
@pytest.mark.parametrize("harm", ["emptied", "changed", "gone", "a folder"])
def test_a_file_that_is_not_what_it_was_is_said(frozen: Path, name: str, harm: str) -> None:
    path = frozen / name
    text = path.read_text()
    path.unlink()
    if harm == "a folder":
        path.mkdir()
    elif harm != "gone":
        path.write_text("" if harm == "emptied" else f"{text} ")
    with pytest.raises(StoreError, match="the code that was frozen is gone or damaged"):
        check(str(frozen))


@pytest.mark.parametrize(
    "said", ["", "[3]", "3", '{"a\\u0000b": ""}', "[" * 100_000], ids=lambda said: said[:30]
)
def test_digests_that_cannot_be_read_are_said(frozen: Path, said: str) -> None:
    (frozen / "digests.json").write_text(said)
    with pytest.raises(StoreError, match="the code that was frozen is gone or damaged"):
        check(str(frozen))


@pytest.mark.parametrize("kind", ["original", "trial"])
def test_of_a_snapshot_without_digests_each_file_has_to_be_there(frozen: Path, kind: str) -> None:
    (frozen / "digests.json").unlink()
    check(str(frozen))
    (frozen / kind / "train.py").unlink()
    with pytest.raises(StoreError, match="the code that was frozen is gone or damaged"):
        check(str(frozen))


@pytest.mark.parametrize("gone", ["code", "code/trial/train.py"])
def test_code_that_is_gone_runs_no_trial(directory: Path, gone: str) -> None:
    path = directory / gone
    path.rename(directory / "away")
    complaint = hpo("resume", "--no-web", code=1).stderr
    assert "the code that was frozen is gone or damaged: [Errno 2] No such file" in complaint
    assert len(trials()) == 2
    if gone == "code":
        path.rmdir()
    (directory / "away").rename(path)
    hpo("resume", "--no-web")
    assert len(trials()) == 4
