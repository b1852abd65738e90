"""The commands and their options. What they do is elsewhere, and imported when one of them is called."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hpo import __version__
from hpo.cli import options
from hpo.errors import DiagnosticError, HpoError, UsageError

if TYPE_CHECKING:
    from hpo.cli.detach import Announce

__all__ = ["app", "main"]

_READ, _TUNE, _LOOK, _STEER = "The script", "Tuning", "Looking", "Steering"
_INSIDE, _NNI = "Inside a trial", "Coming from NNI"

app = options.Commands(
    name="hpo",
    cls=options.GroupedCommands,
    help="Tune a script by annotating it: mark the values worth tuning where they stand, and run it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
trial_app = options.Commands(help="Look at single trials.", no_args_is_help=True)
app.add_typer(trial_app, name="trial", rich_help_panel=_LOOK)


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
    str | None, typer.Argument(metavar="ID", help="An id, its beginning, or a name; by itself, the newest.")
]
TrialReference = Annotated[
    str, typer.Argument(metavar="ID", help="An experiment; or, alone, the number of a trial of the newest.")
]
TrialNumber = Annotated[int | None, typer.Argument(metavar="N", help="The trial's number.")]


def main() -> int:
    """Run the command line; return the exit status."""
    try:
        result = app(standalone_mode=False)
    except HpoError as error:
        _complain(error)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `| head` has seen enough
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - or the interpreter complains as it ends
        return 0
    except OSError as error:  # a full disk, a folder that somebody removed
        print(
            f"hpo: {error.strerror or error}" + (f": {error.filename}" if error.filename else ""),
            file=sys.stderr,
        )
        return 1
    except Exception as error:
        return _usage(error)
    return result if isinstance(result, int) else 0


def _complain(error: HpoError) -> None:
    """Print an error, and how to mend it; to a terminal, folded between words."""
    is_diagnostic = isinstance(error, DiagnosticError)  # editors jump to FILE:LINE at the start
    said = error.message if is_diagnostic else f"hpo: {error.message}"
    lines = [*said.split("\n"), *([f"  {error.help}"] if error.help else [])]
    if sys.stderr.isatty() and not is_diagnostic:
        import shutil
        import textwrap

        width = shutil.get_terminal_size().columns
        lines = [
            part
            for line in lines
            for part in textwrap.wrap(
                line, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
            )
        ]
    print("\n".join(lines), file=sys.stderr)


def _usage(error: Exception) -> int:
    """Show what click says of a wrong command line; anything else is a bug, and raised."""
    show = getattr(error, "show", None)
    if show is not None:
        show()
        return int(getattr(error, "exit_code", 2))
    if type(error).__name__ == "Abort":
        return 130
    raise error


@app.command(rich_help_panel=_READ)
def suggest(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A Python script.")],
    write: Annotated[
        bool, typer.Option("--write", help="Change the file instead of showing the diff.")
    ] = False,
) -> int:
    """Propose marks for the likely hyperparameters of a script. They are a diff; --write makes them."""
    from hpo.cli.suggest import suggest_marks

    return suggest_marks(file, write=write)


@app.command(rich_help_panel=_READ)
def annotate(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Scripts, or folders of them.")],
    format: Annotated[  # noqa: A002
        str, typer.Option(metavar="FORMAT", help="text, json (for editors) or github (for CI).")
    ] = "text",
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
        bool,
        typer.Option("--check", help="Only report mistakes, of each path by itself; for pre-commit and CI."),
    ] = False,
) -> int:
    """Show the search space that a script's marks describe."""
    from hpo.cli.annotate import show

    return show(paths, format=format, space=space, nni_keys=nni_keys, diff=diff, output=output, check=check)


