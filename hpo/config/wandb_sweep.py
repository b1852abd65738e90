"""Read the parameters of a sweep of Weights & Biases as a search space in NNI's JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from hpo.errors import SpaceError

__all__ = ["is_sweep", "sweep_space"]

_Arguments = Mapping[str, Any]


def is_sweep(written: Any) -> bool:
    """Tell whether a document is a sweep: it has `parameters`, none of which is in NNI's form."""
    parameters = written.get("parameters") if isinstance(written, Mapping) else None
    if not isinstance(parameters, Mapping) or "_type" in parameters:
        return False
    return not any(isinstance(each, Mapping) and "_type" in each for each in parameters.values())


def sweep_space(written: Mapping[str, Any]) -> dict[str, Any]:
    """Return the search space of a sweep; nested parameters have dotted names.

    Raises:
        SpaceError: it says which parameter, and what is wrong with it; its path leads there.
    """
    return dict(_parameters(written["parameters"], "", ("parameters",)))


def _parameters(written: Mapping[str, Any], prefix: str, path: tuple[str, ...]) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, each in written.items():
        name, here = f"{prefix}{key}", (*path, str(key))
        if not isinstance(each, Mapping):
            raise SpaceError(
                f"{name}: a parameter of a sweep is a mapping", help="write values: [...]", path=here
            )
        if isinstance(each.get("parameters"), Mapping):
            found += _parameters(each["parameters"], f"{name}.", (*here, "parameters"))
            continue
        try:
            kind, arguments = _domain(each)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            what = f"it needs {error}" if isinstance(error, KeyError) else str(error)
            raise SpaceError(f"{name}: {what}", help="see W&B's sweep configuration", path=here) from None
        found.append((name, {"_type": kind, "_value": arguments}))
    return found


def _domain(each: _Arguments) -> tuple[str, list[Any]]:
    if "probabilities" in each:
        raise ValueError("options with probabilities of their own are none of ours: leave probabilities out")
    kind = each.get("distribution") or _implied(each)
    if kind == "constant":
        return "choice", [each["value"]]
    if kind == "categorical":
        return "choice", list(each["values"])
    if kind not in _DISTRIBUTIONS:
        raise ValueError(f"there is no counterpart to the distribution {kind}")
    ours, arguments = _DISTRIBUTIONS[kind]
    quantum = [each.get("q", 1)] if kind.startswith("q_") else []
    return ours, [*arguments(each), *quantum]


def _implied(each: _Arguments) -> str:
    """Return the distribution that W&B takes where none is named."""
    if "value" in each:
        return "constant"
    if "values" in each:
        return "categorical"
    is_whole = all(isinstance(each[bound], int) for bound in ("min", "max"))
    return "int_uniform" if is_whole else "uniform"


def _bounds(each: _Arguments) -> list[Any]:
    return [each["min"], each["max"]]


def _exponents(each: _Arguments) -> list[Any]:
    return [math.exp(bound) for bound in _bounds(each)]


def _moments(each: _Arguments) -> list[Any]:
    return [each.get("mu", 0.0), each.get("sigma", 1.0)]


_DISTRIBUTIONS: Mapping[str, tuple[str, Callable[[_Arguments], list[Any]]]] = {
    "int_uniform": ("randint", lambda each: [each["min"], each["max"] + 1]),
    "uniform": ("uniform", _bounds),
    "q_uniform": ("quniform", _bounds),
    "log_uniform": ("loguniform", _exponents),
    "log_uniform_values": ("loguniform", _bounds),
    "q_log_uniform": ("qloguniform", _exponents),
    "q_log_uniform_values": ("qloguniform", _bounds),
    "normal": ("normal", _moments),
    "q_normal": ("qnormal", _moments),
    "log_normal": ("lognormal", _moments),
    "q_log_normal": ("qlognormal", _moments),
}
