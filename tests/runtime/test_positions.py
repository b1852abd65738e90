"""Parameterised code has the columns of the script."""

from __future__ import annotations

import ast

from hpo.runtime.positions import with_own_columns


def test_what_is_in_beside_and_around_several_places_of_a_line_is_where_it_is_in_the_script() -> None:
    #         0 2        12 14         24
    trial = b"f(value('a'), value('b')) + g\nh(3)\n"
    own = "f(1, 2) + g\nh(3)\n"
    stretches = [[1, 2, 1, 12, 1, 2, 1, 3, 3], [1, 14, 1, 24, 1, 5, 1, 6, 6]]
    found = {ast.unparse(node): ast.get_source_segment(own, node) for node in _expressions(trial, stretches)}
    assert found == {
        "f(value('a'), value('b')) + g": "f(1, 2) + g",
        "f(value('a'), value('b'))": "f(1, 2)",
        "f": "f",
        "value('a')": "1",
        "value('b')": "2",
        "value": "2",
        "'a'": "1",
        "'b'": "2",
        "g": "g",
        "h(3)": "h(3)",
        "h": "h",
        "3": "3",
    }


def _expressions(source: bytes, stretches: list[list[int]]) -> list[ast.expr]:
    return [node for node in ast.walk(with_own_columns(source, stretches)) if isinstance(node, ast.expr)]
