"""How numbers are written for people, in the terminal, on the page and in reports."""

from __future__ import annotations

from typing import Any

__all__ = ["counted", "duration", "short"]

_LONGEST = 200


def short(value: Any) -> str:
    """Write a value for a person, on one line: six significant digits are enough, or the first letters."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    text = text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Write a number of things: 1 trial, 2 trials."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def duration(seconds: float) -> str:
    """Write a duration as 4.2 s, 3:07 or 2:10:05."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
