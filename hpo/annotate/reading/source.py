"""A source file as bytes, as text, and as positions: what an edit needs to be exact.

Positions inside this room are offsets into `SourceFile.text`, which keeps the file's own line ends. `ast`
speaks of lines and UTF-8 columns, users of lines and characters, edits of bytes; all are converted here.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hpo.errors import Diagnostic, RelatedPlace, Severity

__all__ = ["LINE_END", "Edit", "Refusal", "SourceFile", "Span", "brief"]

LINE_END = re.compile(r"\r\n|\r|\n")
_COMMENT = re.compile(r"#[^\r\n]*")
_CLOSING = re.compile(r"(?:[\s\\]|#[^\r\n]*(?=[\r\n]))*\)")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, order=True, slots=True)
class Span:
    """A stretch of a file's text, from `start` to `end`, exclusive."""

    start: int
    end: int

    def holds(self, other: Span) -> bool:
        """Tell whether `other` lies within this one."""
        return self.start <= other.start and other.end <= self.end


@dataclass(frozen=True)
class Edit:
    """Put `text` in the place of a span of the text; of an empty span, to insert it.

    `depth` orders insertions at one point: what opens an outer place comes before what opens an inner one.
    `place` is what the text stands for, where that is more than what it replaces.
    """

    start: int
    end: int
    text: str
    depth: int = 0
    place: Span | None = None


