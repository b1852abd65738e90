"""What the page shows, as data: pure functions from an open store to dictionaries that are JSON.

No function here knows of the web; each is quick with 100,000 trials, because the store answers in SQL and
curves are thinned before they leave.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from hpo.errors import StoreError
from hpo.experiment.documents import experiment_json, limits_json, open_store, seen_state, trial_json
from hpo.experiment.repetition import attempts
from hpo.experiment.wishes import wanted
from hpo.experiment.wording import what_runs
from hpo.objectives import Objectives
from hpo.parameters import is_number
from hpo.runtime import home
from hpo.runtime.queries import TrialRow
from hpo.runtime.selection import Selection
from hpo.runtime.store import Store
from hpo.space import SearchSpace
from hpo.trial import TrialState

__all__ = [
    "comparison",
    "course",
    "experiment",
    "experiments",
    "limits",
    "overview",
    "space",
    "stamp",
    "trial",
    "trials",
]

_TOP = 8
_POINTS = 1500  # of a curve: more than a screen has columns
_EVENTS = 50
_RUNNING = 12  # trials whose curves are shown live


def stamp(directory: Path) -> str:
    """Return a text that changes whenever what an experiment's views show may have changed."""
    parts = [str(home.is_running(directory))]
    for name in ("experiment.db", "experiment.db-wal", "tuner.json", "labels.json", "commands", "runner.log"):
        try:
            status = (directory / name).stat()
        except OSError:
            parts.append("-")
        else:
            # An empty log is as none: looking at the store may make one.
            parts.append(f"{status.st_mtime_ns:x}.{status.st_size:x}" if status.st_size else "-")
    return " ".join(parts)


# -- experiments


def experiments() -> list[dict[str, Any]]:
    """Return all experiments, the newest first, each on a line."""
    found = []
    for directory, _ in home.experiments():
        # One that is damaged, or deleted meanwhile, leaves the others.
        with contextlib.suppress(StoreError), open_store(directory) as store:
            found.append(experiment(store))
    return found


def experiment(store: Store) -> dict[str, Any]:
    """Return the documented form of an experiment, and what it gained."""
    told = experiment_json(store)
    told["gain"] = None if len(told["objectives"]) > 1 else _gain(told["best"], told["direction"])
    return told


def _gain(best: dict[str, Any] | None, direction: str) -> float | None:
    """Return by how much the best beats the source's own values; more than zero is better, always."""
    if best is None or best["value"] is None or best["baseline"] is None:
        return None
    difference = float(best["value"] - best["baseline"])
    return difference if direction == "maximize" else -difference


def overview(store: Store) -> dict[str, Any]:
    """Return an experiment at a glance: where it stands, what came of it, what runs, what failed.

    Limits are those that hold once the wishes that wait are obeyed.
    """
    told, row = experiment(store), store.experiment()
    running = store.trials(states=[TrialState.RUNNING], limit=_RUNNING)
    plan, (settings, _) = row["config"]["plan"], wanted(store)
    return {
        **told,
        **limits(settings),
        "top": [_brief(store, each) for each in store.top(_TOP)],
        "failures": store.failures(),
        "running": [_running(store, each) for each in running],
        "events": store.events()[-_EVENTS:],
        "wishes": sum(1 for _ in (store.directory / "commands").glob("[!.]*.json")),
        "settings": settings,
        "command": what_runs(plan["command"]),
        "folder": plan["cwd"],
        "defaults": row["defaults"],
    }


def limits(settings: dict[str, Any]) -> dict[str, Any]:
    """Return what can be changed of an experiment but its space."""
    return {"concurrency": settings["trial_concurrency"], "limits": limits_json(settings)}


def _running(store: Store, row: TrialRow) -> dict[str, Any]:
    points = [[m.step, m.value] for m in store.metrics(row.number)]
    return {**_brief(store, row), "points": _thinned(points, 120), "last": points[-1] if points else None}


def course(store: Store, *, plane: bool = True) -> dict[str, Any]:
    """Return the results in the order in which they came, thinned, and the best so far.

    Of several objectives it is two against each other, and the front; or, without `plane`, the first.
    """
    objectives = store.objectives()
    if plane and objectives.are_several:
        return _plane(store, objectives)
    direction = objectives.direction
    results = store.results()
    feasible = {row.number for row in store.top(len(results))} if objectives.constraints else None
    best: list[list[float]] = []
    sign = 1 if direction == "maximize" else -1
    record = float("-inf")
    for place, (number, value, _) in enumerate(results):
        if sign * value > record and (feasible is None or number in feasible):
            record = sign * value
            best.append([place, value, number])
    points = [[place, value, number] for place, (number, value, _) in enumerate(results)]
    baseline = store.baseline()
    return {
        "direction": direction,
        "total": len(results),
        "points": _thinned(points, _POINTS),
        "best": best,
        "baseline": baseline.value if baseline else None,
    }


