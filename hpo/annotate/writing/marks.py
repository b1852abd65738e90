"""Write marks into a file, change them or take them away: comments at their lines, through the validator."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Mapping
from pathlib import Path

from hpo.annotate.project import annotate
from hpo.annotate.reading.source import Edit, SourceFile
from hpo.annotate.result import AnnotatedProject
from hpo.annotate.writing.apply import Application
from hpo.errors import AnnotationError, UsageError

__all__ = ["edit_marks"]

_MARK = re.compile(r"#[ \t]*(hpo|nni):")


def edit_marks(path: Path, marks: Mapping[int, str | None]) -> tuple[Application, AnnotatedProject]:
    """Return the edits that give lines of a script these marks, and what the script means with them.

    Nothing but comments changes. A line that has a comment of another kind gets its mark on a line above.

    Args:
        path: the script.
        marks: by line, counted from 1: a domain, such as ``loguniform(1e-5, 1e-1)``, or another mark; None
            takes the mark of this line away.

    Raises:
        UsageError: there is no such line.
        AnnotationError: a mark has a mistake, or means nothing where it is to stand.
    """
    project = annotate([path])
    file = SourceFile(project.files[0].name, project.files[0].path, project.files[0].original)
    edits = tuple(sorted(_edits(file, marks), key=lambda edit: edit.start))
    data = file.rewritten(edits)
    if ast.dump(ast.parse(data)) != ast.dump(ast.parse(file.data)):
        raise UsageError(
            f"{path}: these marks would change the code", help="write each on one line, as a comment"
        )
    found = annotate([path], texts={file.path: data})
    if found.errors:
        raise AnnotationError(found.errors)
    return Application({file.path: edits}, (), {file.path: file}), found


def _edits(file: SourceFile, marks: Mapping[int, str | None]) -> Iterator[Edit]:
    comments = {
        token.start[0]: token
        for token in tokenize.generate_tokens(io.StringIO(file.text).readline)
        if token.type == tokenize.COMMENT
    }
    for line, mark in marks.items():
        if not 1 <= line <= len(file.lines):
            raise UsageError(f"{file.name} has no line {line}", help=f"it has {len(file.lines)}")
        start, text = file.line_start(line), file.lines[line - 1].rstrip("\r\n")
        comment = comments.get(line)
        is_mark = comment is not None and _MARK.match(comment.string) is not None
        written = "" if mark is None else f"  # hpo: {mark.strip().removeprefix('# hpo:').strip()}"
        if comment is not None and is_mark:
            before = text[: comment.start[1]].rstrip()
            yield Edit(start + len(before), start + len(text), written if before else written.lstrip())
        elif mark is not None and comment is not None:
            indent = text[: len(text) - len(text.lstrip())]
            yield Edit(start, start, f"{indent}{written.lstrip()}\n")
        elif mark is not None:
            end = start + len(text.rstrip())
            yield Edit(end, end, written)
