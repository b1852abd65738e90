"""Positions, edits and quotations of a source file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hpo.annotate.project import annotate
from hpo.annotate.reading.source import Span, brief


def test_what_is_quoted_is_on_one_line_of_eighty_characters_at_most() -> None:
    assert brief("f(\n    a,\n    b)") == "f( a, b)"
    assert brief("x" * 80) == "x" * 80
    assert brief("x" * 81) == "x" * 77 + "..."


def test_a_stretch_holds_what_begins_and_ends_within_it_itself_included() -> None:
    held = [(2, 5), (2, 3), (4, 5), (3, 3)]
    assert all(Span(2, 5).holds(Span(*each)) for each in held)
    assert not any(Span(2, 5).holds(Span(*each)) for each in [(1, 5), (2, 6), (0, 1), (6, 7)])


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r", "\r \n", "\n\r", "\r\r\n\n"])
@pytest.mark.parametrize("call", ["hpo.choice(len,@str,  default=@len,@)", "hpo.uniform(@0,@1)", "f(@1,@2)"])
def test_a_trial_has_as_many_lines_as_the_script_whatever_ends_them(
    tmp_path: Path, ends: str, call: str
) -> None:
    path, mark = tmp_path / "train.py", "" if call.startswith("hpo") else "  # hpo: x=uniform(0, 1)"
    path.write_bytes(f"import hpo\n\nx = {call}{mark}\nprint(x)\n".replace("@", ends).encode())
    found = annotate([path])
    assert [parameter.name for parameter in found.parameters] == ["x"]
    assert not found.errors
    (file,) = found.files
    before, after = (re.split(rb"\r\n|\r|\n", text) for text in (file.original, file.rewritten))
    assert len(before) == len(after)
    assert before[-2] == after[-2] == b"print(x)"
