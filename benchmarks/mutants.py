"""Would the tests notice a mistake? Small ones are made in a part of `hpo`, one at a time, to see.

A mutant swaps a comparison or an operator, negates a test, moves a number by one, changes a string that is
no prose, or leaves out an argument, a filter or a statement. It is killed when a test fails, or takes far too
long. Which tests reach which line is observed first, in the processes that they start too. Then a process
that has loaded all but `hpo` forks for each mutant, and the child runs those tests, the fastest first, to the
first that fails. `pip install coverage`; Linux.

What came of a mutant is appended to a file at once, and is not asked again: a run that was ended goes on. The
sample is drawn by the text of the mutants, so that it remains what it was when the code around it changes.
"""

from __future__ import annotations

import argparse
import ast
import ctypes
import gc
import hashlib
import json
import os
import re
import resource
import select
import shutil
import signal
import sys
import sysconfig
import tempfile
import time
import venv
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # a process with threads is none to fork

import coverage
import pytest
from measure import print_table

from hpo.annotate.reading.source import Edit, SourceFile

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 30, 20  # seconds for a test, and how many times what it took without a mutant
_PYTEST = ("-q", "-n0", "-p", "no:cacheprovider", "--hypothesis-seed=0")
_SWAPPED: dict[type[ast.AST], str] = {
    ast.Eq: "!=", ast.NotEq: "==", ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">",
    ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in", ast.And: "or", ast.Or: "and",
    ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.FloorDiv: "/", ast.Mod: "*", ast.Pow: "*",
    ast.BitOr: "&", ast.BitAnd: "|",
}  # fmt: skip


# -- mutants


@dataclass(frozen=True)
class Mutant:
    """A mistake in a file, the lines of the statement it is in, and whether importing the file runs them."""

    file: SourceFile
    edit: Edit
    lines: range
    is_of_module: bool
    occurrence: int  # among those of the file that read the same

    @property
    def line(self) -> int:
        return self.file.line_of(self.edit.start)

    @property
    def key(self) -> str:
        """Name it by its text, whatever stands around it."""
        was = self.file.text[self.edit.start : self.edit.end]
        code = self.file.lines[self.line - 1].strip()
        return f"{self.file.name}: {code}: {was!r} -> {self.edit.text!r} #{self.occurrence}"

    def __str__(self) -> str:
        was = self.file.text[self.edit.start : self.edit.end]
        code = self.file.lines[self.line - 1].strip()
        return f"{self.file.name}:{self.line}: {was!r} -> {self.edit.text!r}    {code}"


def mutants(file: SourceFile) -> Iterator[Mutant]:
    """Yield the mistakes that could be made in a file."""
    tree = file.tree()
    prose = set(_prose(tree))
    seen = Counter[str]()

    def visit(node: ast.AST, lines: range, is_of_module: bool) -> Iterator[Mutant]:
        if node in prose:
            return
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            lines = range(node.lineno, max(node.lineno, body[0].lineno - 1 if body else node.end_lineno) + 1)
        for edit in _edits(file, node):
            made = Mutant(file, edit, lines, is_of_module, 0)
            seen[made.key] += 1
            yield Mutant(file, edit, lines, is_of_module, seen[made.key])
        inner = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for name, value in ast.iter_fields(node):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from visit(child, lines, is_of_module and not (inner and name == "body"))

    yield from visit(tree, range(0), True)


def _edits(file: SourceFile, node: ast.AST) -> Iterator[Edit]:
    """Yield the mistakes that could be made at a node itself."""
    match node:
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            for before, op, after in zip([left, *comparators], ops, comparators, strict=False):
                yield _between(file, before, after, _SWAPPED[type(op)])
        case ast.BoolOp(op=op, values=values):
            for before, after in pairwise(values):
                yield _between(file, before, after, _SWAPPED[type(op)])
        case ast.BinOp(op=op, left=left, right=right) if type(op) in _SWAPPED:
            yield _between(file, left, right, _SWAPPED[type(op)])
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield _instead(file, node, f"({file.segment(file.span(operand))})")
        case ast.Constant(value=bool(value)):
            yield _instead(file, node, repr(not value))
        case ast.Constant(value=int(value) | float(value)):
            yield _instead(file, node, repr(value + 1))
        case ast.Constant(value=str(value)) if value and " " not in value:
            yield _instead(file, node, repr(f"{value}XX"))
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            if not isinstance(test, ast.Compare | ast.UnaryOp) or len(getattr(test, "ops", ())) > 1:
                yield _instead(file, test, f"(not ({file.segment(file.span(test))}))")
        case ast.comprehension(ifs=[test, *_]):
            yield _instead(file, test, "True")
        case ast.Expr(value=ast.Call() | ast.Yield() | ast.YieldFrom() | ast.Await()) | ast.Raise():
            yield _instead(file, node, "...")
        case ast.AugAssign() | ast.Delete() | ast.Continue() | ast.Break():
            yield _instead(file, node, "pass")
        case ast.Call(keywords=keywords):
            for keyword in keywords:
                if keyword.arg and keyword.arg not in ("strict", "frozen", "slots"):
                    start, end = file.span(keyword).start, file.span(keyword).end
                    comma = file.text[end:].lstrip().startswith(",")
                    yield Edit(start, file.text.index(",", end) + 1 if comma else end, "")


