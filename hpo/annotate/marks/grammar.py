"""The grammar of a mark: from the tree of its call to a domain, with every mistake at its place.

A mark is parsed, never evaluated. Its tree carries the file's own positions, whether it was written as
code or cut out of a string or a comment.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from hpo.annotate.marks.parsing import Mistake
from hpo.annotate.reading.source import SourceFile, Span, brief
from hpo.constraints import faults
from hpo.expressions import NotConstantError, dotted, evaluate
from hpo.parameters import KINDS, Parameter, create, problems

__all__ = [
    "CONSTRUCTORS",
    "LISTS",
    "OTHERS",
    "REPORTS",
    "Branching",
    "Domain",
    "Option",
    "Reader",
    "json_scalar",
    "shape",
]

REPORTS = ("report_intermediate_result", "report_fold", "report_final_result", "get_next_parameter")
LISTS = ("subset", "permutation")
CONSTRUCTORS = (*KINDS, "function_choice", "variable", "mutable_layers")
OTHERS = (*REPORTS, "constraint", "fidelity")  # marks that mean no value
_LIMITS = ("min", "max")
_NEVER_BARE = (ast.NamedExpr, ast.Yield, ast.YieldFrom)  # they stand in parentheses wherever an option does
_CODES = {
    "arity": "HPO203", "not_a_number": "HPO204", "not_an_integer": "HPO205", "no_options": "HPO206",
    "duplicate_option": "HPO207", "low_not_below_high": "HPO208", "log_bound_not_positive": "HPO209",
    "sigma_not_positive": "HPO210", "q_not_positive": "HPO211", "no_such_size": "HPO217",
}  # fmt: skip


@dataclass(frozen=True)
class Branching:
    """An option of NNI's nested choice: its `_name`, and a domain or a constant for each of its keys."""

    name: str
    domains: Mapping[str, Domain]
    constants: Mapping[str, Any]


@dataclass(frozen=True)
class Option:
    """One option of a choice, or one item of a list.

    Attributes:
        value: what stands for it in the search space: itself for a JSON scalar, else its source.
        code: its source on one line, as it is written into the trial.
        is_code: whether it is more than a JSON scalar.
        shape: a text that two options share when they differ in white space and quotes only.
        branch: for an option of a nested choice, what lies below it.
    """

    value: Any
    code: str
    is_code: bool
    shape: str
    branch: Branching | None = None


@dataclass(frozen=True)
class Domain:
    """What a mark says of one value.

    Attributes:
        kind: the constructor: one of `KINDS`, or ``function_choice``.
        parameter: the distribution.
        span: of the constructor's call.
        label: the explicit name.
        options: of a choice.
        items: of a subset or a permutation.
        listed: the module's constant that has the items, where they stand there.
        target: what the long form repeats, as written, and where.
        default: of an inline call.
    """

    kind: str
    parameter: Parameter
    span: Span
    label: str | None = None
    options: tuple[Option, ...] = ()
    items: tuple[Option, ...] = ()
    listed: str | None = None
    target: tuple[str, Span] | None = None
    default: ast.expr | None = None

    @property
    def is_constant(self) -> bool:
        """Whether all its values are JSON scalars, which a trial is given as they are."""
        return not any(option.is_code for option in (*self.options, *self.items))

    def option_like(self, shape: str) -> Option | None:
        """Return the option, or the item, that a piece of source is, if it is one."""
        return next((each for each in (*self.options, *self.items) if each.shape == shape), None)

    def to_json(self) -> dict[str, Any]:
        """Return NNI's form of the domain."""
        if not any(option.branch for option in self.options):
            return self.parameter.to_json()
        branches = [option.branch for option in self.options if option.branch is not None]
        value = [{"_name": b.name, **{k: d.to_json() for k, d in b.domains.items()}} for b in branches]
        return {"_type": "choice", "_value": value}


def shape(node: ast.expr) -> str:
    """Return a text that two expressions share when only white space and quotes tell them apart."""
    try:
        return ast.dump(node)
    except ValueError:  # an integer of more digits than Python writes, such as a long hexadecimal one
        return f"{id(node)}"  # and so like no other


