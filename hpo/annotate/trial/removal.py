"""The script without its marks: whole lines go where nothing else stands on them, and reports are printed."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Sequence

from hpo.annotate.marks.mark import Mark
from hpo.annotate.reading.source import Edit, SourceFile, Span
from hpo.annotate.reading.structure import Structure
from hpo.annotate.result import hole

__all__ = ["removed", "without_statement"]

_SEMICOLON = re.compile(r"[ \t\f]*;[ \t\f]*")


def removed(file: SourceFile, structure: Structure, marks: Sequence[Mark]) -> Iterator[Edit]:
    """Yield the edits after which nothing of the marks is left that needs hpo; inline calls are sites.

    What depends on a trial's values is left open, as `result.hole` has it.
    """
    gone = {mark.statement for mark in marks if mark.spelling == "string" and not _stays(mark)}
    is_annotated = any(mark.spelling == "annotated" for mark in marks)
    described = _described(file, structure) if is_annotated else {}
    for mark in marks:
        if mark.spelling == "inline":
            continue
        if mark.report is not None and _stays(mark):
            yield _instead(file, mark, [f"print({mark.report.result})"])
        elif mark.layers:
            lines = [f"{each.output} = {hole(f'{each.output}.layer_choice')}" for each in mark.layers]
            yield _instead(file, mark, lines)
        elif mark.spelling == "string":
            assert mark.statement is not None
            yield without_statement(file, structure, mark.statement, gone)
        elif mark.spelling == "comment":
            yield _without_comment(file, mark)
        elif mark.spelling == "decorator":
            yield _without_decorator(file, mark)
        elif mark.span in described:
            yield from _without_metadata(file, *described[mark.span])


def _stays(mark: Mark) -> bool:
    """Tell whether a mark becomes code."""
    return bool(mark.layers) or (mark.report is not None and mark.report.function != "get_next_parameter")


def _instead(file: SourceFile, mark: Mark, statements: Sequence[str]) -> Edit:
    """Put statements in the place of a mark, each on a line of its own where the mark has one."""
    start, end = mark.span.start, mark.span.end
    if mark.spelling == "comment":
        end = start + len(_own_text(file, mark).rstrip())
    margin = file.text[file.line_start(file.line_of(start)) : start]
    after = file.text[end : file.line_start(file.line_of(end) + 1)]
    line_end = "\r\n" if "\r\n" in file.text else "\n"
    apart = "; " if margin.strip() or after.strip() else f"{line_end}{margin}"
    return Edit(start, end, apart.join(line_end.join(text.split("\n")) for text in statements))


def without_statement(
    file: SourceFile, structure: Structure, statement: ast.stmt, gone: set[ast.stmt | None]
) -> Edit:
    """Return the edit that takes a simple statement away; where all of its block go, `pass` stays."""
    span = file.span(statement)
    if gone.issuperset(structure.settings[statement].block):
        return Edit(span.start, span.end, "pass")
    line_end = file.line_start(file.line_of(span.end)) + len(file.lines[file.line_of(span.end) - 1])
    before = file.text[file.line_start(file.line_of(span.start)) : span.start]
    semicolon = _SEMICOLON.match(file.text, span.end)
    end = semicolon.end() if semicolon else span.end
    after = file.text[end:line_end].strip()
    if after and not after.startswith(("#", "\\")):
        return Edit(span.start, end, "")
    if before.strip():
        kept = before.rstrip().removesuffix(";").rstrip()
        return Edit(span.start - (len(before) - len(kept)), span.end if after else end, "")
    return _without_lines(file, Span(span.start, end))


def _without_lines(file: SourceFile, span: Span) -> Edit:
    """Return the edit that takes a stretch away, and the lines that it stood on where they would be blank."""
    first, last = (file.line_of(offset) for offset in (span.start, span.end))
    start, end = file.line_start(first), file.line_start(last) + len(file.lines[last - 1])
    before, after = file.text[start : span.start], file.text[span.end : end]
    if before.strip() or after.strip():
        gap = len(after) - len(after.lstrip()) if not before.strip() else 0  # what is left begins the line
        return Edit(span.start, span.end + gap, "")
    return Edit(start, file.line_start(last + 1), "")


def _own_text(file: SourceFile, mark: Mark) -> str:
    """Return the text of a mark in a comment without what follows it there, such as `# noqa`."""
    text = file.segment(mark.span)
    opening = max(offset for offset in mark.openings[:1]) + 1 - mark.span.start
    tokens = tokenize.generate_tokens(io.StringIO(f"({text[opening:]}\n)").readline)
    at = next((t.start[1] - 1 for t in tokens if t.type == tokenize.COMMENT), len(text) - opening)
    return text[: opening + at]


def _without_comment(file: SourceFile, mark: Mark) -> Edit:
    own = _own_text(file, mark)
    start, end = mark.span.start, mark.span.start + len(own)
    if end < mark.span.end:  # another comment follows
        return Edit(start, end, "")
    before = file.text[file.line_start(file.line_of(start)) : start]
    if not before.strip():
        return _without_lines(file, mark.span)
    return Edit(start - (len(before) - len(before.rstrip())), end, "")


def _without_decorator(file: SourceFile, mark: Mark) -> Edit:
    at = file.text.rindex("@", 0, mark.span.start)
    end = file.closed(at, mark.span)  # the call may be in parentheses
    return _without_lines(file, Span(at, end))


Described = tuple[ast.Subscript, ast.Tuple, int]  # an `Annotated[...]`, what is in it, and where in that


def _described(file: SourceFile, structure: Structure) -> dict[Span, Described]:
    """Return what stands in `Annotated[...]`, by its span."""
    (tree,) = (node for node in structure.scopes if isinstance(node, ast.Module))
    return {
        file.span(extra): (node, node.slice, i)
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple)
        for i, extra in enumerate(node.slice.elts)
        if i and isinstance(extra, ast.Call)
    }


def _without_metadata(file: SourceFile, node: ast.Subscript, inside: ast.Tuple, i: int) -> Iterator[Edit]:
    """Yield the edits that take a mark out of `Annotated[...]`, which goes where nothing else is in it."""
    whole, described, extra = (file.span(each) for each in (node, inside.elts[0], inside.elts[i]))
    before = file.span(inside.elts[i - 1])
    gap = file.text[before.end : extra.start]
    if len(inside.elts) == 2:
        opening, closing = ("(", ")") if "\n" in file.segment(described) else ("", "")
        yield Edit(whole.start, described.start, opening, -1)
        yield Edit(described.end, whole.end, closing, 1)
    elif "(" in gap:
        yield Edit(extra.start, extra.end, "None")
    else:
        yield Edit(before.end + gap.index(","), extra.end, "")
