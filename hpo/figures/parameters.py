"""Parameters: their values against the result, two and all of them together, and how much each matters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from hpo.experiment.record import Record
from hpo.figures.drawing import after, empty, figure, thinned
from hpo.figures.scales import Floats, Scale, result_axis, result_range
from hpo.figures.theme import BEST, BLUE, GREY, PLANE, SCALE, TEMPLATES, label, plain
from hpo.importance import fanova, ped_anova
from hpo.runtime.queries import TrialRow

__all__ = ["contour", "importance", "parallel", "slices"]

_NOTHING = "No trial has succeeded yet."
_LEGEND = "early trials are blue, late ones orange; ★ the best"
_MOST_POINTS = 1000
_MOST_LINES = 500
_MOST_PLACES = 2000
_CELLS = 48  # of a contour, each way


def _results(trials: Sequence[TrialRow]) -> Floats:
    return np.array([t.value for t in trials], dtype=float)


def _column(trials: Sequence[TrialRow], name: str) -> list[Any]:
    return [t.parameters.get(name) for t in trials]


def _coloured(record: Record, values: Floats) -> dict[str, Any]:
    """Return the colours of results, orange for the best whatever the direction."""
    low, high = result_range([t.value for t in record.comparable], record.direction)
    return {
        "color": values,
        "colorscale": [list(stop) for stop in SCALE],
        "reversescale": record.direction == "minimize",
        "cmin": low,
        "cmax": high,
    }


def slices(record: Record, names: Sequence[str] | None = None, *, columns: int = 3) -> go.Figure:
    """Show the result against the values of each parameter; later trials are more orange.

    Args:
        record: an experiment.
        names: parameters; all of them where this is left out.
        columns: how many stand side by side.
    """
    names = list(record.space if names is None else names)
    title = "Values against results" if len(names) != 1 else label(Scale.of(record, names[0]).title)
    if not record.succeeded or not names:
        return empty(title, _NOTHING)
    title += after(record)
    columns = min(columns, len(names))
    rows = math.ceil(len(names) / columns)
    titles = [label(Scale.of(record, name).title, 48) for name in names] if len(names) > 1 else None
    result = make_subplots(
        rows,
        columns,
        shared_yaxes=True,
        subplot_titles=titles,
        horizontal_spacing=0.03,
        vertical_spacing=min(90 / (280 * rows), 0.3),
    )
    trials = thinned(record, record.comparable, _MOST_POINTS)
    axis = result_axis([t.value for t in record.comparable], record.direction)
    for i, name in enumerate(names):
        row, column = divmod(i, columns)
        _add_slice(result, record, name, [t for t in trials if name in t.parameters], row + 1, column + 1)
        result.update_yaxes(axis, row=row + 1, col=column + 1)
    result.update_yaxes({"title": "result"}, col=1)
    return result.update_layout(
        template=TEMPLATES["light"],
        title={"text": title, "subtitle": {"text": _LEGEND}},
        height=max(280 * rows + 80, 340),
        margin={"t": 96},
        showlegend=False,
    )


def _add_slice(
    result: go.Figure, record: Record, name: str, trials: Sequence[TrialRow], row: int, column: int
) -> None:
    scale = Scale.of(record, name)
    places = scale.positions(_column(trials, name))
    shown = places
    if scale.options:  # points of one option would lie upon each other
        shown = places + np.random.default_rng(0).uniform(-0.22, 0.22, len(places))
    result.add_scatter(
        x=shown,
        y=_results(trials),
        customdata=[t.number for t in trials],
        text=[label(value) for value in _column(trials, name)],
        hovertemplate="<b>trial %{customdata}</b><br>%{y:.6g}<br>%{text}<extra></extra>",
        mode="markers",
        marker={
            "color": [t.number for t in trials],
            "colorscale": [list(stop) for stop in SCALE],
            "size": 6 if len(trials) > 200 else 7,
            "opacity": 0.7,
        },
        row=row,
        col=column,
    )
    best = record.best if record.best in trials else None
    if best is None and record.objectives.are_plain:  # the best may have had another budget
        best = min(trials, key=lambda t: (record.loss(t.value), t.number), default=None)
    if best is not None:
        result.add_scatter(
            x=scale.positions([best.parameters[name]]),
            y=[best.value],
            customdata=[best.number],
            text=[label(best.parameters[name])],
            hovertemplate="<b>trial %{customdata}, the best</b><br>%{y:.6g}<br>%{text}<extra></extra>",
            mode="markers",
            marker={"color": BEST, "symbol": "star", "size": 14, "line": {"color": GREY, "width": 1}},
            row=row,
            col=column,
        )
    result.update_xaxes(scale.axis(places, most=10, longest=16), row=row, col=column)


def contour(record: Record, x: str | None = None, y: str | None = None) -> go.Figure:
    """Show the result over two parameters, smoothed between the trials.

    Args:
        record: an experiment.
        x: a parameter; where it is left out, of those that matter most one that goes with `y`.
        y: another.
    """
    names = [x, y]
    if None in names:
        ranked = [n for n in most_important(record) if n not in names]
        names = [name if name is not None else ranked.pop(0) if ranked else None for name in names]
    across, up = names
    if across is None or up is None:
        return empty("Two parameters", "There is one parameter only.")
    title = f"{label(across, 30)} and {label(up, 30)}{after(record)}"
    trials = [
        t
        for t in thinned(record, record.comparable, _MOST_PLACES)
        if across in t.parameters and up in t.parameters
    ]
    if len(trials) < 3:
        return empty(title, "Fewer than three trials have succeeded with both.")
    scales = Scale.of(record, across), Scale.of(record, up)
    places = tuple(s.positions(_column(trials, s.name)) for s in scales)
    known = np.isfinite(places[0]) & np.isfinite(places[1])
    trials = [t for t, k in zip(trials, known, strict=True) if k]
    px, py = (p[known] for p in places)
    low, high = result_range([t.value for t in record.comparable], record.direction)
    values = np.clip(_results(trials), low, high)
    gx, gy = (_grid(s, p) for s, p in zip(scales, (px, py), strict=True))
    surface = _smoothed(scales, (px, py), values, (gx, gy))
    colours = {"colorscale": PLANE, "reversescale": record.direction == "minimize"}
    plane = {"x": gx, "y": gy, "z": surface, "zmin": low, "zmax": high, **colours}
    bar = {
        "colorbar": {
            "thickness": 10,
            "outlinewidth": 0,
            "title": {"text": "result", "side": "right", "font": {"size": 12}},
        }
    }
    background = (
        go.Heatmap(**plane, **bar, hoverinfo="skip")
        if scales[0].options or scales[1].options
        else go.Contour(**plane, **bar, ncontours=14, line={"width": 0}, hoverinfo="skip")
    )
    points = go.Scatter(
        x=px,
        y=py,
        customdata=[t.number for t in trials],
        text=[
            f"{label(t.value)}<br>{label(t.parameters[across])}<br>{label(t.parameters[up])}" for t in trials
        ],
        hovertemplate="<b>trial %{customdata}</b><br>%{text}<extra></extra>",
        mode="markers",
        marker={"color": "rgba(255,255,255,.75)", "size": 5, "line": {"color": "#1c2128", "width": 0.8}},
    )
    return figure(
        background,
        points,
        title=title,
        showlegend=False,
        xaxis={"title": label(scales[0].title), **scales[0].axis(px, most=12, longest=16), "showgrid": False},
        yaxis={"title": label(scales[1].title), **scales[1].axis(py), "showgrid": False},
    )


def most_important(record: Record) -> list[str]:
    """Return the parameters of the space, what moves the result most first."""
    shares = fanova(record)
    return sorted(shares, key=lambda name: -shares[name])


def _grid(scale: Scale, places: Floats) -> Floats:
    """Return the places along an axis where a surface is drawn."""
    if scale.options:
        return np.arange(len(scale.options), dtype=float)
    low, high = scale.ends(places)
    return np.geomspace(low, high, _CELLS) if scale.is_log else np.linspace(low, high, _CELLS)


def _smoothed(
    scales: tuple[Scale, Scale], places: tuple[Floats, Floats], values: Floats, grids: tuple[Floats, Floats]
) -> Floats:
    """Return the mean result around each place of a grid (Nadaraya and Watson's), a row for each y."""
    near = []
    for scale, place, grid in zip(scales, places, grids, strict=True):
        if scale.options:
            near.append((grid[:, None] == place[None, :]).astype(float))
            continue
        every = np.concatenate([grid, place])
        even = scale.even(every)
        width = 0.25 * max(len(values), 8) ** (-1 / 6)
        distance = (even[: len(grid), None] - even[None, len(grid) :]) / width
        near.append(np.exp(-0.5 * distance**2))
    weight = near[1] @ near[0].T
    total = (near[1] * values) @ near[0].T
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(weight > 1e-3, total / weight, np.nan)


def parallel(record: Record) -> go.Figure:
    """Show every trial as a line through its values; a range of an axis can be marked.

    Where a parameter was inactive the line runs along the foot. The axes are in the order of importance.
    """
    title = f"Parallel coordinates{after(record)}"
    if not record.succeeded:
        return empty(title, _NOTHING)
    trials = thinned(record, record.comparable, _MOST_LINES)
    trials = sorted(trials, key=lambda t: -record.loss(t.value))  # the best are drawn last
    values = _results(trials)
    low, high = result_range([t.value for t in record.comparable], record.direction)
    dimensions = [
        {"label": "result", "values": np.clip(values, low, high), "range": [low, high]},
        *(_dimension(record, name, trials) for name in most_important(record)),
    ]
    line = {**_coloured(record, values), "showscale": False}
    return figure(
        go.Parcoords(dimensions=dimensions, line=line, labelangle=-20 if len(dimensions) > 6 else 0),
        title=title,
        margin={"l": 60, "r": 60, "t": 110, "b": 36},
        height=480,
    )


def _dimension(record: Record, name: str, trials: Sequence[TrialRow]) -> dict[str, Any]:
    scale = Scale.of(record, name)
    given = [t.parameters[name] for t in trials if name in t.parameters]
    places = scale.positions(given)
    ends = np.array(scale.ends(places))
    even = scale.even(np.concatenate([ends, scale.positions(_column(trials, name))]))[2:]
    missing = ~np.isfinite(even)
    ticks, texts = _ticks(scale, ends)
    if missing.any():
        ticks, texts = [-0.12, *ticks], ["inactive", *texts]
    return {
        "label": label(name, 18),
        "values": np.where(missing, -0.12, even),
        "range": [-0.12 if missing.any() else 0, 1],
        "tickvals": ticks,
        "ticktext": texts,
    }


def _ticks(scale: Scale, ends: Floats) -> tuple[list[float], list[str]]:
    if scale.options:
        step = math.ceil(len(scale.options) / 16)
        kept = range(0, len(scale.options), step)
        even = scale.even(np.array([float(i) for i in kept]))
        return even.tolist(), [plain(scale.options[i], 16) for i in kept]  # text, as it is
    low, high = ends
    places = np.geomspace(low, high, 5) if scale.is_log else np.linspace(low, high, 5)
    return np.linspace(0, 1, 5).tolist(), [f"{place:.3g}" for place in places]


def importance(record: Record, *, seed: int = 0) -> go.Figure:
    """Show how much each parameter matters, by two measures."""
    title = f"Importance{after(record)}"
    if len(record.comparable) < 5:
        return empty(title, "Five trials must have succeeded first.")
    if len({t.value for t in record.comparable}) == 1:
        return empty(title, "All results are the same: nothing makes a difference.")
    variance, good = fanova(record, seed=seed), ped_anova(record)
    names = sorted(variance, key=lambda name: variance[name] + good[name])
    texts = [label(name, 28) for name in names]
    bars = [
        go.Bar(
            y=list(range(len(names))),
            x=[shares[name] for name in names],
            orientation="h",
            marker={"color": colour},
            name=words,
            text=[f"{shares[name]:.0%}" for name in names],
            textposition="outside",
            cliponaxis=False,
            customdata=[label(name, 80) for name in names],
            hovertemplate="%{customdata}<br>%{x:.1%}<extra>" + words + "</extra>",
        )
        for shares, colour, words in (
            (good, BEST, "tells the best trials (PED-ANOVA)"),
            (variance, BLUE, "moves the result (fANOVA)"),
        )
    ]
    return figure(
        *bars,
        title=title,
        barmode="group",
        bargap=0.35,
        height=max(46 * len(names) + 130, 260),
        xaxis={"tickformat": ".0%", "rangemode": "tozero", "title": "share"},
        yaxis={"tickvals": list(range(len(names))), "ticktext": texts, "showgrid": False},
        legend={"traceorder": "reversed"},
    )
