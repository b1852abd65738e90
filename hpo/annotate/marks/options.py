"""Domains of the command line, for scripts that cannot be edited: ``--param lr=loguniform(1e-5,1e-1)``."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path

from hpo.annotate.marks.grammar import Reader
from hpo.annotate.marks.parsing import Mistake, parse_text
from hpo.annotate.reading.source import SourceFile, Span
from hpo.errors import AnnotationError, Diagnostic
from hpo.parameters import Parameter

__all__ = ["read_options"]


def read_options(texts: Sequence[str], origin: str = "--param") -> dict[str, Parameter]:
    """Return the domains of texts of the form NAME=DOMAIN, by name.

    Args:
        texts: one for each parameter.
        origin: where they were written.

    Raises:
        AnnotationError: all that is wrong with them, each at its place in its text.
    """
    domains: dict[str, Parameter] = {}
    found: list[Diagnostic] = []
    for text in texts:
        file = SourceFile(origin, Path(origin), text.encode())
        try:
            name, domain = _read(file, text)
            if name in domains:
                whole = Span(0, len(text))
                raise Mistake("HPO230", f"{name} is given twice", "give each parameter once", whole)
            domains[name] = domain
        except Mistake as mistake:
            found.append(file.diagnostic(mistake.code, mistake.message, mistake.span, help=mistake.help))
    if found:
        raise AnnotationError(found)
    return domains


def _read(file: SourceFile, text: str) -> tuple[str, Parameter]:
    # Names are those of options, which may have hyphens: `--weight-decay`.
    name, equals, written = text.partition("=")
    name, written = name.strip().removeprefix("--"), written.lstrip()
    if not equals or not name.replace("-", "_").replace(".", "_").isidentifier():
        message = "this is no NAME=DOMAIN"
        raise Mistake("HPO201", message, "write lr=loguniform(1e-5,1e-1)", Span(0, len(text)))
    call = parse_text(file, written, len(text) - len(written))
    domain = Reader(file, _constructor).domain(call)
    for option in (*domain.options, *domain.items):
        if option.is_code:
            message = f"the option {option.code} is code, and a command line takes text"
            raise Mistake("HPO203", message, "write numbers, or strings in quotes", domain.span)
    return name, domain.parameter


def _constructor(node: ast.expr) -> str | None:
    match node:
        case ast.Name(id=name) | ast.Attribute(value=ast.Name(id="hpo" | "nni"), attr=name):
            return name
    return None
