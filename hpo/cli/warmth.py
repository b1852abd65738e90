"""Offering to learn from the last experiment of a script whose marks have changed since."""

from __future__ import annotations

import sys

import typer

from hpo.errors import HpoError
from hpo.experiment.draft import Draft
from hpo.experiment.warmth import last_experiment_of
from hpo.experiment.wording import counted
from hpo.progress import Progress

__all__ = ["offer_warmth"]


def offer_warmth(drafted: Draft, progress: Progress, *, asks: bool) -> Draft:
    """Return a draft, warmed where a person at a terminal agrees; elsewhere the command is said.

    Args:
        drafted: an experiment that nobody has warmed.
        progress: where it is said.
        asks: whether there may be a person to ask.
    """
    if not drafted.is_marked:
        return drafted
    try:
        earlier = last_experiment_of(drafted.sources)
        warmed = None if earlier is None else drafted.warmed(earlier)
    except HpoError:  # nothing of it fits, or it cannot be read: there is nothing to offer
        return drafted
    if warmed is None or warmed.warmth is None or not warmed.warmth.changes:
        return drafted
    warmth = warmed.warmth
    progress.print(f"The marks have changed since {warmth.id} ({warmth.name}):")
    for line in warmth.changed():
        progress.print(f"  {line}")
    what = f"{counted(len(warmth.trials), 'result')} of {warmth.total}"
    if asks and sys.stdin.isatty() and sys.stderr.isatty():
        return (
            warmed if typer.confirm(f"Learn from {what} that still fit?", default=True, err=True) else drafted
        )
    progress.print(f"{what} still fit; to learn from them: hpo run ... --warm-from {warmth.id}")
    return drafted
