"""Where an experiment stands at this moment, for those who show it: as its runner knows, or as stored."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hpo.config.model import Config
from hpo.experiment.loop import Experiment
from hpo.experiment.plan import config_of
from hpo.runtime import home
from hpo.runtime.queries import TrialRow
from hpo.runtime.store import Store
from hpo.space import SearchSpace
from hpo.trial import Metric, Trial, TrialState

__all__ = ["Standing"]

_SHOWN = 8  # running trials, of which there may be very many


@dataclass(frozen=True)
class Standing:
    """Attributes are those of the experiment.

    Attributes:
        id: of the experiment.
        size: how many parameters there are.
        running: the trials under way, the first few of them, with the last result of each.
        front: the best trials: one, or of several objectives those that none dominates.
        in_progress: how many there are.
        is_over: whether it has come to its end, and not to a stop on its way.
        ended_by: why it has, where it is not the number of its trials.
    """

    id: str
    config: Config
    size: int
    direction: str
    counts: Mapping[TrialState, int]
    running: Sequence[tuple[int, Metric | None]]
    in_progress: int
    best: Trial | TrialRow | None
    front: Sequence[Trial | TrialRow]
    baseline: Trial | TrialRow | None
    elapsed: float
    waits: str | None
    is_over: bool
    ended_by: str | None

    @classmethod
    def of(cls, experiment: Experiment) -> Standing:
        """Return where an experiment stands that this process runs."""
        runs = list(experiment.running.values())
        return cls(
            id=experiment.directory.name,
            config=experiment.config,
            size=len(experiment.space) - len(experiment.config.fixed),
            direction=experiment.tuner.direction,
            counts=experiment.counts,
            running=[(r.trial.number, _last(r.trial.intermediate)) for r in runs[:_SHOWN]],
            in_progress=len(runs),
            best=experiment.best,
            front=experiment.front,
            baseline=experiment.baseline,
            elapsed=experiment.elapsed,
            waits=experiment.waits,
            is_over=experiment.stopped_by is None,
            ended_by=experiment.ended_by if experiment.stopped_by is None else None,
        )

    @classmethod
    def read(cls, store: Store) -> Standing:
        """Return where an experiment stands that another process runs, or none."""
        row = store.experiment()
        counts = store.counts()
        rows = store.trials(states=[TrialState.RUNNING], limit=_SHOWN)
        config = config_of(row)
        return cls(
            id=store.directory.name,
            config=config,
            size=len(SearchSpace.from_json(row["space"])) - len(config.fixed),
            direction=row["direction"],
            counts={state: counts.get(state.value, 0) for state in TrialState if state.is_final},
            running=[(each.number, store.last_metric(each.number)) for each in rows],
            in_progress=counts.get(TrialState.RUNNING.value, 0),
            best=store.best(),
            front=store.front(),
            baseline=store.baseline(),
            elapsed=row["elapsed"] + _since_last_commit(store),
            waits=row["waits"],
            is_over=row["status"] not in ("running", "stopped"),
            ended_by=row["message"] if row["status"] == "done" else None,
        )

    @property
    def ended(self) -> int:
        """How many trials have ended."""
        return sum(self.counts.values())

    @property
    def failed(self) -> int:
        """How many trials have failed."""
        return self.counts[TrialState.FAILED]


def _last(metrics: Sequence[Metric]) -> Metric | None:
    return metrics[-1] if metrics else None


def _since_last_commit(store: Store) -> float:
    """Return the seconds since the runner last wrote: it writes the time it spent, and sleeps between."""
    if not home.is_running(store.directory):
        return 0.0
    with contextlib.suppress(OSError):
        return max(0.0, time.time() - store.path.with_name(f"{store.path.name}-wal").stat().st_mtime)
    return 0.0
