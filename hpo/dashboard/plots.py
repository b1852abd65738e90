"""The figures as the page draws them: plotly's from `hpo.figures`; parallel coordinates as data, for our own.

Plotly draws parallel coordinates with code that it compiles in the browser, which the page's
Content-Security-Policy forbids; and with our own a range can be marked that filters the table of trials.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from hpo.dashboard.records import shares
from hpo.errors import UsageError
from hpo.experiment.record import Record
from hpo.figures import KINDS, TEMPLATES, contour, slices, telling
from hpo.figures.scales import Scale, result_range

__all__ = ["available", "drawn", "parallel", "templates"]

_LINES = 2000
_TICKS = 5


def available(record: Record) -> dict[str, Any]:
    """Return which figures have something to show, and the parameters that some can be asked for."""
    return {"figures": telling(record), "parameters": list(record.space)}


def drawn(record: Record, kind: str, names: Sequence[str]) -> Any:
    """Return a figure as plotly's JSON, without its template.

    Args:
        record: the experiment.
        kind: one of `hpo.figures.KINDS`.
        names: the parameters that it is to show, where it shows some.

    Raises:
        UsageError: there is no such parameter.
    """
    unknown = [name for name in names if name not in record.space]
    if unknown:
        raise UsageError(f"there is no parameter {unknown[0]}", help=f"there are {', '.join(record.space)}")
    if kind == "contour" and len(names) == 2:
        figure = contour(record, *names)
    elif kind == "slices" and names:
        figure = slices(record, names)
    else:
        figure = KINDS[kind](record)
    drawn = json.loads(figure.to_json(engine="json"))
    drawn["layout"].pop("template", None)
    return drawn


def templates() -> dict[str, Any]:
    """Return what differs between light and dark figures."""
    return {name: template.to_plotly_json() for name, template in TEMPLATES.items()}


# -- parallel coordinates


def parallel(record: Record) -> dict[str, Any]:
    """Return the axes, and every trial as its places on them from 0 to 1; null where it has none."""
    trials = record.comparable
    every = max(1, math.ceil(len(trials) / _LINES))
    kept = [t for i, t in enumerate(trials) if i % every == 0 or t is record.best]
    kept.sort(key=lambda t: -record.loss(t.value))  # the best are drawn last
    share = shares(record)
    names = sorted(record.space, key=lambda name: -share.get(name, 0.0))
    low, high = result_range([t.value for t in trials], record.direction) if trials else (0.0, 1.0)
    axes = [_axis(record, name, kept) for name in names]
    return {
        "direction": record.direction,
        "total": len(trials),
        "budget": record.budget,
        "axes": [
            *({key: value for key, value in axis.items() if key != "places"} for axis in axes),
            {
                "name": "value",
                "low": low,
                "high": high,
                "log": False,
                "options": None,
                "ticks": _ticks(low, high),
            },
        ],
        "trials": [
            {
                "number": t.number,
                "value": t.value,
                "places": [
                    *(axis["places"][i] for axis in axes),
                    min(1.0, max(0.0, ((t.value or 0.0) - low) / ((high - low) or 1.0))),
                ],
            }
            for i, t in enumerate(kept)
        ],
    }


def _axis(record: Record, name: str, trials: Sequence[Any]) -> dict[str, Any]:
    scale = Scale.of(record, name)
    positions = scale.positions([t.parameters.get(name) for t in trials])
    low, high = scale.ends(positions)
    even = scale.even(np.array([low, high, *positions]))[2:]
    options = list(scale.options) or None
    return {
        "name": name,
        "low": low,
        "high": high,
        "log": scale.is_log,
        "options": options,
        "ticks": _option_ticks(options) if options else _ticks(low, high, is_log=scale.is_log),
        "places": [round(float(place), 4) if math.isfinite(place) else None for place in even],
    }


def _option_ticks(options: Sequence[Any]) -> list[list[Any]]:
    return [[(i + 0.5) / len(options), str(option)] for i, option in enumerate(options)]


def _ticks(low: float, high: float, *, is_log: bool = False) -> list[list[Any]]:
    places = np.geomspace(low, high, _TICKS) if is_log else np.linspace(low, high, _TICKS)
    return [[i / (_TICKS - 1), f"{place:.3g}"] for i, place in enumerate(places)]
