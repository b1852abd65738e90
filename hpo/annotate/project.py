"""A script and its modules, or a folder: found, read, marked, named and rewritten."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hpo.annotate.marks import Mark, constant, find_marks
from hpo.annotate.naming import name_targets
from hpo.annotate.rewrite import option_at, rewrite
from hpo.annotate.source import Refusal, SourceFile
from hpo.annotate.structure import survey
from hpo.annotate.targets import Target, find_targets
from hpo.errors import Diagnostic, UsageError
from hpo.space import SearchSpace

__all__ = ["AnnotatedFile", "AnnotatedProject", "MarkedParameter", "annotate"]

_WORDS = re.compile(rb"@(hpo|nni)\.|#\s*(hpo|nni):|\bparam\b")
_SKIPPED = {"__pycache__", "node_modules", "venv", "env", "site-packages"}


@dataclass(frozen=True)
class MarkedParameter:
    """A hyperparameter at one of its places, as `hpo annotate --format json` shows it."""

    name: str
    type: str
    value: list[Any]
    default: Any
    default_source: str
    file: str
    line: int
    column: int
    spelling: str
    condition: list[dict[str, Any]] | None

    def to_json(self) -> dict[str, Any]:
        """Return the documented JSON form."""
        return asdict(self)


@dataclass(frozen=True)
class AnnotatedFile:
    """A file of the project: its bytes, and the bytes that a trial runs."""

    path: Path
    original: bytes
    rewritten: bytes


@dataclass(frozen=True)
class AnnotatedProject:
    """What was found in a script and its modules.

    Attributes:
        files: all of them, marked or not.
        parameters: each marked place.
        diagnostics: what is wrong, in the order of places.
        targets: the marked places by the name of their hyperparameter.
    """

    files: tuple[AnnotatedFile, ...]
    parameters: tuple[MarkedParameter, ...]
    diagnostics: tuple[Diagnostic, ...]
    targets: Mapping[str, tuple[Target, ...]]

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The diagnostics that keep the project from running."""
        return tuple(d for d in self.diagnostics if d.severity == "error")

    @cached_property
    def space(self) -> SearchSpace:
        """The search space, with the defaults that are constants."""
        domains = {name: places[0].domain.parameter for name, places in self.targets.items()}
        defaults: dict[str, Any] = {}
        for parameter in self.parameters:
            if parameter.default is not None:
                defaults.setdefault(parameter.name, parameter.default)
        return SearchSpace(domains, defaults=defaults)

    def to_json(self) -> dict[str, Any]:
        """Return the documented JSON form."""
        return {
            "space": {} if self.errors else self.space.to_json(),
            "parameters": [p.to_json() for p in self.parameters],
            "diagnostics": [d.to_json() for d in self.diagnostics],
        }

    def diff(self) -> str:
        """Return a unified diff from the files to the parameterised ones."""
        return "".join(unified_diff(f.path, f.original, f.rewritten) for f in self.files)

    def write(self, directory: Path) -> None:
        """Write the parameterised tree."""
        root = Path(*_common([f.path.parent.parts for f in self.files]))
        for file in self.files:
            target = directory / file.path.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.rewritten)


def _common(paths: list[tuple[str, ...]]) -> tuple[str, ...]:
    shortest = min(paths, key=len)
    return next(
        shortest[:n] for n in range(len(shortest), 0, -1) if all(p[:n] == shortest[:n] for p in paths)
    )


