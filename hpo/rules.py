"""The rules of a domain's arguments, once for every spelling: JSON, marks, the command line, Python."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Problem", "identity", "is_number", "problems"]


def identity(value: Any) -> str:
    """Return a text that two JSON values share exactly when they are the same value (1, 1.0, True differ)."""
    if type(value) is str:  # most options are: the same text, sooner
        return json.encoder.encode_basestring(value)
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def is_number(value: Any) -> bool:
    """Tell whether a JSON value is a number that a float can hold, finite; booleans are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer of more than 308 digits
        return False


@dataclass(frozen=True)
class Problem:
    """What is wrong with the arguments of a domain.

    `argument` is the position of the argument at fault, of a listed item its position in the list, of a
    keyword its name, or None where it is the call as a whole; `kind` is one of the words that the rules below
    use, for callers that number their diagnostics.
    """

    kind: str
    argument: int | str | None
    message: str
    help: str


_SIGNATURES: Mapping[str, tuple[str, ...]] = {
    "randint": ("low", "high"),
    "uniform": ("low", "high"),
    "quniform": ("low", "high", "q"),
    "loguniform": ("low", "high"),
    "qloguniform": ("low", "high", "q"),
    "normal": ("mu", "sigma"),
    "qnormal": ("mu", "sigma", "q"),
    "lognormal": ("mu", "sigma"),
    "qlognormal": ("mu", "sigma", "q"),
}


def problems(kind: str, arguments: Sequence[Any]) -> list[Problem]:
    """Return what is wrong with a domain's arguments; an empty list when nothing is.

    Args:
        kind: a type name, one of `KINDS`.
        arguments: the values in order; for a choice, the options as JSON values; for a permutation, the list
            of its items; for a subset that, and its least and its most, where they are given.
    """
    if kind == "choice":
        return list(_option_problems(arguments, "choice", "option", "write choice(a, b, ...)"))
    if kind in ("subset", "permutation"):
        return list(_arrangement_problems(kind, arguments))
    names = _SIGNATURES[kind]
    form = f"{kind}({', '.join(names)})"
    if len(arguments) != len(names):
        given = "1 was" if len(arguments) == 1 else f"{len(arguments)} were"
        message = f"{kind} takes {len(names)} numbers, {given} given"
        return [Problem("arity", None, message, f"write {form}")]
    found = [
        Problem(
            "not_a_number",
            i,
            f"{name} of {kind} is {_shown(value)}, "
            f"which is no {'number of Python' if _plain(value) else 'finite number'}",
            _plain(value) or f"write {form}",
        )
        for i, (name, value) in enumerate(zip(names, arguments, strict=True))
        if not is_number(value)
    ]
    return found or list(_number_problems(kind, dict(zip(names, arguments, strict=True))))


def _shown(value: Any) -> str:
    """Return a value as a message quotes it: an integer may have more digits than anybody would read."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _plain(value: Any) -> str | None:
    """Return how to write a number of numpy's, or of such a library's; None of anything else."""
    return f"write {value.item()!r}" if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else None


def _arrangement_problems(kind: str, arguments: Sequence[Any]) -> Iterator[Problem]:
    form = "subset([a, b, ...], min=1, max=2)" if kind == "subset" else "permutation([a, b, ...])"
    most = 3 if kind == "subset" else 1
    if not 1 <= len(arguments) <= most or not isinstance(arguments[0], list | tuple):
        yield Problem("arity", None, f"{kind} takes a list of items", f"write {form}")
        return
    items, limits = arguments[0], dict(zip(("min", "max"), arguments[1:], strict=False))
    found = list(_option_problems(items, kind, "item", f"write {form}"))
    for name, limit in limits.items():
        if not isinstance(limit, int | None) or isinstance(limit, bool):
            message = f"{name} of subset is {_shown(limit)}, which is no integer"
            found.append(Problem("not_an_integer", name, message, f"write {form}"))
    yield from found or _limit_problems(len(items), limits.get("min"), limits.get("max"))


def _limit_problems(count: int, least: int | None, most: int | None) -> Iterator[Problem]:
    help_ = f"there are {count} items: 0 <= min <= max <= {count}"
    if least is not None and not 0 <= least <= count:
        yield Problem("no_such_size", "min", f"min of subset is {_shown(least)}", help_)
    elif most is not None and not 0 <= most <= count:
        yield Problem("no_such_size", "max", f"max of subset is {_shown(most)}", help_)
    elif most is not None and (least or 0) > most:
        message = f"min of subset is {least}, and max is {most}: no subset is that large and that small"
        yield Problem("no_such_size", "min", message, help_)


def _option_problems(options: Sequence[Any], kind: str, noun: str, help_: str) -> Iterator[Problem]:
    if not options:
        yield Problem("no_options", None, f"{kind} has no {noun}s", help_)
    seen: dict[str, int] = {}
    for i, option in enumerate(options):
        try:
            json.dumps(option, allow_nan=False)
        except (TypeError, ValueError):
            message = f"{noun} {option!r} is no JSON value"
            cure = _plain(option) or "use numbers, strings, booleans, null, lists or objects"
            yield Problem("not_json", i, message, cure)
            continue
        first = seen.setdefault(identity(option), i)
        if first != i:
            message = f"{noun} {option!r} is listed twice"
            yield Problem("duplicate_option", i, message, "remove one of the two")


def _number_problems(kind: str, given: Mapping[str, float]) -> Iterator[Problem]:
    position = {name: i for i, name in enumerate(given)}
    if kind == "randint":
        for name in ("low", "high"):
            if not isinstance(given[name], int):
                message = f"{name} of randint is {given[name]!r}, which is no integer"
                yield Problem("not_an_integer", position[name], message, "use whole numbers, or quniform")
    if "low" in given and given["low"] >= given["high"]:
        message = f"low is {given['low']!r} and high is {given['high']!r}: {kind} needs low < high"
        yield Problem("low_not_below_high", 0, message, "swap or widen the bounds")
    if "log" in kind and "low" in given and given["low"] <= 0:
        message = f"low of {kind} is {given['low']!r}, and a logarithm needs it above 0"
        yield Problem("log_bound_not_positive", 0, message, "use a small positive number such as 1e-6")
    if "sigma" in given and given["sigma"] <= 0:
        message = f"sigma of {kind} is {given['sigma']!r}, and it must be above 0"
        yield Problem("sigma_not_positive", position["sigma"], message, "give a positive standard deviation")
    if "q" in given and given["q"] <= 0:
        message = f"q of {kind} is {given['q']!r}, and a step must be above 0"
        yield Problem("q_not_positive", position["q"], message, "give a positive step")