@app.command(context_settings={"allow_extra_args": False}, rich_help_panel=_TUNE)
def run(
    script: Annotated[Path | None, typer.Argument(metavar="SCRIPT", help="A Python script.")] = None,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="-- ARGS...", help="What the script gets on its command line."),
    ] = None,
    use_annotation: options.UseAnnotation = False,
    config: options.Config = None,
    space: options.Space = None,
    param: options.Param = None,
    metric_pattern: options.MetricPattern = None,
    maximize: options.Maximize = False,
    minimize: options.Minimize = False,
    tuner: options.Tuner = None,
    assessor: options.Assessor = None,
    seed: options.Seed = None,
    repeat: options.Repeat = None,
    max_trials: options.MaxTrials = None,
    max_duration: options.MaxDuration = None,
    stop_when: options.StopWhen = None,
    patience: options.Patience = None,
    max_failures: options.MaxFailures = None,
    max_trial_duration: options.MaxTrialDuration = None,
    max_trial_memory: options.MaxTrialMemory = None,
    retries: options.Retries = None,
    cpus_per_trial: options.CpusPerTrial = None,
    gpus_per_trial: options.GpusPerTrial = None,
    start_method: options.StartMethod = None,
    concurrency: options.Concurrency = None,
    name: options.Name = None,
    detach: options.Detach = False,
    web: options.Web = True,
    port: options.Port = None,
    json: options.Json = False,
) -> int:
    """Run an experiment to its end. Its trials are runs of a script, or of an experiment file's command."""
    announce = _detached(json=json) if detach else None  # first: what begins here is not the child's to end
    from hpo.experiment.extraction import Extraction

    # The marks are read by another process while this one loads the rest of what it needs.
    extraction = Extraction(script) if script is not None and script.is_file() else None

    from hpo.cli.run import run as start
    from hpo.cli.web import open_page

    given: dict[str, Any] = {
        "name": name,
        "max_trials": max_trials,
        "max_duration": max_duration,
        "max_trial_duration": max_trial_duration,
        "max_trial_memory": max_trial_memory,
        "max_failures": max_failures,
        "stop_when": stop_when,
        "patience": patience,
        "retries": retries,
        "repeat": repeat,
        "trial_concurrency": concurrency,
        "seed": seed,
        "cpus_per_trial": cpus_per_trial,
        "gpus_per_trial": gpus_per_trial,
        "start_method": start_method,
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
        given,
        maximize=maximize,
        minimize=minimize,
        json=json,
        page=open_page(port, is_wanted=web),
        announce=announce,
    )


def _detached(*, json: bool) -> Announce:
    from hpo.cli.detach import detach

    return detach(json=json)


@app.command(rich_help_panel=_TUNE)
def resume(
    reference: Reference = None,
    detach: options.Detach = False,
    web: options.Web = True,
    port: options.Port = None,
    json: options.Json = False,
) -> int:
    """Go on where an experiment stood. Finished trials are kept, interrupted ones run again."""
    announce = _detached(json=json) if detach else None

    from hpo.cli.run import resume as go_on
    from hpo.cli.web import open_page

    return go_on(reference, json=json, page=open_page(port, is_wanted=web), announce=announce)


@app.command(rich_help_panel=_LOOK)
def web(
    host: Annotated[
        str, typer.Option(help="The address to listen on; others than 127.0.0.1 open it to the network.")
    ] = "127.0.0.1",
    port: options.Port = None,
) -> None:
    """Show all experiments in the browser, and print the link."""
    from hpo.cli.web import serve_page

    serve_page(host, port)


@app.command(rich_help_panel=_LOOK)
def attach(reference: Reference = None) -> int:
    """Watch an experiment that runs in the background."""
    from hpo.cli.attach import attach as watch

    return watch(reference)


@app.command("list", rich_help_panel=_LOOK)
def list_(
    running: Annotated[bool, typer.Option("--running", help="Only those that run.")] = False,
    json: options.Json = False,
) -> None:
    """List the experiments, the newest first."""
    from hpo.cli.show import list_experiments

    list_experiments(running=running, json=json)


