"""Lists as a person would write them: on one line, or an item a line where the old one was written so."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Sequence

__all__ = ["bracketed", "rewritten"]


def bracketed(items: Sequence[str], display: str) -> str:
    """Return a list, tuple or set of some sources, on one line.

    Args:
        items: the sources.
        display: the brackets.
    """
    if display == "{}" and not items:
        return "set()"
    comma = "," if display == "()" and len(items) == 1 else ""
    return f"{display[0]}{', '.join(items)}{comma}{display[1]}"


def rewritten(text: str, items: Sequence[str], display: str) -> str | None:
    """Return a list in the place of another, or None where a comment would be lost that is of no item.

    An item that stays keeps the comment behind it.

    Args:
        text: the old one, as it stands.
        items: the sources of the new one's items.
        display: the brackets.
    """
    comments = _comments(text)
    elements = getattr(ast.parse(text.strip(), mode="eval").body, "elts", [])
    items = [_as_before(item, text, elements) for item in items]
    lines = text.splitlines()
    is_spread = len(lines) > 2 and lines[0].split("#")[0].strip() == display[0]
    if not items or not is_spread:
        return None if comments else bracketed(items, display)
    behind: dict[str, str] = {}
    for row, comment in comments.items():
        here = [e for e in elements if e.lineno == e.end_lineno == row]
        if len(here) != 1:
            return None
        behind[ast.dump(here[0])] = f"  {comment}"
    end = "\r\n" if "\r\n" in text else "\n"
    indent = lines[1][: len(lines[1]) - len(lines[1].lstrip())]
    new = [f"{indent}{item},{behind.get(_shape(item), '')}" for item in items]
    closing = lines[-1].rstrip()
    last = closing if closing.strip() == display[1] else display[1]
    return end.join([display[0], *new, last])


def _as_before(item: str, text: str, elements: Sequence[ast.expr]) -> str:
    """Return the source of an item as the old list has it, or else a string in the quotes of its strings."""
    for element in elements:
        if ast.dump(element) == _shape(item):
            return ast.get_source_segment(text, element) or item
    strings = [e for e in elements if isinstance(e, ast.Constant) and isinstance(e.value, str)]
    is_double = any((ast.get_source_segment(text, e) or "").startswith('"') for e in strings)
    if item == f"'{item[1:-1]}'" and is_double and not {'"', "'", "\\"} & set(item[1:-1]):
        return f'"{item[1:-1]}"'
    return item


def _shape(source: str) -> str:
    return ast.dump(ast.parse(source.strip(), mode="eval").body)


def _comments(text: str) -> dict[int, str]:
    """Return the comments in a piece of source that ends in a bracket, by line."""
    if "#" not in text:
        return {}
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}
