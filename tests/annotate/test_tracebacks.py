"""The traceback of a trial is the script's own, carets included: the same exception, raised in both.

What runs is the real thing: the frozen code, compiled as a trial's is, in a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hpo.annotate.project import annotate
from hpo.annotate.reading.source import SourceFile
from hpo.annotate.result import AnnotatedProject
from hpo.runtime.snapshot import freeze

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = sorted(folder.name for folder in GOLDEN.iterdir() if folder.is_dir())
# Prints the exception that a script ends with, as Python does, without the frames that run it.
RUN = """
import sys, traceback
sys.path.insert(0, {folder!r})
try:
    {run}
except Exception as error:
    traceback.print_exception(type(error), error, error.__traceback__.tb_next)
"""
FROZEN = """
from hpo.runtime.snapshot import Snapshot
snapshot = Snapshot({snapshot!r})
snapshot.install(); snapshot.show_frozen_lines(); snapshot.compile()
"""


def traceback_of(script: Path, snapshot: Path | None, values: dict[str, object] | None = None) -> str:
    """Return what a script writes to stderr: run by Python, or as a trial from its snapshot."""
    environment = {}
    if snapshot is None:
        prepare = "import builtins"
        code = f"compile(open({str(script)!r}, 'rb').read(), {str(script)!r}, 'exec')"
        run = f"exec({code}, {{'__name__': '__main__'}})"
    else:
        trial = snapshot.with_name("trial")
        trial.mkdir(exist_ok=True)
        (trial / "parameters.json").write_text(json.dumps(values or {}))
        environment = {"HPO_TRIAL_DIR": str(trial), "HPO_PARAMETERS": str(trial / "parameters.json")}
        environment |= {"HPO_BASELINE": "1"} if values is None else {}
        prepare = FROZEN.format(snapshot=str(snapshot))
        run = f"exec(snapshot.code({str(script)!r}), {{'__name__': '__main__'}})"
    program = prepare + RUN.format(folder=str(script.parent), run=run)
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stderr.replace("hpo: no experiment is running here: values are the script's own and", "hpo:")


def freeze_case(script: Path, folder: Path) -> AnnotatedProject:
    found = annotate([script])
    assert not found.errors, "\n".join(map(str, found.errors))
    restored = AnnotatedProject.from_json(json.loads(json.dumps(found.to_document())))
    files = {f.path: (f.original, f.rewritten) for f in restored.files}
    freeze(folder / "code", files, script.parent, {f.path: f.stretches for f in restored.files})
    return found


def raising(case: Path) -> Iterator[bytes]:
    """Yield versions of a golden script that raise: in each marked value, and after all of them."""
    found = annotate([case / "script.py"])
    file = SourceFile("", case, found.files[0].original)
    bom = b"\xef\xbb\xbf" if file.data.startswith(b"\xef\xbb\xbf") else b""
    for site in found.files[0].sites:
        if site.span.start == site.span.end or site.span == site.mark:
            continue
        ends = "".join(c for c in file.segment(site.span) if c in "\r\n")
        text = f"{file.text[: site.span.start]}(1 // 0{ends}){file.text[site.span.end :]}"
        yield bom + text.encode(file.encoding)
    ended = file.text if file.text.endswith(("\n", "\r")) else file.text + "\n"
    yield bom + f"{ended}raise ValueError(len([1, 2]) + 1 // 0)\n".encode(file.encoding)


@pytest.mark.parametrize("name", CASES)
def test_the_same_exception_gives_the_same_traceback(name: str, tmp_path: Path) -> None:
    seen = set()
    for i, data in enumerate(raising(GOLDEN / name)):
        folder = tmp_path / str(i)
        folder.mkdir()
        script = folder / "script.py"
        script.write_bytes(data)
        freeze_case(script, folder)
        seen.add(own := traceback_of(script, None))
        assert traceback_of(script, folder / "code") == own
    assert any("ZeroDivisionError" in each or not each for each in seen)


SCRIPTS = {
    "an inner value": "def f(x): return 1 / x\nx = {'a': f(0), 'b': 2}  # hpo: a=choice(1, 2)\n",
    "what follows on the line": "y = 0\nx = 1; print(x, x / y, x)  # hpo: choice(1, 2)\n",
    "after letters of several bytes": "f = max\nprint('é', f(1, key=3) + f(2))  # hpo: choice(3, 4)\n",
    "marks in marks": (
        "import hpo\nx = hpo.choice(1, hpo and 2, default=[1, 2, 3][\n"
        "    hpo.randint(3, 9, default=7, name='i')])\n"
    ),
    "several lines": (
        "x = dict(\n    a=[1,\n       2][5],  # hpo: a=choice(1, 2)\n    b=2)  # hpo: randint(1, 3)\n"
    ),
    "below a decorator": (
        "import hpo\n@hpo.param(\n    x=hpo.uniform(0, 1),\n)\n"
        "def f(x=0.5, y=1):\n    return x / (y - 1)\nf()\n"
    ),
    "in a default": "def f(x=1,  # hpo: randint(1, 3)\n      y=1 // 0): ...\n",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_columns_are_the_scripts_own(name: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPTS[name], encoding="utf-8")
    freeze_case(script, tmp_path)
    own = traceback_of(script, None)
    assert "Error" in own
    assert traceback_of(script, tmp_path / "code") == own


def test_an_option_that_raises_is_shown_as_the_value_that_it_stands_for(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "def bad(): return 1 / 0\ndef good(): return 1\nx = good()  # hpo: choice(good(), bad())\n"
    )
    freeze_case(script, tmp_path)
    shown = traceback_of(script, tmp_path / "code", {"x": "bad()"})
    line = "    x = good()  # hpo: choice(good(), bad())\n"
    assert line in shown
    if (3, 11) <= sys.version_info < (3, 13):  # before, there are no columns; since, none of all of a line
        assert f"{line}        ^^^^^^\n" in shown
