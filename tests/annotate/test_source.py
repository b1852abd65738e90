"""Positions, edits and quotations of a source file."""

from __future__ import annotations

from hpo.annotate.reading.source import brief


def test_what_is_quoted_is_on_one_line_of_eighty_characters_at_most() -> None:
    assert brief("f(\n    a,\n    b)") == "f( a, b)"
    assert brief("x" * 80) == "x" * 80
    assert brief("x" * 81) == "x" * 77 + "..."
