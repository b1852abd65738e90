"""The marks of a script are read by another process, which the command line starts before all else."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from hpo.cli import _script_to_run
from hpo.experiment import extraction
from hpo.experiment.extraction import Extraction, begin

MARKED = "import hpo\nx = 0.5  # hpo: uniform(0, 1)\nhpo.report_final_result(x)\n"


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("train.py", "notify.py"):
        Path(name).write_text(MARKED)


@pytest.mark.parametrize(
    ("words", "script"),
    [
        ("run train.py", "train.py"),
        ("run ./train.py --max-trials 3", "train.py"),
        ("run --use-annotation train.py", "train.py"),
        ("run missing.py", None),
        ("run train.py --detach", None),
        ("run --config config.yml", None),
        ("annotate train.py", None),
        ("train.py", None),
        ("run", None),
        ("", None),
    ],
)
def test_a_command_line_names_the_script_that_it_seems_to_run(words: str, script: str | None) -> None:
    assert _script_to_run(words.split()) == script


def test_a_reading_that_was_begun_is_taken_over_once(monkeypatch: pytest.MonkeyPatch) -> None:
    started, start = [], extraction._reader

    def counted(names: tuple[str, ...]) -> subprocess.Popen[bytes]:
        started.append(names)
        return start(names)

    monkeypatch.setattr(extraction, "_reader", counted)
    begin("train.py")
    first, second = Extraction(Path("train.py")), Extraction(Path("train.py"))
    assert started == [("train.py",), ("train.py",)]
    assert [list(each.result().space) for each in (first, second)] == [["x"], ["x"]]


def test_a_reading_of_another_script_than_the_one_that_runs_is_for_nothing() -> None:
    begin("notify.py")
    Path("train.py").write_text(MARKED.replace("x", "y"))
    assert list(Extraction(Path("train.py")).result().space) == ["y"]
    Extraction(Path("notify.py")).result()  # so that no process is left


def test_who_presses_ctrl_c_while_a_script_is_read_has_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: tuple[str, ...]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(["sh", "-c", "kill -INT $$"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    monkeypatch.setattr(extraction, "_reader", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Extraction(Path("train.py")).result()
