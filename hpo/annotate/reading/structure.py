"""What a file's syntax tree says about its places: statements, named places, the branches around them.

One pass over the tree collects everything that marks, names and conditions ask for later. Nothing is
changed and nothing is evaluated.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from hpo.annotate.reading.descriptions import command_line_option, is_field, is_typer_option
from hpo.annotate.reading.scopes import FunctionNode, Scope, declare
from hpo.annotate.reading.source import SourceFile, Span
from hpo.expressions import dotted

__all__ = ["Annotation", "Branch", "Place", "Setting", "Structure", "describes", "survey"]

PlaceKind = Literal["assignment", "keyword", "entry", "parameter", "positional", "call"]


@dataclass(frozen=True, eq=False, slots=True)
class Branch:
    """A branch that had to be taken to get here: an `if` or its `else`, or a `case` of a `match`.

    Attributes:
        test: the condition, or the subject of a `match`.
        holds: whether the condition held.
        scope: where it is evaluated.
        cases: for a `match`, the cases up to the one that was taken.
    """

    test: ast.expr
    holds: bool
    scope: Scope
    cases: tuple[ast.match_case, ...] = ()


Branches = tuple[Branch, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Place:
    """A place in the source that a mark can mean.

    Attributes:
        kind: what it is.
        name: what the value is called there: a variable, an attribute, a keyword, a key, a parameter; of the
            `default` in a `field(...)` or an option of a command line, what that is called.
        target: the target as written (`self.act`), which a long form repeats.
        span: from the target to the end of the value.
        value: the expression that a trial's value replaces.
        owners: what contains it inside its statement, outermost first (`m1` in ``m1 = SVC(C=1)``).
        scope: where the name belongs.
        branches: those around it, outermost first.
        statement: the statement that it stands in.
    """

    kind: PlaceKind
    name: str
    target: str
    span: Span
    value: ast.expr
    owners: tuple[str, ...]
    scope: Scope
    branches: Branches
    statement: ast.stmt


@dataclass(frozen=True, eq=False, slots=True)
class Setting:
    """Where a statement or a call stands."""

    scope: Scope
    branches: Branches
    block: Sequence[ast.stmt] = ()
    index: int = 0
    place: Place | None = None  # the innermost named place around a call


@dataclass(frozen=True, eq=False, slots=True)
class Annotation:
    """A type annotation, and the place whose value it describes, if there is a value."""

    node: ast.expr
    name: str
    place: Place | None
    scope: Scope


@dataclass
class Structure:
    """The result of the survey of one file."""

    module: Scope
    places: list[Place] = field(default_factory=list)
    settings: dict[ast.stmt, Setting] = field(default_factory=dict)
    calls: dict[ast.Call, Setting] = field(default_factory=dict)
    annotations: list[Annotation] = field(default_factory=list)
    scopes: dict[ast.AST, Scope] = field(default_factory=dict)
    formatted: list[Span] = field(default_factory=list)  # f-strings: nothing in them can be replaced

    def after(self, statement: ast.stmt) -> ast.stmt | None:
        """Return the next statement of the same block."""
        setting = self.settings[statement]
        following = setting.block[setting.index + 1 : setting.index + 2]
        return following[0] if following else None

    def scope_at(self, offset: int, file: SourceFile) -> Scope:
        """Return the innermost scope of a module, class or function around an offset."""
        around = [n for n in self.scopes if not isinstance(n, ast.Module) and file.span(n).start <= offset]
        inside = [n for n in around if offset <= file.span(n).end]
        return self.scopes[max(inside, key=lambda n: file.span(n).start)] if inside else self.module

    def in_formatted(self, span: Span) -> bool:
        """Tell whether a span lies in an f-string, where positions and quotes are not the file's."""
        return any(outer.holds(span) for outer in self.formatted)


def survey(file: SourceFile, tree: ast.Module) -> Structure:
    """Return what the tree of a file says about its places."""
    path = file.path.parent if file.path.stem == "__init__" else file.path
    module = Scope("module", path.stem, None)
    structure = Structure(module)
    structure.scopes[tree] = module
    _Surveyor(file, structure).block(tree.body, module, ())
    return structure


def describes(call: ast.expr, place: Place) -> bool:
    """Tell whether the value of a place is a call that describes it, and has its default inside."""
    if place.value is not call:
        return False
    if place.kind == "parameter":
        return is_typer_option(call, place.scope)
    is_whole = isinstance(place.statement, ast.AnnAssign) and place.statement.value is call
    return place.scope.kind == "class" and is_whole and is_field(call)


