"""What marked places are called, and which of them are one hyperparameter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from hpo.annotate.targets import Target
from hpo.errors import Diagnostic

__all__ = ["name_targets"]


def name_targets(targets: list[Target], found: list[Diagnostic]) -> dict[str, list[Target]]:
    """Return the hyperparameters by name, each with its places, in the order of the first place.

    A label is the name. Without one, the same target in the same scope is one hyperparameter; namesakes
    in different scopes are told apart by the shortest of call target, class, function and module.
    """
    groups: dict[str, list[list[Target]]] = defaultdict(list)
    for target in targets:
        for group in groups[target.base_name]:
            if _is_same(group[0], target):
                group.append(target)
                break
        else:
            groups[target.base_name].append([target])
    named: dict[str, list[Target]] = {}
    for base, rivals in groups.items():
        for name, group in zip(_names(base, rivals, found), rivals, strict=True):
            _check_domains(name, group, found)
            named[name] = group
    first = {name: targets.index(group[0]) for name, group in named.items()}
    return dict(sorted(named.items(), key=lambda item: first[item[0]]))


def _is_same(one: Target, other: Target) -> bool:
    if one.domain.label is not None or other.domain.label is not None:
        return one.domain.label == other.domain.label
    return (one.file, one.place.scope, one.place.target, one.place.owners) == (
        other.file, other.place.scope, other.place.target, other.place.owners,
    )  # fmt: skip


def _check_domains(name: str, group: list[Target], found: list[Diagnostic]) -> None:
    for target in group[1:]:
        if target.domain.parameter != group[0].domain.parameter:
            line, _ = group[0].file.position(group[0].mark.span.start)
            message = f"{name} has another domain here than in line {line}"
            found.append(target.error("HPO307", message, "give each a name= of its own, or the same domain"))


def _names(base: str, rivals: list[list[Target]], found: list[Diagnostic]) -> list[str]:
    if len(rivals) == 1:
        return [base]
    prefixes: tuple[Callable[[Target], str | None], ...] = (_owner, _class, _function, _module)
    tried: list[list[str]] = []
    for prefix in prefixes:
        each = [prefix(group[0]) for group in rivals]
        names = [f"{p}.{base}" if p else base for p in each]
        if len(set(names)) == len(names) and any(each):
            tried.append(names)
    if tried:
        return min(tried, key=lambda names: sum(map(len, names)))
    for group in rivals[1:]:
        message = f"{base} is the name of several hyperparameters"
        found.append(group[0].error("HPO308", message, "give each a name= of its own"))
    return [f"{base}#{i}" if i else base for i in range(len(rivals))]


def _owner(target: Target) -> str | None:
    return target.place.owners[-1] if target.place.owners else None


def _class(target: Target) -> str | None:
    scope = target.place.scope.enclosing("class")
    return scope.name if scope else None


def _function(target: Target) -> str | None:
    scope = target.place.scope.enclosing("function")
    return scope.name if scope else None


def _module(target: Target) -> str | None:
    return target.place.scope.module.name
