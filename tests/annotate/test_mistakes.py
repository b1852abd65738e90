"""What `mistakes.txt` shows: scripts with a mistake in a mark, and what is said of it, word for word."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpo.annotate.project import annotate

BLOCKS = Path(__file__).with_name("mistakes.txt").read_text(encoding="utf-8").split("\n----\n")
CASES = [block.strip("\n").split("\n====\n") for block in BLOCKS]


@pytest.mark.parametrize(("script", "said"), CASES, ids=[said.splitlines()[0] for _, said in CASES])
def test_a_mistake_is_said_at_its_place_with_its_cure(tmp_path: Path, script: str, said: str) -> None:
    path = tmp_path / "train.py"
    path.write_text(script + "\n")
    found = annotate([path])
    assert "\n".join(map(str, found.diagnostics)).replace(f"{tmp_path}/", "") == said
    assert not found.errors or all(file.rewritten == file.original for file in found.files)


def test_a_statement_that_is_too_deep_for_the_parser_is_said_beside_the_marks_that_are_read(
    tmp_path: Path,
) -> None:
    path = tmp_path / "train.py"
    path.write_text(f"y = 1  # hpo: choice(1, 2)\nx = {'-' * 1100}1  # hpo: choice(1, 2)\n")
    (said,) = annotate([path]).diagnostics
    assert (said.code, said.line, said.column) == ("HPO104", 2, 1)
    assert "a string on a line of its own" in (said.help or "")


@pytest.mark.parametrize("statement", ["def f(): return.1", "x = 2 if.5 else 3", "x = not.1", "assert.1"])
def test_a_number_that_begins_with_its_point_beside_a_word_is_python_and_beyond_the_parser(
    tmp_path: Path, statement: str
) -> None:
    path = tmp_path / "train.py"
    path.write_text(f"y = 1  # hpo: choice(1, 2)\n{statement}  # hpo: uniform(0, 1)\n")
    found = annotate([path])
    assert [(said.code, said.line) for said in found.diagnostics] == [("HPO104", 2)]
    assert [parameter.name for parameter in found.parameters] == ["y"]
