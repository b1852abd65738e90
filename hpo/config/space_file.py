"""Search spaces in files: NNI's JSON, or the same in YAML, with every mistake at its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hpo.config.document import Document, Key
from hpo.config.wandb_sweep import is_sweep, sweep_space
from hpo.errors import ConfigError, Diagnostic, SpaceError
from hpo.space import SearchSpace
from hpo.space_json import CONSTRAINTS

__all__ = ["load_space", "read_space"]


def load_space(path: Path) -> SearchSpace:
    """Read a search-space file: NNI's JSON, or a sweep of Weights & Biases.

    Raises:
        UsageError: it cannot be read.
        ConfigError: it is no search space; all that is wrong with it, each at its place.
    """
    document = Document(path)
    if is_sweep(document.root.value):
        return _sweep(document)
    space, diagnostics = read_space(document)
    if diagnostics or space is None:
        raise ConfigError(diagnostics)
    return space


def _sweep(document: Document) -> SearchSpace:
    if document.diagnostics:
        raise ConfigError(document.diagnostics)
    try:
        return SearchSpace.from_json(sweep_space(document.root.value))
    except SpaceError as error:
        # What is wrong with a domain leads from its name, which in a sweep stands below `parameters`.
        path = error.path if error.path[:1] == ("parameters",) else ("parameters", *error.path[:1])
        place = document.find(path)
        raise ConfigError([document.diagnostic("HPO511", error.message, place, help=error.help)]) from None


def read_space(document: Document, within: Sequence[Key] = ()) -> tuple[SearchSpace | None, list[Diagnostic]]:
    """Read the search space at a path of a document; with errors, there is none."""
    data = document.root.value if not within else document.value(within)
    found = [] if within else list(document.diagnostics)
    if isinstance(data, Mapping):
        found += _parameter_diagnostics(document, within, data)
        if not data:
            help_ = 'add a parameter: "lr": {"_type": "uniform", "_value": [0, 1]}'
            place = document.find(within)
            found.append(document.diagnostic("HPO511", "the search space is empty", place, help=help_))
    if found:
        return None, found
    try:
        return SearchSpace.from_json(data), []
    except SpaceError as error:
        return None, [_diagnostic(document, within, error)]


def _parameter_diagnostics(
    document: Document, within: Sequence[Key], data: Mapping[str, Any]
) -> list[Diagnostic]:
    """Return what is wrong with each parameter by itself; what relates them needs all to be right."""
    found = []
    for name, written in data.items():
        if name == CONSTRAINTS and not isinstance(written, Mapping):
            continue  # they need the parameters, and are read with them
        alone = written
        if isinstance(written, Mapping):
            alone = {key: value for key, value in written.items() if key != "_when"}
        try:
            SearchSpace.from_json({name: alone})
        except SpaceError as error:
            found.append(_diagnostic(document, within, error))
    return found


def _diagnostic(document: Document, within: Sequence[Key], error: SpaceError) -> Diagnostic:
    place = document.find((*within, *error.path))
    return document.diagnostic("HPO511", error.message, place, help=error.help)
