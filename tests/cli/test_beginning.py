"""The first minutes: `hpo` alone, `hpo init`, `hpo doctor`, and completion in a shell."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from commands import here, keyboard

from hpo.cli import completion, doctor
from hpo.cli.init import find_scripts

MARKED = "import hpo\nx = 0.5  # hpo: uniform(0, 1)\nhpo.report_final_result(x)\n"
PLAIN = "import torch\nlr = 0.1\nprint(lr)\n"
NOBODY = 65534


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


def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave what there is where the user has no entry in the passwords' file."""
    monkeypatch.delenv("HPO_HOME")
    monkeypatch.setenv("HOME", "~")


def damage(name: str) -> None:
    """Leave what is no database in the place of an experiment's."""
    folder = Path(os.environ["HPO_HOME"]) / name
    folder.mkdir(parents=True, mode=0o700)
    (folder / "experiment.db").write_bytes(b"no database" * 1000)


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

    def test_where_experiments_could_not_be_stored_it_says_so_too(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        nowhere(monkeypatch)
        told = here()[0]
        assert "To begin:" in told
        assert told.endswith("there is no home folder to store experiments in: set HPO_HOME to a folder\n")


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
        assert "Write 1 mark into train.py?" in self.answered(answer).stderr
        assert ("# hpo:" in Path("train.py").read_text()) is is_written

    def answered(self, answer: bytes) -> subprocess.CompletedProcess[str]:
        """Call it in a terminal, where somebody types this."""
        command = [sys.executable, "-m", "hpo", "init"]
        with keyboard(answer) as terminal:
            return subprocess.run(
                command, stdin=terminal, capture_output=True, timeout=300, check=False, text=True
            )

    def test_in_a_terminal_it_asks_which_of_several_is_meant(self) -> None:
        Path("train.py").write_text(PLAIN)
        Path("marked.py").write_text(MARKED)
        done = self.answered(b"2\ny\n")
        assert "Which one is to be tuned? [1]:" in done.stderr
        assert "1 line marked in train.py." in done.stdout
        done = self.answered(b"3\n")
        assert done.returncode == 2
        assert "hpo: there is no script 3 in this list\n  hpo init SCRIPT names one\n" in done.stderr

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

    def test_what_only_has_the_name_of_an_experiment_file_is_none(self) -> None:
        Path("ci.yml").write_text("steps: []\n")
        Path("folder.yaml").mkdir()
        assert "seems to train anything" in here("init", code=2)[1]

    def test_a_script_in_which_nothing_is_known_is_told_how_its_values_are_marked_or_sent(self) -> None:
        Path("my job.py").write_text("answer = 42\n")
        told = here("init", "my job.py")[0]
        assert "Nothing in my job.py has a name that is known for a hyperparameter.\n" in told
        assert "# hpo: loguniform(1e-5, 1e-1)\n" in told
        assert "hpo run 'my job.py' --param 'lr=loguniform(1e-5,1e-1)'\n" in told

    def test_mistakes_in_the_marks_of_a_script_are_said(self) -> None:
        Path("train.py").write_text("lr = 0.1  # hpo: uniform(1, 0)\n")
        assert here("init", code=2)[1].startswith("train.py:1:")

    def test_tests_what_is_hidden_what_is_huge_and_what_may_not_be_read_are_not_looked_at(self) -> None:
        for name in (".train.py", "test_train.py", "huge_train.py", "secret_train.py", "train.py"):
            Path(name).write_text(PLAIN)
        os.truncate("huge_train.py", 2 << 20)
        Path("closed").mkdir()
        Path("closed/train.py").write_text(PLAIN)
        Path("closed").chmod(0)
        Path("secret_train.py").chmod(0)
        is_root = os.geteuid() == 0  # to whom nothing is closed
        if is_root:
            os.seteuid(NOBODY)
        try:
            assert find_scripts(Path()) == [Path("train.py")]
        finally:
            if is_root:
                os.seteuid(0)
            Path("closed").chmod(0o700)


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

    def test_that_there_is_no_place_for_experiments_is_an_error(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        nowhere(monkeypatch)
        told = here("doctor", code=1)[0]
        assert re.search(r"error store +there is no home folder .*\n +set HPO_HOME to a folder\n", told)

    def test_experiments_that_cannot_be_read_are_named(self) -> None:
        damage("broken")
        assert "broken/experiment.db cannot be read: " in here("doctor")[0]

    def test_a_disk_that_is_nearly_full_or_far_away_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(doctor, "_LEAST_ROOM", 1 << 62)
        assert "make room: hpo clean" in here("doctor")[0]
        monkeypatch.setattr(doctor, "network_file_system", lambda _: "nfs4")
        assert "on a network file system (nfs4)" in here("doctor")[0]

    def test_a_command_that_the_shell_does_not_find_or_finds_elsewhere_is_said(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Path("bin").mkdir()
        monkeypatch.setenv("PATH", str(Path("bin").absolute()))
        assert "no `hpo` is found by the shell" in here("doctor")[0]
        Path("bin/hpo").write_text("#!/bin/sh\n")
        Path("bin/hpo").chmod(0o755)
        assert "bin/hpo belongs to another Python" in here("doctor")[0]

    def test_each_gpu_is_told_with_its_memory(self, nvml: Path) -> None:
        Path("gpus").write_text("0\n0 16000 15500 -\n0 16000 9000 4711\n")
        told = hpo("doctor", LD_LIBRARY_PATH=str(nvml), STANDIN_NVML=str(Path("gpus").absolute())).stdout
        assert re.search(r"ok    GPU 0 +\S.*15\.1 G of 15\.6 G free\n", told)
        assert re.search(r"ok    GPU 1 +\S.*8\.79 G of 15\.6 G free\n", told)

    @pytest.mark.skipif(find_spec("wandb") is not None, reason="W&B is there")
    def test_a_folder_with_the_name_of_a_library_is_none(self) -> None:
        Path("wandb").mkdir()  # as W&B leaves one
        assert re.search(r"-     wandb +not installed", hpo("doctor").stdout)
        Path("wandb/__init__.py").touch()  # a copy that nobody installed
        assert re.search(r"ok    wandb +wandb: `--track wandb`\n", hpo("doctor").stdout)


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

        assert self.complete("hpo show nothing") == []
        assert self.complete("hpo run --assessor M") == ["Medianstop"]

    def test_without_a_store_nothing_is(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.complete("hpo show ") == []
        assert not Path("../home").exists()
        nowhere(monkeypatch)
        assert self.complete("hpo show ") == []

    def test_of_very_many_experiments_the_oldest_have_their_ids_alone_and_one_that_is_damaged_is_none(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Path("train.py").write_text(MARKED)
        run = ("run", "train.py", "--max-trials", "1", "--json")
        names = [json.loads(hpo(*run).stdout)["experiment"] for _ in range(2)]
        damage("zz")
        for age, name in enumerate([*names, "zz"]):
            os.utime(Path(os.environ["HPO_HOME"], name, "experiment.db"), (age, age))
        monkeypatch.setattr(completion, "_NAMED", 2)
        assert list(completion.experiments("")) == [(names[1], "train done"), (names[0], "")]

    def test_the_script_for_a_shell_is_printed(self) -> None:
        # The shell is the one that it is called by, among whose parents the tests need not have any.
        command = Path(sys.executable).with_name("hpo")
        called = ["bash", "-c", '"$0" --show-completion; exit', command]
        done = subprocess.run(called, capture_output=True, text=True, timeout=300, check=True)
        assert "complete -o default -F _hpo_completion hpo" in done.stdout
