"""Would the tests notice a mistake in `hpo/annotate`? Small ones are made in it, one at a time, to see.

A mutant swaps a comparison or an operator, negates a test, moves a number by one, replaces a string that is
no prose, or leaves out a statement. It is killed when a test of annotation fails, or hangs. The mutants are a
random sample; what survives is printed as it is found. SIGTERM ends it early, with the score so far.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from measure import print_table

from hpo.annotate.reading.source import Edit, SourceFile

ROOT = Path(__file__).parents[1]
TESTS = (
    "test_project", "test_diagnostics", "test_golden", "test_constraints", "test_suggest", "test_fidelity",
    "test_nni_space", "test_tracebacks", "test_fuzz",
)  # fmt: skip
SECONDS = 240  # of the processor, for all the tests: a mutant may hang
_SWAPPED: dict[type[ast.AST], str] = {
    ast.Eq: "!=", ast.NotEq: "==", ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">",
    ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in", ast.And: "or", ast.Or: "and",
    ast.Add: "-", ast.Sub: "+", ast.Mult: "+",
}  # fmt: skip


def mutants(file: SourceFile) -> Iterator[Edit]:
    """Yield the edits that make a mistake in a file."""
    tree = file.tree()
    prose = set(_prose(tree))
    for node in ast.walk(tree):
        if node in prose:
            continue
        match node:
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                yield _between(file, left, right, _SWAPPED[type(op)])
            case ast.BoolOp(op=op, values=[left, right]):
                yield _between(file, left, right, _SWAPPED[type(op)])
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() as op, right=right):
                yield _between(file, left, right, _SWAPPED[type(op)])
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                yield _instead(file, node, f"({file.segment(file.span(operand))})")
            case ast.Constant(value=bool(value)):
                yield _instead(file, node, repr(not value))
            case ast.Constant(value=int(value)):
                yield _instead(file, node, repr(value + 1))
            case ast.Constant(value=str(value)) if value and " " not in value:
                yield _instead(file, node, repr(f"{value}XX"))
            case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
                yield _instead(file, test, f"(not ({file.segment(file.span(test))}))")
            case ast.comprehension(ifs=[test, *_]):
                yield _instead(file, test, "True")
            case ast.Expr(value=ast.Call() | ast.Yield() | ast.YieldFrom()) | ast.AugAssign():
                yield _instead(file, node, "pass" if not isinstance(node, ast.Expr) else "...")


def _between(file: SourceFile, left: ast.expr, right: ast.expr, text: str) -> Edit:
    start, end = file.span(left).end, file.span(right).start
    gap = file.segment(file.span(left)) and file.text[start:end]
    closing, opening = gap[: len(gap) - len(gap.lstrip(" )\n"))], gap[len(gap.rstrip(" (\n")) :]
    return Edit(start, end, f"{closing} {text} {opening}")


def _instead(file: SourceFile, node: ast.AST, text: str) -> Edit:
    span = file.span(node)
    return Edit(span.start, span.end, text)


def _prose(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield what no behaviour depends on: docstrings, types, `__all__`, and the pieces of f-strings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            yield from ast.walk(node.value)
        elif isinstance(node, ast.JoinedStr) or (
            isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Literal"
        ):
            yield from ast.walk(node)
        for part in ("annotation", "returns"):
            yield from ast.walk(getattr(node, part, None) or ast.Pass())


def survives(copy: Path) -> bool:
    """Tell whether no test of annotation fails."""
    tests = [f"tests/annotate/{name}.py" for name in TESTS]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-n0", "-p", "no:cacheprovider", *tests]
    environment = {
        **os.environ,
        "PYTHONPATH": str(copy),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HPO_FUZZ_EXAMPLES": "20",
    }
    limit = partial(resource.setrlimit, resource.RLIMIT_CPU, (SECONDS, SECONDS))
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, preexec_fn=limit)
    return done.returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sample", type=int, default=150, help="how many mutants (default 150; 0 for all)")
    parser.add_argument("--seed", default="0")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    made = [
        (path, edit)
        for path in sorted((ROOT / "hpo/annotate").rglob("*.py"))
        for edit in mutants(SourceFile(path.name, path, path.read_bytes()))
    ]
    sample = random.Random(options.seed).sample(made, min(options.sample or len(made), len(made)))
    tried = survived = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(
            ROOT, copy, symlinks=True, ignore=shutil.ignore_patterns(".*", "__pycache__", "*.egg-info")
        )
        if not survives(copy):
            sys.exit("the tests fail without a mutant")
        try:
            for path, edit in sample:
                target = copy / path.relative_to(ROOT)
                file = SourceFile(path.name, path, target.read_bytes())
                target.write_bytes(file.rewritten([edit]))
                alive = survives(copy)
                target.write_bytes(file.data)
                tried, survived = tried + 1, survived + alive
                if alive:
                    line = file.line_of(edit.start)
                    was = file.text[edit.start : edit.end]
                    print(
                        f"{path.name}:{line}: {was!r} -> {edit.text!r}    {file.lines[line - 1].strip()}",
                        flush=True,
                    )
        finally:
            print_table(
                ["mutants", "how many"],
                [["in all", f"{len(made):,}"], ["tried", str(tried)], ["killed", str(tried - survived)],
                 ["survived", str(survived)]],
            )  # fmt: skip


if __name__ == "__main__":
    main()
