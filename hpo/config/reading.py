"""Read a document into a file model, and report each field that is unknown, doubled or ill-typed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from hpo.config.document import Document, Key, fold
from hpo.config.fields import FileModel
from hpo.config.generations import Place, dotted, places
from hpo.config.wording import wording

__all__ = ["read_fields"]

#: Mappings whose fields differ from platform to platform.
_OF_THE_PLATFORM = {"trial", "trainingservice"}


def read_fields(document: Document, model: type[FileModel], passed_over: Collection[Place]) -> FileModel:
    """Return what is right in a document; the rest is reported.

    Args:
        document: its root is a mapping.
        model: one of the two generations.
        passed_over: fields that are reported already.
    """
    naming = _Naming(document, passed_over)
    named = naming.named(model, document.root.value, ())
    elsewhere = naming.several_services
    while True:  # each round reports what is wrong and leaves it out; what is left is right
        try:
            read = model.model_validate(named)
            break
        except ValidationError as error:
            problems = error.errors(include_url=False)
        elsewhere = elsewhere or any(each["type"] == "elsewhere" for each in problems)
        for each in problems:
            if each["type"] == "elsewhere" or not (elsewhere and fold(each["loc"][0]) in _OF_THE_PLATFORM):
                _report(document, each)
            _remove(named, each["loc"])
    for place in naming.unknown:
        if not (elsewhere and fold(place[0]) in _OF_THE_PLATFORM):
            _report_unknown(document, model, place)
    return read


def _report(document: Document, error: Any) -> None:
    name = ".".join(map(str, error["loc"]))
    message, help_ = wording(name, error)
    code = "HPO509" if error["type"] == "elsewhere" else "HPO504"
    document.report(code, message, error["loc"], help=help_)


def _remove(named: dict[str, Any], path: tuple[Key, ...]) -> None:
    """Remove the innermost part of a path that is there."""
    for key in path:
        inner = named.get(str(key))
        if key == path[-1] or not isinstance(inner, dict):
            named.pop(str(key), None)
            return
        named = inner


def _report_unknown(document: Document, generation: type[FileModel], place: Place) -> None:
    key = fold(place[-1])
    siblings = {fold(p[-1]): p[-1] for p in places(generation) if _same(p[:-1], place[:-1])}
    elsewhere = [p for p in places(generation) if fold(p[-1]) == key]
    close = get_close_matches(key, siblings, n=1)
    if elsewhere:
        help_ = f"its place is {' or '.join(map(dotted, elsewhere))}"
    elif close:
        help_ = f"did you mean {siblings[close[0]]}?"
    else:
        help_ = "remove it; docs/configuration.md lists the fields"
    document.report("HPO503", f"there is no field {dotted(place)}", place, help=help_, at_key=True)


def _same(one: Place, other: Place) -> bool:
    return tuple(map(fold, one)) == tuple(map(fold, other))


class _Naming:
    """Give the keys of a document the model's own spelling."""

    def __init__(self, document: Document, passed_over: Collection[Place]) -> None:
        self.unknown: list[Place] = []
        self.several_services = False
        self._document = document
        self._passed_over = passed_over

    def named(self, model: type[FileModel], data: Mapping[str, Any], place: Place) -> dict[str, Any]:
        """Return a mapping without its fields that are unknown, or null, which is as good as left out."""
        fields = {fold(alias): (alias, sub) for _, alias, _, sub in model.aliases()}
        named: dict[str, Any] = {}
        spelt: dict[str, str] = {}
        for key, value in data.items():
            here = (*place, key)
            alias, sub = fields.get(fold(key), (None, None))
            if here in self._passed_over:
                continue
            if alias is None:
                self.unknown.append(here)
                continue
            if alias in spelt:
                message = f"{spelt[alias]} and {key} are the same field"
                self._document.report("HPO502", message, here, help="remove one of the two", at_key=True)
                continue
            spelt[alias] = key
            value = self._service(value, here) if alias == "trainingService" else value
            if value is not None:
                named[alias] = self.named(sub, value, here) if sub and isinstance(value, Mapping) else value
        return named

    def _service(self, value: Any, place: Place) -> Any:
        """Return the one training service of a list, which NNI allows."""
        if not isinstance(value, list) or not value:
            return value
        if len(value) == 1:
            return value[0]
        self.several_services = True
        message = "trials run on this machine, not on several training services"
        self._document.report("HPO509", message, place, help="write trainingService: {platform: local}")
        return None
