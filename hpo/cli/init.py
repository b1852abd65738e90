"""`hpo init`: find the script that is to be tuned, propose its marks, and say what comes next."""

from __future__ import annotations

import contextlib
import re
import shlex
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import typer

from hpo.annotate.project import annotate
from hpo.annotate.writing.suggest import suggest
from hpo.cli.output import print_diff
from hpo.errors import AnnotationError, UsageError
from hpo.experiment.wording import counted

__all__ = ["begin", "find_scripts"]

_ELSEWHERE = {"tests", "test", "docs", "build", "dist", "node_modules", "site-packages", "venv", "env"}
_MOST = 2000  # files that are looked at
_LARGEST = 1 << 20  # bytes of one
_SHOWN = 5
_ENOUGH = 3  # points
# What speaks for a file being the script that trains, each with its points.
_NAMES = ((re.compile(r"train", re.I), 4), (re.compile(r"^(main|run|fit|experiment)", re.I), 2))
_WORDS = (
    (re.compile(rb"#\s*hpo:|@(?:hpo|nni)\.|hpo\.(?:param|choice|loguniform|report_)"), 8),
    (
        re.compile(
            rb"^\s*(?:import|from)\s+(?:torch|keras|tensorflow|sklearn|xgboost|lightgbm|catboost|jax|transformers)\b",
            re.M,
        ),
        3,
    ),
    (re.compile(rb"\.fit\(|\.backward\(|\.train\("), 2),
    (re.compile(rb"__name__\s*==\s*[\"']__main__"), 1),
    (re.compile(rb"\bargparse\b|\bclick\b|\btyper\b"), 1),
)
_REPORTS = (b"report_final_result", b"report_fold")


def begin(path: Path, *, write: bool) -> int:
    """Find a script, propose marks and say how to go on; nothing is written unless somebody agrees."""
    script = path if path.is_file() else _choose(path)
    if script is None:
        for file in _experiment_files(path):
            print(f"{file} is an experiment file. Run it: hpo run --config {shlex.quote(str(file))}")
            return 0
        help_ = "name it: hpo init SCRIPT; or create one: hpo run --help tells what a trial is"
        raise UsageError(f"no Python script in {path} seems to train anything", help=help_)
    project = annotate([script])
    if project.errors:
        raise AnnotationError(project.errors)
    name = shlex.quote(str(script))
    if project.parameters:
        print(
            f"{script} has {counted(len(project.parameters), 'marked value')}. See them: hpo annotate {name}"
        )
    elif not _mark(script, write=write):
        return 0
    _say_next(script, name)
    return 0


def _mark(script: Path, *, write: bool) -> bool:
    """Propose marks, and write them where somebody agrees; return whether the script is marked then."""
    proposed = suggest(script)
    count = sum(map(len, proposed.edits.values()))
    name = shlex.quote(str(script))
    if not count:
        print(
            f"Nothing in {script} has a name that is known for a hyperparameter.\n"
            "Mark a value yourself:    lr = 0.01  # hpo: loguniform(1e-5, 1e-1)\n"
            f"or send it as an option:  hpo run {name} --param 'lr=loguniform(1e-5,1e-1)'"
        )
        return False
    print_diff(proposed.diff())
    if write or (
        sys.stdin.isatty() and typer.confirm(f"Write {counted(count, 'mark')} into {script}?", err=True)
    ):
        proposed.write()
        print(f"{counted(count, 'line')} marked in {script}.")
        return True
    print(f"Nothing is written. Write {'it' if count == 1 else 'them'}: hpo init {name} --write")
    return False


def _say_next(script: Path, name: str) -> None:
    if not any(word in script.read_bytes() for word in _REPORTS):
        print(
            "It reports no result yet: add '''@hpo.report_final_result(value)''' where it is known,\n"
            f"or read it from what it prints: hpo run {name} --metric-pattern 'accuracy[ :=]+([0-9.]+)'"
        )
    print(f"Look first: hpo run {name} --dry-run")
    print(f"Tune it:    hpo run {name} --max-trials 30")


def _choose(folder: Path) -> Path | None:
    """Return the script that is meant: the only one, the one that a person names, or the likeliest."""
    found = find_scripts(folder)[:_SHOWN]
    if len(found) < 2:
        return found[0] if found else None
    for place, path in enumerate(found, 1):
        print(f"  {place}  {path}", file=sys.stderr)
    if sys.stdin.isatty():
        number: int = typer.prompt("Which one is to be tuned?", default=1, type=int, err=True)
        if not 1 <= number <= len(found):
            raise UsageError(f"there is no script {number} in this list", help="hpo init SCRIPT names one")
        return found[number - 1]
    print(f"Taken: {found[0]}. Name another: hpo init SCRIPT", file=sys.stderr)
    return found[0]


def find_scripts(folder: Path) -> list[Path]:
    """Return the Python files of a folder that seem to train something, the likeliest first."""
    points = {path: _points(path) for path in islice(_python_files(folder), _MOST)}
    likely = [path for path, score in points.items() if score >= _ENOUGH]
    return sorted(likely, key=lambda path: (-points[path], len(path.parts), path))


def _python_files(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise UsageError(f"{folder} cannot be read: {error.strerror}", help="name a script") from None
    for path in entries:
        if path.name.startswith((".", "test_")) or path.is_symlink():
            continue
        if path.suffix == ".py" and path.is_file():
            yield path
    for path in entries:
        if path.name.startswith(".") or path.name in _ELSEWHERE:
            continue
        with contextlib.suppress(OSError, UsageError):  # one that may not be read
            if path.is_dir() and not path.is_symlink() and not (path / "pyvenv.cfg").exists():
                yield from _python_files(path)


def _points(path: Path) -> int:
    try:
        if path.stat().st_size > _LARGEST:
            return 0
        text = path.read_bytes()
    except OSError:
        return 0
    named = sum(points for name, points in _NAMES if name.search(path.stem))
    return named + sum(points for word, points in _WORDS if word.search(text))


def _experiment_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.glob("*.y*ml")):
        if path.is_file() and re.search(
            r"^\s*(trialCommand|trialConcurrency|searchSpacePath|searchSpaceFile)\s*:",
            path.read_text("utf-8", "replace"),
            re.M,
        ):
            yield path
