"""How the trial reads: each marked value becomes a question to the trial, on the lines where it stood.

``lr = 0.01`` becomes ``lr = (VALUE("lr") if GIVEN("lr") else OWN("lr", 0.01))``: the source's own
expression stays in its place and its scope, and runs where the trial has no value for it. The functions are
those of `hpo.trial`, reached without an import statement, so that no line is added and no name taken.

A mark becomes inert by as small a change as can be, one that moves no column: `@hpo.` to `#hpo.` in a
string, `# hpo:` to `# hpo;` in a comment.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Sequence
from itertools import pairwise

from hpo.annotate.marks.grammar import Branching, Domain
from hpo.annotate.marks.layers import INPUTS
from hpo.annotate.marks.mark import Mark
from hpo.annotate.reading.source import LINE_END, Edit, SourceFile, Span
from hpo.annotate.space.defaults import as_written, flat_name
from hpo.annotate.space.fidelity import Loop
from hpo.annotate.space.targets import Target

__all__ = ["rewrite"]

TRIAL = '__import__("hpo").trial'
_SIMPLE = (ast.Constant, ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.Dict, ast.List, ast.UnaryOp)


def rewrite(
    file: SourceFile,
    marks: Sequence[Mark],
    targets: Sequence[tuple[str, Target]],
    loops: Sequence[Loop] = (),
) -> list[Edit]:
    """Return the edits that parameterise a file: its marked places, with their names, its marks and loops."""
    edits: list[Edit] = []
    for mark in marks:
        if mark.layers:
            names = [name for name, target in targets if target.mark is mark]
            edits += _statement(file, mark, _layers(file, mark, iter(names)))
        elif mark.report is not None and mark.report.function != "get_next_parameter":
            edits += _statement(file, mark, f"{TRIAL}.{mark.report.function}{mark.report.arguments}")
        else:
            edits += disarm(file, mark)
    edits += [edit for loop in loops if loop.mark.call is None for edit in _shortened(file, loop)]
    for name, target in targets:
        if not target.mark.layers:
            edits += _ask(file, name, target)
    return edits


def literal(value: object) -> str:
    """Return a JSON scalar as source."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


# -- places


def _ask(file: SourceFile, name: str, target: Target) -> Iterator[Edit]:
    head = question(name, target.domain, brackets(target.own))
    own = f"{TRIAL}.{'own_list' if target.domain.items else 'own'}({literal(name)}, "
    whole, value = target.span, target.own
    if value is None:  # an inline call without a default
        lines = _lines(file, whole)
        yield Edit(whole.start, whole.end, f"({head}{own}{_first(target.domain)}){lines})", place=whole)
        return
    inner = file.span(value)
    opening, closing = ("", "") if _is_simple(file, value) else ("(", ")")
    size = whole.end - whole.start
    before = _lines(file, Span(whole.start, inner.start))
    after = _lines(file, Span(inner.end, whole.end))
    yield Edit(whole.start, inner.start, f"({head}{own}{before}{opening}", -size, whole)
    yield Edit(inner.end, whole.end, f"{closing}{after}))", size, whole)


def _shortened(file: SourceFile, loop: Loop) -> Iterator[Edit]:
    """Yield the edits after which a loop goes through what the trial's budget allows."""
    assert loop.passes is not None
    span = loop.span
    opening, closing = ("(", ")") if isinstance(loop.passes, ast.Tuple | ast.GeneratorExp) else ("", "")
    size = span.end - span.start
    yield Edit(span.start, span.start, f"{TRIAL}.fidelity({opening}", -size, span)
    yield Edit(span.end, span.end, f"{closing})", size, span)


def _lines(file: SourceFile, span: Span) -> str:
    """Return the line ends of a stretch that goes, so that what follows stays on its line."""
    ends = LINE_END.findall(file.segment(span))
    # "\r" and then "\n" were two ends, and must not become the two characters of one.
    return "".join(" \n" if pair == ("\r", "\n") else pair[1] for pair in pairwise(["", *ends]))


def _is_simple(file: SourceFile, node: ast.expr) -> bool:
    span = file.span(node)
    return isinstance(node, _SIMPLE) and not LINE_END.search(file.segment(span))


def brackets(own: ast.expr | None) -> str:
    """Return the brackets of the list, tuple or set that stands in the source, and in the trial too."""
    return "()" if isinstance(own, ast.Tuple) else "{}" if isinstance(own, ast.Set) else "[]"


