"""Marks whose values are lists, `subset` and `permutation`: every spelling, and what is wrong with them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hpo.annotate.marks.options import read_options
from hpo.annotate.project import annotate
from hpo.annotate.writing.apply import apply, code
from hpo.errors import AnnotationError
from hpo.parameters import Permutation, Subset


def written(folder: Path, text: str) -> Path:
    script = folder / "script.py"
    script.write_bytes(text.encode())
    return script


SPELLINGS = {
    "comment": "some = ['a']  # hpo: subset(['a', 'b', 'c'], min=1, max=2)\n",
    "comment above": "# hpo: subset(['a', 'b', 'c'], min=1, max=2)\nsome = ['a']\n",
    "string": "'''@hpo.subset(['a', 'b', 'c'], min=1, max=2)'''\nsome = ['a']\n",
    "long form": "'''@hpo.variable(hpo.subset(['a', 'b', 'c'], min=1, max=2), name=some)'''\nsome = ['a']\n",
    "decorator": "import hpo\n@hpo.param(some=hpo.subset(['a', 'b', 'c'], min=1, max=2))\n"
    "def train(some=['a']): return some\nsome = train()\n",
    "annotated": "import hpo\nfrom typing import Annotated\n"
    "some: Annotated[list, hpo.subset(['a', 'b', 'c'], min=1, max=2)] = ['a']\n",
    "call": "import hpo\nsome = hpo.subset(['a', 'b', 'c'], min=1, max=2, default=['a'])\n",
    "constant": "ALL = ('a', 'b', 'c')\nsome = ['a']  # hpo: subset(ALL, min=1, max=2)\n",
}


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=list(SPELLINGS))
class TestSpellings:
    def test_each_means_the_same(self, text: str, tmp_path: Path) -> None:
        found = annotate([written(tmp_path, text)])
        assert not found.diagnostics
        assert found.space.to_json() == {
            "some": {"_type": "subset", "_value": ["a", "b", "c"], "_min": 1, "_max": 2}
        }
        assert found.space.defaults == {"some": ["a"]}
        (parameter,) = found.to_json()["parameters"]
        assert (parameter["min"], parameter["max"], parameter["default"]) == (1, 2, ["a"])

    def test_a_trial_has_the_value_and_by_hand_the_default_stands(self, text: str, tmp_path: Path) -> None:
        found = annotate([written(tmp_path, text + "print(some)\n")])
        trial = tmp_path / "trial.py"
        trial.write_bytes(found.files[0].rewritten)
        (tmp_path / "parameters.json").write_text(json.dumps({"some": ["b", "c"]}))
        inside = {"HPO_TRIAL_DIR": str(tmp_path), "HPO_PARAMETERS": str(tmp_path / "parameters.json")}
        for script, variables, expected in (
            (trial, inside, "['b', 'c']"),
            (tmp_path / "script.py", {}, "['a']"),
        ):
            done = subprocess.run(
                [sys.executable, script],
                env={**os.environ, **variables},
                capture_output=True,
                text=True,
                check=True,
            )
            assert done.stdout.strip() == expected

    def test_apply_writes_the_list_in_its_place(self, text: str, tmp_path: Path) -> None:
        script = written(tmp_path, text)
        apply(annotate([script]), {"some": ["b", "c"]}).write()
        again = annotate([script])
        assert again.space.defaults == {"some": ["b", "c"]}
        assert script.read_text() == text.replace("= ['a']", "=['b', 'c']").replace(
            "=['a']", "=['b', 'c']"
        ).replace("some =[", "some = [").replace("] =[", "] = [")

    def test_the_code_of_a_trial_runs_without_hpo(self, text: str, tmp_path: Path) -> None:
        script = written(tmp_path, text + "print(some)\n")
        plain = tmp_path / "plain.py"
        plain.write_bytes(code(annotate([script]), {"some": ["c"]})[script])
        done = subprocess.run(
            [sys.executable, "-I", "-S", plain], capture_output=True, text=True, check=True, cwd=tmp_path
        )
        assert done.stdout.strip() == "['c']"


class TestDisplays:
    """`apply` writes a list as a person would: as it was written."""

    @pytest.mark.parametrize(
        ("before", "value", "after"),
        [
            ("x = ('a', 'b')", ["c"], "x = ('c',)"),
            ("x = {'a'}", ["b", "c"], "x = {'b', 'c'}"),
            ("x = {'a'}", [], "x = set()"),
            ("x = ['a']", [], "x = []"),
            ("x = list('ab')", ["c"], None),
            ("x = [\n    'a',\n    'b',\n]", ["b", "c"], "x = [\n    'b',\n    'c',\n]"),
            ("x = [\r\n  'a', # why\r\n  'b'\r\n  ]", ["a", "c"], "x = [\r\n  'a',  # why\r\n  'c',\r\n  ]"),
            ("x = ['a',\n     'b']", ["c"], "x = ['c']"),
            ("x = [\n    # all of them\n    'a',\n]", ["c"], None),
            ("x = ['a',  # why\n     'b']", ["c"], None),
        ],
    )
    def test_a_list_is_written_as_it_was(
        self, tmp_path: Path, before: str, value: Any, after: str | None
    ) -> None:
        mark = "  # hpo: subset(['a', 'b', 'c'])\n"
        script = written(tmp_path, before + mark)
        result = apply(annotate([script]), {"x": value})
        result.write()
        assert script.read_bytes().decode() == (before if after is None else after) + mark
        assert [d.code for d in result.skipped] == (["HPO401"] if after is None else [])

    def test_items_that_are_code_are_written_as_code(self, tmp_path: Path) -> None:
        script = written(tmp_path, "x = [abs, min]  # hpo: permutation([abs, min, max])\n")
        apply(annotate([script]), {"x": ["max", "abs", "min"]}).write()
        assert script.read_text().startswith("x = [max, abs, min]  #")


MISTAKES = [
    ("x = [1]  # hpo: subset([])", "HPO206", "subset has no items"),
    ("x = [1]  # hpo: subset(1, 2)", "HPO203", "subset takes a list of items"),
    ("x = [1]  # hpo: permutation('ab')", "HPO203", "permutation takes a list of items, and 'ab' is none"),
    ("x = [1]  # hpo: subset([1, 2, 1])", "HPO207", "item 1 is listed twice"),
    ("x = [f]  # hpo: subset([f(1), f( 1)])", "HPO207", "item f( 1) is listed twice"),
    ("x = [1]  # hpo: subset([1, 2], min=2, max=1)", "HPO217", "min of subset is 2, and max is 1"),
    ("x = [1]  # hpo: subset([1, 2], min=-1)", "HPO217", "min of subset is -1"),
    ("x = [1]  # hpo: subset([1, 2], max=3)", "HPO217", "max of subset is 3"),
    ("x = [1]  # hpo: subset([1, 2], max=1.5)", "HPO205", "max of subset is 1.5, which is no integer"),
    ("x = [1]  # hpo: subset([1, 2], max=n)", "HPO213", "a bound is a constant, and n"),
    ("x = [1]  # hpo: permutation([1, 2], min=1)", "HPO203", "permutation takes no min="),
    ("x = [1]  # hpo: subset([1, 2], least=1)", "HPO203", "subset takes no least="),
    ("x = [1]  # hpo: subset([*y, 2])", "HPO203", "the items of a subset are written out"),
    ("x = [1]  # hpo: subset(y)", "HPO213", "subset takes a list of items, and y is none that is known here"),
    ("y = [1]\ny = [2]\nx = [1]  # hpo: subset(y)", "HPO213", "y is none that is known here"),
    ("x = [3]  # hpo: subset([1, 2])", "HPO233", "the value [3] lies outside subset([1, 2])"),
    ("x = [1, 2]  # hpo: subset([1, 2, 3], max=1)", "HPO233", "the value [1, 2] lies outside"),
    ("x = 1  # hpo: subset([1, 2])", "HPO233", "the value 1 lies outside subset([1, 2])"),
    ("x = [1]  # hpo: permutation([1, 2])", "HPO233", "the value [1] lies outside permutation([1, 2])"),
    ("x = [1]  # hpo: permutation([1])", "HPO216", "there is one value, and nothing to choose"),
    ("x = [1, 2]  # hpo: subset([1, 2], min=2)", "HPO216", "there is one value, and nothing to choose"),
    ("x = [1]  # hpo: subsets([1, 2])", "HPO202", "there is no domain subsets"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "number", "message"), MISTAKES)
def test_a_mistake_is_one_diagnostic_that_says_what_it_is(
    tmp_path: Path, text: str, number: str, message: str
) -> None:
    (found,) = annotate([written(tmp_path, text + "\n")]).diagnostics
    assert (found.code, found.help != "") == (number, True)
    assert message in found.message


@pytest.mark.parametrize(
    "text",
    [
        "x = [1]  # hpo: subset([1, 2])",
        "x = []  # hpo: subset([1, 2], max=1)",
        "x = (2, 1)  # hpo: permutation([1, 2])",
        "n = 2\nx = [1, 3]  # hpo: subset([1, 2, 3], min=n, max=n)",
        "y = [1, 2]\nx = y  # hpo: subset(y)",
        "f = len\nx = [f]  # hpo: subset([f, 'g'])",
    ],
)
def test_what_is_right_is_said_nothing_of(tmp_path: Path, text: str) -> None:
    assert not annotate([written(tmp_path, text + "\n")]).diagnostics


def test_the_list_of_a_place_is_its_own(tmp_path: Path) -> None:
    text = "x = ['a']  # hpo: x=subset(['a', 'b'], name=s)\ny = ['a']  # hpo: y=subset(['a', 'b'], name=s)\n"
    found = annotate([written(tmp_path, text + "x.append('z')\nprint(x, y)\n")])
    (tmp_path / "trial.py").write_bytes(found.files[0].rewritten)
    (tmp_path / "parameters.json").write_text('{"s": ["b"]}')
    variables = {"HPO_TRIAL_DIR": str(tmp_path), "HPO_PARAMETERS": str(tmp_path / "parameters.json")}
    done = subprocess.run(
        [sys.executable, tmp_path / "trial.py"],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "['b', 'z'] ['b']\n"


def test_lists_below_the_options_of_a_nested_choice(tmp_path: Path) -> None:
    nested = '{"_name": "some", "cols": subset(["a", "b"], min=1), "order": permutation([abs, min])}'
    text = f"'''@hpo.choice({{'_name': 'none'}}, {nested}, name=layer)'''\n"
    script = written(tmp_path, text + 'layer = {"_name": "some", "cols": ["a"], "order": [min, abs]}\n')
    found = annotate([script])
    assert found.space.defaults == {"layer": "some", "layer.cols": ["a"], "layer.order": ["min", "abs"]}
    values = {"layer": "some", "layer.cols": ["a", "b"], "layer.order": ["abs", "min"]}
    apply(found, values).write()
    assert script.read_text() == text + 'layer = {"_name": "some", "cols": ["a", "b"], "order": [abs, min]}\n'
    assert annotate([script]).space.defaults == values


class TestOptions:
    def test_the_command_line_takes_lists(self) -> None:
        found = read_options(["cols=subset(['a','b'],min=1)", "order=permutation([1,2,3])"])
        assert found == {"cols": Subset(("a", "b"), 1), "order": Permutation((1, 2, 3))}

    def test_items_that_are_code_are_no_text(self) -> None:
        with pytest.raises(AnnotationError, match="the option f is code"):
            read_options(["cols=subset([f, 'b'])"])


@pytest.mark.parametrize(
    ("text", "default"),
    [
        ("y = ['b', 'a']  # hpo: subset(['a', 'b', 'c'])", ["a", "b"]),
        ("y = {'b', 'a'}  # hpo: subset(['a', 'b', 'c'])", ["a", "b"]),
        ("y = ('b', 'c', 'a')  # hpo: permutation(['a', 'b', 'c'])", ["b", "c", "a"]),
    ],
)
def test_todays_subset_is_in_the_order_of_the_items_and_a_permutation_in_its_own(
    tmp_path: Path, text: str, default: list[str]
) -> None:
    path = tmp_path / "train.py"
    path.write_text(f"{text}\n")
    found = annotate([path])
    assert not found.diagnostics
    assert found.space.default_configuration() == {"y": default}
