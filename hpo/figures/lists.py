"""Lists: which items are in the best subsets, and where items stand in the best orders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from hpo.experiment.record import Record
from hpo.figures.drawing import after, empty
from hpo.figures.theme import BEST, GREY, PLANE, TEMPLATES, label
from hpo.parameters import Arrangement, Subset

__all__ = ["items"]

_BEST = 0.2  # the share of the trials that are called the best
_LEAST = 3  # of them at least


def items(record: Record) -> go.Figure:
    """Show for each subset how often its items are in, and for each permutation where its items stand.

    Of a subset it is the share of the best fifth of the trials, beside that of all; of a permutation a field
    says how many of the best fifth have the item at that place.
    """
    title = f"Items of lists{after(record)}"
    names = [name for name, domain in record.space.parameters.items() if isinstance(domain, Arrangement)]
    if not names:
        return empty(title, "No parameter is a list.")
    if not record.comparable:
        return empty(title, "No trial has succeeded yet.")
    heights = [26 * record.space[name].width + 70 for name in names]
    result = make_subplots(
        len(names),
        1,
        subplot_titles=[label(name, 48) for name in names],
        row_heights=heights,
        vertical_spacing=min(70 / sum(heights), 0.9 / max(len(names) - 1, 1)),
    )
    ranked = sorted(record.comparable, key=lambda t: (record.loss(t.value), t.number))
    for row, name in enumerate(names, start=1):
        domain = record.space[name]
        assert isinstance(domain, Arrangement)
        values = [t.parameters[name] for t in ranked if domain.contains(t.parameters.get(name))]
        best = values[: max(round(_BEST * len(values)), _LEAST)]
        if isinstance(domain, Subset):
            _add_shares(result, domain, best, values, row)
        else:
            _add_places(result, domain, best, row)
        ticks = list(range(domain.width))
        texts = [label(item, 28) for item in domain.items]
        result.update_yaxes(
            {"tickvals": ticks, "ticktext": texts, "autorange": "reversed", "showgrid": False}, row=row, col=1
        )
    return result.update_layout(
        template=TEMPLATES["light"],
        title={
            "text": title,
            "subtitle": {"text": "orange: in the best fifth of the trials; grey: in all of them"},
        },
        height=sum(heights) + 120,
        margin={"t": 110},
        barmode="group",
    )


def _add_shares(
    result: go.Figure, domain: Subset, best: Sequence[Any], values: Sequence[Any], row: int
) -> None:
    for chosen, colour, words in ((best, BEST, "the best fifth"), (values, GREY, "all trials")):
        counts = np.zeros(domain.width)
        for value in chosen:
            counts[domain.positions(value)] += 1
        result.add_bar(
            y=list(range(domain.width)),
            x=(counts / max(len(chosen), 1)).tolist(),
            orientation="h",
            marker={"color": colour},
            name=words,
            showlegend=False,
            hovertemplate="in %{x:.0%} of " + words + "<extra></extra>",
            row=row,
            col=1,
        )
    result.update_xaxes({"tickformat": ".0%", "range": [0, 1]}, row=row, col=1)


def _add_places(result: go.Figure, domain: Arrangement, best: Sequence[Any], row: int) -> None:
    shares = np.zeros((domain.width, domain.width))
    for value in best:
        shares[domain.positions(value), range(domain.width)] += 1 / len(best)
    result.add_heatmap(
        x=[place + 1 for place in range(domain.width)],
        y=list(range(domain.width)),
        z=shares.tolist(),
        zmin=0,
        zmax=1,
        colorscale=PLANE,
        showscale=False,
        hovertemplate="place %{x} in %{z:.0%} of the best fifth<extra></extra>",
        row=row,
        col=1,
    )
    result.update_xaxes({"dtick": 1, "showgrid": False, "title": "place"}, row=row, col=1)
