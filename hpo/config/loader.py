"""Read an experiment file, of either of NNI's generations, into `Config`.

The file becomes a document that knows its places, the document one of two file models (`nni_v1`,
`nni_v2`), and the model's marked fields the settings. Everything that is wrong is said at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

import hpo.tuners
from hpo.config.document import Document, Key, fold
from hpo.config.fields import FileModel, Ignored, Sets
from hpo.config.model import Algorithm, Config
from hpo.config.nni_v1 import V1
from hpo.config.nni_v2 import V2
from hpo.config.space_file import load_space, read_space
from hpo.errors import ConfigError, Diagnostic, TunerError, UsageError

__all__ = ["load"]

# Codes: 302 syntax, 303 unknown field, 304 wrong value, 305 generations mixed, 306 contradiction or something
# missing, 307 something that is not there yet, 308 an unknown tuner.


def load(path: Path) -> Config:
    """Read an experiment file.

    Raises:
        UsageError: it cannot be read.
        ConfigError: all that is wrong with it, each at its line and column.
    """
    document = Document(path)
    reader = _Reader(document)
    config = reader.read()
    if config is None or reader.found:
        raise ConfigError(sorted(reader.found, key=lambda d: (d.file, d.line, d.column)))
    return config


class _Reader:
    """Turn one document into settings, collecting what is wrong on the way."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.found: list[Diagnostic] = list(document.diagnostics)
        self.settings: dict[str, Any] = {}
        self.notes: list[str] = []

    def error(self, code: str, message: str, *path: Key, help: str, at_key: bool = False) -> None:  # noqa: A002
        place = self.document.find_key(path) if at_key else self.document.find(path)
        self.found.append(self.document.diagnostic(code, message, place, help=help))

    def read(self) -> Config | None:
        data = self.document.root.value
        if not isinstance(data, Mapping):
            self.error("HPO302", "the file holds no settings", help="write NAME: VALUE, one a line")
            return None
        model = self._generation(data)
        named = self._renamed(model, data, ())
        try:
            read = model.model_validate(named)
        except ValidationError as error:
            self._wrong_values(error)
            return None
        self._take(read, ())
        self._algorithms(read)
        self._platform(read)
        self._space(read)
        self._paths()
        self._contradictions(read)
        return None if self.found else Config(**self.settings, notes=tuple(self.notes))

    # -- fields

    def _generation(self, data: Mapping[str, Any]) -> type[FileModel]:
        aliases = {model: {fold(alias) for _, alias, _, _ in model.aliases()} for model in (V1, V2)}
        first = [key for key in data if fold(key) in aliases[V1] - aliases[V2]]
        second = [key for key in data if fold(key) in aliases[V2] - aliases[V1]]
        if first and second:
            self.error(
                "HPO305",
                f"{first[0]} belongs to NNI's v1 schema, and {second[0]} to its v2",
                second[0],
                help="keep to one of the two; docs/configuration.md lists their fields",
                at_key=True,
            )
        return V1 if first else V2

    def _renamed(
        self, model: type[FileModel], data: Mapping[str, Any], path: tuple[Key, ...]
    ) -> dict[str, Any]:
        """Return a mapping under the model's own spelling of its keys; refuse those it does not know."""
        fields = {fold(alias): (alias, sub) for _, alias, _, sub in model.aliases()}
        renamed: dict[str, Any] = {}
        for key, value in data.items():
            if fold(key) not in fields:
                close = get_close_matches(fold(key), fields, n=1)
                hint = f"did you mean {fields[close[0]][0]}?" if close else "remove it"
                self.error("HPO303", f"there is no field {key}", *path, key, help=hint, at_key=True)
                continue
            alias, sub = fields[fold(key)]
            nested = sub is not None and isinstance(value, Mapping)
            renamed[alias] = self._renamed(sub, value, (*path, key)) if nested and sub else value
        return renamed

    def _wrong_values(self, error: ValidationError) -> None:
        for each in error.errors():
            path = tuple(each["loc"])
            name = ".".join(map(str, path))
            message = each["msg"].removeprefix("Input should be ")
            wanted = f"it should be {message}" if message != each["msg"] else message
            help_ = (each.get("ctx") or {}).get("help") or wanted
            self.error("HPO304", f"{name} is {each['input']!r}; {wanted}", *path, help=help_)

    def _take(self, model: FileModel, path: tuple[str, ...]) -> None:
        for name, alias, mark, _ in model.aliases():
            value = getattr(model, name)
            if value is None:
                continue
            if isinstance(value, FileModel):
                self._take(value, (*path, alias))
            elif isinstance(mark, Sets):
                self.settings[mark.target] = value
            elif isinstance(mark, Ignored) and mark.note:
                self.notes.append(f"{'.'.join((*path, alias))} has no effect here: {mark.note}")

    # -- algorithms

    def _algorithms(self, read: FileModel) -> None:
        for kind in ("tuner", "advisor"):
            written = getattr(read, kind)
            if written is not None:
                self._tuner(kind, written)
        if getattr(read, "assessor", None) is not None:
            self.error("HPO307", "there are no assessors yet", "assessor", help="leave it out", at_key=True)

    def _tuner(self, kind: str, written: Any) -> None:
        if any(getattr(written, name, None) for name in ("class_name", "class_file_name")):
            self.error(
                "HPO307", f"a {kind} of your own is not supported yet", kind, help="name a built-in tuner"
            )
            return
        key = "name" if hasattr(written, "name") else f"builtin_{kind}_name"
        name = getattr(written, key)
        if name is None:
            self.error("HPO306", f"the {kind} has no name", kind, help="name it, such as TPE", at_key=True)
            return
        try:
            hpo.tuners.find(name)
        except TunerError as error:
            self.error("HPO308", str(error), kind, key, help=error.help or "")
            return
        arguments = dict(written.class_args or {})
        mode = arguments.pop("optimize_mode", None)
        if mode in ("maximize", "minimize"):
            self.settings["direction"] = mode
        elif mode is not None:
            path = (kind, "classArgs", "optimize_mode")
            self.error("HPO304", f"optimize_mode is {mode!r}", *path, help="it is maximize or minimize")
        else:
            direction = hpo.tuners.find(name).default_direction
            self.notes.append(
                f"no optimize_mode is given: the results are to {direction}, as with NNI's {name}"
            )
        seed = arguments.pop("seed", None)
        if seed is not None:
            self.settings.setdefault("seed", seed)
        self.settings["tuner"] = Algorithm(name=name, class_args=arguments)

    # -- what belongs together

    def _platform(self, read: FileModel) -> None:
        service = getattr(read, "training_service", None)
        path = ("trainingService", "platform") if service else ("trainingServicePlatform",)
        platform = service.platform if service else getattr(read, "training_service_platform", None)
        if platform not in (None, "local"):
            self.error("HPO307", f"trials run on this machine, not on {platform}", *path, help="write local")
        if getattr(read, "multi_phase", None):
            self.error(
                "HPO307", "multiPhase is not supported, as in NNI itself", "multiPhase", help="write false"
            )

    def _space(self, read: FileModel) -> None:
        written = self.settings.get("space")
        if isinstance(written, str):
            key = "searchSpacePath" if isinstance(read, V1) else "searchSpaceFile"
            try:
                self.settings["space"] = load_space(self._folder / written)
            except ConfigError as error:
                self.found += error.diagnostics
            except UsageError as error:
                self.error("HPO306", error.message, key, help=error.help or "")
        elif written is not None:
            key = next(str(k) for k in self.document.root.children if fold(k) == "searchspace")
            space, found = read_space(self.document, (key,))
            self.found += found
            self.settings["space"] = space

    @property
    def _folder(self) -> Path:
        return self.document.path.absolute().parent

    def _paths(self) -> None:
        written = Path(self.settings.get("code_directory", ".")).expanduser()
        self.settings["code_directory"] = (self._folder / written).resolve()

    def _contradictions(self, read: FileModel) -> None:
        given: Iterator[str] = (
            k for k in ("searchSpacePath", "searchSpaceFile", "searchSpace") if self._has(k)
        )
        space = next(given, None)
        if self.settings.get("use_annotation") and space is not None:
            message = f"useAnnotation reads the space from the code, and {space} gives another"
            self.error("HPO306", message, space, help="leave one of the two out", at_key=True)
        if "command" not in self.settings:
            where = "trial.command" if isinstance(read, V1) else "trialCommand"
            self.error("HPO306", "there is no command to run", help=f"give {where}: python train.py")

    def _has(self, name: str) -> bool:
        return any(fold(key) == fold(name) for key in self.document.root.children)
