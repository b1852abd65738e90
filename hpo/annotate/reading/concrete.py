"""What Python's own tree forgets and a mark depends on: comments, quotes, prefixes. Read with LibCST.

LibCST knows every character, and pays for it: a large file takes seconds and hundreds of megabytes, a deep
one exhausts the stack, and a few constructs do not come back as they were. So it is given only the
statement, or the header of the compound statement, in which the search of the text found the words that
open a mark; what it says of positions is checked against the file.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from hpo.annotate.reading.source import Refusal, SourceFile, Span
from hpo.annotate.reading.structure import Structure

__all__ = ["Comment", "Literal", "comments", "first_line", "literal"]

_module = cst.Module([])  # it knows how pieces of a tree are written
_OUTER = "if 1:\n"  # makes an indented statement a module
# LibCST's parser takes time that grows with the square of the depth, and from some depth on all the stack.
_DEEPEST = 1000
_HEADED = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.If, ast.For, ast.AsyncFor, ast.While, ast.With,
    ast.AsyncWith, ast.Match,
)  # fmt: skip


@dataclass(frozen=True)
class Comment:
    """A comment.

    Attributes:
        span: from its ``#`` to the end of its line.
        text: its text, ``#`` included.
        alone: whether it is the only thing on its line, and not inside brackets.
        bracketed: whether it stands inside brackets.
    """

    span: Span
    text: str
    alone: bool
    bracketed: bool


@dataclass(frozen=True)
class Literal:
    """How a string is written: where its text begins, and whether that text is its value, as it stands."""

    opening: int
    verbatim: bool


def literal(text: str) -> Literal:
    """Read a string literal, or several in a row, of which the first that is not empty has the opening."""
    node = cst.parse_expression(f"({text}\n)")
    before = 0
    while isinstance(node, cst.ConcatenatedString) and _is_empty(node.left):
        before += sum(len(_module.code_for_node(each)) for each in (node.left, node.whitespace_between))
        node = node.right
    is_whole = not isinstance(node, cst.ConcatenatedString)
    first = node.left if isinstance(node, cst.ConcatenatedString) else node
    assert isinstance(first, cst.SimpleString), "f-strings and bytes are no marks"
    verbatim = is_whole and ("\\" not in first.raw_value or "r" in first.prefix.lower())
    return Literal(before + len(first.prefix) + len(first.quote), verbatim)


def _is_empty(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.SimpleString) and not node.raw_value


def comments(file: SourceFile, structure: Structure, words: re.Pattern[str]) -> Iterator[Comment]:
    """Yield the comments in which some words occur, in their order.

    Raises:
        Refusal: LibCST cannot read the statement around one.
    """
    lines = [i for i, line in enumerate(file.lines, start=1) if words.search(line)]
    hosts = _Hosts(structure) if lines else None
    done = 0
    for line in lines:
        if line <= done:
            continue
        assert hosts is not None
        window = _window(file, hosts, line)
        found = list(_read(file, window))
        done = max([line, *(file.line_of(c.span.start) for c in found)])
        yield from (c for c in found if file.line_of(c.span.start) >= line and words.search(c.text))


def first_line(statement: ast.stmt) -> int:
    """Return the line on which a statement begins, its decorators included."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(d.lineno for d in decorators)])


class _Hosts:
    """Find the innermost statement around a line."""

    def __init__(self, structure: Structure) -> None:
        self._statements = sorted(structure.settings, key=lambda s: (first_line(s), s.lineno, s.col_offset))
        self._firsts = [first_line(s) for s in self._statements]

    def around(self, line: int) -> ast.stmt | None:
        for i in range(bisect_right(self._firsts, line) - 1, -1, -1):
            statement = self._statements[i]
            if (statement.end_lineno or statement.lineno) >= line:
                return statement
        return None

    def end_of_line(self, line: int) -> int:
        """Return the line on which the last statement ends that a line holds a part of."""
        here = range(bisect_left(self._firsts, line), bisect_right(self._firsts, line))
        last: int = max((self._statements[i].end_lineno or line for i in here), default=line)
        return line if last == line else self.end_of_line(last)


@dataclass(frozen=True)
class _Window:
    """A stretch of the file that LibCST can read by itself: its text, and the line that it begins on."""

    text: str
    line: int


