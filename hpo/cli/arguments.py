"""What commands are called with: an experiment, a trial."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from hpo.cli import completion
from hpo.errors import UsageError

__all__ = ["Experiment", "Reference", "assignments", "TrialNumber", "TrialReference"]

Reference = Annotated[
    str | None,
    typer.Argument(
        metavar="ID",
        help="An id, its beginning, or a name; by itself, the newest.",
        autocompletion=completion.experiments,
    ),
]
Experiment = Annotated[
    str, typer.Argument(metavar="ID", help="The experiment.", autocompletion=completion.experiments)
]
TrialReference = Annotated[
    str,
    typer.Argument(
        metavar="ID",
        help="An experiment; or, alone, the number of a trial of the newest.",
        autocompletion=completion.experiments,
    ),
]
TrialNumber = Annotated[int | None, typer.Argument(metavar="N", help="The trial's number.")]


def assignments(written: Sequence[str]) -> dict[str, Any]:
    """Read values by name, each written NAME=VALUE; a value is JSON, or else a text.

    Raises:
        UsageError: one is not written so, or a name is given twice.
    """
    import json

    given: dict[str, Any] = {}
    for text in written:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"{text!r} is no value", help="write NAME=VALUE, such as lr=0.1")
        if name in given:
            raise UsageError(f"{name} is given twice", help="leave one out")
        try:
            given[name] = json.loads(value)
        except (ValueError, RecursionError):
            given[name] = value
    return given
