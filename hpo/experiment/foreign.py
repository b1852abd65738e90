"""Results of trials that ran elsewhere: what other experiments export, ours or NNI's."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpo.errors import UsageError
from hpo.space import Configuration, SearchSpace

__all__ = ["ForeignTrial", "configuration", "number_of", "read_export", "read_results"]

ForeignTrial = tuple[Configuration, float]

_HELP = 'write [{"parameter": {"lr": 0.1}, "value": 0.9}, ...], as `hpo export --format nni` does'


def read_export(path: Path, space: SearchSpace) -> tuple[list[ForeignTrial], list[str]]:
    """Return the trials of an exported file that have results (see `read_results`).

    Raises:
        UsageError: the file cannot be read, or holds no trials.
    """
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", help="name an exported file") from None
    except ValueError as error:
        raise UsageError(f"{path} is no JSON: {error}", help=_HELP) from None
    return read_results(written, space, str(path))


def read_results(written: Any, space: SearchSpace, where: str) -> tuple[list[ForeignTrial], list[str]]:
    """Return the trials that have results, in NNI's form or ours, as configurations of a space.

    Those that the space cannot have are passed over; what is wrong with each is returned as well.

    Raises:
        UsageError: this is no list of trials; `where` says whose.
    """
    if not isinstance(written, list):
        raise UsageError(f"{where} holds no list of trials", help=_HELP)
    trials: list[ForeignTrial] = []
    misfits: list[str] = []
    for i, each in enumerate(written):
        parameters = each.get("parameter", each.get("parameters")) if isinstance(each, Mapping) else None
        if not isinstance(parameters, Mapping):
            raise UsageError(f"{where}: entry {i} has no parameters", help=_HELP)
        value = number_of(each.get("value"))
        if value is None:
            continue
        try:
            trials.append((configuration(parameters, space), value))
        except UsageError as error:
            misfits.append(f"entry {i}: {error.message}")
    return trials, misfits


def number_of(result: Any) -> float | None:
    """Return a result as NNI writes it, a number, a dict with ``default``, or either as JSON; or None."""
    while isinstance(result, str):
        try:
            result = json.loads(result)
        except ValueError:
            return None
    if isinstance(result, Mapping):
        result = result.get("default")
    is_number = isinstance(result, int | float) and not isinstance(result, bool) and math.isfinite(result)
    return float(result) if is_number else None


def configuration(parameters: Mapping[str, Any], space: SearchSpace) -> Configuration:
    """Return a configuration, nested or flat, as one of a space.

    Raises:
        UsageError: the space cannot have it.
    """
    try:
        flat = space.flatten(parameters)
        space.check(flat)
    except (AttributeError, KeyError, TypeError) as error:
        raise UsageError(f"it does not fit the space: {error}") from None
    return flat
