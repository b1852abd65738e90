"""Read the tuner and the assessor of an experiment file, of either generation, ours or the user's own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import hpo.tuners
from hpo.config.document import Document
from hpo.config.file_model import FileModel
from hpo.config.legacy import OTHER_NAMES, SEARCHES_ARCHITECTURES, modern
from hpo.config.model import Algorithm
from hpo.config.own_class import FIELDS, own_class
from hpo.errors import TunerError
from hpo.tuners.assessor import Assessor
from hpo.tuners.base import Direction, Tuner
from hpo.tuners.custom import (
    check_arguments,
    default_direction,
    load_assessor,
    load_tuner,
    missing_arguments,
)

__all__ = ["read_algorithms"]

_MODES = ("maximize", "minimize")


def read_algorithms(
    document: Document, read: FileModel, given: Collection[str]
) -> tuple[dict[str, Any], list[str]]:
    """Return the settings that the tuner (or advisor) and the assessor give, and notes.

    The settings are `tuner`, `assessor`, and `direction` and `seed` where the arguments have them;
    mistakes are reported.

    Args:
        document: the file.
        read: what is right in it.
        given: the settings that options give.
    """
    tuner, advisor, assessor = (getattr(read, name, None) for name in ("tuner", "advisor", "assessor"))
    if tuner is not None and advisor is not None:
        message = "an advisor is a tuner, and there is a tuner as well"
        document.report("HPO506", message, ("advisor",), help="leave one of the two out", at_key=True)
    kind, written = ("tuner", tuner) if advisor is None else ("advisor", advisor)
    settings: dict[str, Any] = {}
    notes: list[str] = []
    default: tuple[str, Direction] | None = None
    if written is not None:
        first = _TunerReader(document, kind, written, given, settings)
        first.read()
        notes, default = first.notes, first.default
    if assessor is not None:
        _AssessorReader(document, "assessor", assessor, given, settings, default).read()
    return settings, notes


@dataclass
class _Reader:
    """Read one section: whose class it names, and the arguments that it gives."""

    document: Document
    kind: str
    written: FileModel
    given: Collection[str]
    settings: dict[str, Any]

    setting: ClassVar[str]
    find: ClassVar[Callable[[str], type]]
    names: ClassVar[Callable[[], tuple[str, ...]]]
    load: ClassVar[Callable[[Path, str], type]]

    def read(self) -> None:
        name, file, cls = self._class()
        arguments = dict(getattr(self.written, "class_args", None) or {})
        # The arguments of a class of NNI's kind are its own business, all of them.
        is_ours = cls is None or issubclass(cls, Tuner | Assessor)
        own = self.take(arguments, name, cls, is_ours=is_ours)
        if cls is not None:
            kept = own if is_ours else arguments
            self._check(name, cls, kept)
            self.settings[self.setting] = Algorithm(name=name, file=file, class_args=kept)

    def take(
        self, arguments: dict[str, Any], name: str, cls: type | None, *, is_ours: bool
    ) -> dict[str, Any]:
        """Take over what the arguments say of the experiment, and return the others."""
        raise NotImplementedError

    # -- the class

    def _class(self) -> tuple[str, Path | None, type | None]:
        fields = ("name", f"builtin_{self.kind}_name")
        name = next((n for n in (getattr(self.written, f, None) for f in fields) if n), None)
        own = next((f for f in FIELDS if getattr(self.written, f, None)), None)
        if name is not None and own is not None:
            message = f"{name} is one of ours, and {self.kind} speaks of a class of your own as well"
            self.report("HPO506", message, own, help="leave one of the two out")
        elif own is not None:
            return self._own()
        elif name is not None:
            return self._ours(name)
        elif not self.document.diagnostics:  # else the name may be there, and wrong
            names = ", ".join(type(self).names())
            self.report("HPO507", f"the {self.kind} has no name", help=f"name one of {names}")
        return name or "", None, None

    def _ours(self, name: str) -> tuple[str, None, type | None]:
        """Return an algorithm by its name, in any case; some of NNI's may end in Tuner, as in GPTuner."""
        short = name.lower().removesuffix("tuner")
        known = (each for each in type(self).names() if each.lower() in (name.lower(), short))
        same = next(known, OTHER_NAMES.get(short, name))
        try:
            return same, None, type(self).find(same)
        except TunerError as error:
            field = "name" if hasattr(self.written, "name") else f"builtin{self.kind.title()}Name"
            is_of_others = short in SEARCHES_ARCHITECTURES
            instead = "it is for neural architectures, which hpo does not search; name another, such as TPE"
            self.report("HPO510", error.message, field, help=instead if is_of_others else error.help)
            return name, None, None

    def _own(self) -> tuple[str, Path | None, type | None]:
        if self.setting in self.given:
            return "", None, None  # an option names another: this one is not loaded, and may be broken
        found = own_class(self.written, self.document.path.parent, self.kind, self.report)
        if found is None:
            return "", None, None
        file, name = found
        try:
            return name, file, type(self).load(file, name)
        except TunerError as error:
            self.report("HPO510", error.message, "className", help=error.help)
            return name, file, None

    # -- the arguments

    def _check(self, name: str, cls: type, arguments: Mapping[str, Any]) -> None:
        for argument, value in arguments.items():
            try:
                check_arguments(cls, {argument: value})
            except TunerError as error:
                self.report("HPO510", error.message, "classArgs", argument, help=error.help)
        for argument in missing_arguments(cls, arguments):
            place = "classArgs" if getattr(self.written, "class_args", None) else "className"
            message = f"{name} needs the argument {argument!r}"
            self.report("HPO510", message, place, help=f"write classArgs: {{{argument}: ...}}")

    def refuse_mode(self, mode: Any) -> None:
        """Report an `optimize_mode` that is none."""
        message = f"optimize_mode takes maximize or minimize, not {mode!r}"
        self.report("HPO504", message, "classArgs", "optimize_mode", help="write optimize_mode: maximize")

    def report(self, code: str, message: str, *field: str, help: str | None) -> None:  # noqa: A002
        """Report a mistake at a field of the section, or at its name."""
        self.document.report(code, message, (self.kind, *field), help=help, at_key=not field)


