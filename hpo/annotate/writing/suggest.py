"""Propose marks for what is likely a hyperparameter: by its name, or as an option of the command line.

Each is a comment at the end of the value's line, with a domain around today's value. What could mean
something else, or would not be a mark in that place, is left alone.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from hpo.annotate.project import annotate
from hpo.annotate.reading.deep import with_deep_stack
from hpo.annotate.reading.scopes import Scope, qualified
from hpo.annotate.reading.source import Edit, SourceFile, Span
from hpo.annotate.reading.structure import Place, Structure, survey
from hpo.annotate.result import AnnotatedFile, AnnotatedProject
from hpo.annotate.space.signatures import inner_default
from hpo.annotate.writing.apply import Application
from hpo.annotate.writing.wellknown import domain_of, is_ambiguous
from hpo.errors import AnnotationError
from hpo.expressions import NotConstantError, dotted, evaluate

__all__ = ["suggest"]

_LIBRARIES = {"catboost", "keras", "lightgbm", "sklearn", "tensorflow", "torch", "transformers", "xgboost"}
_OPTIONS = {"add_argument", "option", "Option"}  # of argparse, click and typer
_KINDS = {"assignment", "keyword", "entry", "parameter"}


def suggest(path: Path) -> Application:
    """Return the edits that mark the likely hyperparameters of a script.

    Raises:
        AnnotationError: the script does not compile, or its marks have mistakes.
    """
    project = annotate([path])
    if project.errors:
        raise AnnotationError(project.errors)
    annotated = project.files[0]
    file = SourceFile(annotated.name, annotated.path, annotated.original)
    return with_deep_stack(lambda: _valid(file, path, project, _Finder(file, annotated).comments()))


def _valid(file: SourceFile, path: Path, project: AnnotatedProject, comments: dict[int, str]) -> Application:
    """Return the edits of those comments that are marks without a mistake where they stand."""
    while comments:
        edits = tuple(_edit(file, line, text) for line, text in comments.items())
        marked = annotate([path], texts={file.path: file.rewritten(edits)})
        if not marked.diagnostics or marked.diagnostics == project.diagnostics:
            return Application({file.path: edits}, (), {file.path: file})
        said = {line for d in marked.diagnostics for line in (d.line, *(p.line for p in d.related))}
        wrong = said & comments.keys() or comments.keys()
        comments = {line: text for line, text in comments.items() if line not in wrong}
    return Application({}, (), {file.path: file})


def _edit(file: SourceFile, line: int, text: str) -> Edit:
    end = file.line_start(line) + len(file.lines[line - 1].rstrip(" \t"))
    return Edit(end, end, f"  # hpo: {text}")


class _Finder:
    """Find the places of a file whose names say what they are."""

    def __init__(self, file: SourceFile, annotated: AnnotatedFile) -> None:
        self.file = file
        self.marked = [site.whole for site in annotated.sites]
        tree = file.tree()
        self.structure: Structure = survey(file, tree)
        self.callees: Mapping[ast.expr, tuple[ast.expr, Scope]] = {
            keyword.value: (call.func, setting.scope)
            for call, setting in self.structure.calls.items()
            for keyword in call.keywords
        }

    def comments(self) -> dict[int, str]:
        """Return the texts of the marks, by line."""
        free = _lines_that_take_a_comment(self.file)
        found: dict[int, str] = {}
        for line, places in self._candidates().items():
            if line not in free or "hpo:" in self.file.lines[line - 1]:
                continue
            names = Counter(place.name for place in places)
            marks = [(place, domain) for place in places if (domain := self._domain(place)) is not None]
            if len(places) == 1 and marks:
                found[line] = marks[0][1]
            elif marks and all(names[place.name] == 1 and place.name.isidentifier() for place, _ in marks):
                found[line] = ", ".join(f"{place.name}={domain}" for place, domain in marks)
        return dict(sorted(found.items()))

    def _candidates(self) -> dict[int, list[Place]]:
        """Return, by line, the innermost named places that begin and end on it."""
        by_line: dict[int, list[Place]] = {}
        for place in self.structure.places:
            first, last = (self.file.line_of(at) for at in (place.span.start, place.span.end))
            if first == last and place.kind in _KINDS and not self.structure.in_formatted(place.span):
                by_line.setdefault(first, []).append(place)
        return {
            line: [p for p in places if not any(q is not p and p.span.holds(q.span) for q in places)]
            for line, places in by_line.items()
        }

    def _domain(self, place: Place) -> str | None:
        """Return the domain of a place, labelled where its own name says nothing, or None."""
        default = inner_default(place)
        if default is None or any(_overlap(self.file.span(default), span) for span in self.marked):
            return None
        try:
            value = evaluate(default)
        except NotConstantError:
            return None
        option = self._option(place)
        domain = domain_of(option or place.name, value)
        if domain is None or (option is None and is_ambiguous(place.name) and not self._is_library(place)):
            return None
        return domain if option is None else f"{domain[:-1]}, name={option})"

    def _option(self, place: Place) -> str | None:
        """Return the option of a command line whose default a place is."""
        callee, _ = self.callees.get(place.value, (None, None))
        name = (dotted(callee) or "").rpartition(".")[2]
        is_default = place.name == "default" and name in _OPTIONS and place.owners[-1:] != (name,)
        return place.owners[-1] if is_default and place.owners else None

    def _is_library(self, place: Place) -> bool:
        """Tell whether a place is an argument of something that a learning library defines."""
        callee, scope = self.callees.get(place.value, (None, self.structure.module))
        return (qualified(callee, scope) or "").partition(".")[0] in _LIBRARIES


def _overlap(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def _lines_that_take_a_comment(file: SourceFile) -> set[int]:
    """Return the lines that end outside strings, and without a backslash."""
    ends = (tokenize.NEWLINE, tokenize.NL)
    tokens = tokenize.generate_tokens(io.StringIO(file.normal).readline)
    return {token.start[0] for token in tokens if token.type in ends}
