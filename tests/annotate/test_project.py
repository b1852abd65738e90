"""From a marked script to its search space and the trial: what is found, what it is called, how it runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hpo.annotate.project import AnnotatedProject, annotate
from hpo.annotate.writing.apply import apply, literal


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


@pytest.mark.parametrize(
    "text", ["if 1: pass\n# hpo: {}\nelse: x = 1\n", "@print\n# hpo: {}\ndef f(): x = 1\n"]
)
def test_a_comment_above_a_line_means_no_statement_within_it(tmp_path: Path, text: str) -> None:
    found = project(tmp_path, text.format("choice(1, 2)"))
    assert [d.code for d in found.diagnostics] == ["HPO221"]


def test_names_that_a_star_import_does_not_bring_are_no_mistakes(tmp_path: Path) -> None:
    text = "from hpo import *\nx = choice(1, 2)\nprint(x)\nunifrom(0, 1)\n"
    assert list(space(tmp_path, text)) == ["x"]


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


@pytest.mark.parametrize("text", [r"acc,\n step=1", r"\nacc,\n step=1", "\\\nacc, step=1"])
def test_line_ends_that_are_escapes_in_a_report_are_no_lines_of_the_trial(tmp_path: Path, text: str) -> None:
    script = f"acc = 0.5\n'''@hpo.report_intermediate_result({text})'''\nprint(acc)\n"
    (file,) = project(tmp_path, script).files
    assert len(file.rewritten.splitlines()) == len(script.splitlines())
    assert run(tmp_path, script) == "0.5\n"


def test_an_option_over_several_lines_is_on_one_line_of_the_trial(tmp_path: Path) -> None:
    script = "def f(a):\n    return a\n'''@hpo.choice(f(\n1), f(\n2))'''\nx = f(1)\nprint(x)\n"
    (file,) = project(tmp_path, script).files
    assert len(file.rewritten.splitlines()) == len(script.splitlines())
    (option,) = [v for v in space(tmp_path, script)["x"]["_value"] if "2" in v]
    assert run(tmp_path, script, {"x": option}) == "2\n"


def test_what_a_trial_runs_is_written_as_a_tree_with_the_modes_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "net.py").write_text("y = 1  # hpo: choice(1, 2)\n")
    script = tmp_path / "train.py"
    script.write_text("import models.net\n")
    script.chmod(0o755)
    found = annotate([script])
    found.write(tmp_path / "out")
    assert [(tmp_path / "out" / f.path.relative_to(tmp_path)).read_bytes() for f in found.files] == [
        f.rewritten for f in found.files
    ]
    assert (tmp_path / "out" / "train.py").stat().st_mode & 0o777 == 0o755


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


def test_namesakes_that_no_one_thing_tells_apart_have_their_whole_path(tmp_path: Path) -> None:
    method = "    def {}(self):\n        lr = 0.5  # hpo: uniform(0, 1)\n"
    text = f"class A:\n{method.format('f')}{method.format('g')}class B:\n{method.format('f')}"
    assert list(space(tmp_path, text)) == ["A.f.lr", "A.g.lr", "B.f.lr"]


def test_what_is_below_an_option_has_a_default_and_no_source_of_its_own(tmp_path: Path) -> None:
    text = "x = {'_name': 'a', 'n': 2}\n"
    found = project(
        tmp_path, f"'''@hpo.choice({{'_name': 'a', 'n': randint(1, 9)}}, {{'_name': 'b'}})'''\n{text}"
    )
    assert [(p.name, p.default, p.places[0].default_source) for p in found.parameters] == [
        ("x", "a", "{'_name': 'a', 'n': 2}"),
        ("x.n", 2, ""),
    ]


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
        ("'''@hpo.function_choice(f(1), g(1), name=x)'''\ny = f(1), f'{f(1)}'\n", "HPO221", 1, 9),
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


@pytest.mark.parametrize(
    ("text", "message", "help_"),
    [
        ("x = [\n    1,  # hpo: choice(1, 2)\n]\n", "(an assignment)", "the end of its last line, or above"),
        ("f().x = 1  # hpo: choice(1, 2)\n", "an attribute of what has no name", "an assignment"),
    ],
)
def test_a_comment_without_a_target_says_where_it_has_one(
    tmp_path: Path, text: str, message: str, help_: str
) -> None:
    (found,) = project(tmp_path, text).errors
    assert found.code == "HPO221"
    assert message in found.message
    assert help_ in (found.help or "")


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


@pytest.mark.parametrize(
    "around",
    [
        "if 1:\n    import model\n",
        "for i in ():\n    pass\nelse:\n    import model\n",
        "try:\n    pass\nexcept OSError:\n    import model\n",
        "try:\n    pass\nfinally:\n    import model\n",
        "match 1:\n    case 1:\n        import model\n",
        "def f():\n    class A:\n        from model import x\n",
    ],
)
def test_a_module_belongs_to_a_script_wherever_it_is_imported(tmp_path: Path, around: str) -> None:
    (tmp_path / "model.py").write_text("size = 8  # hpo: choice(8, 16)\n")
    assert list(project(tmp_path, around).space) == ["size"]


def test_apply_changes_the_values_and_nothing_else(tmp_path: Path) -> None:
    text = "x = 0.5   # hpo: uniform(0, 1)\nact = f( 1 )  # hpo: choice(f(1), g(2))\n"
    found = project(tmp_path, text)
    result = apply(found, {"x": 0.123456789, "act": "g(2)"})
    result.write()
    changed = text.replace("0.5", "0.123457").replace("f( 1 )", "g(2)")
    assert (tmp_path / "script.py").read_text() == changed
    assert "-x = 0.5" in result.diff()


@pytest.mark.parametrize(("own", "value"), [("1", 1.0), ("1.0", 1), ("True", 1), ("1", True)])
def test_an_option_of_another_type_is_another_value_to_write(tmp_path: Path, own: str, value: Any) -> None:
    found = project(tmp_path, f"x = {own}  # hpo: choice(1, True, 1.0)\n")
    apply(found, {"x": value}).write()
    assert (tmp_path / "script.py").read_text().startswith(f"x = {value!r}  #")


def test_an_option_in_parentheses_that_it_needs_keeps_them(tmp_path: Path) -> None:
    text = "n = 3\nx = n  # hpo: x=choice(n, (m := n * 2))\nprint(x)\n"
    assert space(tmp_path, text) == {"x": {"_type": "choice", "_value": ["n", "(m := n * 2)"]}}
    apply(project(tmp_path, text), {"x": "(m := n * 2)"}).write()
    assert "x = (m := n * 2)  #" in (tmp_path / "script.py").read_text()
    assert run(tmp_path, text, {"x": "(m := n * 2)"}) == "6\n"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("def f(a, x=(\n    1\n), **k): ...  # hpo: choice(1, 2)\n", "x"),
        ("d = {'x': (\n    (1)\n  # )\n), 'y': 2\n}  # hpo: y=choice(1, 2)\n", None),
        ("d = {'x': (\n    (1)\n  # )\n),  # hpo: choice(1, 2)\n}\n", "x"),
    ],
)
def test_a_value_in_parentheses_ends_with_them(tmp_path: Path, text: str, name: str | None) -> None:
    found = project(tmp_path, text)
    assert [p.name for p in found.parameters] == ([] if name is None else [name])


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("p.add_argument('--lr', default=1)  # hpo: randint(0, 9)\n", ["lr"]),
        ("p.add_argument('-l', '--lr', '--rate', type=int, default=1)  # hpo: lr=randint(0, 9)\n", ["lr"]),
        ("p.add_argument('-l', '--lr', type=int, default=1)  # hpo: default=randint(0, 9)\n", ["lr"]),
        ("p.add_argument('--lr', dest='rate', default=1)  # hpo: rate=randint(0, 9)\n", ["rate"]),
        ("p.add_argument('lr', nargs='?', default=1)  # hpo: lr=randint(0, 9)\n", ["lr"]),
        ("@click.option('-w', 'width', default=1)  # hpo: randint(0, 9)\ndef f(width): ...\n", ["width"]),
        ("@click.option('--a/--no-a', default=1)  # hpo: randint(0, 9)\ndef f(a): ...\n", ["a"]),
        ("a.add_argument('--lr', default=1)  # hpo: randint(0, 9)\n"
         "b.add_argument('--lr', default=1)  # hpo: randint(0, 9)\n", ["a.lr", "b.lr"]),
        ("import typer\ndef f(lr=typer.Option(default=1)): ...  # hpo: randint(0, 9)\n", ["lr"]),
        ("class A:\n    lr: int = field(\n        default=1,  # hpo: randint(0, 9)\n    )\n"
         "class B:\n    lr: int = field(default=1)  # hpo: randint(0, 9)\n", ["A.lr", "B.lr"]),
        ("f(default=1)  # hpo: randint(0, 9)\n", ["default"]),
    ],
)  # fmt: skip
def test_a_default_is_called_what_it_is_the_default_of(tmp_path: Path, text: str, names: list[str]) -> None:
    assert list(space(tmp_path, text)) == names


@pytest.mark.parametrize("last", ["(n)", "(\n  (n)  # )\n )", "(n),", "(n), name='x'", "(n), name=('x'),"])
def test_a_default_is_added_behind_options_in_parentheses(tmp_path: Path, last: str) -> None:
    text = f"import hpo\nn = 2\nx = hpo.choice((1), {last})\n"
    apply(project(tmp_path, text), {"x": "n"}).write()
    found = annotate([tmp_path / "script.py"])
    assert not found.diagnostics
    assert found.space.defaults == {"x": "n"}


def test_an_f_string_that_is_an_option_is_replaced_as_a_whole(tmp_path: Path) -> None:
    text = "n = 1\n'''@hpo.function_choice(f'{n}', str(2), name=x)'''\nprint(f'{n}')\n"
    apply(project(tmp_path, text), {"x": "str(2)"}).write()
    assert "print(str(2))" in (tmp_path / "script.py").read_text()


def test_a_place_whose_domain_changed_since_the_trial_is_left(tmp_path: Path) -> None:
    was = project(tmp_path, "x = 0.5  # hpo: uniform(0, 1)\n", "old.py")
    now = project(tmp_path, "x = 5  # hpo: uniform(2, 9)\n")
    result = apply(now, {"x": 0.3}, was)
    assert not result.edits
    assert [d.code for d in result.skipped] == ["HPO401"]


def test_an_option_that_was_code_is_not_the_text_that_reads_the_same(tmp_path: Path) -> None:
    was = project(tmp_path, "x = a  # hpo: choice(a, b)\n", "old.py")
    now = project(tmp_path, "x = a  # hpo: choice(a, 'b')\n")
    result = apply(now, {"x": "b"}, was)
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


# -- names that mean ours, and types that have marks


@pytest.mark.parametrize(
    "text",
    [
        "import hpo.marks\nx = hpo.choice(1, 2)\n",
        "from typing import Annotated\nimport hpo\nA = Annotated[int, hpo.choice(1, 2)]\nB = A\nx: B = 1\n",
        "from typing import Annotated\nimport hpo\nA = Annotated[int, hpo.choice(1, 2)]\n"
        "B = Annotated[A, 'unit']\nx: B = 1\n",
        "import typer\ndef f(x: int = typer.Option(1, '--x'),  # hpo: choice(1, 2)\n      y=2): ...\n",
        "import hpo\nfrom typer import Option\n@hpo.param(x=hpo.choice(1, 2))\n"
        "def f(x: int = Option(default=1)): ...\n",
    ],
)
def test_what_is_written_another_way_means_the_same(tmp_path: Path, text: str) -> None:
    found = project(tmp_path, text)
    assert not found.diagnostics
    assert found.space.to_json() == {"x": {"_type": "choice", "_value": [1, 2]}}
    assert found.space.defaults == {"x": 1}


@pytest.mark.parametrize(
    ("line", "code", "severity"),
    [
        ("class A:\n    B = Annotated[int, hpo.choice(1, 2)]\n    x: B = 1\n", "HPO236", "warning"),
        ("B = list[Annotated[int, hpo.choice(1, 2)]]\nB = int\n", "HPO236", "warning"),
        ("x: 'Annotated[int, hpo.choice(1, 2)]' = 1\n", "HPO221", "error"),
        ("x: list[Annotated[int, hpo.choice(1, 2)]] = [1]\n", "HPO221", "error"),
    ],
)
def test_a_mark_in_a_type_that_describes_no_value_is_said(
    tmp_path: Path, line: str, code: str, severity: str
) -> None:
    found = project(tmp_path, f"from typing import Annotated\nimport hpo\n{line}")
    assert [(d.code, d.severity) for d in found.diagnostics] == [(code, severity)]
    assert not found.parameters


@pytest.mark.parametrize(
    "call", ["Field(default_factory=int)", "Field(..., ge=0)", "Field(default=..., ge=0)", "Field()"]
)
def test_a_field_without_a_default_is_a_mistake(tmp_path: Path, call: str) -> None:
    text = (
        "from typing import Annotated\nimport hpo\nfrom pydantic import BaseModel, Field\n"
        f"class A(BaseModel):\n    x: Annotated[int, hpo.choice(1, 2)] = {call}\n"
    )
    found = project(tmp_path, text)
    assert [(d.code, d.line) for d in found.diagnostics] == [("HPO227", 5)]


def test_a_star_import_below_a_name_may_bind_it_anew(tmp_path: Path) -> None:
    test = "if o == 1:\n    c = 1  # hpo: choice(1, 2)\n"
    mark, star = "o = 1  # hpo: choice(1, 2)\n", "from os.path import *\n"
    assert "_when" in space(tmp_path, star + mark + test)["c"]
    assert "_when" not in space(tmp_path, mark + star + test)["c"]
    bound = "low = 2\n" + star + "x = 3  # hpo: randint(low, 9)\n"
    assert [d.code for d in project(tmp_path, bound).errors] == ["HPO213"]


def test_a_path_tells_namesakes_apart_before_the_module_does(tmp_path: Path) -> None:
    text = (
        "lr = 1  # hpo: choice(1, 2, name=lr)\n"
        "def train(lr=1): ...  # hpo: choice(1, 2)\n"
        "opt = dict(lr=1)  # hpo: choice(1, 2)\n"
    )
    assert list(space(tmp_path, text)) == ["lr", "train.lr", "opt.lr"]


def test_a_package_is_called_what_its_folder_is(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model/__init__.py").write_text("x = 1  # hpo: choice(1, 2)\n")
    assert list(space(tmp_path, "import model\nx = 1  # hpo: choice(1, 2)\n")) == ["script.x", "model.x"]


# -- what cannot be read


def test_what_cannot_be_read_in_a_folder_is_said_and_the_others_go_on(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text("x = 1  # hpo: choice(1, 2)\n")
    (tmp_path / "binary.py").write_bytes(b"\x00\xff# hpo: choice(1)")
    (tmp_path / "object.py").write_bytes(b"\x7fELF\x00@hpo.choice")
    (tmp_path / "gone.py").symlink_to("nowhere")
    (tmp_path / "loop.py").symlink_to("loop.py")
    (tmp_path / "memory.py").symlink_to("/proc/self/mem")  # whose reading fails
    (tmp_path / "around").symlink_to(".")
    os.mkfifo(tmp_path / "pipe.py")
    with (tmp_path / "large.py").open("wb") as file:
        file.write(b"x = 1  # hpo: choice(1, 2)\n")
        file.truncate(50 * 2**20)
    found = annotate([tmp_path])
    assert list(found.space) == ["x"]
    said = {Path(d.file).stem: (d.code, d.severity) for d in found.diagnostics}
    codes = {"binary": 102, "object": 101, "gone": 103, "loop": 103, "memory": 103, "pipe": 103, "large": 104}
    assert said == {name: (f"HPO{code}", "warning") for name, code in codes.items()}


AS_NOBODY = """
import os, sys
from pathlib import Path
import libcst
from hpo.annotate.project import annotate
libcst.parse_module("")  # its parser is loaded when it is used, and nobody else may read this environment
os.chdir(sys.argv[1])
if os.geteuid() == 0:
    os.seteuid(65534)  # permissions bind everybody else
