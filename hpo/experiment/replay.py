"""Resuming: what the store recorded is told to a new tuner, in the order in which it was told before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hpo.experiment.earlier import earlier_trials
from hpo.experiment.repetition import Outcome, folder_of
from hpo.experiment.running import RunningTrial
from hpo.runtime.spool import Final
from hpo.runtime.store import Store
from hpo.trial import Trial, TrialState
from hpo.tuners.base import Tuner

__all__ = ["replay", "unfinished"]


def replay(store: Store, tuner: Tuner, *, curves: bool, data: bool = False) -> Iterator[tuple[Trial, str]]:
    """Tell a tuner all that was told; yield each trial that ended and its origin, just before.

    Args:
        store: holds the trials.
        tuner: was told nothing yet.
        data: whether each comes with the whole of its result.
        curves: whether each trial comes with its results on the way; otherwise, those that were stopped do.
    """
    metrics = store.all_metrics(whole=True) if curves else {}
    for earlier, value in earlier_trials(store.directory, tuner.space):
        tuner.tell(earlier, value)
    rows = store.trials()
    for row in rows:
        trial = row.trial(metrics.get(row.number, []) if row.told is None else [])
        trial.data = None  # until it is told
        tuner.add(trial)
    for row in sorted((r for r in rows if r.told is not None), key=lambda r: r.told or 0):
        trial = tuner.trials[row.number]
        is_wanted = row.state is TrialState.EARLY_STOPPED and not curves
        trial.intermediate = store.metrics(row.number) if is_wanted else metrics.get(row.number, [])
        trial.data = row.data if curves or data else None
        yield trial, row.origin
        tuner.tell(trial, trial.value)


def unfinished(store: Store, tuner: Tuner, parts: Sequence[str] = ()) -> Iterator[RunningTrial]:
    """Yield the trials that wait, or whose runner died, with what is stored of them.

    Args:
        store: holds the trials.
        tuner: knows them.
        parts: what their results must have.
    """
    for row in store.trials():
        if row.state.is_final:
            continue
        directory = folder_of(store.directory, row.number, row.repeat)
        sequence = store.last_sequence(row.number)
        trial = tuner.trials[row.number]
        run = RunningTrial(trial, directory, row.origin, row.attempt, row.spool, sequence)
        run.parts = parts
        run.retries, run.repeat = row.retries, row.repeat
        run.earlier = [Outcome(*outcome) for outcome in store.repetitions(row.number)]
        if row.value is not None:  # its final result was stored, and then the runner died
            run.final = Final(row.value, row.data, 0.0)
        yield run
