"""Sizes of memory as people write them: ``512M``, ``4G``, ``1.5GiB``, or bare bytes."""

from __future__ import annotations

import re

from hpo.errors import UsageError

__all__ = ["exact_size", "parse_size", "size"]

_UNITS = "KMGT"
_FORM = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([KMGT]?)(?:i?B)?\s*", re.ASCII | re.IGNORECASE)


def parse_size(written: str | int) -> int:
    """Return a size in bytes; a unit is a power of 1024, with or without its ``i``.

    Raises:
        UsageError: it is written otherwise, or is less than a byte.
    """
    match = _FORM.fullmatch(written) if isinstance(written, str) else None
    if match is not None:
        power = _UNITS.index(match[2].upper()) + 1 if match[2] else 0
        count = int(float(match[1]) * 1024**power)
    else:
        count = written if isinstance(written, int) and not isinstance(written, bool) else 0
    if not 0 < count < 2**63:
        raise UsageError(f"{written!r} is no size of memory", help="write 512M, 4G, or bytes above 0")
    return count


def size(count: float) -> str:
    """Write a number of bytes for a person: 512 M, 4 G, 1.5 G."""
    for unit in ("", *_UNITS):
        if count < 1024 or unit == _UNITS[-1]:
            return f"{count:.3g} {unit}".rstrip() if unit else f"{count:.0f} bytes"
        count /= 1024
    raise AssertionError


def exact_size(count: int) -> str:
    """Write a number of bytes as `parse_size` reads it, in the largest unit of which it is a whole number."""
    for power, unit in reversed([*enumerate(_UNITS, 1)]):
        if count % 1024**power == 0:
            return f"{count // 1024**power}{unit}"
    return str(count)
