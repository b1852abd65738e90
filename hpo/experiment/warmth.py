"""Learning from an earlier experiment, perhaps of a script that changed since: what still fits is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.errors import HpoError, UsageError
from hpo.experiment.difference import domain_changes
from hpo.experiment.documents import open_store
from hpo.experiment.foreign import ForeignTrial, configuration
from hpo.experiment.record import Record
from hpo.experiment.wording import counted, short
from hpo.objectives import Objectives
from hpo.runtime import home
from hpo.space import SearchSpace

__all__ = ["Warmth", "last_experiment_of", "warmth_of"]

_LOOKED_AT = 50  # of the newest experiments, for one of the same script


@dataclass(frozen=True)
class Warmth:
    """What an experiment can learn from an earlier one.

    Attributes:
        id: of the earlier experiment.
        name: as its user calls it.
        trials: its results, as configurations of the new space, in the order in which they came.
        total: how many results it has.
        changes: the parameters that differ: what each was, and is; None where there was, or is, none.
        added: the values that the parameters which are new are taken to have had: the source's own.
    """

    id: str
    name: str
    trials: Sequence[ForeignTrial]
    total: int
    changes: Mapping[str, Sequence[str | None]]
    added: Mapping[str, Any]

    def lines(self) -> Iterator[str]:
        """Yield in words what is learnt, and what changed."""
        of = "" if len(self.trials) == self.total else f" of {self.total}"
        yield f"learns from {len(self.trials)}{of} results of {self.id} ({self.name})"
        yield from self.changed()
        if len(self.trials) < self.total:
            left = counted(self.total - len(self.trials), "result")
            yield f"left out: {left} that the space of now cannot have"

    def changed(self) -> Iterator[str]:
        """Yield in words what changed."""
        for name, (before, now) in self.changes.items():
            if before is None:
                taken = f", taken to have been {short(self.added[name])}" if name in self.added else ""
                yield f"added: {name}, {now}{taken}"
            elif now is None:
                yield f"removed: {name}, {before}; results count whatever it was"
            else:
                yield f"other domain: {name}, {before} before, {now} now"


def warmth_of(directory: Path, space: SearchSpace, wanted: Objectives) -> Warmth:
    """Return what an experiment over a space can learn from an earlier one.

    A parameter that the earlier one did not have is taken to have had the source's own value; one that is
    searched no more is left out. What then lies outside the space is not learnt from.

    Raises:
        UsageError: nothing of it fits, or it wanted something else of its results.
    """
    record = Record.read(directory, curves=1)
    _check_same(record, wanted)
    results = sorted(record.comparable, key=lambda row: row.told or 0)
    trials = []
    for row in results:
        known = {**space.defaults, **{n: v for n, v in row.parameters.items() if n in space}}
        try:
            trials.append((configuration(space.active_part(known), space), float(row.value or 0.0)))
        except HpoError:
            continue
    changes = domain_changes(record.space, space, own_values=False)
    added = {
        n: space.defaults[n] for n, (before, _) in changes.items() if before is None and n in space.defaults
    }
    warmth = Warmth(directory.name, record.name, trials, len(results), changes, added)
    if not trials:
        why = "; ".join(warmth.changed()) if results else "no trial of it has a result"
        message = f"nothing can be learnt from {directory.name} ({record.name})" + (f": {why}" if why else "")
        raise UsageError(message, help="leave --warm-from out")
    return warmth


def _check_same(record: Record, wanted: Objectives) -> None:
    """Refuse results that are good where ours are bad, or are of something else."""
    before, now = ([each.name for each in of.each[:1]] for of in (record.objectives, wanted))
    is_other = bool(before and now) and before != now
    if record.objectives.direction == wanted.direction and not is_other:
        return
    message = f"{record.id} ({record.name}) wanted {record.objectives}, and this one wants {wanted}"
    raise UsageError(message, help="leave --warm-from out, or want the same")


def last_experiment_of(sources: Sequence[Path]) -> Path | None:
    """Return the newest experiment whose marks were read from the same files."""
    wanted = [source.resolve() for source in sources]
    for directory in home.newest_folders()[:_LOOKED_AT]:
        try:
            with open_store(directory) as store:
                plan = store.experiment()["config"].get("plan", {})
        except HpoError:
            continue
        if wanted and [Path(source).resolve() for source in plan.get("sources", [])] == wanted:
            return directory
    return None
