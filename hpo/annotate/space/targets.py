"""What each mark means: the place whose value it is about."""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hpo.annotate.marks.grammar import Domain, shape
from hpo.annotate.marks.mark import Claim, Mark
from hpo.annotate.reading.concrete import first_line
from hpo.annotate.reading.scopes import FunctionNode
from hpo.annotate.reading.source import SourceFile, Span, brief
from hpo.annotate.reading.structure import Place, Structure
from hpo.annotate.space.signatures import implementation, inner_default, names, parameters
from hpo.errors import Diagnostic, Severity
from hpo.expressions import dotted

__all__ = ["Target", "find_targets", "statement_of"]

_ABOVE = "put it right above an assignment to a name, such as lr = 0.01"
_KINDS = {
    ast.Import: "an import", ast.ImportFrom: "an import", ast.AugAssign: "an augmented assignment",
    ast.For: "a loop", ast.While: "a loop", ast.Return: "a return", ast.FunctionDef: "a function",
    ast.AsyncFunctionDef: "a function", ast.ClassDef: "a class", ast.If: "an if", ast.Expr: "an expression",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Target:
    """A marked place.

    Attributes:
        file: where it is.
        mark: what marks it.
        domain: its domain.
        place: the place.
        value: the expression that a trial's value replaces: the place's, or the default in its `field(...)`.
    """

    file: SourceFile
    mark: Mark
    domain: Domain
    place: Place
    value: ast.expr

    @property
    def span(self) -> Span:
        """The span of the value."""
        return self.file.span(self.value)

    @property
    def own(self) -> ast.expr | None:
        """The source's own value; of an inline call its default, None where it has none."""
        if self.mark.layers:
            return None
        return self.domain.default if self.mark.spelling == "inline" else self.value

    @property
    def name(self) -> str:
        """What it is called where no namesake is near."""
        return self.domain.label or self.place.name

    @property
    def written(self) -> str:
        """Its domain as messages quote it."""
        return brief(self.file.segment(self.domain.span))

    def diagnostic(
        self, code: str, message: str, help_: str, related: Iterable[tuple[Target, str]] = ()
    ) -> Diagnostic:
        """Return an error about the domain in the mark."""
        others = [(t.file, t.domain.span, text) for t, text in related]
        return self.file.diagnostic(code, message, self.domain.span, help=help_, related=others)


def find_targets(
    file: SourceFile, structure: Structure, marks: list[Mark], found: list[Diagnostic]
) -> list[Target]:
    """Return the places that marks mean, in their order; those that mean none go to `found`."""
    finder = _Finder(file, structure, marks, found)
    targets = [target for mark in marks for target in finder.of(mark)]
    return finder.once_each(sorted(targets, key=lambda t: (t.span, t.mark.span)))


def statement_of(file: SourceFile, structure: Structure, mark: Mark) -> ast.stmt | None:
    """Return the statement that a mark without a value means: the next one, or the one on its line."""
    finder = _Finder(file, structure, [], [])
    if mark.spelling == "string":
        return None if mark.statement is None else structure.after(mark.statement)
    if mark.alone:
        return finder.statement_below(mark)
    line = file.line_of(mark.span.start)
    return next((s for s in reversed(finder.firsts) if s.lineno <= line), None)


class _Finder:
    def __init__(
        self, file: SourceFile, structure: Structure, marks: list[Mark], found: list[Diagnostic]
    ) -> None:
        self.file, self.structure, self.found = file, structure, found
        self.strings = {m.statement for m in marks if m.spelling == "string"}
        self.by_line: dict[int, list[Place]] = {}
        for place in structure.places:
            if place.kind != "call" and not structure.in_formatted(place.span):
                self.by_line.setdefault(file.line_of(place.span.end), []).append(place)
        self.firsts = sorted(structure.settings, key=lambda s: (first_line(s), s.col_offset))
        self.lines = [first_line(statement) for statement in self.firsts]
        self.assigned = {
            p.value: p for p in structure.places if getattr(p.statement, "value", None) is p.value
        }

    def of(self, mark: Mark) -> Iterator[Target]:
        if mark.spelling == "decorator":
            yield from self._decorated(mark)
        elif mark.spelling in ("annotated", "inline"):
            for claim in mark.claims:
                assert claim.place is not None
                yield from self._target(mark, claim, claim.place)
        elif mark.layers:
            yield from self._layers(mark)
        elif mark.report is not None or mark.test is not None or mark.loop:
            return
        elif mark.spelling == "string":
            assert mark.statement is not None
            yield from self._above(mark, self.structure.after(mark.statement))
        elif mark.alone:
            yield from self._above(mark, self.statement_below(mark))
        else:
            yield from self._on_line(mark)

    def once_each(self, targets: list[Target]) -> list[Target]:
        """Refuse two marks of one place: the later would win in silence."""
        kept: dict[object, Target] = {}
        for target in targets:
            first = kept.setdefault((target.span, target.name if target.mark.layers else None), target)
            if first is not target:
                upper, lower = sorted((first, target), key=lambda t: t.mark.span)
                related = [(lower, "the other mark")]
                self.found.append(
                    upper.diagnostic("HPO222", "two marks mean this value", "keep one of them", related)
                )
        return list(kept.values())

    def _wrong(
        self, code: str, message: str, span: Span, help_: str, related: Span | None = None, *,
        warning: bool = False,
    ) -> None:  # fmt: skip
        places = [(self.file, related, "this is what follows")] if related is not None else []
        severity: Severity = "warning" if warning else "error"
        self.found.append(
            self.file.diagnostic(code, message, span, help=help_, severity=severity, related=places)
        )

    def _target(self, mark: Mark, claim: Claim, place: Place) -> Iterator[Target]:
        value = self._inner_default(place, claim.domain) if mark.spelling != "inline" else place.value
        if value is not None:
            yield Target(self.file, mark, claim.domain, place, value)

    def _inner_default(self, place: Place, domain: Domain) -> ast.expr | None:
        """Return the default in a place's `field(default=...)`, or the value itself; without one, say so."""
        value = inner_default(place)
        if value is None:
            assert isinstance(place.value, ast.Call)
            message = f"{place.name} has no default that could be replaced"
            help_ = f"write {self.file.segment(self.file.span(place.value.func))}(default=VALUE)"
            self._wrong("HPO227", message, domain.span, help_, self.file.span(place.value))
        return value

    def _layers(self, mark: Mark) -> Iterator[Target]:
        """Yield the choices of NNI's layers; their place is the mark itself."""
        assert isinstance(mark.statement, ast.Expr)
        setting = self.structure.settings[mark.statement]
        for layer in mark.layers:
            for what, domain in (("layer_choice", layer.layer), ("optional_inputs", layer.inputs)):
                if domain is not None:
                    name = f"{layer.output}.{what}"
                    place = Place(
                        "call", name, name, domain.span, mark.statement.value, (), setting.scope,
                        setting.branches, mark.statement,
                    )  # fmt: skip
                    yield Target(self.file, mark, domain, place, mark.statement.value)

    # -- above a statement

    def statement_below(self, mark: Mark) -> ast.stmt | None:
        """Return the statement below a comment: blank and comment lines may stand between, at its depth."""
        line, column = self.file.position(mark.span.start)
        at = bisect_right(self.lines, line)
        if at == len(self.firsts):
            return None
        below = self.firsts[at]
        between = self.file.lines[line : first_line(below) - 1]
        blank = all(not text.strip() or text.strip().startswith("#") for text in between)
        margin = self.file.lines[line - 1][: column - 1]
        return below if blank and self._before(below) == margin else None

    def _before(self, statement: ast.stmt) -> str:
        """Return what stands before a statement on its first line: blanks, or `else:`, or more."""
        line = first_line(statement)
        if line < statement.lineno:  # a decorator, whose `@` is not in its span
            return self.file.lines[line - 1].partition("@")[0]
        return self.file.segment(Span(self.file.line_start(line), self.file.span(statement).start))

    def _above(self, mark: Mark, statement: ast.stmt | None) -> Iterator[Target]:
        (claim,) = mark.claims[:1]
        span = claim.domain.span
        if len(mark.claims) > 1:
            message = "a mark above a statement means one value"
            self._wrong("HPO225", message, mark.claims[1].domain.span, "put it at the end of the line")
        elif statement is None:
            self._wrong("HPO221", "this mark has no target: no statement follows it here", span, _ABOVE)
        elif statement in self.strings:
            below = self.file.span(statement)
            self._wrong("HPO222", "this mark stands above another mark", span, "a value takes one", below)
        elif claim.domain.kind == "function_choice":
            yield from self._calls(mark, claim, statement)
        else:
            yield from self._assigned(mark, claim, statement)

    def _assigned(self, mark: Mark, claim: Claim, statement: ast.stmt) -> Iterator[Target]:
        domain = claim.domain
        place = self._place_of(statement)
        if place is None and mark.dialect == "nni":
            place = self._odd_place(statement, domain)
        if place is None:
            what = self._what(statement)
            message = f"this mark has no target: what follows is {what}"
            self._wrong("HPO221", message, domain.span, _ABOVE, self.file.span(statement))
            return
        wanted = domain.target or ((claim.name, domain.span) if claim.name else None)
        if wanted is not None and _normal(wanted[0]) not in (_normal(place.target), place.name):
            text, at = wanted
            message = f"name={text}, and the next statement assigns {place.target}"
            related = self.file.span(statement)
            self._wrong("HPO223", message, at, f"write name={place.target}", related)
            return
        yield from self._target(mark, claim, place)

    def _place_of(self, statement: ast.stmt) -> Place | None:
        if not isinstance(statement, ast.Assign | ast.AnnAssign) or statement.value is None:
            return None
        return self.assigned.get(statement.value)

    def _odd_place(self, statement: ast.stmt, domain: Domain) -> Place | None:
        """Return what NNI accepted besides: a subscript or a tuple as the target."""
        match statement:
            case ast.Assign(targets=[ast.Subscript() | ast.Tuple() | ast.List() as target], value=value):
                name = self.file.segment(self.file.span(target))
                message = f"{name} is no name; NNI took it, and so it is taken here"
                self._wrong(
                    "HPO234", message, domain.span, "assign to a name, and go on from there", warning=True
                )
                setting = self.structure.settings[statement]
                span = self.file.span(statement)
                return Place(
                    "assignment", name, name, span, value, (), setting.scope, setting.branches, statement
                )
        return None

    def _what(self, statement: ast.stmt) -> str:
        match statement:
            case ast.Assign(targets=[_, _, *_]):
                return "a chained assignment"
            case ast.Assign(targets=[ast.Tuple() | ast.List()]):
                return "an assignment to several names"
            case ast.Assign(targets=[ast.Name() | ast.Attribute() as target]) if dotted(target):
                return "an assignment"
            case ast.Assign(targets=[ast.Attribute()]):
                return "an assignment to an attribute of what has no name"
            case ast.Assign():
                return "an assignment to an item, which has no name"
            case ast.AnnAssign():
                return "a declaration without a value"
            case ast.ImportFrom(module="__future__"):
                return "an import from __future__"
        name = type(statement).__name__.lower()
        return _KINDS.get(type(statement), f"a{'n' if name[0] in 'aeiou' else ''} {name} statement")

    def _calls(self, mark: Mark, claim: Claim, statement: ast.stmt) -> Iterator[Target]:
        """Yield the calls of a statement that are options of a function choice."""
        domain = claim.domain
        shapes = {option.shape for option in domain.options}
        fits = list(_outermost(statement, shapes))
        if not fits:
            message = "none of the options occurs in the next statement"
            help_ = "list the call that stands there among the options"
            related = self.file.span(statement)
            self._wrong("HPO224", message, domain.span, help_, related, warning=mark.dialect == "nni")
        formatted = (f for f in ast.walk(statement) if isinstance(f, ast.JoinedStr))
        if any(node in fits for f in formatted for node in ast.walk(f) if node is not f):
            message = "an option stands in an f-string, where it cannot be replaced"
            related = self.file.span(statement)
            self._wrong("HPO221", message, domain.span, "give its result a name before", related)
            return
        named = self._place_of(statement)
        if fits and domain.label is None and named is None:
            self._wrong("HPO228", "nothing here gives this choice a name", domain.span, "add name=...")
            return
        for node in fits:
            at = self.structure.calls.get(node) if isinstance(node, ast.Call) else None
            at = at or self.structure.settings[statement]
            name = named.name if named is not None else ""
            target = named.target if named is not None else ""
            place = Place(
                "call", name, target, self.file.span(node), node, (), at.scope, at.branches, statement
            )
            yield Target(self.file, mark, domain, place, node)

    # -- at the end of a line

    def _on_line(self, mark: Mark) -> Iterator[Target]:
        line = self.file.line_of(mark.span.start)
        places = self._places(line)
        candidates = [p for p in places if not any(q is not p and p.span.holds(q.span) for q in places)]
        for claim in mark.claims:
            domain, name = claim.domain, claim.name
            if domain.kind == "function_choice":
                message = "a function_choice stands above the statement with the call"
                self._wrong("HPO221", message, domain.span, "give it a line of its own above the statement")
                continue
            wanted = name if domain.target is None else domain.target[0]
            fits = candidates
            if wanted is not None:  # a place that holds others is meant by its name alone
                named = [p for p in places if _normal(wanted) in (p.name, _normal(p.target))]
                fits = [p for p in named if p in candidates] or named
            if wanted is None and not candidates and domain.label is not None:
                fits = self._positional(line)
            if len(fits) == 1:
                yield from self._target(mark, claim, fits[0])
            else:
                self._none_or_many(line, claim, wanted, candidates, fits)

    def _none_or_many(
        self, line: int, claim: Claim, wanted: str | None, candidates: list[Place], fits: list[Place]
    ) -> None:
        span = claim.domain.span
        names = ", ".join(map(_shown, candidates))
        if len(fits) > 1:
            listed = dict.fromkeys(p.name for p in fits)
            names = ", ".join(_shown(p) or brief(self.file.segment(p.span)) for p in fits)
            help_ = f"name the one that is meant, as in # hpo: {', '.join(f'{n}=...' for n in listed)}"
            if len(listed) < len(fits):
                help_ = "give each a line of its own"
            self._wrong("HPO225", f"the mark could mean any of these: {names}", span, help_)
        elif wanted is not None and candidates:
            code = "HPO223" if claim.domain.target else "HPO221"
            message = f"there is no {wanted} on this line; there is {names}"
            at = claim.domain.target[1] if claim.domain.target else span
            self._wrong(code, message, at, f"write {candidates[0].name}=... or leave the name out")
        else:
            statement = next((s for s in reversed(self.firsts) if s.lineno <= line), None)
            plain = isinstance(statement, ast.stmt) and (statement.end_lineno or 0) >= line
            what = f" ({self._what(statement)})" if statement is not None and plain else ""
            message = f"this mark has no target: no named value begins and ends on this line{what}"
            help_ = "put it at the end of the line of an assignment, a keyword argument or a dict entry"
            if statement is not None and plain and self._place_of(statement) is not None:
                help_ = "to mean the whole value, put it at the end of its last line, or above the statement"
            self._wrong("HPO221", message, span, help_)

    def _places(self, line: int) -> list[Place]:
        """Return the named places that begin and end on a line; if there is none, those that end there."""
        ending = [p for p in self.by_line.get(line, []) if p.kind != "positional"]
        return [p for p in ending if self.file.line_of(p.span.start) == line] or ending

    def _positional(self, line: int) -> list[Place]:
        places = [p for p in self.by_line.get(line, []) if p.kind == "positional"]
        within = [p for p in places if self.file.line_of(p.span.start) == line]
        return [p for p in within if not any(q is not p and p.span.holds(q.span) for q in within)]

    # -- decorators

    def _decorated(self, mark: Mark) -> Iterator[Target]:
        assert isinstance(mark.statement, FunctionNode | ast.ClassDef)
        node = implementation(mark.statement, self.structure)
        places = parameters(node, self.structure)
        for claim in mark.claims:
            assert claim.name is not None
            if claim.name in places:
                yield from self._target(mark, claim, places[claim.name])
            elif claim.name in names(node):
                message = f"{claim.name} of {node.name} has no default, and a mark needs today's value"
                self._wrong(
                    "HPO227", message, claim.domain.span, f"write {claim.name}=VALUE in the signature"
                )
            else:
                known = ", ".join(places) or "none"
                message = f"{node.name} has no parameter {claim.name}"
                self._wrong("HPO226", message, claim.domain.span, f"those with a default are: {known}")


def _shown(place: Place) -> str:
    """Return what a place is called where a comment could mean it."""
    return place.target if place.kind == "assignment" else place.name


def _outermost(node: ast.AST, shapes: set[str]) -> Iterator[ast.expr]:
    """Yield the expressions of some shapes that stand in no other of them."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr) and shape(child) in shapes:
            yield child
        else:
            yield from _outermost(child, shapes)


def _normal(target: str) -> str:
    """Return a target as Python would write it, so that white space and quotes do not matter."""
    try:
        return ast.unparse(ast.parse(target.strip(), mode="eval"))
    except (SyntaxError, ValueError):
        return target
