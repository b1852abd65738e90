"""`hpo list`, `show`, `best`, `stop` and `trial list`: what the store says."""

from __future__ import annotations

import sys

from hpo.cli.output import print_json, print_lines, print_table
from hpo.cli.overview import print_overview
from hpo.experiment.documents import best_json, experiment_json, open_store, trial_json
from hpo.experiment.record import Record
from hpo.experiment.wording import short
from hpo.progress import best_values
from hpo.runtime import home
from hpo.runtime.store import Store

__all__ = [
    "list_experiments",
    "list_trials",
    "print_log",
    "show_best",
    "show_experiment",
]

# What tuners with budgets say of a trial: its passes, its place among its peers, and whom it comes from.
_LINEAGE = ("budget", "rung", "parent")


def print_log(reference: str | None, *, head: int | None, tail: int | None, path: bool) -> None:
    """Print an experiment's runner.log, or where it is."""
    file = home.find(reference) / "runner.log"
    if path:
        print(file)
        return
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    sys.stdout.write("".join(lines[:head][-tail if tail else 0 :]))


def list_experiments(*, running: bool, json: bool) -> None:
    """Print the experiments, all or those that run."""
    found = []
    for directory, _ in home.experiments():
        if running and not home.is_running(directory):
            continue
        with open_store(directory) as store:
            found.append(experiment_json(store))
    for error in home.damaged():
        print(f"hpo: {error.message}", file=sys.stderr)
    if json:
        print_json(found)
    elif not found:
        what = "No experiment runs" if running else f"No experiment in {home.home()} yet"
        print(f"{what}. Start one: hpo run SCRIPT", file=sys.stderr)
    else:
        rows = [
            [
                e["id"],
                e["name"],
                e["status"],
                str(sum(e["trials"].values())),
                short((e["best"] or {}).get("value")),
            ]
            for e in found
        ]
        print_table(["id", "name", "status", "trials", "best"], rows)


def show_experiment(reference: str | None, *, importance: bool, json: bool) -> None:
    """Print where an experiment stands, and how much each parameter matters."""
    with open_store(home.find(reference)) as store:
        told = experiment_json(store)
        if importance:
            told["importance"] = _importance(store)
        if json:
            print_json(told)
        else:
            print_overview(told, store)


def _importance(store: Store) -> dict[str, dict[str, float]]:
    from hpo.importance import fanova, ped_anova  # takes numpy and scipy, and half a second

    record = Record.of(store)
    return {"fanova": fanova(record), "ped_anova": ped_anova(record)}


def show_best(reference: str | None, *, json: bool) -> None:
    """Print the best trial."""
    with open_store(home.find(reference)) as store:
        if json:
            print_json(best_json(store))
            return
        best, base = store.best(), store.baseline()
    if best is None:
        print("No trial has succeeded yet.", file=sys.stderr)
    else:
        print_lines(best_values(best, base, indent=10))


def list_trials(reference: str | None, *, head: int | None, tail: int | None, json: bool) -> None:
    """Print an experiment's trials, all or those with the highest or lowest results."""
    directory = home.find(reference)
    with open_store(directory) as store:
        found = [trial_json(store, row) for row in store.trials()]
    if head is not None or tail is not None:
        ranked = sorted((t for t in found if t["value"] is not None), key=lambda t: -t["value"])
        found = [*ranked[: head or 0], *ranked[-tail if tail else len(ranked) :]]
    if json:
        print_json(found)
        return
    is_budgeted = any(t["budget"] is not None for t in found)
    rows = [
        [
            str(t["number"]),
            t["state"].replace("_", " "),
            short(t["value"]) + (f" ± {t['deviation']:.2g}" if t["deviation"] is not None else ""),
            *([short(t[key]) for key in _LINEAGE] if is_budgeted else []),
            f"{t['duration']:.1f} s" if t["duration"] is not None else "-",
            t["detail"] or "  ".join(f"{k}={short(v)}" for k, v in t["parameters"].items()),
        ]
        for t in found
    ]
    lineage = _LINEAGE if is_budgeted else ()
    print_table(["trial", "state", "value", *lineage, "took", "parameters"], rows)
    if any(t["state"] == "interrupted" for t in found):
        print(f"Those that were interrupted run again with: hpo resume {directory.name}", file=sys.stderr)
