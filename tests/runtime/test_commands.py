"""What commands are with their options, which files they name, and the environment that trials share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from hpo.runtime.launcher import (
    SHIMS,
    FunctionCommand,
    ScriptCommand,
    ShellCommand,
    named_scripts,
    trial_environment,
    trial_path,
)


def test_options_come_after_a_commands_own_and_each_item_of_a_list_is_a_word() -> None:
    options = {"lr": 0.5, "layers": [3, 4], "name": "a b"}
    words = ("--lr", "0.5", "--layers", "3", "4", "--name", "a b")
    script = ScriptCommand("train.py", ("--fast",))
    assert script.with_options(options) == ScriptCommand("train.py", ("--fast", *words))
    assert script.with_options({}) == script
    shell = ShellCommand("./train --fast")
    assert shell.with_options(options).text == "./train --fast --lr 0.5 --layers 3 4 --name 'a b'"
    assert shell.with_options({}) == shell
    assert FunctionCommand("train").with_options(options) == FunctionCommand("train")


def test_a_command_names_the_python_files_of_its_folder_once_each(tmp_path: Path) -> None:
    (tmp_path / "pack").mkdir()
    for name in ("train.py", "pack/model.py", "data.txt"):
        (tmp_path / name).touch()
    text = "torchrun -m pack.model train.py missing.py data.txt --config train.py"
    assert named_scripts(text, tmp_path) == [tmp_path / "train.py", tmp_path / "pack/model.py"]
    assert named_scripts("python train.py 'unbalanced", tmp_path) == [tmp_path / "train.py"]


class TestEnvironment:
    def test_the_users_folders_of_modules_come_after_ours_as_whole_paths(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["lib", "", "/usr/share/lib"]))
        found = trial_environment({})["PYTHONPATH"].split(os.pathsep)
        assert found == [str(SHIMS), str(tmp_path / "lib"), "/usr/share/lib"]
        monkeypatch.delenv("PYTHONPATH")
        assert trial_environment({})["PYTHONPATH"] == str(SHIMS)

    def test_what_the_user_set_wins_over_our_limits_of_threads(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OMP_NUM_THREADS", "3")
        monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
        found = trial_environment({"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})
        assert (found["OMP_NUM_THREADS"], found["MKL_NUM_THREADS"]) == ("3", "1")

    def test_output_is_not_held_back(self) -> None:
        assert trial_environment({})["PYTHONUNBUFFERED"] == "1"

    def test_the_frozen_code_of_an_experiment_around_this_one_is_not_this_ones(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HPO_CODE", "/elsewhere")
        assert "HPO_CODE" not in trial_environment({})
        assert os.environ["HPO_CODE"] == "/elsewhere"


class TestPath:
    HERE = str(Path(sys.executable).parent)

    def test_where_hpo_was_called_by_its_path_its_environments_commands_come_first(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "argv", [f"{self.HERE}/hpo", "run"])
        monkeypatch.setenv("PATH", "/usr/bin:/bin")
        assert trial_path() == f"{self.HERE}:/usr/bin:/bin"
        monkeypatch.chdir(self.HERE)
        monkeypatch.setattr(sys, "argv", ["./hpo", "run"])
        assert trial_path() == f"{self.HERE}:/usr/bin:/bin"

    def test_where_the_path_has_them_it_stays_as_it_is(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "argv", [f"{self.HERE}/hpo", "run"])
        monkeypatch.setenv("PATH", f"/usr/bin:{self.HERE}")
        assert trial_path() == f"/usr/bin:{self.HERE}"

    def test_a_program_of_the_users_own_has_the_users_path(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "argv", ["/home/somebody/tune.py"])
        monkeypatch.setenv("PATH", "/usr/bin:/bin")
        assert trial_path() == "/usr/bin:/bin"
