"""`hpo export`: every trial, for other programs."""

from __future__ import annotations

import csv
import sys

from hpo.cli.output import print_json
from hpo.cli.show import open_store, trial_json
from hpo.errors import UsageError
from hpo.runtime import home

__all__ = ["export_trials"]


def export_trials(reference: str | None, format: str) -> None:  # noqa: A002
    """Print the trials as CSV or JSON."""
    if format not in ("csv", "json"):
        raise UsageError(f"there is no format {format}", help="the formats are csv and json")
    with open_store(home.find(reference)) as store:
        trials = [trial_json(store, row) for row in store.trials()]
        names = list(store.experiment()["space"])
    if format == "json":
        print_json(trials)
        return
    names = list(dict.fromkeys([*names, *(name for t in trials for name in t["parameters"])]))
    columns = ["number", "state", "value", "duration", "failure"]
    writer = csv.writer(sys.stdout)
    writer.writerow([*columns, *names])
    for trial in trials:
        writer.writerow([*(trial[c] for c in columns), *(trial["parameters"].get(n, "") for n in names)])
