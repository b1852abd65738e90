"""The loop that is a trial's budget: ``for epoch in hpo.fidelity(range(50))``, or a mark of such a loop."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpo.annotate.marks.mark import Mark
from hpo.annotate.reading.source import SourceFile, Span
from hpo.annotate.reading.structure import Structure
from hpo.annotate.result import MarkedLoop
from hpo.annotate.space.targets import statement_of
from hpo.errors import Diagnostic
from hpo.expressions import NotConstantError, evaluate

__all__ = ["Loop", "find_loops", "one_loop"]

_HELP = "write for epoch in range(50):  # hpo: fidelity()"


@dataclass(frozen=True)
class Loop:
    """A marked loop.

    Attributes:
        file: where it is.
        mark: what marks it.
        passes: what it goes through; of the inline spelling the argument, which may be left out.
        count: how often, where it is known before the script runs.
    """

    file: SourceFile
    mark: Mark
    passes: ast.expr | None
    count: int | None

    @property
    def span(self) -> Span:
        """The span of what it goes through, or of the mark."""
        return self.mark.span if self.passes is None else self.file.span(self.passes)


def find_loops(
    file: SourceFile,
    structure: Structure,
    marks: Sequence[Mark],
    names: Mapping[str, Any],
    found: list[Diagnostic],
) -> list[Loop]:
    """Return the marked loops of a file; marks that mean none go to `found`."""
    return [loop for mark in marks if mark.loop for loop in _loops(file, structure, mark, names, found)]


def _loops(
    file: SourceFile,
    structure: Structure,
    mark: Mark,
    names: Mapping[str, Any],
    found: list[Diagnostic],
) -> Iterator[Loop]:
    if mark.call is not None:
        passes = mark.call.args[0] if mark.call.args else None
        yield Loop(file, mark, passes, _count(passes, names))
        return
    statement = statement_of(file, structure, mark)
    if isinstance(statement, ast.For):
        yield Loop(file, mark, statement.iter, _count(statement.iter, names))
        return
    message = "this mark has no target: fidelity means a for loop"
    if isinstance(statement, ast.AsyncFor):
        message = "this mark has no target: an asynchronous loop cannot be shortened"
    found.append(file.diagnostic("HPO221", message, mark.span, help=_HELP))


def _count(passes: ast.expr | None, names: Mapping[str, Any]) -> int | None:
    """Return how many passes there are, of a range between constants or of what is written out."""
    match passes:
        case ast.Call(func=ast.Name(id="range"), args=arguments, keywords=[]):
            try:
                return len(range(*(evaluate(argument, names) for argument in arguments)))
            except (NotConstantError, TypeError, ValueError, OverflowError):
                return None
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return None if any(isinstance(e, ast.Starred) for e in elements) else len(elements)
    return None


def one_loop(loops: Sequence[Loop], found: list[Diagnostic], *, is_one_program: bool) -> MarkedLoop | None:
    """Return the loop that is the budget; others of the same program are mistakes.

    Several scripts, or a folder of them, may have a loop each: then none is the budget of all.
    """
    if not loops:
        return None
    first = loops[0]
    by_file = {loop.file.path: loop for loop in reversed(loops)}
    for other in loops[1:]:
        first = loops[0] if is_one_program else by_file[other.file.path]
        if other is first:
            continue
        related = [(first.file, first.span, "the first is here")]
        message = "a second loop is marked as the budget, and a trial has one"
        found.append(
            other.file.diagnostic("HPO251", message, other.span, help="keep one of them", related=related)
        )
    if len(by_file) > 1:
        return None
    line, column = first.file.position(first.span.start)
    return MarkedLoop(first.count, first.file.name, line, column)
