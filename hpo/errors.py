"""Every error a user can meet, as a tree.

::

    HpoError                 base; `str(error)` says what is wrong, `error.help` how to mend it
    ├── UsageError           the user's mistake; the command exits with 2
    │   ├── SpaceError       a search space, or a value that does not fit it
    │   ├── TunerError       an unknown tuner, or arguments and spaces that it cannot take
    │   ├── DeviceError      devices that were asked for and are not there
    │   └── DiagnosticError  carries diagnostics, each with its place
    │       ├── ConfigError      in an experiment file
    │       └── AnnotationError  in a marked script
    ├── ClusterError         a cluster that cannot be reached
    ├── StoreError           a store that cannot be read or written
    └── ExperimentFailed     no trial succeeded; the command exits with 1

Codes (``HPO101``) name a diagnostic for good: they are documented, searched for and never reused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

__all__ = [
    "AnnotationError",
    "ClusterError",
    "ConfigError",
    "DeviceError",
    "Diagnostic",
    "DiagnosticError",
    "ExperimentFailed",
    "HpoError",
    "RelatedPlace",
    "SpaceError",
    "StoreError",
    "TunerError",
    "UsageError",
    "printable",
]

Severity = Literal["error", "warning", "note"]

_WIDEST = 160  # characters of a source line that are quoted


class HpoError(Exception):
    """Base of all errors that are meant for the user.

    Args:
        message: one sentence: where, what, and what was got.
        help: one sentence: how to mend it.
    """

    exit_code = 1

    def __init__(self, message: str, *, help: str | None = None) -> None:  # noqa: A002
        super().__init__(message)
        self.message = message
        self.help = help
        if help is not None and hasattr(self, "add_note"):  # Python 3.11: a program's traceback shows it
            self.add_note(help)

    def __str__(self) -> str:
        return self.message  # and not of `args`, so that a pickled error comes back whole


class UsageError(HpoError):
    """Say that the user asked for something that cannot be."""

    exit_code = 2


class SpaceError(UsageError):
    """Say that a search space is wrong, or a value lies outside it.

    `path` leads to the part of the search-space JSON that is at fault, where it was read from one.
    """

    def __init__(
        self,
        message: str,
        *,
        help: str | None = None,  # noqa: A002
        path: Sequence[str | int] = (),
    ) -> None:
        super().__init__(message, help=help)
        self.path = tuple(path)


class TunerError(UsageError):
    """Say that a tuner is unknown, or cannot take its arguments or the space."""


class ClusterError(HpoError):
    """A cluster that cannot be reached."""


class StoreError(HpoError):
    """Say that an experiment's store cannot be opened, read or written."""


class DeviceError(UsageError):
    """Say that the experiment asks for devices that this machine does not have."""


class ExperimentFailed(HpoError):  # noqa: N818 - it is an outcome, and reads as one
    """Say that an experiment ended without one succeeded trial."""


@dataclass(frozen=True)
class RelatedPlace:
    """Another place that a diagnostic speaks of, such as the first of two namesakes."""

    file: str
    line: int
    column: int
    message: str


@dataclass(frozen=True)
class Diagnostic:
    """One finding in a file of the user's, with the exact span it is about.

    Lines start at 1. Columns start at 1 and count characters, as editors show them; `end_column` is
    the column after the last character. `source` is the text of the first line, for the caret.
    """

    code: str
    severity: Severity
    message: str
    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    help: str | None = None
    source: str | None = None
    related: tuple[RelatedPlace, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """Return the documented JSON form (`hpo annotate --format json`)."""
        return asdict(self)

    def __str__(self) -> str:
        """Return ``FILE:LINE:COLUMN: error: message [code]``, the source line, a caret line, the help."""
        message = printable(self.message)
        lines = [f"{self.file}:{self.line}:{self.column}: {self.severity}: {message} [{self.code}]"]
        if self.source is not None:
            lines += (f"    {line}" for line in self._quotation(self.source.rstrip("\r\n")))
        lines += [f"{p.file}:{p.line}:{p.column}: note: {p.message}" for p in self.related]
        if self.help:
            lines.append(f"  help: {self.help}")
        return "\n".join(lines)

    def _quotation(self, source: str) -> tuple[str, str]:
        """Return the source line and the carets under the span: of a long line, the part around them."""
        start = self.column - 1
        end = self.end_column - 1 if self.end_line == self.line else len(source)
        first = max(0, start - _WIDEST // 4) if len(source) > _WIDEST else 0
        last = first + _WIDEST
        before, after = "..." if first else "", "..." if last < len(source) else ""
        shown = printable(source[first:last])
        carets = "^" * max(1, min(end, last) - start)
        return f"{before}{shown}{after}", " " * (len(before) + start - first) + carets


def printable(text: str) -> str:
    """Return a piece of a file as a terminal can show it: escapes and marks of direction are blanks."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)


class DiagnosticError(UsageError):
    """Carry the diagnostics of a file, all of them, in the order of their places."""

    def __init__(self, diagnostics: Sequence[Diagnostic], *, help: str | None = None) -> None:  # noqa: A002
        self.diagnostics = tuple(diagnostics)
        super().__init__("\n".join(str(d) for d in self.diagnostics), help=help)


class ConfigError(DiagnosticError):
    """Say what is wrong in an experiment file, and where."""


class AnnotationError(DiagnosticError):
    """Say what is wrong with the marks of a script, and where."""
