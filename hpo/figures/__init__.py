"""Every plot, once: for notebooks, the page and reports.

Each function takes a `Record`, which is plain data, and returns a plotly figure::

    from hpo import figures
    from hpo.experiment.record import Record
    from hpo.runtime import home

    record = Record.read(home.find("digits"))
    figures.history(record).show()
    figures.themed(figures.history(record), "dark")

A figure holds for light and dark: only its template differs, and `TEMPLATES` has both, so a page can send a
figure once and switch the template. In every trace that shows trials, ``customdata`` holds their numbers, a
number for a point. What the user wrote (names, options, reasons) is escaped: plotly reads tags in texts.
"""

from __future__ import annotations

from hpo.figures.theme import PALETTE, STATES, TEMPLATES, Theme, themed
from hpo.figures.trials import compare, curves, edf, history

__all__ = [
    "PALETTE",
    "STATES",
    "TEMPLATES",
    "Theme",
    "compare",
    "curves",
    "edf",
    "history",
    "themed",
]
