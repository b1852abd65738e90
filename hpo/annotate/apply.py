"""Write values into the source: as its new defaults, or for good, without a trace of the marks."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.annotate.numerals import literal
from hpo.annotate.result import AnnotatedFile, AnnotatedProject, Site, unified_diff
from hpo.annotate.source import Edit, SourceFile, Span
from hpo.annotate.standalone import without_hpo
from hpo.errors import Diagnostic
from hpo.parameters import identity
from hpo.space import SearchSpace

__all__ = ["Application", "apply", "code", "literal"]


@dataclass(frozen=True)
class Application:
    """The edits that write something into files, and the places that were left.

    Attributes:
        edits: by file.
        skipped: why a place was left, one diagnostic each.
        sources: the files, as they were read.
    """

    edits: Mapping[Path, tuple[Edit, ...]]
    skipped: tuple[Diagnostic, ...]
    sources: Mapping[Path, SourceFile]

    def diff(self) -> str:
        """Return the edits as a unified diff."""
        return "".join(
            unified_diff(self.sources[p].name, self.sources[p].data, self.sources[p].rewritten(edits))
            for p, edits in self.edits.items()
        )

    def write(self) -> list[Path]:
        """Make the edits, each file whole or not at all, with its mode; return the files."""
        for path, edits in self.edits.items():
            _replace(path, self.sources[path].rewritten(edits))
        return list(self.edits)


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(data)
        temporary.chmod(path.stat().st_mode)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def apply(
    project: AnnotatedProject, values: Mapping[str, Any], was: AnnotatedProject | None = None
) -> Application:
    """Return the edits that make values the source's own defaults: those values change, and nothing else.

    Args:
        project: the source as it is now.
        values: a configuration; places of other hyperparameters stay as they are.
        was: the source that the trial ran, where it is known: what changed since then is said and left.
    """
    edits: dict[Path, tuple[Edit, ...]] = {}
    sources: dict[Path, SourceFile] = {}
    skipped: list[Diagnostic] = []
    for annotated in project.files:
        if not any(site.name in values for site in annotated.sites):
            continue
        file = SourceFile(annotated.name, annotated.path, annotated.original)
        each: list[Edit] = []
        for site in annotated.sites:
            if site.name in values:
                reason = _reason_to_leave(site, values[site.name], project.space, was)
                if reason is not None:
                    skipped.append(_left(file, site, reason))
                else:
                    each += _edit(file, site, site.span, values[site.name], project.space)
        if each:
            sources[annotated.path], edits[annotated.path] = file, tuple(each)
    skipped += _missing(project, values)
    return Application(edits, tuple(skipped), sources)


def _reason_to_leave(site: Site, value: Any, space: SearchSpace, was: AnnotatedProject | None) -> str | None:
    name = site.name
    if was is not None and name not in was.space:
        return f"{name} is not what the trial ran: there was no such hyperparameter"
    if not space[name].contains(value):
        return f"{name} was {value!r}, which is not in its domain any more"
    if was is not None and site.options and not was.space[name].contains(value):
        return f"{name} has other options than in the trial"
    if not site.is_literal:
        return f"{name} is no constant here, and stays as it is"
    return None


def _left(file: SourceFile, site: Site, reason: str) -> Diagnostic:
    help_ = "run the experiment again, or write the value by hand"
    return file.diagnostic("HPO401", reason, site.span, severity="warning", help=help_)


def _missing(project: AnnotatedProject, values: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Yield the hyperparameters of the trial that the source has no more."""
    for name in values:
        if name not in project.space and project.files:
            file = SourceFile(project.files[0].name, project.files[0].path, project.files[0].original)
            message = f"{name} is marked no more, and its value {literal(values[name])} has no place"
            help_ = "nothing is to be done, if you removed it"
            yield file.diagnostic("HPO402", message, Span(0, 0), severity="warning", help=help_)


def _edit(
    file: SourceFile, site: Site, span: Span, value: Any, space: SearchSpace, *, exact: bool = False
) -> Iterator[Edit]:
    text = repr(value) if exact and not site.options else _source(site, value, space)
    before = site.before if span == site.span else ""
    if not _is_same(file.segment(span), text):
        lines = "".join(c for c in file.segment(span) if c in "\r\n")
        yield Edit(span.start, span.end, f"{before}{f'({text}{lines})' if lines else text}")


def _is_same(old: str, new: str) -> bool:
    try:
        return old == new or float(old) == float(new)
    except ValueError:
        return False


def _source(site: Site, value: Any, space: SearchSpace) -> str:
    wanted = identity(value)
    for option, source in site.options:
        if identity(option) == wanted:
            return source
    return literal(value, space[site.name])


def code(project: AnnotatedProject, values: Mapping[str, Any]) -> dict[Path, bytes]:
    """Return the files with a trial's values written in, exactly, and without marks: they run without hpo.

    Reports are printed instead; a hyperparameter without a value keeps the source's own.
    """
    return {file.path: _plain(file, values, project.space) for file in project.files}


def _plain(annotated: AnnotatedFile, values: Mapping[str, Any], space: SearchSpace) -> bytes:
    file = SourceFile(annotated.name, annotated.path, annotated.original)
    edits = list(annotated.plain)
    for site in annotated.sites:
        if site.name in values and space[site.name].contains(values[site.name]):
            edits += _edit(file, site, site.whole, values[site.name], space, exact=True)
        elif site.whole != site.span:  # an inline call that keeps its default
            own = file.segment(site.span) or (site.options[0][1] if site.options else "None")
            edits.append(Edit(site.whole.start, site.whole.end, own))
    return without_hpo(file.rewritten(_outermost(edits)), values)


def _outermost(edits: list[Edit]) -> list[Edit]:
    """Return the edits that lie in no other: a value that goes takes the marks in it along."""
    kept: list[Edit] = []
    for edit in sorted(edits, key=lambda e: (e.start, -e.end)):
        if not kept or edit.start >= kept[-1].end:
            kept.append(edit)
    return kept
