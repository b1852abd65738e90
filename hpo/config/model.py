"""What an experiment is told to do, once files and options are read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from hpo.config.fields import (
    Amount,
    Concurrency,
    Count,
    Duration,
    GpuCount,
    Objectives,
    OneOrMore,
    Size,
    StopWhen,
    Text,
)
from hpo.config.wording import wording
from hpo.errors import UsageError
from hpo.objectives import Objectives as Wanted
from hpo.space import SearchSpace
from hpo.tuners.base import Direction

__all__ = ["AS_MANY_AS_FIT", "Algorithm", "Config", "Engine", "StartMethod"]

StartMethod = Literal["fork", "spawn"]
Engine = Literal["local", "ray"]

#: What `trial_concurrency` is on a cluster where nobody says otherwise: it has room for fewer.
AS_MANY_AS_FIT = 1_000_000


_SINGULAR = {"objectives": "objective", "result_constraints": "result_constraint"}


class Algorithm(BaseModel):
    """A tuner or an assessor: one of ours by its name, or a class of the user's own.

    Attributes:
        name: as NNI calls it; or the class's.
        file: the Python file that the class is in; None for one of ours.
        class_args: its arguments, without `optimize_mode` and `seed`, which are the experiment's
            `direction` and `seed`; a class of NNI's kind may have these two among its own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Text
    file: Path | None = None
    class_args: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def named(cls, written: str, kind: str) -> Algorithm:
        """Return what an option names: one of ours, or a class of the user's, as FILE.py:Class.

        Args:
            written: the name.
            kind: of the option, for its message: tuner or assessor.

        Raises:
            UsageError: it names nothing, or a file and no class.
        """
        if not written:
            raise UsageError(f"--{kind} names nothing", help=f"name one, or leave --{kind} out")
        file, _, name = written.rpartition(":")
        if name and file.endswith(".py"):
            return cls(name=name, file=Path(file))
        if written.endswith((".py", ".py:")):
            help_ = f"write --{kind} {written.rstrip(':')}:Class"
            raise UsageError(f"--{kind} {written} names no class", help=help_)
        return cls(name=written)

    @field_validator("file")
    @classmethod
    def _stays_where_it_is(cls, file: Path | None) -> Path | None:
        return None if file is None else file.absolute()  # it is resumed from any folder


