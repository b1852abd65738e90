"""The options of `hpo run` and the like, each once, in groups; and how help shows the groups.

Plain text, not typer's boxes: those load rich, which takes longer than all the rest of `hpo --help`.
"""

from __future__ import annotations

import copy
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command
from typer.models import CommandFunctionType, CommandInfo

from hpo.cli import completion

__all__ = [
    "Assessor",
    "Commands",
    "Concurrency",
    "Config",
    "CpusPerTrial",
    "Detach",
    "DryRun",
    "Engine",
    "Fix",
    "GpusPerTrial",
    "GroupedCommand",
    "GroupedCommands",
    "Json",
    "MaxDuration",
    "MaxFailures",
    "MaxTrialDuration",
    "MaxTrialMemory",
    "MaxTrials",
    "Maximize",
    "MetricPattern",
    "Minimize",
    "Name",
    "Objective",
    "OnFinish",
    "Param",
    "Patience",
    "Port",
    "RayAddress",
    "RayResource",
    "Repeat",
    "ResultConstraint",
    "Retries",
    "Seed",
    "Space",
    "StartMethod",
    "StopWhen",
    "Tag",
    "Track",
    "Tuner",
    "UseAnnotation",
    "WarmFrom",
    "Web",
]

_BRACKETS = re.compile(r"\s*\[(x>=\d+|required)\]$")  # needless: 0 trials are none
_TYPE = re.compile(r" <[^>]*>$")
_BESIDE_SUMMARY = 14
_FIRST_STEPS = (
    ("hpo init", "look at what is here, and say how to begin"),
    ("hpo run train.py --max-trials 30", "tune what is marked"),
    ("hpo apply", "the diff that writes the best values into it"),
    ("hpo COMMAND --help", "the options of a command"),
)

_WHAT, _HOW = "What is tuned", "How it is searched"
_ENOUGH, _TRIALS, _RUNNER = "When it is enough", "Each trial", "How it runs"


