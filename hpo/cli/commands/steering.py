"""Steering experiments: those that run obey at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hpo.cli import completion, options
from hpo.cli.app import app
from hpo.cli.arguments import Experiment, Reference

_GROUP = "Steering"


@app.command(rich_help_panel=_GROUP)
def stop(reference: Reference = None) -> None:
    """Stop a running experiment. Its running trials end, and run again when it is resumed."""
    from hpo.cli.steer import stop_experiment

    stop_experiment(reference)


@app.command(rich_help_panel=_GROUP)
def delete(
    reference: Experiment,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete an experiment, with all that its trials wrote."""
    from hpo.cli.steer import delete as remove

    remove(reference, sure=yes)


@app.command(rich_help_panel=_GROUP)
def clean(
    older_than: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="Those that nothing happened in for so long: 30d."),
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Never the N newest; alone, all the others."),
    ] = None,
    quota: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="The oldest, until the store takes no more than this: 5GB."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: options.Json = False,
) -> None:
    """Delete old experiments. They are listed first, with what they take; alone, it only lists."""
    from hpo.cli.clean import clean as sweep

    sweep(older_than=older_than, keep=keep, quota=quota, sure=yes, json=json)


@app.command(rich_help_panel=_GROUP)
def update(
    reference: Reference = None,
    max_trials: options.MaxTrials = None,
    max_duration: options.MaxDuration = None,
    stop_when: options.StopWhen = None,
    patience: options.Patience = None,
    max_failures: options.MaxFailures = None,
    max_trial_duration: options.MaxTrialDuration = None,
    max_trial_silence: options.MaxTrialSilence = None,
    max_trial_memory: options.MaxTrialMemory = None,
    retries: options.Retries = None,
    concurrency: options.Concurrency = None,
    no_limit: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Take a limit away, such as patience or max-trial-silence; also several.",
            rich_help_panel=options.ENOUGH,
        ),
    ] = None,
    space: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A search space; the tuner learns again from what fits it.",
            rich_help_panel="What is tuned",
        ),
    ] = None,
) -> None:
    """Change the limits or the space of an experiment. Where it runs, that holds at once."""
    from hpo.cli.steer import update as change

    settings = {
        "max_trials": max_trials,
        "max_duration": max_duration,
        "stop_when": stop_when,
        "patience": patience,
        "max_failures": max_failures,
        "max_trial_duration": max_trial_duration,
        "max_trial_silence": max_trial_silence,
        "max_trial_memory": max_trial_memory,
        "retries": retries,
        "trial_concurrency": concurrency,
    }
    change(reference, settings, no_limit or [], space)


@app.command(rich_help_panel=_GROUP)
def enqueue(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[ID] NAME=VALUE...",
            help="The values to try; by themselves, in the newest experiment.",
            autocompletion=completion.experiments,
        ),
    ],
) -> None:
    """Run given values as the next trial. Those left out are the script's own."""
    from hpo.cli.steer import enqueue as ask_for

    ask_for(words)


@app.command(rich_help_panel=_GROUP)
def tag(
    reference: Experiment,
    tags: Annotated[list[str], typer.Argument(metavar="TAG...", help="Words.")],
    remove: Annotated[bool, typer.Option("--remove", help="Take them away.")] = False,
) -> None:
    """Tag an experiment, so that `hpo list --tag` finds it."""
    from hpo.cli.labels import change_tags

    change_tags(reference, tags, remove=remove)


@app.command(rich_help_panel=_GROUP)
def note(
    reference: Experiment,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What there is to say.")],
) -> None:
    """Add a note to an experiment, which `hpo show` and the page tell."""
    from hpo.cli.labels import write_note

    write_note(reference, text)


@app.command(rich_help_panel=_GROUP)
def rescue(reference: Experiment) -> None:
    """Make a sound store of a damaged one, which is kept."""
    from hpo.cli.rescue import rescue as make_sound

    make_sound(reference)


@app.command("import", rich_help_panel=_GROUP)
def import_(
    reference: Annotated[
        str,
        typer.Argument(
            metavar="ID|FOLDER|STUDY.db",
            help="The experiment that learns; or a folder of NNI's, or a study of Optuna's.",
            autocompletion=completion.experiments,
        ),
    ],
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="What `hpo export --format nni` or json, or NNI, wrote; or a study of Optuna's, in SQLite.",
        ),
    ] = None,
    study: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of Optuna's, where the file holds several.")
    ] = None,
) -> None:
    """Let an experiment learn from other results. Or, alone, take over a folder of NNI's or a study."""
    from hpo.cli.export import import_folder, import_trials

    if file is None:
        import_folder(Path(reference), study)
    else:
        import_trials(reference, file, study)
