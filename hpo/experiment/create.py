"""From a configuration to an experiment that can run: its folder, its frozen code, its first trial."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from hpo.config.model import AS_MANY_AS_FIT, Config
from hpo.errors import StoreError, UsageError
from hpo.experiment.algorithms import make_assessor, make_tuner
from hpo.experiment.draft import Draft, draft
from hpo.experiment.earlier import keep_earlier
from hpo.experiment.extraction import Extraction
from hpo.experiment.listener import Listener, Listeners
from hpo.experiment.loop import Experiment, cannot_go_on
from hpo.experiment.objective import Objective
from hpo.experiment.plan import Plan, config_of, plan_of
from hpo.experiment.running import shared_variables
from hpo.experiment.settings_files import freeze_settings
from hpo.experiment.trackers import make_trackers
from hpo.experiment.warmth import Warmth
from hpo.experiment.wishes import of_a_moment
from hpo.parameters import Parameter
from hpo.runtime import home
from hpo.runtime.cores import CorePool, thread_limits
from hpo.runtime.devices import GpuPool
from hpo.runtime.labels import add_tags
from hpo.runtime.launcher import (
    FunctionCommand,
    Launcher,
    ScriptCommand,
    modules_to_preload,
)
from hpo.runtime.placement import Places
from hpo.runtime.snapshot import check, freeze, seal
from hpo.runtime.store import Store
from hpo.runtime.strays import end_strays
from hpo.space import SearchSpace
from hpo.trial import Trial, TrialState

__all__ = ["create", "make", "open_existing"]


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
    drafted = draft(
        config,
        script=script,
        options=options,
        arguments=arguments,
        objective=objective,
        extraction=extraction,
        listener=listener,
    )
    return make(drafted, objective=objective, listener=listener)


def make(
    drafted: Draft, *, objective: Objective | None = None, listener: Listener | None = None
) -> Experiment:
    """Make an experiment that is drafted, all of it or nothing."""
    config, space = drafted.config, drafted.space
    _places(config)
    with home.new_folder() as directory:  # hidden, until it is whole
        plan = _freeze(drafted, directory / "code")
        store = Store.create(
            directory,
            id=home.public_name(directory).name,
            name=drafted.name,
            direction=config.direction or "maximize",
            config={"settings": config.model_dump(mode="json", exclude={"space"}), "plan": plan.to_json()},
            space=space.to_json(),
            defaults=dict(space.defaults),
        )
        with contextlib.closing(store):  # also on a full disk: open files would keep the folder from going
            if drafted.has_baseline:
                with store.transaction():
                    store.add_trial(Trial(0, space.default_configuration()), "baseline")
            if drafted.warmth is not None:
                _warm(store, drafted.warmth, listener or Listener())
        if config.tags:
            add_tags(directory, config.tags)
    return _open(home.public_name(directory), objective, listener, is_new=True)


def _warm(store: Store, warmth: Warmth, listener: Listener) -> None:
    """Let the tuner learn from an earlier experiment before it proposes anything, and say what it learns."""
    with store.transaction():
        for line in warmth.lines():
            store.add_event("note", line)
            listener.noted(f"note: {line}")
    keep_earlier(store.directory, warmth.trials)


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
        StoreError: its folder cannot be read, or is damaged.
    """
    return _open(directory, objective, listener, is_new=False)


def _open(
    directory: Path, objective: Objective | None, listener: Listener | None, *, is_new: bool
) -> Experiment:
    """Open an experiment to run it; whether it is whole is not asked of what was just written."""
    past = of_a_moment(directory)  # what comes later may be meant for this runner
    lock = home.take_lock(directory)
    for wish in past:
        wish.unlink(missing_ok=True)
    try:
        store = Store(directory, read_only=False)
        if not is_new:
            store.check()
        with store.blaming():
            row = store.experiment()
            running = {trial.number: trial.attempt for trial in store.trials(states=[TrialState.RUNNING])}
        home.make_parts(directory)
        plan, config = plan_of(row), config_of(row, is_to_run=True)
        if plan.sources and not is_new:
            check(str(directory / "code"))
        if isinstance(plan.command, FunctionCommand) and objective is None:
            called = plan.command.name
            raise UsageError(
                f"the trials of {directory.name} call {called}, a function of a program",
                help=f"go on in that program: hpo.Experiment.open({directory.name!r}, {called}).run()",
            )
        space = SearchSpace.from_json(row["space"], defaults=row["defaults"])
        end_strays(directory.name)  # of a runner that died together with its fork server
        if config.track:
            first = listener or Listener()
            listener = Listeners(first, *make_trackers(config.track, directory, row["name"], first))
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
    except OSError as error:
        raise cannot_go_on(directory, error) from error
    finally:
        lock.close()  # from here on the fork server and the launcher hold it


def _places(config: Config) -> Places:
    wanted = config.gpus_per_trial
    share, active = config.max_trials_per_gpu, config.use_active_gpu
    gpus = GpuPool(config.gpu_indices, wanted, share, active) if wanted else None
    cores = CorePool(config.cpus_per_trial) if config.cpus_per_trial is not None else None
    return Places(gpus, hides_gpus=wanted == 0, cores=cores)


def _freeze(drafted: Draft, directory: Path) -> Plan:
    """Freeze the code; without marks in play a trial runs the files as they are."""
    command, cwd, sources, project = drafted.command, drafted.cwd, drafted.sources, drafted.project
    if project is None:
        return Plan(command, cwd, (), ())
    is_marked = drafted.is_marked
    files = {f.path: (f.original, f.rewritten if is_marked else f.original) for f in project.files}
    resolved = [source.resolve() for source in sources]
    root = Path(os.path.commonpath([p if p.is_dir() else p.parent for p in (*resolved, *files)]))
    freeze(directory, files, root, {f.path: f.stretches for f in project.files if is_marked})
    freeze_settings(directory, root, drafted.settings if is_marked else ())
    seal(directory)
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
            "function": objective,
        }
        if config.engine == "ray":
            return _on_cluster(directory, config, launched, running)
        threads = thread_limits(config.trial_concurrency, config.cpus_per_trial)
        return Launcher(**launched, threads=threads)


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
