"""The script of an experiment with its marks, and the diff that would write the best values into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from hpo.annotate.reading.source import SourceFile
from hpo.annotate.result import AnnotatedFile, AnnotatedProject
from hpo.errors import HpoError
from hpo.experiment.record import Record
from hpo.experiment.wording import short
from hpo.experiment.written_back import frozen_project, write_back

__all__ = ["Line", "SourceText", "changes", "marked_source"]


@dataclass(frozen=True)
class Line:
    """A line of source.

    Attributes:
        code: highlighted, as HTML.
        marks: the parameters whose values stand there, each with its best value.
    """

    code: Markup
    marks: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class SourceText:
    """A file of source."""

    name: str
    lines: Sequence[Line]


def marked_source(directory: Path, record: Record) -> list[SourceText]:
    """Return the script, and of its modules those with marks, as they were when the experiment began."""
    try:
        project = frozen_project(directory)
    except HpoError:  # the trials are no Python script, or their code is gone
        return []
    is_marked = record.baseline is not None
    shown = [f for i, f in enumerate(project.files) if i == 0 or (is_marked and f.sites)]
    root = (directory / "code" / "original").resolve()
    return [_text(f, project if is_marked else None, record, root) for f in shown]


def _text(file: AnnotatedFile, project: AnnotatedProject | None, record: Record, root: Path) -> SourceText:
    source = SourceFile(file.name, file.path, file.original).normal
    best: dict[str, Any] = record.best.parameters if record.best else {}
    marks: dict[int, list[tuple[str, str]]] = {}
    for parameter in project.parameters if project else ():
        for place in parameter.places:
            if place.file == file.name:
                value = short(best[parameter.name]) if parameter.name in best else "not active"
                marks.setdefault(place.line, []).append((parameter.name, value if best else ""))
    # Pygments escapes the source, and closes its elements at the end of every line.
    html = highlight(source, PythonLexer(stripnl=False, ensurenl=False), HtmlFormatter(nowrap=True))
    lines = [Line(Markup(code), marks.get(i, ())) for i, code in enumerate(html.split("\n"), 1)]  # noqa: S704
    if lines and not lines[-1].code:
        lines.pop()
    return SourceText(str(file.path.relative_to(root)), lines)


def changes(directory: Path) -> list[str] | None:
    """Return the lines of the diff that `hpo apply` would write; None where there is nothing to write to."""
    try:
        return write_back(directory).application.diff().splitlines()
    except HpoError:  # the script is gone, or has no marks, or nothing has succeeded
        return None