def _window(file: SourceFile, hosts: _Hosts, line: int) -> _Window:
    host = hosts.around(line)
    body = _first_of_body(host)
    if host is not None and _is_deep(host):
        raise _beyond(first_line(host))
    if host is None or (body is not None and line >= first_line(body) and _is_comment(file, line)):
        return _Window(file.lines[line - 1].strip().rjust(len(file.lines[line - 1])), line)
    first, start = first_line(host), _start(file, host)
    head = file.text[file.line_start(first) : start]
    if isinstance(host, _HEADED) and body is not None and line <= file.line_of(_start(file, body)):
        code = file.text[start : _start(file, body)] + "pass"
    else:
        end_line = hosts.end_of_line(host.end_lineno or first)
        code = file.text[start : file.line_start(end_line) + len(file.lines[end_line - 1])]
    if isinstance(host, ast.If) and code.startswith("elif"):
        code = "if  " + code[4:]
    return _Window("".join(c if c.isspace() and c != "\f" else " " for c in head) + code, first)


def _start(file: SourceFile, statement: ast.stmt) -> int:
    """Return the offset at which a statement begins, its decorators included."""
    line = first_line(statement)
    if line < statement.lineno or getattr(statement, "decorator_list", None):
        text = file.lines[line - 1]
        return file.line_start(line) + len(text) - len(text.lstrip(" \t\f"))
    return file.span(statement).start


def _first_of_body(host: ast.stmt | None) -> ast.stmt | None:
    if isinstance(host, ast.Match):
        return host.cases[0].body[0]
    body = getattr(host, "body", None)
    return body[0] if body else None


def _is_comment(file: SourceFile, line: int) -> bool:
    return file.lines[line - 1].lstrip().startswith("#")


def _read(file: SourceFile, window: _Window) -> Iterator[Comment]:
    text = "\n".join(re.split(r"\r\n|\r|\n", window.text))
    outer = _OUTER if text[:1].isspace() and not text.lstrip().startswith("#") else ""
    try:
        wrapper = MetadataWrapper(cst.parse_module(outer + text + "\n"), unsafe_skip_copy=True)
        reader = _CommentReader()
        wrapper.visit(reader)
    except (cst.ParserSyntaxError, cst.CSTValidationError, RecursionError):
        raise _beyond(window.line) from None
    for line, column, comment, bracketed in reader.found:
        row = window.line + line - 1 - outer.count("\n")
        start = file.line_start(row) + column
        span = Span(start, start + len(comment))
        if file.segment(span) != comment:
            # LibCST drops a blank here and there (before the colon of `except`); the line is still right.
            start = file.text.index(comment, file.line_start(row))
            span = Span(start, start + len(comment))
        before = file.text[file.line_start(row) : start]
        yield Comment(span, comment, not before.strip() and not bracketed, bracketed)


def _is_deep(host: ast.stmt) -> bool:
    """Tell whether the expressions of a statement, those of the statements in it apart, are very deep."""
    level: list[ast.AST] = [host]
    for _ in range(_DEEPEST):
        level = [c for node in level for c in ast.iter_child_nodes(node) if not isinstance(c, ast.stmt)]
        if not level:
            return False
    return True


def _beyond(line: int) -> Refusal:
    message = "the statement around this mark is beyond the parser (LibCST)"
    help_ = "mark it with a string on a line of its own above a simple assignment"
    return Refusal("HPO104", message, help_, line)


class _CommentReader(cst.CSTVisitor):
    """Collect the comments of a tree, with their positions, and whether they stand in brackets."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[int, int, str, bool]] = []
        self._brackets = 0

    def visit_ParenthesizedWhitespace(self, node: cst.ParenthesizedWhitespace) -> None:  # noqa: N802
        self._brackets += 1

    def leave_ParenthesizedWhitespace(self, original_node: cst.ParenthesizedWhitespace) -> None:  # noqa: N802
        self._brackets -= 1

    def visit_Comment(self, node: cst.Comment) -> None:  # noqa: N802
        start = self.get_metadata(PositionProvider, node).start
        self.found.append((start.line, start.column, node.value, self._brackets > 0))
