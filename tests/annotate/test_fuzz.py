"""Whatever a file holds, it is read, or its mistakes are said: nothing is raised, run or waited for.

``HPO_FUZZ_EXAMPLES=100000 pytest tests/annotate/test_fuzz.py`` looks longer.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hpo.annotate.project import annotate
from hpo.annotate.reading.source import SourceFile
from hpo.annotate.result import AnnotatedProject
from hpo.annotate.writing.apply import apply, code
from hpo.annotate.writing.suggest import suggest

GOLDEN = Path(__file__).parents[1] / "golden"
SCRIPTS = [folder.joinpath("script.py").read_bytes() for folder in sorted(GOLDEN.iterdir())]
CODES = set(
    re.findall(r"^## (HPO\d+)", (GOLDEN.parents[1] / "docs/diagnostics.md").read_text(), re.MULTILINE)
)
SECONDS = 1.0

fuzz = settings(
    max_examples=int(os.environ.get("HPO_FUZZ_EXAMPLES", "150")),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# -- nothing of a file is run: what would do harm is seen by the interpreter's own hook

_FORBIDDEN = {"os.system", "subprocess.Popen", "os.posix_spawn", "os.remove", "os.mkdir", "socket.connect"}
_watched = False
_seen: list[str] = []


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _watched and event in _FORBIDDEN:
        _seen.append(f"{event}{arguments}")


sys.addaudithook(_watch)


@contextmanager
def watched() -> Iterator[None]:
    global _watched
    _watched = True
    try:
        yield
    finally:
        _watched = False
    assert not _seen


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "train.py"
    path.write_text("")
    return path


def timed(script: Path, data: bytes) -> tuple[AnnotatedProject, float]:
    """Annotate a text while nothing of it may run; return what is found, and the seconds it took."""
    begin = time.process_time()
    with watched():
        found = annotate([script], texts={script.resolve(): data})
    return found, time.process_time() - begin


def check(script: Path, data: bytes) -> None:
    """Annotate a text, and judge what comes out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python's own, of the text
        found, seconds = timed(script, data)
        if seconds > SECONDS:  # once may be the interpreter's own cleaning up
            found, seconds = timed(script, data)
        assert seconds < SECONDS
        for diagnostic in found.diagnostics:
            assert diagnostic.code in CODES
            assert diagnostic.help
            start, end = (diagnostic.line, diagnostic.column), (diagnostic.end_line, diagnostic.end_column)
            assert (1, 1) <= start <= end
            assert str(diagnostic)
        json.dumps(found.to_json())
        if found.errors:
            assert found.files[0].rewritten == found.files[0].original
        else:
            check_rewritten(script, found)


def check_rewritten(script: Path, found: AnnotatedProject) -> None:
    """Judge what a trial would run, and what is written back."""
    before, after = found.files[0].original, found.files[0].rewritten
    compile(after, "trial", "exec", dont_inherit=True)
    lines = [len(SourceFile("", script, data).lines) for data in (before, after)]
    assert lines[0] == lines[1]
    again = annotate([script], texts={script.resolve(): after})
    assert not again.parameters
    assert not again.errors
    assert not again.constraints
    assert again.files[0].rewritten == after
    assert AnnotatedProject.from_json(json.loads(json.dumps(found.to_document()))) == found
    values = found.space.sample(Random(0))
    for text in code(found, values).values():
        compile(text, "code", "exec", dont_inherit=True)
    result = apply(found, values)
    for path, edits in result.edits.items():
        compile(result.sources[path].rewritten(edits), "applied", "exec", dont_inherit=True)


# -- marks