@app.command(rich_help_panel=_LOOK)
def show(
    reference: Reference = None,
    importance: Annotated[
        bool, typer.Option("--importance", help="How much each parameter matters, too.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Show where an experiment stands."""
    from hpo.cli.show import show_experiment

    show_experiment(reference, importance=importance, json=json)


@app.command(rich_help_panel=_LOOK)
def best(reference: Reference = None, json: options.Json = False) -> None:
    """Show the best trial and its values."""
    from hpo.cli.show import show_best

    show_best(reference, json=json)


@app.command(rich_help_panel=_STEER)
def stop(reference: Reference = None) -> None:
    """Stop a running experiment. Its running trials end, and run again when it is resumed."""
    from hpo.cli.steer import stop_experiment

    stop_experiment(reference)


@app.command(rich_help_panel=_STEER)
def delete(
    reference: Annotated[str, typer.Argument(metavar="ID", help="The experiment.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete an experiment, with all that its trials wrote."""
    from hpo.cli.steer import delete as remove

    remove(reference, sure=yes)


@app.command(rich_help_panel=_STEER)
def update(
    reference: Reference = None,
    max_trials: options.MaxTrials = None,
    max_duration: options.MaxDuration = None,
    stop_when: options.StopWhen = None,
    patience: options.Patience = None,
    max_failures: options.MaxFailures = None,
    max_trial_duration: options.MaxTrialDuration = None,
    max_trial_memory: options.MaxTrialMemory = None,
    retries: options.Retries = None,
    concurrency: options.Concurrency = None,
    space: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A search space; the tuner learns again from what fits it.",
            rich_help_panel="What is tuned",
        ),
    ] = None,
) -> None:
    """Change the limits or the space of an experiment. Where it runs, that takes effect at once."""
    from hpo.cli.steer import update as change

    settings = {
        "max_trials": max_trials,
        "max_duration": max_duration,
        "stop_when": stop_when,
        "patience": patience,
        "max_failures": max_failures,
        "max_trial_duration": max_trial_duration,
        "max_trial_memory": max_trial_memory,
        "retries": retries,
        "trial_concurrency": concurrency,
    }
    change(reference, settings, space)


@app.command(rich_help_panel=_STEER)
def enqueue(
    reference: Annotated[str, typer.Argument(metavar="ID", help="The experiment.")],
    assignments: Annotated[list[str], typer.Argument(metavar="NAME=VALUE...", help="The values to try.")],
) -> None:
    """Run given values as the next trial. Those left out are the script's own."""
    from hpo.cli.steer import enqueue as ask_for

    ask_for(reference, assignments)


@app.command(rich_help_panel=_LOOK)
def export(
    reference: Reference = None,
    format: Annotated[  # noqa: A002
        str, typer.Option(metavar="FORMAT", help="csv, json, parquet, or nni (what `hpo import` reads).")
    ] = "csv",
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


@app.command(rich_help_panel=_LOOK)
def report(
    reference: Reference = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE.html", help="Where; else ID.html, here.")
    ] = None,
) -> None:
    """Write a page that opens offline. It has every figure, the failures and the source."""
    from hpo.cli.report import write_report

    write_report(reference, output)


@app.command("import", rich_help_panel=_STEER)
def import_(
    reference: Annotated[
        str, typer.Argument(metavar="ID|FOLDER", help="The experiment that learns; or a folder of NNI's.")
    ],
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="What `hpo export --format nni` or json, or NNI, wrote."),
    ] = None,
) -> None:
    """Let an experiment learn from another's results. Or, alone, take over a folder of NNI's."""
    from hpo.cli.export import import_folder, import_trials

    if file is None:
        import_folder(Path(reference))
    else:
        import_trials(reference, file)


@app.command(rich_help_panel=_LOOK)
def log(
    reference: Reference = None,
    head: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only so many lines, the first.")
    ] = None,
    tail: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only so many lines, the last.")
    ] = None,
    path: Annotated[bool, typer.Option("--path", help="Print where it is.")] = False,
) -> None:
    """Print what the runner of a detached experiment wrote."""
    from hpo.cli.show import print_log

    print_log(reference, head=head, tail=tail, path=path)


@app.command(rich_help_panel=_READ)
def apply(
    reference: Reference = None,
    trial: Annotated[
        int | None, typer.Option(metavar="N", help="The values of this trial; by itself, of the best.")
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Change the files instead of showing the diff.")
    ] = False,
) -> int:
    """Show the diff that writes the best values into the source. With --write, make it."""
    from hpo.cli.apply import apply_values

    return apply_values(reference, trial, write=write)


@app.command(rich_help_panel=_READ)
def lsp(
    stdio: Annotated[bool, typer.Option("--stdio", help="As it always does; many editors say so.")] = True,
) -> None:
    """Serve an editor, with mistakes in marks as one types. Their domains show on hover."""
    try:
        from hpo.lsp import serve
    except ModuleNotFoundError as error:
        if error.name not in ("lsprotocol", "pygls"):
            raise
        message = f"the language server needs {error.name}, which is not installed"
        raise UsageError(message, help="pip install 'hpo-annotate[lsp]'") from None
    serve()


@app.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    add_help_option=False,
    rich_help_panel=_NNI,
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
    best: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only so many, the best first.")
    ] = None,
    head: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only so many with the highest results.")
    ] = None,
    tail: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only so many with the lowest results.")
    ] = None,
    json: options.Json = False,
) -> None:
    """List an experiment's trials."""
    from hpo.cli.show import list_trials

    list_trials(reference, best=best, head=head, tail=tail, json=json)


@trial_app.command("show")
def trial_show(
    reference: TrialReference,
    number: TrialNumber = None,
    json: options.Json = False,
) -> None:
    """Show one trial: its values, results, and how it ended."""
    from hpo.cli.trial import show_trial

    show_trial(reference, number, json=json)


@trial_app.command("code")
def trial_code(
    reference: TrialReference,
    number: TrialNumber = None,
) -> None:
    """Print the script with a trial's values written in. It runs without hpo."""
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


@app.command(context_settings=INSIDE, rich_help_panel=_INSIDE)
def param(context: typer.Context) -> int:
    """Print a parameter's value (inside a trial, in any language)."""
    from hpo.cli.inside import main as inside

    return inside(["param", *context.args])


@app.command(context_settings=INSIDE, rich_help_panel=_INSIDE)
def metric(context: typer.Context) -> int:
    """Report a result (inside a trial, in any language)."""
    from hpo.cli.inside import main as inside

    return inside(["metric", *context.args])
