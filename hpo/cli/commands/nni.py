"""Coming from NNI."""

from __future__ import annotations

import sys

import typer

from hpo.cli.app import app

_GROUP = "Coming from NNI"


@app.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    add_help_option=False,
    rich_help_panel=_GROUP,
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
