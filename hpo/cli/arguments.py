"""What commands are called with: an experiment, a trial."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["Reference", "TrialNumber", "TrialReference"]

Reference = Annotated[
    str | None, typer.Argument(metavar="ID", help="An id, its beginning, or a name; by itself, the newest.")
]
TrialReference = Annotated[
    str, typer.Argument(metavar="ID", help="An experiment; or, alone, the number of a trial of the newest.")
]
TrialNumber = Annotated[int | None, typer.Argument(metavar="N", help="The trial's number.")]
