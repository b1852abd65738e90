"""A script without hpo: calls become what they do outside an experiment, and imports go."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hpo.annotate.reading.scopes import Scope, qualified
from hpo.annotate.reading.source import Edit, Refusal, SourceFile
from hpo.annotate.reading.structure import Structure, survey
from hpo.annotate.trial.removal import without_statement

__all__ = ["without_hpo"]

_OURS = ("hpo", "nni")
# What the functions of a trial do outside an experiment, for where more is done with one than to call it.
_STAND_INS = {
    "get_next_parameter": "lambda: {values}",
    "report_intermediate_result": "lambda value, step=None: print(value)",
    "report_fold": "print",
    "report_final_result": "print",
    "get_experiment_id": "lambda: 'STANDALONE'",
    "get_trial_id": "lambda: 'STANDALONE'",
    "get_sequence_id": "lambda: 0",
    "trial_dir": "__import__('pathlib').Path",
    "fidelity": "lambda passes, start=0: __import__('itertools').islice(passes, start, {budget})",
    "param": "lambda *a, **k: lambda f: f",
}
_UP_TO_COMMA = re.compile(r"(?:#[^\r\n]*(?=[\r\n])|[^,#])*,")  # after an argument, which comments may follow
_ATOMS = (ast.Call, ast.GeneratorExp, ast.Name, ast.Attribute, ast.Subscript, ast.List)
_REPORTS = ("report_intermediate_result", "report_fold", "report_final_result")


def without_hpo(data: bytes, values: Mapping[str, Any]) -> bytes:
    """Return a file that needs neither `hpo` nor `nni`; results are printed."""
    if not any(name.encode() in data for name in _OURS):
        return data
    try:
        file = SourceFile("", Path(), data)
        tree = file.tree()
    except Refusal:
        return data
    return _Remover(file, tree, values).result()


class _Remover:
    def __init__(self, file: SourceFile, tree: ast.Module, values: Mapping[str, Any]) -> None:
        self.file, self.tree, self.values = file, tree, values
        self.structure: Structure = survey(file, tree)
        self.replaced: set[ast.AST] = set()  # callees that are gone

    def result(self) -> bytes:
        edits = [e for call, at in self.structure.calls.items() for e in self._call(call, at.scope)]
        imports = [node for node in self.structure.settings if isinstance(node, ast.Import | ast.ImportFrom)]
        kept = {node: parts for node in imports if (parts := self._kept(node)) is not None}
        gone: set[ast.stmt | None] = {node for node, parts in kept.items() if not parts}
        for node, parts in kept.items():
            span = self.file.span(node)
            if parts:
                edits.append(Edit(span.start, span.end, "; ".join(parts)))
            else:
                edits.append(without_statement(self.file, self.structure, node, gone))
        return self.file.rewritten(edits)

    def _call(self, call: ast.Call, scope: Scope) -> Iterator[Edit]:
        """Yield the edits that make a call what it does outside an experiment, where that is simple."""
        dialect, _, name = (qualified(call.func, scope) or "").partition(".")
        starred = any(isinstance(each, ast.Starred) for each in call.args)
        if dialect not in _OURS or starred or self.structure.in_formatted(self.file.span(call)):
            return
        whole = self.file.span(call)
        if name in _REPORTS and call.args:
            callee, result = self.file.span(call.func), self.file.span(call.args[0])
            yield Edit(callee.start, callee.end, "print")
            comma = _UP_TO_COMMA.match(self.file.text, result.end, whole.end)
            if comma is not None and len(call.args) + len(call.keywords) > 1:
                yield Edit(comma.end() - 1, whole.end - 1, "")
        elif name == "fidelity" and len(call.args) == 1 and not call.keywords and self._budget() is None:
            passes = call.args[0]
            inner = self.file.span(passes)
            is_atom = isinstance(passes, _ATOMS) and "\n" not in self.file.segment(inner)
            opening, closing = ("", "") if is_atom else ("(", ")")
            yield Edit(whole.start, inner.start, opening)
            yield Edit(inner.end, whole.end, closing)
        elif name == "get_next_parameter" and not call.args:
            yield Edit(whole.start, whole.end, repr(dict(self.values)))
        else:
            return
        self.replaced.update(ast.walk(call.func))

    def _budget(self) -> Any:
        return self.values.get("TRIAL_BUDGET")

    def _kept(self, node: ast.Import | ast.ImportFrom) -> list[str] | None:
        """Return what is left of an import, as statements; None where it is none of ours."""
        if isinstance(node, ast.ImportFrom):
            if node.module not in _OURS or node.level:
                return None
            names = [(alias.asname or alias.name, alias.name) for alias in node.names]
            return [f"{bound} = {self._stand_in(name)}" for bound, name in names if self._uses(bound)]
        if not any(alias.name in _OURS for alias in node.names):
            return None
        others = [a for a in node.names if a.name not in _OURS]
        parts = [ast.unparse(ast.Import(names=others))] if others else []
        bound = [a.asname or a.name for a in node.names if a.name in _OURS]
        return parts + [f"{name} = {self._module(name)}" for name in bound if self._uses(name)]

    def _uses(self, name: str) -> bool:
        """Tell whether a name is still read somewhere."""
        return any(
            isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
            for node in self._left()
        )

    def _left(self) -> Iterator[ast.AST]:
        return (node for node in ast.walk(self.tree) if node not in self.replaced)

    def _stand_in(self, name: str) -> str:
        text = _STAND_INS.get(name, "lambda *a, **k: k.get('default')")
        return text.replace("{values}", repr(dict(self.values))).replace("{budget}", repr(self._budget()))

    def _module(self, name: str) -> str:
        """Return an object with those functions of ours that are read from a name."""
        read = [
            node.attr
            for node in self._left()
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name
        ]
        functions = ", ".join(f"{n!r}: staticmethod({self._stand_in(n)})" for n in dict.fromkeys(read))
        return f"type({name!r}, (), {{{functions}}})"
