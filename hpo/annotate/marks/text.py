"""The marks of a file that are written in strings and comments: found and parsed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from hpo.annotate.marks.grammar import REPORTS, Reader
from hpo.annotate.marks.layers import read_layers
from hpo.annotate.marks.mark import Claim, Mark, Report
from hpo.annotate.marks.parsing import Mistake, parse_text
from hpo.annotate.reading import concrete
from hpo.annotate.reading.source import Refusal, SourceFile, Span
from hpo.annotate.reading.structure import Structure
from hpo.errors import Diagnostic

__all__ = ["text_marks"]

_STRING = re.compile(r"@(hpo|nni)\.")
_COMMENT = re.compile(r"#[ \t]*(hpo|nni):")
_CONTINUED = re.compile(r"(\\(\r\n|\r|\n))*")
_REPORT_FORMS = {
    "get_next_parameter": (0, 0, "get_next_parameter()"),
    "report_intermediate_result": (1, 2, "report_intermediate_result(accuracy), with step= if need be"),
    "report_fold": (1, 1, "report_fold(accuracy)"),
    "report_final_result": (1, 1, "report_final_result(accuracy)"),
}
_NAME = r"[^\W\d][\w\u0080-\U0010ffff]*"  # some letters of some scripts are none to `re`
_CALL = re.compile(rf"\s*({_NAME}\s*=\s*)?((hpo|nni)\.)?{_NAME}\(")


def text_marks(
    file: SourceFile, structure: Structure, names: Mapping[str, Any], found: list[Diagnostic]
) -> list[Mark]:
    """Return the marks in the strings and comments of a file; mistakes go to `found`."""
    finder = _Finder(file, structure, names, found)
    return [*finder.strings(), *finder.comments()]


def _constructor(node: ast.expr) -> str | None:
    """Resolve a callee in a text: the dialect's name before it may be left out."""
    match node:
        case ast.Name(id=name) | ast.Attribute(value=ast.Name(id="hpo" | "nni"), attr=name):
            return name
    return None


