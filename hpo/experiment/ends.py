"""How trials ended, in one order: for the store, for the tuner, and counted."""

from __future__ import annotations

from collections.abc import Callable

from hpo.config.model import Config
from hpo.experiment.advisers import Advisers
from hpo.experiment.limits import Limits
from hpo.experiment.repetition import Outcome
from hpo.experiment.replay import replay
from hpo.experiment.running import RunningTrial
from hpo.experiment.tally import Tally
from hpo.experiment.wording import counted
from hpo.runtime.store import Store
from hpo.runtime.verdict import Verdict
from hpo.trial import Trial, TrialState

__all__ = ["Ends"]


class Ends:
    """Record how trials end.

    Args:
        store: keeps it.
        advisers: are told.
        config: says what is wanted of a result.
        note: says to a person what is odd about one.

    Attributes:
        tally: what came of the trials so far.
        limits: what may end the experiment.
    """

    def __init__(self, store: Store, advisers: Advisers, config: Config, note: Callable[[str], None]) -> None:
        self.tally, self.limits = Tally(config.wanted), Limits(config)
        self._store, self._advisers, self._note = store, advisers, note
        self._told = 0
        self._said_what_is_odd = False

    def replay(self) -> None:
        """Tell the tuner what the store has, and count it."""
        asked = self._advisers
        with asked.blamed("tuner"):
            for trial, origin in replay(
                self._store, asked.tuner, curves=asked.keeps_curves, data=asked.keeps_data
            ):
                self._count(trial, origin)
        self.limits.look_back(self._store.trials(states=[TrialState.SUCCEEDED]))
        self._told = self._store.last_told() + 1

    def record(
        self, run: RunningTrial, verdict: Verdict, duration: float | None, outcome: Outcome | None, runs: int
    ) -> str | None:
        """Record how a trial ended, with the last of its runs; return what is to be said of it.

        Args:
            run: the last one.
            verdict: what it failed with, if it did.
            duration: seconds, of all runs.
            outcome: the result, if there is one, of all runs.
            runs: how many there were to be.
        """
        trial = run.trial
        if outcome is not None:
            self._take_result(run, outcome)
        elif run.stopped_as is not None:
            trial.state = run.stopped_as
        else:
            trial.state, trial.failure = TrialState.FAILED, verdict.failure
        detail = self._why(run, verdict)
        if run.repeat and trial.failure is not None:
            detail = f"run {run.repeat + 1} of {runs}: {detail}"
        self.tell(trial, run.origin, duration, detail, outcome.deviation if outcome else None)
        return detail

    def _take_result(self, run: RunningTrial, outcome: Outcome) -> None:
        trial = run.trial
        trial.state, trial.value = TrialState.SUCCEEDED, outcome.value
        if self._advisers.keeps_data and outcome.data is not None:
            trial.data = dict(outcome.data)
        if run.repeat:
            self._store.set_value(trial.number, outcome.value, outcome.data)
        oddity = self.limits.result(trial.number, outcome.value, outcome.data)
        if run.repeat and outcome.deviation == 0 and oddity is None:
            oddity = (
                f"all {run.repeat + 1} runs of trial {trial.number} had the same result: if the script "
                "fixes its seed, let it depend on HPO_TRIAL_REPEAT"
            )
        if oddity is not None and not self._said_what_is_odd:
            self._said_what_is_odd = True
            self._store.add_event("warning", oddity)
            self._note(oddity)

    def _why(self, run: RunningTrial, verdict: Verdict) -> str | None:
        """Say what ended a trial that has no result: an assessor, or what it failed with."""
        if run.trial.state is TrialState.EARLY_STOPPED:
            return f"{self._advisers.judge}, after {counted(len(run.trial.intermediate), 'report')}"
        return verdict.detail if run.stopped_as is None else None

    def tell(
        self,
        trial: Trial,
        origin: str,
        duration: float | None = None,
        detail: str | None = None,
        deviation: float | None = None,
    ) -> None:
        """Record that a trial ended, as it stands, and tell the tuner."""
        self._store.end_trial(trial, told=self._told, duration=duration, detail=detail, deviation=deviation)
        self._told += 1
        self._advisers.tell(trial)
        self._count(trial, origin)

    def _count(self, trial: Trial, origin: str) -> None:
        is_best = self.tally.add(trial, origin)
        self.limits.ended(trial, is_best=is_best)
