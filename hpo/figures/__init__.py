"""Every plot, once: for notebooks, the page and reports.

Each function takes a `Record`, which is plain data, and returns a plotly figure::

    from hpo import figures
    from hpo.experiment.record import Record
    from hpo.runtime import home

    record = Record.read(home.find("digits"))
    figures.history(record).show()
    figures.contour(record, "lr", "batch_size")
    figures.themed(figures.history(record), "dark")

A figure holds for light and dark: only its template differs, and `TEMPLATES` has both, so a page can send a
figure once and switch the template. In every trace that shows trials, ``customdata`` holds their numbers, a
number for a point. What the user wrote (names, options, reasons) is escaped: plotly reads tags in texts.

`KINDS` lists the figures of one experiment by name; `telling(record)` those that have something to show.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import plotly.graph_objects as go

from hpo.experiment.record import Record
from hpo.figures.front import front
from hpo.figures.lists import items
from hpo.figures.parameters import contour, importance, parallel, slices
from hpo.figures.schedule import lineage, reached_by, rungs, timeline
from hpo.figures.theme import PALETTE, STATES, TEMPLATES, Theme, themed
from hpo.figures.trials import compare, curves, edf, history
from hpo.parameters import Arrangement, is_number
from hpo.trial import TrialState

__all__ = [
    "KINDS",
    "PALETTE",
    "STATES",
    "TEMPLATES",
    "Theme",
    "compare",
    "contour",
    "curves",
    "edf",
    "front",
    "history",
    "importance",
    "items",
    "lineage",
    "parallel",
    "rungs",
    "slices",
    "telling",
    "themed",
    "timeline",
]

#: The figures of one experiment, in the order in which one asks for them.
KINDS: Mapping[str, Callable[[Record], go.Figure]] = {
    "history": history,
    "front": front,
    "importance": importance,
    "slices": slices,
    "items": items,
    "parallel": parallel,
    "contour": contour,
    "curves": curves,
    "rungs": rungs,
    "lineage": lineage,
    "edf": edf,
    "timeline": timeline,
}


def telling(record: Record) -> list[str]:
    """Return which of `KINDS` have something to show."""
    trials, succeeded, parameters = record.trials, len(record.succeeded), len(record.space)
    reached = [t for t in trials if reached_by(record, t) is not None]
    has = {
        "history": succeeded > 0,
        "front": succeeded > 0 and record.objectives.are_several,
        "importance": succeeded >= 5 and parameters > 1,
        "slices": succeeded > 1 and parameters > 0,
        "items": succeeded > 1 and any(isinstance(p, Arrangement) for p in record.space.parameters.values()),
        "parallel": succeeded > 1 and parameters > 1,
        "contour": succeeded > 2 and parameters > 1,
        "curves": any(len(metrics) > 1 for metrics in record.intermediate.values()),
        "rungs": any("budget" in t.memo or t.state is TrialState.EARLY_STOPPED for t in reached),
        "lineage": any(is_number(t.memo.get("generation")) for t in reached),
        "edf": succeeded > 1,
        "timeline": any(t.started is not None for t in trials),
    }
    return [name for name in KINDS if has[name]]
