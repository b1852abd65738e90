"""Offering to learn from the last experiment of a script whose marks have changed since."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from hpo.errors import HpoError
from hpo.experiment.documents import open_store
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
        if earlier is not None and _fixed(earlier) != drafted.config.fixed:
            return drafted  # what has changed is not, or not only, the marks
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
    fit = "still fits" if len(warmth.trials) == 1 else "still fit"
    if asks and sys.stdin.isatty() and sys.stderr.isatty():
        return warmed if typer.confirm(f"Learn from {what} that {fit}?", default=True, err=True) else drafted
    progress.print(f"{what} {fit}; to learn from them: hpo run ... --warm-from {warmth.id}")
    return drafted


def _fixed(directory: Path) -> Mapping[str, Any]:
    """Return the parameters of an experiment that are fixed, with their values."""
    with open_store(directory) as store:
        fixed: Mapping[str, Any] = store.experiment()["config"]["settings"].get("fixed", {})
        return fixed