class _Surveyor:
    """Walk a tree with its scopes, branches and containers in hand."""

    def __init__(self, file: SourceFile, structure: Structure) -> None:
        self.file = file
        self.found = structure
        self.statement: ast.stmt = ast.Pass()
        self.place: Place | None = None

    # -- statements

    def block(self, body: Sequence[ast.stmt], scope: Scope, branches: Branches) -> None:
        for index, statement in enumerate(body):
            self.found.settings[statement] = Setting(scope, branches, body, index)
            outer, self.statement = self.statement, statement
            self.visit_statement(statement, scope, branches)
            self.statement = outer

    def visit_statement(self, node: ast.stmt, scope: Scope, branches: Branches) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self.function(node, scope, branches)
            case ast.ClassDef():
                self.class_(node, scope, branches)
            case ast.If():
                self.expression(node.test, scope, branches)
                self.block(node.body, scope, (*branches, Branch(node.test, True, scope)))
                self.block(node.orelse, scope, (*branches, Branch(node.test, False, scope)))
            case ast.Match():
                self.match(node, scope, branches)
            case ast.Assign(targets=[target], value=value):
                self.assignment(node, target, value, scope, branches)
            case ast.AnnAssign(target=target, value=value):
                place = None
                if value is not None:
                    place = self.assignment(node, target, value, scope, branches)
                elif isinstance(target, ast.Name):
                    scope.bindings.setdefault(target.id, [])  # declared, not bound
                self.expression(node.annotation, scope, branches)
                self.annotation(node.annotation, ast.unparse(target), place, scope)
            case ast.Import() | ast.ImportFrom():
                self.imports(node, scope)
            case ast.Global() | ast.Nonlocal():
                pass  # read ahead, by `declare`
            case _:
                self.children(node, scope, branches)

    def imports(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        for alias in node.names:
            if alias.name == "*" and isinstance(node, ast.ImportFrom):
                scope.module.star_imports.append(node)
            else:
                scope.bind(alias.asname or alias.name.partition(".")[0], node)

    def assignment(
        self, node: ast.stmt, target: ast.expr, value: ast.expr, scope: Scope, branches: Branches
    ) -> Place | None:
        if isinstance(target, ast.Name) and isinstance(value, ast.Constant) and value.value is None:
            target.is_none = True  # type: ignore[attr-defined]
        self.expression(target, scope, branches)
        text = dotted(target)
        if text is None:
            self.expression(value, scope, branches)
            return None
        name = text.rpartition(".")[2]
        return self.named("assignment", name, text, self.file.span(node), value, (), scope, branches)

    def match(self, node: ast.Match, scope: Scope, branches: Branches) -> None:
        self.expression(node.subject, scope, branches)
        for i, case in enumerate(node.cases):
            taken = (*branches, Branch(node.subject, True, scope, tuple(node.cases[: i + 1])))
            self.expression(case.pattern, scope, taken)
            if case.guard is not None:
                self.expression(case.guard, scope, taken)
                taken = (*taken, Branch(case.guard, True, scope))
            self.block(case.body, scope, taken)

    def function(self, node: FunctionNode, scope: Scope, branches: Branches) -> None:
        scope.bind(node.name, node)
        for decorator in node.decorator_list:
            self.expression(decorator, scope, branches)
        inner = self.found.scopes[node] = Scope("function", node.name, scope)
        declare(node.body, inner)
        self.parameters(node.args, scope, inner, branches)
        if node.returns is not None:
            self.expression(node.returns, scope, branches)
            self.annotation(node.returns, f"the result of {node.name}", None, scope)
        self.block(node.body, inner, branches)

    def parameters(self, args: ast.arguments, scope: Scope, inner: Scope, branches: Branches) -> None:
        positional = [*args.posonlyargs, *args.args]
        defaults: list[ast.expr | None] = [None] * (len(positional) - len(args.defaults))
        pairs = [
            *zip(positional, [*defaults, *args.defaults], strict=True),
            *zip(args.kwonlyargs, args.kw_defaults, strict=True),
        ]
        for argument, default in pairs:
            place = None
            name = argument.arg
            if default is not None:
                span = self.file.span_between(argument, default)
                place = self.named(
                    "parameter", name, name, span, default, (), scope, branches, home=inner
                )  # fmt: skip
            self.parameter(argument, place, scope, inner, branches)
        for extra in (args.vararg, args.kwarg):
            if extra is not None:
                self.parameter(extra, None, scope, inner, branches)

    def parameter(
        self, node: ast.arg, place: Place | None, scope: Scope, inner: Scope, branches: Branches
    ) -> None:
        inner.bind(node.arg, node)
        if node.annotation is not None:
            self.expression(node.annotation, scope, branches)
            self.annotation(node.annotation, node.arg, place, scope)

    def annotation(self, node: ast.expr, name: str, place: Place | None, scope: Scope) -> None:
        self.found.annotations.append(Annotation(node, name, place, scope))

    def class_(self, node: ast.ClassDef, scope: Scope, branches: Branches) -> None:
        scope.bind(node.name, node)
        for expression in (*node.decorator_list, *node.bases):
            self.expression(expression, scope, branches)
        for keyword in node.keywords:
            self.keyword(keyword, (node.name,), scope, branches)
        inner = self.found.scopes[node] = Scope("class", node.name, scope)
        declare(node.body, inner)
        self.block(node.body, inner, branches)

    # -- expressions

    def children(self, node: ast.AST, scope: Scope, branches: Branches, owners: tuple[str, ...] = ()) -> None:
        for name, value in ast.iter_fields(node):
            if name in ("body", "orelse", "finalbody") and isinstance(node, ast.stmt | ast.ExceptHandler):
                self.block(value, scope, branches)
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    self.expression(child, scope, branches, owners)

    def expression(
        self, node: ast.AST, scope: Scope, branches: Branches, owners: tuple[str, ...] = ()
    ) -> None:
        match node:
            case ast.Name(ctx=ast.Store() | ast.Del()):
                scope.bind(node.id, node)
            case ast.ExceptHandler(name=str(name)):
                scope.bind(name, node)
                self.children(node, scope, branches)
            case (
                ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name))
            ):
                scope.bind(name, node)
                self.children(node, scope, branches)
            case ast.Call():
                self.call(node, scope, branches, owners)
            case ast.Dict():
                self.dictionary(node, scope, branches, owners)
            case ast.NamedExpr():
                self.walrus(node, scope, branches, owners)
            case ast.Lambda():
                inner = Scope("lambda", "lambda", scope)
                self.parameters(node.args, scope, inner, branches)
                self.expression(node.body, inner, branches, owners)
            case ast.IfExp():
                self.expression(node.test, scope, branches)
                self.expression(node.body, scope, (*branches, Branch(node.test, True, scope)), owners)
                self.expression(node.orelse, scope, (*branches, Branch(node.test, False, scope)), owners)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                inner = Scope("comprehension", "comprehension", scope)
                for generator in node.generators:
                    self.expression(generator, inner, branches)
                for part in ("elt", "key", "value"):
                    if hasattr(node, part):
                        self.expression(getattr(node, part), inner, branches, owners)
            case ast.JoinedStr():
                self.found.formatted.append(self.file.span(node))
                self.children(node, scope, branches)
            case _:
                self.children(node, scope, branches, owners)

    def call(self, node: ast.Call, scope: Scope, branches: Branches, owners: tuple[str, ...]) -> None:
        self.found.calls[node] = Setting(
            scope, branches, self.found.settings[self.statement].block, 0, self.place
        )
        self.expression(node.func, scope, branches)
        named = self.place is not None and self.place.value is node
        callee = dotted(node.func)
        inside = owners if named or callee is None else (*owners, callee.rpartition(".")[2])
        option = command_line_option(node)
        inside += () if option is None else (option,)
        for argument in node.args:
            self.expression(argument, scope, branches, inside)
            span = self.file.span(argument)
            self.found.places.append(
                Place("positional", "", "", span, argument, inside, scope, branches, self.statement)
            )
        for keyword in node.keywords:
            if keyword.arg == "default" and self.place is not None and describes(node, self.place):
                at = self.place
                self.keyword(keyword, at.owners, scope, branches, name=at.name, home=at.scope)
            elif keyword.arg == "default" and option is not None:
                parser = (callee or "").rpartition(".")[0].rpartition(".")[2]
                above = (*owners, parser) if parser else owners
                self.keyword(keyword, above, scope, branches, name=option)
            else:
                self.keyword(keyword, inside, scope, branches)

    def keyword(
        self,
        node: ast.keyword,
        owners: tuple[str, ...],
        scope: Scope,
        branches: Branches,
        *,
        name: str | None = None,
        home: Scope | None = None,
    ) -> None:
        """Note a keyword argument; `name` is what its value is called, where that is not the keyword."""
        if node.arg is None:
            self.expression(node.value, scope, branches, owners)
        else:
            span = self.file.span(node)
            self.named(
                "keyword", name or node.arg, node.arg, span, node.value, owners, scope, branches, home=home
            )  # fmt: skip

    def dictionary(self, node: ast.Dict, scope: Scope, branches: Branches, owners: tuple[str, ...]) -> None:
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                span = self.file.span_between(key, value)
                self.named("entry", key.value, key.value, span, value, owners, scope, branches)
                continue
            if key is not None:
                self.expression(key, scope, branches)
            self.expression(value, scope, branches, owners)

    def walrus(self, node: ast.NamedExpr, scope: Scope, branches: Branches, owners: tuple[str, ...]) -> None:
        home = scope
        while home.kind == "comprehension" and home.parent is not None:
            home = home.parent
        home.bind(node.target.id, node)
        name, span = node.target.id, self.file.span(node)
        self.named("assignment", name, name, span, node.value, owners, scope, branches, home=home)

    def named(
        self,
        kind: PlaceKind,
        name: str,
        target: str,
        span: Span,
        value: ast.expr,
        owners: tuple[str, ...],
        scope: Scope,
        branches: Branches,
        *,
        home: Scope | None = None,
    ) -> Place:
        """Note a named place, and go on inside its value; `home` is where its name belongs."""
        place = Place(kind, name, target, span, value, owners, home or scope, branches, self.statement)
        self.found.places.append(place)
        outer, self.place = self.place, place
        self.expression(value, scope, branches, (*owners, name))
        self.place = outer
        return place
