"""Durations as people write them: ``30s``, ``10m``, ``1h``, ``1h30m``, ``2d``, or bare seconds."""

from __future__ import annotations

import math
import re
from decimal import Decimal

from hpo.errors import UsageError

__all__ = ["exact_duration", "parse_duration"]

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_ONE = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([smhd]?)\s*", re.ASCII | re.IGNORECASE)
_PARTS = re.compile(r"\s*(?:(\d+)d)?\s*(?:(\d+)h)?\s*(?:(\d+)m)?\s*(?:(\d+)s)?\s*", re.ASCII | re.IGNORECASE)


def parse_duration(written: str | float) -> float:
    """Return a duration in seconds.

    Raises:
        UsageError: it is written otherwise, is zero, or is negative.
    """
    if isinstance(written, str):
        seconds = _seconds(written)
    elif isinstance(written, int | float) and not isinstance(written, bool):
        seconds = float(written) if abs(written) < 1e18 else math.inf
    else:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise UsageError(f"{written!r} is no duration", help="write 30s, 10m, 1h30m, 2d, or seconds above 0")
    return seconds


def _seconds(text: str) -> float:
    """Return what a text means, in one part or several; NaN where it means nothing."""
    if one := _ONE.fullmatch(text):
        return float(one[1]) * _SECONDS[one[2].lower()]
    if parts := _PARTS.fullmatch(text):
        return sum(
            float(part or 0) * _SECONDS[unit] for part, unit in zip(parts.groups(), "dhms", strict=True)
        )
    return math.nan


def exact_duration(seconds: float) -> str:
    """Write a duration as `parse_duration` reads it, in the largest unit of which it is a whole number."""
    for unit, size in reversed(_SECONDS.items()):
        if seconds % size == 0:
            return f"{int(seconds // size)}{unit}"
    return f"{Decimal(str(seconds)):f}"
