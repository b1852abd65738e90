"""The search space of marked code under the keys that NNI gave it: ``{module}/{name}/{constructor}``.

NNI wrote options that are no plain constants by `astor`: as Python writes them, in parentheses where they
are operations.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hpo.annotate.marks.grammar import Domain
from hpo.annotate.marks.layers import Layer
from hpo.annotate.marks.mark import Mark
from hpo.annotate.reading.source import SourceFile

__all__ = ["nni_space"]

_IN_PARENTHESES = (ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Lambda)


def nni_space(files: Iterable[tuple[SourceFile, Iterable[Mark]]], root: Path) -> dict[str, Any]:
    """Return NNI's search space of marked files.

    Args:
        files: with their marks.
        root: the folder that modules are named from.
    """
    space: dict[str, Any] = {}
    for file, marks in files:
        path = file.path.relative_to(root) if file.path.is_relative_to(root) else Path(file.path.name)
        module = ".".join(path.with_suffix("").parts)
        for mark in marks:
            space |= {f"{module}/{key}": value for key, value in _of_mark(file, mark)}
    return space


def _of_mark(file: SourceFile, mark: Mark) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if mark.layers:
        last = file.line_of(mark.span.end - 1)
        layers = {f"mutable_layer_{i}": _layer(layer) for i, layer in enumerate(mark.layers)}
        yield f"mutable_block_{last}", {"_type": "mutable_layer", "_value": layers}
        return
    for claim in mark.claims:
        domain = claim.domain
        written = domain.target[0] if domain.target else domain.label or claim.name
        if written is None and claim.place is not None and mark.spelling != "inline":
            written = claim.place.target
        name = _spelt(written) if written else f"__line{file.line_of(mark.span.start)}"
        yield f"{name}/{domain.kind}", _domain(domain)


def _domain(domain: Domain) -> Mapping[str, Any]:
    if domain.items:
        listed = [_option(item.code) for item in domain.items]
        return {**domain.to_json(), "_value": listed}
    if not domain.options or any(option.branch for option in domain.options):
        return domain.to_json()
    return {"_type": "choice", "_value": [_option(option.code) for option in domain.options]}


def _option(code: str) -> Any:
    node = ast.parse(code.strip(), mode="eval").body
    if isinstance(node, ast.Constant) and isinstance(node.value, str | int | float | None):
        return node.value
    text = ast.unparse(node).replace("lambda:", "lambda :")
    return f"({text})" if isinstance(node, _IN_PARENTHESES) else text


def _spelt(code: str) -> str:
    """Return code as Python writes it, with its own quotes and spaces; what is no expression, as it is."""
    try:
        return ast.unparse(ast.parse(code, mode="eval"))
    except SyntaxError:
        return code


def _layer(layer: Layer) -> dict[str, Any]:
    groups = [option.code for option in layer.inputs.options] if layer.inputs else [layer.only]
    inputs = [[ast.unparse(e) for e in _elements(group)] for group in groups]
    sizes = {len(group) for group in inputs}
    return {
        "layer_choice": [_spelt(option.value) for option in layer.layer.options],
        "optional_inputs": list(dict.fromkeys(name for group in inputs for name in group)),
        "optional_input_size": min(sizes) if len(sizes) == 1 else [min(sizes), max(sizes)],
    }


def _elements(group: str) -> list[ast.expr]:
    node = ast.parse(group, mode="eval").body
    return node.elts if isinstance(node, ast.List) else []
