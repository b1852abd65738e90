"""The text of a mark, cut out of a string or a comment, as a tree that has the file's own positions."""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from itertools import accumulate

from hpo.annotate.reading.source import SourceFile, Span

__all__ = ["Mistake", "parse_text"]

_PARTNERS = {"(": ")", "[": "]", "{": "}"}


class Mistake(Exception):  # noqa: N818 - it is the user's, and becomes a diagnostic
    """Say what is wrong with a mark, and where in the file."""

    def __init__(self, code: str, message: str, help_: str, span: Span) -> None:
        super().__init__(message)
        self.code, self.message, self.help, self.span = code, message, help_, span


def parse_text(
    file: SourceFile, text: str, start: int, *, before: str = "", after: str = "", whole: Span | None = None
) -> ast.expr:
    """Parse the text of a mark that was cut out of a file, with the file's positions.

    Args:
        file: where it comes from.
        text: the text.
        start: the offset of its first character in the file.
        before: what is put before it to make it an expression; on the same line.
        after: what is put after it.
        whole: the literal, where the text is not verbatim in it: every position is then the literal.

    Raises:
        Mistake: it is no expression.
    """
    at = whole or Span(start, start + len(text))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(f"{before}{text}{after}", mode="eval").body
    except SyntaxError as error:
        message, help_ = error.msg, "write NAME(arguments), as Python"
        bracket = _odd_bracket(text)
        if whole is not None:
            help_ = "where it has a backslash, make the string a raw one: put r before its quotes"
        elif bracket is not None:
            at, message = Span(start + bracket[0], start + bracket[0] + 1), bracket[1]
        else:
            at = _error_span(file, text, start, error, len(before))
        raise Mistake("HPO201", f"the mark does not parse: {message}", help_, at) from None
    except (ValueError, RecursionError, MemoryError) as error:
        message = f"the mark does not parse: {error or 'it is nested too deeply'}"
        raise Mistake("HPO201", message, "write NAME(arguments), as Python", at) from None
    first_line, first_column = file.position(start)
    shift = len(file.lines[first_line - 1][: first_column - 1].encode()) - len(before)
    for node in ast.walk(tree):
        if whole is not None:
            _place(node, file, whole)
        elif isinstance(node, ast.expr | ast.keyword | ast.arg):
            node.col_offset += shift if node.lineno == 1 else 0
            node.end_col_offset = (node.end_col_offset or 0) + (shift if node.end_lineno == 1 else 0)
            node.lineno += first_line - 1
            node.end_lineno = (node.end_lineno or 1) + first_line - 1
    return tree


def _odd_bracket(text: str) -> tuple[int, str] | None:
    """Return where a bracket has no partner, and what Python says then.

    Python itself would find one in what the mark is wrapped in.
    """
    starts = [0, *accumulate(len(line) for line in text.splitlines(keepends=True))]
    opened: list[tuple[int, str]] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            at = starts[token.start[0] - 1] + token.start[1]
            if token.string in _PARTNERS:
                opened.append((at, token.string))
            elif token.string in _PARTNERS.values() and (
                not opened or _PARTNERS[opened.pop()[1]] != token.string
            ):
                return at, f"unmatched '{token.string}'"
    except (tokenize.TokenError, SyntaxError) as error:
        if "EOF in multi-line statement" not in str(error):
            return None  # it ends inside a string, or has a character that no token has
    return (opened[-1][0], f"'{opened[-1][1]}' was never closed") if opened else None


def _error_span(file: SourceFile, text: str, start: int, error: SyntaxError, before: int) -> Span:
    lines = text.split("\n")
    row = min(max(error.lineno or 1, 1), len(lines)) - 1
    column = max((error.offset or 1) - 1 - (before if row == 0 else 0), 0)
    line = file.line_of(start) + row
    begin = (start if row == 0 else file.line_start(line)) + min(column, len(lines[row]))
    return Span(begin, begin + (0 if column >= len(lines[row]) else 1))


def _place(node: ast.AST, file: SourceFile, span: Span) -> None:
    if hasattr(node, "lineno"):
        (first, column), (last, end) = file.position(span.start), file.position(span.end)
        node.lineno, node.end_lineno = first, last  # type: ignore[attr-defined]
        node.col_offset = len(file.lines[first - 1][: column - 1].encode())  # type: ignore[attr-defined]
        node.end_col_offset = len(file.lines[last - 1][: end - 1].encode())  # type: ignore[attr-defined]