@dataclass(frozen=True)
class Reader:
    """Read domains out of the calls of one mark.

    Attributes:
        file: where it stands.
        resolve: from a callee to the name of a constructor, or None where it is none.
        verbatim: whether the file's text at a node's span is the node's source.
        names: the module's constants, which bounds may use.
        is_code: whether the mark is code, whose names the file's imports resolve.
        inline: whether ``default=`` is allowed.
    """

    file: SourceFile
    resolve: Callable[[ast.expr], str | None]
    verbatim: bool = True
    names: Mapping[str, Any] = field(default_factory=dict)
    is_code: bool = False
    inline: bool = False

    def source(self, node: ast.expr) -> str:
        """Return an expression's source, exactly, with line feeds as its line ends."""
        if not self.verbatim:
            return ast.unparse(node)
        text = self.file.segment(self.file.span(node)).replace("\r\n", "\n").replace("\r", "\n")
        return f"({text})" if isinstance(node, _NEVER_BARE) else text

    def line(self, node: ast.expr) -> str:
        """Return an expression's source on one line."""
        text = self.source(node)
        return text if "\n" not in text else ast.unparse(node)

    def brief(self, node: ast.expr) -> str:
        """Return an expression's source as messages quote it."""
        return brief(self.source(node))

    def mistake(self, code: str, message: str, help_: str, node: ast.AST) -> Mistake:
        """Return a mistake at a node."""
        return Mistake(code, message, help_, self.file.span(node))

    def domain(self, node: ast.expr) -> Domain:
        """Return the domain that a call constructs.

        Raises:
            Mistake: it is none.
        """
        if not isinstance(node, ast.Call):
            raise self.mistake(
                "HPO203", "a mark is a call, such as uniform(0, 1)", "write NAME(arguments)", node
            )
        kind = self.constructor(node)
        if kind == "variable":
            return self._variable(node)
        label, default = self._keywords(node, kind)
        span = self.file.span(node)
        if kind in LISTS:
            items, listed = self._items(node, kind)
            limits = [self._limit(node, name) for name in _LIMITS] if kind == "subset" else []
            given = [[item.value for item in items], *limits]
            domain = self._checked(kind, given, node)
            return Domain(kind, domain, span, label, items=items, listed=listed, default=default)
        if kind in ("choice", "function_choice"):
            options = tuple(self._options(node))
            domain = self._checked("choice", [o.value for o in options], node)
            self._check_shapes(options, node.args, "option")
            return Domain(kind, domain, span, label, options, default=default)
        numbers = [self._bound(argument) for argument in node.args]
        return Domain(kind, self._checked(kind, numbers, node), span, label, default=default)

    def constructor(self, node: ast.Call) -> str:
        """Return the constructor that is called."""
        kind = self.resolve(node.func)
        if kind in CONSTRUCTORS:
            return kind
        written = self.brief(node.func)
        close = get_close_matches(kind or written, (*CONSTRUCTORS, *OTHERS), n=1)
        help_ = f"did you mean {close[0]}?" if close else f"the domains are {', '.join(KINDS)}"
        raise self.mistake("HPO202", f"there is no domain {written}", help_, node.func)

    def test(self, node: ast.expr) -> ast.expr:
        """Return the test in the call of a constraint.

        Raises:
            Mistake: it is no test, or asks for more than hyperparameters and constants.
        """
        assert isinstance(node, ast.Call)
        if len(node.args) != 1 or node.keywords:
            help_ = "write constraint(batch_size * accumulate <= 512)"
            raise self.mistake("HPO203", "constraint takes one test", help_, node)
        for part, reason in faults(node.args[0]):
            help_ = "a constraint compares hyperparameters and constants: arithmetic, abs, len, min and max"
            raise self.mistake("HPO241", f"{self.brief(part)} {reason}", help_, part)
        return node.args[0]

    def bare(self, node: ast.expr) -> None:
        """Refuse arguments of a mark that takes none."""
        assert isinstance(node, ast.Call)
        if node.args or node.keywords:
            message = "fidelity takes no arguments here: the loop has them"
            raise self.mistake("HPO203", message, "write fidelity()", node)

    def _variable(self, node: ast.Call) -> Domain:
        names = [k.value for k in node.keywords if k.arg == "name"]
        if len(node.args) != 1 or len(names) != 1 or len(node.keywords) != 1:
            raise self.mistake(
                "HPO203", "variable takes one domain and name=", "write variable(uniform(0, 1), name=x)", node
            )
        inner = self.domain(node.args[0])
        if inner.label is not None:
            raise self.mistake(
                "HPO203", "a variable has one name=, its target", "remove the inner one", node.args[0]
            )
        target = (self.source(names[0]), self.file.span(names[0]))
        return replace(inner, span=self.file.span(node), label=None, target=target)

    def _keywords(self, node: ast.Call, kind: str) -> tuple[str | None, ast.expr | None]:
        label, default = None, None
        for keyword in node.keywords:
            if keyword.arg == "name":
                label = self._label(keyword.value)
            elif keyword.arg == "default" and self.inline:
                default = keyword.value
            elif kind != "subset" or keyword.arg not in _LIMITS:
                names = [*(_LIMITS if kind == "subset" else ()), "name"]
                names += ["default"] if self.inline else []
                allowed = " and ".join(f"{name}=" for name in names)
                written = "**" if keyword.arg is None else f"{keyword.arg}="
                raise self.mistake(
                    "HPO203", f"{kind} takes no {written}", f"by name it takes {allowed} alone", keyword
                )
        return label, default

    def _label(self, node: ast.expr) -> str:
        text = dotted(node)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        if not text or not text.isprintable() or text != text.strip():
            raise self.mistake(
                "HPO212",
                f"{self.brief(node)} is no name",
                "write name=act, name=net.act or name='act'",
                node,
            )
        return text

    def _checked(self, kind: str, arguments: list[Any], node: ast.Call) -> Parameter:
        for problem in problems(kind, arguments):
            raise self.mistake(
                _CODES[problem.kind], problem.message, problem.help, _at_fault(kind, problem.argument, node)
            )
        return create(kind, arguments)

    def _bound(self, node: ast.expr) -> Any:
        try:
            return evaluate(node, self.names)
        except NotConstantError as error:
            whole = "" if error.node is node else f" in {self.brief(node)}"
            raise self.mistake(
                "HPO213",
                f"a bound is a constant, and {self.brief(error.node)}{whole} {error.reason}",
                "write a number, arithmetic on numbers, or a name that the module binds once to one",
                error.node,
            ) from None

    # -- options, and the items of lists

    def _items(self, node: ast.Call, kind: str) -> tuple[tuple[Option, ...], str | None]:
        """Return the items of a list, and the name of the constant that they are, where they are one."""
        form = f"write {kind}([a, b, ...])"
        if len(node.args) != 1:
            raise self.mistake("HPO203", f"{kind} takes a list of items", form, node)
        given = node.args[0]
        if isinstance(given, ast.List | ast.Tuple):
            if starred := next((e for e in given.elts if isinstance(e, ast.Starred)), None):
                help_ = "list them one by one, or name a list of constants that the module binds once"
                raise self.mistake("HPO203", f"the items of a {kind} are written out", help_, starred)
            items = tuple(self._option(element) for element in given.elts)
            self._check_shapes(items, given.elts, "item")
            return items, None
        name = dotted(given)
        known = self.names[name] if name is not None and name in self.names else None
        if not isinstance(known, list | tuple):
            message = f"{kind} takes a list of items, and {self.brief(given)} is none that is known here"
            help_ = f"{form}, or the name of a list of constants that the module binds once"
            raise self.mistake("HPO213" if name else "HPO203", message, help_, given)
        written = [ast.parse(repr(value), mode="eval").body for value in known]
        items = tuple(
            Option(value, repr(value), False, shape(e)) for value, e in zip(known, written, strict=True)
        )
        return items, name

    def _limit(self, node: ast.Call, name: str) -> Any:
        given = next((k.value for k in node.keywords if k.arg == name), None)
        return None if given is None else self._bound(given)

    def _options(self, node: ast.Call) -> Iterator[Option]:
        is_nested = any(isinstance(a, ast.Dict) and _key(a, "_name") is not None for a in node.args)
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                raise self.mistake(
                    "HPO203", "the options of a choice are written out", "list them one by one", argument
                )
            if is_nested:
                yield self._nested_option(argument)
            else:
                yield self._option(argument)

    def _option(self, node: ast.expr) -> Option:
        for inner in ast.walk(node):
            if isinstance(inner, ast.Call) and self._is_marked_domain(inner):
                raise self.mistake(
                    "HPO214",
                    "a domain cannot be an option of a choice",
                    'mark it where it stands, or nest: choice({"_name": "a", "size": uniform(0, 1)}, ...)',
                    inner,
                )
        value = json_scalar(node)
        if value is not ...:
            return Option(value, self.line(node), False, shape(node))
        return Option(self.source(node), self.line(node), True, shape(node))

    def _is_marked_domain(self, node: ast.Call) -> bool:
        written = dotted(node.func) or ""
        # In a text a bare `choice(...)` may be the user's own function; in code, imports tell.
        return self.resolve(node.func) in CONSTRUCTORS and (self.is_code or "." in written)

    def _nested_option(self, node: ast.expr) -> Option:
        name = _key(node, "_name") if isinstance(node, ast.Dict) else None
        if not (
            isinstance(node, ast.Dict) and isinstance(name, ast.Constant) and isinstance(name.value, str)
        ):
            raise self.mistake(
                "HPO203",
                "a nested choice needs a _name, a string, in every option",
                'write {"_name": "option", "size": uniform(0, 1)}',
                node,
            )
        domains: dict[str, Domain] = {}
        constants: dict[str, Any] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            if not (isinstance(key, ast.Constant) and isinstance(key.value, str)):
                raise self.mistake(
                    "HPO203", "the keys of a nested choice are strings", 'write "size": ...', key or value
                )
            if key.value == "_name":
                continue
            if isinstance(value, ast.Call):
                domains[key.value] = self.domain(value)
            else:
                constants[key.value] = self.source(value)
        return Option(
            name.value, self.line(node), True, shape(name), Branching(name.value, domains, constants)
        )

    def _check_shapes(self, options: tuple[Option, ...], nodes: Sequence[ast.expr], noun: str) -> None:
        """Refuse options that differ in white space or quotes only; equal values are refused before."""
        seen: set[str] = set()
        for option, argument in zip(options, nodes, strict=True):
            if option.shape in seen:
                raise self.mistake(
                    "HPO207",
                    f"{noun} {brief(option.code)} is listed twice",
                    "remove one of the two",
                    argument,
                )
            seen.add(option.shape)


def _at_fault(kind: str, argument: int | str | None, node: ast.Call) -> ast.AST:
    """Return what of a call is meant by a problem's argument."""
    if isinstance(argument, str):
        return next((k.value for k in node.keywords if k.arg == argument), node)
    if argument is None:
        return node
    if kind in LISTS:
        listed = node.args[0]
        return listed.elts[argument] if isinstance(listed, ast.List | ast.Tuple) else listed
    return node.args[argument]


def _key(node: ast.Dict, name: str) -> ast.expr | None:
    pairs = zip(node.keys, node.values, strict=True)
    return next((v for k, v in pairs if isinstance(k, ast.Constant) and k.value == name), None)


def json_scalar(node: ast.expr) -> Any:
    """Return the JSON scalar that an option is, or `...` where it is code."""
    is_sign = isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant)
    if not (isinstance(node, ast.Constant) or is_sign):
        return ...
    try:
        value = evaluate(node)
    except NotConstantError:
        return ...
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return ...
    if isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value):
        return ...  # JSON has no lone surrogates
    return value
