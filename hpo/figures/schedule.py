"""When trials ran and where, how far their budgets took them, and whom they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from hpo.experiment.record import Record
from hpo.figures.drawing import empty, figure, unit_of_time
from hpo.figures.scales import result_axis
from hpo.figures.theme import BEST, BLUE, GREY, PALETTE, STATES, label
from hpo.parameters import is_number
from hpo.runtime.queries import TrialRow
from hpo.trial import TrialState

__all__ = ["lineage", "reached_by", "rungs", "timeline"]

_MOST_BARS = 3000
_MOST_POINTS = 3000
_PARTED = 300  # bars between which a line is drawn: of more, little else would be left


# -- when and where


def timeline(record: Record) -> go.Figure:
    """Show when each trial ran: a row for each that can run at a time, or for each device and its share."""
    title = "Timeline"
    trials = [t for t in record.trials if t.started is not None]
    if not trials:
        return empty(title, "No trial has started yet.")
    start = min(t.started for t in trials if t.started is not None)
    now = max(max(t.started or 0.0, t.ended or 0.0) for t in trials)
    size, unit = unit_of_time(now - start)
    lanes = _lanes(trials[-_MOST_BARS:], now)
    of = f" (the last {_MOST_BARS} trials)" if len(trials) > _MOST_BARS else ""
    names = sorted({lane for lane, _ in lanes})
    places = {lane: i for i, lane in enumerate(names)}
    result = figure(
        title=title,
        barmode="overlay",
        bargap=0.25,
        height=max(26 * len(names) + 150, 240),
        xaxis={"title": f"{unit} since the first trial{of}"},
        yaxis={
            "tickvals": list(range(len(names))),
            "ticktext": [_lane_name(lane) for lane in names],
            "range": [len(names) - 0.5, -0.5],
            "showgrid": False,
        },
    )
    for state, look in STATES.items():
        shown = [(lane, t) for lane, t in lanes if t.state is state]
        if shown:
            ends = [(t.started or start, t.ended or now) for _, t in shown]
            result.add_bar(
                y=[places[lane] for lane, _ in shown],
                base=[(a - start) / size for a, _ in ends],
                x=[max((b - a) / size, 0.0) for a, b in ends],
                orientation="h",
                customdata=[t.number for _, t in shown],
                text=[f"{b - a:.1f} s" for a, b in ends],
                textposition="none",
                hovertemplate="<b>trial %{customdata}</b><br>%{text}<extra>" + look.words + "</extra>",
                marker={"color": look.colour, "line": {"width": 1 if len(lanes) <= _PARTED else 0}},
                name=look.words,
            )
    return result


_Lane = tuple[str, tuple[int, ...], int]  # a cluster's node, devices, and which of those that share them


def _lanes(trials: Sequence[TrialRow], now: float) -> list[tuple[_Lane, TrialRow]]:
    """Give every trial the first row of its node and devices that is free when it starts.

    The store knows no workers, since any place will do: a row is one of the places that were taken at a time.
    """
    free: dict[tuple[str, tuple[int, ...]], list[float]] = {}
    placed = []
    for trial in sorted(trials, key=lambda t: t.started or 0.0):
        where = trial.node or "", tuple(trial.device)
        until = free.setdefault(where, [])
        started, ended = trial.started or 0.0, trial.ended or now
        lane = next((i for i, end in enumerate(until) if end <= started), len(until))
        until[lane:] = [ended, *until[lane + 1 :]]
        placed.append(((*where, lane), trial))
    return placed


def _lane_name(lane: _Lane) -> str:
    node, devices, place = lane
    gpus = f"GPU {', '.join(map(str, devices))}" if devices else ""
    where = " ".join(filter(None, [node, gpus]))
    if not where:
        return f"worker {place}"
    return f"{where} · {place}" if place else where


# -- budgets

_FATES = {
    "went no further": (BLUE, "circle-open"),
    "went on": (BLUE, "circle"),
    "ran to the end": (BEST, "diamond"),
}


def rungs(record: Record) -> go.Figure:
    """Show the results by the budget that they took, and who went on from whom.

    Where no tuner gave budgets, they are the results that trials reported before they ended or were stopped.
    """
    title = "Rungs"
    budgets = _budgets(record)
    if not budgets:
        return empty(title, "No trial had a budget, and none was stopped early.")
    reached = {t.number: reached_by(record, t) for t in record.trials}
    every = [t for t in record.trials if t.number in budgets and reached[t.number] is not None]
    if not every:
        return empty(title, "No trial with a budget has a result yet.")
    trials = _families(every, record)
    parents = _parents(trials)
    gone_on = set(parents.values())
    whole = max(budgets.values())
    fates: dict[str, list[TrialRow]] = {fate: [] for fate in _FATES}
    for trial in trials:
        is_whole = budgets[trial.number] == whole if parents else trial.state is TrialState.SUCCEEDED
        fate = "went on" if trial.number in gone_on else "ran to the end" if is_whole else "went no further"
        fates[fate].append(trial)
    of = "" if trials is every else f" ({len(trials):,} of {len(every):,} trials)"
    result = figure(title=title, xaxis={"title": f"passes{of}"})
    if parents:
        result.add_trace(_links(parents, budgets, reached, "goes on", GREY, 1, 0.5))
    for fate, shown in fates.items():
        if shown:
            colour, symbol = _FATES[fate]
            result.add_scatter(
                x=[budgets[t.number] for t in shown],
                y=[reached[t.number] for t in shown],
                customdata=[t.number for t in shown],
                hovertemplate="<b>trial %{customdata}</b><br>%{y:.6g} after %{x}<extra>" + fate + "</extra>",
                mode="markers",
                marker={"color": colour, "symbol": symbol, "size": 8, "opacity": 0.8},
                name=fate,
            )
    steps = sorted({budgets[t.number] for t in trials})
    if len(steps) <= 12 and len(steps) > 1:
        ticks = {"tickvals": steps, "ticktext": [f"{s:g}" for s in steps]}
        result.update_xaxes({"type": "log", **ticks})
    values = [reached[t.number] for t in trials]
    return result.update_yaxes({"title": "result", **result_axis(values, record.direction, reach=10)})


def _families(trials: Sequence[TrialRow], record: Record) -> Sequence[TrialRow]:
    """Return trials; of too many, all that go on from every so-manieth first one, and from the best one's."""
    if len(trials) <= _MOST_POINTS:
        return trials
    parents = _parents(trials)
    first: dict[int, int] = {}
    for trial in trials:  # parents have lower numbers
        first[trial.number] = first.get(parents.get(trial.number, -1), trial.number)
    every = -(-len(trials) // _MOST_POINTS)
    kept = set(list(dict.fromkeys(first.values()))[::every])
    if record.best is not None:
        kept.add(first.get(record.best.number, -1))
    return [t for t in trials if first[t.number] in kept]


def _budgets(record: Record) -> dict[int, float]:
    """Return how many passes each trial made."""
    given = {t.number: t.memo["budget"] for t in record.trials if "budget" in t.memo}
    is_halved = any(t.state is TrialState.EARLY_STOPPED for t in record.trials)
    if given or not is_halved:
        return given
    return {number: len(metrics) for number, metrics in record.intermediate.items()}


def reached_by(record: Record, trial: TrialRow) -> float | None:
    """Return a trial's result, or else the last on its way; None where it has none."""
    if trial.value is not None:
        return trial.value
    metrics = record.intermediate.get(trial.number)
    return metrics[-1].value if metrics else None


def _parents(trials: Sequence[TrialRow]) -> dict[int, int]:
    known = {t.number for t in trials}
    return {t.number: t.memo["continues"] for t in trials if t.memo.get("continues") in known}


def _links(
    parents: Mapping[int, int],
    x: Mapping[int, float],
    y: Mapping[int, float | None],
    name: str,
    colour: str,
    width: float,
    opacity: float,
) -> go.Scatter:
    """Return lines from trials to those that they go on from, as one trace."""
    return go.Scatter(
        x=[each for child, parent in parents.items() for each in (x[parent], x[child], None)],
        y=[each for child, parent in parents.items() for each in (y[parent], y[child], None)],
        mode="lines",
        line={"color": colour, "width": width},
        opacity=opacity,
        hoverinfo="skip",
        name=name,
    )


# -- generations


def lineage(record: Record) -> go.Figure:
    """Show the generations of a population: who went on from whom, and the line that the best comes from."""
    title = "Lineage"
    members = [t for t in record.trials if is_number(t.memo.get("generation"))]
    results = {t.number: reached_by(record, t) for t in members}
    members = [t for t in members if results[t.number] is not None]
    if not members:
        return empty(title, "No trial belongs to a generation: this is for population based training.")
    of = f" (of the last {_MOST_POINTS:,} trials)" if len(members) > _MOST_POINTS else ""
    members = members[-_MOST_POINTS:]
    generation = {t.number: float(t.memo["generation"]) for t in members}
    parents = _parents(members)
    values = {t.number: t.parameters for t in members}
    kept = {c: p for c, p in parents.items() if values[c] == values[p]}
    explored = {c: p for c, p in parents.items() if c not in kept}
    result = figure(title=title, xaxis={"title": f"generation{of}"})
    for links, name, colour, dash in (
        (kept, "goes on", GREY, "solid"),
        (explored, "takes over, and changes", PALETTE[4], "dash"),
    ):
        if links:
            result.add_trace(_links(links, generation, results, name, colour, 1.5, 0.8))
            result.data[-1].line.dash = dash
    best = min(members, key=lambda t: (record.loss(results[t.number]), t.number))
    line = _ancestry(best.number, parents)
    if line:
        result.add_trace(_links(line, generation, results, "the best one's line", BEST, 3, 1))
    result.add_scatter(
        x=np.array([generation[t.number] for t in members]),
        y=[results[t.number] for t in members],
        customdata=[t.number for t in members],
        text=["<br>".join(f"{label(k)} = {label(v)}" for k, v in t.parameters.items()) for t in members],
        hovertemplate="<b>trial %{customdata}</b><br>%{y:.6g}<br>%{text}<extra></extra>",
        mode="markers",
        marker={"color": BLUE, "size": 8},
        name="trial",
    )
    if max(generation.values()) - min(generation.values()) <= 20:
        result.update_xaxes({"dtick": 1})
    axis = result_axis(results.values(), record.direction, reach=10)
    return result.update_yaxes({"title": "result", **axis})


def _ancestry(number: int, parents: Mapping[int, int]) -> dict[int, int]:
    line = {}
    while number in parents and number not in line:
        line[number] = parents[number]
        number = parents[number]
    return line
