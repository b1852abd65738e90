"""Positions, edits and quotations of a source file."""

from __future__ import annotations

from hpo.annotate.reading.source import Span, brief


def test_what_is_quoted_is_on_one_line_of_eighty_characters_at_most() -> None:
    assert brief("f(\n    a,\n    b)") == "f( a, b)"
    assert brief("x" * 80) == "x" * 80
    assert brief("x" * 81) == "x" * 77 + "..."


def test_a_stretch_holds_what_begins_and_ends_within_it_itself_included() -> None:
    held = [(2, 5), (2, 3), (4, 5), (3, 3)]
    assert all(Span(2, 5).holds(Span(*each)) for each in held)
    assert not any(Span(2, 5).holds(Span(*each)) for each in [(1, 5), (2, 6), (0, 1), (6, 7)])
