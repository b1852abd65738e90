"""What a person sees while an experiment runs: live bars in a terminal, a line a trial elsewhere."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any, cast

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hpo.config.model import AS_MANY_AS_FIT
from hpo.errors import printable
from hpo.experiment.documents import is_marked
from hpo.experiment.listener import Listener
from hpo.experiment.standing import Standing
from hpo.experiment.wording import compared, counted, duration, result, short, values
from hpo.objectives import Objectives
from hpo.runtime.queries import TrialRow
from hpo.runtime.snapshot import changed
from hpo.runtime.store import Store
from hpo.trial import Trial, TrialState

if TYPE_CHECKING:
    from hpo.experiment.loop import Experiment

__all__ = ["REFRESH", "Progress", "at_a_time", "best_lines", "best_values", "parameter_lines"]

REFRESH = 0.25  # seconds
_MOST_OF_FRONT = 10  # trials that are listed beside other things
_WIDE = 110  # columns that the line of the bar needs in full


class _Screen(io.TextIOBase):
    """The standard error: where its terminal has closed, what is written is lost, and nothing else."""

    def __init__(self) -> None:
        self._stream = sys.stderr  # as it is: rich puts another in its place while bars are shown

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def write(self, text: str) -> int:
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._stream.fileno())
            os.close(null)
        return len(text)


class Progress(Listener):
    """Show an experiment's progress on stderr."""

    def __init__(self) -> None:
        self._plain = bool(os.environ.get("NO_COLOR"))
        # A log keeps lines whole; a terminal would break them within words.
        wraps = not sys.stderr.isatty()
        self._screen = _Screen()
        screen = cast("IO[str]", self._screen)
        no_color = self._plain or None
        self.console = Console(file=screen, highlight=False, soft_wrap=wraps, no_color=no_color)
        self._is_log = not self.console.is_terminal
        self.live: Live | None = None
        self.wanted = Objectives()

    def print(self, text: str) -> None:
        """Print a line above the bars."""
        self._show(Text(text))

    def _show(self, text: Text, **how: Any) -> None:
        """Print what may quote a trial: as text, whatever it would do to a terminal."""
        text.plain = printable(text.plain)
        self.console.print(text, **how)

    def begin(self, experiment: Experiment, watch: str | None = None) -> None:
        """Say what is about to run and where it is watched, and show the bars."""
        self.open(Standing.of(experiment), watch)
        ended = sum(n for state, n in experiment.store.counts().items() if TrialState(state).is_final)
        best = experiment.store.best()
        if ended:
            said = "" if best is None else result(self.wanted, best.value, best.data)
            found = f", the best {said} (trial {best.number})" if best is not None else ""
            self.print(f"It goes on: {counted(ended, 'trial has', 'trials have')} ended{found}")
        if edited := changed(str(experiment.directory / "code")):
            self.noted(
                f"{', '.join(edited[:3])}{', ...' * (len(edited) > 3)} changed since it began: "
                "its trials run the code as it was then, and `hpo run` takes it as it is now"
            )

    def open(self, standing: Standing, watch: str | None = None) -> None:
        """Say what runs, and show the bars."""
        config = standing.config
        self.wanted = config.wanted
        limits = []
        if config.max_trials:
            limits.append(counted(config.max_trials, "trial"))
        if config.max_duration:
            limits.append(f"{duration(config.max_duration)} at most")
        tuner = config.tuner.name if config.tuner else ""
        self.print(
            f"Experiment {standing.id}: {counted(standing.size, 'parameter')}, {tuner}, "
            f"{self.wanted}, {', '.join(limits)}, {at_a_time(config.trial_concurrency)}"
        )
        if watch is not None:
            # Whole on one line, however wide the terminal: it is clicked on, or copied.
            self._show(Text(f"Watch it: {watch}"), soft_wrap=True)
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
        self.tell(trial, detail, is_best=any(best is trial for best in experiment.front))

    def tell(self, trial: Trial | TrialRow, detail: str | None, *, is_best: bool) -> None:
        """Print a line for a trial that ended."""
        if self.live is not None and not is_best and trial.state is not TrialState.FAILED:
            return
        if self._is_log:  # rich takes its time, for colours that a log does not have
            line = self._line(trial, detail, is_best=is_best)
            self._screen.write(f"{printable(line)}\n")
            return
        text = Text(f"trial {trial.number:>4}  ")
        if trial.state is TrialState.SUCCEEDED:
            text.append(
                f"{result(self.wanted, trial.value, trial.data):>10}  ", style="bold" if is_best else ""
            )
            text.append(self._mark(is_best), style="green")
            text.append(values(trial.parameters), style="dim")
        else:
            text.append(trial.state.value.replace("_", " "), style="red")
            text.append(f"  {detail}" if detail else "")
        self._show(text, no_wrap=True, overflow="ellipsis")  # a trial is a line

    def noted(self, message: str) -> None:
        """Print what a person should know."""
        self._show(Text(message, style="yellow"))

    def tick(self, experiment: Experiment) -> float | None:
        """Draw the bars anew."""
        if self.live is None:
            return None
        self.draw(Standing.of(experiment))
        return REFRESH

    def draw(self, standing: Standing) -> None:
        """Draw the bars anew, where there is a terminal."""
        if self.live is not None:
            self.live.update(self._picture(standing), refresh=True)

    def _picture(self, standing: Standing) -> Group:
        limit, done = standing.config.max_trials, standing.ended
        is_wide = self.console.width >= _WIDE
        line = Table.grid(padding=(0, 2))
        bar = ProgressBar(total=limit, completed=done, width=30 if is_wide else 10) if limit else Text("")
        best, base = standing.best, standing.baseline
        over = " from the script's own" if is_wide else ""
        gain = f" ({best.value - base.value:+.4g}{over})" if _both(best, base) else ""  # type: ignore[operator, union-attr]
        line.add_row(
            bar,
            Text(f"{done}/{limit}" if limit else str(done)),
            Text(f"{standing.in_progress} running"),
            Text(f"{standing.failed} failed", style="red" if standing.failed else "dim"),
            Text(self._best_so_far(standing) + ("" if self.wanted.are_several else gain), style="green"),
            Text(duration(standing.elapsed), style="dim"),
        )
        rows = [line]
        for number, last in standing.running:
            state = f"step {last.step}: {short(last.value)}" if last else "running"
            rows.append(Text(f"  trial {number}  {state}", style="dim"))  # type: ignore[arg-type]
        if standing.waits is not None:
            rows.append(Text(f"  {printable(standing.waits)}", style="yellow"))  # type: ignore[arg-type]
        return Group(*rows)

    def _best_so_far(self, standing: Standing) -> str:
        if self.wanted.are_several:
            return f"{len(standing.front)} on the front"
        return f"best {short(standing.best.value if standing.best else None)}"

    def _line(self, trial: Trial | TrialRow, detail: str | None, *, is_best: bool) -> str:
        """Return what a log says of a trial that ended: the whole of it."""
        line = f"trial {trial.number:>4}  "
        if trial.state is TrialState.SUCCEEDED:
            said = result(self.wanted, trial.value, trial.data)
            return f"{line}{said:>10}  {self._mark(is_best)}{values(trial.parameters)}"
        return f"{line}{trial.state.value.replace('_', ' ')}" + (f"  {detail}" if detail else "")

    def _mark(self, is_best: bool) -> str:
        """Return the word beside the best so far, or beside what reached the front."""
        word = "front" if self.wanted.are_several else "best"
        return f"{word if is_best else '':<{len(word)}}  "

    # -- the end

    def summarise(self, experiment: Experiment) -> None:
        """Say what was found, where it lies, and what to do next."""
        self.close(Standing.of(experiment), experiment.store)

    def close(self, standing: Standing, store: Store) -> None:
        """Say what was found, where it lies, and what to do next."""
        name = standing.id
        others = [
            f", {count} {state.value.replace('_', ' ')}"
            for state, count in standing.counts.items()
            if count and state.is_final and state is not TrialState.SUCCEEDED
        ]
        limit = standing.config.max_trials
        count = standing.counts[TrialState.SUCCEEDED]
        succeeded = counted(count, "trial")
        if limit and not standing.is_over:
            succeeded = f"{count} of {counted(limit, 'trial')}"
        why = f": {standing.ended_by}" if standing.ended_by else ""
        self.print("")
        self.print(f"{succeeded} succeeded{''.join(others)}, in {duration(standing.elapsed)}{why}")
        for line in best_lines(store, indent=10):
            self._show(line)
        self.print("")
        self._whole(f"Results   {store.directory}")
        steps = [] if standing.is_over else [f"hpo resume {name}   go on where it stood"]
        best, base = standing.best, standing.baseline
        is_gain = best is not None and (base is None or best.number != base.number)
        if is_gain and is_marked(store):
            steps.append(f"hpo apply {name}    the diff that writes the best values in")
        steps.append(f"hpo show {name}     all of it on one screen")
        steps.append(
            f"{'hpo web':<{len(name) + 14}}all of it in the browser"
        )  # its own page ends with the run
        for i, step in enumerate(steps):
            self._whole(f"{'' if i else 'Next':<10}{step}")

    def _whole(self, line: str) -> None:
        """Print a line that a terminal may break where it likes, for it is copied."""
        self._show(Text(line), soft_wrap=True)


