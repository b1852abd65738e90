"""Progress in a notebook: one output, drawn anew while the experiment runs, which stays when it is done."""

from __future__ import annotations

import sys
from html import escape
from typing import Any

from hpo.experiment.listener import Listener
from hpo.experiment.loop import Experiment
from hpo.experiment.wording import counted, duration, result, short
from hpo.trial import Trial, TrialState

__all__ = ["NotebookProgress", "is_notebook"]

_REFRESH = 0.5  # seconds
_LATEST = 5  # trials in the table, beside the best


def is_notebook() -> bool:
    """Tell whether this program runs in a notebook's kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")


class NotebookProgress(Listener):
    """Show an experiment's progress below the cell that runs it."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._notes: list[str] = []
        self._ended: list[tuple[Trial, str | None]] = []

    def begin(self, experiment: Experiment) -> None:
        """Show where it stands."""
        from IPython.display import HTML, display

        self._handle = display(HTML(self._page(experiment)), display_id=True)

    def end(self) -> None:
        """Leave what is shown."""

    def summarise(self, experiment: Experiment) -> None:
        """Show how it ended."""
        self._draw(experiment)

    def ended(self, experiment: Experiment, trial: Trial, detail: str | None) -> None:
        """Remember a trial."""
        self._ended = [*self._ended[1 - _LATEST :], (trial, detail)]

    def noted(self, message: str) -> None:
        """Remember what a person should know."""
        self._notes.append(message)

    def tick(self, experiment: Experiment) -> float | None:
        """Draw it anew."""
        self._draw(experiment)
        return _REFRESH

    def _draw(self, experiment: Experiment) -> None:
        from IPython.display import HTML

        if self._handle is not None:
            self._handle.update(HTML(self._page(experiment)))

    def _page(self, experiment: Experiment) -> str:
        counts, limit = experiment.counts, experiment.config.max_trials
        done = sum(counts.values())
        parts = [f"{done} of {limit} trials" if limit else counted(done, "trial")]
        if experiment.running:
            parts.append(f"{len(experiment.running)} running")
        if counts[TrialState.FAILED]:
            parts.append(f"{counts[TrialState.FAILED]} failed")
        parts.append(duration(experiment.elapsed))
        bar = f'<progress max="{limit}" value="{done}"></progress> ' if limit else ""
        title = f"<b>{escape(experiment.directory.name)}</b> {bar}{escape(', '.join(parts))}"
        notes = "".join(f"<div>{escape(note)}</div>" for note in self._notes[-3:])
        return f"<div>{title}</div>{self._table(experiment)}{notes}"

    def _table(self, experiment: Experiment) -> str:
        shown = {trial.number: (trial, detail) for trial, detail in self._ended}
        best = experiment.front[-_LATEST:]  # one trial, where there is one objective
        shown = {**{trial.number: (trial, None) for trial in best}, **shown}
        if not shown:
            return ""
        names = list(experiment.space)
        head = "".join(f"<th>{escape(name)}</th>" for name in ("trial", "result", *names))
        wanted, front = experiment.config.wanted, {trial.number for trial in experiment.front}
        rows = "".join(
            _row(trial, result(wanted, trial.value, trial.data), detail, names, is_best=trial.number in front)
            for trial, detail in shown.values()
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _row(trial: Trial, found: str, detail: str | None, names: list[str], *, is_best: bool) -> str:
    state = trial.state.value.replace("_", " ")
    said = found if trial.value is not None else f"{state}: {detail}" if detail else state
    values = (short(trial.parameters[name]) if name in trial.parameters else "" for name in names)
    cells = "".join(f"<td>{escape(cell)}</td>" for cell in (str(trial.number), said, *values))
    return f"<tr{' style=font-weight:bold' if is_best else ''}>{cells}</tr>"
