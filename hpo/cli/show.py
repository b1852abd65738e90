"""`hpo list`, `show`, `best`, `stop` and `trial list`: what the store says."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hpo.cli.output import best_values, print_json, print_lines, print_table, short
from hpo.cli.overview import print_overview
from hpo.errors import UsageError
from hpo.experiment.explanation import read_explanation
from hpo.runtime import home
from hpo.runtime.store import Store, TrialRow
from hpo.trial import TrialState

__all__ = [
    "best_json",
    "list_experiments",
    "list_trials",
    "open_store",
    "print_log",
    "show_best",
    "show_experiment",
]

# What tuners with budgets say of a trial: its passes, its place among its peers, and whom it comes from.
_LINEAGE = ("budget", "rung", "parent")


@contextlib.contextmanager
def open_store(directory: Path) -> Iterator[Store]:
    """Open a store to read, for a while."""
    store = Store(directory)
    try:
        yield store
    finally:
        store.close()


def frozen_script(directory: Path) -> Path:
    """Return an experiment's script as it was when the experiment started.

    Raises:
        UsageError: its trials are no Python script.
    """
    with open_store(directory) as store:
        plan = store.experiment()["config"]["plan"]
    if "script" not in plan["command"]:
        raise UsageError(
            f"the trials of {directory.name} are no Python script: there are no marks to write to",
            help=f"hpo best {directory.name} prints the values",
        )
    manifest = json.loads((directory / "code" / "manifest.json").read_text(encoding="utf-8"))
    script = Path(plan["cwd"], plan["command"]["script"]).resolve()
    return directory / "code" / "original" / script.relative_to(Path(manifest["root"]))


def best_json(store: Store) -> dict[str, Any]:
    """Return the documented form of the best trial."""
    best, base = store.best(), store.baseline()
    return {
        "experiment": store.directory.name,
        "trial": best.number if best else None,
        "value": best.value if best else None,
        "parameters": best.parameters if best else {},
        "baseline": base.value if base else None,
    }


def experiment_json(store: Store) -> dict[str, Any]:
    """Return the documented form of an experiment."""
    row = store.experiment()
    settings = row["config"]["settings"]
    best = store.best()
    return {
        "id": store.directory.name,
        "name": row["name"],
        "status": home.status(store.directory, row["status"]),
        "message": row["message"],
        "direction": row["direction"],
        "seed": settings["seed"],
        "tuner": settings["tuner"],
        "assessor": settings.get("assessor"),
        "concurrency": settings["trial_concurrency"],
        "limits": {name: settings[name] for name in ("max_trials", "max_duration", "max_trial_duration")},
        "elapsed": row["elapsed"],
        "created": row["created"],
        "trials": {seen_state(store, state): count for state, count in store.counts().items()},
        "best": best_json(store) if best else None,
        "explanation": read_explanation(store.directory),
        "space": row["space"],
        "directory": str(store.directory),
    }


def seen_state(store: Store, stored: str) -> str:
    """Return a trial's state: the stored one, but ``interrupted`` where its runner is gone.

    Such a trial runs again when the experiment is resumed, as a waiting one does.
    """
    is_lost = stored == TrialState.RUNNING.value and not home.is_running(store.directory)
    return "interrupted" if is_lost else stored


def trial_json(store: Store, row: TrialRow) -> dict[str, Any]:
    """Return the documented form of a trial."""
    return {
        "number": row.number,
        "state": seen_state(store, row.state.value),
        "parameters": row.parameters,
        "value": row.value,
        "intermediate": [[m.step, m.value] for m in store.metrics(row.number)],
        "started": row.started,
        "ended": row.ended,
        "duration": row.duration,
        "attempt": row.attempt,
        "origin": row.origin,
        "budget": row.memo.get("budget"),
        "rung": row.memo.get("rung"),
        "parent": row.memo.get("continues", row.memo.get("parent")),
        "failure": row.failure,
        "detail": row.detail,
    }


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


def show_experiment(reference: str | None, *, json: bool) -> None:
    """Print where an experiment stands."""
    with open_store(home.find(reference)) as store:
        told = experiment_json(store)
        if json:
            print_json(told)
        else:
            print_overview(told, store)


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
            short(t["value"]),
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
