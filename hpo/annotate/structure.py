"""What a file's syntax tree says about its places: scopes, statements, named places, the tests around them.

One pass over the tree collects everything that marks, names and conditions ask for later. Nothing is
changed and nothing is evaluated.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from hpo.annotate.source import SourceFile, Span

__all__ = ["Place", "Scope", "Structure", "Test", "dotted", "survey"]

PlaceKind = Literal["assignment", "keyword", "entry", "parameter", "positional", "call"]
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(eq=False)
class Scope:
    """A module, class, function, lambda or comprehension, and the names that are bound in it."""

    kind: Literal["module", "class", "function", "lambda", "comprehension"]
    name: str
    parent: Scope | None
    bindings: dict[str, list[ast.AST]] = field(default_factory=dict)
    outer: dict[str, str] = field(default_factory=dict)  # names declared `global` or `nonlocal` here

    def bind(self, name: str, node: ast.AST) -> None:
        """Note that a node binds a name in this scope, or in the one that a declaration sends it to."""
        self.owner_of(name).bindings.setdefault(name, []).append(node)

    def owner_of(self, name: str) -> Scope:
        """Return the scope in which a binding made here takes effect."""
        declared = self.outer.get(name)
        if declared == "global":
            return self.module
        scope = self.parent
        while declared == "nonlocal" and scope is not None:
            if scope.kind in ("function", "lambda") and name not in scope.outer:
                return scope
            scope = scope.parent
        return self

    @property
    def module(self) -> Scope:
        """The outermost scope."""
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope

    def lookup(self, name: str) -> Scope | None:
        """Return the scope that a name read here is found in; None for builtins and star imports."""
        scope: Scope | None = self.owner_of(name)
        own = True
        while scope is not None:
            if name in scope.bindings and (own or scope.kind != "class"):
                return scope
            # A comprehension in a class body sees the class's names in its first iterable only.
            own, scope = False, scope.parent
        return None

    def enclosing(self, kind: str) -> Scope | None:
        """Return the innermost scope of a kind, this one included."""
        scope: Scope | None = self
        while scope is not None and scope.kind != kind:
            scope = scope.parent
        return scope


@dataclass(frozen=True, eq=False)
class Test:
    """One branch that had to be taken to get here: an `if` (or its `else`), or a `case` of a `match`.

    Attributes:
        node: the condition, or the subject of a `match`.
        holds: whether the condition held.
        scope: where it is evaluated.
        cases: for a `match`, the cases up to this one; the last was taken, the others were not.
    """

    node: ast.expr
    holds: bool
    scope: Scope
    cases: tuple[ast.match_case, ...] = ()


@dataclass(frozen=True, eq=False)
class Place:
    """A place in the source that a mark can mean.

    Attributes:
        kind: what it is.
        name: the name that the value goes by there: a variable, an attribute, a keyword, a key, a parameter.
        target: the target as written (`self.act`), which a long form repeats.
        span: from the target to the end of the value.
        value: the expression that a trial's value replaces.
        owners: what contains it inside its statement, outermost first (`m1` in ``m1 = SVC(C=1)``).
        scope: where the name belongs.
        tests: the branches around it, outermost first.
        statement: the statement that it stands in.
    """

    kind: PlaceKind
    name: str
    target: str
    span: Span
    value: ast.expr
    owners: tuple[str, ...]
    scope: Scope
    tests: tuple[Test, ...]
    statement: ast.stmt


@dataclass(frozen=True, eq=False)
class Setting:
    """Where a statement stands: its block, its position in it, its scope and the branches around it."""

    block: Sequence[ast.stmt]
    index: int
    scope: Scope
    tests: tuple[Test, ...]


@dataclass
class Structure:
    """The result of the survey of one file."""

    module: Scope
    places: list[Place] = field(default_factory=list)
    settings: dict[ast.stmt, Setting] = field(default_factory=dict)
    calls: list[tuple[ast.Call, Scope, tuple[Test, ...], Place | None, ast.stmt]] = field(
        default_factory=list
    )
    annotations: list[tuple[ast.expr, Place | None, Scope, ast.AST]] = field(default_factory=list)
    scopes: dict[ast.AST, Scope] = field(default_factory=dict)
    star_imports: list[str] = field(default_factory=list)
    formatted: list[Span] = field(default_factory=list)

    def after(self, statement: ast.stmt) -> ast.stmt | None:
        """Return the next statement of the same block."""
        setting = self.settings[statement]
        following = setting.block[setting.index + 1 : setting.index + 2]
        return following[0] if following else None


def dotted(node: ast.expr) -> str | None:
    """Return the text of a name or of attributes of one (`self.act`), or None for any other expression."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return None if base is None else f"{base}.{node.attr}"
    return None


def survey(file: SourceFile, tree: ast.Module) -> Structure:
    """Return what the tree of a file says about its places."""
    module = Scope("module", file.path.stem, None)
    structure = Structure(module)
    structure.scopes[tree] = module
    _Surveyor(file, structure).block(tree.body, module, ())
    return structure


