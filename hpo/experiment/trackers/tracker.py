"""What all trackers are: listeners that hand on, in a thread of their own, so that no trial waits."""

from __future__ import annotations

import queue
import threading
from abc import abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from hpo.experiment.listener import Listener
from hpo.trial import Metric, Trial, TrialState

if TYPE_CHECKING:
    from hpo.experiment.loop import Experiment

__all__ = ["Tracker"]

_PATIENCE = 30.0  # seconds for what is left, once the experiment has ended
_RESULT = "result"  # what the result is called there


class Tracker(Listener):
    """Hand every trial on to another program: one run of its own for each.

    What goes wrong is said once, and then nothing more is handed on: an experiment does not depend on it.

    Args:
        directory: the experiment's folder.
        title: the experiment's name.
        listener: who hears of what goes wrong.
    """

    name: ClassVar[str]

    def __init__(self, directory: Path, title: str, listener: Listener) -> None:
        self.directory, self.title = directory, title
        self._listener = listener
        self._failure: str | None = None
        self._waiting: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._open: set[int] = set()

    # -- what a tracker writes, in its thread

    def open(self) -> None:
        """Begin."""

    @abstractmethod
    def begin(self, number: int, parameters: Mapping[str, Any]) -> None:
        """Begin the run of a trial."""

    @abstractmethod
    def log(self, number: int, step: int, values: Mapping[str, float]) -> None:
        """Hand on what a trial reported at a step."""

    @abstractmethod
    def end(self, number: int, state: TrialState, values: Mapping[str, float]) -> None:
        """End the run of a trial, with its final results, where it has some."""

    def close(self) -> None:
        """End."""

    # -- what the experiment calls

    def started(self, experiment: Experiment, trial: Trial) -> None:
        number, parameters = trial.number, dict(trial.parameters)
        if number not in self._open:  # else it runs once more
            self._open.add(number)
            self._put(lambda: self.begin(number, parameters))

    def reported(self, trial: Trial, metric: Metric) -> None:
        if trial.number in self._open:
            number, values = trial.number, _values(metric.value, metric.data)
            self._put(lambda: self.log(number, metric.step, values))

    def ended(self, experiment: Experiment, trial: Trial, detail: str | None) -> None:
        if trial.number in self._open:
            self._open.discard(trial.number)
            row = experiment.store.trial(trial.number)
            number, state = trial.number, trial.state
            is_result = trial.state is TrialState.SUCCEEDED
            values = _values(trial.value, row.data if row else None) if is_result else {}
            self._put(lambda: self.end(number, state, values))

    def over(self) -> None:
        """Wait, not for ever, until all is handed on."""
        if self._thread is not None:
            for number in sorted(self._open):
                self._put(lambda number=number: self.end(number, TrialState.SYSTEM_CANCELED, {}))  # type: ignore[misc]
            self._open.clear()
            self._put(self.close)
            self._waiting.put(None)
            self._thread.join(_PATIENCE)
            if self._thread.is_alive():
                self._failure = f"it did not end within {_PATIENCE:g} s"
            self._thread = None
        if self._failure is not None:
            self._listener.noted(f"warning: {self.name} was not told everything: {self._failure}")

    def _put(self, work: Callable[[], None]) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=f"hpo {self.name}", daemon=True)
            self._thread.start()
            self._waiting.put(self.open)
        self._waiting.put(work)

    def _work(self) -> None:
        while (work := self._waiting.get()) is not None:
            if self._failure is None:
                try:
                    work()
                except Exception as error:  # of somebody else's library, or of the network
                    words = str(error).splitlines()
                    self._failure = ": ".join([type(error).__name__, *words[:1]])


def _values(value: float | None, data: Mapping[str, Any] | None) -> dict[str, float]:
    """Return a result, and the numbers that came with it, by their names."""
    numbers = {
        name: float(each)
        for name, each in (data or {}).items()
        if isinstance(each, int | float) and not isinstance(each, bool) and name != "default"
    }
    return {**numbers, **({} if value is None else {_RESULT: value})}
