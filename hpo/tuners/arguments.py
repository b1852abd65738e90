"""What a configuration file gives to a tuner or an assessor, checked against the annotations of its class.

A class states its arguments once, as keyword-only arguments of `__init__`::

    def __init__(self, space, *, population_size: Annotated[int, AtLeast(2)] = 32, **common): ...

NNI checks nothing here, so a misspelt argument surfaces as a stack trace inside its dispatcher.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from hpo.errors import TunerError
from hpo.rules import is_number

__all__ = ["AtLeast", "Between", "OneOf", "Share", "checked_arguments"]


@dataclass(frozen=True)
class AtLeast:
    """The argument is this number or more."""

    low: float

    def __contains__(self, value: float) -> bool:
        return value >= self.low

    def __str__(self) -> str:
        return f" of {self.low:g} or more"


@dataclass(frozen=True)
class Between:
    """The argument lies between these numbers, and is neither."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low < value < self.high

    def __str__(self) -> str:
        return f" between {self.low:g} and {self.high:g}"


@dataclass(frozen=True)
class Share:
    """The argument is a part of a whole, none and all of it included."""

    def __contains__(self, value: float) -> bool:
        return 0 <= value <= 1

    def __str__(self) -> str:
        return " from 0 to 1"


@dataclass(frozen=True)
class OneOf:
    """The argument is one of these numbers."""

    values: tuple[float, ...]

    def __contains__(self, value: float) -> bool:
        return value in self.values

    def __str__(self) -> str:
        return f": {' or '.join(f'{v:g}' for v in self.values)}"


def checked_arguments(owner: str, cls: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments as the class wants them.

    Args:
        owner: the name by which the user knows the class, for messages.
        cls: the class; its own keyword-only arguments are the ones that a user may give.
        given: what the user wrote.

    Raises:
        TunerError: an argument is unknown or ill-typed; it names it, what was got and what it takes.
    """
    return _checked(owner, _wanted(cls), given)


def _wanted(cls: type) -> dict[str, Any]:
    """Return the annotations of a class's own arguments, by name."""
    wanted: dict[str, Any] = {}
    for base in cls.__mro__:
        init = base.__dict__.get("__init__")
        if init is None:
            continue
        parameters = inspect.signature(init).parameters.values()
        hints = get_type_hints(init, include_extras=True)
        for p in parameters:
            if p.kind is p.KEYWORD_ONLY:
                wanted.setdefault(p.name, hints.get(p.name, Any))
        # Without **kwargs the arguments of the base classes cannot be reached.
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    wanted.pop("direction", None)
    wanted.pop("objectives", None)
    return wanted


def _checked(owner: str, wanted: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    for name in given:
        if name not in wanted:
            close = get_close_matches(str(name), wanted, n=1)
            names = ", ".join(wanted) or "none"
            raise TunerError(
                f"{owner} has no argument {name!r}",
                help=f"did you mean {close[0]}?" if close else f"its arguments are {names}",
            )
    return {name: _value(f"{owner}: {name}", wanted[name], value) for name, value in given.items()}


def _value(where: str, annotation: Any, value: Any) -> Any:
    """Return a value as an annotation wants it: whole floats become integers, mappings dataclasses."""
    alternatives = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    for alternative in alternatives:
        plain, limits = _unannotated(alternative)
        if isinstance(plain, type) and is_dataclass(plain) and isinstance(value, Mapping):
            hints = get_type_hints(plain, include_extras=True)
            return plain(**_checked(where, {f.name: hints[f.name] for f in fields(plain)}, value))
        fits, converted = _converted(plain, value)
        if fits and all(converted in limit for limit in limits):
            return converted
    takes = " or ".join(dict.fromkeys(_text(a) for a in alternatives))
    raise TunerError(f"{where} is {value!r}", help=f"it takes {takes}")


def _unannotated(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    if get_origin(annotation) is Annotated:
        plain, *limits = get_args(annotation)
        return plain, tuple(limits)
    return annotation, ()


def _converted(plain: Any, value: Any) -> tuple[bool, Any]:
    """Tell whether a value is of a plain type, and return it as that type."""
    if plain is Any:
        return True, value
    if get_origin(plain) is Literal:
        return value in get_args(plain) and isinstance(value, str), value
    if plain in (int, float):
        if not is_number(value):
            return False, value
        return (True, plain(value)) if plain(value) == value else (False, value)
    if plain is None:
        plain = NoneType
    return isinstance(value, get_origin(plain) or plain), value


def _text(annotation: Any) -> str:
    plain, limits = _unannotated(annotation)
    if get_origin(plain) is Literal:
        return " or ".join(map(str, get_args(plain)))
    if isinstance(plain, type) and is_dataclass(plain):
        return f"a mapping with any of {', '.join(f.name for f in fields(plain))}"
    words = {
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        str: "a text",
        NoneType: "null",
        None: "null",
    }
    return words.get(plain, getattr(plain, "__name__", str(plain))) + "".join(map(str, limits))
