"""When a hyperparameter counts: what the branches around its mark say, and what they do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hpo.annotate.project import annotate

PARENTS = """\
import hpo
kind = "a"  # hpo: choice("a", "b", "c")
n = 1  # hpo: randint(0, 4)
flag = None  # hpo: choice(None, True, 1)
"""
X = "x = 1  # hpo: choice(1, 2)\n"


def when(folder: Path, text: str) -> dict[str, list[Any]] | None:
    """Return the condition of the hyperparameter x."""
    path = folder / "train.py"
    path.write_text(PARENTS + text.replace("X", X))
    found = annotate([path])
    assert not found.diagnostics
    ((_, entry),) = [item for item in found.space.to_json().items() if item[0].split(".")[-1] == "x"]
    return entry.get("_when")


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("if kind in ('a', 'b'):\n    X", {"kind": ["a", "b"]}),
        ("if kind == 'a' and f():\n    X", {"kind": ["a"]}),
        ("if not (kind == 'a' or n > 1):\n    X", {"kind": ["b", "c"], "n": [0, 1]}),
        ("if kind == 'a':\n    if n:\n        X", {"kind": ["a"], "n": [1, 2, 3]}),
        ("if n == 1:\n    y = 1  # hpo: choice(1, 2)\nif y == 1:\n    X", {"y": [1]}),
        ("def f():\n    if kind == 'a':\n        X", {"kind": ["a"]}),
        ("def f():\n    m = 1  # hpo: choice(1, 2)\n    if m == 2:\n        X", {"m": [2]}),
        ("m = hpo.choice(1, 2)\nif m == 2:\n    X", {"m": [2]}),
        ("m: int = hpo.choice(1, 2)\nif m == 2:\n    X", {"m": [2]}),
        ("y = g(x=1) if kind == 'a' else 2  # hpo: x=choice(1, 2)\n", {"kind": ["a"]}),
    ],
)
def test_a_test_of_marked_constants_is_a_condition(tmp_path: Path, text: str, condition: Any) -> None:
    assert when(tmp_path, text) == condition


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("if kind == 'a':\n    X\nelif kind == 'b':\n    X", {"kind": ["a", "b"]}),
        (
            "if kind == 'a' and n == 1:\n    X\nelif kind == 'a' and n == 2:\n    X",
            {"kind": ["a"], "n": [1, 2]},
        ),
        ("if kind == 'a':\n    X\nelif kind == 'b':\n    X\nelse:\n    X", None),
        ("if kind == 'a':\n    X\nX", None),
        ("if kind == 'a':\n    X\nelif n == 1:\n    X", None),
    ],
)
def test_of_several_places_any_may_hold_where_that_can_be_said(
    tmp_path: Path, text: str, condition: Any
) -> None:
    assert when(tmp_path, text) == condition


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("match kind:\n    case 'a':\n        X", {"kind": ["a"]}),
        ("match kind:\n    case 'a' if n == 1:\n        X", {"kind": ["a"], "n": [1]}),
        ("match kind:\n    case ('a' | 'b') as y:\n        X", {"kind": ["a", "b"]}),
        ("match flag:\n    case None:\n        X", {"flag": [None]}),
        ("match flag:\n    case True:\n        X", {"flag": [True]}),
        (
            "match n:\n    case [1]:\n        pass\n    case 0 | 1:\n        pass\n    case _:\n        X",
            {"n": [2, 3]},
        ),
        (
            "match n:\n    case 1:\n        pass\n    case 2 if f():\n        pass\n    case _:\n        X",
            {"n": [0, 2, 3]},
        ),
        ("match kind:\n    case C.a:\n        X", None),
        ("match kind:\n    case 'a' | C.b:\n        X", None),
    ],
)
def test_a_case_is_a_test_and_those_before_it_did_not_match(
    tmp_path: Path, text: str, condition: Any
) -> None:
    assert when(tmp_path, text) == condition


@pytest.mark.parametrize(
    "text",
    [
        "if kind == 'a' or f():\n    X",
        "if kind == 'a' and n:\n    pass\nelse:\n    X",
        "if kind == 'a':\n    raise SystemExit\nX",
        "kind = 'b'\nif kind == 'a':\n    X",
        "m = 1  # hpo: uniform(0, 2)\nif m > 1:\n    X",
        "m = 2 * hpo.choice(1, 2)\nif m == 2:\n    X",
        "f(m=1)  # hpo: choice(1, 2)\nif m == 2:\n    X",
        "m = g()  # hpo: choice(g(), h())\nif m == 2:\n    X",
        "def f(kind):\n    if kind == 'a':\n        X",
        "def f():\n    kind: str\n    if kind == 'a':\n        X",
        "def f(m=1):  # hpo: m=choice(1, 2)\n    if m == 2:\n        X",
        "def f():\n    m = 1  # hpo: choice(1, 2)\n    def g():\n        if m == 2:\n            X",
        "ys = [g(x=1) for kind in r if kind == 'a']  # hpo: x=choice(1, 2)\n",
        "if x == 1:\n    X",
    ],
)
def test_what_cannot_be_read_for_certain_is_no_condition(tmp_path: Path, text: str) -> None:
    assert when(tmp_path, text) is None


@pytest.mark.parametrize(
    "inner",
    ["    def g():\n", "    class A:\n     def g(self):\n", "    def g():\n     nonlocal m\n     def h():\n"],
)
def test_a_name_that_an_inner_function_binds_is_no_constant(tmp_path: Path, inner: str) -> None:
    mark = "def f():\n    m = 1  # hpo: choice(1, 2)\n"
    test = "    if m == 2:\n        X"
    assert when(tmp_path, f"{mark}{inner}      m = 2\n{test}") == {"m": [2]}
    assert when(tmp_path, f"{mark}{inner}      nonlocal m\n      m = 2\n{test}") is None


@pytest.mark.parametrize(("high", "is_read"), [(64, True), (65, False)])
def test_a_number_is_a_parent_where_it_has_few_values(tmp_path: Path, high: int, is_read: bool) -> None:
    text = f"m = 1  # hpo: randint(0, {high})\nif m == 9:\n    X"
    assert when(tmp_path, text) == ({"m": [9]} if is_read else None)


@pytest.mark.parametrize(("high", "is_read"), [(16, True), (17, False)])
def test_many_cases_are_not_gone_through(tmp_path: Path, high: int, is_read: bool) -> None:
    marks = f"p = 1  # hpo: randint(0, {high})\nq = 1  # hpo: randint(0, 16)\nr = 1  # hpo: randint(0, 16)\n"
    condition = when(tmp_path, f"{marks}if p + q + r == 0:\n    X")
    assert condition == ({"p": [0], "q": [0], "r": [0]} if is_read else None)
