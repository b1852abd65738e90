"""An experiment as it stands in the store: what figures, importances, reports and notebooks look at.

One read, plain data, and nothing held open: a record stays what it was while the experiment goes on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from hpo.experiment.documents import open_store
from hpo.objectives import Objectives
from hpo.runtime import home
from hpo.runtime.queries import TrialRow
from hpo.runtime.store import Store
from hpo.space import SearchSpace
from hpo.trial import Metric, TrialState

__all__ = ["Record", "fence"]

_ENOUGH = 4  # trials for each parameter


@dataclass(frozen=True, eq=False)  # a record is itself: what was found out of it can be kept beside it
class Record:
    """An experiment and its trials.

    Attributes:
        id: the experiment's.
        name: what the user calls it.
        status: running, stopped, done, error or interrupted.
        direction: maximize or minimize.
        space: the search space, with the source's own values as its defaults.
        trials: all of them, by number.
        objectives: what is wanted of results.
        intermediate: the results on the way, by number, of the trials that have some and were asked for.
    """

    id: str
    name: str
    status: str
    direction: Literal["maximize", "minimize"]
    space: SearchSpace
    trials: Sequence[TrialRow]
    intermediate: Mapping[int, Sequence[Metric]]
    objectives: Objectives = field(default_factory=Objectives)

    @classmethod
    def read(cls, directory: Path, *, curves: int | None = None) -> Record:
        """Read an experiment's folder (`hpo.runtime.home.find` tells where one lies); see `of`."""
        with open_store(directory) as store:
            return cls.of(store, curves=curves)

    @classmethod
    def of(cls, store: Store, *, curves: int | None = None) -> Record:
        """Read an open store.

        Args:
            store: the experiment's.
            curves: of how many trials, evenly spread, the results on the way are read; None for all.
        """
        row = store.experiment()
        return cls(
            id=store.directory.name,
            name=row["name"],
            status=home.status(store.directory, row["status"]),
            direction=row["direction"],
            space=SearchSpace.from_json(row["space"], defaults=row["defaults"]),
            trials=store.trials(),
            intermediate=store.all_metrics(curves),
            objectives=store.objectives(),
        )

    @cached_property
    def succeeded(self) -> Sequence[TrialRow]:
        """The trials with a final result, by number."""
        return [t for t in self.trials if t.state is TrialState.SUCCEEDED and t.value is not None]

    @cached_property
    def feasible(self) -> Sequence[TrialRow]:
        """Those of them that meet all constraints on results."""
        return [t for t in self.succeeded if self.objectives.is_feasible(t.value or 0.0, t.data)]

    @cached_property
    def baseline(self) -> TrialRow | None:
        """The trial that ran the source's own values, where there was one."""
        return next((t for t in self.trials if t.origin == "baseline"), None)

    @cached_property
    def best(self) -> TrialRow | None:
        """The best trial; of equals, the earliest; of several objectives, the nearest to the best of each."""
        if self.objectives.are_several:
            return self.objectives.best((t, t.value or 0.0, t.data) for t in self.succeeded)
        return min(self.feasible, key=lambda t: (self.loss(t.value), t.number), default=None)

    @cached_property
    def front(self) -> Sequence[TrialRow]:
        """The trials that none dominates, the best in the first objective first; or else the best."""
        if not self.objectives.are_several:
            return [] if self.best is None else [self.best]
        return self.objectives.front((t, t.value or 0.0, t.data) for t in self.succeeded)

    @cached_property
    def budget(self) -> int | None:
        """Of the budgets that trials had, the largest that enough had to learn from; None without budgets."""
        counts = Counter(t.memo["budget"] for t in self.succeeded if "budget" in t.memo)
        enough = [b for b, count in counts.items() if count >= _ENOUGH * max(len(self.space), 1)]
        return max(enough, default=None) or max(counts, key=lambda b: (counts[b], b), default=None)

    @cached_property
    def comparable(self) -> Sequence[TrialRow]:
        """The succeeded trials that can be compared: those of one budget, where there are budgets."""
        return [t for t in self.succeeded if t.memo.get("budget") == self.budget]

    def loss(self, value: float | None) -> float:
        """Return a result so that smaller is better, whatever the direction; none is the worst."""
        if value is None:
            return float("inf")
        return value if self.direction == "minimize" else -value

    @property
    def names(self) -> Sequence[str]:
        """The parameters that trials have values of: those of the space, then those it had earlier."""
        seen = dict.fromkeys(name for trial in self.trials for name in trial.parameters)
        return list(dict.fromkeys([*self.space, *seen]))


def fence(losses: Sequence[float], reach: float) -> float:
    """Return the loss from which on a trial has diverged, as it were.

    That is `reach` times as far from the best as the worst but a tenth. What lies beyond would make all
    others look alike, on an axis as in a variance; where all are alike there is no such loss.
    """
    ordered = sorted(losses)
    if not ordered:
        return float("inf")
    distance = ordered[int(0.9 * (len(ordered) - 1))] - ordered[0]
    return ordered[0] + reach * distance if distance > 0 else float("inf")
