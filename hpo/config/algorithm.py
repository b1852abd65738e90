"""Read the tuner of an experiment file, of either generation, into what the experiment needs of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import hpo.tuners
from hpo.config.document import Document
from hpo.config.fields import FileModel
from hpo.config.model import Algorithm
from hpo.errors import TunerError
from hpo.tuners.arguments import checked_arguments
from hpo.tuners.base import Tuner

__all__ = ["read_tuner"]


def read_tuner(document: Document, read: FileModel, *, is_directed: bool) -> tuple[dict[str, Any], list[str]]:
    """Return the settings that the tuner (or advisor) gives, and notes; mistakes are reported.

    The settings are `tuner`, and `direction` and `seed` where its arguments have them.

    Args:
        document: the file.
        read: what is right in it.
        is_directed: whether an option says the direction.
    """
    tuner, advisor = getattr(read, "tuner", None), getattr(read, "advisor", None)
    if tuner is not None and advisor is not None:
        message = "an advisor is a tuner, and there is a tuner as well"
        document.report("HPO506", message, ("advisor",), help="leave one of the two out", at_key=True)
    kind, written = ("tuner", tuner) if advisor is None else ("advisor", advisor)
    if written is None:
        return {}, []
    return _TunerReader(document, kind, written, is_directed).read()


class _TunerReader:
    """Read one tuner section: its name, what its arguments say of the experiment, and the rest of them."""

    def __init__(self, document: Document, kind: str, written: FileModel, is_directed: bool) -> None:
        self._document = document
        self._is_directed = is_directed
        self._kind = kind
        self._written = written
        self._settings: dict[str, Any] = {}
        self._notes: list[str] = []

    def read(self) -> tuple[dict[str, Any], list[str]]:
        name, cls = self._class()
        arguments = dict(getattr(self._written, "class_args", None) or {})
        self._direction(arguments.pop("optimize_mode", None), name, cls)
        self._seed(arguments.pop("seed", None))
        if cls is not None:
            self._check_arguments(name, cls, arguments)
            self._settings["tuner"] = Algorithm(name=name, class_args=arguments)
        return self._settings, self._notes

    def _class(self) -> tuple[str, type[Tuner] | None]:
        fields = ("name", f"builtin_{self._kind}_name")
        name = next((n for n in (getattr(self._written, f, None) for f in fields) if n), None)
        own = next((f for f in ("class_name", "class_file_name") if getattr(self._written, f, None)), None)
        if own is not None:
            message = f"a {self._kind} of your own cannot be used yet"
            self._report("HPO509", message, own, help="name a built-in tuner, such as TPE")
        elif name is not None:
            return self._built_in(name)
        elif not self._document.diagnostics:  # else the name may be there, and wrong
            names = ", ".join(hpo.tuners.names())
            self._report("HPO507", f"the {self._kind} has no name", help=f"name one of {names}")
        return "", None

    def _built_in(self, name: str) -> tuple[str, type[Tuner] | None]:
        """Return a tuner by its name, which NNI compares without regard to case."""
        try:
            return name, hpo.tuners.find(name)
        except TunerError as error:
            own = next((each for each in hpo.tuners.names() if each.lower() == name.lower()), None)
            if own is not None:
                return own, hpo.tuners.find(own)
            field = "name" if hasattr(self._written, "name") else f"builtin{self._kind.title()}Name"
            self._report("HPO510", error.message, field, help=error.help)
            return name, None

    def _direction(self, mode: Any, name: str, cls: type[Tuner] | None) -> None:
        if mode in ("maximize", "minimize"):
            self._settings["direction"] = mode
        elif mode is not None:
            message = f"optimize_mode takes maximize or minimize, not {mode!r}"
            self._report(
                "HPO504", message, "classArgs", "optimize_mode", help="write optimize_mode: maximize"
            )
        elif cls is not None and not self._is_directed:
            where = f"{self._kind}.classArgs"
            self._notes.append(
                f"{where} has no optimize_mode: {name} will {cls.default_direction}, its default"
            )

    def _seed(self, seed: Any) -> None:
        if seed is None:
            return
        path = ("classArgs", "seed")
        above = self._document.root.value.get("seed")
        if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
            self._report(
                "HPO504", f"seed takes a whole number of 0 or more, not {seed!r}", *path, help="write seed: 1"
            )
        elif above not in (None, seed):
            message = f"the tuner's seed is {seed}, and the experiment's {above}"
            self._report("HPO506", message, *path, help="leave one of the two out")
        else:
            self._settings["seed"] = seed

    def _check_arguments(self, tuner: str, cls: type[Tuner], arguments: Mapping[str, Any]) -> None:
        for name, value in arguments.items():
            try:
                checked_arguments(tuner, cls, {name: value})
            except TunerError as error:
                self._report("HPO510", error.message, "classArgs", name, help=error.help)

    def _report(self, code: str, message: str, *field: str, help: str | None) -> None:  # noqa: A002
        self._document.report(code, message, (self._kind, *field), help=help, at_key=not field)
