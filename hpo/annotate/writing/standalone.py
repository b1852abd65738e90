"""A script without hpo: what is left of it after the marks went, its imports and calls, is stood in for."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Any

from hpo.annotate.reading.source import Edit, Refusal, SourceFile

__all__ = ["without_hpo"]

_OURS = ("hpo", "nni")
# What the functions of a trial do outside an experiment, as one expression without an import.
_STAND_INS = {
    "get_next_parameter": "lambda: {values}",
    "report_intermediate_result": "lambda value, step=None: print(value)",
    "report_final_result": "print",
    "get_experiment_id": "lambda: 'STANDALONE'",
    "get_trial_id": "lambda: 'STANDALONE'",
    "get_sequence_id": "lambda: 0",
    "trial_dir": "__import__('pathlib').Path",
    "fidelity": "lambda passes, start=0: __import__('itertools').islice(passes, start, "
    "{values}.get('TRIAL_BUDGET'))",
    "param": "lambda *a, **k: lambda f: f",
}


def without_hpo(data: bytes, values: Mapping[str, Any]) -> bytes:
    """Return a file in which imports of `hpo` and `nni` are stand-ins; results are printed."""
    if not any(name.encode() in data for name in _OURS):
        return data
    try:
        file = SourceFile("", Path(), data)
        tree = file.tree()
    except Refusal:
        return data
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    edits = [edit for node in ast.walk(tree) for edit in _replaced(file, node, values, used)]
    return file.rewritten(edits)


def _replaced(file: SourceFile, node: ast.AST, values: Mapping[str, Any], used: Set[str]) -> Iterator[Edit]:
    """Yield the edit that replaces an import; what the file has no use for any more just goes."""
    if isinstance(node, ast.Import):
        parts = [
            f"{alias.asname or alias.name} = {_module(values)}" if alias.name in _OURS else
            f"import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
            for alias in node.names
            if alias.name not in _OURS or (alias.asname or alias.name) in used
        ]  # fmt: skip
        touched = any(alias.name in _OURS for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module in _OURS and not node.level:
        names = [(a.asname or a.name, a.name) for a in node.names]
        parts = [f"{bound} = {_function(name, values)}" for bound, name in names if bound in used]
        touched = True
    else:
        return
    if touched:
        span = file.span(node)
        lines = "".join(c for c in file.segment(span) if c in "\r\n")
        text = "; ".join(parts) or "pass"
        yield Edit(span.start, span.end, text + (f"; ({lines})" if lines else ""))


def _function(name: str, values: Mapping[str, Any]) -> str:
    return _STAND_INS.get(name, "lambda *a, **k: k.get('default')").replace("{values}", repr(dict(values)))


def _module(values: Mapping[str, Any]) -> str:
    names = ", ".join(f"{name!r}: staticmethod({_function(name, values)})" for name in _STAND_INS)
    return f"type('hpo', (), {{{names}}})"