def _plane(store: Store, objectives: Objectives) -> dict[str, Any]:
    across, up = (objective.name for objective in objectives.each[:2])

    def point(row: TrialRow) -> list[float]:
        data = row.data or {}
        return [data[across], data[up], row.number]

    rows = store.trials(states=[TrialState.SUCCEEDED])
    whole = [row for row in rows if all(is_number((row.data or {}).get(name)) for name in (across, up))]
    front = {row.number for row in store.front()}
    baseline = store.baseline()
    return {
        "objectives": [across, up],
        "direction": objectives.direction,
        "total": len(whole),
        "points": _thinned([point(row) for row in whole if row.number not in front], _POINTS),
        "best": sorted(point(row) for row in whole if row.number in front),
        "baseline": baseline.value if baseline else None,
    }


def _thinned(points: Sequence[list[float]], most: int) -> list[list[float]]:
    """Return points of which the highest and the lowest of each stretch are left, the first and last too."""
    if len(points) <= most:
        return list(points)
    stretches = most // 2
    width = len(points) / stretches
    kept: dict[int, list[float]] = {0: points[0]}
    for i in range(stretches):
        begin, end = int(i * width), int((i + 1) * width)
        stretch = range(begin, min(end, len(points)))
        for pick in (min, max):
            if stretch:
                at = pick(stretch, key=lambda k: points[k][1])
                kept[at] = points[at]
    kept[len(points) - 1] = points[-1]
    return [kept[at] for at in sorted(kept)]


def space(store: Store) -> dict[str, Any]:
    """Return the search space, a line for each parameter: how it is written, its own and its best value.

    The JSON is that which holds once the wishes that wait are obeyed: the one to edit.
    """
    row = store.experiment()
    search = SearchSpace.from_json(row["space"], defaults=row["defaults"])
    best = store.best()
    return {
        "json": wanted(store)[1],
        "parameters": [
            {
                "name": name,
                "domain": str(search[name]),
                "when": [
                    {"parent": c.parent, "values": list(c.values)} for c in search.conditions.get(name, ())
                ],
                "default": row["defaults"].get(name),
                "options": _options(search, name),
                "best": best.parameters.get(name) if best else None,
            }
            for name in search
        ],
        "constraints": [str(constraint) for constraint in search.constraints],
    }


def _options(search: SearchSpace, name: str) -> list[Any] | None:
    """Return what a choice chooses from: a form offers these."""
    values = search[name].values() if type(search[name]).__name__ == "Choice" else None
    return None if values is None else list(values)


# -- trials


def trials(
    store: Store,
    text: str = "",
    *,
    sort: str = "number",
    descending: bool = False,
    offset: int = 0,
    limit: int = 100,
) -> dict[str, Any]:
    """Return a page of the trials that fit a filter (see `Selection`), and how many fit.

    Raises:
        UsageError: it is no filter.
    """
    if not home.is_running(store.directory):
        text = text.replace("state=interrupted", "state=running").replace(
            "state:interrupted", "state=running"
        )
    selection = Selection.of(text, sort, descending=descending)
    rows = store.select(selection, offset=offset, limit=limit)
    return {
        "total": store.count(selection),
        "all": sum(store.counts().values()),
        "offset": offset,
        "trials": [_brief(store, row) for row in rows],
    }


def _brief(store: Store, row: TrialRow) -> dict[str, Any]:
    """Return a trial as a line of a table: without its curve."""
    return {
        "number": row.number,
        "state": seen_state(store, row.state.value),
        "parameters": row.parameters,
        "value": row.value,
        "results": row.data,
        "started": row.started,
        "duration": row.duration,
        "attempt": row.attempt,
        "node": row.node,
        "origin": row.origin,
        "device": row.device,
        "budget": row.memo.get("budget"),
        "rung": row.memo.get("rung"),
        "parent": row.memo.get("continues", row.memo.get("parent")),
        "failure": row.failure,
        "detail": row.detail,
    }


def trial(store: Store, row: TrialRow) -> dict[str, Any]:
    """Return one trial in full."""
    base = store.baseline()
    told = trial_json(store, row)
    told["steps"] = len(told["intermediate"])
    told["intermediate"] = _thinned(told["intermediate"], _POINTS)
    return {
        **told,
        "data": row.data,
        "device": row.device,
        "events": store.events(row.number),
        "attempts": [
            {"run": each.run, "number": each.number, "last": each.is_last}
            for each in attempts(store.directory, row.number, run=row.repeat, attempt=row.attempt)
        ],
        "best": row.number in {best.number for best in store.front()},
        "baseline": {"number": base.number, "parameters": base.parameters, "value": base.value}
        if base
        else None,
        "folder": str(store.directory / "trials" / str(row.number)),
        "last": sum(store.counts().values()) - 1,
    }


# -- several experiments


def comparison(directories: Iterable[Path]) -> list[dict[str, Any]]:
    """Return several experiments side by side: how each went, and what it searched."""
    found = []
    for directory in directories:
        with open_store(directory) as store:
            found.append(
                {
                    **experiment(store),
                    "course": course(store, plane=False),
                    "parameters": space(store)["parameters"],
                }
            )
    return found
