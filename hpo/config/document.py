"""A YAML or JSON document, and the place of every value in it.

YAML is composed, never constructed: no tag can name a type, and a value is one that JSON can hold. Both
formats become one tree of nodes that know where they stand, so an error about a value can point at it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from hpo.errors import ConfigError, Diagnostic, RelatedPlace, UsageError

__all__ = ["Document", "DocumentProblem", "Key", "Node", "Span", "fold"]

Span = tuple[int, int]
"""Offsets of the first character and of the one after the last."""

Key = str | int

#: Larger files are data, not settings; reading them as YAML would take minutes.
LARGEST_FILE = 2**20

# What YAML counts as the end of a line; JSON's are among them.
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


@dataclass(frozen=True)
class Node:
    """A value and its place; `keys` has the places of a mapping's keys."""

    value: Any
    span: Span
    children: Mapping[Key, Node] = field(default_factory=dict)
    keys: Mapping[Key, Span] = field(default_factory=dict)


@dataclass(eq=False)
class DocumentProblem(Exception):  # noqa: N818 - a finding on its way to a diagnostic
    """What a reader cannot pass over, and where."""

    message: str
    span: Span
    help: str | None = None
    code: str = "HPO501"


class Document:
    """A file's text and the tree of its values.

    Args:
        path: the file; its name as given stands in the diagnostics.

    Raises:
        UsageError: it cannot be read.
        ConfigError: it is no YAML, or no JSON.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = _text_of(path)
        self.diagnostics: list[Diagnostic] = []
        try:
            self.root, problems = self._read()
        except DocumentProblem as problem:
            raise ConfigError([self._found(problem)]) from None
        self.diagnostics.extend(map(self._found, problems))

    def report(
        self,
        code: str,
        message: str,
        path: Sequence[Key],
        *,
        help: str | None = None,  # noqa: A002
        at_key: bool = False,
        related: Iterable[tuple[Sequence[Key], str]] = (),
    ) -> None:
        """Add an error about the value at a path, or about its key."""
        span = self.find_key(path) if at_key else self.find(path)
        places = [(self.find_key(other), text) for other, text in related]
        self.diagnostics.append(self.diagnostic(code, message, span, help=help, related=places))

    def _read(self) -> tuple[Node, list[DocumentProblem]]:
        suffix = self.path.suffix.lower()
        looks_like_json = suffix not in (".yml", ".yaml") and self.text.lstrip()[:1] == "{"
        if suffix == ".json" or looks_like_json:
            from hpo.config import json_document

            return json_document.read(self.text)
        from hpo.config import yaml_document

        return yaml_document.read(self.text)

    def _found(self, problem: DocumentProblem) -> Diagnostic:
        return self.diagnostic(problem.code, problem.message, problem.span, help=problem.help)

    # -- places

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(match.end() for match in _LINE_BREAK.finditer(self.text))]

    def line_and_column(self, offset: int) -> tuple[int, int]:
        """Return the place of a character, both counted from 1."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def value(self, path: Sequence[Key]) -> Any:
        """Return the value at a path that is there."""
        node = self.root
        for key in path:
            found = _child(node, key)
            if found is None:
                raise KeyError(key)
            node = found[1]
        return node.value

    def find(self, path: Sequence[Key]) -> Span:
        """Return where the value at a path stands, or the deepest part of the path that is there.

        What spans several lines is represented by its key.
        """
        node, key_span = self.root, None
        for key in path:
            found = _child(node, key)
            if found is None:
                break
            key_span, node = found
        if key_span is not None and _LINE_BREAK.search(self.text, *node.span):
            return key_span
        return node.span

    def find_key(self, path: Sequence[Key]) -> Span:
        """Return where the key at a path stands, or its value where it has none (in a list)."""
        node = self.root
        for key in path[:-1]:
            found = _child(node, key)
            if found is None:
                return self.find(path)
            node = found[1]
        found = _child(node, path[-1]) if path else None
        return self.find(path) if found is None or found[0] is None else found[0]

    def diagnostic(
        self,
        code: str,
        message: str,
        span: Span,
        *,
        help: str | None = None,  # noqa: A002
        related: Iterable[tuple[Span, str]] = (),
    ) -> Diagnostic:
        """Return an error about a part of this document."""
        line, column = self.line_and_column(span[0])
        end_line, end_column = self.line_and_column(max(span))
        stop = self._line_starts[line] if line < len(self._line_starts) else len(self.text)
        return Diagnostic(
            code=code,
            severity="error",
            message=message,
            file=str(self.path),
            line=line,
            column=column,
            end_line=end_line,
            end_column=end_column,
            help=help,
            source=self.text[self._line_starts[line - 1] : stop].rstrip("\r\n\x85\u2028\u2029"),
            related=tuple(
                RelatedPlace(str(self.path), *self.line_and_column(start), text)
                for (start, _), text in related
            ),
        )


def fold(key: object) -> str:
    """Return a key as NNI compares them: without regard to case and underscores."""
    return str(key).lower().replace("_", "")


def _child(node: Node, key: Key) -> tuple[Span | None, Node] | None:
    """Return a child and its key's place: the very key, or one that folds to the same."""
    if key not in node.children:
        key = next((k for k in node.children if fold(k) == fold(key)), key)
    child = node.children.get(key)
    return None if child is None else (node.keys.get(key), child)


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{path} cannot be read: {reason}", help="name a readable file") from None
    if len(raw) > LARGEST_FILE:
        raise UsageError(f"{path} is larger than 1 MiB", help="an experiment file holds settings, not data")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise UsageError(
            f"{path}: line {line} has byte 0x{raw[error.start]:02x}, which is no UTF-8",
            help="save the file in UTF-8",
        ) from None
