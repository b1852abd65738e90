"""The options of `hpo run` and the like, each once, in groups; and how help shows the groups.

Plain text, not typer's boxes: those load rich, which takes longer than all the rest of `hpo --help`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

__all__ = [
    "Assessor",
    "Concurrency",
    "Config",
    "CpusPerTrial",
    "Detach",
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
    "Param",
    "Patience",
    "Repeat",
    "Retries",
    "Seed",
    "Space",
    "StopWhen",
    "Tuner",
    "UseAnnotation",
]

_RANGE = re.compile(r"\s*\[x>=\d+\]$")  # that 0 trials are none needs no saying
_LONGEST_NAME = 14

_WHAT, _HOW = "What is tuned", "How it is searched"
_ENOUGH, _TRIALS, _RUNNER = "When it is enough", "Each trial", "How it runs"


class GroupedCommand(TyperCommand):
    """A command whose help lists its options by their groups."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options, group by group."""
        records = []
        for parameter in self.get_params(ctx):
            group = "Arguments" if parameter.param_type_name == "argument" else "Other options"
            record = parameter.get_help_record(ctx)
            if record is not None:
                shown = _RANGE.sub("", record[1])
                records.append((getattr(parameter, "rich_help_panel", None) or group, (record[0], shown)))
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
                records.append((group, (name, command.get_short_help_str(formatter.width - _LONGEST_NAME))))
        _write_groups(formatter, records)


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
    typer.Option(metavar="FILE", help="A search space in NNI's JSON.", rich_help_panel=_WHAT),
]
Param = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=DOMAIN",
        help="Send a value to the trial as --NAME VALUE, such as lr=loguniform(1e-5,1e-1); repeatable.",
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
Maximize = Annotated[
    bool, typer.Option("--maximize", help="Larger results are better (the default).", rich_help_panel=_WHAT)
]
Minimize = Annotated[
    bool, typer.Option("--minimize", help="Smaller results are better.", rich_help_panel=_WHAT)
]

# -- how it is searched

Tuner = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE.py:Class",
        help="TPE (the default), Auto, Random, GridSearch, Batch, Anneal, Evolution, GP, CMAES, QMC, "
        "SMAC, Metis, DNGO, Hyperband, BOHB, PBT, or a class of your own, written against hpo's API or "
        "NNI's.",
        rich_help_panel=_HOW,
    ),
]
Assessor = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE.py:Class",
        help="Stop trials that will not be good: Medianstop, Curvefitting, ASHA, or a class of your own.",
        rich_help_panel=_HOW,
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
Name = Annotated[
    str | None, typer.Option(metavar="NAME", help="What the experiment is called.", rich_help_panel=_RUNNER)
]
Detach = Annotated[
    bool,
    typer.Option(
        "--detach",
        help="Run in the background; watch with `hpo attach`, end with `hpo stop`.",
        rich_help_panel=_RUNNER,
    ),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="Print JSON, and only that, to stdout.", rich_help_panel=_RUNNER),
]
