"""The code of a trial: what is left of a script when its marks are gone, and hpo with them."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from hpo.annotate.project import annotate
from hpo.annotate.writing.apply import code


def of_trial(folder: Path, text: str, values: dict[str, Any] | None = None) -> str:
    path = folder / "script.py"
    path.write_bytes(text.encode())
    found = annotate([path])
    assert not found.errors, "\n".join(map(str, found.errors))
    written = code(found, values or {})[path].decode()
    ast.parse(written)
    return written


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("x = 1  # hpo: choice(1, 2)\n", "x = 1\n"),
        ("x = 1\t# type: ignore  # hpo: choice(1, 2)  # noqa\n", "x = 1\t# type: ignore  # noqa\n"),
        ("x = '#'  # hpo: choice('#', '# hpo: y')  # noqa", "x = '#'  # noqa"),
        ("# hpo: choice(1, 2)\nx = 1\n", "x = 1\n"),
        ("if 1:\n    # hpo: choice(1, 2)  # why\n\n    x = 1\n", "if 1:\n    # why\n\n    x = 1\n"),
        ("'''@hpo.choice(\n1, 2)'''\nx = 1\n", "x = 1\n"),
        ("y = 0\r\n'''@hpo.choice(1, 2)'''  # why\r\nx = 1\r\n", "y = 0\r\n# why\r\nx = 1\r\n"),
        ("'''@hpo.choice(1, 2)''';\nx = 1", "x = 1"),
        ("a = 1; '''@hpo.choice(1, 2)'''; x = 1\n", "a = 1; x = 1\n"),
        ("a = 1; '''@hpo.choice(1, 2)'''\nx = 1\n", "a = 1\nx = 1\n"),
        ("def f(): '''@hpo.choice(1, 2)'''; x = 1\n", "def f(): x = 1\n"),
        ("def f(): '''@hpo.get_next_parameter()'''\n", "def f(): pass\n"),
        ("x = 1  # hpo: choice(1, 2)\nif 1:\n  '''@hpo.constraint(x < 3)'''\n", "x = 1\nif 1:\n  pass\n"),
        ("for i in range(3):  # hpo: fidelity()\n    pass\n", "for i in range(3):\n    pass\n"),
        ("if 1:\n    '''@hpo.report_final_result(\n    1)'''\n", "if 1:\n    print(1)\n"),
        (
            "if 1:\n  '''@hpo.get_next_parameter()'''\n  '''@hpo.report_final_result(1)'''\n",
            "if 1:\n  print(1)\n",
        ),
        ("# hpo: report_intermediate_result(1, step=2)  # noqa\n", "print(1)  # noqa\n"),
    ],
)
def test_a_text_leaves_its_neighbours_as_they_were(tmp_path: Path, text: str, left: str) -> None:
    assert of_trial(tmp_path, text) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("@hpo.param(x=hpo.choice(1, 2))\n@g  # why\ndef f(x=1): ...\n", "@g  # why\ndef f(x=1): ...\n"),
        ("if 1:\n    @(hpo.param(\n        x=hpo.choice(1, 2)))  # why\n    def f(x=1): ...\n",
         "if 1:\n    # why\n    def f(x=1): ...\n"),
        ("x: Annotated[int, hpo.choice(1, 2)] = 1\n", "x: int = 1\n"),
        ("x: Annotated[\n    int,\n    hpo.choice(1, 2),\n] | None = 1\n", "x: int | None = 1\n"),
        ("x: Annotated[int, 'unit', hpo.choice(1, 2), 3] = 1\n", "x: Annotated[int, 'unit', 3] = 1\n"),
        ("x = hpo.choice(1, 2)\ny = 2 * hpo.uniform(\n 0, 4, default=1 + 2)\n", "x = 1\ny = 2 * (1 + 2)\n"),
    ],
)  # fmt: skip
def test_code_goes_with_its_imports(tmp_path: Path, text: str, left: str) -> None:
    head = "from typing import Annotated\ng = len\n"
    assert of_trial(tmp_path, f"{head}import hpo\n{text}") == head + left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("import os, hpo\nhpo.report_final_result(1)\n", "import os\nprint(1)\n"),
        ("import nni as n\nn.report_intermediate_result((1), step=(2))\n", "print((1))\n"),
        ("from hpo import *\nreport_final_result(\n    1,  # one\n)\n", "print(\n    1,  # one\n)\n"),
        ("import hpo\nfor i in hpo.fidelity(range(3)):\n    pass\n", "for i in range(3):\n    pass\n"),
        ("import hpo\nfor i in hpo.fidelity(i for i in (1, 2)):\n    pass\n",
         "for i in (i for i in (1, 2)):\n    pass\n"),
        ("import hpo\nfor i in [hpo.fidelity([1] if 1 else [])]:\n    pass\n",
         "for i in [([1] if 1 else [])]:\n    pass\n"),
        ("import nni\np = nni.get_next_parameter()\n", "p = {}\n"),
        ("try:\n    import hpo\nexcept ImportError:\n    hpo = None\n",
         "try:\n    pass\nexcept ImportError:\n    hpo = None\n"),
        ("def f():\n    import hpo\n    print(hpo.trial_dir())\n",
         "def f():\n    hpo = type('hpo', (), {'trial_dir': staticmethod(__import__('pathlib').Path)})\n"
         "    print(hpo.trial_dir())\n"),
        ("from hpo import get_trial_id as me, choice\nprint(me())\n",
         "me = lambda: 'STANDALONE'\nprint(me())\n"),
        ("hpo = 1\nprint(hpo)\n", "hpo = 1\nprint(hpo)\n"),
        ("from . import hpo\n", "from . import hpo\n"),
    ],
)  # fmt: skip
def test_calls_do_what_they_do_outside_an_experiment(tmp_path: Path, text: str, left: str) -> None:
    assert of_trial(tmp_path, text) == left


def test_the_values_are_written_in_and_the_budget_is_kept(tmp_path: Path) -> None:
    text = (
        "import hpo\nx = max(\n    1,\n    2,\n)  # hpo: choice(max(1, 2), 9)\nlist(hpo.fidelity([1, 2]))\n"
    )
    assert of_trial(tmp_path, text, {"x": 9}) == "x = 9\nlist([1, 2])\n"
    assert "islice(passes, start, 1)" in of_trial(tmp_path, text, {"x": 9, "TRIAL_BUDGET": 1})


def test_a_generator_stays_one_without_its_only_yield(tmp_path: Path) -> None:
    text = "def g():\n    x = yield 1  # hpo: choice(1, 2)\nprint(list(g()))\n"
    left = "def g():\n    x = (2 if True else (yield))\nprint(list(g()))\n"
    assert of_trial(tmp_path, text, {"x": 2}) == left


@pytest.mark.parametrize(("value", "written"), [(1, "1"), (True, "True"), (1.0, "1.0"), (2.0, "2")])
def test_the_option_that_is_written_is_the_one_of_the_values_own_type(
    tmp_path: Path, value: Any, written: str
) -> None:
    text = "x = 0  # hpo: choice(0, 1, True, 1.0, 2)\n"
    assert of_trial(tmp_path, text, {"x": value}) == f"x = {written}\n"
