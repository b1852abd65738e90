"""The documents: the site builds without a warning, what they tell to type works, lists are current.

A page's blocks run in their order, in an empty folder: a block with a title is written to that file, a
`python` block without one is a program, an `sh` block is run by bash. `console` and `text` are for reading.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

import hpo.cli.commands  # noqa: F401 - adds them to `app`
from hpo.cli.app import app

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
BIN = Path(sys.executable).parent

RUN = [
    "tutorial.md",
    "from-optuna.md",
    "python.md",
    "figures.md",
    "from-nni.md",
    "multi-fidelity.md",
    "tuners.md",
]
BEFORE = {
    "figures.md": [
        ["run", "examples/digits/train.py", "--name", "digits", "--max-trials", "8", "--seed", "0"]
    ]
}
ELSEWHERE = {
    "annotation.md": "tests/annotate/test_documentation.py",
    "diagnostics.md": "tests/annotate/test_diagnostics.py",
    "configuration.md": "tests/config/test_documentation.py",
    "clusters.md": "several machines",
    "ecosystem.md": "the other tools: tests/integrations, tests/interop",
}
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?[^\n]*\n(.*?)^```$', re.DOTALL | re.MULTILINE)


def _pages() -> list[Path]:
    return [
        *sorted(DOCS.glob("*.md")),
        ROOT / "README.md",
        ROOT / "README.zh-CN.md",
        *sorted(ROOT.glob("examples/*/README.md")),
    ]


@pytest.mark.parametrize("name", RUN)
def test_what_a_page_tells_to_type_works(name: str, tmp_path: Path) -> None:
    path = os.pathsep.join([str(BIN), *os.environ["PATH"].split(os.pathsep)])
    environment = {**os.environ, "HPO_HOME": str(tmp_path / "home"), "PATH": path, "BROWSER": "true"}
    folder = tmp_path / "work"
    folder.mkdir()
    for command in BEFORE.get(name, ()):
        subprocess.run([BIN / "hpo", *command], cwd=ROOT, env=environment, check=True, capture_output=True)
    for language, title, text in BLOCK.findall((DOCS / name).read_text(encoding="utf-8")):
        if title:
            (folder / title).write_text(text, encoding="utf-8")
            continue
        if language == "python":
            (folder / "block.py").write_text(text, encoding="utf-8")
            command: list[str | Path] = [sys.executable, "block.py"]
        elif language == "sh":
            command = ["bash", "-euo", "pipefail", "-c", text]
        else:
            continue
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"


def test_each_page_with_something_to_type_is_run_by_a_test() -> None:
    typed = {
        p.name for p in DOCS.glob("*.md") if re.search(r"^```(python|sh)\b", p.read_text(), re.MULTILINE)
    }
    assert typed - {"index.md"} == {*RUN, *ELSEWHERE} & typed
    assert {*RUN} <= typed


def _commands(text: str) -> Iterator[str]:
    """Yield the `hpo` commands of a page: on lines of their own, and in the middle of its sentences."""
    for line in text.splitlines():
        if found := re.match(r"(?:    |\$ )(hpo .*)|(hpo (?:[a-z]+ )+[-\w./]*[./-][^*]*)$", line):
            yield (found[1] or found[2]).split("  ")[0].split(" | ")[0]
    for found in re.findall(r"(?<!`)`(hpo [^`\n]+)`(?!`)", text):
        yield found.split(" | ")[0]


@pytest.mark.parametrize("page", _pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_commands_that_a_page_names_are_there_with_their_options(page: Path) -> None:
    for written in _commands(page.read_text(encoding="utf-8")):
        try:
            words = shlex.split(written.rstrip("."), comments=True)[1:]
        except ValueError:
            continue  # a sentence
        group = typer.main.get_command(app)
        command, context = group, group.make_context("hpo", [], resilient_parsing=True)
        while words and hasattr(command, "list_commands") and not words[0].startswith("-"):
            found = command.get_command(context, words[0])
            assert found is not None or words[0] in {"COMMAND", "..."}, f"{page.name}: no command {written}"
            if found is None:
                break
            command, words = found, words[1:]
        known = {
            each for parameter in command.params for each in (*parameter.opts, *parameter.secondary_opts)
        }
        if not known:
            continue  # it reads its arguments itself
        given = words[: words.index("--")] if "--" in words else words
        for word in given:
            option = re.match(r"--?[a-z][a-z-]*", word)
            assert option is None or option[0] in {*known, "--help", "-h", "--version"}, (
                f"{page.name}: {written}"
            )


def test_the_list_of_commands_is_current() -> None:
    specification = importlib.util.spec_from_file_location("reference", DOCS / "reference.py")
    assert specification is not None
    assert specification.loader is not None
    reference = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(reference)
    assert reference.PAGE.read_text(encoding="utf-8") == reference.page(), (
        "renew it: python docs/reference.py"
    )


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Zensical needs Python 3.11")
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    shutil.copytree(DOCS, tmp_path / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "build" / "site" / "tutorial" / "index.html").exists()


def test_each_page_is_in_the_navigation() -> None:
    config = (ROOT / "zensical.toml").read_text()
    assert [p.name for p in DOCS.glob("*.md") if f'"{p.name}"' not in config] == []


def test_the_chinese_readme_tells_the_same_commands_files_and_options() -> None:
    def told(name: str) -> set[str]:
        text = (ROOT / name).read_text(encoding="utf-8")
        options = set(re.findall(r"--[a-z-]+", text))
        return (
            options
            | set(re.findall(r"\]\((?!README)([^)]+)\)", text))
            | set(re.findall(r"`(hpo [a-z]+)", text))
        )

    only_english = {each for each in told("README.md") - told("README.zh-CN.md") if "examples/" not in each}
    assert only_english <= {"docs/index.md"}
    assert told("README.zh-CN.md") - told("README.md") <= {"examples", "docs/examples.md"}


def test_each_example_is_told_of() -> None:
    folders = {p.parent.name for p in ROOT.glob("examples/*/README.md")}
    for page in (DOCS / "examples.md", ROOT / "README.md"):
        text = page.read_text()
        assert [name for name in folders if name not in text] == []
