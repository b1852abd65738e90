"""How much each parameter matters for the results of an experiment.

::

    from hpo import importance

    importance.fanova(record)      # {"lr": 0.61, "batch_size": 0.12, ...}: shares of the variance
    importance.ped_anova(record)   # shares of what tells the good trials from all

`fanova` asks what moves the result anywhere in the space, and `ped_anova` what it takes to be among the best.
Both know conditions: a parameter is judged where it is active.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

from hpo.experiment.record import Record
from hpo.importance.evidence import Evidence
from hpo.importance.fanova import fanova as _fanova
from hpo.importance.ped_anova import ped_anova as _ped_anova

__all__ = ["fanova", "ped_anova"]

# Several figures of one record ask for the same, and the forest takes its time.
_KNOWN: WeakKeyDictionary[Record, dict[int, dict[str, float]]] = WeakKeyDictionary()
_EVIDENCE: WeakKeyDictionary[Record, Evidence] = WeakKeyDictionary()


def fanova(record: Record, *, seed: int = 0) -> dict[str, float]:
    """Return the share of the variance that each parameter explains by itself; the rest is interactions."""
    known = _KNOWN.setdefault(record, {})
    if seed not in known:
        known[seed] = _fanova(_evidence(record), seed=seed)
    return dict(known[seed])


def ped_anova(record: Record, *, quantile: float = 0.1) -> dict[str, float]:
    """Return each parameter's share of what tells the best trials from all; the shares sum to 1."""
    return _ped_anova(_evidence(record), quantile)


def _evidence(record: Record) -> Evidence:
    if record not in _EVIDENCE:
        _EVIDENCE[record] = Evidence.of(record)
    return _EVIDENCE[record]
