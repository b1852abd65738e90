"""A mark, however it is written: where it stands, and what it says."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Literal

from hpo.annotate.marks.grammar import Domain
from hpo.annotate.marks.layers import Layer
from hpo.annotate.reading.source import Span
from hpo.annotate.reading.structure import Place

__all__ = ["Claim", "Mark", "Report", "Spelling"]

Spelling = Literal["string", "comment", "decorator", "annotated", "inline"]


@dataclass(frozen=True)
class Report:
    """A call that a mark stands for.

    Attributes:
        function: its function.
        arguments: as written, parentheses included.
        result: the first of them.
    """

    function: str
    arguments: str
    result: str


@dataclass(frozen=True)
class Claim:
    """What a mark says of one place: the name it gives it, the domain, and the place where it is known."""

    name: str | None
    domain: Domain
    place: Place | None = None


@dataclass(frozen=True, eq=False)
class Mark:
    """A mark and where it stands.

    Attributes:
        spelling: how it is written.
        dialect: ``hpo`` or ``nni``.
        span: the whole literal, comment, decorator or call.
        claims: what it says.
        report: the call that it stands for, instead.
        layers: NNI's architecture choices, instead.
        test: the constraint that it is, instead.
        loop: whether it means a loop, instead.
        call: for the inline spelling of that, the call.
        statement: the string's own statement, or the decorated function or class.
        alone: for a comment, whether it is the only thing on its line.
        openings: for strings and comments, the offsets of the characters that make them a mark: `@` or `:`.
    """

    spelling: Spelling
    dialect: str
    span: Span
    claims: tuple[Claim, ...] = ()
    report: Report | None = None
    layers: tuple[Layer, ...] = ()
    test: ast.expr | None = None
    loop: bool = False
    call: ast.Call | None = None
    statement: ast.stmt | None = None
    alone: bool = False
    openings: tuple[int, ...] = ()
