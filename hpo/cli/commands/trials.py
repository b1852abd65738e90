"""Looking at single trials."""

from __future__ import annotations

from typing import Annotated

import typer

from hpo.cli import options
from hpo.cli.app import trial_app
from hpo.cli.arguments import Reference, TrialNumber, TrialReference


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
    attempt: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Of a trial that ran again: 1 is the first.")
    ] = None,
) -> None:
    """Print what a trial wrote to stdout and stderr."""
    from hpo.cli.trial import print_logs

    print_logs(reference, number, follow=follow, attempt=attempt)
