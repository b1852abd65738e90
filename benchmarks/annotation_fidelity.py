"""Is annotation exact? Every Python file of the standard library and of site-packages is the judge.

First each file is read as it is: no mark may be found in it, and it must come back byte for byte. Then marks,
as strings and as comments, are put at random legal places of it, one at a time. The rewritten file must
compile, have the same lines but for the marked ones, and be the same program where each marked place takes
the source's own value: its syntax tree, with the questions to the trial answered so, must equal the
original's. Of a sample, both are run, and must do the same.
"""

from __future__ import annotations

import argparse
import ast
import io
import random
import re
import subprocess
import sys
import sysconfig
import tempfile
import time
import tokenize
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from keyword import iskeyword
from pathlib import Path

from measure import print_table

from hpo.annotate.project import annotate
from hpo.annotate.reading.source import Refusal, SourceFile
from hpo.annotate.reading.structure import Place, survey

DOMAIN = "choice(0, 1, name=marked)"
KINDS = ("assignment", "keyword", "entry", "parameter")
# What Python refuses, what is beyond LibCST, a field without a default: said, and neither read nor changed.
REFUSED = {"HPO101", "HPO102", "HPO104", "HPO227"}
SECONDS = 20

# Run as a module, so that what only a script does is left alone; then what it holds is printed.
RUN = """
import runpy, sys
held = runpy.run_path(sys.argv[1], run_name="judged")
plain = (bool, int, float, str, bytes, type(None))
del held["__doc__"]  # a mark at the top is the docstring
print(sorted((n, type(v).__name__, v if type(v) in plain else "") for n, v in held.items()))
"""


@dataclass(frozen=True)
class Attempt:
    """A file with one mark, the lines that may change, and the program that it must still be."""

    data: bytes
    lines: range
    tree: str


@dataclass
class Verdict:
    """What was judged, and what was wrong."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


def attempts(file: SourceFile, most: int, rng: random.Random) -> Iterator[Attempt]:
    """Yield versions of a file with one mark, at random legal places."""
    tree = ast.parse(file.normal)
    structure = survey(file, tree)
    places = [p for p in structure.places if p.kind in KINDS and not structure.in_formatted(p.span)]
    innermost = _innermost(file, [p for p in places if p.kind in KINDS])
    free = _lines_that_take_a_comment(file)
    rng.shuffle(places)
    shape = ast.dump(tree)
    bom = b"\xef\xbb\xbf" if file.data.startswith(b"\xef\xbb\xbf") else b""
    for place in places:
        if most == 0:
            return
        inserted = _above(file, place, rng) if rng.random() < 0.5 else None
        is_free = place in innermost and innermost[place] in free
        if inserted is None and is_free and place.name.isidentifier() and not iskeyword(place.name):
            inserted = _at_the_end(file, place, innermost[place])
        if inserted is not None:
            most -= 1
            text, lines = inserted
            yield Attempt(bom + text.encode(file.encoding), lines, shape)


def _above(file: SourceFile, place: Place, rng: random.Random) -> tuple[str, range] | None:
    """Return a file with a mark on a line of its own above an assignment, where that is what the place is."""
    statement = place.statement
    indent = file.text[file.line_start(statement.lineno) : file.span(statement).start]
    whole = isinstance(statement, ast.Assign | ast.AnnAssign) and place.value is statement.value
    if not whole or place.kind != "assignment" or indent.strip(" \t"):
        return None
    at = file.line_start(statement.lineno)
    mark = rng.choice([f"'''@hpo.{DOMAIN}'''", f"# hpo: {DOMAIN}"])
    text = f"{file.text[:at]}{indent}{mark}{_line_end(file)}{file.text[at:]}"
    return text, range(statement.lineno, (statement.end_lineno or 0) + 2)


def _at_the_end(file: SourceFile, place: Place, line: int) -> tuple[str, range]:
    """Return a file with a mark at the end of a place's line."""
    at = file.line_start(line) + len(file.lines[line - 1])
    return f"{file.text[:at]}  # hpo: {place.name}={DOMAIN}{file.text[at:]}", range(line, line + 1)


def _line_end(file: SourceFile) -> str:
    found = re.search(r"\r\n|\r|\n", file.text)
    return found[0] if found else "\n"


def _innermost(file: SourceFile, places: Sequence[Place]) -> dict[Place, int]:
    """Return the places that a comment can name and their lines: they hold no other, nor have a namesake."""
    by_line: dict[int, list[Place]] = {}
    for place in places:
        first, last = (file.line_of(offset) for offset in (place.span.start, place.span.end))
        if first == last:
            by_line.setdefault(first, []).append(place)
    found = {}
    for line, here in by_line.items():
        inner = [p for p in here if not any(q is not p and p.span.holds(q.span) for q in here)]
        names = Counter(name for p in inner for name in {p.name, p.target})
        found.update({p: line for p in inner if names[p.name] == 1})
    return found


def _lines_that_take_a_comment(file: SourceFile) -> set[int]:
    """Return the lines that end outside strings, without a comment or a backslash."""
    free, taken = set(), set()
    for token in tokenize.generate_tokens(io.StringIO(file.normal).readline):
        if token.type == tokenize.COMMENT:
            taken.add(token.start[0])
        elif token.type in (tokenize.NEWLINE, tokenize.NL) and token.line.strip():
            free.add(token.start[0])
    return free - taken


