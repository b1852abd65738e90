"""The marks that are code: `@hpo.param`, `typing.Annotated` and inline calls, found by what names mean."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from typing import Any

from hpo.annotate.marks.grammar import CONSTRUCTORS, Reader
from hpo.annotate.marks.mark import Claim, Mark, Spelling
from hpo.annotate.marks.parsing import Mistake
from hpo.annotate.reading.scopes import Scope, qualified
from hpo.annotate.reading.source import SourceFile, Span
from hpo.annotate.reading.structure import Annotation, Place, Setting, Structure
from hpo.errors import Diagnostic, Severity
from hpo.expressions import dotted
from hpo.parameters import KINDS

__all__ = ["code_marks"]

_ANNOTATED = ("typing.Annotated", "typing_extensions.Annotated")
_OPTIONAL = ("typing.Optional", "typing.Final", "typing.ClassVar", "typing.Required")
_DIALECTS = ("hpo", "nni")


def code_marks(
    file: SourceFile, structure: Structure, names: Mapping[str, Any], found: list[Diagnostic]
) -> list[Mark]:
    """Return the marks of a file that are code; mistakes go to `found`."""
    if not any(map(_imports_us, structure.settings)):
        return []
    finder = _Finder(file, structure, names, found)
    return [*finder.decorators(), *finder.annotations(), *finder.inline_calls()]


def _imports_us(node: ast.stmt) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module in _DIALECTS and not node.level
    return isinstance(node, ast.Import) and any(a.name.partition(".")[0] in _DIALECTS for a in node.names)


def _ours(node: ast.expr, scope: Scope) -> tuple[str, str] | None:
    """Return dialect and name, where an expression means something of ours."""
    dialect, _, name = (qualified(node, scope) or "").partition(".")
    return (dialect, name) if dialect in _DIALECTS and name else None


def _in_types(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield what stands in `Annotated[...]`, wherever in a tree that is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and (dotted(node.value) or "").split(".")[-1] == "Annotated":
            yield from ast.walk(node.slice)


def _quoted(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what stands in the `Annotated[...]` of a quoted annotation."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        with suppress(SyntaxError, ValueError, RecursionError, MemoryError):
            yield from _in_types(ast.parse(node.value.strip(), mode="eval"))


class _Finder:
    def __init__(
        self, file: SourceFile, structure: Structure, names: Mapping[str, Any], found: list[Diagnostic]
    ) -> None:
        self.file, self.structure, self.names, self.found = file, structure, names, found
        self._used: set[ast.AST] = set()  # calls that a mark owns already

    def _reader(self, scope: Scope, *, inline: bool = False) -> Reader:
        def resolve(node: ast.expr) -> str | None:
            ours = _ours(node, scope)
            return ours[1] if ours else None

        return Reader(self.file, resolve, names=self.names, is_code=True, inline=inline)

    def _mark(self, spelling: Spelling, call: ast.Call, scope: Scope, read: Callable[[], list[Claim]],
              statement: ast.stmt | None = None) -> Iterator[Mark]:  # fmt: skip
        """Yield the mark that a call is; what is in it is no other mark."""
        self._used.update(ast.walk(call))
        ours = _ours(call.func, scope)
        try:
            claims = tuple(read())
        except Mistake as mistake:
            self._note(mistake)
        else:
            dialect = ours[0] if ours else "hpo"
            yield Mark(spelling, dialect, self.file.span(call), claims, statement=statement)

    def _note(self, mistake: Mistake) -> None:
        self._wrong(mistake.code, mistake.message, mistake.span, mistake.help)

    def _wrong(
        self, code: str, message: str, at: ast.AST | Span, help_: str, severity: Severity = "error"
    ) -> None:
        span = at if isinstance(at, Span) else self.file.span(at)
        self.found.append(self.file.diagnostic(code, message, span, severity=severity, help=help_))

    # -- decorators

    def decorators(self) -> Iterator[Mark]:
        for node, setting in list(self.structure.settings.items()):
            for decorator in getattr(node, "decorator_list", ()):
                scope = setting.scope
                if isinstance(decorator, ast.Call) and self._is_param(decorator.func, scope):
                    yield from self._mark(
                        "decorator", decorator, scope, partial(self._params, decorator, scope), node
                    )  # fmt: skip
                elif self._is_param(decorator, scope):
                    self._wrong("HPO203", "param marks nothing", decorator, "write param(lr=uniform(0, 1))")
                elif self._is_domain(decorator, scope):
                    self._used.update(ast.walk(decorator))
                    help_ = "name the parameter that is meant: @hpo.param(lr=hpo.uniform(0, 1))"
                    self._wrong("HPO221", "a domain is no decorator", decorator, help_)

    def _is_param(self, node: ast.expr, scope: Scope) -> bool:
        ours = _ours(node, scope)
        return ours is not None and ours[1] == "param"

    def _params(self, call: ast.Call, scope: Scope) -> list[Claim]:
        reader = self._reader(scope)
        pairs: list[tuple[str, ast.expr]] = []
        if len(call.args) % 2:
            raise reader.mistake(
                "HPO203", "param takes names and domains in pairs", 'write param("lr", uniform(0, 1))', call
            )
        for name, domain in zip(call.args[::2], call.args[1::2], strict=True):
            if not (isinstance(name, ast.Constant) and isinstance(name.value, str)):
                raise reader.mistake("HPO212", f"{reader.source(name)} is no name", 'write "lr"', name)
            pairs.append((name.value, domain))
        for keyword in call.keywords:
            if keyword.arg is None:
                raise reader.mistake("HPO203", "** has no place in a mark", "name each parameter", keyword)
            pairs.append((keyword.arg, keyword.value))
        if not pairs:
            raise reader.mistake("HPO203", "param marks nothing", "write param(lr=uniform(0, 1))", call)
        return [Claim(name, reader.domain(value)) for name, value in pairs]

    # -- typing.Annotated

    def annotations(self) -> Iterator[Mark]:
        aliases = self._aliases()
        used: dict[ast.Call, list[Annotation]] = {}
        for annotation in self.structure.annotations:
            for call in self._marked(annotation.node, annotation.scope, aliases):
                used.setdefault(call, []).append(annotation)
        for calls in aliases.values():
            for call in calls:
                if call not in used:
                    self._used.update(ast.walk(call))
                    message = "nothing in this file is annotated with this alias"
                    help_ = "an alias is followed within its file: write Annotated[...] where it is used"
                    self._wrong("HPO236", message, call, help_, "warning")
        for call, places in used.items():
            scope = places[0].scope
            yield from self._mark(
                "annotated", call, scope, partial(self._annotated, call, places, scope)
            )  # fmt: skip
        for annotation in self.structure.annotations:
            self._elsewhere(annotation)

    def _elsewhere(self, annotation: Annotation) -> None:
        """Refuse a domain in a quoted annotation, or in a part that describes no value as a whole."""
        for node in ast.walk(annotation.node):
            if node not in self._used and self._is_domain(node, annotation.scope):
                self._used.update(ast.walk(node))
                help_ = "annotate the value itself: x: Annotated[float, uniform(0, 1)] = 0.5"
                self._wrong("HPO221", "this mark has no target: it describes no value", node, help_)
            if any(self._is_domain(each, annotation.scope) for each in _quoted(node)):
                message = "a mark in a quoted annotation is not read"
                self._wrong("HPO221", message, node, "remove the quotes")

    def _annotated(self, call: ast.Call, annotations: list[Annotation], scope: Scope) -> list[Claim]:
        reader = self._reader(scope)
        domain = reader.domain(call)
        claims = []
        for annotation in annotations:
            if annotation.place is None:
                message = f"{annotation.name} has no value here, and a mark needs today's"
                at = annotation.node if len(annotations) > 1 else call
                self._wrong("HPO227", message, at, "annotate a value: x: Annotated[...] = VALUE")
            else:
                claims.append(Claim(None, domain, annotation.place))
        return claims

    def _aliases(self) -> dict[str, list[ast.Call]]:
        """Return the module's aliases of an `Annotated` with a mark."""
        aliases: dict[str, list[ast.Call]] = {}
        for statement, setting in self.structure.settings.items():
            if setting.scope.kind != "module":
                continue
            match statement:
                case (
                    ast.Assign(targets=[ast.Name(id=name)], value=value)
                    | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
                ):
                    pass
                case _ if type(statement).__name__ == "TypeAlias":  # since Python 3.12
                    name, value = statement.name.id, statement.value  # type: ignore[attr-defined]
                case _:
                    continue
            calls = list(dict.fromkeys(self._marked(value, setting.scope, aliases)))
            if calls and len(setting.scope.bindings.get(name, [])) == 1:
                aliases[name] = calls
        return aliases

    def _marked(
        self, node: ast.expr, scope: Scope, aliases: Mapping[str, list[ast.Call]]
    ) -> Iterator[ast.Call]:
        """Yield the domains in an annotation, through `Optional`, `| None` and aliases."""
        match node:
            case ast.Name(id=name) | ast.Constant(value=str(name)) if (
                name in aliases and scope.lookup(name) is scope.module
            ):
                yield from aliases[name]
            case ast.BinOp(op=ast.BitOr(), left=left, right=right):
                yield from self._marked(left, scope, aliases)
                yield from self._marked(right, scope, aliases)
            case ast.Subscript(value=value, slice=inner):
                meaning = qualified(value, scope)
                if meaning in _OPTIONAL:
                    yield from self._marked(inner, scope, aliases)
                elif meaning in _ANNOTATED and isinstance(inner, ast.Tuple):
                    yield from self._marked(inner.elts[0], scope, aliases)
                    for extra in inner.elts[1:]:
                        if isinstance(extra, ast.Call) and self._is_domain(extra, scope):
                            yield extra

    def _is_domain(self, call: ast.AST, scope: Scope) -> bool:
        ours = _ours(call.func, scope) if isinstance(call, ast.Call) else None
        return ours is not None and ours[1] in KINDS

    # -- inline calls

    def inline_calls(self) -> Iterator[Mark]:
        (tree,) = (node for node in self.structure.scopes if isinstance(node, ast.Module))
        types = set(_in_types(tree)) if "Annotated" in self.file.text else set()  # few files have any
        for call, setting in list(self.structure.calls.items()):
            if call in self._used:
                continue
            if _ours(call.func, setting.scope) == ("hpo", "fidelity"):
                yield Mark("inline", "hpo", self.file.span(call), loop=True, call=call)
            elif self._is_domain(call, setting.scope) and call in types:
                message = "this mark is in a type, and no value is annotated with it"
                help_ = "an alias is followed where the module binds it once: write it there"
                self._wrong("HPO236", message, call, help_, "warning")
            elif self._is_domain(call, setting.scope):
                yield from self._mark(
                    "inline", call, setting.scope, partial(self._inline, call, setting)
                )  # fmt: skip
            else:
                self._misused(call, setting.scope)

    def _misused(self, call: ast.Call, scope: Scope) -> None:
        """Say where a call of ours cannot be a mark: it would run as it stands, and mean nothing."""
        dialect, name = _ours(call.func, scope) or ("", "")
        if name == "param":
            self._used.update(ast.walk(call))
            self._wrong("HPO221", "param is a decorator", call, "write @param(...) above a function or class")
        elif dialect == "hpo" and name in (*CONSTRUCTORS, "constraint"):
            message = f"{name} is written in a string or a comment above a statement"
            self._wrong("HPO221", message, call, f"write # hpo: {name}(...) on a line of its own")
        elif (
            dialect == "hpo"
            and "." not in name
            and scope.lookup((dotted(call.func) or "").partition(".")[0])  # a star import may bring any name
            and (close := get_close_matches(name, KINDS, n=1))
        ):
            self._wrong("HPO202", f"there is no domain {name}", call.func, f"did you mean {close[0]}?")

    def _inline(self, call: ast.Call, setting: Setting) -> list[Claim]:
        reader = self._reader(setting.scope, inline=True)
        domain = reader.domain(call)
        if any(option.branch for option in domain.options):
            raise reader.mistake(
                "HPO203", "a nested choice is no inline call", "mark the value in a string or a comment", call
            )
        span, around = self.file.span(call), setting.place
        if self.structure.in_formatted(span):
            raise reader.mistake(
                "HPO221", "a mark cannot stand in an f-string", "give it a name before", call
            )
        if around is None and domain.label is None:
            raise reader.mistake(
                "HPO228", "nothing here gives this hyperparameter a name", "add name='...'", call
            )
        base = around or Place(
            "call", "", "", span, call, (), setting.scope, setting.branches, self._statement(call)
        )
        place = replace(base, kind="call", span=span, value=call, branches=setting.branches)
        return [Claim(None, domain, place)]

    def _statement(self, call: ast.Call) -> ast.stmt:
        """Return the innermost statement around a call, which may stand in a decorator."""
        span = self.file.span(call)
        holding = [
            statement
            for statement in self.structure.settings
            for part in (statement, *getattr(statement, "decorator_list", ()))
            if self.file.span(part).holds(span)
        ]
        return max(holding, key=lambda s: (s.lineno, s.col_offset))
