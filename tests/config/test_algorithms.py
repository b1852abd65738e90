"""The tuner and the assessor of a file: ours by name, or classes of the user's own, in both generations."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

import hpo.tuners
from hpo.config.loader import load
from hpo.config.model import Algorithm, Config
from hpo.errors import ConfigError, Diagnostic

V1 = """\
trainingServicePlatform: local
searchSpacePath: space.json
trial: {command: python train.py}
"""
V2 = """\
searchSpaceFile: space.json
trialCommand: python train.py
"""
MINE = """\
from nni.tuner import Tuner
from nni.assessor import Assessor
from hpo.tuners.base import Tuner as OurTuner

class Mine(Tuner):
    def __init__(self, width, optimize_mode="minimize", seed=42):
        pass
    def update_search_space(self, search_space):
        pass

class Strict(Assessor):
    def __init__(self, limit=3):
        pass

class Ours(OurTuner):
    def __init__(self, *args, step: int = 1, **common):
        super().__init__(*args, **common)
    def suggest(self, number):
        return None
"""

Load = Callable[..., Config]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Return a function that reads a text as an experiment file, in a folder with classes of the user's."""
    monkeypatch.chdir(tmp_path)
    Path("space.json").write_text('{"lr": {"_type": "uniform", "_value": [0, 1]}}')
    Path("code").mkdir()
    Path("code", "mine.py").write_text(MINE)

    def read(text: str, **options: object) -> Config:
        Path("config.yml").write_text(dedent(text), encoding="utf-8")
        return load(Path("config.yml"), **options)  # type: ignore[arg-type]

    return read


def mistakes(read: Load, text: str, **options: object) -> list[Diagnostic]:
    with pytest.raises(ConfigError) as raised:
        read(text, **options)
    return list(raised.value.diagnostics)


def mistake(read: Load, text: str, **options: object) -> Diagnostic:
    (only,) = mistakes(read, text, **options)
    return only


def marked(diagnostic: Diagnostic) -> str:
    """Return the text over the caret."""
    assert diagnostic.source is not None
    end = diagnostic.end_column if diagnostic.end_line == diagnostic.line else None
    return diagnostic.source[diagnostic.column - 1 : end and end - 1]


class TestAssessors:
    def test_both_generations_name_one(self, read: Load) -> None:
        first = read(V1 + "assessor: {builtinAssessorName: Medianstop, classArgs: {start_step: 5}}")
        second = read(V2 + "assessor: {name: medianstop, classArgs: {start_step: 5}}")
        assert first.assessor == Algorithm(name="Medianstop", class_args={"start_step": 5})
        assert first == second

    @pytest.mark.parametrize(
        ("section", "at", "message", "help_"),
        [
            ("{name: Medianstopp}", "Medianstopp", "there is no assessor", "did you mean Medianstop?"),
            ("{name: TPE}", "TPE", "there is no assessor", "the assessors are Medianstop, Curvefitting"),
            ("{name: Medianstop, classArgs: {start_stp: 5}}", "5", "no argument 'start_stp'", "start_step?"),
            ("{name: Medianstop, classArgs: {start_step: -1}}", "-1", "start_step is -1", "0 or more"),
            ("{name: Curvefitting, classArgs: {threshold: 2}}", "2", "threshold is 2", "between 0 and 1"),
            (
                "{name: Medianstop, classArgs: {optimize_mode: up}}",
                "up",
                "not 'up'",
                "optimize_mode: maximize",
            ),
            (
                "{classArgs: {start_step: 5}}",
                "assessor",
                "the assessor has no name",
                "name one of Medianstop",
            ),
            ("{name: Medianstop, className: mine.Strict}", "mine.Strict", "Medianstop is one of ours", "one"),
            ("{nme: Medianstop}", "nme", "there is no field assessor.nme", "did you mean name?"),
        ],
    )
    def test_mistakes_are_said_at_their_places(
        self, read: Load, section: str, at: str, message: str, help_: str
    ) -> None:
        found = mistake(read, f"{V2}assessor: {section}\n")
        assert (found.file, found.line, marked(found)) == ("config.yml", 3, at)
        assert message in found.message
        assert help_ in str(found.help)

    def test_its_direction_is_the_experiments(self, read: Load) -> None:
        assessor = "assessor: {name: Medianstop, classArgs: {optimize_mode: minimize}}\n"
        assert read(V2 + assessor).direction == "minimize"
        tuner = "tuner: {name: TPE, classArgs: {optimize_mode: minimize}}\n"
        assert read(V2 + assessor + tuner).direction == "minimize"
        assert read(V2 + assessor, given={"direction"}).direction is None

    def test_one_that_contradicts_the_tuner_is_refused(self, read: Load) -> None:
        assessor = "assessor: {name: Medianstop, classArgs: {optimize_mode: maximize}}\n"
        found = mistake(read, V2 + assessor + "tuner: {name: TPE, classArgs: {optimize_mode: minimize}}\n")
        assert (found.code, marked(found)) == ("HPO506", "maximize")
        found = mistake(read, V2 + assessor + "tuner: {name: TPE}\n")
        assert found.message == "the assessor is to maximize, and TPE will minimize by itself"
        assert read(V2 + assessor + "tuner: {name: TPE}\n", given={"direction"}).assessor is not None


