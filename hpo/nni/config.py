"""The configuration that a program writes field by field, as NNI's `experiment.config` is.

The fields are those of the v2 file model, which says all that is wrong with their values when the
experiment starts.
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar

from hpo.config.file_model import FileModel, submodel
from hpo.config.nni_v2 import V2, V2TrainingService, V2Tuner

__all__ = [
    "AlgorithmConfig",
    "CustomAlgorithmConfig",
    "ExperimentConfig",
    "LocalConfig",
    "RemoteConfig",
    "RemoteMachineConfig",
    "Section",
]

#: Paths in a program are relative to the folder that it runs in, and not to a file.
_PATHS = frozenset(
    {"search_space_file", "trial_code_directory", "code_directory", "experiment_working_directory"}
)


class Section:
    """A mapping of the configuration: its fields are attributes, and those that were not set are None.

    Args:
        **fields: their first values.
    """

    model: ClassVar[type[FileModel]]

    def __init__(self, **fields: Any) -> None:
        for name, value in fields.items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self.model.model_fields:
            raise self._unknown(name)
        super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        info = self.model.model_fields.get(name)
        if info is None:
            raise self._unknown(name)
        inner = submodel(info.annotation)
        if inner is None and name != "class_args":
            return None
        # Sections and arguments are there to be filled in: config.tuner.class_args["seed"] = 1
        made: Any = {} if inner is None else type(inner.__name__, (Section,), {"model": inner})()
        super().__setattr__(name, made)
        return made

    def _unknown(self, name: str) -> AttributeError:
        close = get_close_matches(name, self.model.model_fields, n=1)
        hint = f": did you mean {close[0]}?" if close else ""
        return AttributeError(f"the configuration has no field {name}{hint}")

    def to_json(self) -> dict[str, Any]:
        """Return what a v2 file would hold."""
        written = {}
        for name, value in vars(self).items():
            alias = self.model.model_fields[name].alias or name
            plain = _plain(Path(value).expanduser().absolute() if name in _PATHS and value else value)
            if plain is not None and plain != {}:
                written[alias] = plain
        return written


class ExperimentConfig(Section):
    """The configuration of an experiment.

    Args:
        training_service_platform: where trials run: local.
        **fields: others.
    """

    model = V2

    def __init__(self, training_service_platform: str | list[str] | None = None, **fields: Any) -> None:
        services: Any = None
        if isinstance(training_service_platform, list):
            services = [{"platform": platform} for platform in training_service_platform]
        elif training_service_platform not in (None, "local"):
            services = _Elsewhere(platform=training_service_platform)
        super().__init__(**({"training_service": services} if services else {}), **fields)


class AlgorithmConfig(Section):
    """A tuner or an assessor by its name."""

    model = V2Tuner


class CustomAlgorithmConfig(AlgorithmConfig):
    """A tuner or an assessor of one's own, by `class_name` and `code_directory`."""


class LocalConfig(Section):
    """How trials share this machine."""

    model = V2TrainingService


class _Elsewhere(Section):
    """Machines elsewhere: whatever is said of them is passed on, for the note that it is not read."""

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return None

    def to_json(self) -> dict[str, Any]:
        return {name: _plain(value) for name, value in vars(self).items() if value is not None}


class RemoteConfig(_Elsewhere):
    """Machines reached by SSH."""

    def __init__(self, **fields: Any) -> None:
        super().__init__(platform="remote", **fields)


class RemoteMachineConfig(_Elsewhere):
    """One of them."""


def _plain(value: Any) -> Any:
    if isinstance(value, Section):
        return value.to_json()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return {key: _plain(each) for key, each in value.items()} if isinstance(value, dict) else value
