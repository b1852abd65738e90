"""What marked places are called, and which of them are one hyperparameter."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from hpo.annotate.space.targets import Target
from hpo.errors import Diagnostic

__all__ = ["name_targets"]

_GIVE_NAMES = "give each a name= of its own, as in uniform(0, 1, name=first)"


def name_targets(targets: Sequence[Target], found: list[Diagnostic]) -> dict[str, list[Target]]:
    """Return the hyperparameters by name, each with its places, in the order of the first place.

    A label is the name. Without one, the same target in the same scope is one hyperparameter; namesakes
    in different scopes are told apart by the shortest of call target, class, function and module.
    """
    groups: dict[object, list[Target]] = {}
    for target in targets:
        groups.setdefault(_identity(target), []).append(target)
    namesakes: dict[str, list[list[Target]]] = {}
    for group in groups.values():
        _check_domains(group, found)
        namesakes.setdefault(group[0].name, []).append(group)
    named: dict[str, list[Target]] = {}
    for rivals in namesakes.values():
        for name, group in zip(_names(rivals, found), rivals, strict=True):
            if name is None:
                continue  # said by `_names`
            if name in named:
                message = f"{name} is the name of two hyperparameters"
                related = [(named[name][0], "the other is marked here")]
                found.append(group[0].diagnostic("HPO232", message, _GIVE_NAMES, related))
            named.setdefault(name, group)
    order = {id(target): i for i, target in enumerate(targets)}
    return dict(sorted(named.items(), key=lambda item: order[id(item[1][0])]))


def _identity(target: Target) -> object:
    if target.domain.label is not None:
        return target.domain.label
    place = target.place
    return target.file.path, id(place.scope), place.owners, place.name, place.target


def _check_domains(group: list[Target], found: list[Diagnostic]) -> None:
    first = group[0]
    for target in group[1:]:
        if target.domain.to_json() == first.domain.to_json():
            continue
        labelled = target.domain.label is not None
        message = f"{target.name} has another domain here: {target.written}"
        if labelled:
            help_ = "one name is one hyperparameter: give both the same domain, or another name="
        else:
            help_ = f"one target in one scope is one hyperparameter: {_GIVE_NAMES}"
        related = [(first, f"here it is {first.written}")]
        found.append(target.diagnostic("HPO231", message, help_, related))


def _names(rivals: list[list[Target]], found: list[Diagnostic]) -> Sequence[str | None]:
    """Return a name for each of several hyperparameters that would be called the same, or None."""
    firsts = [group[0] for group in rivals]
    base = firsts[0].name
    if len(rivals) == 1:
        return [base]
    for kinds in _prefixes(firsts):
        tried = [[f"{p}.{base}" if (p := _prefix(t, kind)) else base for t in firsts] for kind in kinds]
        telling = [names for names in tried if len(set(names)) == len(names)]
        if telling:
            return min(telling, key=lambda names: sum(map(len, names)))
    for target in firsts[1:]:
        message = f"{base} is the name of {len(firsts)} hyperparameters, and no prefix tells them apart"
        related = [(firsts[0], "the first is marked here")]
        found.append(target.diagnostic("HPO232", message, _GIVE_NAMES, related))
    return [base, *[None] * (len(rivals) - 1)]


Part = Callable[[Target], str]


def _prefixes(rivals: Sequence[Target]) -> Iterator[Sequence[tuple[Part, ...]]]:
    """Yield what may tell namesakes apart: one thing if it can be, then more and more of the path."""
    root = Path(os.path.commonpath([target.file.path.parent for target in rivals]))

    def file(target: Target) -> str:
        path = target.file.path.with_suffix("").relative_to(root)
        return ".".join(path.parts[:-1] if path.name == "__init__" and path.parts[1:] else path.parts)

    yield [(_owner,), (_class,), (_function,), (_module,)]
    yield [(_path,), (_path, _owner)]
    yield [(_module, _path), (_module, _path, _owner)]
    yield [(file,), (file, _path), (file, _path, _owner)]


def _prefix(target: Target, parts: Sequence[Part]) -> str:
    if target.domain.label is not None:
        return ""  # a label is never changed
    return ".".join(filter(None, (part(target) for part in parts)))


def _owner(target: Target) -> str:
    return target.place.owners[-1] if target.place.owners else ""


def _class(target: Target) -> str:
    scope = target.place.scope.enclosing("class")
    return scope.name if scope else ""


def _function(target: Target) -> str:
    scope = target.place.scope.enclosing("function")
    return scope.name if scope else ""


def _module(target: Target) -> str:
    return target.place.scope.module.name


def _path(target: Target) -> str:
    return ".".join(target.place.scope.path)
