"""Domains on the command line: what a text is read as, and what is said of one that is none."""

from __future__ import annotations

import pytest

from hpo.annotate.marks.options import read_options
from hpo.errors import AnnotationError
from hpo.parameters import Choice, Uniform


def test_names_may_be_those_of_options_and_attributes() -> None:
    assert read_options(["--weight-decay=uniform(0, 1)", "a.b = choice('p', 2)"]) == {
        "weight-decay": Uniform(0, 1),
        "a.b": Choice(("p", 2)),
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x", "1:1: error: this is no NAME=DOMAIN [HPO201]"),
        ("=choice(1)", "1:1: error: this is no NAME=DOMAIN [HPO201]"),
        ("a b=choice(1)", "1:1: error: this is no NAME=DOMAIN [HPO201]"),
        ("x=choice(f(1), 2)", "1:3: error: the option f(1) is code, and a command line takes text [HPO203]"),
        ("x=uniform(0", "1:10: error: the mark does not parse: '(' was never closed [HPO201]"),
        ("x=uniform(1, 0)", "1:11: error: low is 1 and high is 0: uniform needs low < high [HPO208]"),
        ("x=nope(1)", "1:3: error: there is no domain nope [HPO202]"),
        ("x=5", "1:3: error: a mark is a call, such as uniform(0, 1) [HPO203]"),
    ],
)
def test_a_text_that_is_none_is_said_at_its_place(text: str, said: str) -> None:
    with pytest.raises(AnnotationError) as refused:
        read_options([text, "y=choice(1, 2)"])
    (found,) = refused.value.diagnostics
    assert str(found).splitlines()[0] == f"--param:{said}"


def test_a_name_is_given_once_and_all_mistakes_are_said() -> None:
    with pytest.raises(AnnotationError) as refused:
        read_options(["x=choice(1, 2)", "x=choice(1, 3)", "y"])
    assert [found.code for found in refused.value.diagnostics] == ["HPO230", "HPO201"]
