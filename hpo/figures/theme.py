"""How figures look: two templates, and colours that hold on both.

A figure does not depend on the theme: what differs between light and dark stands in the template alone, and
every colour outside it has a contrast of 3 or more on both backgrounds. The six colours of `PALETTE` stay
apart for the common kinds of colour blindness, and states differ in their symbols as well.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any, Literal

import plotly.graph_objects as go

from hpo.trial import TrialState

__all__ = [
    "BEST",
    "GREY",
    "PALETTE",
    "PLANE",
    "SCALE",
    "STATES",
    "TEMPLATES",
    "State",
    "Theme",
    "label",
    "plain",
    "themed",
]

Theme = Literal["light", "dark"]

BLUE, ORANGE, VIOLET, PINK, LAVENDER, BROWN = PALETTE = (
    "#1f75cb", "#d57a12", "#8a2eee", "#ce297b", "#a189bd", "#a07158",
)  # fmt: skip
GREY = "#7f8794"
BEST = ORANGE
#: Of points and lines, from the worst to the best, or from the first to the last.
SCALE = ((0.0, "#5d7fb5"), (0.35, "#1f75cb"), (0.7, "#a07158"), (1.0, "#d57a12"))
#: Of planes, which have no background to stand out from.
PLANE = "Cividis"


class State:
    """How trials in a state are drawn: a colour, a symbol, and the words."""

    def __init__(self, colour: str, symbol: str, words: str) -> None:
        self.colour, self.symbol, self.words = colour, symbol, words


STATES: Mapping[TrialState, State] = {
    TrialState.SUCCEEDED: State(BLUE, "circle", "succeeded"),
    TrialState.EARLY_STOPPED: State(LAVENDER, "square", "stopped early"),
    TrialState.FAILED: State(PINK, "x", "failed"),
    TrialState.USER_CANCELED: State(BROWN, "diamond", "canceled"),
    TrialState.SYSTEM_CANCELED: State(BROWN, "diamond-open", "ended with the experiment"),
    TrialState.RUNNING: State(VIOLET, "triangle-up", "running"),
    TrialState.WAITING: State(GREY, "circle-open", "waiting"),
}

_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"


def _template(*, paper: str, text: str, muted: str, grid: str, raised: str) -> go.layout.Template:
    axis = {
        "gridcolor": grid,
        "linecolor": grid,
        "zerolinecolor": grid,
        "zeroline": False,
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": grid,
        "tickfont": {"color": muted, "size": 12},
        "title": {"font": {"color": muted, "size": 13}, "standoff": 10},
        "automargin": True,
    }
    return go.layout.Template(
        layout={
            "paper_bgcolor": paper,
            "plot_bgcolor": paper,
            "font": {"family": _FONT, "color": text, "size": 13},
            "title": {
                "font": {"size": 16, "color": text},
                "x": 0,
                "xref": "container",
                "xanchor": "left",
                "y": 1,
                "yref": "container",
                "yanchor": "top",
                "pad": {"l": 16, "t": 14},
                "subtitle": {"font": {"size": 12.5, "color": muted}},
            },
            "colorway": list(PALETTE),
            "colorscale": {"sequential": [list(stop) for stop in SCALE]},
            "coloraxis": {"colorbar": {"outlinewidth": 0, "thickness": 10, "tickfont": {"color": muted}}},
            "xaxis": axis,
            "yaxis": axis,
            "hoverlabel": {
                "bgcolor": raised,
                "bordercolor": grid,
                "font": {"color": text, "family": _FONT, "size": 13},
                "align": "left",
            },
            "legend": {
                "orientation": "h",
                "x": 0,
                "y": 1.02,
                "xanchor": "left",
                "yanchor": "bottom",
                "bgcolor": "rgba(0,0,0,0)",
                "font": {"color": muted, "size": 12},
            },
            "margin": {"l": 56, "r": 20, "t": 76, "b": 48},
            "hovermode": "closest",
            "annotationdefaults": {"font": {"color": muted}},
            "shapedefaults": {"line": {"color": muted}},
        },
        data={
            "bar": [{"marker": {"line": {"color": paper}}}],
            "parcoords": [{"labelfont": {"color": text}, "tickfont": {"color": muted}}],
        },
    )


TEMPLATES: Mapping[Theme, go.layout.Template] = {
    "light": _template(paper="#ffffff", text="#1c2128", muted="#5b6472", grid="#e6e9ee", raised="#ffffff"),
    "dark": _template(paper="#15181e", text="#e8eaee", muted="#9ba3b0", grid="#2b303a", raised="#20242c"),
}


def themed(figure: go.Figure, theme: Theme) -> go.Figure:
    """Return a figure in another theme."""
    return go.Figure(figure).update_layout(template=TEMPLATES[theme])


def plain(value: Any, longest: int = 40) -> str:
    """Return a name or a value as one line of a bearable length."""
    text = value if isinstance(value, str) else f"{value:.6g}" if isinstance(value, float) else repr(value)
    text = "".join(c if c.isprintable() else "\ufffd" for c in " ".join(text.split()))
    if len(text) > longest:
        half = (longest - 1) // 2
        text = f"{text[: longest - 1 - half]}…{text[-half:]}"
    return text


def label(value: Any, longest: int = 40) -> str:
    """Return a name or a value as text of a figure, escaped: plotly reads tags and entities."""
    return html.escape(plain(value, longest), quote=False)
