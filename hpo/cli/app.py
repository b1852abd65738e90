"""The commands and their options. What they do is elsewhere, and imported when one of them is called."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hpo import __version__
from hpo.errors import DiagnosticError, HpoError, UsageError

if TYPE_CHECKING:
    from hpo.cli.detach import Announce

__all__ = ["app", "main"]

app = typer.Typer(
    name="hpo",
    help="Tune a script by annotating it: mark the values worth tuning where they stand, and run it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
trial_app = typer.Typer(help="Look at single trials.", no_args_is_help=True)
app.add_typer(trial_app, name="trial")


def _print_version(is_asked: bool) -> None:
    if is_asked:
        print(f"hpo {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take the options of `hpo` itself."""


Reference = Annotated[
    str | None, typer.Argument(metavar="ID", help="An id, the beginning of one, or a name; the newest.")
]
TrialReference = Annotated[
    str, typer.Argument(metavar="ID", help="An experiment; or, alone, the number of a trial of the newest.")
]
TrialNumber = Annotated[int | None, typer.Argument(metavar="[N]", help="The trial's number.")]
Detach = Annotated[bool, typer.Option("--detach", help="Run in the background; end with `hpo stop`.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, and only that, to stdout.")]


def main() -> int:
    """Run the command line; return the exit status."""
    try:
        result = app(standalone_mode=False)
    except HpoError as error:
        prefix = (
            "" if isinstance(error, DiagnosticError) else "hpo: "
        )  # editors jump to FILE:LINE at the start
        print(f"{prefix}{error.message}", file=sys.stderr)
        if error.help:
            print(f"  {error.help}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `| head` has seen enough
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - or the interpreter complains as it ends
        return 0
    except Exception as error:
        return _usage(error)
    return result if isinstance(result, int) else 0


def _usage(error: Exception) -> int:
    """Show what click says of a wrong command line; anything else is a bug, and raised."""
    show = getattr(error, "show", None)
    if show is not None:
        show()
        return int(getattr(error, "exit_code", 2))
    if type(error).__name__ == "Abort":
        return 130
    raise error


@app.command()
def annotate(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Scripts, or folders of them.")],
    format: Annotated[str, typer.Option(help="text, json (for editors) or github (for CI).")] = "text",  # noqa: A002
    space: Annotated[bool, typer.Option("--space", help="Print the search-space JSON alone.")] = False,
    nni_keys: Annotated[
        bool, typer.Option("--nni-keys", help="With --space: under the keys that NNI's annotation gave.")
    ] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Print the parameterised trial as a diff.")] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="Write the parameterised tree there; with --space, the JSON to that file.",
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only report mistakes; for pre-commit and CI.")
    ] = False,
) -> int:
    """Show the search space that a script's marks describe."""
    from hpo.cli.annotate import show

    return show(paths, format=format, space=space, nni_keys=nni_keys, diff=diff, output=output, check=check)


@app.command(context_settings={"allow_extra_args": False})
def run(
    script: Annotated[Path | None, typer.Argument(help="A Python script.")] = None,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- ARGS]", help="What the script gets on its command line."),
    ] = None,
    use_annotation: Annotated[
        bool,
        typer.Option("--use-annotation", help="Read the search space from the script's marks (implied)."),
    ] = False,
    config: Annotated[Path | None, typer.Option(help="An experiment file, NNI's v1 or v2.")] = None,
    space: Annotated[Path | None, typer.Option(help="A search space in NNI's JSON.")] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=DOMAIN",
            help="Send a value to the trial as --NAME VALUE, such as lr=loguniform(1e-5,1e-1); repeatable.",
        ),
    ] = None,
    metric_pattern: Annotated[
        str | None,
        typer.Option(metavar="REGEX", help="Read results from the trial's output; the last is final."),
    ] = None,
    tuner: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE.py:Class",
            help="TPE (the default), Auto, Random, GridSearch, Batch, Anneal, Evolution, GP, CMAES, QMC, "
            "SMAC, Metis, DNGO, Hyperband, BOHB, PBT, or a class of your own, written against hpo's API or "
            "NNI's.",
        ),
    ] = None,
    assessor: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE.py:Class",
            help="Stop trials that will not be good: Medianstop, Curvefitting, ASHA, or a class of your own.",
        ),
    ] = None,
    max_trials: Annotated[
        int | None, typer.Option(min=1, help="How many trials; 100 without any limit.")
    ] = None,
    max_duration: Annotated[
        str | None, typer.Option(help="After this no trial starts: 30s, 10m, 1h, 2d.")
    ] = None,
    max_trial_duration: Annotated[str | None, typer.Option(help="A trial that takes longer fails.")] = None,
    concurrency: Annotated[int | None, typer.Option(min=1, help="How many trials at a time.")] = None,
    maximize: Annotated[
        bool, typer.Option("--maximize", help="Larger results are better (the default).")
    ] = False,
    minimize: Annotated[bool, typer.Option("--minimize", help="Smaller results are better.")] = False,
    seed: Annotated[int | None, typer.Option(min=0, help="Makes the proposals repeatable.")] = None,
    gpus_per_trial: Annotated[int | None, typer.Option(min=0, help="0 hides the GPUs from trials.")] = None,
    name: Annotated[str | None, typer.Option(help="What the experiment is called.")] = None,
    detach: Detach = False,
    json: Json = False,
) -> int:
    """Run an experiment to its end: trials of a script or of an experiment file's command."""
    announce = _detached(json=json) if detach else None  # first: what begins here is not the child's to end
    from hpo.experiment.extraction import Extraction

    # The marks are read by another process while this one loads the rest of what it needs.
    extraction = Extraction(script) if script is not None and script.is_file() else None

    from hpo.cli.run import run as start

    options: dict[str, Any] = {
        "name": name,
        "max_trials": max_trials,
        "max_duration": max_duration,
        "max_trial_duration": max_trial_duration,
        "trial_concurrency": concurrency,
        "seed": seed,
        "gpus_per_trial": gpus_per_trial,
        "use_annotation": use_annotation or None,
        "metric_pattern": metric_pattern,
        "tuner": tuner,
        "assessor": assessor,
    }
    return start(
        script,
        extraction,
        arguments or [],
        config,
        space,
        param or [],
        options,
        maximize=maximize,
        minimize=minimize,
        json=json,
        announce=announce,
    )


