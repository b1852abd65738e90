"""What the two file models share: the kind of mapping that they are, and what becomes of each field.

A field carries one of two marks: `Sets` names the field of `Config` that it gives, `Ignored` says why it is
read and left, and what takes its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from hpo.config.fields import Amount, Count, Duration, Objectives, OneOrMore, Size, StopWhen, Text

__all__ = ["FileModel", "Ignored", "OwnFields", "Sets", "submodel"]


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
    engine: Annotated[Literal["local", "ray"] | None, Sets("engine")] = Field(
        None, description="Run trials on this machine, or on a Ray cluster. Not a field of NNI's."
    )
    ray_address: Annotated[Text | None, Sets("ray_address")] = Field(
        None,
        description="The Ray cluster, such as 10.0.0.1:6379 or auto; left out, one is started here. "
        "Not a field of NNI's.",
    )
    ray_resources: Annotated[dict[str, Amount] | None, Sets("ray_resources")] = Field(
        None, description="Custom resources that a trial takes of a Ray cluster. Not a field of NNI's."
    )
    ray_runtime_env: Annotated[dict[str, Any] | None, Sets("ray_runtime_env")] = Field(
        None, description="Ray's runtime_env for the trials: {pip: [torch]}. Not a field of NNI's."
    )
    max_trial_silence: Annotated[Duration | None, Sets("max_trial_silence")] = Field(
        None, description="A trial that reports nothing for so long is stopped: 10m. Not a field of NNI's."
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
    objectives: Annotated[Objectives | None, Sets("objectives")] = Field(
        None, description="Parts of the result to be good: [acc:max, latency:min]. Not a field of NNI's."
    )
    result_constraints: Annotated[list[StopWhen] | None, Sets("result_constraints")] = Field(
        None, description="What a result must meet to be among the best: [latency<=50]. Not a field of NNI's."
    )
    patience: Annotated[OneOrMore | None, Sets("patience")] = Field(
        None, description="After so many trials without a better result none starts. Not a field of NNI's."
    )
    retries: Annotated[Count | None, Sets("retries")] = Field(
        None, description="How often a trial that fails is run again. Not a field of NNI's."
    )
    tags: Annotated[list[Text] | None, Sets("tags")] = Field(
        None, description="Words by which the experiment is found again. Not a field of NNI's."
    )
    fixed: Annotated[dict[str, Any] | None, Sets("fixed")] = Field(
        None, description="Values of parameters that are not searched: {lr: 0.1}. Not a field of NNI's."
    )
    warm_from: Annotated[Text | None, Sets("warm_from")] = Field(
        None, description="An earlier experiment, whose results are learnt from. Not a field of NNI's."
    )
    track: Annotated[list[Text] | None, Sets("track")] = Field(
        None, description="Who is told of every trial: mlflow, tensorboard, wandb. Not a field of NNI's."
    )
    on_finish: Annotated[Text | None, Sets("on_finish")] = Field(
        None, description="Shell command that runs when the experiment has ended. Not a field of NNI's."
    )
    repeat: Annotated[OneOrMore | None, Sets("repeat")] = Field(
        None, description="How often each trial is run; its result is the mean. Not a field of NNI's."
    )