class GroupedCommand(TyperCommand):
    """A command whose help lists its options by their groups, and names its arguments as they are written."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return what follows the command's name: ID, or [ID] where it may be left out."""
        arguments = [p for p in self.get_params(ctx) if p.param_type_name == "argument"]
        names = [(argument.metavar or argument.name or "", argument.required) for argument in arguments]
        return ["[OPTIONS]", *(name if is_required else f"[{name}]" for name, is_required in names)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options, group by group."""
        parameters = self.get_params(ctx)
        panels = {getattr(p, "rich_help_panel", None) for p in parameters} - {None}
        is_long = len(panels) > 1
        records = []
        for parameter in parameters:
            is_argument = parameter.param_type_name == "argument"
            group = "Arguments" if is_argument else "Other options" if is_long else "Options"
            panel = getattr(parameter, "rich_help_panel", None) if is_long else None
            record = parameter.get_help_record(ctx)
            if record is not None:
                shown = (_TYPE.sub("", record[0]), _BRACKETS.sub("", record[1]))
                records.append((panel or group, shown))
        _write_groups(formatter, records)


class GroupedCommands(TyperGroup):
    """A list of commands by their groups."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, group by group, in the order in which they were added."""
        records = []
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                group = getattr(command, "rich_help_panel", None) or "Commands"
                records.append((group, (name, command.get_short_help_str(formatter.width - _BESIDE_SUMMARY))))
        _write_groups(formatter, records)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write what a newcomer calls first."""
        if ctx.parent is None:
            with formatter.section("First steps"):
                formatter.write_dl(_FIRST_STEPS, col_max=40)


class Commands(typer.Typer):
    """The commands of a program, with help in groups."""

    def command(
        self, name: str | None = None, **settings: Any
    ) -> Callable[[CommandFunctionType], CommandFunctionType]:
        """Add a command."""
        return super().command(name, **{"cls": GroupedCommand, **settings})

    def __call__(self, arguments: Sequence[str] | None = None, **settings: Any) -> Any:
        """Run a command line.

        Only the options of commands that it names are worked out, which for all of them would take a third
        of the time of `hpo --help`. A shell that completes may ask for those of any.
        """
        if any(name.endswith("_HPO_COMPLETE") for name in os.environ):
            return get_command(self)(arguments, **settings)
        words = set(sys.argv[1:] if arguments is None else arguments)
        groups = [self, *(group.typer_instance for group in self.registered_groups if group.typer_instance)]
        everything = [group.registered_commands for group in groups]
        for group in groups:
            group.registered_commands = [
                _bare_unless(command, words) for command in group.registered_commands
            ]
        command = get_command(self)
        for group, commands in zip(groups, everything, strict=True):
            group.registered_commands = commands
        return command(arguments, **settings)


def _bare_unless(command: CommandInfo, words: AbstractSet[str]) -> CommandInfo:
    """Return a command as it is where it is called; otherwise, without its options."""
    whole = command.callback
    assert whole is not None
    if (command.name or whole.__name__) in words:
        return command

    def bare() -> None:
        """Stand in a list."""

    bare.__name__, bare.__doc__ = whole.__name__, whole.__doc__
    listed = copy.copy(command)
    listed.callback = bare
    return listed


def _write_groups(formatter: Any, records: Iterable[tuple[str, tuple[str, str]]]) -> None:
    groups: dict[str, list[tuple[str, str]]] = {}
    for group, record in records:
        groups.setdefault(group, []).append(record)
    for group in sorted(groups, key=lambda name: name == "Other options"):
        with formatter.section(group):
            formatter.write_dl(groups[group])


# -- what is tuned

UseAnnotation = Annotated[
    bool,
    typer.Option(
        "--use-annotation",
        help="Read the search space from the script's marks (implied).",
        rich_help_panel=_WHAT,
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="An experiment file, NNI's v1 or v2.", rich_help_panel=_WHAT),
]
Space = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="A search space in NNI's JSON, or a sweep of W&B.", rich_help_panel=_WHAT
    ),
]
Param = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=DOMAIN",
        help="Send a value to the trial as --NAME VALUE, such as lr=loguniform(1e-5,1e-1); repeatable.",
        rich_help_panel=_WHAT,
    ),
]
Fix = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="Do not search this parameter: it has this value in each trial; repeatable.",
        rich_help_panel=_WHAT,
    ),
]
MetricPattern = Annotated[
    str | None,
    typer.Option(
        metavar="REGEX",
        help="Read results from the trial's output; the last is final.",
        rich_help_panel=_WHAT,
    ),
]
WarmFrom = Annotated[
    str | None,
    typer.Option(
        metavar="ID",
        help="Learn from an earlier experiment, perhaps of a script that has changed since.",
        rich_help_panel=_WHAT,
        autocompletion=completion.experiments,
    ),
]
Maximize = Annotated[
    bool, typer.Option("--maximize", help="Larger results are better (the default).", rich_help_panel=_WHAT)
]
Minimize = Annotated[
    bool, typer.Option("--minimize", help="Smaller results are better.", rich_help_panel=_WHAT)
]

Objective = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME:max|min",
        help="A part of the reported dict to be as large, or as small, as can be; several make a front.",
        rich_help_panel=_WHAT,
    ),
]
ResultConstraint = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME<=NUMBER",
        help="What a result must meet to count among the best, such as 'latency<=50'; repeatable.",
        rich_help_panel=_WHAT,
    ),
]

# -- how it is searched

Tuner = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE.py:Class",
        help="Auto (the default), TPE, Random, GridSearch, Batch, Anneal, Evolution, GP, CMAES, QMC, "
        "SMAC, Metis, DNGO, Hyperband, BOHB, PBT, NSGA2, or a class of your own, written against hpo's API "
        "or NNI's.",
        rich_help_panel=_HOW,
        autocompletion=completion.tuners,
    ),
]
Assessor = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE.py:Class",
        help="Stop trials that will not be good: Medianstop, Curvefitting, ASHA, or a class of your own.",
        rich_help_panel=_HOW,
        autocompletion=completion.assessors,
    ),
]
Seed = Annotated[
    int | None, typer.Option(min=0, metavar="N", help="Makes the proposals repeatable.", rich_help_panel=_HOW)
]
Repeat = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="For results with noise: run each configuration so often; its result is the mean.",
        rich_help_panel=_HOW,
    ),
]

# -- when it is enough

MaxTrials = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="How many trials; 100 without any limit.", rich_help_panel=_ENOUGH),
]
MaxDuration = Annotated[
    str | None,
    typer.Option(
        metavar="DURATION", help="After this no trial starts: 30s, 10m, 1h, 2d.", rich_help_panel=_ENOUGH
    ),
]
StopWhen = Annotated[
    str | None,
    typer.Option(
        metavar="NAME>=NUMBER",
        help="A final result that is good enough, such as 'val_acc>=0.99'; running trials end.",
        rich_help_panel=_ENOUGH,
    ),
]
Patience = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="After so many trials without a better result no trial starts.",
        rich_help_panel=_ENOUGH,
    ),
]
MaxFailures = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="After so many failed trials no trial starts; 3 where these are the first.",
        rich_help_panel=_ENOUGH,
    ),
]

# -- each trial

MaxTrialDuration = Annotated[
    str | None,
    typer.Option(metavar="DURATION", help="A trial that takes longer fails.", rich_help_panel=_TRIALS),
]
MaxTrialMemory = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="A trial that uses more, with its children, fails: 512M, 4G.",
        rich_help_panel=_TRIALS,
    ),
]
Retries = Annotated[
    int | None,
    typer.Option(min=0, metavar="N", help="Run a trial that fails again, so often.", rich_help_panel=_TRIALS),
]
CpusPerTrial = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Bind each trial, and its threads, to so many cores of its own.",
        rich_help_panel=_TRIALS,
    ),
]
StartMethod = Annotated[
    str | None,
    typer.Option(
        metavar="METHOD",
        help="fork (warm, the default), or spawn: each script in a Python started for it.",
        rich_help_panel=_TRIALS,
    ),
]
GpusPerTrial = Annotated[
    float | None,
    typer.Option(
        min=0, metavar="N", help="0.5 lets two trials share one; 0 hides them.", rich_help_panel=_TRIALS
    ),
]

# -- how it runs

Concurrency = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="How many trials at a time.", rich_help_panel=_RUNNER)
]
Engine = Annotated[
    str | None,
    typer.Option(
        metavar="ENGINE",
        help="local (the default), or ray: trials run on a cluster.",
        rich_help_panel=_RUNNER,
    ),
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="The Ray cluster, such as 10.0.0.1:6379 or auto; by itself, one is started here.",
        rich_help_panel=_RUNNER,
    ),
]
RayResource = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=N",
        help="With ray: a custom resource that each trial takes; repeatable.",
        rich_help_panel=_RUNNER,
    ),
]
Name = Annotated[
    str | None, typer.Option(metavar="NAME", help="What the experiment is called.", rich_help_panel=_RUNNER)
]
OnFinish = Annotated[
    str | None,
    typer.Option(
        metavar="COMMAND",
        help="Run this when it has ended, with HPO_STATUS, HPO_BEST_VALUE, HPO_BEST_FILE in its environment.",
        rich_help_panel=_RUNNER,
    ),
]
Track = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TOOL",
        help="Tell mlflow, tensorboard or wandb of every trial; repeatable.",
        rich_help_panel=_RUNNER,
    ),
]
Tag = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TAG",
        help="A word by which it is found: hpo list --tag; repeatable.",
        rich_help_panel=_RUNNER,
    ),
]
Detach = Annotated[
    bool,
    typer.Option(
        "--detach",
        help="Run in the background; watch with `hpo attach`, end with `hpo stop`.",
        rich_help_panel=_RUNNER,
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Show the space, the plan, the first trials and a command; start nothing.",
        rich_help_panel=_RUNNER,
    ),
]
Web = Annotated[
    bool,
    typer.Option("--web/--no-web", help="Print a link to the page that shows it.", rich_help_panel=_RUNNER),
]
Port = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=65535,
        metavar="N",
        help="Where the page listens; 8470, or else a free one.",
        rich_help_panel=_RUNNER,
    ),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="Print JSON, and only that, to stdout.", rich_help_panel=_RUNNER),
]