def _detached(*, json: bool) -> Announce:
    from hpo.cli.detach import detach

    return detach(json=json)


@app.command()
def resume(reference: Reference = None, detach: Detach = False, json: Json = False) -> int:
    """Go on where an experiment stood: finished trials are kept, interrupted ones run again."""
    announce = _detached(json=json) if detach else None

    from hpo.cli.run import resume as go_on

    return go_on(reference, json=json, announce=announce)


@app.command("list")
def list_(
    running: Annotated[bool, typer.Option("--running", help="Only those that run.")] = False,
    json: Json = False,
) -> None:
    """List the experiments, the newest first."""
    from hpo.cli.show import list_experiments

    list_experiments(running=running, json=json)


@app.command()
def show(reference: Reference = None, json: Json = False) -> None:
    """Show where an experiment stands."""
    from hpo.cli.show import show_experiment

    show_experiment(reference, json=json)


@app.command()
def best(reference: Reference = None, json: Json = False) -> None:
    """Show the best trial and its values."""
    from hpo.cli.show import show_best

    show_best(reference, json=json)


@app.command()
def stop(reference: Reference = None) -> None:
    """Stop a running experiment: its running trials end, and run again when it is resumed."""
    from hpo.cli.steer import stop_experiment

    stop_experiment(reference)


