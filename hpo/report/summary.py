"""What came of an experiment, in the order in which one asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from hpo.experiment.record import Record
from hpo.experiment.wording import result, short
from hpo.importance import fanova
from hpo.parameters import same
from hpo.runtime.queries import TrialRow
from hpo.trial import TrialState

__all__ = ["Failures", "Summary", "Value"]

_BEST = 10


@dataclass(frozen=True)
class Value:
    """A parameter with its values.

    Attributes:
        name: the parameter's.
        domain: as it is written.
        best: its value in the best trial; None where it has none.
        own: the script's own.
        changed: whether the two differ.
        share: how important it is; None where that is not known yet.
        when: the condition under which it is active.
    """

    name: str
    domain: str
    best: str | None
    own: str | None
    changed: bool
    share: float | None
    when: str


@dataclass(frozen=True)
class Failures:
    """Trials that failed for one reason."""

    kind: str
    detail: str
    numbers: Sequence[int]


class Summary:
    """The numbers and tables of a report.

    Args:
        record: the experiment.
    """

    def __init__(self, record: Record) -> None:
        self.record = record
        self.best = record.best
        self.baseline = record.baseline

    @property
    def gain(self) -> float | None:
        """How much better the best trial is than the script's own values; None where either is missing."""
        if self.best is None or self.baseline is None or self.baseline.value is None:
            return None
        if self.record.objectives.are_several:
            return None
        return self.record.loss(self.baseline.value) - self.record.loss(self.best.value)

    @cached_property
    def values(self) -> list[Value]:
        """The parameters, the most important first."""
        record, shares = self.record, self._shares
        own = self.baseline.parameters if self.baseline else dict(record.space.defaults)
        best = self.best.parameters if self.best else {}
        names = sorted(record.names, key=lambda name: -shares.get(name, 0.0))
        return [
            Value(
                name=name,
                domain=str(record.space.parameters.get(name, "not in the space any more")),
                best=short(best[name]) if name in best else None,
                own=short(own[name]) if name in own else None,
                changed=name in best and name in own and not same(best[name], own[name]),
                share=shares.get(name),
                when=" and ".join(
                    f"{c.parent} is {' or '.join(map(short, c.values))}"
                    for c in record.space.conditions.get(name, ())
                ),
            )
            for name in names
        ]

    @property
    def is_judged(self) -> bool:
        """Whether it is known how much the parameters matter."""
        return bool(self._shares)

    @cached_property
    def _shares(self) -> dict[str, float]:
        return fanova(self.record) if len(self.record.comparable) >= 5 else {}

    @property
    def leaders(self) -> list[TrialRow]:
        """The best trials; of several objectives, those on the front."""
        if self.record.objectives.are_several:
            return list(self.record.front)
        return sorted(self.record.feasible, key=lambda t: (self.record.loss(t.value), t.number))[:_BEST]

    def result(self, trial: TrialRow) -> str:
        """A trial's result in words: a number, or the parts that are wanted."""
        return result(self.record.objectives, trial.value, trial.data)

    @property
    def failures(self) -> list[Failures]:
        """Why trials failed, the most frequent reason first."""
        reasons: dict[tuple[str, str], list[int]] = {}
        for trial in self.record.trials:
            if trial.state is TrialState.FAILED:
                kind = (trial.failure or "unknown").replace("_", " ")
                reasons.setdefault((kind, trial.detail or ""), []).append(trial.number)
        found = [Failures(kind, detail, numbers) for (kind, detail), numbers in reasons.items()]
        return sorted(found, key=lambda failures: -len(failures.numbers))
