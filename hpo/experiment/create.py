"""From a configuration to an experiment that can run: its folder, its frozen code, its first trial."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from hpo.annotate.result import AnnotatedProject
from hpo.config.model import AS_MANY_AS_FIT, Algorithm, Config
from hpo.errors import StoreError, UsageError
from hpo.experiment import cautions
from hpo.experiment.algorithms import load_tuner_class, make_assessor, make_tuner, own_direction, own_seed
from hpo.experiment.extraction import Extraction
from hpo.experiment.listener import Listener
from hpo.experiment.loop import Experiment
from hpo.experiment.objective import Objective
from hpo.experiment.running import shared_variables
from hpo.parameters import Parameter
from hpo.runtime import home
from hpo.runtime.cores import CorePool, thread_limits
from hpo.runtime.devices import GpuPool
from hpo.runtime.launcher import (
    Command,
    FunctionCommand,
    Launcher,
    ScriptCommand,
    ShellCommand,
    modules_to_preload,
    named_scripts,
    parse_command,
)
from hpo.runtime.placement import Places
from hpo.runtime.snapshot import freeze
from hpo.runtime.store import Store
from hpo.runtime.strays import end_strays
from hpo.space import SearchSpace
from hpo.trial import Trial, TrialState
from hpo.tuners.base import Direction

__all__ = ["DEFAULT_TUNER", "Plan", "create", "open_existing", "settled"]

DEFAULT_TUNER = "Auto"
DEFAULT_TRIALS = 100


@dataclass(frozen=True)
class Plan:
    """What was decided when the experiment began, and holds for every runner of it."""

    command: Command
    cwd: Path
    modules: tuple[str, ...]  # what a trial's process has imported when it begins
    sources: tuple[str, ...]  # the scripts, or the folder, whose marks were read

    def to_json(self) -> dict[str, Any]:
        if isinstance(self.command, ScriptCommand):
            command: dict[str, Any] = {"script": self.command.script, "args": list(self.command.args)}
        elif isinstance(self.command, FunctionCommand):
            command = {"function": self.command.name}
        else:
            command = {"text": self.command.text}
        return {
            "command": command,
            "cwd": str(self.cwd),
            "modules": list(self.modules),
            "sources": list(self.sources),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Plan:
        written = data["command"]
        command: Command
        if "script" in written:
            command = ScriptCommand(written["script"], tuple(written["args"]))
        elif "function" in written:
            command = FunctionCommand(written["function"])
        else:
            command = ShellCommand(written["text"])
        return cls(command, Path(data["cwd"]), tuple(data["modules"]), tuple(data["sources"]))


def create(
    config: Config,
    *,
    script: str | None = None,
    options: Mapping[str, Parameter] | None = None,
    arguments: Sequence[str] = (),
    objective: Objective | None = None,
    extraction: Extraction | None = None,
    listener: Listener | None = None,
) -> Experiment:
    """Make an experiment, all of it or nothing.

    Args:
        config: its settings; the command in it is passed over where there is a script.
        script: a Python script, relative to the current folder, run there as `python SCRIPT ARGUMENTS` is.
        options: parameters that the trial gets as ``--NAME VALUE``, beside those of the space.
        arguments: what follows it.
        objective: a function of this program, in the place of a script; the space is its own.
        extraction: a reading of the script that is already under way.
        listener: who is told what happens.

    Raises:
        UsageError: there is nothing to run, no space to search, a tuner or device that is not there.
    """
    command, cwd = _command(config, script, arguments, objective)
    if objective is not None:
        config = config.override(space=objective.space)
    sources = _sources(command, cwd, config)
    if extraction is None and sources:
        extraction = Extraction(*sources)
    load_tuner_class(config.tuner or Algorithm(name=DEFAULT_TUNER))  # while the marks are read
    project = extraction.result() if extraction else None
    space = _space(config, project, options or {}).fixed(config.fixed)
    # Marks have values in the source, and arguments may have defaults; a space in a file has none to run.
    is_marked = config.space is None and project is not None and len(project.space) > 0
    baseline = is_marked or (objective is not None and objective.has_defaults)
    given = config.override(options=tuple(options or ()))
    config = settled(given, space, project)
    if listener is not None:
        _caution(listener, given, project, options or {}, command, config.direction or "maximize")
    make_tuner(config, space)  # what it cannot search is said before anything is made
    make_assessor(config)
    _places(config)
    with home.new_folder() as directory:  # hidden, until it is whole
        plan = _freeze(command, cwd, sources, project, directory / "code", is_marked)
        store = Store.create(
            directory,
            id=home.public_name(directory).name,
            name=config.name or (Path(script).stem if script else objective.name if objective else cwd.name),
            direction=config.direction or "maximize",
            config={"settings": config.model_dump(mode="json", exclude={"space"}), "plan": plan.to_json()},
            space=space.to_json(),
            defaults=dict(space.defaults),
        )
        if baseline:
            with store.transaction():
                store.add_trial(Trial(0, space.default_configuration()), "baseline")
        store.close()
    directory = directory.rename(home.public_name(directory))
    return open_existing(directory, objective=objective, listener=listener)


def _command(
    config: Config, script: str | None, arguments: Sequence[str], objective: Objective | None
) -> tuple[Command, Path]:
    """Return what a trial runs, and where."""
    if objective is not None:
        return FunctionCommand(objective.name), Path.cwd()
    if script is not None:
        return ScriptCommand(script, tuple(arguments)), Path.cwd()
    if config.command is not None:
        return parse_command(config.command, config.code_directory), config.code_directory
    raise UsageError("there is nothing to run", help="hpo run SCRIPT, or hpo run --config FILE")


def open_existing(
    directory: Path, *, objective: Objective | None = None, listener: Listener | None = None
) -> Experiment:
    """Open an experiment to run it, from the start or from where it stood.

    Args:
        directory: its folder.
        objective: the function that its trials call, where they call one.
        listener: who is told what happens.

    Raises:
        UsageError: somebody else runs it; its trials call a function, and it is not given.
        StoreError: its folder cannot be read.
    """
    lock = home.take_lock(directory)
    try:
        store = Store(directory, read_only=False)
        with store.blaming():
            row = store.experiment()
            running = {trial.number: trial.attempt for trial in store.trials(states=[TrialState.RUNNING])}
        plan = _plan(row["config"])
        if isinstance(plan.command, FunctionCommand) and objective is None:
            called = plan.command.name
            raise UsageError(
                f"the trials of {directory.name} call {called}, a function of a program",
                help=f"go on in that program: hpo.Experiment.open({directory.name!r}, {called}).run()",
            )
        space = SearchSpace.from_json(row["space"], defaults=row["defaults"])
        config = Config.model_validate({**row["config"]["settings"], "space": None})
        end_strays(directory.name)  # of a runner that died together with its fork server
        launcher = _launcher(directory, plan, lock, config, objective, running)
        try:
            return Experiment(
                store,
                space,
                make_tuner(config, space),
                config,
                plan.command,
                launcher,
                assessor=make_assessor(config),
                places=launcher.places() or _places(config),
                listener=listener,
            )
        except BaseException:
            launcher.close()
            raise
    finally:
        lock.close()  # from here on the fork server and the launcher hold it


def _plan(config: Mapping[str, Any]) -> Plan:
    try:
        return Plan.from_json(config["plan"])
    except (KeyError, TypeError) as error:
        message = f"the store does not say what its trials run: {error!r}"
        raise StoreError(message, help="it is damaged, or was not written by hpo") from error


def _space(config: Config, project: AnnotatedProject | None, options: Mapping[str, Parameter]) -> SearchSpace:
    """Return the space that the settings give, or the marks do, with the options beside it."""
    space = config.space or (project.space if project is not None else None)
    if options:
        base = space or SearchSpace({})
        both = base.parameters.keys() & options.keys()
        if both:
            raise UsageError(f"{', '.join(both)}: given with --param and in the space", help="leave one out")
        space = base.beside(options)
    if space is None:
        raise UsageError(
            "there is no search space",
            help="give one with --space FILE, or mark values in a Python script and run that",
        )
    if not len(space):
        raise UsageError(
            "the search space is empty",
            help="mark values, such as: lr = 0.01  # hpo: loguniform(1e-5, 1e-1); `hpo suggest` proposes "
            "marks; --param sends values to a script that cannot be edited",
        )
    return space


def _sources(command: Command, cwd: Path, config: Config) -> list[Path]:
    """Return what is read for marks: the script; of another command, those that it names, or its folder."""
    if isinstance(command, ScriptCommand):
        return [cwd / command.script]
    if config.space is not None or isinstance(command, FunctionCommand):
        return []
    return named_scripts(command.text, cwd) or ([cwd] if config.use_annotation else [])


def _caution(
    listener: Listener,
    config: Config,
    project: AnnotatedProject | None,
    options: Mapping[str, Parameter],
    command: Command,
    direction: str,
) -> None:
    """Tell what a person should know before the trials run."""
    if isinstance(command, ShellCommand):
        for line in cautions.of_edits(project):
            listener.noted(line)
    if project is not None:
        for line in cautions.of_marks(config, project, options):
            listener.noted(line)
        if isinstance(command, ScriptCommand):
            for line in cautions.of_results(config, project):
                listener.noted(line)
        argument = _whole_budget(config.tuner)
        if argument is not None:
            for line in cautions.of_budget(config, project, argument):
                listener.noted(line)
    if config.direction is None and direction == "maximize":
        for line in cautions.of_direction(config, project):
            listener.noted(line)


def settled(config: Config, space: SearchSpace, project: AnnotatedProject | None = None) -> Config:
    """Return the settings with every default that depends on others made explicit."""
    tuner = _budgeted(config.tuner or Algorithm(name=DEFAULT_TUNER), project)
    direction: Direction = "maximize" if config.tuner is None else own_direction(tuner)
    if config.max_trials is None and config.max_duration is None:
        config = config.override(max_trials=DEFAULT_TRIALS)
    if config.engine == "ray" and "trial_concurrency" not in config.model_fields_set:
        config = config.override(trial_concurrency=AS_MANY_AS_FIT)
    seed = config.seed
    if seed is None:
        seed = own_seed(tuner)
    if seed is None:
        seed = random.SystemRandom().randrange(2**31)
    return config.model_copy(
        update={"tuner": tuner, "direction": config.direction or direction, "seed": seed}
    )


def _budgeted(tuner: Algorithm, project: AnnotatedProject | None) -> Algorithm:
    """Return a tuner that is told how many passes the marked loop makes, where nobody told it."""
    loop = project.fidelity if project is not None else None
    argument = _whole_budget(tuner)
    if argument is None or argument in tuner.class_args or loop is None or not loop.passes:
        return tuner
    return tuner.model_copy(update={"class_args": {**tuner.class_args, argument: loop.passes}})


def _whole_budget(tuner: Algorithm | None) -> str | None:
    """Return the argument of a tuner that says how many passes a whole trial makes, where it has one."""
    return None if tuner is None else getattr(load_tuner_class(tuner), "whole_budget", None)


def _places(config: Config) -> Places:
    wanted = config.gpus_per_trial
    share, active = config.max_trials_per_gpu, config.use_active_gpu
    gpus = GpuPool(config.gpu_indices, wanted, share, active) if wanted else None
    cores = CorePool(config.cpus_per_trial) if config.cpus_per_trial is not None else None
    return Places(gpus, hides_gpus=wanted == 0, cores=cores)


def _freeze(
    command: Command,
    cwd: Path,
    sources: Sequence[Path],
    project: AnnotatedProject | None,
    directory: Path,
    rewritten: bool,
) -> Plan:
    """Freeze the code; without marks in play a trial runs the files as they are."""
    if project is None:
        return Plan(command, cwd, (), ())
    files = {f.path: (f.original, f.rewritten if rewritten else f.original) for f in project.files}
    resolved = [source.resolve() for source in sources]
    root = Path(os.path.commonpath([p if p.is_dir() else p.parent for p in (*resolved, *files)]))
    freeze(directory, files, root, {f.path: f.stretches for f in project.files if rewritten})
    is_script = isinstance(command, ScriptCommand)
    modules = modules_to_preload(files[resolved[0]][0], resolved[0].parent) if is_script else ()
    return Plan(command, cwd, tuple(modules), tuple(map(str, sources)))


def _launcher(
    directory: Path,
    plan: Plan,
    lock: IO[str],
    config: Config,
    objective: Objective | None,
    running: Mapping[int, int],
) -> Launcher:
    if not plan.cwd.is_dir():
        raise StoreError(f"{plan.cwd} is gone, and the trials run there", help="put the folder back")
    if objective is not None and config.engine == "ray":
        message = (
            f"the trials call {objective.name}, a function of this program, and Ray's nodes have none of it"
        )
        raise UsageError(message, help="put it into a script, and tune that: hpo run SCRIPT --engine ray")
    spawns = config.start_method == "spawn"
    is_script = isinstance(plan.command, ScriptCommand)
    path = (plan.cwd / plan.command.script).resolve().parent if is_script else plan.cwd  # type: ignore[union-attr]
    with (directory / "runner.log").open("ab") as log:
        launched: dict[str, Any] = {
            "cwd": plan.cwd,
            "snapshot": directory / "code" if plan.sources else None,
            "path": path,
            "modules": () if spawns else plan.modules,
            "lock": lock,
            "log": log,
            "experiment": directory.name,
            "variables": shared_variables(directory.name, config),
            "spawns": spawns,
        }
        if config.engine == "ray":
            return _on_cluster(directory, config, launched, running)
        threads = thread_limits(config.trial_concurrency, config.cpus_per_trial)
        return Launcher(**launched, threads=threads, function=objective)


def _on_cluster(
    directory: Path, config: Config, launched: dict[str, Any], running: Mapping[int, int]
) -> Launcher:
    from hpo.runtime.cluster.launcher import ClusterLauncher

    cores = config.cpus_per_trial or 1
    needs = {"CPU": cores, "GPU": config.gpus_per_trial, "memory": config.max_trial_memory}
    return ClusterLauncher(
        directory,
        config.ray_address,
        {name: amount for name, amount in needs.items() if amount} | config.ray_resources,
        config.ray_runtime_env,
        adopt=running,
        fits=config.trial_concurrency == AS_MANY_AS_FIT,
        hides_gpus=config.gpus_per_trial == 0,
        threads=thread_limits(2, cores),
        **launched,
    )
