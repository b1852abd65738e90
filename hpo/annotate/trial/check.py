"""Does a rewritten file compile? What a mark puts into it may be no valid code there."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from hpo.annotate.marks.mark import Mark
from hpo.annotate.reading.source import Edit, SourceFile, Span
from hpo.annotate.space.targets import Target
from hpo.errors import Diagnostic

__all__ = ["checked"]


def checked(
    file: SourceFile,
    edits: Sequence[Edit],
    targets: Sequence[Target],
    marks: Sequence[Mark],
    found: list[Diagnostic],
) -> bytes:
    """Return a file with edits spliced in; where it is no valid code then, the mistake is a mark's."""
    try:
        rewritten = file.rewritten(edits)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(rewritten, file.name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        message = f"what this mark puts here does not compile: {getattr(error, 'msg', error)}"
        span = _blamed(file, targets, marks, getattr(error, "lineno", None))
    else:
        return rewritten
    help_ = "write what would be valid in the place of the value"
    found.append(file.diagnostic("HPO229", message, span, help=help_))
    return file.data


def _blamed(file: SourceFile, targets: Sequence[Target], marks: Sequence[Mark], line: int | None) -> Span:
    """Return the span of the mark that is likely at fault: a report, or options of code, on the line."""
    reports = [mark.span for mark in marks if mark.report and file.line_of(mark.span.start) == line]
    here = [target for target in targets if _holds_line(target, line)] or targets
    codes = [target.domain.span for target in here if not target.domain.is_constant]
    return [*reports, *codes, marks[0].span][0]


def _holds_line(target: Target, line: int | None) -> bool:
    span = target.span
    return line is not None and target.file.line_of(span.start) <= line <= target.file.line_of(span.end)