def unified_diff(path: Path, before: bytes, after: bytes) -> str:
    """Return the unified diff of two versions of a file; empty where they are equal."""
    old, new = (text.decode("utf-8", "replace").splitlines(keepends=True) for text in (before, after))
    name = _shown(path)
    lines = difflib.unified_diff(old, new, f"a/{name}", f"b/{name}")
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def annotate(paths: Sequence[Path], *, code_dir: Path | None = None) -> AnnotatedProject:
    """Read scripts, with the modules that they import from their folder, or whole folders.

    Mistakes in the files are diagnostics.

    Args:
        paths: scripts and folders.
        code_dir: where a script's modules are; its own folder where it is left out.

    Raises:
        UsageError: a path does not exist.
    """
    found: list[Diagnostic] = []
    sources: dict[Path, bytes] = {}
    scripts = {path.resolve() for path in paths if path.is_file()}
    for path in paths:
        if path.is_dir():
            files = _tree(path.resolve())
        elif path.is_file():
            files = _imported(path.resolve(), (code_dir or path.resolve().parent).resolve())
        else:
            raise UsageError(f"there is no file {path}", help="give the path of a script or a folder")
        for file in files:
            sources[file] = file.read_bytes()
    # A module without a mark's words cannot be in the way; a script that does not compile cannot run.
    worth = [path for path, data in sources.items() if path in scripts or _WORDS.search(data)]
    read = [each for path in worth if (each := _read(path, sources[path], found)) is not None]
    targets = [target for _, _, file_targets in read for target in file_targets]
    named = name_targets(targets, found)
    parameters = tuple(_described(name, t, found) for name, group in named.items() for t in group)
    found.sort(key=lambda d: (d.file, d.line, d.column))
    broken = any(d.severity == "error" for d in found)
    marked = {file.path: rewrite(file, marks, named) for file, marks, _ in read} if not broken else {}
    return AnnotatedProject(
        tuple(AnnotatedFile(path, data, marked.get(path, data)) for path, data in sources.items()),
        parameters,
        tuple(found),
        {name: tuple(group) for name, group in named.items()},
    )


def _read(
    path: Path, data: bytes, found: list[Diagnostic]
) -> tuple[SourceFile, list[Mark], list[Target]] | None:
    try:
        file = SourceFile(_shown(path), path, data)
        structure = survey(file, file.tree())
    except Refusal as refusal:
        line = data.decode("utf-8", "replace").splitlines()[refusal.line - 1 : refusal.line]
        found.append(
            Diagnostic(
                refusal.code, "error", refusal.message, _shown(path), refusal.line, refusal.column,
                refusal.line, refusal.column + 1, refusal.help, line[0] if line else None,
            )
        )  # fmt: skip
        return None
    marks = find_marks(file, structure, found)
    return file, marks, find_targets(file, structure, marks, found)


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _described(name: str, target: Target, found: list[Diagnostic]) -> MarkedParameter:
    domain, source = target.domain, target.file.segment(target.span)
    if domain.options:
        option = option_at(domain.options, source)
        default = None if option is None else option.value
        inside = option is not None
    else:
        value = constant(target.place.value)
        default = None if value is ... else value
        inside = value is ... or domain.parameter.contains(value)
    if not inside:
        message = f"the value {source} lies outside {domain.parameter}"
        found.append(
            target.file.diagnostic(
                "HPO309", message, target.span, severity="warning", help="widen the domain, or add the option"
            )
        )
    line, column = target.file.position(target.span.start)
    written = domain.parameter.to_json()
    spelling = target.mark.spelling
    return MarkedParameter(
        name,
        written["_type"],
        written["_value"],
        default,
        source,
        target.file.name,
        line,
        column,
        spelling,
        None,
    )


# -- which files


def _tree(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).parts
        if not any(part in _SKIPPED or part.startswith(".") for part in parts) and path.is_file():
            yield path


def _imported(script: Path, code_dir: Path) -> Iterator[Path]:
    """Yield a script and the modules in the code directory that it imports, and so on."""
    seen, waiting = {script}, [script]
    while waiting:
        path = waiting.pop(0)
        yield path
        for module in _modules(path, code_dir):
            if module not in seen:
                seen.add(module)
                waiting.append(module)


def _modules(path: Path, code_dir: Path) -> Iterator[Path]:
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # what is wrong is said where the file is read
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files(code_dir, alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            base = path.parents[node.level - 1] if node.level else code_dir
            parts = node.module.split(".") if node.module else []
            yield from _files(base, parts)
            for alias in node.names:
                yield from _files(base, [*parts, alias.name])


def _files(base: Path, parts: list[str]) -> Iterator[Path]:
    """Yield the files that importing a dotted name runs: packages on the way, and the module."""
    for n in range(1, len(parts) + 1):
        stem = base.joinpath(*parts[:n])
        for candidate in (stem / "__init__.py", stem.with_suffix(".py")):
            if candidate.is_file():
                yield candidate.resolve()
                break
