"""Constraints in scripts: what their names mean, how the trial reads, and what is wrong with them."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from hpo.annotate.project import AnnotatedProject, annotate
from hpo.annotate.writing.apply import code


def project(folder: Path, text: str) -> AnnotatedProject:
    path = folder / "script.py"
    path.write_text(text)
    return annotate([path])


def constraints(folder: Path, text: str) -> list[str]:
    found = project(folder, text)
    assert not found.diagnostics, "\n".join(map(str, found.diagnostics))
    return [str(constraint) for constraint in found.space.constraints]


PAIR = "a = 1  # hpo: randint(0, 9)\nb = 2  # hpo: randint(0, 9)\n"


@pytest.mark.parametrize(
    "mark",
    [
        "'''@hpo.constraint(a<b)'''\n",
        "'''@nni.constraint(a  <  b)'''\n",
        "'''@hpo.constraint(\n    a <\n    b)'''\n",
        "# hpo: constraint(a < b)\n",
        "print()  # hpo: constraint(a < b)  # noqa\n",
        "if True:\n    '''@hpo.constraint(a < b)'''\n",
    ],
)
def test_every_spelling_gives_the_same_constraint(tmp_path: Path, mark: str) -> None:
    assert constraints(tmp_path, PAIR + mark) == ["a < b"]
    assert constraints(tmp_path, mark + PAIR) == ["a < b"]


def test_it_is_json_and_survives_the_way_between_processes(tmp_path: Path) -> None:
    found = project(tmp_path, PAIR + "'''@hpo.constraint(a < b)'''\n")
    assert found.to_json()["space"]["_constraints"] == ["a < b"]
    assert found.to_json()["constraints"] == [
        {"test": "a < b", "file": str(tmp_path / "script.py"), "line": 3, "column": 20}
    ]
    assert AnnotatedProject.from_json(json.loads(json.dumps(found.to_document()))) == found


def test_samples_of_the_space_pass(tmp_path: Path) -> None:
    space = project(tmp_path, PAIR + "# hpo: constraint(a + 6 < b)\n").space
    drawn = {(c["a"], c["b"]) for c in (space.sample(random.Random(i)) for i in range(40))}
    assert drawn == {(0, 7), (0, 8), (1, 8)}


def test_a_name_means_the_nearest_hyperparameter_and_then_the_modules_constants(tmp_path: Path) -> None:
    text = (
        "LIMIT = 10\n"
        "def f():\n    lr = 0.1  # hpo: uniform(0, 1)\n    # hpo: constraint(lr < LIMIT)\n    return lr\n"
        "def g():\n    lr = 0.1  # hpo: uniform(0, 1)\n    # hpo: constraint(f.lr < lr * 2)\n    return lr\n"
    )
    assert constraints(tmp_path, text) == ["f.lr < 10", "f.lr < g.lr * 2"]


def test_labels_and_targets_both_name(tmp_path: Path) -> None:
    text = "x = 1  # hpo: randint(0, 9, name=depth)\ny = 2  # hpo: randint(0, 9)\n# hpo: constraint({} < y)\n"
    assert constraints(tmp_path, text.format("x")) == constraints(tmp_path, text.format("depth"))


def test_nested_choices_are_named_by_their_path(tmp_path: Path) -> None:
    text = (
        "# hpo: choice({'_name': 'conv', 'size': choice(3, 5)}, {'_name': 'none'})\n"
        "layer = {'_name': 'conv', 'size': 3}\n"
        "# hpo: constraint(layer == 'none' or layer.size < 4)\n"
    )
    space = project(tmp_path, text).space
    # The size is inactive where there is no layer, and the constraint then says nothing.
    assert list(space.configurations()) == [{"layer": "conv", "layer.size": 3}, {"layer": "none"}]


def test_the_trial_and_the_code_of_a_trial_have_no_mark(tmp_path: Path) -> None:
    found = project(tmp_path, PAIR + "'''@hpo.constraint(a < b)'''\nprint(a)  # hpo: constraint(b < 9)\n")
    for data in (found.files[0].rewritten, *code(found, {"a": 3, "b": 4}).values()):
        (tmp_path / "script.py").write_bytes(data)
        again = annotate([tmp_path / "script.py"])
        assert not again.parameters
        assert not again.constraints


@pytest.mark.parametrize(
    ("text", "code", "span"),
    [
        ("# hpo: constraint(a < c)\n", "HPO242", "c"),
        ("# hpo: constraint(a < open('x'))\n", "HPO241", "open('x')"),
        ("# hpo: constraint(a + 1)\n", "HPO241", "a + 1"),
        ("# hpo: constraint(a < b, b < 3)\n", "HPO203", "constraint(a < b, b < 3)"),
        ("# hpo: constraint()\n", "HPO203", "constraint()"),
        ("# hpo: constraint(3 < 4)\n", "HPO241", "3 < 4"),
        ("# hpo: constraint(a <)\n", "HPO201", ")"),
        ("'''@hpo.constraint(a > b and b > a)'''\n", "HPO243", "a > b and b > a"),
        ("f = g  # hpo: choice(g, h)\n# hpo: constraint(f == 1)\n", "HPO242", "f"),
        ("f = 1  # hpo: choice(1, 2, name='x-y')\n# hpo: constraint(f == 1)\n", "HPO242", "f"),
        (
            "h(c=1)  # hpo: choice(1, 2)\nk(c=1)  # hpo: choice(1, 2)\n# hpo: constraint(c == 1)\n",
            "HPO242",
            "c",
        ),
        ("import hpo\nhpo.constraint(a < b)\n", "HPO221", "hpo.constraint(a < b)"),
        ("# hpo: constrain(a < b)\n", "HPO202", "constrain"),
    ],
)
def test_a_mistake_is_shown_at_its_place(tmp_path: Path, text: str, code: str, span: str) -> None:
    (found,) = project(tmp_path, PAIR + text).errors
    assert found.code == code
    assert found.source is not None
    assert found.source[found.column - 1 : found.end_column - 1] == span
    assert found.help


def test_of_two_constraints_the_one_that_leaves_nothing_is_shown(tmp_path: Path) -> None:
    (found,) = project(tmp_path, PAIR + "# hpo: constraint(a < b)\n# hpo: constraint(b < a)\n").errors
    assert (found.code, found.line) == ("HPO243", 4)


def test_defaults_that_violate_one_are_a_warning(tmp_path: Path) -> None:
    found = project(tmp_path, PAIR + "# hpo: constraint(a > b)\n")
    (warning,) = found.diagnostics
    assert (warning.code, warning.severity, warning.line) == ("HPO244", "warning", 3)
    assert "a = 1, b = 2" in warning.message
    assert [str(c) for c in found.space.constraints] == ["a > b"]
