"""Write values into the source: as its new defaults, or for good, without a trace of the marks."""

from __future__ import annotations

import ast
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.annotate.reading.source import Edit, SourceFile, Span
from hpo.annotate.result import HOLE, AnnotatedFile, AnnotatedProject, Choices, Site, unified_diff
from hpo.annotate.writing.lists import bracketed, rewritten
from hpo.annotate.writing.numerals import literal
from hpo.annotate.writing.standalone import without_hpo
from hpo.durable import put
from hpo.errors import Diagnostic, UsageError
from hpo.parameters import Arrangement, identity, same
from hpo.space import SearchSpace

__all__ = ["Application", "apply", "code", "literal"]

_YIELD = re.compile(r"\byield\b")
_ATOMS = (ast.Constant, ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.List, ast.Dict, ast.Set)


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
        """Make the edits, each file whole or not at all, with its mode; return the files.

        Raises:
            UsageError: one may not be written to, or was changed since it was read; then none is written.
        """
        for path in self.edits:
            _check(path, self.sources[path])
        for path, edits in self.edits.items():
            _replace(path, self.sources[path].rewritten(edits))
        return list(self.edits)


def _check(path: Path, read: SourceFile) -> None:
    if not path.is_file() or path.read_bytes() != read.data:
        message = f"{read.name} was changed while it was looked at: nothing is written"
        raise UsageError(message, help="look at it again")
    for each, why in (
        (path, "it may only be read"),
        (path.parent, f"nothing may be written in {path.parent}"),
    ):
        if not os.access(each, os.W_OK):
            raise UsageError(f"{read.name} cannot be written: {why}", help=f"chmod u+w {each}")


