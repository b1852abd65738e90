"""From a marked script to its search space and the trial: what is found, what it is called, how it runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hpo.annotate.apply import apply, literal
from hpo.annotate.project import AnnotatedProject, annotate


def project(folder: Path, text: str, name: str = "script.py") -> AnnotatedProject:
    path = folder / name
    path.write_bytes(text.encode())
    return annotate([path])


def space(folder: Path, text: str) -> dict[str, Any]:
    found = project(folder, text)
    assert not found.errors, "\n".join(map(str, found.errors))
    return found.space.to_json()


def run(folder: Path, text: str, values: dict[str, Any] | None = None) -> str:
    """Run the parameterised script as a trial with some values; without, as the baseline."""
    found = project(folder, text)
    assert not found.errors, "\n".join(map(str, found.errors))
    trial = folder / "trial"
    trial.mkdir()
    (trial / "parameters.json").write_text(json.dumps(values or {}))
    (folder / "rewritten.py").write_bytes(found.files[0].rewritten)
    environment = {"HPO_TRIAL_DIR": str(trial), "HPO_PARAMETERS": str(trial / "parameters.json")}
    done = subprocess.run(
        [sys.executable, str(folder / "rewritten.py")],
        env=environment | ({} if values is not None else {"HPO_BASELINE": "1"}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


UNIFORM = {"_type": "uniform", "_value": [0, 1]}


@pytest.mark.parametrize(
    "text",
    [
        "x = 0.5  # hpo: uniform(0, 1)\n",
        "# hpo: uniform(0, 1)\nx = 0.5\n",
        "'''@hpo.uniform(0, 1)'''\nx = 0.5\n",
        '"""@nni.uniform(0, 1)"""\nx = 0.5\n',
        "'''@nni.variable(nni.uniform(0, 1), name=x)'''\nx = 0.5\n",
        "f(\n  x=0.5,  # hpo: uniform(0, 1)\n)\ndef f(**k): ...\n",
        "d = {'x': 0.5}  # hpo: uniform(0, 1)\n",
        "def f(x=0.5,  # hpo: uniform(0, 1)\n      y=1): ...\n",
        "import hpo\n@hpo.param(x=hpo.uniform(0, 1))\ndef f(x=0.5): ...\n",
        "import hpo as h\n@h.param('x', h.uniform(0, 1))\ndef f(x=0.5): ...\n",
        "from hpo import param, uniform as u\n@param(x=u(0, 1))\nclass A:\n def __init__(self, x=0.5): ...\n",
        "(x := 0.5)  # hpo: uniform(0, 1)\n",
        "x: float = 0.5  # type: ignore  # hpo: uniform(0, 1)\n",
        "x = 0.5  # hpo: uniform(0, 1)  # noqa\n",
        "class A:\n    x = 0.5  # hpo: uniform(0, 1)\n",
    ],
)
def test_every_spelling_gives_the_same_space(tmp_path: Path, text: str) -> None:
    found = project(tmp_path, text)
    assert not found.errors, "\n".join(map(str, found.errors))
    assert found.space.to_json() == {"x": UNIFORM}
    assert found.space.defaults == {"x": 0.5}
    assert b"\n" * found.files[0].original.count(b"\n") == bytes(
        c for c in found.files[0].rewritten if c == 10
    )


def test_words_in_docstrings_and_other_strings_are_no_marks(tmp_path: Path) -> None:
    text = '"""Write @hpo.uniform(0, 1) or # hpo: uniform(0, 1)."""\ns = "# hpo: uniform(0, 1)"\nf"@hpo.x"\n'
    found = project(tmp_path, text)
    assert not found.parameters
    assert found.files[0].rewritten == found.files[0].original


