"""An experiment and its trials as documents: what `--json` prints, and what the page's programs get."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hpo.experiment.explanation import read_explanation
from hpo.experiment.plan import config_of, plan_of
from hpo.objectives import Objectives, hypervolume
from hpo.runtime import home
from hpo.runtime.labels import read_labels
from hpo.runtime.queries import TrialRow
from hpo.runtime.store import Store
from hpo.trial import TrialState

__all__ = [
    "best_json",
    "experiment_json",
    "is_marked",
    "limits_json",
    "open_store",
    "seen_state",
    "trial_json",
]


@contextlib.contextmanager
def open_store(directory: Path) -> Iterator[Store]:
    """Open a store to read, for a while.

    Raises:
        StoreError: it cannot be read, or does not say how its experiment is run.
    """
    store = Store(directory)
    try:
        row = store.experiment()
        config_of(row)
        plan_of(row)
        with store.blaming():
            yield store
    finally:
        store.close()


def is_marked(store: Store) -> bool:
    """Tell whether an experiment's values can be written back into a source."""
    plan = store.experiment()["config"].get("plan", {})
    return store.baseline() is not None and bool(plan.get("sources"))


def best_json(store: Store) -> dict[str, Any]:
    """Return the documented form of the best trial."""
    best, base = store.best(), store.baseline()
    return {
        "experiment": store.directory.name,
        "trial": best.number if best else None,
        "value": best.value if best else None,
        "parameters": best.parameters if best else {},
        "baseline": base.value if base else None,
        "deviation": best.deviation if best else None,
        "runs": best.repeat + 1 if best else None,
        **_beside_the_best(store, best),
    }


def _beside_the_best(store: Store, best: TrialRow | None) -> dict[str, Any]:
    """Return what there is to say where the result itself is not all that counts."""
    wanted = store.objectives()
    if wanted.are_plain:
        return {}
    told = {
        "results": best.data if best else None,
        "objectives": list(map(str, wanted.each)),
        "result_constraints": [constraint.text for constraint in wanted.constraints],
        "front": [
            {"trial": row.number, "value": row.value, "results": row.data, "parameters": row.parameters}
            for row in store.front()
        ],
    }
    return told | ({"hypervolume": _hypervolume(store, wanted)} if wanted.are_several else {})


def _hypervolume(store: Store, wanted: Objectives) -> dict[str, Any] | None:
    """Return how much the front dominates of the box between the best and the worst of each objective.

    The worst is of all feasible results: the volume compares moments of one experiment, and no two of them.
    """
    points = [
        wanted.losses(row.value, row.data)
        for row in store.trials(states=[TrialState.SUCCEEDED])
        if row.value is not None and wanted.is_feasible(row.value, row.data)
    ]
    points = [point for point in points if math.inf not in point]
    if not points:
        return None
    worst = tuple(max(column) for column in zip(*points, strict=True))
    ideal = tuple(min(column) for column in zip(*points, strict=True))
    volume = hypervolume(points, worst)
    box = math.prod(high - low for low, high in zip(ideal, worst, strict=True))
    signs = [-1 if objective.direction == "maximize" else 1 for objective in wanted.each]
    return {
        "value": volume,
        "share": volume / box if box > 0 and math.isfinite(box) else None,
        "reference": {o.name: sign * x for o, sign, x in zip(wanted.each, signs, worst, strict=True)},
    }


def experiment_json(store: Store) -> dict[str, Any]:
    """Return the documented form of an experiment."""
    row = store.experiment()
    settings = row["config"]["settings"]
    best, labels = store.best(), read_labels(store.directory)
    return {
        "id": store.directory.name,
        "name": row["name"],
        "status": home.status(store.directory, row["status"]),
        "message": row["message"],
        "tags": labels.tags,
        "notes": labels.notes,
        "direction": row["direction"],
        "objectives": settings.get("objectives") or [],
        "result_constraints": settings.get("result_constraints") or [],
        "seed": settings["seed"],
        "tuner": settings["tuner"],
        "assessor": settings.get("assessor"),
        "concurrency": settings["trial_concurrency"],
        "limits": limits_json(settings),
        "waits": row["waits"] if row["status"] == "running" else None,
        "elapsed": row["elapsed"],
        "created": row["created"],
        "trials": {seen_state(store, state): count for state, count in store.counts().items()},
        "best": best_json(store) if best else None,
        "explanation": read_explanation(store.directory),
        "space": row["space"],
        "fixed": settings.get("fixed", {}),
        "warm_from": settings.get("warm_from"),
        "directory": str(store.directory),
    }


def limits_json(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the limits: three that are always there, and the others where they are set."""
    usual = ("max_trials", "max_duration", "max_trial_duration")
    others = ("max_trial_silence", "max_trial_memory", "max_failures", "stop_when", "patience", "retries")
    found = {name: settings.get(name) for name in usual}
    found |= {name: settings[name] for name in others if settings.get(name)}
    return found | ({"repeat": settings["repeat"]} if settings.get("repeat", 1) > 1 else {})


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
        "results": row.data,
        "intermediate": [[m.step, m.value] for m in store.metrics(row.number)],
        "started": row.started,
        "ended": row.ended,
        "duration": row.duration,
        "attempt": row.attempt,
        "node": row.node,
        "deviation": row.deviation,
        "runs": [value for value, *_ in store.repetitions(row.number)],
        "origin": row.origin,
        "budget": row.memo.get("budget"),
        "rung": row.memo.get("rung"),
        "parent": row.memo.get("continues", row.memo.get("parent")),
        "failure": row.failure,
        "detail": row.detail,
    }