WORDS = r"""
( ) [ ] { } , = : . * ** + - / < <= == | @ \ # ' " ''' 0 1 0.5 1e-5 1e999 9**9**9 1_000 0x10 nan -1 True None
'a' "b" f'{x}' b'x' r'\' x y lr self.x é hpo. nni. hpo: nni: choice uniform loguniform randint quniform normal
variable function_choice mutable_layers constraint fidelity report_final_result get_next_parameter param
name= name=x default= lambda yield await := not and or in if else for open('/nowhere','w')
__import__('os').system('true') {'_name':'a'} # noqa ...
"""
FRAGMENTS = [*WORDS.split(), " ", "\n", "\t", "\f", "\r", "\0", "\u202e", "\ud7ff", "\U0001d431"]
PLACES = [
    "'''@hpo.{}'''\nx = 1\n",
    "# hpo: {}\nx = 1\n",
    "x = 1  # hpo: {}\n",
    "f(x=1, y=2)  # hpo: {}\n",
    "x: int = 1  # nni: {}\n",
    "d = {{'x': 1}}  # hpo: {}\n",
    "def f(x=1,  # hpo: {}\n      y=2): ...\n",
    "class A:\n    '''@nni.{}'''\n    x = 1\n",
    "for x in range(9):  # hpo: {}\n    pass\n",
    "import hpo\nx = hpo.{}\n",
    "import hpo\n@hpo.{}\ndef f(x=1): ...\n",
    "import hpo\nfrom typing import Annotated\nx: Annotated[int, hpo.{}] = 1\n",
    "if x == 1:\n    y = 1  # hpo: {}\n",
    "'''@nni.{}'''\nh = f(x)\n",
    "x = (1,\n     2)  # hpo: {}\n",
    'def f():\n    """@hpo.{}"""\n    return x\n',
]
DOMAINS = [
    "choice(1, 2)",
    "uniform(0, 1)",
    "randint(0, 5, name=x)",
    "loguniform(1e-5, 1e-1)",
    "choice(f(x), g)",
    "choice({'_name': 'a', 'k': uniform(0, 1)}, {'_name': 'b'})",
    "constraint(x < y)",
    "fidelity()",
    "variable(choice(1, 2), name=x)",
    "function_choice(f(x), g(x), name=h)",
    "report_final_result(x)",
    "mutable_layers({layer_choice: [f(a=1), g()], optional_inputs: [x], layer_output: y})",
    "param(x=hpo.uniform(0, 1))",
    "x=choice(1, 2), y=uniform(0, 9)",
]
noise = st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join)


@st.composite
def marks(draw: st.DrawFn) -> str:
    """Draw the text of a mark: right, nearly right, or noise."""
    text = draw(st.sampled_from(DOMAINS) | noise)
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(text)))
        until = draw(st.integers(at, min(len(text), at + 4)))
        text = text[:at] + draw(st.sampled_from(["", *FRAGMENTS])) + text[until:]
    return text


@fuzz
@given(st.lists(st.tuples(st.sampled_from(PLACES), marks()), min_size=1, max_size=3))
@example([("x = 1  # hpo: {}\n", "choice(" + "(" * 3000)])
@example([("'''@hpo.{}'''\nx = 1\n", "uniform(0, " + "-" * 9000 + "1)")])
@example([("'''@hpo.{}'''\nx = 1\n", "uniform(0, " + "9**" * 400 + "9)")])
@example([("# hpo: {}\nx = 1\n", "constraint(" + "not " * 2000 + "x)")])
@example([("x = 1  # hpo: {}\n", "choice(" + ", ".join(map(str, range(5_000))) + ")")])
@example([("import hpo\n@hpo.{}\ndef f(x=1): ...\n", "randint(0, 5, name=x)")])
def test_any_text_of_a_mark(script: Path, parts: list[tuple[str, str]]) -> None:
    text = "".join(place.format(mark) for place, mark in parts)
    check(script, text.encode("utf-8", "surrogatepass"))


# -- files


@st.composite
def mutants(draw: st.DrawFn) -> bytes:
    """Draw a golden script with a few accidents."""
    data = draw(st.sampled_from(SCRIPTS))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        until = draw(st.integers(at, min(len(data), at + draw(st.sampled_from([0, 1, 8, 60])))))
        copied = draw(st.integers(0, len(data)))
        piece = draw(
            st.sampled_from(FRAGMENTS).map(lambda f: f.encode("utf-8", "surrogatepass"))
            | st.binary(max_size=3)
            | st.just(data[copied : copied + 40])
        )
        data = data[:at] + piece + data[until:]
    return data


@fuzz
@given(mutants())
def test_any_script_with_accidents(script: Path, data: bytes) -> None:
    check(script, data)


@fuzz
@given(st.binary(max_size=60).map(lambda noise: b"x = 1  # hpo: choice(1, 2)\n" + noise))
def test_any_bytes_below_a_mark(script: Path, data: bytes) -> None:
    check(script, data)


@pytest.mark.parametrize(
    "text",
    [
        f"x = 1  # hpo: {'ÿ' * 60} choice(1, 2)\n",
        f"x = (1  {'# ' * 60}\n    + 2)  # hpo: choice(1, 2)\n",
        f"x = f(1  # hpo: choice(1, 2) {'# ' * 60}\n    , 2)\n",
        f"import hpo\nx = 1  # hpo: choice(1, 2)\nhpo.report_final_result(x  {'# ' * 60}\n)\n",
    ],
)
def test_what_repeats_itself_takes_no_longer(script: Path, text: str) -> None:
    check(script, text.encode())


@fuzz
@given(mutants())
def test_whatever_is_proposed_is_no_mistake(script: Path, data: bytes) -> None:
    script.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if annotate([script]).errors:
            return
        result = suggest(script)
        for path, edits in result.edits.items():
            marked = annotate([script], texts={path: result.sources[path].rewritten(edits)})
            assert not marked.errors
