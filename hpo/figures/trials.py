"""Trials one by one: their results in order, on their way, by their frequency, and when they ran where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import numpy as np
import plotly.graph_objects as go

from hpo.experiment.record import Record
from hpo.figures.drawing import about, after, empty, figure, thinned, unit_of_time
from hpo.figures.scales import result_axis
from hpo.figures.theme import BEST, GREY, PALETTE, STATES, label
from hpo.runtime.queries import TrialRow
from hpo.trial import Metric, TrialState

__all__ = ["By", "compare", "curves", "edf", "history"]

By = Literal["trial", "time"]

_MOST_POINTS = 1500
_MOST_TICKS = 300
_MOST_CURVES = 200
_MOST_STEPS = 200


# -- results in order


def history(record: Record) -> go.Figure:
    """Show every trial's result, and the best so far."""
    title = "History"
    if not record.succeeded:
        return empty(title, "No trial has succeeded yet.")
    shown = thinned(record, record.succeeded, _MOST_POINTS)
    state = STATES[TrialState.SUCCEEDED]
    points = go.Scatter(
        x=np.array([t.number for t in shown]),
        y=np.array([t.value for t in shown]),
        customdata=[t.number for t in shown],
        hovertext=[about(t) for t in shown],
        hoverinfo="text",
        mode="markers",
        marker={"color": state.colour, "size": 6 if len(shown) > 300 else 8, "opacity": 0.65},
        name="trial",
    )
    result = figure(
        points,
        _best_so_far(record, "trial"),
        title=title,
        xaxis={"title": "trial", "range": _over(record), **({"dtick": 1} if len(record.trials) < 12 else {})},
        yaxis={
            "title": "result",
            **result_axis([t.value for t in record.succeeded], record.direction),
        },
    )
    _add_losses(result, record)
    if record.baseline is not None and record.baseline.value is not None:
        result.add_hline(
            record.baseline.value,
            line={"color": GREY, "dash": "dot", "width": 1.5},
            annotation={"text": "the script's own values", "font": {"size": 11}},
            annotation_position="bottom right" if record.direction == "maximize" else "top right",
        )
    return result


def _over(record: Record) -> list[float]:
    last = record.trials[-1].number
    margin = max(0.02 * last, 0.5)
    return [-margin, last + margin]


def _best_so_far(record: Record, by: By, name: str = "best so far", colour: str = BEST) -> go.Scatter:
    numbers, times, values = [], [], []
    best = float("inf")
    start = _start(record)
    order = sorted(record.feasible, key=lambda t: t.number if by == "trial" else t.ended or 0.0)
    for trial in order:
        if record.loss(trial.value) < best:
            best = record.loss(trial.value)
            numbers.append(trial.number)
            times.append(max((trial.ended or start) - start, 0.0))
            values.append(trial.value)
    if order:  # the line goes on to the last trial
        numbers.append(record.trials[-1].number)
        times.append(max((t.ended or start) - start for t in record.trials))
        values.append(values[-1])
    return go.Scatter(
        x=numbers if by == "trial" else times,
        y=values,
        customdata=[*numbers[:-1], numbers[-2]] if len(numbers) > 1 else numbers,
        mode="lines",
        line={"color": colour, "width": 2.5, "shape": "hv"},
        hovertemplate=f"{label(name)} %{{y:.6g}}<extra></extra>",
        name=label(name),
    )


def _start(record: Record) -> float:
    return min((t.started for t in record.trials if t.started is not None), default=0.0)