@pytest.mark.parametrize(
    ("mark", "changed"),
    [
        ("'@hpo.' 'choice(1, 2)'", "'#hpo.' 'choice(1, 2)'"),
        ("(''  # '@hpo.\n '@hpo.choice(1, 2)')", "(''  # '@hpo.\n '#hpo.choice(1, 2)')"),
        ("'''\\\n@hpo.choice(1, 2)'''", "'''\\\n#hpo.choice(1, 2)'''"),
        ("'@hpo.choice(\\x31, 2)'", "'#hpo.choice(\\x31, 2)'"),
    ],
)
def test_the_words_that_open_a_mark_are_what_goes(tmp_path: Path, mark: str, changed: str) -> None:
    (file,) = project(tmp_path, f"{mark}\nx = 1\n").files
    assert file.rewritten.decode().startswith(f"{changed}\nx = (")


@pytest.mark.parametrize("mark", ["'\\x40hpo.choice(1, 2)'", "r'''\\\n@hpo.choice(1, 2)'''"])
def test_words_in_escapes_are_no_mark_as_the_search_of_files_has_it(tmp_path: Path, mark: str) -> None:
    found = project(tmp_path, f"{mark}\nx = 1\n")
    assert not found.parameters
    assert found.files[0].rewritten == found.files[0].original


def test_options_of_code_are_evaluated_only_when_chosen(tmp_path: Path) -> None:
    text = "'''@hpo.choice(print('one'), 2, print('three'), name=act)'''\nx = print('one')\nprint(x)\n"
    assert space(tmp_path, text) == {
        "act": {"_type": "choice", "_value": ["print('one')", 2, "print('three')"]}
    }
    assert run(tmp_path, text, {"act": "print('three')"}) == "three\nNone\n"


@pytest.mark.parametrize(
    ("values", "printed"), [(None, "0.5 16\n"), ({"x": 0.25, "n": 32}, "0.25 32\n"), ({"n": 64}, "0.5 64\n")]
)
def test_a_trial_sees_its_values_and_the_baseline_the_sources_own(
    tmp_path: Path, values: dict[str, Any] | None, printed: str
) -> None:
    text = "x = 0.5  # hpo: uniform(0, 1)\n'''@hpo.choice(16, 32, 64)'''\nn = 16\nprint(x, n)\n"
    assert run(tmp_path, text, values) == printed


def test_scopes_stay_what_they_are(tmp_path: Path) -> None:
    text = """
class A:
    base = 2
    '''@hpo.choice(base * 10, base * 20)'''
    size = base * 10
def f():
    y = 3
    def g():
        nonlocal y
        y = 4  # hpo: choice(4, 5)
    g()
    return y
def gen():
    z = yield 1  # hpo: uniform(0, 1)
print(A.size, f(), list(gen()), [k := 7 for _ in range(1)])  # hpo: k=choice(7, 8)
"""
    assert run(tmp_path, text, {"size": "base * 20", "y": 5, "z": 0.5, "k": 8}) == "40 5 [] [8]\n"


def test_function_choice_replaces_the_call(tmp_path: Path) -> None:
    text = "'''@hpo.function_choice(max(3, 4), min(3, 4), name=pool)'''\nx = 10 + max(3, 4)\nprint(x)\n"
    assert run(tmp_path, text, {"pool": "min(3, 4)"}) == "13\n"


def test_reports_in_strings_become_calls_on_their_lines(tmp_path: Path) -> None:
    text = "acc = 0.5\n'''@hpo.report_intermediate_result(\n  acc)'''\n'''@nni.report_final_result(acc)'''\n"
    run(tmp_path, text)
    lines = [json.loads(line) for line in (tmp_path / "trial/metrics.jsonl").read_text().splitlines()]
    assert [(line["type"], line["value"]) for line in lines] == [("intermediate", 0.5), ("final", 0.5)]


