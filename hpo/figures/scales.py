"""Where values lie on an axis: parameters by their domains, results so that a few bad ones hide nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.experiment.record import Record, fence
from hpo.figures.theme import label
from hpo.parameters import Arrangement, Choice, Parameter, RandInt, identity, is_number

__all__ = ["Floats", "Scale", "result_axis", "result_range"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """The axis of a parameter.

    Attributes:
        name: the parameter's.
        domain: None where the space does not have it any more.
        is_log: numbers, and their logarithms are what is even.
        options: for what is no number, all that there is; empty for numbers.
        centre: of lists, the best one: another stands where it differs by so much.
    """

    name: str
    domain: Parameter | None
    is_log: bool
    options: Sequence[Any]
    centre: Sequence[Any] | None = None

    @classmethod
    def of(cls, record: Record, name: str) -> Scale:
        """Return the scale of a parameter, by its domain and by what trials had."""
        domain = record.space.parameters.get(name)
        values = [t.parameters[name] for t in record.trials if name in t.parameters]
        if isinstance(domain, Arrangement):
            tried = [record.best] if record.best is not None else []
            found = (t.parameters.get(name) for t in [*tried, *record.succeeded])
            known_list = next((v for v in found if domain.contains(v)), domain.as_written)
            return cls(name, domain, False, (), known_list)
        is_number_like = not isinstance(domain, Choice) and any(map(is_number, values or [0]))
        if is_number_like:
            is_log = domain is not None and "log" in domain.type
            return cls(name, domain, is_log and all(v > 0 for v in values if is_number(v)), ())
        known = domain.options if isinstance(domain, Choice) else ()
        return cls(name, domain, False, list({identity(v): v for v in [*known, *values]}.values()))

    def positions(self, values: Iterable[Any]) -> Floats:
        """Return where values lie: numbers as they are, options by their order, NaN for what has no place."""
        domain, centre = self.domain, self.centre
        if isinstance(domain, Arrangement) and centre is not None:
            apart = [domain.differences(v, centre) if domain.contains(v) else math.nan for v in values]
            return np.array(apart, dtype=float)
        if self.options:
            places = {identity(option): float(i) for i, option in enumerate(self.options)}
            return np.array([places.get(identity(v), math.nan) for v in values], dtype=float)
        return np.array([float(v) if is_number(v) else math.nan for v in values], dtype=float)

    @property
    def title(self) -> str:
        """What an axis is called: of lists it is by how much they differ from the best."""
        return self.name if self.centre is None else f"{self.name}: differences from the best"

    def even(self, positions: Floats) -> Floats:
        """Return positions in [0, 1] so that equal distances look equal."""
        low, high = self.ends(positions)
        if self.is_log:
            low, high, positions = math.log(low), math.log(high), np.log(positions)
        return (positions - low) / (high - low)

    def ends(self, positions: Floats) -> tuple[float, float]:
        """Return the first and the last place of the axis, given what is to be seen on it."""
        if self.options:
            return -0.5, len(self.options) - 0.5
        known = positions[np.isfinite(positions)]
        low, high = getattr(self.domain, "low", None), getattr(self.domain, "high", None)
        if isinstance(self.domain, RandInt):
            high = self.domain.high - 1
        low = min([*known, *([] if low is None else [low])], default=0.0)
        high = max([*known, *([] if high is None else [high])], default=1.0)
        if low == high:
            return (low / 2, high * 2) if self.is_log else (low - 0.5, high + 0.5)
        return float(low), float(high)

    def axis(self, positions: Floats, *, most: int = 24, longest: int = 20) -> dict[str, Any]:
        """Return plotly's description of the axis, with so many options named, in so many letters."""
        low, high = self.ends(positions)
        if self.options:
            step = math.ceil(len(self.options) / most)
            ticks = range(0, len(self.options), step)
            texts = [label(self.options[i], longest) for i in ticks]
            return {"type": "linear", "range": [low, high], "tickvals": list(ticks), "ticktext": texts}
        if self.is_log:
            low, high = math.log10(low), math.log10(high)
        margin = (high - low) * 0.04
        if isinstance(self.domain, Arrangement | RandInt) and high - low <= 12:
            return {"type": "linear", "range": [low - margin, high + margin], "dtick": 1}
        kind = {"type": "log", "dtick": _decades(high - low)} if self.is_log else {"type": "linear"}
        return {**kind, "range": [low - margin, high + margin], "exponentformat": "power", "tickangle": 0}


def _decades(span: float) -> int | str:
    """Return the distance of ticks on a logarithmic axis: whole powers of ten, where there are some."""
    return "D2" if span < 1.5 else max(math.ceil(span / 4), 1)


def result_range(results: Iterable[float | None], direction: str, *, reach: float = 3) -> tuple[float, float]:
    """Return the range in which nearly all results lie, and the good ones surely.

    A trial that diverged must not press all others into one line: see `fence`.
    """
    known = [value for value in results if value is not None]
    if not known:
        return 0.0, 1.0
    low, high = min(known), max(known)
    if direction == "minimize":
        high = min(high, fence(known, reach))
    else:
        low = max(low, -fence([-value for value in known], reach))
    if low == high:
        return low - (abs(low) * 0.1 or 0.5), high + (abs(high) * 0.1 or 0.5)
    return low, high


def result_axis(results: Iterable[float | None], direction: str, *, reach: float = 3) -> dict[str, Any]:
    """Return plotly's description of the axis of results."""
    low, high = result_range(results, direction, reach=reach)
    margin = (high - low) * 0.06
    return {"type": "linear", "range": [low - margin, high + margin]}