found = annotate([Path()])
(said,) = annotate([Path("closed/inner.py")]).diagnostics
print(said.code, said.severity, said.message)
print(list(found.space), *(f"{d.file} {d.code} {d.severity}" for d in found.diagnostics))
"""


def test_what_is_not_ours_to_read_is_said_and_the_others_go_on(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    (folder / "closed").mkdir(parents=True)
    for name in ("open.py", "secret.py", "closed/inner.py"):
        (folder / name).write_text(f"{Path(name).stem} = 1  # hpo: choice(1, 2)\n")
    folder.chmod(0o755)
    (folder / "secret.py").chmod(0)
    (folder / "closed").chmod(0)
    try:
        done = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, folder], capture_output=True, text=True, check=False
        )
    finally:
        (folder / "closed").chmod(0o755)
    assert done.stdout.splitlines() == [
        "HPO103 error it cannot be read: Permission denied",
        "['open'] closed HPO103 warning secret.py HPO103 warning",
    ], done.stderr


def test_what_is_quoted_cannot_drive_a_terminal(tmp_path: Path) -> None:
    found = project(tmp_path, "x = 1  # hpo: choice(f('\x1b[31m'), '\u202e', f('\x1b[31m'))\n")
    (said,) = map(str, found.errors)
    assert "[31m" in said
    assert not any(c in said for c in "\x1b\u202e")


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    for folder in ("digits", "halving"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "train.py").write_text("alpha = 1  # hpo: choice(1, 2)\n")
    found = annotate([tmp_path])
    assert not found.diagnostics
    assert list(found.space) == ["digits.train.alpha", "halving.train.alpha"]


@pytest.mark.parametrize(
    ("text", "default"),
    [
        ("x = dict(a=1, b=2)  # hpo: x=choice(dict(a=1, b=2), 3)\n", "dict(a=1, b=2)"),
        ("x = dict(\n    a=[\n        1])  # hpo: x=choice(dict(a=[1]), 3)\n", "dict(a=[1])"),
        ("class A:\n    x: int = field(default=1, repr=False)  # hpo: x=choice(1, 3)\n", 1),
    ],
)
def test_a_place_that_holds_others_is_meant_by_its_name(tmp_path: Path, text: str, default: object) -> None:
    found = project(tmp_path, text)
    assert not found.diagnostics
    assert found.space.defaults == {"x": default}


def test_what_is_written_back_beside_a_name_is_still_what_is_meant(tmp_path: Path) -> None:
    text = "x = f(1)  # hpo: x=choice(f(1), g(a=2))\n"
    apply(project(tmp_path, text), {"x": "g(a=2)"}).write()
    assert (tmp_path / "script.py").read_text() == text.replace("f(1)", "g(a=2)", 1)
    again = annotate([tmp_path / "script.py"])
    assert not again.diagnostics
    assert again.space.defaults == {"x": "g(a=2)"}


def test_the_words_of_a_mark_in_an_option_open_none_in_the_trial(tmp_path: Path) -> None:
    rewritten = project(tmp_path, 'x = "a"  # hpo: choice("a", " # hpo: pam(1")\n').files[0].rewritten
    assert rewritten.endswith(b'# hpo; choice("a", " # hpo; pam(1")\n')
    again = project(tmp_path, rewritten.decode())
    assert not again.diagnostics
    assert again.files[0].rewritten == rewritten


@pytest.mark.parametrize("name", ["größe", "ᨲᩮ᩠ᨠ", "\U0001d431"])
def test_names_are_those_of_python(tmp_path: Path, name: str) -> None:
    text = f"f({name}=1, b=2)  # hpo: {name}=choice(1, 2)\n"
    assert len(space(tmp_path, text)) == 1


def test_many_marks_and_long_lines_take_no_longer_than_they_are(tmp_path: Path) -> None:
    # Each of these took minutes, as the square of its length.
    words = "we come from the place and go on " * 20_000
    (tmp_path / "long.py").write_text(f's = "running {words}"\nhpo = 1\n')
    part = "def f{0}():\n    '''@hpo.choice(1, 2)'''\n    x = 1\n    # hpo: choice(1, 2)\n    y = 1\n"
    found = project(tmp_path, "import long\n" + "".join(map(part.format, range(1000))))
    assert len(found.space) == 2000


@pytest.mark.parametrize(
    "value", ["{1: f(x=1)}", "{k: f(x=1)}", "{**f(x=1)}", "[f(x=1)]", "-f(x=1)", "f(**f(x=1))"]
)
def test_a_named_value_is_found_wherever_it_stands(tmp_path: Path, value: str) -> None:
    assert list(space(tmp_path, f"d = {value}  # hpo: choice(1, 2)\n")) == ["x"]


@pytest.mark.parametrize("mark", ["@hpo.param", "@hpo.param()", "@hpo.param('x')", "@hpo.param(**d)"])
def test_a_decorator_that_marks_nothing_is_a_mistake(tmp_path: Path, mark: str) -> None:
    found = project(tmp_path, f"import hpo\nd = {{}}\n{mark}\ndef f(x=1): ...\n")
    assert [(d.code, d.line) for d in found.errors] == [("HPO203", 3)]


@pytest.mark.parametrize("call", ["typer.Option(0.5)", "typer.Argument(0.5)", "typer.Option(default=0.5)"])
def test_a_parameter_that_typer_describes_has_the_default_that_is_described(
    tmp_path: Path, call: str
) -> None:
    text = f"import typer\ndef main(lr: float = {call}): ...  # hpo: lr=uniform(0, 1)\n"
    assert project(tmp_path, text).space.defaults == {"lr": 0.5}
