"""Propose marks for what is likely a hyperparameter: by its name, or as an option of the command line.

Each is a comment at the end of the value's line, with a domain around today's value. What could mean
something else, or would not be a mark in that place, is left alone.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections import Counter
from collections.abc import Iterator, Mapping
from keyword import iskeyword
from pathlib import Path
from typing import Any

from hpo.annotate.project import annotate
from hpo.annotate.reading.deep import with_deep_stack
from hpo.annotate.reading.scopes import Scope, qualified
from hpo.annotate.reading.source import Edit, SourceFile, Span
from hpo.annotate.reading.structure import Place, Structure, survey
from hpo.annotate.result import AnnotatedFile, AnnotatedProject
from hpo.annotate.space.signatures import inner_default
from hpo.annotate.writing.apply import Application
from hpo.annotate.writing.wellknown import choice_of, domain_of, may_be_chosen
from hpo.errors import AnnotationError
from hpo.expressions import NotConstantError, dotted, evaluate

__all__ = ["suggest"]

_LIBRARIES = {"catboost", "keras", "lightgbm", "sklearn", "tensorflow", "torch", "transformers", "xgboost"}
_BOOSTERS = {"catboost", "lightgbm", "xgboost"}
# Keys that tell the parameters of a booster from other dictionaries.
_OF_BOOSTERS = {
    "boosting", "boosting_type", "booster", "eval_metric", "loss_function", "max_depth", "metric",
    "num_leaves", "objective", "tree_method",
}  # fmt: skip
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
        self.calls: Mapping[ast.expr, tuple[ast.Call, Scope]] = {
            keyword.value: (call, setting.scope)
            for call, setting in self.structure.calls.items()
            for keyword in call.keywords
        }
        self.types = {a.place: a.node for a in self.structure.annotations if a.place is not None}
        self.boosters = dict(_of_boosters(tree))

    def comments(self) -> dict[int, str]:
        """Return the texts of the marks, by line."""
        free = _lines_that_take_a_comment(self.file)
        found: dict[int, str] = {}
        for line, places in self._candidates().items():
            if line not in free or "hpo:" in self.file.lines[line - 1]:
                continue
            names = Counter(place.name for place in places)
            marks = [(place, domain) for place in places if (domain := self._domain(place)) is not None]
            if len(places) == 1:
                found.update((line, domain) for _, domain in marks)
                continue
            named = [
                f"{place.name}={domain}"
                for place, domain in marks
                if names[place.name] == 1 and place.name.isidentifier() and not iskeyword(place.name)
            ]
            if named:
                found[line] = ", ".join(named)
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
        """Return the domain of a place, or None."""
        default = inner_default(place)
        if default is None or any(_overlap(self.file.span(default), span) for span in self.marked):
            return None
        try:
            value = evaluate(default)
        except NotConstantError:
            return None
        allowed = _constants(self._allowed(place))
        if allowed and may_be_chosen(place.name, is_option=_is_option(place)):
            return choice_of(allowed, value)
        return domain_of(place.name, value, None if _is_option(place) else self._callee(place))

    def _allowed(self, place: Place) -> ast.expr | None:
        """Return where the values are listed that an option of a command line, or a type, allows."""
        call, _ = self.calls.get(place.value, (None, None))
        if call is None or not _is_option(place):
            return self.types.get(place)
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        match given.get("type"):
            case ast.Call(func=function, args=[listed, *_]) if _is_called(function, "Choice"):
                return listed  # click's
        return given.get("choices")  # argparse's

    def _callee(self, place: Place) -> str:
        """Return what a place is an argument of, where a learning library defines that; else nothing."""
        call, scope = self.calls.get(place.value, (None, self.structure.module))
        name = self.boosters.get(place.value) or (qualified(call and call.func, scope) or "")
        return name if name.partition(".")[0] in _LIBRARIES else ""


def _is_option(place: Place) -> bool:
    """Tell whether a place is the default of an option of a command line, whose name it has."""
    return place.kind == "keyword" and place.name != place.target


def _is_called(node: ast.expr, name: str) -> bool:
    return (dotted(node) or "").rpartition(".")[2] == name


def _constants(node: ast.expr | None) -> list[Any]:
    """Return what is in a list, or in the `Literal[...]` of a type, where that is constants alone."""
    match node:
        case ast.Subscript(value=value, slice=ast.Tuple(elts=[inner, *_])) if _is_called(value, "Annotated"):
            return _constants(inner)
        case ast.Subscript(value=value, slice=inner) if _is_called(value, "Literal"):
            node = inner
    elements = node.elts if isinstance(node, ast.List | ast.Tuple | ast.Set) else []
    try:
        return [evaluate(element) for element in elements]
    except NotConstantError:
        return []


def _of_boosters(tree: ast.Module) -> Iterator[tuple[ast.expr, str]]:
    """Yield the values in the dictionaries of parameters that boosters take, and who takes them."""
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
    }
    boosters = sorted(imported & _BOOSTERS)
    for node in ast.walk(tree) if boosters else ():
        entries: dict[Any, ast.expr] = {}
        if isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            entries = {key.value: value for key, value in pairs if isinstance(key, ast.Constant)}
        elif isinstance(node, ast.Call) and dotted(node.func) == "dict":
            entries = {keyword.arg: keyword.value for keyword in node.keywords}
        if entries.keys() & _OF_BOOSTERS:
            yield from ((value, f"{boosters[0]}.train") for value in entries.values())


def _overlap(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def _lines_that_take_a_comment(file: SourceFile) -> set[int]:
    """Return the lines that end outside strings, and without a backslash."""
    ends = (tokenize.NEWLINE, tokenize.NL)
    tokens = tokenize.generate_tokens(io.StringIO(file.normal).readline)
    return {token.start[0] for token in tokens if token.type in ends}