class Refusal(Exception):  # noqa: N818 - it is an answer, and becomes a diagnostic
    """Say why a file cannot be read, decoded or compiled, and where."""

    def __init__(self, code: str, message: str, help_: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.code, self.message, self.help = code, message, help_
        self.line, self.column = line, column


class SourceFile:
    """One Python file.

    Args:
        name: its path as the user sees it in messages.
        path: its absolute path.
        data: its bytes.

    Raises:
        Refusal: the bytes are no text in the encoding that the file declares.
    """

    def __init__(self, name: str, path: Path, data: bytes) -> None:
        self.name = name
        self.path = path
        self.data = data
        self._bom = _BOM if data.startswith(_BOM) else b""
        self.encoding, self.text = _decode(data)

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in LINE_END.finditer(self.text))]

    @cached_property
    def lines(self) -> list[str]:
        """The lines as Python counts them, without their ends; form feeds do not end a line."""
        return LINE_END.split(self.text)

    @cached_property
    def normal(self) -> str:
        """The text with line feeds as its only line ends: what `compile` and `ast` are given."""
        return "\n".join(self.lines)

    # -- positions

    def offset(self, line: int, utf8_column: int) -> int:
        """Return the offset of a position as `ast` gives it: line from 1, column in UTF-8 bytes."""
        text = self.lines[line - 1]
        column = utf8_column if text.isascii() else len(text.encode()[:utf8_column].decode(errors="ignore"))
        return self._starts[line - 1] + column

    def span(self, node: ast.AST) -> Span:
        """Return the span of a node of this file's tree."""
        line, column, end_line, end_column = (
            getattr(node, key) for key in ("lineno", "col_offset", "end_lineno", "end_col_offset")
        )
        return Span(self.offset(line, column), self.offset(end_line, end_column))

    def span_between(self, first: ast.AST, value: ast.AST) -> Span:
        """Return the span from a node to the end of the value behind it, its parentheses included."""
        start, inner = self.span(first), self.span(value)
        return Span(start.start, self.closed(start.end, inner))

    def closed(self, after: int, span: Span) -> int:
        """Return where the parentheses end that were opened between an offset and an expression's span."""
        gap = _COMMENT.sub("", self.text[after : span.start])
        end = span.end
        for _ in range(gap.count("(") - gap.count(")")):
            closing = _CLOSING.match(self.text, end)
            assert closing is not None, "the file compiles"
            end = closing.end()
        return end

    def closed_before(self, limit: int, end: int) -> int:
        """Return where the parentheses end that an expression closes between its end and an offset."""
        while closing := _CLOSING.match(self.text, end, limit):
            end = closing.end()
        return end

    def segment(self, span: Span) -> str:
        """Return the text of a span, exactly."""
        return self.text[span.start : span.end]

    def line_of(self, offset: int) -> int:
        """Return the line, from 1, of an offset."""
        return bisect_right(self._starts, offset)

    def position(self, offset: int) -> tuple[int, int]:
        """Return line and column, both from 1, in characters."""
        line = self.line_of(offset)
        return line, offset - self._starts[line - 1] + 1

    def utf8_position(self, offset: int) -> tuple[int, int]:
        """Return line and column as `ast` has them: from 1, and from 0 in bytes of UTF-8."""
        line, column = self.position(offset)
        return line, len(self.lines[line - 1][: column - 1].encode())

    def line_start(self, line: int) -> int:
        """Return the offset at which a line, from 1, begins."""
        return self._starts[line - 1] if line <= len(self._starts) else len(self.text)

    # -- what is made of it

    def tree(self) -> ast.Module:
        """Return the file's syntax tree, after Python's own compiler accepted the file.

        Raises:
            Refusal: it does not compile, or it is too deep for the compiler.
        """
        if "\0" in self.text:
            place = self.position(self.text.index("\0"))
            raise Refusal("HPO101", "the file has a null character", "remove it", *place)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                compile(self.normal, self.name, "exec", dont_inherit=True)
                return ast.parse(self.normal, self.name)
        except (RecursionError, MemoryError):
            raise Refusal(
                "HPO104",
                f"{self.name} is nested too deeply for Python to compile",
                "split its deepest expression",
            ) from None
        except SyntaxError as error:
            line = min(max(error.lineno or 1, 1), len(self.lines))
            column = min(max(error.offset or 1, 1), len(self.lines[line - 1]) + 1)
            raise Refusal(
                "HPO101",
                f"the file does not compile: {error.msg}",
                "mend the syntax; Python itself refuses this file",
                line,
                column,
            ) from None

    def diagnostic(
        self,
        code: str,
        message: str,
        span: Span,
        *,
        help: str | None,  # noqa: A002
        severity: Severity = "error",
        related: Iterable[tuple[SourceFile, Span, str]] = (),
    ) -> Diagnostic:
        """Return a diagnostic about a span of this file."""
        line, column = self.position(span.start)
        end_line, end_column = self.position(span.end)
        places = []
        for file, other, text in related:
            other_line, other_column = file.position(other.start)
            places.append(RelatedPlace(file.name, other_line, other_column, text))
        source = self.lines[line - 1]
        return Diagnostic(
            code,
            severity,
            message,
            self.name,
            line,
            column,
            end_line,
            end_column,
            help,
            source,
            tuple(places),
        )

    def writable(self, text: str) -> str:
        """Return text as this file can have it.

        What its encoding does not have came from an escape in a string, and becomes one again.
        """
        return text.encode(self.encoding, "backslashreplace").decode(self.encoding)

    def rewritten(self, edits: Iterable[Edit]) -> bytes:
        """Return the bytes with the edits spliced in, as `writable`; all other bytes are the file's own."""
        pieces: list[bytes] = []
        done, byte = 0, len(self._bom)
        for edit in sorted(edits, key=lambda e: (e.start, e.end, e.depth)):
            assert edit.start >= done, "two edits overlap"
            gap = len(self.text[done : edit.start].encode(self.encoding))
            old = len(self.text[edit.start : edit.end].encode(self.encoding))
            pieces += (self.data[byte : byte + gap], self.writable(edit.text).encode(self.encoding))
            done, byte = edit.end, byte + gap + old
        return self._bom + b"".join(pieces) + self.data[byte:] if pieces else self.data


def brief(source: str) -> str:
    """Return a piece of source as messages quote it: on one line, and not too much of it."""
    line = " ".join(source.split())
    return line if len(line) <= 80 else line[:77] + "..."


def _decode(data: bytes) -> tuple[str, str]:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        encoding = "utf-8" if encoding == "utf-8-sig" else encoding
        text = data.removeprefix(_BOM).decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        at = error.start if isinstance(error, UnicodeDecodeError) else _undecodable(data)
        raise Refusal(
            "HPO102",
            f"the file is no text in its encoding: {error}",
            "save it as UTF-8, or declare its encoding in the first line: # -*- coding: ... -*-",
            data.count(b"\n", 0, at) + 1,
            len(data[data.rfind(b"\n", 0, at) + 1 : at].decode(errors="replace")) + 1,
        ) from None
    return encoding, text


def _undecodable(data: bytes) -> int:
    """Return the offset of the first byte that is no UTF-8, or 0."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start
    return 0
