"""Records for tests: trials of a space, without running any."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hpo.experiment.record import Record
from hpo.objectives import Objectives
from hpo.runtime.queries import TrialRow
from hpo.runtime.store import Store
from hpo.space import SearchSpace
from hpo.trial import Metric, TrialState

#: What a store says of how its experiment is run, where a test does not run it.
CONFIG: dict[str, dict[str, Any]] = {
    "settings": {"seed": 0, "tuner": {"name": "Random"}, "trial_concurrency": 1},
    "plan": {"command": {"text": "true"}, "cwd": "/", "modules": [], "sources": []},
}
UNIFORM = {"_type": "uniform", "_value": [0, 1]}
MIXED = {
    "lr": {"_type": "loguniform", "_value": [1e-5, 1e-1]},
    "layers": {"_type": "randint", "_value": [1, 6]},
    "optimizer": {"_type": "choice", "_value": ["adam", "sgd"]},
    "momentum": {**UNIFORM, "_when": {"optimizer": ["sgd"]}},
    "width": {"_type": "normal", "_value": [0, 1]},
    "columns": {"_type": "subset", "_value": ["age", "fare", "sex"], "_min": 1},
    "order": {"_type": "permutation", "_value": ["scale", "clip", "blur"]},
}


def new_store(
    directory: Path, space: Mapping[str, Any], *, defaults: Mapping[str, Any], **settings: Any
) -> Store:
    """Make the store of an experiment that nobody runs; `settings` say what is different."""
    directory.mkdir()
    return Store.create(
        directory,
        id=directory.name,
        name="digits",
        direction="minimize",
        config={**CONFIG, "settings": {**CONFIG["settings"], **settings}},
        space=dict(space),
        defaults=dict(defaults),
    )


def trial(number: int, parameters: Mapping[str, Any], value: float | None = None, **fields: Any) -> TrialRow:
    """Return a trial that succeeded, or, without a value, that failed; `fields` say what is different."""
    state = TrialState.SUCCEEDED if value is not None else TrialState.FAILED
    given = {
        "state": state, "origin": "tuner", "memo": {}, "told": number,
        "started": 1000.0 + number, "ended": 1001.5 + number, "duration": 1.5,
        "failure": None if value is not None else "exception",
    }  # fmt: skip
    return TrialRow(number=number, parameters=dict(parameters), value=value, **{**given, **fields})


def record(
    trials: Sequence[TrialRow],
    space: Mapping[str, Any] = MIXED,
    *,
    direction: Any = "maximize",
    intermediate: Mapping[int, Sequence[Metric]] | None = None,
    objectives: Objectives | None = None,
    name: str = "digits",
    id: str = "bcdf",  # noqa: A002
) -> Record:
    wanted = objectives or Objectives(direction=direction)
    read = SearchSpace.from_json(dict(space))
    return Record(id, name, "done", direction, read, list(trials), intermediate or {}, wanted)


def sampled(
    space: Mapping[str, Any], result: Callable[[Mapping[str, Any]], float], count: int, **fields: Any
) -> Record:
    """Return a record of configurations drawn at random."""
    rng, domains = random.Random(0), SearchSpace.from_json(dict(space))
    drawn = [domains.sample(rng) for _ in range(count)]
    return record([trial(i, each, result(each)) for i, each in enumerate(drawn)], space, **fields)
