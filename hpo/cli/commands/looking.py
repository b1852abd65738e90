"""Looking at experiments, while they run and afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hpo.cli import options
from hpo.cli.app import app
from hpo.cli.arguments import Experiment, Reference

_GROUP = "Looking"


@app.command(rich_help_panel=_GROUP)
def web(
    host: Annotated[
        str, typer.Option(help="The address to listen on; others than 127.0.0.1 open it to the network.")
    ] = "127.0.0.1",
    port: options.Port = None,
) -> None:
    """Show all experiments in the browser, and print the link."""
    from hpo.cli.web import serve_page

    serve_page(host, port)


@app.command(rich_help_panel=_GROUP)
def attach(reference: Reference = None) -> int:
    """Watch an experiment that runs in the background."""
    from hpo.cli.attach import attach as watch

    return watch(reference)


@app.command("list", rich_help_panel=_GROUP)
def list_(
    running: Annotated[bool, typer.Option("--running", help="Only those that run.")] = False,
    tag: Annotated[
        list[str] | None, typer.Option(metavar="TAG", help="Only those with this tag; repeatable.")
    ] = None,
    json: options.Json = False,
) -> None:
    """List the experiments, the newest first."""
    from hpo.cli.show import list_experiments

    list_experiments(running=running, tags=tag or [], json=json)


@app.command(rich_help_panel=_GROUP)
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


@app.command(rich_help_panel=_GROUP)
def best(reference: Reference = None, json: options.Json = False) -> None:
    """Show the best trial and its values."""
    from hpo.cli.show import show_best

    show_best(reference, json=json)


@app.command(rich_help_panel=_GROUP)
def diff(
    one: Experiment,
    other: Experiment,
    json: options.Json = False,
) -> None:
    """Show how two experiments differ. It tells configuration, space, code and results."""
    from hpo.cli.diff import show_difference

    show_difference(one, other, json=json)


@app.command(rich_help_panel=_GROUP)
def export(
    reference: Reference = None,
    format: Annotated[  # noqa: A002
        str, typer.Option(metavar="FORMAT", help="csv, json, parquet, or nni (what `hpo import` reads).")
    ] = "csv",
    to: Annotated[
        str | None,
        typer.Option(
            metavar="TOOL",
            help="The search space instead, for optuna, hydra, wandb, ray or argparse.",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write to a file.")
    ] = None,
    intermediate: Annotated[
        bool, typer.Option("--intermediate", help="With nni: results on the way as well; json has them.")
    ] = False,
) -> None:
    """Print every trial with its values and result. With --to, the space for another tool."""
    from hpo.cli.export import export_space, export_trials

    if to is not None:
        export_space(reference, to, output)
        return
    export_trials(reference, format, output, intermediate=intermediate)


@app.command(rich_help_panel=_GROUP)
def report(
    reference: Reference = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE.html", help="Where; else ID.html, here.")
    ] = None,
) -> None:
    """Write a page that opens offline. It has every figure, the failures and the source."""
    from hpo.cli.report import write_report

    write_report(reference, output)


@app.command(rich_help_panel=_GROUP)
def doctor(json: options.Json = False) -> int:
    """Examine this machine: Python, GPUs, the store, extras. It says what is missing, and how to get it."""
    from hpo.cli.doctor import examine

    return examine(json=json)


@app.command(rich_help_panel=_GROUP)
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