def _add_losses(result: go.Figure, record: Record) -> None:
    """Draw the trials without a result as ticks along the foot."""
    for state in (TrialState.FAILED, TrialState.EARLY_STOPPED):
        every = [t for t in record.trials if t.state is state]
        if not every:
            continue
        trials = every[:: -(-len(every) // _MOST_TICKS)]
        look = STATES[state]
        result.add_scatter(
            x=[t.number for t in trials],
            y=[0.5] * len(trials),
            yaxis="y2",
            customdata=[t.number for t in trials],
            hovertext=[
                f"<b>trial {t.number}</b><br>{look.words}<br>{label(t.detail or '', 80)}" for t in trials
            ],
            hoverinfo="text",
            mode="markers",
            marker={"color": look.colour, "symbol": look.symbol, "size": 7},
            name=f"{look.words} ({len(every)})",
        )
        result.update_layout(
            yaxis2={"domain": [0, 0.05], "range": [0, 1], "visible": False, "fixedrange": True},
            yaxis={"domain": [0.08, 1]},
            xaxis={"anchor": "y2"},
        )


def compare(records: Iterable[Record], *, by: By = "trial") -> go.Figure:
    """Show the best so far of several experiments, by trials or by the time that passed."""
    records = [r for r in records if r.succeeded]
    title = "Experiments"
    if not records:
        return empty(title, "No trial has succeeded yet.")
    names = _told_apart(records)
    lines = [
        _best_so_far(r, by, name, PALETTE[i % len(PALETTE)])
        for i, (r, name) in enumerate(zip(records, names, strict=True))
    ]
    dashes = ("solid", "dash", "dot", "dashdot")
    for i, line in enumerate(lines):
        line.line.dash = dashes[i // len(PALETTE) % len(dashes)]
    axis_title = "trial"
    if by == "time":
        size, unit = unit_of_time(max(max(line.x) for line in lines))
        axis_title = f"{unit} since the first trial"
        for line in lines:
            line.x = [x / size for x in line.x]
    return figure(
        *lines,
        title=title,
        xaxis={"title": axis_title, "rangemode": "tozero"},
        yaxis={"title": "best so far"},
    )


def _told_apart(records: Sequence[Record]) -> list[str]:
    """Return names, with the id where two experiments have the same."""
    names = [r.name for r in records]
    return [f"{r.name} {r.id}" if names.count(r.name) > 1 else r.name for r in records]


def edf(*records: Record) -> go.Figure:
    """Show the share of trials whose result is so good or better: the empirical distribution."""
    records = tuple(r for r in records if r.comparable)
    title = "Distribution of results" + (after(records[0]) if len(records) == 1 else "")
    if not records:
        return empty(title, "No trial has succeeded yet.")
    result = figure(title=title, yaxis={"title": "share of trials", "range": [0, 1.02], "tickformat": ".0%"})
    every = [t.value for r in records for t in r.comparable]
    result.update_xaxes({"title": "result", **result_axis(every, records[0].direction)})
    for i, (record, name) in enumerate(zip(records, _told_apart(records), strict=True)):
        values = np.sort([t.value for t in record.comparable])
        shares = np.arange(1, len(values) + 1) / len(values)
        kept = np.unique(np.linspace(0, len(values) - 1, _MOST_POINTS).astype(int))
        result.add_scatter(
            x=values[kept],
            y=shares[kept],
            mode="lines",
            line={"shape": "hv", "width": 2.5, "color": PALETTE[i % len(PALETTE)]},
            hovertemplate="%{y:.1%} at %{x:.6g} or below<extra></extra>",
            name=label(name),
            showlegend=len(records) > 1,
        )
    return result


# -- results on the way


def curves(record: Record) -> go.Figure:
    """Show what trials reported on their way, the best one before the others."""
    title = "Intermediate results"
    if not record.intermediate:
        return empty(title, "No trial has reported on its way.")
    best = record.best.number if record.best else None
    result = figure(title=title, xaxis={"title": "step"})
    shown = [t for t in _curves_shown(record) if t.number != best]
    for state, look in STATES.items():
        trials = [t for t in shown if t.state is state]
        if trials:
            result.add_trace(_lines(record.intermediate, trials, look.words, look.colour, 1.2, 0.45))
    if best in record.intermediate:
        trials = [t for t in record.trials if t.number == best]
        result.add_trace(_lines(record.intermediate, trials, "best", BEST, 3, 1))
    values = [m.value for t in shown for m in record.intermediate[t.number]]
    values += [m.value for m in record.intermediate.get(best, ())] if best is not None else []
    result.update_yaxes({"title": "result", **result_axis(values, record.direction)})
    return result


def _curves_shown(record: Record) -> Sequence[TrialRow]:
    trials = [t for t in record.trials if t.number in record.intermediate]
    step = max(len(trials) / _MOST_CURVES, 1.0)
    return [trials[int(i * step)] for i in range(int(len(trials) / step))]


def _lines(
    intermediate: Mapping[int, Sequence[Metric]],
    trials: Sequence[TrialRow],
    name: str,
    colour: str,
    width: float,
    opacity: float,
) -> go.Scatter:
    """Return the curves of several trials as one trace: gaps part them."""
    x: list[float | None] = []
    y: list[float | None] = []
    numbers: list[int] = []
    for trial in trials:
        metrics = intermediate[trial.number]
        kept = [metrics[i] for i in _spread(len(metrics), _MOST_STEPS)]
        x += [*(m.step for m in kept), None]
        y += [*(m.value for m in kept), None]
        numbers += [trial.number] * (len(kept) + 1)
    is_dotted = any(len(intermediate[t.number]) == 1 for t in trials)  # no line shows it
    return go.Scatter(
        x=x,
        y=y,
        customdata=numbers,
        mode="lines+markers" if is_dotted else "lines",
        line={"color": colour, "width": width},
        marker={"size": width + 2.5},
        opacity=opacity,
        hovertemplate="<b>trial %{customdata}</b><br>%{y:.6g} at step %{x}<extra></extra>",
        name=name,
    )


def _spread(count: int, most: int) -> Sequence[int]:
    if count <= most:
        return range(count)
    return [round(i * (count - 1) / (most - 1)) for i in range(most)]