class Config(BaseModel):
    """The settings of an experiment.

    Attributes:
        command: a trial's shell command, which runs in `code_directory`.
        tags: words by which the experiment is found again.
        use_annotation: whether the space is read from the marks in the code; None leaves it to what is found.
        space: the search space, where it is given.
        tuner: None for the default.
        assessor: what stops trials that will not be good; None for nothing.
        direction: None where nobody says one; then larger results are better.
        own_direction: what a file's tuner does where the file does not say: NNI's default of it.
        max_duration: seconds after which no trial starts; None for no limit, as with the other limits.
        max_trial_silence: seconds; a trial fails that reports nothing for so long, from its beginning on.
        max_trial_memory: bytes; a trial that uses more fails.
        max_failures: after so many failed trials none starts; None gives up when the first three all fail.
        objectives: the parts of the result that are to be good, the most important first, as ``acc:max``;
            none for the result itself.
        result_constraints: what a result must meet to count among the best, as ``latency<=50``.
        stop_when: the final result that ends the experiment, a comparison (see `Target`).
        patience: after so many trials in a row without a better result none starts.
        retries: how often a trial that fails is run again.
        repeat: how often each trial is run, for objectives with noise; its result is the mean.
        cpus_per_trial: the cores that a trial is bound to, and no other trial is; None binds none.
        gpus_per_trial: None schedules no GPUs, 0 hides them; less than 1 lets trials share one.
        gpu_indices: the GPUs that may be used; None for all.
        use_active_gpu: whether GPUs on which other programs run may be used.
        start_method: whether a script is forked from a process that has made its imports, or run by a Python
            that was just started.
        engine: what runs the trials: this machine, or a Ray cluster.
        ray_address: the cluster's; None for the one that RAY_ADDRESS names, or else one that is started here.
        ray_resources: what a trial takes there of custom resources.
        ray_runtime_env: what Ray sets up on the nodes, such as ``{"pip": ["torch"]}``.
        fixed: values of parameters that are not searched.
        warm_from: an earlier experiment, whose results are learnt from.
        track: the trackers that are told of every trial.
        on_finish: a shell command that runs when the experiment has ended.
        options: the parameters that are sent to the trial as options, ``--NAME VALUE``.
        metric_pattern: a regular expression that finds results in a trial's output.
        notes: what was read in a file and has no effect here, each with what takes its place.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    name: str | None = None
    description: str | None = None
    tags: tuple[str, ...] = ()
    command: Text | None = None
    code_directory: Path = Field(default_factory=Path.cwd)
    use_annotation: bool | None = None
    space: SearchSpace | None = None
    tuner: Algorithm | None = None
    assessor: Algorithm | None = None
    direction: Direction | None = None
    own_direction: Direction | None = None
    trial_concurrency: Concurrency = 1
    max_trials: OneOrMore | None = None
    max_duration: Duration | None = None
    max_trial_duration: Duration | None = None
    max_trial_silence: Duration | None = None
    max_trial_memory: Size | None = None
    max_failures: OneOrMore | None = None
    objectives: Objectives = ()
    result_constraints: tuple[StopWhen, ...] = ()
    stop_when: StopWhen | None = None
    patience: OneOrMore | None = None
    retries: Count = 0
    repeat: OneOrMore = 1
    cpus_per_trial: OneOrMore | None = None
    gpus_per_trial: GpuCount | None = None
    gpu_indices: tuple[int, ...] | None = None
    max_trials_per_gpu: OneOrMore = 1
    use_active_gpu: bool = False
    seed: Count | None = None
    start_method: StartMethod = "fork"
    engine: Engine = "local"
    ray_address: Text | None = None
    ray_resources: dict[str, Amount] = Field(default_factory=dict)
    ray_runtime_env: dict[str, Any] = Field(default_factory=dict)
    fixed: dict[str, Any] = Field(default_factory=dict)
    warm_from: Text | None = None
    track: tuple[Text, ...] = ()
    on_finish: Text | None = None
    options: tuple[str, ...] = ()
    metric_pattern: str | None = None
    notes: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _an_address_names_the_engine(cls, given: Any) -> Any:
        is_named = isinstance(given, dict) and given.get("ray_address") and "engine" not in given
        return {**given, "engine": "ray"} if is_named else given

    @property
    def wanted(self) -> Wanted:
        """What is wanted of results."""
        return Wanted(self.objectives, self.result_constraints, self.direction or "maximize")

    @model_validator(mode="after")
    def _objectives_fit(self) -> Config:
        try:
            wanted = self.wanted
        except UsageError as error:
            raise PydanticCustomError(
                "objectives", "{message}", {"message": error.message, "help": error.help}
            ) from None
        if wanted.names and self.metric_pattern is not None:
            message, help_ = "a pattern reads one number, and results are to have parts", "report a dict"
            raise PydanticCustomError("objectives", "{message}", {"message": message, "help": help_})
        return self

    @field_validator("metric_pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            message = f"{pattern!r} is no regular expression: {error}"
            raise PydanticCustomError("pattern", "{message}", {"message": message}) from None
        return pattern

    def override(self, **options: Any) -> Config:
        """Return these settings with some replaced, as options of the command line replace a file's.

        A space replaces reading marks, and reading marks replaces a space.

        Raises:
            UsageError: a value is none that the field can have.
        """
        if options.get("space") is not None:
            options.setdefault("use_annotation", False)
        elif options.get("use_annotation"):
            options["space"] = None
        try:
            given = {name: getattr(self, name) for name in self.model_fields_set}
            return type(self).model_validate({**given, **options})
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"]))
            field = _SINGULAR.get(field.partition(".")[0], field)
            name = f"--{field.removeprefix('trial_').replace('_', '-')}"  # what the command line calls it
            message, help_ = wording(name, first)
            raise UsageError(message, help=help_) from None
