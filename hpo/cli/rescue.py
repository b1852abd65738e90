"""`hpo rescue`: a sound store in the place of a damaged one."""

from __future__ import annotations

import sys

from hpo.experiment.rescue import rescue as make_sound
from hpo.runtime import home

__all__ = ["rescue"]


def rescue(reference: str) -> None:
    """Rescue an experiment, and say what became of its trials."""
    directory = home.find_damaged(reference)
    found = make_sound(directory)
    print(f"{directory.name} is sound again: {found}.", file=sys.stderr)
    print(f"The damaged store is kept: {found.damaged}", file=sys.stderr)
    print(f"Go on: hpo resume {directory.name}", file=sys.stderr)