@app.command()
def delete(
    reference: Annotated[str, typer.Argument(metavar="ID", help="The experiment.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete an experiment, with all that its trials wrote."""
    from hpo.cli.steer import delete as remove

    remove(reference, sure=yes)


@app.command()
def update(
    reference: Reference = None,
    max_trials: Annotated[int | None, typer.Option(min=1, help="How many trials, all together.")] = None,
    max_duration: Annotated[str | None, typer.Option(help="After this no trial starts.")] = None,
    concurrency: Annotated[int | None, typer.Option(min=1, help="How many trials at a time.")] = None,
    space: Annotated[
        Path | None, typer.Option(help="A search space; the tuner learns again from what fits it.")
    ] = None,
) -> None:
    """Change the limits or the search space of an experiment, running or not."""
    from hpo.cli.steer import update as change
    from hpo.config.duration import parse_duration
    from hpo.config.space_file import load_space

    seconds = None if max_duration is None else parse_duration(max_duration)
    limits = {"max_trials": max_trials, "max_duration": seconds, "trial_concurrency": concurrency}
    change(reference, limits, None if space is None else load_space(space))


@app.command()
def enqueue(
    reference: Annotated[str, typer.Argument(metavar="ID", help="The experiment.")],
    assignments: Annotated[list[str], typer.Argument(metavar="NAME=VALUE...", help="The values to try.")],
) -> None:
    """Run given values as the next trial; those left out are the script's own."""
    from hpo.cli.steer import enqueue as ask_for

    ask_for(reference, assignments)


@app.command()
def export(
    reference: Reference = None,
    format: Annotated[str, typer.Option(help="csv, json, or nni (what `hpo import` reads).")] = "csv",  # noqa: A002
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write to a file.")
    ] = None,
    intermediate: Annotated[
        bool, typer.Option("--intermediate", help="With nni: results on the way as well; json has them.")
    ] = False,
) -> None:
    """Print every trial with its values and result."""
    from hpo.cli.export import export_trials

    export_trials(reference, format, output, intermediate=intermediate)


@app.command("import")
def import_(
    reference: Annotated[
        str, typer.Argument(metavar="ID|FOLDER", help="The experiment that learns; or a folder of NNI's.")
    ],
    file: Annotated[
        Path | None, typer.Argument(help="What `hpo export --format nni` or json, or NNI, wrote.")
    ] = None,
) -> None:
    """Let an experiment learn from the results of another; or, alone, take over a folder of NNI's."""
    from hpo.cli.export import import_folder, import_trials

    if file is None:
        import_folder(Path(reference))
    else:
        import_trials(reference, file)


@app.command()
def log(
    reference: Reference = None,
    head: Annotated[int | None, typer.Option(min=1, help="Only so many lines, the first.")] = None,
    tail: Annotated[int | None, typer.Option(min=1, help="Only so many lines, the last.")] = None,
    path: Annotated[bool, typer.Option("--path", help="Print where it is.")] = False,
) -> None:
    """Print what the runner of a detached experiment wrote."""
    from hpo.cli.show import print_log

    print_log(reference, head=head, tail=tail, path=path)


@app.command()
def apply(
    reference: Reference = None,
    trial: Annotated[int | None, typer.Option(help="A trial's number; the best.")] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Change the files instead of showing the diff.")
    ] = False,
) -> int:
    """Show the diff that writes the best values into the source, or make it."""
    from hpo.cli.apply import apply_values

    return apply_values(reference, trial, write=write)


@app.command()
def suggest(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A Python script.")],
    write: Annotated[
        bool, typer.Option("--write", help="Change the file instead of showing the diff.")
    ] = False,
) -> int:
    """Propose marks for the likely hyperparameters of a script, as a diff, or write them."""
    from hpo.cli.suggest import suggest_marks

    return suggest_marks(file, write=write)


@app.command()
def lsp() -> None:
    """Serve an editor: mistakes in marks as one types, and their domains on hover."""
    try:
        from hpo.lsp import serve
    except ModuleNotFoundError as error:
        if error.name not in ("lsprotocol", "pygls"):
            raise
        message = f"the language server needs {error.name}, which is not installed"
        raise UsageError(message, help="pip install 'hpo-annotate[lsp]'") from None
    serve()


@app.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True}, add_help_option=False
)
def nnictl(context: typer.Context) -> int:
    """Take NNI's command line, and run ours."""
    import shlex

    from hpo.cli.nnictl import translate

    code = 0
    for line in translate(context.args):
        print(f"$ hpo {shlex.join(line)}", file=sys.stderr)
        code = app(line, standalone_mode=False) or code
    return code


@trial_app.command("list")
def trial_list(
    reference: Reference = None,
    head: Annotated[int | None, typer.Option(min=1, help="Only so many with the highest results.")] = None,
    tail: Annotated[int | None, typer.Option(min=1, help="Only so many with the lowest results.")] = None,
    json: Json = False,
) -> None:
    """List an experiment's trials."""
    from hpo.cli.show import list_trials

    list_trials(reference, head=head, tail=tail, json=json)


@trial_app.command("show")
def trial_show(
    reference: TrialReference,
    number: TrialNumber = None,
    json: Json = False,
) -> None:
    """Show one trial: its values, results, and how it ended."""
    from hpo.cli.trial import show_trial

    show_trial(reference, number, json=json)


@trial_app.command("code")
def trial_code(
    reference: TrialReference,
    number: TrialNumber = None,
) -> None:
    """Print the script with a trial's values written in; it runs without hpo."""
    from hpo.cli.trial import print_code

    print_code(reference, number)


@trial_app.command("kill")
def trial_kill(
    reference: Annotated[str, typer.Argument(metavar="ID", help="The experiment.")],
    number: Annotated[int, typer.Argument(metavar="N", help="The trial's number.")],
) -> None:
    """End a running trial; it counts as canceled."""
    from hpo.cli.steer import kill_trial

    kill_trial(reference, number)


@trial_app.command("logs")
def trial_logs(
    reference: TrialReference,
    number: TrialNumber = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as the trial writes.")] = False,
) -> None:
    """Print what a trial wrote to stdout and stderr."""
    from hpo.cli.trial import print_logs

    print_logs(reference, number, follow=follow)


INSIDE = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}


@app.command(context_settings=INSIDE)
def param(context: typer.Context) -> int:
    """Print a parameter's value (inside a trial, in any language)."""
    from hpo.cli.inside import main as inside

    return inside(["param", *context.args])


@app.command(context_settings=INSIDE)
def metric(context: typer.Context) -> int:
    """Report a result (inside a trial, in any language)."""
    from hpo.cli.inside import main as inside

    return inside(["metric", *context.args])
