"""Numbers as a person would write them."""

from __future__ import annotations

from hpo.parameters import Parameter

__all__ = ["literal"]

_DIGITS = 6


def literal(value: object, domain: Parameter | None = None) -> str:
    """Return a value as source: floats with six significant digits, ``3e-4`` rather than ``0.0003``.

    Six digits change a value by less than one part in a million, which no training run can tell apart; more
    are written only where the rounded number would leave the domain. Whole numbers keep all their digits.
    Below a thousandth and from a million on, floats are written with an exponent.
    """
    if not isinstance(value, float):
        return repr(value)
    for digits in range(_DIGITS, 18):
        rounded = float(f"{value:.{digits}g}")
        if domain is None or domain.contains(rounded) or not domain.contains(value):
            return _written(rounded)
    return repr(value)


def _written(value: float) -> str:
    plain = repr(value)
    if value == 0 or 1e-3 <= abs(value) < 1e6:
        return plain
    shortest = next(text for n in range(18) if float(text := f"{value:.{n}e}") == value)
    mantissa, _, exponent = shortest.partition("e")
    return f"{mantissa}e{int(exponent)}"