def _between(file: SourceFile, left: ast.expr, right: ast.expr, text: str) -> Edit:
    """Return the edit that puts an operator in the place of another, and leaves the parentheses around it."""
    start, end = file.span(left).end, file.span(right).start
    gap = file.text[start:end]
    closing, opening = gap[: len(gap) - len(gap.lstrip(" )\n"))], gap[len(gap.rstrip(" (\n")) :]
    return Edit(start, end, f"{closing} {text} {opening}")


def _instead(file: SourceFile, node: ast.AST, text: str) -> Edit:
    span = file.span(node)
    return Edit(span.start, span.end, text)


def _prose(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield what no behaviour depends on: docstrings, types, `__all__`, assertions; pieces of f-strings."""
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant() as value):
                yield value
            case ast.Assign(targets=[ast.Name("__all__")]) | ast.JoinedStr() | ast.Assert():
                yield node
            case ast.Subscript(value=ast.Name("Literal")) | ast.keyword(arg="strict" | "frozen" | "slots"):
                yield node  # the latter, of `zip` and of dataclasses, are assertions
            case ast.If(test=ast.Name("TYPE_CHECKING")):
                yield node
            case ast.Call(func=ast.Name("cast" | "TypeVar")):
                yield node
        for part in ("annotation", "returns"):
            if isinstance(type_ := getattr(node, part, None), ast.AST):
                yield type_


# -- tests


@dataclass
class Tests:
    """What the tests take without a mutant, and which of them reach a line."""

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    reaching: dict[str, dict[int, set[str]]] = field(default_factory=dict)

    def of(self, mutant: Mutant) -> list[str]:
        """Return the tests that reach a mutant, the fastest first; of what importing runs, its file."""
        by_line = self.reaching.get(mutant.file.name, {})
        lines = by_line if mutant.is_of_module else mutant.lines
        found = set().union(*(by_line.get(line, ()) for line in lines))
        return sorted(found, key=self.seconds.__getitem__)


class Observer:
    """A plugin of pytest: whatever runs is recorded under the number of the test that runs it."""

    def __init__(self, recorder: coverage.Coverage, number: Path) -> None:
        self.recorder, self.number = recorder, number
        self.seconds = Counter[str]()
        self.numbers: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.number.write_text(str(len(self.numbers)))
        self.recorder.switch_context(str(len(self.numbers)))
        self.numbers.append(nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration


class Chosen:
    """A plugin of pytest: only some tests, in their order, each for a while, and which of them failed."""

    def __init__(self, tests: Sequence[str], seconds: dict[str, float], failed: Path) -> None:
        self.order = {test: place for place, test in enumerate(tests)}
        self.seconds = seconds
        self.failed = failed

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self.order), key=lambda i: self.order[i.nodeid]
        )

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.failed.write_text(nodeid)
        signal.alarm(int(PATIENCE[0] + PATIENCE[1] * self.seconds[nodeid]))


class Bench:
    """A copy of the project in which mutants are tried, and a process that has loaded all that they need.

    Args:
        scratch: an empty folder.
        paths: of the tests.
        without: which of them not.
        memory: bytes of addresses of each mutant, since one may collect for ever.
    """

    def __init__(self, scratch: Path, paths: Sequence[str], without: Sequence[str], memory: int) -> None:
        self.scratch, self.memory = scratch, memory
        self.copy = scratch / "copy"
        self.arguments = [*_PYTEST, *paths, *(f"--deselect={test}" for test in without)]
        self.rounds = 0
        self.collecting = 0.0  # seconds, without a mutant
        shutil.copytree(
            ROOT, self.copy, symlinks=True,
            ignore=shutil.ignore_patterns(
                ".venv*", ".git", ".*cache", ".hypothesis", "build", "__pycache__", "*.egg-info"
            ),
        )  # fmt: skip
        (scratch / "tmp").mkdir()
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ.update(TMPDIR=str(scratch / "tmp"), HPO_HOME=str(scratch / "home"), HPO_FUZZ_EXAMPLES="20")
        tempfile.tempdir = None  # it is remembered
        self.packages = _environment(scratch / "python", self.copy)
        os.chdir(self.copy)
        sys.path.insert(0, str(self.copy))
        _forget()
        with suppress(AttributeError):  # whatever a mutant leaves behind comes to us, to be ended
            ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)

    def observe(self) -> Tests:
        """Run the tests as they are, and see which lines each of them reaches."""
        os.environ.pop("COVERAGE_FILE", None)  # somebody who measures this very run
        settings = self.scratch / "coveragerc"
        settings.write_text(
            f"[run]\nsource = {self.copy / 'hpo'}\ndata_file = {self.scratch / 'lines'}\nparallel = true\n"
            "context = ${MUTANTS_TEST-}\npatch = _exit, fork\ndisable_warnings = no-data-collected\n"
        )
        number, hook = self.scratch / "number", self.packages / "a.pth"
        number.touch()

        def run() -> int:
            recorder = coverage.Coverage(config_file=str(settings))
            observer = Observer(recorder, number)
            recorder.start()
            status = int(pytest.main([*self.arguments, "-x"], plugins=[observer]))
            recorder.stop()
            recorder.save()
            (self.scratch / "tests.json").write_text(json.dumps([observer.numbers, observer.seconds]))
            return status

        hook.write_text(
            f"import os; os.environ.update(COVERAGE_PROCESS_START={str(settings)!r},"
            f" MUTANTS_TEST=open({str(number)!r}).read())\n"
        )
        status = self.apart(run, self.scratch / "observed.txt")
        hook.unlink()
        if status:
            sys.exit(
                f"the tests fail without a mutant\n{(self.scratch / 'observed.txt').read_text()[-4000:]}"
            )
        numbers, seconds = json.loads((self.scratch / "tests.json").read_text())
        recorder = coverage.Coverage(config_file=str(settings))
        recorder.combine()
        data = recorder.get_data()
        tests = Tests(defaultdict(float, seconds))
        for file in data.measured_files():
            tests.reaching[str(Path(file).relative_to(self.copy))] = {
                line: {numbers[int(number)] for name in names if (number := name.rpartition("|")[2])}
                for line, names in data.contexts_by_lineno(file).items()
            }
        return tests

    def load(self) -> None:
        """Load what the tests import, and forget what is ours, so that each child imports that anew."""
        sink = os.open(os.devnull, os.O_WRONLY)
        kept = os.dup(1)
        os.dup2(sink, 1)
        begin = time.monotonic()
        pytest.main([*self.arguments, "--collect-only"])
        self.collecting = time.monotonic() - begin
        os.dup2(kept, 1)
        _forget()
        gc.collect()
        gc.freeze()  # else each child would go through all of it at its end, and copy it

    def failing(self, mutant: Mutant, tests: Tests) -> str | None:
        """Return the test that kills a mutant; None where none does."""
        chosen = tests.of(mutant)
        failed = self.scratch / "failed"
        failed.unlink(missing_ok=True)
        target = self.copy / mutant.file.name
        target.write_bytes(mutant.file.rewritten([mutant.edit]))
        self.rounds += 1
        os.utime(target, (self.rounds, self.rounds))  # else its bytecode could be taken for another's
        files = sorted({test.partition("::")[0] for test in chosen})

        def run() -> int:
            signal.alarm(int(PATIENCE[0] + PATIENCE[1] * self.collecting))  # until the first test begins
            plugin = Chosen(chosen, tests.seconds, failed)
            return int(pytest.main([*_PYTEST, "-x", *files], plugins=[plugin]))

        try:
            status = self.apart(run, self.scratch / "said.txt") if chosen else 0
        finally:
            target.write_bytes(mutant.file.data)
        if not status:
            return None
        return failed.read_text() if failed.exists() else "(collecting)"

    def apart(self, run: Callable[[], int], said: Path) -> int:
        """Run a function in a child; return its exit status, once all that it has started is ended."""
        pid = os.fork()
        if not pid:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            for number, path, flags in (
                (0, os.devnull, os.O_RDONLY), (1, said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
            ):  # fmt: skip
                os.dup2(os.open(path, flags), number)
            os.dup2(1, 2)
            resource.setrlimit(resource.RLIMIT_AS, (self.memory, self.memory))
            status = 70
            try:
                status = run()
            finally:
                os._exit(status)
        try:
            select.select([os.pidfd_open(pid)], [], [])
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        finally:
            _end_descendants()


def _end_descendants() -> None:
    """End the children, and theirs as they come to us, until none is left."""
    while True:
        for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _environment(folder: Path, copy: Path) -> Path:
    """Make an environment that has the copy before all that ours has, whatever a process makes of its own."""
    venv.create(folder, symlinks=True)
    ours, packages = sysconfig.get_path("purelib"), sysconfig.get_path("purelib", vars={"base": str(folder)})
    (Path(packages) / "b.pth").write_text(f"{copy}\nimport site; site.addsitedir({ours!r})\n")
    python = folder / "bin" / "python"
    for script in Path(sys.executable).parent.iterdir():
        if script.is_file() and not (there := folder / "bin" / script.name).exists():
            data = script.read_bytes()
            there.write_bytes(re.sub(rb"^#!.*python.*", f"#!{python}".encode(), data, count=1))
            there.chmod(0o755)
    sys.executable = str(python)
    os.environ["PATH"] = f"{folder / 'bin'}:{os.environ['PATH']}"
    return Path(packages)


def _forget() -> None:
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None) or ""
        if name.partition(".")[0] in ("hpo", "tests") or (
            path.startswith(str(Path.cwd())) and name != "__main__"
        ):
            del sys.modules[name]


# -- the run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("parts", nargs="+", help="folders and files: hpo/annotate, hpo/space.py")
    parser.add_argument("--tests", nargs="+", required=True, help="files or folders of tests")
    parser.add_argument("--without", nargs="*", default=[], help="of them not these: slow ones")
    parser.add_argument("--sample", type=int, default=300, help="how many mutants (default 300; 0 for all)")
    parser.add_argument("--results", type=Path, default=ROOT / "build" / "mutants.jsonl", help="the file")
    parser.add_argument(
        "--memory", type=int, default=8, help="GiB of addresses of each mutant; Ray needs 1000"
    )
    parser.add_argument("--again", action="store_true", help="try those again that survived")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    made = [
        mutant
        for part in options.parts
        for path in sorted((ROOT / part).rglob("*.py") if (ROOT / part).is_dir() else [ROOT / part])
        for mutant in mutants(SourceFile(str(path.relative_to(ROOT)), path, path.read_bytes()))
    ]
    made.sort(key=lambda mutant: hashlib.sha256(mutant.key.encode()).digest())
    sample = made[: options.sample or None]
    known: dict[str, str | None] = {}
    options.results.parent.mkdir(exist_ok=True)
    results = options.results.open("a+")
    results.seek(0)
    for line in results:
        outcome = json.loads(line)
        if outcome["killed_by"] or not options.again:
            known[outcome["mutant"]] = outcome["killed_by"]
        else:
            known.pop(outcome["mutant"], None)
    with tempfile.TemporaryDirectory(prefix="mutants-") as scratch:
        bench = Bench(Path(scratch), options.tests, options.without, options.memory << 30)
        tests = bench.observe()
        bench.load()
        try:
            for mutant in sample:
                if mutant.key in known or not _compiles(mutant):
                    continue
                killer = bench.failing(mutant, tests)
                known[mutant.key] = killer
                print(json.dumps({"mutant": mutant.key, "killed_by": killer}), file=results, flush=True)
                if not killer:
                    print(mutant, "" if tests.of(mutant) else "   (no test reaches it)", flush=True)
        finally:
            tried = [known[mutant.key] for mutant in sample if mutant.key in known]
            killed = sum(map(bool, tried))
            print_table(
                ["mutants of " + ", ".join(options.parts), "how many"],
                [["in all", f"{len(made):,}"], ["tried", f"{len(tried):,}"], ["killed", f"{killed:,}"],
                 ["survived", f"{len(tried) - killed:,}"],
                 ["score", f"{100 * killed / max(1, len(tried)):.1f} %"]],
            )  # fmt: skip


def _compiles(mutant: Mutant) -> bool:
    try:
        compile(mutant.file.rewritten([mutant.edit]), mutant.file.name, "exec")
    except (SyntaxError, ValueError):
        return False
    return True


if __name__ == "__main__":
    main()