def test_namesakes_in_different_scopes_are_two_told_apart_by_the_shortest_prefix(tmp_path: Path) -> None:
    text = """
class Encoder:
    def __init__(self, dropout=0.1): ...  # hpo: uniform(0, 1)
class Decoder:
    def __init__(self, dropout=0.1): ...  # hpo: uniform(0, 1)
m1 = dict(C=1)  # hpo: C=uniform(0, 9)
m2 = dict(C=2)  # hpo: C=uniform(0, 9)
"""
    assert set(space(tmp_path, text)) == {"Encoder.dropout", "Decoder.dropout", "m1.C", "m2.C"}


def test_one_label_at_two_places_is_one_hyperparameter(tmp_path: Path) -> None:
    text = "def f(a=1): ...  # hpo: randint(0, 9, name=n)\nb = 1  # hpo: randint(0, 9, name=n)\n"
    assert space(tmp_path, text) == {"n": {"_type": "randint", "_value": [0, 9]}}


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("x = 1  # hpo: unifrom(0, 1)\n", "HPO202", 1, 15),
        ("x = 1  # hpo: uniform(0)\n", "HPO203", 1, 15),
        ("x = 1  # hpo: uniform(0, y)\n", "HPO213", 1, 26),
        ("x = 1  # hpo: randint(0, 1.5)\n", "HPO205", 1, 26),
        ("y = 3  # hpo: randint(1, 9)\nx = 1  # hpo: randint(0, y)\n", "HPO213", 2, 26),
        ("x = 1  # hpo: choice()\n", "HPO206", 1, 15),
        ("x = 1  # hpo: choice(1, 2, 1)\n", "HPO207", 1, 28),
        ("x = 1  # hpo: uniform(2, 1)\n", "HPO208", 1, 23),
        ("x = 1  # hpo: loguniform(0, 1)\n", "HPO209", 1, 26),
        ("x = 1  # hpo: quniform(0, 1, 0)\n", "HPO211", 1, 30),
        ("'''@hpo.uniform(0, 1'''\nx = 1\n", "HPO201", 1, 16),
        ("'''@hpo.uniform(0, 1)'''\n", "HPO221", 1, 9),
        ("'''@hpo.uniform(0, 1)'''\nimport os\n", "HPO221", 1, 9),
        ("'''@hpo.uniform(0, 1)'''\nx = y = 1\n", "HPO221", 1, 9),
        ("'''@hpo.uniform(0, 1)'''\n'''@hpo.uniform(0, 1)'''\nx = 1\n", "HPO222", 1, 9),
        ("'''@hpo.variable(hpo.uniform(0, 1), name=y)'''\nx = 1\n", "HPO223", 1, 42),
        ("f(a=1, b=2)  # hpo: uniform(0, 1)\n", "HPO225", 1, 21),
        ("import hpo\n@hpo.param(y=hpo.uniform(0, 1))\ndef f(x=1): ...\n", "HPO226", 2, 14),
        ("import hpo\n@hpo.uniform(0, 1)\ndef f(x=1): ...\n", "HPO221", 2, 2),
        ("f(a=1, b=2)  # hpo: a=choice(1, 3)  # hpo: b=choice(2, 3)\n", "HPO222", 1, 37),
        ("x = 1  # hpo: uniform(0, 1)\nx = 2  # hpo: uniform(0, 2)\n", "HPO231", 2, 15),
        ("x = (  # hpo: uniform(0, 1)\n", "HPO101", 1, 5),
    ],
)
def test_a_mistake_is_shown_at_its_place(
    tmp_path: Path, text: str, code: str, line: int, column: int
) -> None:
    found = project(tmp_path, text)
    assert [(d.code, d.line, d.column) for d in found.errors][:1] == [(code, line, column)]
    assert found.errors[0].help
    assert all(f.rewritten == f.original for f in found.files)


