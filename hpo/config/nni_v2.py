"""NNI's second configuration schema: flat, ``trainingService: {platform: local}``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from hpo.config.fields import (
    Arguments,
    AssessorName,
    Concurrency,
    Duration,
    GpuCount,
    GpuIndices,
    LogLevel,
    OneOrMore,
    Platform,
    Text,
    TunerName,
)
from hpo.config.file_model import FileModel, Ignored, OwnFields, Sets
from hpo.config.notes import (
    ALGORITHM_GPUS,
    LOG_LEVEL,
    MANAGER_IP,
    OTHER_PLATFORM,
    WORKING_DIRECTORY,
)

__all__ = ["V2"]


class _Algorithm(FileModel):
    class_name: Text | None = Field(None, description="A class of your own: module.Class, in codeDirectory.")
    code_directory: Text | None = Field(None, description="Folder of the class; relative to this file.")
    class_args: Arguments | None = Field(None, description="Arguments of the algorithm.")


class V2Tuner(_Algorithm):
    """What proposes the parameters of the trials: one of ours by its name, or a class of your own."""

    name: TunerName | None = Field(None, description="Name of a tuner, such as TPE or Auto.")


class V2Assessor(_Algorithm):
    """What stops trials that will not be good: one of ours by its name, or a class of your own."""

    name: AssessorName | None = Field(None, description="Name of an assessor, such as Medianstop.")


class V2TrainingService(FileModel):
    """Where trials run. The fields of the trial may stand here too, and then win."""

    platform: Annotated[Platform | None, Sets("platform")] = Field(
        None, description="Where trials run: another than local means a Ray cluster."
    )
    trial_command: Annotated[Text | None, Sets("command")] = Field(
        None, description="Shell command of a trial."
    )
    trial_code_directory: Annotated[Text | None, Sets("code_directory")] = Field(
        None, description="Folder in which the command runs; relative to this file."
    )
    trial_gpu_number: Annotated[GpuCount | None, Sets("gpus_per_trial")] = Field(
        None,
        description="GPUs of a trial, or a part of one. 0 hides them; left out, none is scheduled.",
    )
    gpu_indices: Annotated[GpuIndices | None, Sets("gpu_indices")] = Field(
        None, description="The GPUs that may be used: 0,3 or [0, 3]."
    )
    max_trial_number_per_gpu: Annotated[OneOrMore | None, Sets("max_trials_per_gpu")] = Field(
        None, description="How many trials share one GPU."
    )
    use_active_gpu: Annotated[bool | None, Sets("use_active_gpu")] = Field(
        None, description="Whether to use GPUs on which other programs run."
    )
    debug: Annotated[bool | None, Ignored()] = None
    nni_manager_ip: Annotated[str | None, Ignored(MANAGER_IP)] = None
    reuse_mode: Annotated[bool | None, Ignored()] = None


class V2(OwnFields):
    """An experiment in NNI's v2 schema."""

    experiment_name: Annotated[str | None, Sets("name")] = Field(None, description="Name of the experiment.")
    description: Annotated[str | None, Sets("description")] = Field(
        None, description="What it is about. Not a field of NNI's v2 schema."
    )
    experiment_type: Literal["hpo"] | None = Field(None, description="What the experiment searches: hpo.")
    search_space_file: Annotated[Text | None, Sets("space")] = Field(
        None, description="Search-space file, JSON or YAML; relative to this file."
    )
    search_space: Annotated[dict[str, Any] | None, Sets("space")] = Field(
        None, description="The search space itself."
    )
    trial_command: Annotated[Text | None, Sets("command")] = Field(
        None, description="Shell command of a trial."
    )
    trial_code_directory: Annotated[Text | None, Sets("code_directory")] = Field(
        None, description="Folder in which the command runs; relative to this file."
    )
    trial_concurrency: Annotated[Concurrency | None, Sets("trial_concurrency")] = Field(
        None, description="How many trials run at a time."
    )
    trial_gpu_number: Annotated[GpuCount | None, Sets("gpus_per_trial")] = Field(
        None,
        description="GPUs of a trial, or a part of one. 0 hides them; left out, none is scheduled.",
    )
    max_experiment_duration: Annotated[Duration | None, Sets("max_duration")] = Field(
        None, description="No trial starts after this: 30s, 10m, 1h30m, 2d, or seconds."
    )
    max_trial_number: Annotated[OneOrMore | None, Sets("max_trials")] = Field(
        None, description="How many trials there are."
    )
    max_trial_duration: Annotated[Duration | None, Sets("max_trial_duration")] = Field(
        None, description="A trial that runs longer is stopped."
    )
    use_annotation: Annotated[bool | None, Sets("use_annotation")] = Field(
        None, description="Read the search space from the marks in the trial's code."
    )
    experiment_working_directory: Annotated[Text | None, Ignored(WORKING_DIRECTORY)] = Field(
        None, description="Folder that holds the experiment's folder."
    )
    log_level: Annotated[LogLevel | None, Ignored(LOG_LEVEL, unless="info")] = Field(
        None, description="How much to log."
    )
    tuner: V2Tuner | None = None
    assessor: V2Assessor | None = None
    advisor: V2Tuner | None = None
    training_service: V2TrainingService | None = None

    debug: Annotated[bool | None, Ignored(LOG_LEVEL, unless=False)] = None
    nni_manager_ip: Annotated[str | None, Ignored(MANAGER_IP)] = None
    tuner_gpu_indices: Annotated[GpuIndices | None, Ignored(ALGORITHM_GPUS)] = None
    shared_storage: Annotated[dict[str, Any] | None, Ignored(OTHER_PLATFORM)] = None