def _replace(path: Path, data: bytes) -> None:
    fd, name = tempfile.mkstemp(prefix=".hpo-", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
        temporary.chmod(path.stat().st_mode)
        put(temporary, path)
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
        file = SourceFile(annotated.name, annotated.path, annotated.original)
        writer = _Writer(annotated.choices, values, project.space)
        each: list[Edit] = []
        for site in annotated.sites:
            if site.name in values and not writer.is_there(site):
                reason = _reason_to_leave(file, site, writer, was)
                if reason is not None:
                    skipped.append(_left(file, site.span, *reason))
                else:
                    each.append(writer.edit(file, site, site.span))
        if each:
            sources[annotated.path], edits[annotated.path] = file, tuple(_outermost(each))
    skipped += _placeless(project, values)
    return Application(edits, tuple(skipped), sources)


def _reason_to_leave(
    file: SourceFile, site: Site, writer: _Writer, was: AnnotatedProject | None
) -> tuple[str, str] | None:
    """Return why a place is left, and what to do then."""
    name, value = site.name, writer.values[site.name]
    again = "run the experiment again, or write the value by hand"
    if was is not None and name not in was.space:
        return f"{name} is not what the trial ran: there was no such hyperparameter", again
    if not writer.space[name].contains(value):
        return f"{name} was {value!r}, which is not in its domain any more", again
    if was is not None and name in writer.choices and not _had(was, writer, name):
        return f"{name} has other options than in the trial", again
    if site.own is None:
        return f"{name} is no constant here, and stays as it is", again
    if writer.loses_comments(file, site):
        return f"a comment in the list of {name} would be lost", "write the value by hand"
    if not site.is_named and _has_places(writer.source(name)):
        return f"with {writer.source(name)} here, the mark would mean a part of it", "name the mark: NAME=..."
    return None


def _had(was: AnnotatedProject, writer: _Writer, name: str) -> bool:
    """Tell whether the trial's value was what it is among the options of today: `a` is not `"a"`."""
    value = writer.values[name]
    then = {_is_literal(file.choices[name], value) for file in was.files if name in file.choices}
    return was.space[name].contains(value) and then <= {_is_literal(writer.choices[name], value)}


def _is_literal(options: Choices, value: Any) -> bool:
    chosen = _chosen(options, value)
    source = "" if chosen is None else HOLE.sub("0", chosen[1])
    return source != "" and isinstance(ast.parse(f"({source}\n)", mode="eval").body, ast.Constant)


def _has_places(source: str) -> bool:
    """Tell whether a comment could mean a part of an expression: an argument, an entry, a default."""
    return any(
        isinstance(node, ast.keyword | ast.Dict | ast.NamedExpr)
        or (isinstance(node, ast.arguments) and any((*node.defaults, *node.kw_defaults)))
        for node in ast.walk(ast.parse(f"({source}\n)", mode="eval"))
    )


def _left(file: SourceFile, span: Span, reason: str, help_: str) -> Diagnostic:
    return file.diagnostic("HPO401", reason, span, severity="warning", help=help_)


def _placeless(project: AnnotatedProject, values: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Yield the hyperparameters of the trial that the source has no more."""
    for annotated in project.files[:1]:
        file = SourceFile(annotated.name, annotated.path, annotated.original)
        for name in values:
            if name not in project.space:
                message = f"{name} is marked no more, and its value {literal(values[name])} has no place"
                help_ = "nothing is to be done, if you removed it"
                yield file.diagnostic("HPO402", message, Span(0, 0), severity="warning", help=help_)


class _Writer:
    """Write values as source.

    Args:
        choices: how the options of choices are written.
        values: a configuration.
        space: the domains.
        exact: whether numbers keep all their digits.
    """

    def __init__(
        self,
        choices: Mapping[str, Choices],
        values: Mapping[str, Any],
        space: SearchSpace,
        *,
        exact: bool = False,
    ) -> None:
        self.choices, self.values, self.space, self.exact = choices, values, space, exact

    def source(self, name: str, display: str = "[]") -> str:
        """Return the source of a hyperparameter's value; without a value, of its first option or median.

        Args:
            name: of the hyperparameter.
            display: the brackets of a value that is a list.
        """
        value = self.values.get(name, ...)
        if isinstance(self.space.parameters.get(name), Arrangement):
            return bracketed(self.items(name), display)
        if name in self.choices:
            options = self.choices[name]
            chosen = options[0] if value is ... else _chosen(options, value)
            return self.filled(repr(value) if chosen is None else chosen[1])
        if value is ...:
            value = self.space[name].from_unit(0.5)
        return repr(value) if self.exact else literal(value, self.space[name])

    def items(self, name: str) -> list[str]:
        """Return the sources of the items of a list."""
        options, domain = self.choices.get(name, ()), self.space[name]
        assert isinstance(domain, Arrangement)
        listed = self.values.get(name, domain.as_written)
        chosen = [(value, _chosen(options, value)) for value in listed]
        return [repr(value) if found is None else found[1] for value, found in chosen]

    def _is_list(self, file: SourceFile, site: Site) -> bool:
        """Tell whether a list stands at a place, as such."""
        return bool(site.display) and file.segment(site.span)[:1] == site.display[0]

    def loses_comments(self, file: SourceFile, site: Site) -> bool:
        """Tell whether comments stand in the list of a place that are of no item."""
        return self._is_list(file, site) and (
            rewritten(file.segment(site.span), self.items(site.name), site.display) is None
        )

    def is_there(self, site: Site) -> bool:
        """Tell whether the value of a place stands there already."""
        if site.own is None:
            return False
        value, options = self.values[site.name], self.choices.get(site.name, ())
        chosen = _chosen(options, value)
        return same(site.own[0], value) if chosen is None else _chosen(options, site.own[0]) is chosen

    def filled(self, text: str) -> str:
        """Return a text with its holes filled in."""
        return HOLE.sub(lambda match: self.source(match[1]), text)

    def edit(self, file: SourceFile, site: Site, span: Span) -> Edit:
        """Return the edit that puts the value of a place there; where marks stay, on as many lines."""
        before = site.before if span == site.span else ""
        if self._is_list(file, site) and not self.exact:
            text = rewritten(file.segment(span), self.items(site.name), site.display)
            assert text is not None  # else the place is left
            return Edit(span.start, span.end, text)
        text = self.source(site.name, site.display or "[]")
        lines = "" if self.exact else "".join(c for c in file.segment(span) if c in "\r\n")
        is_loose = span == site.whole and not site.is_apart and not _is_atom(file, span.end, text)
        needs_parentheses = lines or is_loose
        if self.exact and _YIELD.search(file.segment(span)):  # without one, a generator would be a function
            text = f"({text} if True else (yield))"
        return Edit(span.start, span.end, f"{before}{f'({text}{lines})' if needs_parentheses else text}")


def _chosen(options: Choices, value: Any) -> tuple[Any, str] | None:
    """Return the option that a value is: the same in JSON, else the same number."""
    exact = [option for option in options if identity(option[0]) == identity(value)]
    return next(iter(exact or [option for option in options if same(option[0], value)]), None)


def code(project: AnnotatedProject, values: Mapping[str, Any]) -> dict[Path, bytes]:
    """Return the files with a trial's values written in, exactly, and without marks: they run without hpo.

    Reports are printed instead; a hyperparameter without a value keeps the source's own.
    """
    return {file.path: _plain(file, values, project.space) for file in project.files}


def _plain(annotated: AnnotatedFile, values: Mapping[str, Any], space: SearchSpace) -> bytes:
    file = SourceFile(annotated.name, annotated.path, annotated.original)
    writer = _Writer(annotated.choices, values, space, exact=True)
    edits = [Edit(e.start, e.end, writer.filled(e.text), e.depth) for e in annotated.plain]
    for site in annotated.sites:
        value = values.get(site.name, ...)
        is_own = value is ... or not space[site.name].contains(value) or writer.is_there(site)
        if not is_own or (site.own is not None and site.span.start == site.span.end):
            edits.append(writer.edit(file, site, site.whole))
        elif site.whole != site.span:  # an inline call, of which its default is left
            own = file.segment(site.span)
            edits.append(
                Edit(
                    site.whole.start,
                    site.whole.end,
                    own if _is_atom(file, site.whole.end, own) else f"({own})",
                )
            )
    return without_hpo(file.rewritten(_outermost(edits)), values)


def _is_atom(file: SourceFile, end: int, source: str) -> bool:
    """Tell whether a piece of source means the same among any operators, and before what follows it."""
    node = ast.parse(f"({source}\n)", mode="eval").body
    return "\n" not in source and isinstance(node, _ATOMS) and file.text[end : end + 1] != "."


def _outermost(edits: list[Edit]) -> list[Edit]:
    """Return the edits that lie in no other: a value that goes takes the marks in it along."""
    kept: list[Edit] = []
    for edit in sorted(edits, key=lambda e: (e.start, -e.end)):
        if not kept or edit.start >= kept[-1].end:
            kept.append(edit)
    return kept