HUGE = f"0x{'f' * 5000}"  # of more digits than Python writes in decimal


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        (f"x = 1  # hpo: uniform(0, {HUGE})\n", ["HPO213"]),
        (f"A = {HUGE}\nx = 1  # hpo: randint(0, A)\n", ["HPO213"]),
        (f"x = 1  # hpo: choice(1, {HUGE})\n", []),
        (f"x = {HUGE}  # hpo: choice(1, 2)\n", []),
        (f"o = 1  # hpo: choice(1, 2)\nif o < {HUGE}:\n    c = 1  # hpo: choice(1, 2)\n", []),
        (f"o = 1  # hpo: choice(1, 2)\n# hpo: constraint(o < {HUGE})\n", ["HPO241"]),
    ],
)
def test_a_number_too_long_to_be_written_is_read(tmp_path: Path, text: str, codes: list[str]) -> None:
    found = project(tmp_path, text)
    assert [d.code for d in found.diagnostics] == codes
    assert all(len(d.message) < 200 for d in found.diagnostics)
    json.dumps(found.to_json())


def test_a_value_outside_its_domain_is_a_warning(tmp_path: Path) -> None:
    found = project(tmp_path, "x = 5  # hpo: uniform(0, 1)\n")
    assert [(d.code, d.severity) for d in found.diagnostics] == [("HPO233", "warning")]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_bytes_outside_the_marks_are_the_files_own(tmp_path: Path, newline: str) -> None:
    text = "\ufeff# é\n\tif_ = 1 ;x = 0.5  # hpo: x=uniform(0, 1)\ny = 'ü'   \n\f\nz=1".replace(
        "\tif_", "if_"
    )
    found = project(tmp_path, text.replace("\n", newline))
    before, after = (t.split(newline.encode()) for t in (found.files[0].original, found.files[0].rewritten))
    assert [i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a != b] == [1]


def test_rewriting_is_idempotent(tmp_path: Path) -> None:
    once = (
        project(tmp_path, "x = 0.5  # hpo: uniform(0, 1)\n'''@hpo.choice(1, 2)'''\ny = 1\n")
        .files[0]
        .rewritten
    )
    again = project(tmp_path, once.decode())
    assert again.files[0].rewritten == once
    assert not again.parameters


def test_modules_that_a_script_imports_belong_to_it(tmp_path: Path) -> None:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg/__init__.py").write_text("from . import inner\n")
    (tmp_path / "pkg/inner.py").write_text("size = 3  # hpo: randint(1, 9)\n")
    (tmp_path / "other.py").write_text("x = 1  # hpo: randint(0, 9)\n")
    found = project(tmp_path, "import pkg, json\n")
    assert [f.path.name for f in found.files] == ["script.py", "__init__.py", "inner.py"]
    assert list(found.space) == ["size"]


def test_apply_changes_the_values_and_nothing_else(tmp_path: Path) -> None:
    text = "x = 0.5   # hpo: uniform(0, 1)\nact = f( 1 )  # hpo: choice(f(1), g(2))\n"
    found = project(tmp_path, text)
    result = apply(found, {"x": 0.123456789, "act": "g(2)"})
    result.write()
    changed = text.replace("0.5", "0.123457").replace("f( 1 )", "g(2)")
    assert (tmp_path / "script.py").read_text() == changed
    assert "-x = 0.5" in result.diff()


def test_a_place_whose_domain_changed_since_the_trial_is_left(tmp_path: Path) -> None:
    was = project(tmp_path, "x = 0.5  # hpo: uniform(0, 1)\n", "old.py")
    now = project(tmp_path, "x = 5  # hpo: uniform(2, 9)\n")
    result = apply(now, {"x": 0.3}, was)
    assert not result.edits
    assert [d.code for d in result.skipped] == ["HPO401"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.00029999999999999997, "3e-4"),
        (3e-5, "3e-5"),
        (1e16, "1e16"),
        (0.1, "0.1"),
        (4, "4"),
        (True, "True"),
    ],
)
def test_numbers_are_written_as_a_person_would(value: float, text: str) -> None:
    assert literal(value) == text