class _OwnValues(ast.NodeTransformer):
    """Answer each question to the trial as the baseline does: with the source's own value."""

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        self.generic_visit(node)
        own = node.orelse
        if isinstance(own, ast.Call) and ast.unparse(own.func) == "__import__('hpo').trial.own":
            return own.args[1]
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        if isinstance(node.value, ast.Constant) and str(node.value.value).startswith("#hpo."):
            return None
        self.generic_visit(node)
        return node


def judge(attempt: Attempt, path: Path) -> tuple[bytes, str | None]:
    """Return the rewritten file of an attempt, and what is wrong with it."""
    path.write_bytes(attempt.data)
    project = annotate([path])
    if {d.code for d in project.errors} & REFUSED:
        return b"", ""
    if project.errors or len(project.space) != 1:
        return b"", f"refused: {[str(d) for d in project.diagnostics]}"
    rewritten = project.files[0].rewritten
    before, after = (SourceFile("", path, data) for data in (attempt.data, rewritten))
    if len(before.lines) != len(after.lines):
        return rewritten, "another number of lines"
    pairs = enumerate(zip(before.lines, after.lines, strict=True), start=1)
    if [line for line, (a, b) in pairs if a != b and line not in attempt.lines]:
        return rewritten, "a line changed that is not marked"
    if ast.dump(_OwnValues().visit(ast.parse(after.normal))) != attempt.tree:
        return rewritten, "another program"
    return rewritten, None


def behaviour(path: Path, data: bytes) -> str | None:
    """Return what a file does when it is run as a module, or None where it takes too long."""
    path.write_bytes(data)
    command = [sys.executable, "-c", RUN, str(path)]
    try:
        done = subprocess.run(
            command, cwd=path.parent, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        return None
    said = re.sub(rb"0x[0-9a-f]+|^ .*\n", b"", done.stdout + done.stderr, flags=re.MULTILINE)
    return f"{done.returncode} {said.decode(errors='replace')}"


def check(task: tuple[Path, int, bool, str]) -> Verdict:
    """Judge one file and its marked versions; `run` says whether the last of them is run beside it."""
    path, most, run, seed = task
    verdict = Verdict()
    sys.setrecursionlimit(20_000)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        copy = Path(folder) / "judged.py"
        data = path.read_bytes()
        copy.write_bytes(data)
        project = annotate([copy])
        if {d.code for d in project.errors} & REFUSED:
            verdict.counts["files that Python refuses"] += 1
            return verdict
        verdict.counts["files"] += 1
        if project.parameters or project.diagnostics or project.files[0].rewritten != data:
            verdict.failures.append(f"{path}: a mark was found, or the bytes changed: {project.diagnostics}")
        rewritten = b""
        try:
            file = SourceFile("", path, data)
            for attempt in attempts(file, most, random.Random(f"{seed} {path.name}")):
                rewritten, wrong = judge(attempt, copy)
                verdict.counts["places that are refused" if wrong == "" else "places"] += 1
                if wrong:
                    verdict.failures.append(f"{path}:{attempt.lines.start}: {wrong}")
        except (RecursionError, Refusal, tokenize.TokenError, SyntaxError) as error:
            verdict.counts[f"files beyond this judge ({type(error).__name__})"] += 1
        if run and rewritten:
            _run(path, data, rewritten, copy, verdict)
    return verdict


def _run(path: Path, data: bytes, rewritten: bytes, copy: Path, verdict: Verdict) -> None:
    original = behaviour(copy, data)
    if original is None or behaviour(copy, data) != original:
        verdict.counts["runs that differ by themselves, or take too long"] += 1
        return
    verdict.counts["runs"] += 1
    # An inserted line moves what follows, and says so in tracebacks.
    moved, same = (re.sub(r"line \d+", "line", text or "") for text in (behaviour(copy, rewritten), original))
    if moved != same:
        verdict.failures.append(f"{path}: it does something else:\n{moved[-300:]}\n{same[-300:]}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    paths = sysconfig.get_paths()
    folders = [Path(paths["stdlib"]), Path(paths["purelib"])]
    parser.add_argument("--folder", type=Path, nargs="*", default=folders, help="where the files are")
    parser.add_argument("--part", default="1/1", help="the first of twenty parts is 1/20 (default all: 1/1)")
    parser.add_argument("--places", type=int, default=3, help="marks a file, one at a time (default 3)")
    parser.add_argument("--runs", type=int, default=100, help="files that are run (default 100)")
    parser.add_argument("--seed", default="0")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    files = sorted({f.resolve() for folder in options.folder for f in folder.rglob("*.py") if f.is_file()})
    part, parts = map(int, options.part.split("/"))
    files = files[part - 1 :: parts]
    ran = set(random.Random(options.seed).sample(files, min(options.runs, len(files))))
    tasks = [(f, options.places, f in ran, options.seed) for f in files]
    begin = time.perf_counter()
    total = Verdict()
    with ProcessPoolExecutor(options.jobs) as pool:
        for verdict in pool.map(check, tasks, chunksize=8):
            total.counts += verdict.counts
            total.failures += verdict.failures
    seconds = time.perf_counter() - begin
    rows = [[what, str(n)] for what, n in sorted(total.counts.items())]
    print_table(["what", "how many"], [*rows, ["failures", str(len(total.failures))]])
    print(f"\nPart {options.part}, seed {options.seed}, {seconds:.0f} s.")
    for failure in total.failures[:40]:
        print(failure[:1000])
    return 1 if total.failures else 0


if __name__ == "__main__":
    sys.exit(main())
