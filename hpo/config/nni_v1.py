"""NNI's first configuration schema: nested, ``trainingServicePlatform: local``."""

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
    INTERMEDIATE_RESULTS,
    LOG_COLLECTION,
    LOG_LEVEL,
    MANAGER_IP,
    NAS_MODE,
    OTHER_PLATFORM,
    WORKING_DIRECTORY,
)

__all__ = ["V1"]


class _Algorithm(FileModel):
    code_dir: Text | None = Field(None, description="Folder of a class of your own; relative to this file.")
    class_file_name: Text | None = Field(None, description="File in codeDir that defines the class.")
    class_name: Text | None = Field(None, description="Name of the class.")
    class_args: Arguments | None = Field(None, description="Arguments of the algorithm.")
    include_intermediate_results: Annotated[bool | None, Ignored(INTERMEDIATE_RESULTS, unless=False)] = None
    gpu_indices: Annotated[GpuIndices | None, Ignored(ALGORITHM_GPUS)] = None


class V1Tuner(_Algorithm):
    """What proposes the parameters of the trials."""

    builtin_tuner_name: TunerName | None = Field(None, description="Name of a tuner, such as TPE or Auto.")


class V1Assessor(_Algorithm):
    """What stops trials that will not be good."""

    builtin_assessor_name: AssessorName | None = Field(
        None, description="Name of an assessor, such as Medianstop."
    )


class V1Advisor(_Algorithm):
    """A tuner and an assessor in one."""

    builtin_advisor_name: TunerName | None = Field(None, description="Name of an advisor, such as Hyperband.")


class V1Trial(FileModel):
    """How a trial is started."""

    command: Annotated[Text | None, Sets("command")] = Field(None, description="Shell command of a trial.")
    code_dir: Annotated[Text | None, Sets("code_directory")] = Field(
        None, description="Folder in which the command runs; relative to this file."
    )
    gpu_num: Annotated[GpuCount | None, Sets("gpus_per_trial")] = Field(
        None,
        description="GPUs of a trial, or a part of one. 0 hides them; left out, none is scheduled.",
    )
    nas_mode: Annotated[
        Literal["classic_mode", "enas_mode", "oneshot_mode", "darts_mode"] | None, Ignored(NAS_MODE)
    ] = None


class V1LocalConfig(FileModel):
    """How trials share this machine's GPUs."""

    gpu_indices: Annotated[GpuIndices | None, Sets("gpu_indices")] = Field(
        None, description="The GPUs that may be used: 0,3 or [0, 3]."
    )
    max_trial_num_per_gpu: Annotated[OneOrMore | None, Sets("max_trials_per_gpu")] = Field(
        None, description="How many trials share one GPU."
    )
    use_active_gpu: Annotated[bool | None, Sets("use_active_gpu")] = Field(
        None, description="Whether to use GPUs on which other programs run."
    )


class V1(OwnFields):
    """An experiment in NNI's v1 schema."""

    author_name: Annotated[str | None, Ignored()] = None
    experiment_name: Annotated[str | None, Sets("name")] = Field(None, description="Name of the experiment.")
    description: Annotated[str | None, Sets("description")] = Field(None, description="What it is about.")
    trial_concurrency: Annotated[Concurrency | None, Sets("trial_concurrency")] = Field(
        None, description="How many trials run at a time."
    )
    max_exec_duration: Annotated[Duration | None, Sets("max_duration")] = Field(
        None, description="No trial starts after this: 30s, 10m, 1h30m, 2d."
    )
    max_trial_num: Annotated[OneOrMore | None, Sets("max_trials")] = Field(
        None, description="How many trials there are."
    )
    max_trial_duration: Annotated[Duration | None, Sets("max_trial_duration")] = Field(
        None, description="A trial that runs longer is stopped."
    )
    training_service_platform: Annotated[Platform | None, Sets("platform")] = Field(
        None, description="Where trials run: another than local means a Ray cluster."
    )
    search_space_path: Annotated[Text | None, Sets("space")] = Field(
        None, description="Search-space file, JSON or YAML; relative to this file."
    )
    use_annotation: Annotated[bool | None, Sets("use_annotation")] = Field(
        None, description="Read the search space from the marks in the trial's code."
    )
    log_dir: Annotated[Text | None, Ignored(WORKING_DIRECTORY)] = Field(
        None, description="Folder that holds the experiment's folder."
    )
    log_level: Annotated[LogLevel | None, Ignored(LOG_LEVEL, unless="info")] = Field(
        None, description="How much to log."
    )
    tuner: V1Tuner | None = None
    assessor: V1Assessor | None = None
    advisor: V1Advisor | None = None
    trial: V1Trial | None = None
    local_config: V1LocalConfig | None = None

    debug: Annotated[bool | None, Ignored(LOG_LEVEL, unless=False)] = None
    multi_phase: Literal[False] | None = Field(None, description="Must be false; NNI dropped it too.")
    multi_thread: Annotated[bool | None, Ignored()] = None
    version_check: Annotated[bool | None, Ignored()] = None
    log_collection: Annotated[Literal["http", "none"] | None, Ignored(LOG_COLLECTION, unless="none")] = None
    nni_manager_ip: Annotated[str | None, Ignored(MANAGER_IP)] = None
    machine_list: Annotated[list[Any] | None, Ignored(OTHER_PLATFORM)] = None
    remote_config: Annotated[dict[str, Any] | None, Ignored(OTHER_PLATFORM)] = None
    pai_yarn_config: Annotated[dict[str, Any] | None, Ignored(OTHER_PLATFORM)] = None
    pai_config: Annotated[dict[str, Any] | None, Ignored(OTHER_PLATFORM)] = None
    aml_config: Annotated[dict[str, Any] | None, Ignored(OTHER_PLATFORM)] = None
    dlc_config: Annotated[dict[str, Any] | None, Ignored(OTHER_PLATFORM)] = None
    dlts_config: Annotated[dict[str, Any] | None, Ignored(OTHER_PLATFORM)] = None
    hybrid_config: Annotated[dict[str, Any] | None, Ignored(OTHER_PLATFORM)] = None
    heterogeneous_config: Annotated[dict[str, Any] | None, Ignored(OTHER_PLATFORM)] = None
    kubeflow_config: Annotated[dict[str, Any] | None, Ignored(OTHER_PLATFORM)] = None
    frameworkcontroller_config: Annotated[dict[str, Any] | None, Ignored(OTHER_PLATFORM)] = None
    shared_storage: Annotated[dict[str, Any] | None, Ignored(OTHER_PLATFORM)] = None