Tests = tuple[Test, ...]


class _Surveyor:
    """Walk a tree with its scopes, branches and containers in hand."""

    def __init__(self, file: SourceFile, structure: Structure) -> None:
        self.file = file
        self.found = structure
        self.statement: ast.stmt = ast.Pass()
        self.place: Place | None = None

    # -- statements

    def block(self, body: Sequence[ast.stmt], scope: Scope, tests: Tests) -> None:
        for index, statement in enumerate(body):
            self.found.settings[statement] = Setting(body, index, scope, tests)
            outer, self.statement = self.statement, statement
            self.visit_statement(statement, scope, tests)
            self.statement = outer

    def visit_statement(self, node: ast.stmt, scope: Scope, tests: Tests) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self.function(node, scope, tests)
            case ast.ClassDef():
                self.class_(node, scope, tests)
            case ast.If():
                self.expression(node.test, scope, tests)
                self.block(node.body, scope, (*tests, Test(node.test, True, scope)))
                self.block(node.orelse, scope, (*tests, Test(node.test, False, scope)))
            case ast.Match():
                self.match(node, scope, tests)
            case ast.Assign(targets=[target], value=value):
                self.assignment(node, target, value, scope, tests)
            case ast.AnnAssign(target=target, value=value):
                place = self.assignment(node, target, value, scope, tests) if value is not None else None
                self.expression(node.annotation, scope, tests)
                self.found.annotations.append((node.annotation, place, scope, node))
            case ast.Import() | ast.ImportFrom():
                self.imports(node, scope)
            case ast.Global() | ast.Nonlocal():
                pass  # read ahead, by `_declarations`
            case _:
                self.children(node, scope, tests)

    def imports(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        for alias in node.names:
            if alias.name == "*":
                self.found.star_imports.append(getattr(node, "module", None) or "")
            else:
                scope.bind(alias.asname or alias.name.partition(".")[0], node)

    def assignment(
        self, node: ast.stmt, target: ast.expr, value: ast.expr, scope: Scope, tests: Tests
    ) -> Place | None:
        self.expression(target, scope, tests)
        text = dotted(target)
        if text is None:
            self.expression(value, scope, tests)
            return None
        span = self.file.span(node)
        name = text.rpartition(".")[2]
        return self.named("assignment", name, text, span, value, (), scope, tests, scope)

    def match(self, node: ast.Match, scope: Scope, tests: Tests) -> None:
        self.expression(node.subject, scope, tests)
        for i, case in enumerate(node.cases):
            taken = (*tests, Test(node.subject, True, scope, tuple(node.cases[: i + 1])))
            self.expression(case.pattern, scope, taken)
            if case.guard is not None:
                self.expression(case.guard, scope, taken)
                taken = (*taken, Test(case.guard, True, scope))
            self.block(case.body, scope, taken)

    def function(self, node: FunctionNode, scope: Scope, tests: Tests) -> None:
        scope.bind(node.name, node)
        for decorator in node.decorator_list:
            self.expression(decorator, scope, tests)
        inner = self.found.scopes[node] = Scope("function", node.name, scope)
        _declarations(node.body, inner)
        self.parameters(node.args, scope, inner, tests)
        if node.returns is not None:
            self.expression(node.returns, scope, tests)
        self.block(node.body, inner, tests)

    def parameters(self, args: ast.arguments, scope: Scope, inner: Scope, tests: Tests) -> None:
        positional = [*args.posonlyargs, *args.args]
        defaults: list[ast.expr | None] = [None] * (len(positional) - len(args.defaults))
        pairs = [
            *zip(positional, [*defaults, *args.defaults], strict=True),
            *zip(args.kwonlyargs, args.kw_defaults, strict=True),
        ]
        for argument, default in pairs:
            place = None
            inner.bind(argument.arg, argument)
            if default is not None:
                span = Span(self.file.span(argument).start, self.file.span(default).end)
                place = self.named(
                    "parameter", argument.arg, argument.arg, span, default, (), scope, tests, inner
                )
            if argument.annotation is not None:
                self.expression(argument.annotation, scope, tests)
                self.found.annotations.append((argument.annotation, place, scope, argument))
        for extra in (args.vararg, args.kwarg):
            if extra is not None:
                inner.bind(extra.arg, extra)
                if extra.annotation is not None:
                    self.expression(extra.annotation, scope, tests)

    def class_(self, node: ast.ClassDef, scope: Scope, tests: Tests) -> None:
        scope.bind(node.name, node)
        for expression in (*node.decorator_list, *node.bases):
            self.expression(expression, scope, tests)
        for keyword in node.keywords:
            self.keyword(keyword, (node.name,), scope, tests)
        inner = self.found.scopes[node] = Scope("class", node.name, scope)
        _declarations(node.body, inner)
        self.block(node.body, inner, tests)

    # -- expressions

    def children(self, node: ast.AST, scope: Scope, tests: Tests, owners: tuple[str, ...] = ()) -> None:
        for name, value in ast.iter_fields(node):
            if name in ("body", "orelse", "finalbody") and isinstance(node, ast.stmt | ast.ExceptHandler):
                self.block(value, scope, tests)
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    self.expression(child, scope, tests, owners)

    def expression(self, node: ast.AST, scope: Scope, tests: Tests, owners: tuple[str, ...] = ()) -> None:
        match node:
            case ast.Name(ctx=ast.Store() | ast.Del()):
                scope.bind(node.id, node)
            case ast.ExceptHandler():
                if node.name:
                    scope.bind(node.name, node)
                self.children(node, scope, tests)
            case (
                ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name))
            ):
                scope.bind(name, node)
                self.children(node, scope, tests)
            case ast.Call():
                self.call(node, scope, tests, owners)
            case ast.Dict():
                self.dictionary(node, scope, tests, owners)
            case ast.NamedExpr():
                self.walrus(node, scope, tests, owners)
            case ast.Lambda():
                inner = Scope("lambda", "lambda", scope)
                self.parameters(node.args, scope, inner, tests)
                self.expression(node.body, inner, tests, owners)
            case ast.IfExp():
                self.expression(node.test, scope, tests)
                self.expression(node.body, scope, (*tests, Test(node.test, True, scope)), owners)
                self.expression(node.orelse, scope, (*tests, Test(node.test, False, scope)), owners)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                inner = Scope("comprehension", "comprehension", scope)
                for generator in node.generators:
                    self.expression(generator, inner, tests)
                for part in ("elt", "key", "value"):
                    if hasattr(node, part):
                        self.expression(getattr(node, part), inner, tests, owners)
            case ast.JoinedStr():
                # Positions inside f-strings are those of the file only since Python 3.12.
                self.found.formatted.append(self.file.span(node))
                self.children(node, scope, tests)
            case _:
                self.children(node, scope, tests, owners)

    def call(self, node: ast.Call, scope: Scope, tests: Tests, owners: tuple[str, ...]) -> None:
        self.found.calls.append((node, scope, tests, self.place, self.statement))
        self.expression(node.func, scope, tests)
        named = self.place is not None and self.place.value is node
        callee = dotted(node.func)
        inside = owners if named or callee is None else (*owners, callee.rpartition(".")[2])
        for argument in node.args:
            self.expression(argument, scope, tests, inside)
            span = self.file.span(argument)
            self.found.places.append(
                Place("positional", "", "", span, argument, inside, scope, tests, self.statement)
            )
        for keyword in node.keywords:
            self.keyword(keyword, inside, scope, tests)

    def keyword(self, node: ast.keyword, owners: tuple[str, ...], scope: Scope, tests: Tests) -> None:
        if node.arg is None:
            self.expression(node.value, scope, tests, owners)
        else:
            span = self.file.span(node)
            self.named("keyword", node.arg, node.arg, span, node.value, owners, scope, tests, scope)

    def dictionary(self, node: ast.Dict, scope: Scope, tests: Tests, owners: tuple[str, ...]) -> None:
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                span = Span(self.file.span(key).start, self.file.span(value).end)
                self.named("entry", key.value, key.value, span, value, owners, scope, tests, scope)
                continue
            if key is not None:
                self.expression(key, scope, tests)
            self.expression(value, scope, tests, owners)

    def walrus(self, node: ast.NamedExpr, scope: Scope, tests: Tests, owners: tuple[str, ...]) -> None:
        owner = scope
        while owner.kind == "comprehension" and owner.parent is not None:
            owner = owner.parent
        owner.bind(node.target.id, node)
        name, span = node.target.id, self.file.span(node)
        self.named("assignment", name, name, span, node.value, owners, scope, tests, owner)

    def named(
        self,
        kind: PlaceKind,
        name: str,
        target: str,
        span: Span,
        value: ast.expr,
        owners: tuple[str, ...],
        scope: Scope,
        tests: Tests,
        home: Scope,
    ) -> Place:
        """Note a named place, and go on inside its value; `home` is where its name belongs."""
        place = Place(kind, name, target, span, value, owners, home, tests, self.statement)
        self.found.places.append(place)
        outer, self.place = self.place, place
        self.expression(value, scope, tests, (*owners, name))
        self.place = outer
        return place


def _declarations(body: Sequence[ast.stmt], scope: Scope) -> None:
    """Note the `global` and `nonlocal` names of a body, wherever in it they are declared."""
    for node in _own_statements(body):
        if isinstance(node, ast.Global | ast.Nonlocal):
            kind = "global" if isinstance(node, ast.Global) else "nonlocal"
            scope.outer.update(dict.fromkeys(node.names, kind))


def _own_statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, FunctionNode | ast.ClassDef):
            waiting += [n for n in ast.iter_child_nodes(node) if isinstance(n, ast.stmt)]
            for handler in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
                waiting += handler.body
