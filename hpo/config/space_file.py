"""Search spaces in files: NNI's JSON, or the same in YAML, with every mistake at its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from hpo.config.document import Document, Key
from hpo.errors import ConfigError, Diagnostic, SpaceError
from hpo.space import SearchSpace

__all__ = ["load_space", "read_space"]


def load_space(path: Path) -> SearchSpace:
    """Read a search-space file.

    Raises:
        UsageError: it cannot be read.
        ConfigError: it is no search space; all that is wrong with it, each at its place.
    """
    document = Document(path)
    space, diagnostics = read_space(document)
    if diagnostics or space is None:
        raise ConfigError(diagnostics)
    return space


def read_space(document: Document, within: Sequence[Key] = ()) -> tuple[SearchSpace | None, list[Diagnostic]]:
    """Read the search space at a path of a document; with errors, there is none."""
    node = document.root
    for key in within:
        node = node.children[key]
    found = [] if within else list(document.diagnostics)
    if isinstance(node.value, Mapping):
        found += _parameter_diagnostics(document, within, node.value)
        if not node.value:
            message, help_ = (
                "the search space is empty",
                'add a parameter: "lr": {"_type": "uniform", "_value": [0, 1]}',
            )
            found.append(document.diagnostic("HPO312", message, document.find(within), help=help_))
    if found:
        return None, found
    try:
        return SearchSpace.from_json(node.value), []
    except SpaceError as error:
        return None, [_diagnostic(document, within, error)]


def _parameter_diagnostics(
    document: Document, within: Sequence[Key], data: Mapping[str, object]
) -> list[Diagnostic]:
    """Return what is wrong with each parameter by itself; conditions need them all to be right."""
    found = []
    for name, written in data.items():
        alone = (
            {k: v for k, v in written.items() if k != "_when"} if isinstance(written, Mapping) else written
        )
        try:
            SearchSpace.from_json({name: alone})
        except SpaceError as error:
            found.append(_diagnostic(document, (*within, name), error))
    return found


def _diagnostic(document: Document, path: Sequence[Key], error: SpaceError) -> Diagnostic:
    return document.diagnostic("HPO312", error.message, document.find(path), help=error.help)
