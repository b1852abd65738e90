"""Several objectives: the results in the plane of two of them, and the front."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from hpo.experiment.record import Record
from hpo.experiment.wording import values
from hpo.figures.drawing import empty, figure, thinned
from hpo.figures.theme import BEST, BLUE, GREY, label
from hpo.parameters import is_number
from hpo.runtime.queries import TrialRow

__all__ = ["front"]

_MOST = 2000


def front(record: Record, x: str | None = None, y: str | None = None) -> go.Figure:
    """Show the results in two objectives, and those that none dominates; crosses miss a constraint.

    Args:
        record: an experiment of several objectives.
        x: one of them, or any other part of the results; the first where it is left out.
        y: another; the second.
    """
    named = [objective.name for objective in record.objectives.each]
    if len(named) < 2 and (x is None or y is None):
        return empty("Front", "There is one objective: what is best is one trial.")
    across, up = x or named[0], y or named[1]
    wanted, best = record.objectives, {row.number for row in record.front}
    shown = [t for t in thinned(record, record.succeeded, _MOST) if _is_whole(t, across, up)]
    shown += [t for t in record.front if t not in shown and _is_whole(t, across, up)]
    if not shown:
        return empty("Front", "No trial has succeeded yet.")
    groups = {
        "misses a constraint": [t for t in shown if not wanted.is_feasible(t.value or 0.0, t.data)],
        "another is better": [],
        "front": sorted((t for t in shown if t.number in best), key=lambda t: (t.data or {})[across]),
    }
    used = {t.number for each in groups.values() for t in each}
    groups["another is better"] = [t for t in shown if t.number not in used]
    styles: dict[str, dict[str, Any]] = {
        "misses a constraint": {
            "mode": "markers",
            "marker": {"color": GREY, "symbol": "x-thin-open", "size": 7},
        },
        "another is better": {"mode": "markers", "marker": {"color": BLUE, "size": 7, "opacity": 0.7}},
        "front": {
            "mode": "lines+markers",
            "line": {"color": BEST, "width": 1, "dash": "dot"},
            "marker": {"color": BEST, "size": 10},
        },
    }
    traces = [_points(name, each, across, up, styles[name]) for name, each in groups.items() if each]
    return figure(
        *traces,
        title=f"Front: {label(across, 30)} and {label(up, 30)}",
        xaxis={"title": label(_axis(record, across))},
        yaxis={"title": label(_axis(record, up))},
        height=420,
    )


def _is_whole(row: TrialRow, *names: str) -> bool:
    return all(is_number((row.data or {}).get(name)) for name in names)


def _points(name: str, rows: Sequence[TrialRow], across: str, up: str, style: dict[str, Any]) -> go.Scatter:
    found = [row.data or {} for row in rows]
    return go.Scatter(
        x=[data[across] for data in found],
        y=[data[up] for data in found],
        customdata=[row.number for row in rows],
        text=[label(values(row.parameters), 200) for row in rows],
        hovertemplate="<b>trial %{customdata}</b><br>%{x:.6g}<br>%{y:.6g}<br>%{text}<extra></extra>",
        name=name,
        **style,
    )


def _axis(record: Record, name: str) -> str:
    directions = {o.name: o.direction for o in record.objectives.each}
    better = {"maximize": " (higher is better)", "minimize": " (lower is better)"}
    return f"{name}{better.get(directions.get(name, ''), '')}"
