"""docs/diagnostics.md: every code is there, and every example says what the page says that it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import hpo
from hpo.annotate.project import annotate

PAGE = Path(__file__).parents[2] / "docs" / "diagnostics.md"
CONFIGURATION = PAGE.with_name("configuration.md")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Section:
    """One code: an example, what is printed of it, and the example mended."""

    code: str
    language: str
    example: str
    output: str
    cured: str


def sections() -> list[Section]:
    parts = re.split(r"^## (?=HPO)", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    found = []
    for part in parts:
        (language, example), (_, output), (again, cured) = _BLOCK.findall(part)
        assert language == again, part
        found.append(Section(part[:6], language, example, output, cured))
    return found


def said_of(language: str, example: str, folder: Path) -> str:
    """Return what is printed of an example: a script's diagnostics, or the output of commands."""
    if language == "python":
        (folder / "train.py").write_text(example, encoding="utf-8")
        return "".join(f"{d}\n" for d in annotate([Path("train.py")]).diagnostics)
    done = subprocess.run(
        ["bash", "-c", example],
        env={"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HPO_HOME": str(folder / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr


@pytest.mark.parametrize("section", sections(), ids=lambda s: s.code)
def test_an_example_says_what_the_page_says_and_its_cure_nothing(
    section: Section, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("example", "cured"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "example")
    said = said_of(section.language, section.example, Path.cwd())
    assert f"[{section.code}]" in section.output
    assert section.output == said if section.language == "python" else section.output in said, said
    monkeypatch.chdir(tmp_path / "cured")
    assert "[HPO" not in said_of(section.language, section.cured, Path.cwd())


def test_every_code_of_the_source_is_on_a_page_and_no_other() -> None:
    (folder,) = hpo.__path__
    files = [
        file for file in Path(folder).rglob("*.py") if file.name != "errors.py"
    ]  # which names one in prose
    used = {code for file in files for code in re.findall(r"\bHPO\d{3}\b", file.read_text(encoding="utf-8"))}
    listed = [section.code for section in sections()]
    of_configuration = re.findall(
        r"^\| (HPO\d{3}) \|", CONFIGURATION.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert sorted(used) == [*listed, *of_configuration]
