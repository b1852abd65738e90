"""Calls that describe a value instead of being it: the fields of classes, the options of command lines."""

from __future__ import annotations

import ast

from hpo.annotate.reading.scopes import Scope, qualified
from hpo.expressions import dotted

__all__ = ["command_line_option", "is_field", "is_typer_option"]

_FIELDS = ("field", "Field", "ib", "attrib")  # of dataclasses, pydantic and attrs
_TYPER = ("typer.Option", "typer.Argument")
_NAMED = ("add_argument", "argument", "option")  # of argparse and click: a name without dashes is the value's


def is_field(call: ast.expr) -> bool:
    """Tell whether a value in a class is the description of a field."""
    return isinstance(call, ast.Call) and (dotted(call.func) or "").split(".")[-1] in _FIELDS


def is_typer_option(call: ast.expr, scope: Scope) -> bool:
    """Tell whether a parameter's default is typer's description of it."""
    return isinstance(call, ast.Call) and qualified(call.func, scope) in _TYPER


def command_line_option(call: ast.Call) -> str | None:
    """Return the name that a program has for what ``add_argument("-b", "--batch-size", ...)`` describes.

    As argparse and click have it: the `dest` or the name without dashes, else the first long flag.
    """
    texts = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    flags = [text.partition("/")[0] for text in texts if text.startswith("-") and text == text.strip()]
    given = [k.value for k in call.keywords if k.arg == "dest"]
    names = [v.value for v in given if isinstance(v, ast.Constant) and isinstance(v.value, str)]
    if (dotted(call.func) or "").split(".")[-1] in _NAMED:
        names += [text for text in texts if not text.startswith("-")]
    names += sorted(flags, key=lambda flag: not flag.startswith("--"))
    name = names[0].lstrip("-").replace("-", "_") if names else ""
    return name if name.isidentifier() else None
