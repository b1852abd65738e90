"""The figures of a report: what each is called, what it tells, and what the page draws."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import plotly.graph_objects as go

from hpo import figures
from hpo.experiment.record import Record
from hpo.experiment.wording import counted
from hpo.figures.parameters import most_important

__all__ = ["Drawing", "drawings", "templates"]

_MOST_SLICES = 24

_CAPTIONS = {
    "history": ("History", "Every trial's result, and the best so far."),
    "front": (
        "Front",
        "The results in two objectives, and those that no other is better than in all.",
    ),
    "importance": (
        "Importance",
        "What moves the result anywhere in the space, and what a trial needs to be among the best tenth.",
    ),
    "items": ("Items of lists", "Which items are in the best lists, and where they stand."),
    "parallel": (
        "Parallel coordinates",
        "A line for each trial, orange for the best. Drag along an axis to mark a range.",
    ),
    "contour": ("The two that matter most", "The result between the trials, smoothed."),
    "curves": ("Intermediate results", "What trials reported on their way."),
    "rungs": ("Rungs", "How far the trials came, and who went on."),
    "lineage": ("Lineage", "Who went on from whom, generation by generation."),
    "edf": ("Distribution of results", "Which share of the trials has a result so high or lower."),
    "timeline": ("Timeline", "When each trial ran, and where."),
}
_WIDE = ("history", "parallel")
_COMPARED = ("importance", "items", "parallel", "contour", "edf")  # of trials of one budget
_HIGH, _LOW = 340, 230


@dataclass(frozen=True)
class Drawing:
    """One figure on the page.

    Attributes:
        title: its heading, as plain text.
        caption: a sentence.
        group: ``slices`` for the values of one parameter, else the figure's name.
        is_wide: whether it wants the whole width.
        width: pixels below which it cannot be read; it is scrolled then.
        height: pixels.
        figure: plotly's JSON.
    """

    title: str
    caption: str
    group: str
    is_wide: bool
    width: int
    height: int
    figure: Mapping[str, Any]


def drawings(record: Record) -> list[Drawing]:
    """Return the figures that have something to show."""
    found = [d for name in figures.telling(record) for d in _drawn(record, name)]
    narrow = [d for d in found if d.group != "slices" and not d.is_wide]
    # Two stand side by side; the last of an odd number has the row for itself.
    alone = narrow[-1] if len(narrow) % 2 else None
    return [replace(d, is_wide=True) if d is alone else d for d in found]


def templates() -> dict[str, Any]:
    """Return both templates as JSON."""
    return {theme: template.to_plotly_json() for theme, template in figures.TEMPLATES.items()}


def _drawn(record: Record, name: str) -> Iterator[Drawing]:
    if name == "slices":
        for parameter in most_important(record)[:_MOST_SLICES]:
            figure = figures.slices(record, [parameter])
            yield Drawing(parameter, "", "slices", False, 0, _LOW, _bare(figure))
        return
    title, caption = _CAPTIONS[name]
    if name in _COMPARED and record.budget is not None:
        caption += f" After {counted(record.budget, 'pass', 'passes')}."
    figure = figures.KINDS[name](record)
    width = 90 * (len(record.space) + 1) if name == "parallel" else 0
    height = figure.layout.height or _HIGH
    yield Drawing(title, caption, name, name in _WIDE, width, height, _bare(figure))


def _bare(figure: go.Figure) -> dict[str, Any]:
    """Return a figure as JSON without what the page gives it: heading, template, and size."""
    if figure.data[0].type == "parcoords":
        margin = {"t": 84, "b": 24, "l": 50, "r": 50}
    else:
        has_legend = figure.layout.showlegend is not False and len(figure.data) > 1
        margin = {"t": 44 if has_legend else 12, "b": 44, "l": 52, "r": 16}
    bare = go.Figure(figure).update_layout(title=None, template=None, height=None, margin=margin)
    return dict(json.loads(bare.to_json()))
