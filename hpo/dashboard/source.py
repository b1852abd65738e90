"""The source as the experiment froze it, with its marks in place: the page that shows where a value stands.

The files are those of the snapshot, so what is shown is what the trials run, whatever was edited since.
"""

from __future__ import annotations

import io
import keyword
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from hpo.annotate.reading.source import SourceFile, Span
from hpo.annotate.result import AnnotatedFile, AnnotatedProject
from hpo.errors import HpoError, UsageError
from hpo.experiment.written_back import frozen_project, write_back
from hpo.parameters import Arrangement, Parameter
from hpo.runtime.snapshot import read_manifest
from hpo.runtime.store import Store
from hpo.space import SearchSpace

__all__ = ["diff", "source", "values"]

_SAMPLE = 400  # points of a small plot


def source(directory: Path) -> dict[str, Any]:
    """Return the frozen files of an experiment, line by line, each with its marks.

    Raises:
        UsageError: its trials are no Python script.
    """
    root = (directory / "code" / "original").resolve()
    manifest = directory / "code" / "manifest.json"
    project = _project(directory, manifest.stat().st_mtime_ns if manifest.exists() else 0)
    names = read_manifest(str(manifest.parent))["files"]
    found = {file.path: file for file in project.files}
    files = [_file(found.get(root / name), root / name, name, project) for name in names]
    first = project.files[0].path
    return {"script": str(first.relative_to(root)), "files": files}


@lru_cache(maxsize=8)
def _project(directory: Path, _: int) -> AnnotatedProject:
    return frozen_project(directory)


def _file(
    annotated: AnnotatedFile | None, path: Path, name: str, project: AnnotatedProject
) -> dict[str, Any]:
    data = annotated.original if annotated is not None else path.read_bytes()
    try:
        file = SourceFile(name, path, data)
    except Exception:  # what cannot be decoded has no marks either
        return {"name": name, "lines": data.decode("latin-1").splitlines(), "tokens": [], "marks": []}
    marks = list(_marks(annotated, file, project)) if annotated is not None else []
    return {"name": name, "lines": file.lines, "tokens": _tokens(file.normal), "marks": marks}


def _marks(annotated: AnnotatedFile, file: SourceFile, project: AnnotatedProject) -> Iterator[dict[str, Any]]:
    """Yield the marked places of a file, in the order of their lines."""
    space = project.space
    for site in sorted(annotated.sites, key=lambda s: s.whole):
        yield {
            "name": site.name,
            "line": file.line_of(site.span.start),
            "domain": str(space[site.name]) if site.name in space else "",
            "value": _place(file, site.span),
            "mark": _place(file, site.mark),
            "own": file.segment(site.span),
        }
    for constraint in project.constraints:
        if constraint.file == annotated.name:
            yield {"name": None, "line": constraint.line, "domain": constraint.test, "kind": "constraint"}
    loop = project.fidelity
    if loop is not None and loop.file == annotated.name:
        yield {"name": None, "line": loop.line, "domain": f"{loop.passes or '?'} passes", "kind": "fidelity"}


def _place(file: SourceFile, span: Span) -> list[int]:
    """Return first line, first column, last line, column after the last; lines from 1, columns from 0."""
    (line, column), (end_line, end_column) = file.position(span.start), file.position(span.end)
    return [line, column - 1, end_line, end_column - 1]


_KINDS = {tokenize.STRING: "string", tokenize.COMMENT: "comment", tokenize.NUMBER: "number"}


def _tokens(text: str) -> list[list[Any]]:
    """Return what is coloured: kind, first line, first column, last line, column after the last."""
    found: list[list[Any]] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            kind = _KINDS.get(token.type)
            if token.type == tokenize.NAME and keyword.iskeyword(token.string):
                kind = "keyword"
            elif tokenize.tok_name[token.type].startswith("FSTRING"):
                kind = "string"
            if kind is not None:
                found.append([kind, *token.start, *token.end])
    except (tokenize.TokenError, SyntaxError, IndentationError):
        pass  # what was coloured so far stays so
    return found


def values(store: Store) -> dict[str, Any]:
    """Return for each parameter what stands beside its line: best and own value, and results by value.

    A point's place is the quantile of its value in the domain, so that a logarithmic domain is drawn as one.
    A list is the farther to the right the more it differs from the best.
    """
    row = store.experiment()
    space = SearchSpace.from_json(row["space"], defaults=row["defaults"])
    best, sample = store.best(), store.sample(_SAMPLE)
    if best is not None and all(number != best.number for number, _, _ in sample):
        sample.append((best.number, float(best.value or 0.0), best.parameters))
    return {
        "direction": row["direction"],
        "best": None if best is None else best.number,
        "parameters": {
            name: {
                "domain": str(space[name]),
                "default": row["defaults"].get(name),
                "best": best.parameters.get(name) if best else None,
                "options": None if _is_numeric(space[name]) else [str(v) for v in space[name].values() or ()],
                "points": list(_points(space[name], name, sample, best.parameters if best else {})),
            }
            for name in space
        },
    }


def _is_numeric(parameter: Parameter) -> bool:
    return type(parameter).__name__ != "Choice"


def _points(
    parameter: Parameter,
    name: str,
    sample: Sequence[tuple[int, float, Mapping[str, Any]]],
    best: Mapping[str, Any],
) -> Iterator[tuple[float, float, int]]:
    for number, value, parameters in sample:
        if name in parameters:
            try:
                if isinstance(parameter, Arrangement):  # how far from the best one
                    far = parameter.differences(parameters[name], best[name])
                    place = far / (far + parameter.width)
                else:
                    place = float(parameter.to_unit(parameters[name]))
            except (HpoError, KeyError, ValueError, TypeError, ArithmeticError):
                continue  # of a space that was changed since
            yield round(place, 4), value, number


def diff(directory: Path, number: int | None) -> dict[str, Any]:
    """Return the diff that `hpo apply` would make for a trial, or for the best one.

    Raises:
        UsageError: there is no such trial, or its values have no places in a source.
    """
    written = write_back(directory, number)
    which = "" if number is None else f" --trial {number}"
    try:
        text = written.application.diff()
    except UnicodeError as error:
        raise UsageError(f"the diff cannot be shown: {error}") from error
    return {
        "trial": written.trial.number,
        "diff": text.encode("utf-8", "replace").decode(),
        "skipped": [str(diagnostic) for diagnostic in written.application.skipped],
        "command": f"hpo apply {directory.name}{which} --write",
    }
