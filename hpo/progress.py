"""What a person sees while an experiment runs: live bars in a terminal, a line a trial elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hpo.experiment.listener import Listener
from hpo.experiment.loop import Experiment
from hpo.experiment.wording import counted, duration, short
from hpo.runtime.store import TrialRow
from hpo.trial import Trial, TrialState

__all__ = ["Progress", "best_values"]

_REFRESH = 0.25  # seconds
_WIDE = 110  # columns that the line of the bar needs in full


def values(parameters: dict[str, Any]) -> str:
    """Write a configuration on one line."""
    return "  ".join(f"{k}={short(v)}" for k, v in parameters.items())


class Progress(Listener):
    """Show an experiment's progress on stderr."""

    def __init__(self) -> None:
        self._plain = bool(os.environ.get("NO_COLOR"))
        # A log keeps lines whole; a terminal would break them within words.
        is_log = not sys.stderr.isatty()
        self.console = Console(stderr=True, highlight=False, soft_wrap=is_log, no_color=self._plain or None)
        self.live: Live | None = None

    def print(self, text: str) -> None:
        """Print a line above the bars."""
        self.console.print(Text(text))

    def begin(self, experiment: Experiment) -> None:
        """Say what is about to run, and show the bars."""
        config = experiment.config
        limits = []
        if config.max_trials:
            limits.append(counted(config.max_trials, "trial"))
        if config.max_duration:
            limits.append(duration(config.max_duration))
        tuner = config.tuner.name if config.tuner else ""
        size = counted(len(experiment.space), "parameter")
        self.print(
            f"Experiment {experiment.directory.name}: {size}, {tuner}, "
            f"{experiment.tuner.direction}, {', '.join(limits)}, {config.trial_concurrency} at a time"
        )
        if sys.stderr.isatty() and not self._plain:
            self.live = Live(console=self.console, auto_refresh=False, transient=True)
            self.live.start()

    def end(self) -> None:
        """Take the bars away."""
        if self.live is not None:
            self.live.stop()
            self.live = None

    # -- what the experiment tells

    def ended(self, experiment: Experiment, trial: Trial, detail: str | None) -> None:
        """Print a line for a trial; in a terminal, for one that is the best so far or failed."""
        is_best = experiment.best is trial
        if self.live is not None and not is_best and trial.state is not TrialState.FAILED:
            return
        text = Text(f"trial {trial.number:>4}  ")
        if trial.state is TrialState.SUCCEEDED:
            text.append(f"{short(trial.value):>10}  ", style="bold" if is_best else "")
            text.append("best  " if is_best else "      ", style="green")
            text.append(values(trial.parameters), style="dim")
        else:
            text.append(trial.state.value.replace("_", " "), style="red")
            text.append(f"  {detail}" if detail else "")
        # In a terminal a trial is a line; a log keeps the whole of it.
        crop = self.console.is_terminal
        self.console.print(
            text, no_wrap=True, crop=crop, overflow="ellipsis" if crop else "ignore", soft_wrap=not crop
        )

    def noted(self, message: str) -> None:
        """Print what a person should know."""
        self.console.print(Text(message, style="yellow"))

    def tick(self, experiment: Experiment) -> float | None:
        """Draw the bars anew."""
        if self.live is None:
            return None
        self.live.update(self._picture(experiment), refresh=True)
        return _REFRESH

    def _picture(self, experiment: Experiment) -> Group:
        counts, limit = experiment.counts, experiment.config.max_trials
        done = sum(counts.values())
        is_wide = self.console.width >= _WIDE
        line = Table.grid(padding=(0, 2))
        bar = ProgressBar(total=limit, completed=done, width=30 if is_wide else 10) if limit else Text("")
        best, base = experiment.best, experiment.baseline
        over = " over the defaults" if is_wide else ""
        gain = f" ({best.value - base.value:+.4g}{over})" if _both(best, base) else ""  # type: ignore[operator, union-attr]
        line.add_row(
            bar,
            Text(f"{done}/{limit}" if limit else str(done)),
            Text(f"{len(experiment.running)} running"),
            Text(f"{counts[TrialState.FAILED]} failed", style="red" if counts[TrialState.FAILED] else "dim"),
            Text(f"best {short(best.value if best else None)}{gain}", style="green"),
            Text(duration(experiment.elapsed), style="dim"),
        )
        rows = [line]
        for run in list(experiment.running.values())[:8]:
            last = run.trial.intermediate[-1] if run.trial.intermediate else None
            state = f"step {last.step}: {short(last.value)}" if last else "running"
            rows.append(Text(f"  trial {run.trial.number}  {state}", style="dim"))  # type: ignore[arg-type]
        return Group(*rows)

    # -- the end

    def summarise(self, experiment: Experiment) -> None:
        """Say what was found, where it lies, and what to do next."""
        best, base, name = experiment.store.best(), experiment.store.baseline(), experiment.directory.name
        counts = experiment.counts
        succeeded = counted(counts[TrialState.SUCCEEDED], "trial")
        failed = f", {counts[TrialState.FAILED]} failed" if counts[TrialState.FAILED] else ""
        self.print("")
        self.print(f"{succeeded} succeeded{failed}, in {duration(experiment.elapsed)}")
        if best is not None:
            for line in best_values(best, base, indent=10):
                self.console.print(line)
        self.print("")
        self.print(f"Results   {experiment.directory}")
        if experiment.stopped_by is not None:
            self.print(f"Go on     hpo resume {name}")
        if experiment.is_marked:
            self.print(f"Next      hpo apply {name}   the diff that writes the best values into the source")
        self.print(f"{'' if experiment.is_marked else 'Next':<10}hpo show {name}")


def _both(best: Trial | None, base: Trial | None) -> bool:
    return best is not None and base is not None and best.value is not None and base.value is not None


def best_values(best: Trial | TrialRow, base: Trial | TrialRow | None, *, indent: int) -> Iterator[Text]:
    """Yield the lines that show a trial beside the one that ran the script's own values.

    Args:
        best: it succeeded.
        base: the other, where there is one.
        indent: the width of the column of labels.
    """
    text = Text(f"{'Best':<{indent}}{short(best.value)}", style="bold")
    if isinstance(best, TrialRow) and best.deviation is not None:
        text.append(f" ± {best.deviation:.2g}, the mean of {best.repeat + 1} runs", style="not bold")
    text.append(f"   trial {best.number}", style="not bold")
    if base is not None and base.value is not None:
        gain = (best.value or 0.0) - base.value
        text.append(f", {gain:+.4g} over the script's own {short(base.value)}", style="not bold")
    elif base is not None and base.state is TrialState.FAILED:
        text.append(f"; the script's own values failed (trial {base.number})", style="not bold")
    yield text
    width = max((len(name) for name in best.parameters), default=0)
    for name, value in best.parameters.items():
        line = Text(f"{'':<{indent}}{name:<{width}}  ")
        line.append(short(value), style="green")
        before = base.parameters.get(name) if base is not None else None
        if before is not None and before != value:
            line.append(f"  was {short(before)}", style="dim")
        yield line
