"""How the trial reads: each marked value becomes a question to the trial, on the lines where it stood.

``lr = 0.01`` becomes ``lr = (V("lr") if G("lr") else OWN("lr", (0.01)))``: the source's own expression
stays in its place and scope, and runs where the trial has no value for it. V, G and OWN are functions of
`hpo.trial`, reached without an import statement, so no line is added and no name is taken.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from hpo.annotate.marks import Mark, Option
from hpo.annotate.source import Edit, SourceFile
from hpo.annotate.targets import Target

__all__ = ["option_at", "rewrite"]

_TRIAL = '__import__("hpo").trial'


def rewrite(file: SourceFile, marks: list[Mark], named: Mapping[str, list[Target]]) -> bytes:
    """Return a file's parameterised bytes: marked values replaced, marks made inert."""
    edits = [edit for mark in marks for edit in _neutralise(file, mark)]
    for name, targets in named.items():
        for target in targets:
            if target.file is file:
                edits += _ask(name, target)
    return file.rewritten(edits)


def _ask(name: str, target: Target) -> Iterator[Edit]:
    """Wrap a value: what was there stays, in the last branch."""
    shown = json.dumps(name)
    if any(option.is_code for option in target.domain.options):
        head = "".join(
            f"({option.source}) if {_TRIAL}.picked({shown}, {option.value!r}) else "
            for option in target.domain.options
        )
    else:
        head = f"{_TRIAL}.value({shown}) if {_TRIAL}.given({shown}) else "
    depth = -len(target.place.owners)
    yield Edit(target.span.start, target.span.start, f"({head}{_TRIAL}.own({shown}, (", depth)
    yield Edit(target.span.end, target.span.end, ")))", depth)


def _neutralise(file: SourceFile, mark: Mark) -> Iterator[Edit]:
    """Make a mark inert in as many characters and lines as it has."""
    text = file.segment(mark.span)
    start = mark.span.start
    if mark.report is not None:
        lines = text.count("\n")
        call, _, rest = mark.report.partition("(")
        yield Edit(start, mark.span.end, f"{_TRIAL}.{call}({chr(10) * lines}{rest}")
    elif mark.spelling == "decorator":
        opening = text.index("(")
        yield Edit(start + opening, mark.span.end, "(" + "\n" * text.count("\n") + ")")
    else:
        sign = "@" if mark.spelling == "string" else ":"
        at = start + text.index(sign)
        yield Edit(at, at + 1, " ")


def option_at(options: tuple[Option, ...], source: str) -> Option | None:
    """Return the option that a piece of source is, whatever its white space and quotes."""
    import ast

    wanted = ast.dump(ast.parse(f"(\n{source}\n)", mode="eval").body)
    for option in options:
        if ast.dump(ast.parse(option.source, mode="eval").body) == wanted:
            return option
    return None
