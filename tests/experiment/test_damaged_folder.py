"""An experiment's folder that was copied, restored or damaged: it goes on, or says at once why not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from commands import data, hpo, trials

from hpo.errors import StoreError
from hpo.runtime.snapshot import check

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


@pytest.mark.parametrize("said", ["", "[]", "{}", '{"root": 3, "files": []}', '{"root": "/x", "files": [3]}'])
def test_a_manifest_that_cannot_be_read_is_said(tmp_path: Path, said: str) -> None:
    (tmp_path / "manifest.json").write_text(said)
    with pytest.raises(StoreError, match="the code that was frozen is gone or damaged"):
        check(str(tmp_path))


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
