"""Read an experiment file, of either of NNI's generations, into `Config`.

The file becomes a document that knows its places, the document one of two file models (`nni_v1`,
`nni_v2`), and the model's marked fields the settings. Everything that is wrong is said at once.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from hpo.config.algorithm import read_algorithms
from hpo.config.document import Document, Key
from hpo.config.file_model import FileModel, Ignored, Sets
from hpo.config.generations import Place, dotted, generation_of, report_mixture
from hpo.config.model import Config
from hpo.config.nni_v1 import V1
from hpo.config.notes import CLUSTER, ELSEWHERE
from hpo.config.reading import read_fields
from hpo.config.space_file import load_space, read_space
from hpo.errors import ConfigError, Diagnostic, UsageError

__all__ = ["load"]


def load(path: Path, *, given: Collection[str] = ()) -> Config:
    """Read an experiment file.

    Args:
        path: the file.
        given: the settings of `Config` that options give, so that the file need not.

    Raises:
        UsageError: it cannot be read.
        ConfigError: all that is wrong with it, each at its line and column.
    """
    document = Document(path)
    reader = _Reader(document, frozenset(given))
    settings = reader.read() if isinstance(document.root.value, Mapping) else {}
    if not isinstance(document.root.value, Mapping):
        document.report("HPO501", "the file holds no settings", (), help="write NAME: VALUE, one a line")
    found = [*document.diagnostics, *reader.found_elsewhere]
    if found:
        raise ConfigError(sorted(found, key=lambda d: (d.file != str(path), d.file, d.line, d.column)))
    return Config(**settings, notes=tuple(reader.notes))


class _Reader:
    """Turn one document into settings; what is wrong is reported on the way."""

    def __init__(self, document: Document, given: Collection[str]) -> None:
        self.document = document
        self.found_elsewhere: list[Diagnostic] = []
        self.notes: list[str] = []
        self._given = given
        self._settings: dict[str, Any] = {}
        self._places: dict[str, Place] = {}

    def read(self) -> dict[str, Any]:
        model = generation_of(self.document)
        mixed = report_mixture(self.document, model)
        read, self.notes = read_fields(self.document, model, mixed)
        self._take(read, ())
        algorithms, notes = read_algorithms(self.document, read, self._given)
        self._settings.update(algorithms)
        self.notes += notes
        self._space()
        self._code_directory()
        self._gpus()
        self._engine()
        if not self.document.diagnostics:  # else what seems to be missing may be what is wrong
            self._missing(model)
        return self._settings

    def _take(self, model: FileModel, place: Place) -> None:
        """Take over the marked fields; a later one that sets the same wins, as in NNI."""
        for name, alias, mark, _ in model.aliases():
            value = getattr(model, name)
            here = (*place, alias)
            if isinstance(value, FileModel):
                self._take(value, here)
            elif value is None:
                continue
            elif isinstance(mark, Sets):
                if mark.target == "space" and "space" in self._settings:
                    self._contradict("searchSpaceFile and searchSpace both give the space", here)
                self._settings[mark.target] = value
                self._places[mark.target] = here
            elif isinstance(mark, Ignored) and mark.note and value != mark.unless:
                self.notes.append(f"{dotted(here)} has no effect here: {mark.note}")

    # -- what the file names

    def _space(self) -> None:
        """Read the search space where it is given, unless options give another or none."""
        written = self._settings.pop("space", None)
        if written is None or not {"space", "use_annotation"}.isdisjoint(self._given):
            return
        place = self._places["space"]
        if self._settings.get("use_annotation"):
            self._contradict(
                f"useAnnotation reads the space from the code, and {dotted(place)} gives another", place
            )
        if isinstance(written, str):
            self._settings["space"] = self._space_in_file(written, place)
        else:
            self._settings["space"], found = read_space(self.document, place)
            self.document.diagnostics += found

    def _space_in_file(self, written: str, place: Place) -> Any:
        try:
            return load_space(self._folder / Path(written).expanduser())
        except ConfigError as error:
            self.found_elsewhere += error.diagnostics
        except UsageError as error:
            self.document.report("HPO508", error.message, place, help=error.help)
        return None

    def _code_directory(self) -> None:
        written = self._settings.get("code_directory", ".")
        folder = self._folder / Path(written).expanduser()
        if not folder.is_dir():
            message = f"there is no folder {folder}"
            help_ = "name the folder of the trial's code, relative to this file"
            self.document.report("HPO508", message, self._places["code_directory"], help=help_)
        self._settings["code_directory"] = folder.resolve()

    @property
    def _folder(self) -> Path:
        return self.document.path.parent

    # -- what belongs together

    def _engine(self) -> None:
        """Let another platform of NNI's mean a Ray cluster, where one is named."""
        platform = self._settings.pop("platform", "local")
        if platform == "local" or "engine" in {*self._settings, *self._given}:
            return
        field = dotted(self._places["platform"])
        if "RAY_ADDRESS" in os.environ or "ray_address" in {*self._settings, *self._given}:
            self._settings["engine"] = "ray"
            self.notes.append(f"{field} is {platform}: {CLUSTER}")
        else:
            self.notes.append(f"{field} has no effect here: {ELSEWHERE}")

    def _gpus(self) -> None:
        if "gpus_per_trial" not in self._given and not self._settings.get("gpus_per_trial"):
            for target in ("gpu_indices", "max_trials_per_gpu", "use_active_gpu"):
                if target in self._places:
                    self.notes.append(
                        f"{dotted(self._places[target])} has no effect: the trials ask for no GPU"
                    )

    def _missing(self, model: type[FileModel]) -> None:
        has = {*self._given, *self._settings}
        if "command" not in has:
            field = "trial.command" if model is V1 else "trialCommand"
            self._miss("there is no command to run", f"give {field}: python train.py")
        explicit = self._places.get("use_annotation")
        if explicit and not self._settings["use_annotation"] and has.isdisjoint({"space"}):
            field = "searchSpacePath" if model is V1 else "searchSpaceFile"
            message = "there is no search space, and useAnnotation is false"
            self._miss(message, f"give {field}: search_space.json, or set useAnnotation: true", explicit)

    def _miss(self, message: str, help: str, path: tuple[Key, ...] = ()) -> None:  # noqa: A002
        self.document.report("HPO507", message, path, help=help, at_key=True)

    def _contradict(self, message: str, place: Place) -> None:
        self.document.report("HPO506", message, place, help="leave one of the two out", at_key=True)
