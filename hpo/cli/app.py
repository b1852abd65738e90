"""The command line: what its commands are added to (see `commands`)."""

from __future__ import annotations

from typing import Annotated

import typer

from hpo import __version__
from hpo.cli import grouped

__all__ = ["app", "trial_app"]

app = grouped.Commands(
    name="hpo",
    cls=grouped.GroupedCommands,
    help="Tune a script by annotating it: mark the values worth tuning where they stand, and run it.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
trial_app = grouped.Commands(help="Look at single trials.", no_args_is_help=True)
app.add_typer(trial_app, name="trial", rich_help_panel="Looking")


def _print_version(is_asked: bool) -> None:
    if is_asked:
        print(f"hpo {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take the options of `hpo` itself; without a command, say how one begins."""
    if context.invoked_subcommand is None:
        from hpo.cli.welcome import welcome

        welcome()
