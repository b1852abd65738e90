"""The types of an experiment file's fields, and what becomes of each field.

A field of the two file models carries one of two marks: `Sets` names the field of `Config` that it gives,
`Ignored` says why it is read and left, and what takes its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from hpo.config.duration import parse_duration
from hpo.config.size import parse_size
from hpo.config.target import Target
from hpo.errors import UsageError
from hpo.tuners import BUILT_IN_ASSESSORS, BUILT_IN_TUNERS

__all__ = [
    "Arguments",
    "AssessorName",
    "Count",
    "Duration",
    "ELSEWHERE",
    "FileModel",
    "GpuCount",
    "GpuIndices",
    "Ignored",
    "LogLevel",
    "OneOrMore",
    "OwnFields",
    "Platform",
    "Sets",
    "Size",
    "StopWhen",
    "Text",
    "TunerName",
    "submodel",
]


@dataclass(frozen=True)
class Sets:
    """Mark a field that gives a field of `Config`."""

    target: str


@dataclass(frozen=True)
class Ignored:
    """Mark a field that has no meaning here; without a note, nobody misses it.

    Nor does anybody who wrote `unless`, the value that says nothing.
    """

    note: str | None = None
    unless: Any = None


class FileModel(BaseModel):
    """A mapping of an experiment file, in NNI's camel case."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=False, extra="forbid", strict=True, frozen=True
    )

    @classmethod
    def aliases(cls) -> Iterator[tuple[str, str, Sets | Ignored | None, type[FileModel] | None]]:
        """Yield each field's name, alias, mark, and model where it is a mapping of its own."""
        for name, info in cls.model_fields.items():
            mark = next((each for each in info.metadata if isinstance(each, Sets | Ignored)), None)
            yield name, info.alias or name, mark, submodel(info.annotation)


def submodel(annotation: Any) -> type[FileModel] | None:
    """Return the file model in a field's annotation, if there is one."""
    for each in (annotation, *get_args(annotation)):
        if isinstance(each, type) and issubclass(each, FileModel):
            return each
    return None


def _read(kind: str, read: Callable[[Any], Any]) -> BeforeValidator:
    """Let a field take what a function reads, and say what the function says."""

    def validated(written: Any) -> Any:
        try:
            return read(written)
        except UsageError as error:
            raise PydanticCustomError(
                kind, "{message}", {"message": str(error), "help": error.help}
            ) from None

    return BeforeValidator(validated)


def _stop_when(written: Any) -> str:
    return Target(str(written)).text


def _gpu_count(written: Any) -> Any:
    if isinstance(written, int | float) and written > 1 and written != int(written):
        help_ = "write a part of one GPU, such as 0.5, or whole ones"
        message = f"a trial cannot have {written:g} GPUs"
        raise PydanticCustomError("gpu_count", "{message}", {"message": message, "help": help_})
    return written


def _platform(written: Any) -> Any:
    return written.lower() if isinstance(written, str) else written


def _gpu_indices(written: Any) -> Any:
    parts = written.split(",") if isinstance(written, str) else written
    parts = parts if isinstance(parts, list) else [parts]
    numbers = [part.strip() if isinstance(part, str) else part for part in parts]
    indices = [int(n) if isinstance(n, str) and n.isascii() and n.isdigit() else n for n in numbers]
    help_ = "write gpuIndices: 0,3 or [0, 3]"
    if not indices or any(not isinstance(i, int) or isinstance(i, bool) or i < 0 for i in indices):
        raise PydanticCustomError(
            "gpu_indices", "{got} is no list of GPU indices", {"got": repr(written), "help": help_}
        )
    if len(set(indices)) != len(indices):
        raise PydanticCustomError(
            "gpu_indices", "{got} names a GPU twice", {"got": repr(written), "help": help_}
        )
    return tuple(indices)


