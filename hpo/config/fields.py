"""The types of settings: what an experiment file and the command line may write for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from hpo.config.duration import parse_duration
from hpo.config.size import parse_size
from hpo.errors import UsageError
from hpo.objectives import Objective
from hpo.target import Target
from hpo.tuners import BUILT_IN_ASSESSORS, BUILT_IN_TUNERS

__all__ = [
    "Amount",
    "Arguments",
    "AssessorName",
    "Count",
    "Duration",
    "ELSEWHERE",
    "GpuCount",
    "GpuIndices",
    "LogLevel",
    "Concurrency",
    "ObjectiveText",
    "Objectives",
    "OneOrMore",
    "Platform",
    "Size",
    "StopWhen",
    "Text",
    "TunerName",
]


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


def _objective(written: Any) -> str:
    if isinstance(written, dict) and len(written) == 1:  # in YAML "- acc: max" is one
        written = ":".join(map(str, *written.items()))
    return str(Objective.read(str(written)))


def _objectives(written: Any) -> Any:
    """Let a mapping of names and directions say the same as a list."""
    if isinstance(written, dict):
        return tuple(f"{name}:{word}" for name, word in written.items())
    return tuple(written) if isinstance(written, list) else written


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
#: How many at a time: more is a slip, and would be started.
Concurrency = Annotated[int, Field(ge=1, le=1_000_000)]
Duration = Annotated[float, _read("duration", parse_duration), WithJsonSchema(_DURATION_SCHEMA)]
Size = Annotated[int, _read("size", parse_size), WithJsonSchema(_SIZE_SCHEMA)]
StopWhen = Annotated[str, _read("stop_when", _stop_when), WithJsonSchema({"type": "string"})]
ObjectiveText = Annotated[str, _read("objective", _objective), WithJsonSchema({"type": "string"})]
Objectives = Annotated[
    tuple[ObjectiveText, ...],
    BeforeValidator(_objectives),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "array", "items": {"type": "string"}},
                {
                    "type": "object",
                    "additionalProperties": {"enum": ["max", "min", "maximize", "minimize"]},
                },
            ]
        }
    ),
]
GpuCount = Annotated[float, Field(ge=0), BeforeValidator(_gpu_count)]
GpuIndices = Annotated[tuple[int, ...], BeforeValidator(_gpu_indices), WithJsonSchema(_GPU_SCHEMA)]
Amount = Annotated[float, Field(gt=0)]
Arguments = dict[str, Any]
_PLATFORM = Literal[
    "local", "remote", "openpai", "pai", "paiyarn", "aml", "dlc", "kubeflow", "frameworkcontroller", "adl",
    "dlts", "hybrid", "heterogeneous",
]  # fmt: skip
Platform = Annotated[_PLATFORM, BeforeValidator(_platform)]
#: NNI's platforms but this machine.
ELSEWHERE = frozenset(get_args(_PLATFORM)) - {"local"}
LogLevel = Literal["trace", "debug", "info", "warning", "error", "fatal"]
