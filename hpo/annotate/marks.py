"""Find the marks of a file, in strings, comments and decorators, and parse them; nothing is evaluated."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

from hpo.annotate.source import SourceFile, Span
from hpo.annotate.structure import Structure, dotted
from hpo.errors import Diagnostic
from hpo.parameters import KINDS, Choice, Parameter, problems

__all__ = ["REPORTS", "Domain", "Mark", "Option", "constant", "find_marks"]

REPORTS = ("report_intermediate_result", "report_final_result", "get_next_parameter")
_CONSTRUCTORS = (*KINDS, "function_choice", "variable", *REPORTS)
_STRING = re.compile(r"@(hpo|nni)\.")
_COMMENT = re.compile(r"#\s*(hpo|nni):")
_CALL = re.compile(r"\s*([A-Za-z_]\w*\s*=\s*)?[A-Za-z_][\w.]*\s*\(")
_CODES = {
    "arity": "HPO203", "not_a_number": "HPO204", "not_an_integer": "HPO205", "no_options": "HPO206",
    "duplicate_option": "HPO207", "low_not_below_high": "HPO208", "log_bound_not_positive": "HPO209",
    "sigma_not_positive": "HPO210", "q_not_positive": "HPO211",
}  # fmt: skip


@dataclass(frozen=True)
class Option:
    """One option of a choice: its JSON value, and the source that makes it."""

    value: Any
    source: str
    is_code: bool


@dataclass(frozen=True)
class Domain:
    """A parsed domain: what a mark says of one value."""

    parameter: Parameter
    label: str | None
    options: tuple[Option, ...] = ()
    target: str | None = None  # the long form repeats its target
    is_function_choice: bool = False


@dataclass(frozen=True)
class Mark:
    """A mark and where it stands.

    Attributes:
        spelling: string, comment or decorator.
        span: the whole literal, comment or decorator.
        domains: by the name that the mark gives them, None where it gives none.
        report: the source of a call that a string stands for.
        node: the statement (string), or the decorated function or class (decorator).
    """

    spelling: Literal["string", "comment", "decorator"]
    span: Span
    domains: tuple[tuple[str | None, Domain, Span], ...]
    report: str | None = None
    node: ast.stmt | None = None


class _Wrong(Exception):  # noqa: N818 - a finding on its way to a diagnostic
    def __init__(self, code: str, message: str, help_: str, node: ast.AST | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.help, self.node = code, message, help_, node


def find_marks(file: SourceFile, structure: Structure, found: list[Diagnostic]) -> list[Mark]:
    """Return the marks of a file in the order of their places; mistakes go to `found`."""
    finder = _Finder(file, structure, found)
    marks = [*finder.strings(), *finder.comments(), *finder.decorators()]
    return sorted(marks, key=lambda mark: mark.span)


class _Finder:
    def __init__(self, file: SourceFile, structure: Structure, found: list[Diagnostic]) -> None:
        self.file, self.structure, self.found = file, structure, found

    def strings(self) -> Iterator[Mark]:
        for statement in list(self.structure.settings):
            value = getattr(statement, "value", None) if isinstance(statement, ast.Expr) else None
            if not (isinstance(value, ast.Constant) and isinstance(value.value, str)):
                continue
            opening = _STRING.match(value.value)
            if opening is None:
                continue
            span = self.file.span(value)
            raw = self.file.segment(span)
            text = value.value[opening.end() :]
            # Escapes would shift positions: then the whole literal is shown.
            at = raw.find(value.value)
            start = span.start + at + opening.end() if at >= 0 else None
            mark = self._string(statement, span, text, start)
            if mark is not None:
                yield mark

    def _string(self, statement: ast.stmt, span: Span, text: str, start: int | None) -> Mark | None:
        parser = _Parser(text)
        try:
            call = parser.single_call()
            kind = dotted(call.func)
            if kind in REPORTS:
                return Mark("string", span, (), f"{kind}({parser.arguments(call)})", statement)
            domain = parser.domain(call)
        except _Wrong as wrong:
            self._report(wrong, parser, span, start)
            return None
        return Mark("string", span, ((None, domain, span),), None, statement)

    def comments(self) -> Iterator[Mark]:
        if not _COMMENT.search(self.file.text):
            return
        for token in tokenize.generate_tokens(io.StringIO(self.file.normal).readline):
            opening = _COMMENT.search(token.string) if token.type == tokenize.COMMENT else None
            if opening is None:
                continue
            start = self.file.line_start(token.start[0]) + token.start[1]
            span = Span(start + opening.start(), start + len(token.string))
            text = token.string[opening.end() :]
            if not _CALL.match(text):
                self.found.append(
                    self.file.diagnostic(
                        "HPO215",
                        "this comment begins like a mark and is none",
                        span,
                        severity="warning",
                        help="write # hpo: uniform(0, 1)",
                    )
                )
                continue
            mark = self._comment(span, text.partition(" #")[0], span.start + len(opening.group()))
            if mark is not None:
                yield mark

    def _comment(self, span: Span, text: str, start: int) -> Mark | None:
        parser = _Parser(text)
        try:
            domains = tuple((name, parser.domain(call), span) for name, call in parser.named_calls())
        except _Wrong as wrong:
            self._report(wrong, parser, span, start)
            return None
        return Mark("comment", span, domains)

    def decorators(self) -> Iterator[Mark]:
        names = _imported_names(self.structure)
        for node in list(self.structure.settings):
            for decorator in getattr(node, "decorator_list", ()):
                if isinstance(decorator, ast.Call) and names.get(dotted(decorator.func) or "") == "param":
                    yield from self._decorator(node, decorator, names)

    def _decorator(self, node: ast.stmt, call: ast.Call, names: dict[str, str]) -> Iterator[Mark]:
        span = self.file.span(call)
        pairs = [(k.arg, k.value) for k in call.keywords]
        if len(call.args) == 2 and isinstance(call.args[0], ast.Constant):
            pairs.append((str(call.args[0].value), call.args[1]))
        domains = []
        for name, value in pairs:
            place = self.file.span(value)
            inner = _Parser(self.file.segment(place), names)
            try:
                if name is None:
                    raise _Wrong("HPO202", "** has no place in a mark", "name each parameter")
                domains.append((name, inner.domain(inner.single_call()), place))
            except _Wrong as wrong:
                self._report(wrong, inner, place, place.start)
        if domains:
            yield Mark("decorator", span, tuple(domains), None, node)

    def _report(self, wrong: _Wrong, parser: _Parser, span: Span, start: int | None) -> None:
        place = parser.span(wrong.node) if wrong.node is not None else None
        if place is not None and start is not None:
            span = Span(start + place.start, start + place.end)
        self.found.append(self.file.diagnostic(wrong.code, wrong.message, span, help=wrong.help))


def _imported_names(structure: Structure) -> dict[str, str]:
    """Return what `hpo.param` and the domains are called in a file: local dotted name -> our name."""
    names: dict[str, str] = {}
    for local, nodes in structure.module.bindings.items():
        if len(nodes) != 1:
            continue  # bound again: shadowed
        node = nodes[0]
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in ("hpo", "nni") and (alias.asname or alias.name) == local:
                    names.update({f"{local}.{name}": name for name in ("param", *_CONSTRUCTORS)})
        elif isinstance(node, ast.ImportFrom) and node.module in ("hpo", "nni"):
            names.update((a.asname or a.name, a.name) for a in node.names if (a.asname or a.name) == local)
    return names


class _Parser:
    """Parse the text of one mark. Positions are offsets in the text."""

    _OPEN = "_(\n"

    def __init__(self, text: str, names: dict[str, str] | None = None) -> None:
        self.text, self.names = text, names

    def _parse(self) -> ast.Call:
        try:
            tree = ast.parse(f"{self._OPEN}{self.text}\n)", mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            message = getattr(error, "msg", None) or str(error)
            raise _Wrong("HPO201", f"the mark does not parse: {message}", "write NAME(arguments)") from None
        assert isinstance(tree.body, ast.Call)
        return tree.body

    def single_call(self) -> ast.Call:
        call = self._parse()
        if call.keywords or len(call.args) != 1 or not isinstance(call.args[0], ast.Call):
            raise _Wrong("HPO202", "a mark is one call", "write NAME(arguments)")
        return call.args[0]

    def named_calls(self) -> list[tuple[str | None, ast.Call]]:
        call = self._parse()
        pairs = [*((None, a) for a in call.args), *((k.arg, k.value) for k in call.keywords)]
        if len(call.args) > 1 or (call.args and call.keywords):
            raise _Wrong(
                "HPO202", "several marks on a line need names", "write a=choice(1, 2), b=uniform(0, 1)"
            )
        for _, value in pairs:
            if not isinstance(value, ast.Call):
                raise _Wrong("HPO202", "a mark is a call", "write NAME(arguments)", value)
        return [(name, value) for name, value in pairs if isinstance(value, ast.Call)]

    def source(self, node: ast.AST) -> str:
        """Return a node's text, on one line."""
        place = self.span(node)
        text = self.text[place.start : place.end]
        return text if "\n" not in text and "\r" not in text else ast.unparse(node)

    def span(self, node: ast.AST) -> Span:
        lines = self.text.split("\n")
        starts = [0]
        for line in lines:
            starts.append(starts[-1] + len(line) + 1)

        def offset(line: int, column: int) -> int:
            row = line - 2
            return starts[row] + len(lines[row].encode()[:column].decode(errors="ignore"))

        return Span(
            offset(node.lineno, node.col_offset),  # type: ignore[attr-defined]
            offset(node.end_lineno, node.end_col_offset),  # type: ignore[attr-defined]
        )

    def arguments(self, call: ast.Call) -> str:
        parts = [self.source(a) for a in call.args]
        return ", ".join([*parts, *(f"{k.arg}={self.source(k.value)}" for k in call.keywords)])

    def domain(self, call: ast.Call) -> Domain:
        kind = self._kind(call)
        if kind == "variable":
            return self._variable(call)
        label = None
        for keyword in call.keywords:
            if keyword.arg != "name":
                raise _Wrong(
                    "HPO202",
                    f"{kind} has no argument {keyword.arg}",
                    "the only one by name is name=",
                    keyword.value,
                )
            label = self._name(keyword.value)
        if kind in ("choice", "function_choice"):
            options = tuple(map(self._option, call.args))
            values = [option.value for option in options]
            self._check("choice", values, call)
            return Domain(Choice(tuple(values)), label, options, None, kind == "function_choice")
        numbers = [self._number(argument, kind) for argument in call.args]
        self._check(kind, numbers, call)
        return Domain(KINDS[kind](*numbers), label)

    def _kind(self, call: ast.Call) -> str:
        written = dotted(call.func) or self.source(call.func)
        if self.names is not None:
            kind = self.names.get(written, written)
        else:
            prefix, _, last = written.rpartition(".")
            kind = last if prefix in ("", "hpo", "nni") else written
        if kind not in _CONSTRUCTORS or kind in REPORTS:
            close = get_close_matches(kind, _CONSTRUCTORS, n=1)
            help_ = f"did you mean {close[0]}?" if close else f"the domains are {', '.join(KINDS)}"
            raise _Wrong("HPO202", f"there is no domain {written}", help_, call.func)
        return kind

    def _variable(self, call: ast.Call) -> Domain:
        names = [k.value for k in call.keywords if k.arg == "name"]
        if len(call.args) != 1 or not isinstance(call.args[0], ast.Call) or len(names) != 1:
            raise _Wrong(
                "HPO202", "variable takes one domain and name=", "write variable(uniform(0, 1), name=x)", call
            )
        inner = self.domain(call.args[0])
        return Domain(inner.parameter, inner.label, inner.options, self.source(names[0]))

    def _name(self, node: ast.expr) -> str:
        text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else dotted(node)
        if not text or not all(part.isidentifier() for part in text.split(".")):
            raise _Wrong("HPO212", f"{self.source(node)} is no name", "write name=act or name='act'", node)
        return text

    def _option(self, node: ast.expr) -> Option:
        if isinstance(node, ast.Starred):
            raise _Wrong("HPO202", "the options of a choice are written out", "list them one by one", node)
        value = constant(node)
        is_scalar = value is not ... and (value is None or isinstance(value, bool | int | float | str))
        source = self.source(node)
        return Option(value if is_scalar else source, source, not is_scalar)

    def _number(self, node: ast.expr, kind: str) -> Any:
        value = constant(node)
        if value is ...:
            help_ = "write a number, or arithmetic on numbers"
            raise _Wrong(
                "HPO204", f"{self.source(node)} is no constant, and {kind} needs numbers", help_, node
            )
        return value

    def _check(self, kind: str, arguments: list[Any], call: ast.Call) -> None:
        for problem in problems(kind, arguments):
            node = call if problem.argument is None else call.args[problem.argument]
            raise _Wrong(_CODES[problem.kind], problem.message, problem.help, node)


_OPERATORS: dict[type[ast.operator], Any] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Mod: lambda a, b: a % b,
    ast.Pow: lambda a, b: a**b,
}


def constant(node: ast.AST) -> Any:
    """Return the value of a constant, or of arithmetic on numbers; `...` where it is something else."""
    match node:
        case ast.Constant(value=value) if value is None or isinstance(value, bool | int | float | str):
            return value
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            value = constant(operand)
            if isinstance(value, int | float) and not isinstance(value, bool):
                return -value if isinstance(sign, ast.USub) else value
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATORS:
            first, second = constant(left), constant(right)
            numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (first, second))
            # No power may make a number of more than some thousand bits.
            small = not isinstance(operator, ast.Pow) or (numbers and abs(second) <= 64 and abs(first) <= 1e9)
            if numbers and small:
                try:
                    value = _OPERATORS[type(operator)](first, second)
                except (ArithmeticError, ValueError):
                    return ...
                return value if isinstance(value, int | float) else ...
    return ...