_DURATION_SCHEMA = {
    "anyOf": [
        {"type": "string", "pattern": r"^\s*(\d+(\.\d*)?|\.\d+)\s*[smhdSMHD]?\s*$"},
        {"type": "number", "exclusiveMinimum": 0},
    ]
}
_SIZE_SCHEMA = {
    "anyOf": [
        {"type": "string", "pattern": r"^\s*(\d+(\.\d*)?|\.\d+)\s*[KMGTkmgt]?([iI]?[bB])?\s*$"},
        {"type": "integer", "exclusiveMinimum": 0},
    ]
}
_GPU_SCHEMA = {
    "anyOf": [
        {"type": "string", "pattern": r"^\s*\d+\s*(,\s*\d+\s*)*$"},
        {"type": "integer", "minimum": 0},
        {"type": "array", "items": {"type": "integer", "minimum": 0}, "uniqueItems": True, "minItems": 1},
    ]
}


def _names(built_in: Iterable[str]) -> WithJsonSchema:
    """Let editors complete the names of ours; packages may bring others."""
    return WithJsonSchema({"anyOf": [{"enum": list(built_in)}, {"type": "string", "minLength": 1}]})


Text = Annotated[str, Field(min_length=1)]
TunerName = Annotated[str, Field(min_length=1), _names(BUILT_IN_TUNERS)]
AssessorName = Annotated[str, Field(min_length=1), _names(BUILT_IN_ASSESSORS)]
Count = Annotated[int, Field(ge=0)]
OneOrMore = Annotated[int, Field(ge=1)]
Duration = Annotated[float, _read("duration", parse_duration), WithJsonSchema(_DURATION_SCHEMA)]
Size = Annotated[int, _read("size", parse_size), WithJsonSchema(_SIZE_SCHEMA)]
StopWhen = Annotated[str, _read("stop_when", _stop_when), WithJsonSchema({"type": "string"})]
GpuCount = Annotated[float, Field(ge=0), BeforeValidator(_gpu_count)]
GpuIndices = Annotated[tuple[int, ...], BeforeValidator(_gpu_indices), WithJsonSchema(_GPU_SCHEMA)]
Arguments = dict[str, Any]
_PLATFORM = Literal[
    "local", "remote", "openpai", "pai", "paiyarn", "aml", "dlc", "kubeflow", "frameworkcontroller", "adl",
    "dlts", "hybrid", "heterogeneous",
]  # fmt: skip
Platform = Annotated[_PLATFORM, BeforeValidator(_platform)]
#: NNI's platforms but this machine.
ELSEWHERE = frozenset(get_args(_PLATFORM)) - {"local"}
LogLevel = Literal["trace", "debug", "info", "warning", "error", "fatal"]


class OwnFields(FileModel):
    """What both generations have and NNI has not."""

    seed: Annotated[Count | None, Sets("seed")] = Field(
        None, description="Seed of the tuner. Not a field of NNI's."
    )
    trial_cpu_number: Annotated[OneOrMore | None, Sets("cpus_per_trial")] = Field(
        None, description="Cores of a trial, which no other trial gets. Not a field of NNI's."
    )
    start_method: Annotated[Literal["fork", "spawn"], Sets("start_method")] = Field(
        "fork",
        description="Fork scripts from a process that has made their imports, or start each afresh (spawn). "
        "Not a field of NNI's.",
    )
    max_trial_memory: Annotated[Size | None, Sets("max_trial_memory")] = Field(
        None, description="A trial that uses more memory is stopped: 512M, 4G. Not a field of NNI's."
    )
    max_failures: Annotated[OneOrMore | None, Sets("max_failures")] = Field(
        None, description="After so many failed trials none starts. Not a field of NNI's."
    )
    stop_when: Annotated[StopWhen | None, Sets("stop_when")] = Field(
        None, description="The result that is good enough: val_acc>=0.99. Not a field of NNI's."
    )
    patience: Annotated[OneOrMore | None, Sets("patience")] = Field(
        None, description="After so many trials without a better result none starts. Not a field of NNI's."
    )
    retries: Annotated[Count | None, Sets("retries")] = Field(
        None, description="How often a trial that fails is run again. Not a field of NNI's."
    )
    repeat: Annotated[OneOrMore | None, Sets("repeat")] = Field(
        None, description="How often each trial is run; its result is the mean. Not a field of NNI's."
    )
