"""The first minutes: `hpo` alone, `hpo init`, `hpo doctor`, and completion in a shell."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

MARKED = "import hpo\nx = 0.5  # hpo: uniform(0, 1)\nhpo.report_final_result(x)\n"
PLAIN = "import torch\nlr = 0.1\nprint(lr)\n"


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def hpo(*arguments: str, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hpo", *arguments]
    variables = {**os.environ, **environment}
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=variables,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


class TestAlone:
    def test_it_says_how_to_begin(self) -> None:
        told = hpo().stdout
        assert "No experiment yet." in told
        assert "hpo init" in told

    def test_and_where_one_stands(self) -> None:
        Path("train.py").write_text(MARKED)
        hpo("run", "train.py", "--max-trials", "1")
        assert "1 experiment in " in hpo().stdout
        assert "the newest, train, is done." in hpo().stdout


class TestInit:
    def test_it_finds_the_script_and_proposes_marks_and_writes_nothing_unasked(self) -> None:
        Path("tests").mkdir()
        Path("tests/train.py").write_text(PLAIN)
        Path("helpers.py").write_text("import os\n")
        Path("src").mkdir()
        Path("src/train.py").write_text(PLAIN)
        told = hpo("init").stdout
        assert "+lr = 0.1  # hpo: loguniform" in told
        assert "Nothing is written. Write it: hpo init src/train.py --write" in told
        assert Path("src/train.py").read_text() == PLAIN
        told = hpo("init", "src/train.py", "--write").stdout
        assert "1 line marked in src/train.py." in told
        assert "It reports no result yet" in told
        assert "hpo run src/train.py --dry-run" in told
        assert "# hpo: loguniform" in Path("src/train.py").read_text()
        assert Path("tests/train.py").read_text() == PLAIN

    @pytest.mark.parametrize(("answer", "is_written"), [(b"y\n", True), (b"n\n", False)])
    def test_in_a_terminal_it_asks(self, answer: bytes, is_written: bool) -> None:
        Path("train.py").write_text(PLAIN)
        here, there = pty.openpty()
        os.write(here, answer)
        command = [sys.executable, "-m", "hpo", "init"]
        done = subprocess.run(command, stdin=there, capture_output=True, timeout=300, check=True)
        os.close(here)
        os.close(there)
        assert b"Write 1 mark into train.py?" in done.stderr
        assert ("# hpo:" in Path("train.py").read_text()) is is_written

    def test_a_script_that_is_marked_goes_on_to_be_tuned(self) -> None:
        Path("fit.py").write_text(MARKED)
        told = hpo("init").stdout
        assert "fit.py has 1 marked value." in told
        assert "hpo run fit.py --max-trials 30" in told
        assert "no result" not in told

    def test_of_several_the_likeliest_is_taken_and_the_others_are_named(self) -> None:
        Path("train.py").write_text(PLAIN)
        Path("marked.py").write_text(MARKED)
        done = hpo("init")
        assert "1  marked.py\n  2  train.py\nTaken: marked.py" in done.stderr

    def test_where_there_is_none_it_says_what_to_do(self) -> None:
        assert "no Python script in . seems to train anything" in hpo("init", code=2).stderr
        Path("config.yml").write_text("trialCommand: sh run.sh\n")
        assert "hpo run --config config.yml" in hpo("init").stdout
        assert "cannot be read" in hpo("init", "nowhere", code=2).stderr


class TestDoctor:
    def test_it_tells_what_there_is_and_how_to_get_what_is_not(self) -> None:
        told = json.loads(hpo("doctor", "--json").stdout)
        found: dict[str, Any] = {each["name"]: each for each in told["findings"]}
        assert sys.executable in found["Python"]["found"]
        assert (found["store"]["state"], found["parquet"]["state"]) == ("ok", "ok")
        assert all(each["help"] for each in told["findings"] if each["state"] in ("absent", "warning"))
        assert "ok    Python" in hpo("doctor").stdout

    def test_a_store_that_cannot_be_written_to_is_an_error(self) -> None:
        Path("file").touch()
        done = hpo("doctor", code=1, HPO_HOME=str(Path("file").absolute()))
        assert "set HPO_HOME to a folder of yours" in done.stdout

    def test_what_others_may_read_is_said(self) -> None:
        Path("open").mkdir(mode=0o755)
        Path("open").chmod(0o755)
        assert "others may look into" in hpo("doctor", HPO_HOME=str(Path("open").absolute())).stdout


class TestCompletion:
    def complete(self, line: str) -> list[str]:
        words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
        program = "import sys; sys.argv = ['hpo']; from hpo.cli import main; main()"
        variables = {**os.environ, **words, "_HPO_COMPLETE": "complete_bash"}
        command = [sys.executable, "-c", program]
        return subprocess.run(
            command, capture_output=True, text=True, env=variables, check=True
        ).stdout.split()

    def test_commands_options_ids_names_and_tuners_are_completed(self) -> None:
        Path("train.py").write_text(MARKED)
        name = json.loads(hpo("run", "train.py", "--max-trials", "1", "--json").stdout)["experiment"]
        assert self.complete("hpo sh") == ["show"]
        assert self.complete("hpo run --max-trial-m") == ["--max-trial-memory"]
        assert self.complete("hpo show ") == [name]
        assert self.complete("hpo trial list tr") == ["train"]
        assert self.complete(f"hpo apply {name[:3]}") == [name]
        assert self.complete("hpo run --tuner G") == ["GridSearch", "GP"]

    def test_without_a_store_nothing_is(self) -> None:
        assert self.complete("hpo show ") == []
        assert not Path("../home").exists()

    def test_the_script_for_a_shell_is_printed(self) -> None:
        # The shell is the one that it is called by, among whose parents the tests need not have any.
        command = Path(sys.executable).with_name("hpo")
        called = ["bash", "-c", '"$0" --show-completion; exit', command]
        done = subprocess.run(called, capture_output=True, text=True, timeout=300, check=True)
        assert "complete -o default -F _hpo_completion hpo" in done.stdout