def best_lines(store: Store, *, indent: int, most: int | None = _MOST_OF_FRONT) -> Iterator[Text]:
    """Yield the lines that show the best of an experiment: a trial, or those of a front.

    Args:
        store: open.
        indent: the width of the column of labels.
        most: how many trials of a front are listed; None lists them all.
    """
    wanted, best, base = store.objectives(), store.best(), store.baseline()
    if best is None:
        if not wanted.are_plain and store.counts().get(TrialState.SUCCEEDED.value):
            yield Text(f"{'Best':<{indent}}no trial is feasible yet: {wanted}")
        return
    if wanted.are_plain:
        yield from best_values(best, base, wanted.direction, indent=indent)
        yield from _earlier_values(store, best, indent=indent)
        return
    text = Text(f"{'Best':<{indent}}{result(wanted, best.value, best.data)}", style="bold")
    text.append(f"   trial {best.number}", style="not bold")
    if base is not None:
        own = ", the script's own values"
        if base.number != best.number:
            lost = base.value is None
            said = (
                f"none, trial {base.number} has no result" if lost else result(wanted, base.value, base.data)
            )
            own = f"; the script's own: {said}"
        text.append(own, style="not bold")
    yield text
    yield from parameter_lines(best, base, indent=indent)
    if wanted.are_several:
        front = store.front()
        yield Text(f"{'Front':<{indent}}{counted(len(front), 'trial')} that no other is better than in all")
        for row in front[:most]:
            line = Text(f"{'':<{indent}}trial {row.number:>4}  {result(wanted, row.value, row.data)}")
            yield line.append(f"   {values(row.parameters)}", style="dim")
        if most is not None and len(front) > most:
            yield Text(
                f"{'':<{indent}}and {len(front) - most} more: hpo best {store.directory.name}", style="dim"
            )


