"""Hyperparameters as they are shown, and the space that they span with their conditions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from hpo.annotate.marks.grammar import Domain
from hpo.annotate.reading.source import brief
from hpo.annotate.result import MarkedParameter, MarkedPlace
from hpo.annotate.space.conditions import Conjunction, conditions
from hpo.annotate.space.defaults import below, default, flat_name, is_constant
from hpo.annotate.space.targets import Target
from hpo.errors import Diagnostic, SpaceError
from hpo.space import SearchSpace

__all__ = ["describe"]


def describe(
    named: dict[str, list[Target]], found: list[Diagnostic], *, broken: bool
) -> tuple[tuple[MarkedParameter, ...], SearchSpace]:
    """Return the hyperparameters, and their space; what is never active goes from `named`.

    Args:
        named: their places, by name.
        found: gets the diagnostics.
        broken: whether there is an error already: then the space is empty, and nothing has a condition.
    """
    when = {} if broken else _active(named, found)
    parameters = tuple(
        parameter
        for name, targets in named.items()
        for parameter in _parameters(name, targets, when.get(name, {}), found)
    )
    if broken:
        return parameters, SearchSpace({})
    data = {
        name: targets[0].domain.to_json() | ({"_when": _lists(when[name])} if name in when else {})
        for name, targets in named.items()
    }
    defaults = {name: value for parameter in parameters for name, value in parameter.defaults.items()}
    try:
        return parameters, SearchSpace.from_json(data, defaults=defaults)
    except SpaceError as error:
        first = next(iter(named.values()))[0]
        found.append(first.diagnostic("HPO232", error.message, error.help or "rename one of them"))
        return parameters, SearchSpace({})


def _active(named: dict[str, list[Target]], found: list[Diagnostic]) -> dict[str, Conjunction]:
    """Return the conditions; what is never active is said, and is no hyperparameter."""
    when = conditions(named)
    for name in [n for n in named if _is_never(when.get(n, {}), when)]:
        first = named.pop(name)[0]
        message = f"{name} is never active: the tests around it leave no value of {', '.join(when[name])}"
        help_ = "it is left out of the search: mend the tests, or the options that they ask for"
        span = first.domain.span
        found.append(first.file.diagnostic("HPO237", message, span, severity="warning", help=help_))
    return {name: conjunction for name, conjunction in when.items() if name in named}


def _is_never(conjunction: Conjunction, when: Mapping[str, Conjunction]) -> bool:
    return any(not values or _is_never(when.get(p, {}), when) for p, values in conjunction.items())


def _lists(when: Conjunction) -> dict[str, list[Any]]:
    return {parent: list(values) for parent, values in when.items()}


def _parameters(
    name: str, targets: list[Target], when: Conjunction, found: list[Diagnostic]
) -> Iterator[MarkedParameter]:
    """Yield a hyperparameter, and those below its options."""
    places = tuple(_place(target, found) for target in targets)
    first = targets[0]
    written = first.domain.to_json()
    condition = [{"name": parent, "values": list(values)} for parent, values in when.items()]
    defaults = {name: places[0].default} if places[0].inside else {}
    if first.domain.options and first.domain.options[0].branch is not None:
        written = first.domain.parameter.to_json()
        for flat, sub, node in below(name, first):
            value, known = default(sub, node)
            defaults |= {flat: value} if known and sub.parameter.contains(value) else {}
    yield MarkedParameter(
        name, written["_type"], tuple(written["_value"]), tuple(condition) or None, places, defaults,
        _limits(written),
    )  # fmt: skip
    yield from _below(name, first.domain, places[0], defaults)


def _below(
    name: str, domain: Domain, place: MarkedPlace, defaults: Mapping[str, Any]
) -> Iterator[MarkedParameter]:
    """Yield the hyperparameters below the options of a nested choice."""
    waits: dict[str, tuple[Domain, list[str]]] = {}
    for option in domain.options:
        for key, sub in option.branch.domains.items() if option.branch is not None else ():
            assert option.branch is not None
            flat = flat_name(name, domain, option.branch, key)
            waits.setdefault(flat, (sub, []))[1].append(option.branch.name)
    for flat, (sub, names) in waits.items():
        written = sub.to_json()
        condition = ({"name": name, "values": names},)
        at = replace(place, default=defaults.get(flat), default_source="", inside=flat in defaults)
        yield MarkedParameter(
            flat, written["_type"], tuple(written["_value"]), condition, (at,), {}, _limits(written)
        )
        yield from _below(flat, sub, place, defaults)


def _limits(written: Mapping[str, Any]) -> dict[str, int]:
    return {key.removeprefix("_"): written[key] for key in ("_min", "_max") if key in written}


def _place(target: Target, found: list[Diagnostic]) -> MarkedPlace:
    """Return a place as it is shown; a value outside its domain is said, and a choice that is none."""
    file, domain, own = target.file, target.domain, target.own
    line, column = file.position(target.span.start)
    source = "" if own is None else file.segment(file.span(own))
    value, known = default(domain, own)
    inside = known and (own is None or domain.parameter.contains(value))
    if own is not None and not inside and (known or is_constant(own)):
        message = f"the value {brief(source)} lies outside {target.written}"
        help_ = "add it to the options" if domain.options else "widen the domain, or change the value"
        if domain.items:
            help_ = "list all that it has among the items, within the limits, or change the value"
        found.append(file.diagnostic("HPO233", message, file.span(own), severity="warning", help=help_))
    if domain.kind == "choice" and len(domain.options) == 1 and not target.mark.layers:
        listed = domain.options[0].code.startswith(("[", "("))
        message = "there is one option, and nothing to choose"
        help_ = "list them one by one: choice(1, 2)" if listed else "add an option, or remove the mark"
        found.append(file.diagnostic("HPO216", message, domain.span, severity="warning", help=help_))
    if domain.items and domain.parameter.values() is not None and len(domain.parameter.values() or ()) == 1:
        message, help_ = "there is one value, and nothing to choose", "add an item, or remove the mark"
        found.append(file.diagnostic("HPO216", message, domain.span, severity="warning", help=help_))
    shown = value if known else None
    return MarkedPlace(file.name, line, column, target.mark.spelling, shown, source, inside and known)
