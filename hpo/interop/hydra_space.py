"""A search space as a configuration for Hydra, with its Optuna sweeper."""

from __future__ import annotations

import json
from typing import Any

import yaml

from hpo.interop.outline import Outline, options_of
from hpo.parameters import Parameter

__all__ = ["write"]


def write(outline: Outline) -> str:
    """Return a configuration that is swept with ``--multirun``; what it cannot say stands in comments."""
    sweeper = {
        "direction": outline.directions if outline.objectives.are_several else outline.directions[0],
        "n_trials": outline.max_trials or 100,
        "params": {name: _override(name, outline.space[name]) for name in outline.space},
    }
    config: dict[str, Any] = {
        "defaults": [{"override hydra/sweeper": "optuna"}, "_self_"],
        "hydra": {"mode": "MULTIRUN", "sweeper": sweeper},
    }
    for name in outline.space:
        place = config
        *parents, last = name.split(".")
        for parent in parents:
            inner = place.setdefault(parent, {})
            place = inner if isinstance(inner, dict) else place
        place.setdefault(last, outline.space.defaults.get(name))
    notes = [*outline.notes(), *_approximate(outline)]
    head = [f"# Hydra cannot say: {note}\n" for note in notes]
    head += ["# pip install hydra-optuna-sweeper; the script returns the result.\n"]
    return "".join(head) + yaml.safe_dump(config, sort_keys=False, allow_unicode=True)


def _approximate(outline: Outline) -> list[str]:
    """Return in words what Hydra searches in the place of domains that it has not."""
    return [
        f"{name} is {outline.space[name]}; it is searched over {_override(name, outline.space[name])}"
        for name in outline.space
        if "normal" in outline.space[name].type or outline.space[name].type == "qloguniform"
    ]


def _override(name: str, domain: Parameter) -> str:
    options = options_of(name, domain)
    if options is not None:
        return ",".join(map(_written, options))  # as `choice(...)` is, which takes no null
    first, second, *q = domain.arguments
    if domain.type == "randint":
        return f"range({first}, {second})"
    if domain.type == "quniform":
        return f"range({first}, {second + q[0] / 2!r}, step={q[0]!r})"
    if "normal" in domain.type:  # the middle 99.7 % of it
        low, high = domain.from_unit(0.0013), domain.from_unit(0.9987)
        return f"interval({float(low)!r}, {float(high)!r})"
    interval = f"interval({float(first)!r}, {float(second)!r})"
    return f"tag(log, {interval})" if "log" in domain.type else interval


def _written(option: Any) -> str:
    """Return an option in the grammar of Hydra's overrides."""
    if isinstance(option, list):
        return f"[{', '.join(map(_written, option))}]"
    if isinstance(option, dict):
        return f"{{{', '.join(f'{_written(k)}: {_written(v)}' for k, v in option.items())}}}"
    if isinstance(option, str):
        return "'" + option.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return json.dumps(option)
