"""The script: what is marked in it, and what a trial runs of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hpo.cli.app import app
from hpo.cli.arguments import Reference
from hpo.errors import UsageError

_GROUP = "The script"


@app.command(rich_help_panel=_GROUP)
def init(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A script, or a folder to look for one in; else this one.")
    ] = Path(),
    write: Annotated[bool, typer.Option("--write", help="Write the marks without asking.")] = False,
) -> int:
    """Find the script to tune, and propose marks. Nothing is written unless you agree."""
    from hpo.cli.init import begin

    return begin(path, write=write)


@app.command(rich_help_panel=_GROUP)
def suggest(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A Python script.")],
    write: Annotated[
        bool, typer.Option("--write", help="Change the file instead of showing the diff.")
    ] = False,
) -> int:
    """Propose marks for the likely hyperparameters of a script. They are a diff; --write makes them."""
    from hpo.cli.suggest import suggest_marks

    return suggest_marks(file, write=write)


@app.command(rich_help_panel=_GROUP)
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


@app.command(rich_help_panel=_GROUP)
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


@app.command(rich_help_panel=_GROUP)
def mcp() -> None:
    """Serve an agent over stdio. It can look, run, watch, edit marks and explain results."""
    _need("mcp", "the server for agents", ("mcp", "mcp_types"))
    from hpo.mcp import serve

    serve()


def _need(extra: str, what: str, modules: tuple[str, ...]) -> None:
    from importlib.util import find_spec

    for module in modules:
        if find_spec(module) is None:
            message = f"{what} needs {module}, which is not installed"
            raise UsageError(message, help=f"pip install 'hpo-annotate[{extra}]'")


@app.command(rich_help_panel=_GROUP)
def lsp(
    stdio: Annotated[bool, typer.Option("--stdio", help="As it always does; many editors say so.")] = True,
) -> None:
    """Serve an editor, with mistakes in marks as one types. Their domains show on hover."""
    _need("lsp", "the language server", ("lsprotocol", "pygls"))
    from hpo.lsp import serve

    serve()