class _Finder:
    def __init__(
        self, file: SourceFile, structure: Structure, names: Mapping[str, Any], found: list[Diagnostic]
    ) -> None:
        self.file, self.structure, self.names, self.found = file, structure, names, found

    def _note(self, mistake: Mistake) -> None:
        self.found.append(
            self.file.diagnostic(mistake.code, mistake.message, mistake.span, help=mistake.help)
        )

    # -- strings

    def strings(self) -> Iterator[Mark]:
        for statement in list(self.structure.settings):
            value = statement.value if isinstance(statement, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                words = _STRING.match(value.value)
                if words is not None:
                    yield from self._string(statement, self.file.span(value), value.value, words)

    def _string(self, statement: ast.stmt, span: Span, value: str, words: re.Match[str]) -> Iterator[Mark]:
        written = concrete.literal(self.file.segment(span))
        # A line that goes on has not ended; words in escapes are none, as the search of files has it.
        text = self.file.segment(Span(span.start + written.opening, span.end))
        opening = span.end - len(_CONTINUED.sub("", text, count=1))
        if not self.file.text.startswith(words.group(), opening):
            return
        text, start = value[words.end() :], opening + words.end()
        reader = Reader(self.file, _constructor, written.verbatim, self.names)
        mark = partial(Mark, "string", words.group(1), span, statement=statement, openings=(opening,))
        try:
            call = parse_text(self.file, text, start, whole=None if written.verbatim else span)
            kind = _constructor(call.func) if isinstance(call, ast.Call) else None
            if kind in REPORTS:
                yield mark(report=self._report(reader, call))
            elif kind == "constraint":
                yield mark(test=reader.test(call))
            elif kind == "fidelity":
                reader.bare(call)
                yield mark(loop=True)
            elif kind == "mutable_layers":
                yield mark(layers=read_layers(reader, call))
            else:
                yield mark((Claim(None, reader.domain(call)),))
        except Mistake as mistake:
            self._note(mistake)

    def _report(self, reader: Reader, call: ast.expr) -> Report:
        assert isinstance(call, ast.Call)
        kind = _constructor(call.func) or ""
        keywords = [k.arg for k in call.keywords]
        least, most, form = _REPORT_FORMS[kind]
        starred = any(isinstance(a, ast.Starred) for a in call.args)
        fits = least <= len(call.args) and len(call.args) + len(keywords) <= most
        if starred or not fits or {*keywords} - {"step"}:
            raise reader.mistake("HPO203", f"these are not the arguments of {kind}", f"write {form}", call)
        whole, callee = self.file.span(call), self.file.span(call.func)
        result = reader.source(call.args[0]) if call.args else ""
        if reader.verbatim:
            return Report(kind, self.file.segment(Span(callee.end, whole.end)), result)
        return Report(kind, ast.unparse(call).removeprefix(ast.unparse(call.func)), result)

    # -- comments

    def comments(self) -> Iterator[Mark]:
        try:
            for comment in concrete.comments(self.file, self.structure, _COMMENT):
                opening = _COMMENT.search(comment.text)
                assert opening is not None
                yield from self._comment(comment, opening)
        except Refusal as refusal:
            at = self.file.line_start(refusal.line)
            span = Span(at, at + len(self.file.lines[refusal.line - 1]))
            self.found.append(self.file.diagnostic(refusal.code, refusal.message, span, help=refusal.help))

    def _comment(self, comment: concrete.Comment, opening: re.Match[str]) -> Iterator[Mark]:
        text = comment.text[opening.end() :]
        start = comment.span.start + opening.end()
        span = Span(comment.span.start + opening.start(), comment.span.end)
        dialect = opening.group(1)
        # The words may stand in an option as well, and would open a mark once the first ones are gone.
        openings = tuple(comment.span.start + m.end() - 1 for m in _COMMENT.finditer(comment.text))
        mark = partial(Mark, "comment", dialect, span, alone=comment.alone, openings=openings)
        if not _CALL.match(text):
            self.found.append(
                self.file.diagnostic(
                    "HPO215",
                    f"this comment begins like a mark, but no domain follows {dialect}:",
                    span,
                    severity="warning",
                    help=f"write # {dialect}: uniform(0, 1), or begin the comment in another way",
                )
            )
            return
        reader = Reader(self.file, _constructor, names=self.names)
        try:
            call = parse_text(self.file, text, start, before="_(", after="\n)")
            pairs = self._pairs(call, span, reader)
            self._refuse_second(comment, pairs[-1][1])
            kind = _constructor(pairs[0][1].func) if isinstance(pairs[0][1], ast.Call) else None
            if kind in REPORTS and not comment.alone:
                message = f"{kind} stands at the end of a line"
                raise Mistake("HPO221", message, "give it a line of its own", span)
            if kind == "mutable_layers":
                message = "mutable_layers is too long for a comment"
                raise Mistake("HPO203", message, "write it in a string: '''@nni.mutable_layers(...)'''", span)
            if kind in REPORTS:
                yield mark(report=self._report(reader, pairs[0][1]))
            elif kind == "constraint":
                yield mark(test=reader.test(pairs[0][1]))
            elif kind == "fidelity":
                reader.bare(pairs[0][1])
                yield mark(loop=True)
            else:
                yield mark(tuple(Claim(name, reader.domain(value)) for name, value in pairs))
        except Mistake as mistake:
            self._note(mistake)

    def _refuse_second(self, comment: concrete.Comment, last: ast.expr) -> None:
        """Refuse a mark behind a mark: it would mean nothing, in silence."""
        end = self.file.span(last).end
        rest = self.file.segment(Span(end, comment.span.end))
        second = _COMMENT.search(rest)
        if second is not None and _CALL.match(rest[second.end() :]):
            help_ = "name several places in one mark: # hpo: a=choice(1, 2), b=uniform(0, 1)"
            span = Span(end + second.start(), comment.span.end)
            raise Mistake("HPO222", "a comment has one mark, and this is a second", help_, span)

    def _pairs(self, call: ast.expr, span: Span, reader: Reader) -> list[tuple[str | None, ast.expr]]:
        """Return the names and domains of ``# hpo: uniform(0, 1)`` or ``# hpo: a=..., b=...``."""
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "_"):
            raise Mistake("HPO201", "the mark does not parse", "write NAME(arguments)", span)
        if len(call.args) + bool(call.keywords) != 1:
            raise Mistake(
                "HPO203", "several marks in one comment are named", "write a=choice(1, 2), b=...", span
            )
        for keyword in call.keywords:
            if keyword.arg is None:
                raise reader.mistake("HPO203", "** has no place in a mark", "name each place", keyword)
        return [*((None, a) for a in call.args), *((k.arg, k.value) for k in call.keywords)]
