"""What the figures share: how one begins, one without anything to see, which trials are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from hpo.experiment.record import Record
from hpo.experiment.wording import counted
from hpo.figures.theme import TEMPLATES, label
from hpo.runtime.queries import TrialRow

__all__ = ["about", "after", "empty", "figure", "thinned", "unit_of_time"]

_MOST_VALUES = 12  # parameters that are listed where the pointer is


def figure(*traces: Any, title: str, **layout: Any) -> go.Figure:
    """Return a figure in the light theme."""
    return go.Figure(list(traces), layout={"template": TEMPLATES["light"], "title": title, **layout})


def empty(title: str, reason: str) -> go.Figure:
    """Return a figure that says why there is nothing to see."""
    note = {"text": reason, "showarrow": False, "xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5}
    return figure(
        title=title, annotations=[note], xaxis={"visible": False}, yaxis={"visible": False}, height=240
    )


def after(record: Record) -> str:
    """Return what a title adds where trials of one budget are shown."""
    return "" if record.budget is None else f" after {counted(record.budget, 'pass', 'passes')}"


def thinned(record: Record, trials: Sequence[TrialRow], most: int) -> Sequence[TrialRow]:
    """Return trials; of too many, the best tenth and every so-manieth of the others."""
    if len(trials) <= most:
        return trials
    ranked = sorted(trials, key=lambda t: record.loss(t.value))
    best = {t.number for t in ranked[: most // 10]}
    others = [t for t in trials if t.number not in best]
    step = len(others) / (most - len(best))
    kept = best | {others[int(i * step)].number for i in range(most - len(best))}
    return [t for t in trials if t.number in kept]


def unit_of_time(seconds: float) -> tuple[float, str]:
    """Return the unit in which so long a time is best told: its seconds, and its name."""
    for size, name in ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if seconds >= 2 * size:
            return size, name
    return 1.0, "seconds"


def about(trial: TrialRow) -> str:
    """Return what is to be read where the pointer is on a trial."""
    lines = [f"<b>trial {trial.number}</b>", label(trial.value)]
    shown = list(trial.parameters.items())
    lines += [f"{label(name)} = {label(value)}" for name, value in shown[:_MOST_VALUES]]
    return "<br>".join(
        [*lines, *([f"and {len(shown) - _MOST_VALUES} more"] if len(shown) > _MOST_VALUES else [])]
    )
