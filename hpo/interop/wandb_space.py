"""A search space as a sweep of Weights & Biases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from hpo.interop.outline import Outline, options_of
from hpo.parameters import Parameter

__all__ = ["write"]


def write(outline: Outline) -> str:
    """Return the YAML of a sweep; what it cannot say stands in comments."""
    sweep: dict[str, Any] = {
        "program": outline.script or "train.py",
        "method": "bayes",
        "metric": {"name": "result", "goal": outline.directions[0]},
        "parameters": {name: _parameter(name, outline.space[name]) for name in outline.space},
    }
    if outline.max_trials:
        sweep["run_cap"] = outline.max_trials
    notes = [f"# W&B cannot say: {note}\n" for note in outline.notes()]
    notes += [f"# {outline.alone}\n"] if outline.alone else []
    return "".join(notes) + yaml.safe_dump(sweep, sort_keys=False, allow_unicode=True)


def _parameter(name: str, domain: Parameter) -> Mapping[str, Any]:
    options = options_of(name, domain)
    if options is not None:
        return {"values": options} if len(options) > 1 else {"value": options[0]}
    first, second, *q = domain.arguments
    if domain.type == "randint":
        return {"distribution": "int_uniform", "min": first, "max": second - 1}
    kind = {
        "uniform": "uniform", "quniform": "q_uniform", "loguniform": "log_uniform_values",
        "qloguniform": "q_log_uniform_values", "normal": "normal", "qnormal": "q_normal",
        "lognormal": "log_normal", "qlognormal": "q_log_normal",
    }[domain.type]  # fmt: skip
    names = ("mu", "sigma") if "normal" in domain.type else ("min", "max")
    bounds = {each: float(number) for each, number in zip(names, (first, second), strict=True)}
    return {"distribution": kind, **bounds, **({"q": q[0]} if q else {})}
