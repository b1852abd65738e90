"""What an experiment will do, decided and not yet made: its settings, its space, its command, its name."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hpo.annotate.result import AnnotatedProject
from hpo.config.model import AS_MANY_AS_FIT, Algorithm, Config
from hpo.errors import UsageError
from hpo.experiment import cautions
from hpo.experiment.algorithms import load_tuner_class, make_assessor, make_tuner, own_direction, own_seed
from hpo.experiment.extraction import Extraction
from hpo.experiment.listener import Listener
from hpo.experiment.objective import Objective
from hpo.experiment.settings_files import SettingsFile, find_settings, with_settings
from hpo.experiment.trackers import check_trackers
from hpo.experiment.warmth import Warmth, warmth_of
from hpo.parameters import Parameter
from hpo.runtime import home
from hpo.runtime.labels import check_tag
from hpo.runtime.launcher import (
    Command,
    FunctionCommand,
    ScriptCommand,
    ShellCommand,
    named_scripts,
    parse_command,
)
from hpo.space import SearchSpace
from hpo.tuners.base import Direction, Tuner

__all__ = ["DEFAULT_TUNER", "Draft", "draft", "settled"]

DEFAULT_TUNER = "Auto"
DEFAULT_TRIALS = 100


@dataclass(frozen=True)
class Draft:
    """An experiment that nothing speaks against.

    Attributes:
        config: its settings, with nothing left open.
        space: what is searched.
        tuner: as it begins.
        command: what a trial runs.
        cwd: where.
        name: as the user calls it.
        sources: what was read for marks.
        project: what was found there.
        settings: the files with marks that the script reads.
        is_marked: whether the space is that of the marks, so that trials run a parameterised source.
        warmth: what is learnt from an earlier experiment.
        has_baseline: whether there are values of the source's own, for the first trial.
    """

    config: Config
    space: SearchSpace
    tuner: Tuner
    command: Command
    cwd: Path
    name: str
    sources: Sequence[Path]
    project: AnnotatedProject | None
    settings: Sequence[SettingsFile]
    is_marked: bool
    has_baseline: bool
    warmth: Warmth | None = None

    def warmed(self, directory: Path) -> Draft:
        """Return this draft, with an earlier experiment to learn from.

        Raises:
            UsageError: nothing of that fits, or its results are not one number each.
        """
        if not self.config.wanted.are_plain:
            message = f"--warm-from takes one number of each trial, and {self.config.wanted} wants more"
            raise UsageError(message, help="leave it out")
        config = self.config.override(warm_from=directory.name)
        return replace(
            self,
            config=config,
            warmth=warmth_of(directory, self.space, config.wanted),
        )


def draft(
    config: Config,
    *,
    script: str | None = None,
    options: Mapping[str, Parameter] | None = None,
    arguments: Sequence[str] = (),
    objective: Objective | None = None,
    extraction: Extraction | None = None,
    listener: Listener | None = None,
) -> Draft:
    """Decide what an experiment will do; the arguments are those of `create`.

    Raises:
        UsageError: there is nothing to run, no space to search, a tuner that is not there.
    """
    for tag in config.tags:
        check_tag(tag)
    check_trackers(config.track)
    if config.engine == "ray" and importlib.util.find_spec("ray") is None:
        raise UsageError(
            "--engine ray needs Ray, which is not installed", help="pip install 'hpo-annotate[ray]'"
        )
    command, cwd = _command(config, script, arguments, objective)
    if objective is not None:
        config = config.override(space=objective.space)
    sources = _sources(command, cwd, config)
    if extraction is None and sources:
        extraction = Extraction(*sources)
    load_tuner_class(config.tuner or Algorithm(name=DEFAULT_TUNER))  # while the marks are read
    project = extraction.result() if extraction else None
    settings = _settings(command, cwd, config, sources)
    marked = None if project is None else with_settings(project.space, settings)
    space = _space(config, marked, options or {}).fixed(config.fixed)
    # Marks have values in the source, and arguments may have defaults; a space in a file has none to run.
    is_marked = config.space is None and marked is not None and len(marked) > 0
    given = config.override(options=tuple(options or ()))
    config = settled(given, space, project)
    if listener is not None:
        _caution(listener, given, project, options or {}, command, config.direction or "maximize")
    make_assessor(config)
    drafted = Draft(
        config,
        space,
        make_tuner(config, space),  # what it cannot search is said before anything is made
        command,
        cwd,
        config.name or (Path(script).stem if script else objective.name if objective else cwd.name),
        sources,
        project,
        settings,
        is_marked,
        has_baseline=is_marked or (objective is not None and objective.has_defaults),
    )
    return drafted if config.warm_from is None else drafted.warmed(home.find(config.warm_from))


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


def _settings(command: Command, cwd: Path, config: Config, sources: Sequence[Path]) -> list[SettingsFile]:
    """Return the files with marks that the script reads, where its marks are what is searched."""
    if config.space is not None or isinstance(command, FunctionCommand):
        return []
    words = command.args if isinstance(command, ScriptCommand) else command.text.split()
    return find_settings([path for path in sources if path.is_file()], words, cwd)


def _space(config: Config, marked: SearchSpace | None, options: Mapping[str, Parameter]) -> SearchSpace:
    """Return the space that the settings give, or the marks do, with the options beside it."""
    space = config.space or marked
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
    for line in cautions.of_home(home.home()):
        listener.noted(line)
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
    for line in cautions.of_output(config):
        listener.noted(line)
    if config.direction is None and direction == "maximize":
        for line in cautions.of_direction(config, project):
            listener.noted(line)


def settled(config: Config, space: SearchSpace, project: AnnotatedProject | None = None) -> Config:
    """Return the settings with every default that depends on others made explicit."""
    tuner = _budgeted(config.tuner or Algorithm(name=DEFAULT_TUNER), project)
    direction: Direction = config.own_direction or own_direction(tuner)
    if config.objectives:
        direction = config.wanted.direction
        if config.direction not in (None, direction):
            message = f"the first objective is {config.objectives[0]}, and the direction {config.direction}"
            raise UsageError(message, help="leave the direction out: each objective has its own")
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