@dataclass
class _TunerReader(_Reader):
    """Read the tuner, whose arguments may have the direction and the seed of the experiment.

    Attributes:
        default: the tuner's name and its own direction, which holds where nobody says another.
    """

    notes: list[str] = field(default_factory=list)
    default: tuple[str, Direction] | None = None

    setting = "tuner"
    find, names, load = hpo.tuners.find, hpo.tuners.names, load_tuner

    def take(
        self, arguments: dict[str, Any], name: str, cls: type | None, *, is_ours: bool
    ) -> dict[str, Any]:
        own, notes = modern(name, arguments) if is_ours else (arguments, [])
        self.notes += notes
        own = dict(own)
        self._direction(own.pop("optimize_mode", None), name, cls, is_ours=is_ours)
        self._seed(own.pop("seed", None), is_ours=is_ours)
        return own

    def _direction(self, mode: Any, name: str, cls: type | None, *, is_ours: bool) -> None:
        if mode in _MODES:
            self.settings["direction"] = mode
        elif mode is not None and is_ours:
            self.refuse_mode(mode)
        elif cls is not None and {"direction", "tuner"}.isdisjoint(self.given):
            own = default_direction(cls, {})
            self.default = name, own
            self.settings["own_direction"] = own
            self.notes.append(f"{self.kind}.classArgs has no optimize_mode: {name} will {own}, its default")

    def _seed(self, seed: Any, *, is_ours: bool) -> None:
        is_seed = isinstance(seed, int) and not isinstance(seed, bool) and seed >= 0
        if seed is None or not (is_ours or is_seed):
            return
        path = ("classArgs", "seed")
        above = self.document.root.value.get("seed")
        if not is_seed:
            message = f"seed takes a whole number of 0 or more, not {seed!r}"
            self.report("HPO504", message, *path, help="write seed: 1")
        elif above not in (None, seed):
            message = f"the tuner's seed is {seed}, and the experiment's {above}"
            self.report("HPO506", message, *path, help="leave one of the two out")
        else:
            self.settings["seed"] = seed


@dataclass
class _AssessorReader(_Reader):
    """Read the assessor, which goes by the direction of the experiment, and may say it.

    Args:
        default: the tuner and the direction that it takes by itself, where that is the experiment's.
    """

    default: tuple[str, Direction] | None

    setting = "assessor"
    find, names, load = hpo.tuners.find_assessor, hpo.tuners.assessor_names, load_assessor

    def take(
        self, arguments: dict[str, Any], name: str, cls: type | None, *, is_ours: bool
    ) -> dict[str, Any]:
        own = dict(arguments)
        mode = own.pop("optimize_mode", None)
        if mode in _MODES:
            self._direction(mode)
        elif mode is not None and is_ours:
            self.refuse_mode(mode)
        return own

    def _direction(self, mode: str) -> None:
        if "direction" in self.given:
            return  # options win over the file
        tuner, direction = self.default or ("the tuner", self.settings.get("direction", mode))
        if direction != mode:
            by_itself = " by itself" if self.default else ""
            message = f"the assessor is to {mode}, and {tuner} will {direction}{by_itself}"
            help_ = "write the same optimize_mode in the classArgs of both"
            self.report("HPO506", message, "classArgs", "optimize_mode", help=help_)
        self.settings["direction"] = direction