class TestTuners:
    @pytest.mark.parametrize("name", hpo.tuners.names())
    def test_all_of_ours_can_be_named(self, read: Load, name: str) -> None:
        assert read(f"{V1}tuner: {{builtinTunerName: {name}}}").tuner == Algorithm(name=name)
        assert read(f"{V2}tuner: {{name: {name.lower()}}}").tuner == Algorithm(name=name)


class TestOwnClasses:
    def test_both_generations_name_one(self, read: Load) -> None:
        first = read(
            V1
            + """\
            tuner: {codeDir: code, classFileName: mine.py, className: Mine, classArgs: {width: 3}}
            assessor: {codeDir: ./code/, classFileName: mine.py, className: Strict}
            """.replace(" " * 12, "")
        )
        second = read(
            V2
            + """\
            tuner: {codeDirectory: code, className: mine.Mine, classArgs: {width: 3}}
            assessor: {codeDirectory: ./code, className: mine.Strict}
            """.replace(" " * 12, "")
        )
        file = Path("code/mine.py").resolve()
        assert first.tuner == Algorithm(name="Mine", file=file, class_args={"width": 3})
        assert first.assessor == Algorithm(name="Strict", file=file)
        assert first == second
        assert first.notes == ("tuner.classArgs has no optimize_mode: Mine will minimize, its default",)

    def test_the_code_lies_beside_the_file_unless_it_says_more(self, read: Load) -> None:
        Path("code/mine.py").rename("mine.py")
        expected = Algorithm(name="Strict", file=Path("mine.py").resolve())
        assert read(V1 + "assessor: {classFileName: mine.py, className: Strict}").assessor == expected
        assert read(V2 + "assessor: {className: mine.Strict}").assessor == expected

    def test_a_module_may_lie_in_packages(self, read: Load) -> None:
        Path("code/some_package").mkdir()
        Path("code/mine.py").rename("code/some_package/__init__.py")
        for name in ("some_package.Strict", "some_package.inner.Strict"):
            chosen = read(V2 + f"assessor: {{codeDirectory: code, className: {name}}}").assessor
            assert chosen is not None
            assert chosen.name == "Strict"
            Path("code/some_package/inner.py").write_text("from . import Strict\n")

    def test_a_class_of_nnis_kind_keeps_all_its_arguments(self, read: Load) -> None:
        arguments = {"width": 3, "optimize_mode": "maximize", "seed": 5}
        config = read(f"{V2}tuner: {{codeDirectory: code, className: mine.Mine, classArgs: {arguments}}}")
        assert config.tuner is not None
        assert config.tuner.class_args == arguments
        assert (config.direction, config.seed) == ("maximize", 5)

    def test_one_of_our_kind_gets_direction_and_seed_from_the_experiment(self, read: Load) -> None:
        arguments = {"step": 3, "optimize_mode": "minimize", "seed": 5}
        config = read(f"{V2}tuner: {{codeDirectory: code, className: mine.Ours, classArgs: {arguments}}}")
        assert config.tuner is not None
        assert config.tuner.class_args == {"step": 3}
        assert (config.direction, config.seed) == ("minimize", 5)

    @pytest.mark.parametrize(
        ("section", "at", "code", "said"),
        [
            ("{codeDir: coed, classFileName: mine.py, className: Mine}", "coed", "HPO508", "no folder"),
            ("{codeDir: code, classFileName: min.py, className: Mine}", "min.py", "HPO508", "mean mine.py?"),
            ("{codeDir: code, classFileName: mine.py, className: Mien}", "Mien", "HPO510", "mean Mine?"),
            ("{codeDir: code, classFileName: mine.py}", "mine.py", "HPO507", "class is not named"),
            ("{codeDir: code, className: Mine}", "Mine", "HPO507", "give classFileName: my_tuner.py"),
            ("{codeDir: code}", "code", "HPO507", "the file of the tuner's class is not named"),
            ("{codeDir: code, classFileName: mine.py, className: Strict}", "Strict", "HPO510", "is no tuner"),
            (
                "{codeDir: code, classFileName: mine.py, className: Mine}",
                "Mine",
                "HPO510",
                "needs .* 'width'",
            ),
            (
                "{codeDir: code, classFileName: mine.py, className: Mine, classArgs: {width: 1, lr: 2}}",
                "2",
                "HPO510",
                "Mine has no argument 'lr'",
            ),
            (
                "{codeDir: code, classFileName: mine.py, className: Ours, classArgs: {step: x}}",
                "x",
                "HPO510",
                "step is 'x'.*a whole number",
            ),
        ],
    )
    def test_mistakes_of_v1_are_said_at_their_places(
        self, read: Load, section: str, at: str, code: str, said: str
    ) -> None:
        found = mistake(read, f"{V1}tuner: {section}\n")
        assert (found.line, marked(found), found.code) == (4, at, code)
        assert_said(found, said)

    @pytest.mark.parametrize(
        ("section", "at", "code", "said"),
        [
            ("{codeDirectory: coed, className: mine.Mine}", "coed", "HPO508", "no folder"),
            ("{codeDirectory: code, className: min.Mine}", "min.Mine", "HPO508", "mean mine.py?"),
            ("{codeDirectory: code, className: mine.Mien}", "mine.Mien", "HPO510", "mean Mine?"),
            ("{codeDirectory: code, className: Mine}", "Mine", "HPO504", "my_tuner.MyTuner"),
            ("{codeDirectory: code, className: ../mine.Mine}", "../mine.Mine", "HPO504", "module.Class"),
            ("{codeDirectory: code}", "code", "HPO507", "className: my_tuner.MyTuner"),
        ],
    )
    def test_mistakes_of_v2_are_said_at_their_places(
        self, read: Load, section: str, at: str, code: str, said: str
    ) -> None:
        found = mistake(read, f"{V2}tuner: {section}\n")
        assert (found.line, marked(found), found.code) == (3, at, code)
        assert_said(found, said)

    def test_a_class_that_fails_at_import_is_said_with_its_own_line(self, read: Load) -> None:
        Path("code/mine.py").write_text("import os\n\nimport no_such_module\n")
        found = mistake(read, f"{V2}tuner: {{codeDirectory: code, className: mine.Mine}}\n")
        assert (found.code, marked(found)) == ("HPO510", "mine.Mine")
        assert_said(found, "mine.py failed at .*/code/mine.py:3: ModuleNotFoundError: No module named")

    def test_one_that_an_option_replaces_is_not_loaded(self, read: Load) -> None:
        Path("code/mine.py").write_text("1 / 0\n")
        config = read(f"{V2}tuner: {{codeDirectory: code, className: mine.Mine}}\n", given={"tuner"})
        assert config.tuner is None


def assert_said(found: Diagnostic, pattern: str) -> None:
    assert re.search(pattern, f"{found.message} {found.help}"), found
