"""The loop that is the budget: found, counted, and shortened where a trial has a budget."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hpo.annotate.project import AnnotatedProject, annotate
from hpo.annotate.writing.apply import code

SPELLINGS = {
    "inline": "import hpo\nfor i in hpo.fidelity(range(5)):\n    print(i)\n",
    "under another name": "from hpo import fidelity as f\nfor i in f(range(5)):\n    print(i)\n",
    "comment": "for i in range(5):  # hpo: fidelity()\n    print(i)\n",
    "comment above": "# hpo: fidelity()\nfor i in range(5):\n    print(i)\n",
    "string": "'''@hpo.fidelity()'''\nfor i in range(5):\n    print(i)\n",
    "in brackets over lines": "for i in (  # hpo: fidelity()\n    0, 1, 2,\n    3, 4\n):\n    print(i)\n",
    "a generator": "for i in (x for x in range(5)):  # hpo: fidelity()\n    print(i)\n",
}


def project(folder: Path, text: str) -> AnnotatedProject:
    path = folder / "script.py"
    path.write_text(text)
    return annotate([path])


def run(script: Path, folder: Path, values: dict[str, object] | None) -> list[int]:
    environment = {}
    if values is not None:
        (folder / "parameters.json").write_text(json.dumps(values))
        environment = {"HPO_TRIAL_DIR": str(folder), "HPO_PARAMETERS": str(folder / "parameters.json")}
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [int(line) for line in done.stdout.split()]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_loop_goes_as_far_as_the_budget(tmp_path: Path, spelling: str) -> None:
    found = project(tmp_path, SPELLINGS[spelling])
    assert not found.diagnostics, "\n".join(map(str, found.diagnostics))
    script = tmp_path / "script.py"
    assert run(script, tmp_path, None) == [0, 1, 2, 3, 4]
    script.write_bytes(found.files[0].rewritten)
    assert run(script, tmp_path, None) == [0, 1, 2, 3, 4]
    assert run(script, tmp_path, {}) == [0, 1, 2, 3, 4]
    assert run(script, tmp_path, {"TRIAL_BUDGET": 2}) == [0, 1]
    assert run(script, tmp_path, {"TRIAL_BUDGET": 2.5}) == [0, 1, 2]
    assert run(script, tmp_path, {"TRIAL_BUDGET": 99}) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_code_of_a_trial_needs_no_hpo(tmp_path: Path, spelling: str) -> None:
    found = project(tmp_path, SPELLINGS[spelling])
    (tmp_path / "alone.py").write_bytes(next(iter(code(found, {}).values())))
    done = subprocess.run([sys.executable, "-I", "-S", tmp_path / "alone.py"], capture_output=True, text=True)
    assert done.stdout.split() == list("01234"), done.stderr


@pytest.mark.parametrize(
    ("passes", "count"),
    [
        ("range(50)", 50),
        ("range(1, 2 * 5 + 1)", 10),
        ("range(0, 50, 5)", 10),
        ("range(EPOCHS)", 30),
        ("range(marked)", None),
        ("range(len(data))", None),
        ("[1, 2, 4]", 3),
        ("[1, *data]", None),
        ("loader", None),
        ("range(1, 2, 0)", None),
    ],
)
def test_passes_are_counted_where_they_are_known(tmp_path: Path, passes: str, count: int | None) -> None:
    text = f"EPOCHS = 30\nmarked = 5  # hpo: randint(1, 9)\nfor i in {passes}:  # hpo: fidelity()\n    pass\n"
    found = project(tmp_path, text)
    assert not found.diagnostics
    assert found.fidelity is not None
    assert (found.fidelity.passes, found.fidelity.line, found.fidelity.column) == (count, 3, 10)
    assert found.to_json()["fidelity"]["passes"] == count
    assert AnnotatedProject.from_json(json.loads(json.dumps(found.to_document()))) == found


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("x = 1  # hpo: fidelity()\n", "HPO221"),
        ("# hpo: fidelity()\nwhile x: pass\n", "HPO221"),
        ("'''@hpo.fidelity()'''\n", "HPO221"),
        ("async def f():\n    async for i in x:  # hpo: fidelity()\n        pass\n", "HPO221"),
        ("for i in x:  # hpo: fidelity(3)\n    pass\n", "HPO203"),
        ("# hpo: fidelity()\nfor i in x: pass\n# hpo: fidelity()\nfor i in x: pass\n", "HPO251"),
    ],
)
def test_a_mistake_is_said(tmp_path: Path, text: str, code: str) -> None:
    (found,) = project(tmp_path, text).errors
    assert found.code == code
    assert found.help


def test_scripts_beside_one_another_have_a_loop_each(tmp_path: Path) -> None:
    text = "# hpo: fidelity()\nfor i in range(3): pass\n"
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text(text)
    for paths in ([tmp_path], [tmp_path / "a.py", tmp_path / "b.py"]):
        found = annotate(paths)
        assert not found.diagnostics
        assert found.fidelity is None
    (tmp_path / "b.py").write_text(text * 2)
    (twice,) = annotate([tmp_path]).errors
    assert (twice.code, twice.file, twice.line) == ("HPO251", str(tmp_path / "b.py"), 4)
    (tmp_path / "b.py").write_text("import a\n" + text)
    (module,) = annotate([tmp_path / "b.py"]).errors
    assert module.code == "HPO251"
