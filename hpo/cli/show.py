"""`hpo list`, `show`, `best`, `stop` and `trial list`: what the store says."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

from rich.text import Text

from hpo.cli.output import print_json, print_lines, print_table
from hpo.cli.overview import print_overview
from hpo.errors import StoreError, printable
from hpo.experiment.documents import best_json, experiment_json, open_store, trial_json
from hpo.experiment.record import Record
from hpo.experiment.wording import ago, duration, result, short, values
from hpo.objectives import Objectives
from hpo.progress import best_lines
from hpo.runtime import home
from hpo.runtime.labels import read_labels
from hpo.runtime.store import Store
from hpo.runtime.trial_files import open_plain

__all__ = [
    "list_experiments",
    "list_trials",
    "print_log",
    "show_best",
    "show_experiment",
]

# What tuners with budgets say of a trial: its passes, its place among its peers, and whom it comes from.
_LINEAGE = ("budget", "rung", "parent")
_BENEATH = 7  # the column of what stands beneath a trial


def print_log(reference: str | None, *, head: int | None, tail: int | None, path: bool) -> None:
    """Print an experiment's runner.log, or where it is."""
    file = home.find(reference) / "runner.log"
    if path:
        print(file)
        return
    with open_plain(file) as opened:
        lines = opened.read().decode(errors="replace").splitlines(keepends=True)
    if not lines:
        print("Nothing was logged: it ran in a terminal, which showed it.", file=sys.stderr)
    sys.stdout.writelines(map(printable, lines[:head][-tail if tail else 0 :]))


def list_experiments(*, running: bool, tags: Sequence[str], json: bool) -> None:
    """Print the experiments, all or those that run, or that have all of these tags."""
    found, unreadable = [], list(home.damaged())
    for directory, _ in home.experiments():
        if running and not home.is_running(directory):
            continue
        if not set(tags) <= set(read_labels(directory).tags):
            continue
        try:
            with open_store(directory) as store:
                found.append(experiment_json(store))
        except StoreError as error:  # the others are none the worse
            unreadable.append(error)
    for damage in unreadable:
        print(f"hpo: {printable(damage.message)}", file=sys.stderr)
    if json:
        print_json(found)
    elif not found and not unreadable:
        print(f"{_nothing(tags, running=running)}. Start one: hpo run SCRIPT", file=sys.stderr)
    elif found:
        is_tagged = any(e["tags"] for e in found)
        rows = [
            [
                e["id"],
                e["name"],
                e["status"],
                _of(sum(e["trials"].values()), e["limits"]["max_trials"]),
                _best(e),
                ago(time.time() - e["created"]),
                *([" ".join(e["tags"])] if is_tagged else []),
            ]
            for e in found
        ]
        columns = ["id", "name", "status", "trials", "best", "begun"]
        print_table([*columns, *(["tags"] if is_tagged else [])], rows)


def _best(told: Mapping[str, Any]) -> str:
    best = told["best"] or {}
    if len(told["objectives"]) > 1:
        return f"{len(best.get('front', ()))} on the front"
    return short(best.get("value"))


def _nothing(tags: Sequence[str], *, running: bool) -> str:
    tagged = f" with the tag {' and '.join(tags)}" if tags else ""
    return f"No experiment{tagged} runs" if running else f"No experiment{tagged} in {home.home()} yet"


def _of(count: int, limit: int | None) -> str:
    return f"{count} of {limit}" if limit is not None and count < limit else str(count)


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
        lines = list(best_lines(store, indent=10, most=None))
    if not lines:
        print("No trial has succeeded yet.", file=sys.stderr)
    else:
        print_lines(lines, hang=12)


def list_trials(
    reference: str | None, *, best: int | None, head: int | None, tail: int | None, json: bool
) -> None:
    """Print an experiment's trials, all or those with the best, highest or lowest results."""
    directory = home.find(reference)
    with open_store(directory) as store:
        if best is not None:
            chosen = store.top(best)
        elif head is not None or tail is not None:
            chosen = [*store.ranked(head or 0), *reversed(store.ranked(tail or 0, descending=False))]
        else:
            chosen = store.trials()
        found, wanted = [trial_json(store, row) for row in chosen], store.objectives()
        front = {row.number for row in store.front()} if wanted.are_several else set[int]()
    if json:
        print_json(found)
        return
    _print_trials(found, wanted, front)
    if any(t["state"] == "interrupted" for t in found):
        print(
            f"Those that were interrupted without a result run again with: hpo resume {directory.name}",
            file=sys.stderr,
        )


def _print_trials(found: Sequence[Mapping[str, Any]], wanted: Objectives, front: Set[int]) -> None:
    """Print a line a trial, with a column a parameter; where that is too wide, the values beneath."""
    lineage = [key for key in _LINEAGE if any(t[key] is not None for t in found)]
    heads = ["trial", "state", "value", *lineage, "took"]
    names = list(dict.fromkeys(name for t in found for name in t["parameters"]))
    said = [_said(t) for t in found]
    rows = [
        [
            str(t["number"]),
            t["state"].replace("_", " "),
            ("* " if t["number"] in front else "  " if front else "")
            + result(wanted, t["value"], t["results"])
            + (f" ± {t['deviation']:.2g}" if t["deviation"] is not None else ""),
            *(short(t[key]) for key in lineage),
            _took(t),
        ]
        for t in found
    ]
    values = [[short(t["parameters"][n]) if n in t["parameters"] else "" for n in names] for t in found]
    is_odd = any(said)
    print_table(
        [*heads, *names, *(["what happened"] if is_odd else [])],
        [[*row, *v, *([s] if is_odd else [])] for row, v, s in zip(rows, values, said, strict=True)],
        narrow=lambda: _beneath(heads, rows, found, said),
        hang=_BENEATH,
    )


def _beneath(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    found: Sequence[Mapping[str, Any]],
    said: Sequence[str],
) -> Iterator[Text]:
    """Yield a trial's state and result, and its values beneath."""
    widths = [max(map(len, cells)) for cells in zip(heads, *rows, strict=True)]

    def joined(cells: Sequence[str]) -> str:
        return "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))

    yield Text(joined(heads), style="bold")
    for row, trial, what in zip(rows, found, said, strict=True):
        yield Text(f"{joined(row)}  {what}".rstrip())
        yield Text(f"{'':<{_BENEATH}}{values(trial['parameters'])}", style="dim")


def _said(trial: Mapping[str, Any]) -> str:
    """Return what there is to say of a trial beside its result: why it failed, or how far it is."""
    if trial["detail"] or trial["state"] != "running" or not trial["intermediate"]:
        return trial["detail"] or ""
    step, value = trial["intermediate"][-1]
    return f"step {step}: {short(value)}"


def _took(trial: Mapping[str, Any]) -> str:
    """Return how long a trial took, or takes until now."""
    if trial["state"] == "running" and trial["started"] is not None:
        return duration(time.time() - trial["started"])
    return "-" if trial["duration"] is None else duration(trial["duration"])
