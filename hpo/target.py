"""A comparison of a result with a number: ``val_acc>=0.99``."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Mapping
from typing import Any

from hpo.errors import UsageError

__all__ = ["Target"]

_COMPARISONS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "==": operator.eq}
_FORM = re.compile(r"\s*([^<>=!]*?)\s*(>=|<=|==|>|<)\s*([^<>=!\s]+)\s*")
_RESULT = ("", "value", "default")


class Target:
    """A comparison of a final result, or of one that came with it, with a number.

    Attributes:
        text: as it was written.
        name: of the result that is compared: ``value``, ``default`` or none for the one that the tuner sees,
            else a key of the dict that trials report.

    Raises:
        UsageError: it is no such comparison.
    """

    def __init__(self, text: str) -> None:
        match = _FORM.fullmatch(text)
        try:
            self._bound = float(match[3]) if match else float("nan")
        except ValueError:
            self._bound = float("nan")
        if match is None or self._bound != self._bound:
            raise UsageError(
                f"{text!r} compares no result with a number", help="write val_acc>=0.99, or >=0.99"
            )
        self.text, self.name = text.strip(), match[1]
        self._holds = _COMPARISONS[match[2]]

    @property
    def is_of_a_part(self) -> bool:
        """Whether it speaks of a part of a result, by its key, and not of the value itself."""
        return self.name not in _RESULT

    def is_met(self, value: float, data: Mapping[str, Any] | None) -> bool:
        """Tell whether a final result is good enough.

        Args:
            value: what the tuner sees.
            data: the whole of it, where it was a dict; a plain number goes by any name.
        """
        found = self._found(value, data)
        return found is not None and bool(self._holds(found, self._bound))

    def excess(self, value: float, data: Mapping[str, Any] | None) -> float:
        """Return by how much a final result misses it: 0 where it is met, infinite where there is none."""
        found = self._found(value, data)
        if found is None:
            return math.inf
        return 0.0 if self._holds(found, self._bound) else max(abs(found - self._bound), 1e-12)

    def _found(self, value: float, data: Mapping[str, Any] | None) -> float | None:
        found = value if data is None or self.name in _RESULT else data.get(self.name)
        return None if isinstance(found, bool) or not isinstance(found, int | float) else found

    def is_missing(self, data: Mapping[str, Any] | None) -> bool:
        """Tell whether a result has no such part."""
        return data is not None and self.name not in (*_RESULT, *data)