def question(name: str, domain: Domain, form: str = "[]") -> str:
    """Return the part of a conditional expression that gives the trial's value, up to its last `else`.

    Args:
        name: of the hyperparameter.
        domain: what it may be.
        form: the brackets of a value that is a list.
    """
    shown = literal(name)
    if domain.items:
        return f"{_arranged(shown, domain, form)} if {TRIAL}.given({shown}) else "
    if domain.is_constant:
        return f"{TRIAL}.value({shown}) if {TRIAL}.given({shown}) else "
    parts = []
    for option in domain.options:
        code = option.code
        if option.branch is not None:
            code = _branch(name, domain, option.branch)
        parts.append(f"({code}) if {TRIAL}.picked({shown}, {literal(option.value)}) else ")
    return "".join(parts)


def _arranged(shown: str, domain: Domain, form: str) -> str:
    """Return what gives the trial's list; items that are code run where they are chosen."""
    value = f"{TRIAL}.value({shown})"
    if not domain.is_constant and domain.kind == "subset":
        parts = ", ".join(
            f"*([{item.code}] if {TRIAL}.has({shown}, {literal(item.value)}) else [])"
            for item in domain.items
        )
        value = f"[{parts}]"
    elif not domain.is_constant:
        values = ", ".join(literal(item.value) for item in domain.items)
        codes = ", ".join(f"({item.code})" for item in domain.items)
        value = f"{TRIAL}.ordered({shown}, [{values}], [{codes}])"
    if form == "[]":
        return value
    return f"(*{value},)" if form == "()" else f"{{*{value}}}"


def _branch(name: str, domain: Domain, branch: Branching) -> str:
    """Return the dictionary of a nested choice's option, with the trial's values in it."""
    items = [f'"_name": {literal(branch.name)}']
    for key, sub in branch.domains.items():
        value = f"{question(flat_name(name, domain, branch, key), sub)}{_first(sub)}"
        items.append(f"{literal(key)}: ({value})")
    items += [f"{literal(key)}: ({source})" for key, source in branch.constants.items()]
    return "{" + ", ".join(items) + "}"


def _first(domain: Domain) -> str:
    """Return what stands for a value that the source does not have: the first option, or the median."""
    if domain.options:
        return domain.options[0].code if domain.options[0].branch is None else "{}"
    if domain.items:
        return f"[{', '.join(item.code for item in as_written(domain))}]"
    return literal(domain.parameter.from_unit(0.5))


# -- marks


def disarm(file: SourceFile, mark: Mark) -> Iterator[Edit]:
    """Yield the edits after which a mark is none, on the same lines."""
    text = file.segment(mark.span)
    start, end = mark.span.start, mark.span.end
    if mark.spelling in ("string", "comment"):
        for opening in mark.openings:
            yield Edit(opening, opening + 1, "#" if mark.spelling == "string" else ";")
    elif mark.spelling == "decorator":
        # Still a decorator: the line on which a function begins is that of its first one.
        yield Edit(start, end, f'__import__("hpo").param({_lines(file, mark.span)})')
    elif mark.spelling == "annotated":
        yield Edit(start, end, literal(" ".join(text.split())) + _lines(file, mark.span))


def _layers(file: SourceFile, mark: Mark, names: Iterator[str]) -> str:
    """Return the assignments that NNI's layers stand for."""
    statements = []
    for layer in mark.layers:
        name = next(names)
        inputs = layer.only
        if layer.inputs is not None:
            inputs_name = next(names)
            own = f"{TRIAL}.own({literal(inputs_name)}, {layer.only})"
            inputs = f"({question(inputs_name, layer.inputs)}{own})"
        first = layer.layer.options[0].code
        call = f"{question(name, layer.layer)}{TRIAL}.own({literal(name)}, {first})"
        statements.append(f"{layer.output} = ({call.replace(INPUTS, inputs)})")
    return "; ".join(statements)


def _statement(file: SourceFile, mark: Mark, code: str) -> Iterator[Edit]:
    """Replace a mark by statements, the last of which ends in a bracket, on as many lines."""
    wanted = file.line_of(mark.span.end) - file.line_of(mark.span.start)
    if len(LINE_END.findall(code)) > wanted:  # escaped line ends
        code = "; ".join(map(ast.unparse, ast.parse(code).body))
    line_end = "\r\n" if "\r\n" in file.text else "\n"
    missing = wanted - len(LINE_END.findall(code))
    yield Edit(mark.span.start, mark.span.end, f"{code[:-1]}{line_end * missing})")
