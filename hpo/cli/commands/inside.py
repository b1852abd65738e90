"""Inside a trial, in any language."""

from __future__ import annotations

import typer

from hpo.cli.app import app

_GROUP = "Inside a trial"
_ANYTHING = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}


@app.command(context_settings=_ANYTHING, rich_help_panel=_GROUP)
def param(context: typer.Context) -> int:
    """Print a parameter's value (inside a trial, in any language)."""
    from hpo.cli.inside import main as inside

    return inside(["param", *context.args])


@app.command(context_settings=_ANYTHING, rich_help_panel=_GROUP)
def metric(context: typer.Context) -> int:
    """Report a result (inside a trial, in any language)."""
    from hpo.cli.inside import main as inside

    return inside(["metric", *context.args])