def _both(best: Trial | TrialRow | None, base: Trial | TrialRow | None) -> bool:
    return best is not None and base is not None and best.value is not None and base.value is not None


def best_values(
    best: Trial | TrialRow, base: Trial | TrialRow | None, direction: str, *, indent: int
) -> Iterator[Text]:
    """Yield the lines that show a trial beside the one that ran the script's own values.

    Args:
        best: it succeeded.
        base: the other, where there is one.
        direction: which results are better.
        indent: the width of the column of labels.
    """
    text = Text(f"{'Best':<{indent}}{short(best.value)}", style="bold")
    if isinstance(best, TrialRow) and best.deviation is not None:
        text.append(f" ± {best.deviation:.2g}, the mean of {_of_what(best)}", style="not bold")
    passes = best.memo.get("budget")
    after = "" if passes is None else f" after {counted(passes, 'pass', 'passes')}"
    text.append(f"   trial {best.number}{after}", style="not bold")
    if base is not None and best.number == base.number:
        text.append(", the script's own values", style="not bold")
    elif base is not None and best.value is not None and base.value is not None:
        gain = compared(best.value, base.value, direction)
        text.append(f", {gain} the script's own {short(base.value)}", style="not bold")
    elif base is not None and base.state is TrialState.FAILED:
        text.append(f"; the script's own values failed (trial {base.number})", style="not bold")
    yield text
    yield from parameter_lines(best, base, indent=indent)


def _earlier_values(store: Store, best: TrialRow, *, indent: int) -> Iterator[Text]:
    """Yield the lines that show with what other values those trials learned that the best went on from.

    In a population values change as it learns: the last ones alone did not lead to the result.
    """
    stages: list[TrialRow] = []  # the last trial of each, the latest stage first
    row: TrialRow | None = best
    while row is not None:
        if not stages or row.parameters != stages[-1].parameters:
            stages.append(row)
        number = row.memo.get("continues")
        row = store.trial(number) if isinstance(number, int) and number < row.number else None
    for i, stage in enumerate(stages[1:]):
        until = f"until pass {stage.memo['budget']}, " if "budget" in stage.memo else ""
        line = Text(f"{'' if i else 'Before':<{indent}}{until}trial {stage.number}")
        yield line.append(f"   {values(stage.parameters)}", style="dim")


def _of_what(best: TrialRow) -> str:
    """Return what a result is the mean of: runs, or the folds of one."""
    folds = (best.data or {}).get("folds")
    return f"{best.repeat + 1} runs" if best.repeat or not isinstance(folds, list) else f"{len(folds)} folds"


def parameter_lines(trial: Trial | TrialRow, base: Trial | TrialRow | None, *, indent: int) -> Iterator[Text]:
    """Yield a trial's values, a line each, beside the script's own."""
    width = max((len(name) for name in trial.parameters), default=0)
    for name, value in trial.parameters.items():
        line = Text(f"{'':<{indent}}{name:<{width}}  ")
        line.append(short(value), style="green")
        before = base.parameters.get(name) if base is not None else None
        if before is not None and before != value:
            line.append(f"  was {short(before)}", style="dim")
        yield line


def at_a_time(concurrency: int) -> str:
    """Say how many trials run at a time."""
    if concurrency == AS_MANY_AS_FIT:
        return "as many at a time as the cluster has room for"
    return f"{concurrency} at a time"
