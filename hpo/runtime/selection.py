"""Which trials, and in which order: what a person types above a table of them, as SQL.

::

    value>0.9 state=succeeded        terms, all of which must hold
    kernel=rbf,poly  lr<=1e-3        parameters go by their names
    "my name"="two words"            quotes keep spaces
    cuda                             a word alone is looked for in parameters and failures
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hpo.errors import UsageError

__all__ = ["COLUMNS", "Selection"]

#: What a trial has besides its parameters, by the name that people use.
COLUMNS = {
    "number": "number",
    "state": "state",
    "value": "value",
    "duration": "duration",
    "started": "started",
    "ended": "ended",
    "origin": "origin",
    "failure": "failure",
    "attempt": "attempt",
    "node": "node",
    "device": "device",
    "detail": "detail",
    "budget": "json_extract(memo, '$.budget')",
    "rung": "json_extract(memo, '$.rung')",
    "parent": "coalesce(json_extract(memo, '$.continues'), json_extract(memo, '$.parent'))",
}

_TERM = re.compile(
    r"""\s*(?:(?:"(?P<quoted>[^"]*)"|(?P<name>[^\s"<>=!:]+)) \s*(?P<sign><=|>=|!=|[<>=:])\s*
        (?P<values>(?:"[^"]*"|[^\s",]+)(?:,(?:"[^"]*"|[^\s",]+))*)
        |"(?P<phrase>[^"]*)"|(?P<word>[^\s"<>=!:]+)(?=[\s"]|$))""",
    re.VERBOSE,
)
_VALUE = re.compile(r'"([^"]*)"|([^,"]+)')
_LONGEST = 2000  # characters of a filter


@dataclass(frozen=True)
class Selection:
    """A condition on trials and their order, ready for SQL; every word of the user's is bound, none is SQL.

    Attributes:
        where: the condition.
        arguments: what its question marks stand for.
        order: the columns that it is sorted by.
        order_arguments: what their question marks stand for.
    """

    where: str
    arguments: tuple[Any, ...]
    order: str
    order_arguments: tuple[Any, ...]

    @classmethod
    def of(cls, text: str = "", sort: str = "number", *, descending: bool = False) -> Selection:
        """Read what a person typed.

        Raises:
            UsageError: it is no filter.
        """
        parts: list[str] = []
        arguments: list[Any] = []
        for part, bound in _terms(text):
            parts.append(part)
            arguments += bound
        column, bound_order = _column(sort)
        direction = "DESC" if descending else "ASC"
        # Trials that have no such value come last, whatever the direction.
        order = f"{column} IS NULL, {column} {direction}, number {direction}"
        if sort == "number":
            order, bound_order = f"number {direction}", ()
        return cls(" AND ".join(parts) or "TRUE", tuple(arguments), order, bound_order * 2)


def _column(name: str) -> tuple[str, tuple[str, ...]]:
    """Return the expression of a column or a parameter, and what it binds."""
    if name in COLUMNS:
        return COLUMNS[name], ()
    if '"' in name or "\0" in name:  # a path in JSON has no way to write it
        return "(SELECT atom FROM json_each(parameters) WHERE key = ?)", (name,)
    return "json_extract(parameters, ?)", (f'$."{name}"',)


def _terms(text: str) -> Iterator[tuple[str, Sequence[Any]]]:
    if len(text) > _LONGEST:
        raise UsageError(f"the filter has {len(text)} characters", help=f"{_LONGEST} are the most")
    at = 0
    while text[at:].strip():
        match = _TERM.match(text, at)
        if match is None:
            raise UsageError(
                f"the filter cannot be read at {text[at:].strip()[:30]!r}",
                help='write NAME=VALUE, NAME<VALUE or a word; "..." keeps spaces',
            )
        at = match.end()
        word = match["phrase"] if match["phrase"] is not None else match["word"]
        if word is not None:
            like = "%" + re.sub(r"([\\%_])", r"\\\1", word) + "%"
            where = r"(parameters LIKE ? ESCAPE '\' OR coalesce(detail, '') LIKE ? ESCAPE '\')"
            yield where, (like, like)
        else:
            name = match["name"] if match["quoted"] is None else match["quoted"]
            values = [quoted or bare for quoted, bare in _VALUE.findall(match["values"])]
            yield _comparison(name, match["sign"], values)


def _comparison(name: str, sign: str, values: Sequence[str]) -> tuple[str, Sequence[Any]]:
    column, bound = _column(name)
    if sign in ("=", ":", "!="):
        options = [option for value in values for option in _readings(value)]
        places = ", ".join("?" * len(options))
        negation = "NOT " if sign == "!=" else ""
        return f"{negation}coalesce({column} IN ({places}), FALSE)", (*bound, *options)
    try:
        limit = float(values[0])
    except ValueError:
        raise UsageError(
            f"{name}{sign}{values[0]}: {values[0]!r} is no number",
            help=f"compare with a number, or write {name}={values[0]}",
        ) from None
    # SQLite holds every text to be larger than every number.
    return f"(typeof({column}) != 'text' AND {column} {sign} ?)", (*bound, *bound, limit)


def _readings(written: str) -> Iterator[Any]:
    """Yield what a written value may be in the store: the text, and what it is as JSON."""
    yield written
    try:
        value = json.loads(written)
    except ValueError:
        return
    if isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 2**63):
        yield value
