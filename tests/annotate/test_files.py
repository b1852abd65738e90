"""Which files of a folder belong to a project: those that git would add, and git is the judge."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from hpo.annotate.project import annotate
from hpo.annotate.reading.files import tree

FOLDERS = ["a", "b", "ab", "build", "x.y", "foo"]
FILES = ["a.py", "b.py", "x.py", "x.gen.py", "ab.py", "!b.py", "#x.py"]
PATTERNS = """
a /a a/ *.gen.py !b.py b.py a/b a/* a/** **/b **/b.py a/**/b * !a/ !*/ *.py !x.py [ab] [!a] [a-b].py ? ?.py
\\!b.py \\#x #c a\\ foo/ /foo/*.py !/foo/b.py ** **/ a/**/ /** /* !/a x.y *.y **/foo/** a//b ./a b.py/ []a]
[a **a a/**b [^a].py \\a fo? ! / foo/**/b.py [[:alpha:]].py *[ab] [z-a] [[:alpha:]!].py
"""


@pytest.mark.parametrize("seed", range(25))
def test_what_git_ignores_is_no_file_of_a_project(seed: int, tmp_path: Path) -> None:
    if shutil.which("git") is None:
        pytest.skip("there is no git to ask")
    rng = random.Random(seed)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    for _ in range(12):
        path = tmp_path.joinpath(*rng.choices(FOLDERS, k=rng.randint(0, 3)), rng.choice(FILES))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    folders = sorted(p for p in tmp_path.rglob("*") if p.is_dir() and ".git" not in p.parts)
    for folder in (tmp_path, rng.choice(folders or [tmp_path])):
        (folder / ".gitignore").write_text(
            "\n".join(rng.choices(PATTERNS.split(), k=rng.randint(1, 4))) + "\n"
        )
    listed = subprocess.run(
        ["git", "-C", tmp_path, "-c", "core.quotePath=false", "ls-files", "-o", "--exclude-standard"],
        capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    ours = [path.relative_to(tmp_path).as_posix() for path in tree(tmp_path, lambda error: None)]
    assert sorted(ours) == sorted(name for name in listed if name.endswith(".py"))


def test_hidden_folders_and_environments_are_passed_over(tmp_path: Path) -> None:
    for name in (".hidden", "env", "node_modules", "__pycache__", "src"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "train.py").write_text("x = 1  # hpo: choice(1, 2)\n")
    (tmp_path / "env" / "pyvenv.cfg").write_text("")
    (found,) = annotate([tmp_path]).files
    assert found.path == tmp_path / "src" / "train.py"
