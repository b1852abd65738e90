"""Read a document into a file model, and report each field that is unknown, doubled or ill-typed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from hpo.config.document import Document, Key, fold
from hpo.config.fields import ELSEWHERE
from hpo.config.file_model import FileModel
from hpo.config.generations import Place, dotted, places
from hpo.config.notes import SEVERAL_SERVICES
from hpo.config.wording import wording

__all__ = ["read_fields"]

#: Mappings whose fields differ from platform to platform.
_OF_THE_PLATFORM = {"trial", "trainingservice"}

_ROLES = ("worker", "master", "taskroles")


def read_fields(
    document: Document, model: type[FileModel], passed_over: Collection[Place]
) -> tuple[FileModel, list[str]]:
    """Return what is right in a document, and notes; the rest is reported.

    What describes machines elsewhere is neither checked nor read: each platform has fields of its own.

    Args:
        document: its root is a mapping.
        model: one of the two generations.
        passed_over: fields that are reported already.
    """
    naming = _Naming(document, passed_over)
    named = naming.named(model, document.root.value, ())
    while True:  # each round reports what is wrong and leaves it out; what is left is right
        try:
            read = model.model_validate(named)
            break
        except ValidationError as error:
            problems = error.errors(include_url=False)
        for each in problems:
            if not naming.is_of_a_platform(each["loc"]):
                _report(document, each)
            _remove(named, each["loc"])
    for place in naming.unknown:
        if not naming.is_of_a_platform(place):
            _report_unknown(document, model, place)
    return read, naming.notes


def _report(document: Document, error: Any) -> None:
    name = ".".join(map(str, error["loc"]))
    message, help_ = wording(name, error)
    document.report("HPO504", message, error["loc"], help=help_)


def _remove(named: dict[str, Any], path: tuple[Key, ...]) -> None:
    """Remove the innermost part of a path that is there, unless something around it went already.

    A list goes whole, and so does a mapping that is read as one: it has no such part.
    """
    outer, name = named, str(path[0])
    for key in path[1:]:
        inner = outer.get(name)
        if not isinstance(inner, dict) or str(key) not in inner:
            break
        outer, name = inner, str(key)
    outer.pop(name, None)


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
        self.notes: list[str] = []
        self._is_elsewhere = False
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
            value = self._service(value) if alias == "trainingService" else value
            if alias in ("platform", "trainingServicePlatform"):
                self._is_elsewhere = str(value).lower() in ELSEWHERE
            if fold(alias) in _OF_THE_PLATFORM and isinstance(value, Mapping):
                value = _with_command(value, "command" if alias == "trial" else "trialCommand")
            if value is not None:
                named[alias] = self.named(sub, value, here) if sub and isinstance(value, Mapping) else value
        return named

    def is_of_a_platform(self, place: Sequence[Key]) -> bool:
        """Tell whether a field describes machines elsewhere, where the file speaks of such."""
        of_both = {"platform", "trainingserviceplatform"}
        return self._is_elsewhere and fold(place[0]) in _OF_THE_PLATFORM and fold(place[-1]) not in of_both

    def _service(self, value: Any) -> Any:
        """Return one training service of a list, which NNI allows: this machine, if it is among them."""
        if not isinstance(value, list) or not value:
            return value
        if len(value) > 1:
            self.notes.append(f"trainingService: {SEVERAL_SERVICES}")
        return next((each for each in value if _platform(each) == "local"), value[0])


def _with_command(section: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    """Return a section with the command of the role that does the work, where it has roles."""
    roles = {fold(name): value for name, value in section.items() if fold(name) in _ROLES}
    each = [role for name in _ROLES for role in _listed(roles.get(name)) if isinstance(role, Mapping)]
    commands = [role["command"] for role in each if role.get("command")]
    return {field: commands[0], **section} if commands else section


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _platform(service: Any) -> str:
    named = {fold(key): value for key, value in service.items()} if isinstance(service, Mapping) else {}
    return str(named.get("platform", "local")).lower()
