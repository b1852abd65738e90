"""Read JSON into nodes: strictly, since other programs read the same file, with advice where it is not."""

from __future__ import annotations

import math
import re
from json import JSONDecodeError
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from hpo.config.document import DocumentProblem, Key, Node, Span

__all__ = ["read"]

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?P<fraction>\.\d+)?(?P<exponent>[eE][-+]?\d+)?", re.ASCII)
_WORD = re.compile(r"[\w.+-]+")
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None}


def read(text: str) -> tuple[Node, list[DocumentProblem]]:
    """Return the tree of a JSON document, and what is wrong but can be read past.

    Raises:
        DocumentProblem: the text is no JSON.
    """
    reader = _Reader(text)
    try:
        return reader.document(), reader.problems
    except RecursionError:
        raise DocumentProblem("the values are nested too deeply", (0, 0)) from None


class _Reader:
    """A recursive descent over the text; each method takes an offset and returns the one after."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.problems: list[DocumentProblem] = []

    def document(self) -> Node:
        node, after = self.value(self.space(0))
        end = self.space(after)
        if end < len(self.text):
            raise DocumentProblem("more text follows the value", (end, end + 1), help="remove it")
        return node

    def space(self, at: int) -> int:
        """Pass over white space, which is all that may stand between the parts of JSON."""
        match = _SPACE.match(self.text, at)
        assert match is not None
        at = match.end()
        for opening in ("//", "/*", "#"):
            if self.text.startswith(opening, at):
                line_end = self.text.find("\n", at)
                span = (at, len(self.text) if line_end < 0 else line_end)
                help_ = "remove it, or name the file .yml" if opening == "#" else "remove it"
                raise DocumentProblem("JSON has no comments", span, help=help_)
        return at

    def value(self, at: int) -> tuple[Node, int]:
        start = self.text[at : at + 1]
        if start == "{":
            return self.object(at)
        if start == "[":
            return self.array(at)
        if start == '"':
            text, after = self.string(at)
            return Node(text, (at, after)), after
        number = _NUMBER.match(self.text, at)
        if number is not None:
            return Node(self.number(number), number.span()), number.end()
        return self.word(at)

    def word(self, at: int) -> tuple[Node, int]:
        match = _WORD.match(self.text, at)
        if match is None:
            raise self.unexpected(at, "a value")
        if match[0] not in _WORDS:
            fixed = match[0].lower() if match[0].lower() in _WORDS else f'"{match[0]}"'
            if match[0] == "None":
                fixed = "null"
            raise DocumentProblem(f"{match[0]} is no JSON value", match.span(), help=f"write {fixed}")
        return Node(_WORDS[match[0]], match.span()), match.end()

    def number(self, match: re.Match[str]) -> int | float:
        try:
            value = float(match[0]) if match["fraction"] or match["exponent"] else int(match[0])
        except ValueError:  # Python limits how many digits it reads
            value = math.inf
        if isinstance(value, float) and not math.isfinite(value):
            raise DocumentProblem("the number is too large", match.span())
        return value

    def string(self, at: int) -> tuple[str, int]:
        try:
            text, after = scanstring(self.text, at + 1, True)
        except JSONDecodeError as error:
            raise DocumentProblem(error.msg.lower(), (error.pos, error.pos + 1)) from None
        return text, after

    def array(self, at: int) -> tuple[Node, int]:
        items: dict[Key, Node] = {}
        after = self.space(at + 1)
        while self.text[after : after + 1] != "]":
            items[len(items)], after = self.value(after)
            after = self.separator(after, "]")
        return Node([item.value for item in items.values()], (at, after + 1), items), after + 1

    def object(self, at: int) -> tuple[Node, int]:
        members: dict[Key, Node] = {}
        keys: dict[Key, Span] = {}
        after = self.space(at + 1)
        while self.text[after : after + 1] != "}":
            if self.text[after : after + 1] != '"':
                raise self.unexpected(after, "a key in double quotes")
            key, key_end = self.string(after)
            span = (after, key_end)
            colon = self.space(key_end)
            if self.text[colon : colon + 1] != ":":
                raise self.unexpected(colon, "a colon")
            node, after = self.value(self.space(colon + 1))
            if key in members:
                message = f"{key} is given twice"
                self.problems.append(
                    DocumentProblem(message, span, help="remove one of the two", code="HPO502")
                )
            else:
                members[key], keys[key] = node, span
            after = self.separator(after, "}")
        value = {str(key): node.value for key, node in members.items()}
        return Node(value, (at, after + 1), members, keys), after + 1

    def separator(self, at: int, closing: str) -> int:
        """Pass over a comma, or stop at the closing bracket."""
        at = self.space(at)
        if self.text[at : at + 1] == closing:
            return at
        if self.text[at : at + 1] != ",":
            raise self.unexpected(at, f"a comma or {closing}")
        after = self.space(at + 1)
        if self.text[after : after + 1] == closing:
            message = f"a comma stands before the {closing}"
            raise DocumentProblem(message, (at, at + 1), help="remove the comma")
        return after

    def unexpected(self, at: int, wanted: str) -> DocumentProblem:
        found = self.text[at : at + 1]
        got = "the file ends" if not found else f"{found} stands"
        help_ = "JSON has double quotes only" if found == "'" else None
        return DocumentProblem(f"{got} where {wanted} is expected", (at, at + 1), help=help_)
