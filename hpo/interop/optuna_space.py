"""A search space as an objective for Optuna."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from hpo.interop.outline import Outline, options_of
from hpo.parameters import Parameter

__all__ = ["write"]

_HEAD = '''"""The search space of {name}, for Optuna. Written by `hpo export --to optuna`."""

import json
import math
from statistics import NormalDist

import optuna


def rounded(value, q, low=-math.inf, high=math.inf):
    return min(max(round(value / q) * q, low), high)


def suggest(trial: optuna.Trial) -> dict:
    """Return the values of a trial: those of active parameters only."""
    values = {{}}
'''

_TAIL = """    return values


def objective(trial: optuna.Trial):
    values = suggest(trial)
    raise NotImplementedError("train with these values, and return {returned}")


if __name__ == "__main__":
    study = optuna.create_study({direction})
{enqueued}    study.optimize(objective, n_trials={trials})
    print(study.{best})
"""


def write(outline: Outline) -> str:
    """Return a Python module with an objective, whose values are drawn as the space says."""
    space, conditions = outline.space, outline.conditions()
    lines = [_HEAD.format(name=json.dumps(outline.name)[1:-1])]
    for name in space.order:
        draw = f"    values[{name!r}] = {_draw(name, space[name])}\n"
        test = conditions.get(name)
        lines.append(f"    if {test}:\n    {draw}" if test else draw)
    lines += [f"    if not ({test}):\n        raise optuna.TrialPruned\n" for test in outline.constraints]
    own = dict(_asked(outline))
    enqueued = f"    study.enqueue_trial({own!r})  # the script's own values\n" if own else ""
    tail = _TAIL.format(enqueued=enqueued, trials=outline.max_trials or 100, **_wanted(outline))
    return "".join([*lines, tail])


def _wanted(outline: Outline) -> Mapping[str, str]:
    """Return what the module says of results."""
    if not outline.objectives.are_several:
        return {
            "returned": "the result",
            "direction": f"direction={outline.directions[0]!r}",
            "best": "best_trial",
        }
    returned = ", ".join(each.name for each in outline.objectives.each)
    return {
        "returned": json.dumps(returned)[1:-1],
        "direction": f"directions={outline.directions!r}",
        "best": "best_trials",
    }


def _asked(outline: Outline) -> Iterator[tuple[str, Any]]:
    """Yield the source's own values, of those that are asked for as they are."""
    for name, value in outline.space.default_configuration().items():
        domain = outline.space[name]
        if domain.type in ("uniform", "loguniform", "randint") or _is_plain(options_of(name, domain) or [[]]):
            yield name, value


def _is_plain(options: list[Any]) -> bool:
    return all(isinstance(option, str | int | float | bool | None) for option in options)


def _draw(name: str, domain: Parameter) -> str:
    options = options_of(name, domain)
    if options is not None and _is_plain(options):
        return f"trial.suggest_categorical({name!r}, {options!r})"
    if options is not None:
        return f"json.loads(trial.suggest_categorical({name!r}, {[json.dumps(each) for each in options]!r}))"
    kind, numbers = domain.type.removeprefix("q"), list(domain.arguments)
    q = numbers.pop() if domain.type.startswith("q") else None
    first, second = numbers
    if kind == "randint":
        return f"trial.suggest_int({name!r}, {first}, {second - 1})"
    if kind in ("uniform", "loguniform"):
        log = ", log=True" if kind == "loguniform" else ""
        drawn = f"trial.suggest_float({name!r}, {first!r}, {second!r}{log})"
        return drawn if q is None else f"rounded({drawn}, {q!r}, {first!r}, {second!r})"
    # Optuna has no normal distributions: their quantiles are uniform.
    quantile = f"trial.suggest_float({name!r}, 1e-6, 1 - 1e-6)"
    drawn = f"NormalDist({first!r}, {second!r}).inv_cdf({quantile})"
    drawn = f"math.exp({drawn})" if kind == "lognormal" else drawn
    return drawn if q is None else f"rounded({drawn}, {q!r})"
