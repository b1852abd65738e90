"""How numbers are written for people, in the terminal, on the page and in reports."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Mapping
from typing import Any

from hpo.config.duration import exact_duration
from hpo.config.size import exact_size
from hpo.objectives import Objectives

__all__ = [
    *("ago", "compared", "counted", "duration", "listed", "options", "result"),
    *("short", "values", "what_runs"),
]

_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))

#: How settings are written as options take them, by the last word of their names.
_EXACTLY: Mapping[str, Callable[[Any], str]] = {
    "duration": exact_duration,
    "silence": exact_duration,
    "memory": exact_size,
}

_LONGEST = 200
_LISTED = 10


def short(value: Any) -> str:
    """Write a value for a person, on one line: six significant digits are enough, or the first letters."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    text = text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def result(wanted: Objectives, value: float | None, data: Mapping[str, Any] | None) -> str:
    """Write a result: a number, or the parts that are wanted of it, and whether it misses a constraint."""
    if value is None or wanted.are_plain:
        return short(value)
    given = data or {}
    parts = [f"{name} {short(given.get(name))}" for name in wanted.names] if wanted.names else [short(value)]
    return ", ".join(parts) + ("" if wanted.is_feasible(value, data) else " (infeasible)")


def values(parameters: Mapping[str, Any]) -> str:
    """Write a configuration on one line."""
    return "  ".join(f"{name}={short(value)}" for name, value in parameters.items())


def what_runs(command: Mapping[str, Any]) -> str:
    """Write what a trial runs, by what a plan stores: a script's command line, any other, or a function."""
    if "script" in command:
        return shlex.join([command["script"], *command["args"]])
    return str(command["text"] if "text" in command else f"{command['function']}()")


def options(settings: Mapping[str, Any]) -> str:
    """Write settings as the options that change them: --max-duration 90m, --concurrency 2, no --patience."""
    written = []
    for name, value in settings.items():
        option = f"--{name.removeprefix('trial_').replace('_', '-')}"
        written.append(f"no {option}" if value is None else f"{option} {_with_unit(name, value)}")
    return ", ".join(written)


def _with_unit(name: str, value: Any) -> Any:
    """Return a duration or a size with its unit; any other setting as it is."""
    write = _EXACTLY.get(name.rpartition("_")[2])
    return write(value) if write is not None and isinstance(value, int | float) else value


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Write a number of things: 1 trial, 2 trials."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def listed(trials: Collection[int]) -> str:
    """Name trials by their numbers, or say how many they are: trial 4; trials 4, 5; 11 trials."""
    if len(trials) > _LISTED:
        return counted(len(trials), "trial")
    return f"trial{'s' if len(trials) > 1 else ''} {', '.join(map(str, trials))}"


def duration(seconds: float) -> str:
    """Write a duration by its two largest units: 0.13 s, 4.2 s, 3 min 7 s, 2 h 10 min, 1 d."""
    if seconds < 1:
        return f"{seconds:.2g} s"
    if round(seconds, 1) < 60:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    rest = round(seconds) if seconds < 60 else int(seconds)
    largest = next(i for i, (_, size) in enumerate(_UNITS) if rest >= size)
    words = []
    for unit, size in _UNITS[largest : largest + 2]:
        count, rest = divmod(rest, size)
        words += [f"{count} {unit}"] if count else []
    return " ".join(words)


def ago(seconds: float) -> str:
    """Write how long ago something was: now, 40 s ago, 3 min ago, 2 d ago."""
    for unit, size in _UNITS:
        if seconds >= size:
            return f"{int(seconds) // size} {unit} ago"
    return "now"


def compared(value: float, base: float, direction: str) -> str:
    """Write how far one result is from another: 0.025 better than, or no better than."""
    gain = value - base if direction == "maximize" else base - value
    size = f"{abs(gain):.4g}" if abs(gain) < 1000 else short(abs(gain))
    return "no better than" if not gain else f"{size} {'better' if gain > 0 else 'worse'} than"
