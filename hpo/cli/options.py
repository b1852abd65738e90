"""The options of `hpo run` and the like, each once, in groups."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hpo.cli import completion

__all__ = [
    "ENOUGH",
    "Assessor",
    "Concurrency",
    "Config",
    "CpusPerTrial",
    "Detach",
    "DryRun",
    "Engine",
    "Fix",
    "GpusPerTrial",
    "Json",
    "MaxDuration",
    "MaxFailures",
    "MaxTrialDuration",
    "MaxTrialMemory",
    "MaxTrialSilence",
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

_WHAT, _HOW = "What is tuned", "How it is searched"
ENOUGH, _TRIALS, _RUNNER = "When it is enough", "Each trial", "How it runs"


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
    typer.Option(min=1, metavar="N", help="How many trials; 100 without any limit.", rich_help_panel=ENOUGH),
]
MaxDuration = Annotated[
    str | None,
    typer.Option(
        metavar="DURATION", help="After this no trial starts: 30s, 10m, 1h30m, 2d.", rich_help_panel=ENOUGH
    ),
]
StopWhen = Annotated[
    str | None,
    typer.Option(
        metavar="NAME>=NUMBER",
        help="A final result that is good enough, such as 'val_acc>=0.99'; running trials end.",
        rich_help_panel=ENOUGH,
    ),
]
Patience = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="After so many trials without a better result no trial starts.",
        rich_help_panel=ENOUGH,
    ),
]
MaxFailures = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="After so many failed trials no trial starts; 3 where these are the first.",
        rich_help_panel=ENOUGH,
    ),
]

# -- each trial

MaxTrialDuration = Annotated[
    str | None,
    typer.Option(metavar="DURATION", help="A trial that takes longer fails.", rich_help_panel=_TRIALS),
]
MaxTrialSilence = Annotated[
    str | None,
    typer.Option(
        metavar="DURATION",
        help="A trial that reports nothing for so long, since it began or last did, fails.",
        rich_help_panel=_TRIALS,
    ),
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
