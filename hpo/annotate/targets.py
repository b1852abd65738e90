"""What each mark means: the place whose value it is about."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from hpo.annotate.marks import Domain, Mark
from hpo.annotate.source import SourceFile, Span
from hpo.annotate.structure import Place, Structure, dotted
from hpo.errors import Diagnostic

__all__ = ["Target", "find_targets"]


@dataclass(frozen=True, eq=False)
class Target:
    """A marked place.

    Attributes:
        file: where it is.
        mark: what marks it.
        domain: its domain.
        place: the named place; for a `function_choice`, the call.
        span: of the value that a trial replaces.
    """

    file: SourceFile
    mark: Mark
    domain: Domain
    place: Place
    span: Span

    @property
    def base_name(self) -> str:
        """The name that it goes by where no namesake is near."""
        return self.domain.label or self.place.name

    def error(self, code: str, message: str, help_: str) -> Diagnostic:
        """Return a diagnostic about the mark."""
        return self.file.diagnostic(code, message, self.mark.span, help=help_)


def find_targets(
    file: SourceFile, structure: Structure, marks: list[Mark], found: list[Diagnostic]
) -> list[Target]:
    """Return the places that marks mean; those that mean none go to `found`."""
    finder = _Finder(file, structure, marks, found)
    return [target for mark in marks for target in finder.of(mark)]


class _Finder:
    def __init__(
        self, file: SourceFile, structure: Structure, marks: list[Mark], found: list[Diagnostic]
    ) -> None:
        self.file, self.structure, self.found = file, structure, found
        self.mark_statements = {m.node for m in marks if m.spelling == "string"}

    def of(self, mark: Mark) -> Iterator[Target]:
        if mark.report is not None:
            return
        if mark.spelling == "decorator":
            yield from self._decorated(mark)
        elif mark.spelling == "string":
            assert mark.node is not None
            yield from self._above(mark, self.structure.after(mark.node))
        elif self._stands_alone(mark):
            yield from self._above(mark, self._statement_below(mark))
        else:
            yield from self._on_line(mark)

    def _wrong(self, mark: Mark, code: str, message: str, help_: str, span: Span | None = None) -> None:
        self.found.append(self.file.diagnostic(code, message, span or mark.span, help=help_))

    # -- above a statement

    def _stands_alone(self, mark: Mark) -> bool:
        line = self.file.line_of(mark.span.start)
        return not self.file.text[self.file.line_start(line) : mark.span.start].strip()

    def _statement_below(self, mark: Mark) -> ast.stmt | None:
        line = self.file.line_of(mark.span.start)
        below = [s for s in self.structure.settings if s.lineno > line]
        first = min(below, key=lambda s: (s.lineno, s.col_offset), default=None)
        # Between a mark and its target there are blank lines and comments, nothing else.
        between = self.file.lines[line : first.lineno - 1] if first is not None else []
        return first if all(not t.strip() or t.strip().startswith("#") for t in between) else None

    def _above(self, mark: Mark, statement: ast.stmt | None) -> Iterator[Target]:
        help_ = "put it right above an assignment to a name, such as lr = 0.01"
        if statement is None:
            self._wrong(mark, "HPO301", "this mark has no target: no statement follows it", help_)
            return
        if statement in self.mark_statements:
            self._wrong(mark, "HPO302", "this mark stands above another mark", "a statement takes one mark")
            return
        (_, domain, _), *_ = mark.domains
        if domain.is_function_choice:
            yield from self._calls(mark, domain, statement)
            return
        value = getattr(statement, "value", None)
        fits = [p for p in self.structure.places if p.kind == "assignment" and p.value is value]
        if not isinstance(statement, ast.Assign | ast.AnnAssign) or not fits:
            what = type(statement).__name__.lower()
            self._wrong(
                mark,
                "HPO301",
                f"this mark has no target: what follows is no plain assignment ({what})",
                help_,
            )
            return
        place = fits[0]
        if domain.target is not None and domain.target.replace(" ", "") != place.target:
            self._wrong(
                mark, "HPO303", f"name={domain.target}, and the next statement assigns {place.target}",
                f"write name={place.target}",
            )  # fmt: skip
            return
        yield self._target(mark, domain, place)

    def _calls(self, mark: Mark, domain: Domain, statement: ast.stmt) -> Iterator[Target]:
        """Yield the calls of a statement that are options of a function choice."""
        dumps = {ast.dump(ast.parse(option.source, mode="eval").body) for option in domain.options}
        fits = [n for n in ast.walk(statement) if isinstance(n, ast.Call) and ast.dump(n) in dumps]
        if not fits:
            self._wrong(
                mark, "HPO304", "none of the options occurs in the next statement",
                "list the call that stands there among the options",
            )  # fmt: skip
        setting = self.structure.settings[statement]
        for call in fits:
            name = (dotted(call.func) or "call").rpartition(".")[2]
            span = self.file.span(call)
            place = Place("call", name, name, span, call, (), setting.scope, setting.tests, statement)
            yield Target(self.file, mark, domain, place, span)

    # -- at the end of a line

    def _on_line(self, mark: Mark) -> Iterator[Target]:
        line = self.file.line_of(mark.span.start)
        candidates = self._candidates(line)
        for name, domain, _ in mark.domains:
            fits = [p for p in candidates if name is None or name in (p.name, p.target)]
            if name is None and not fits and domain.label is not None:
                fits = self._positional(line)
            if len(fits) == 1:
                yield self._target(mark, domain, fits[0])
            elif len(fits) > 1:
                names = ", ".join(f"{p.name}=..." for p in fits)
                self._wrong(mark, "HPO305", f"the mark could mean any of {', '.join(p.name for p in fits)}",
                            f"name them: # hpo: {names}")  # fmt: skip
            else:
                what = f"no value named {name}" if name else "no named value"
                self._wrong(
                    mark, "HPO301", f"there is {what} on this line", "mark an assignment or an argument"
                )

    def _candidates(self, line: int) -> list[Place]:
        """Return the innermost named places of a line; if there is none, the one that ends there."""
        named = [p for p in self.structure.places if p.kind not in ("positional", "call")]
        within = [p for p in named if self._lines(p) == (line, line)]
        innermost = [p for p in within if not any(q is not p and p.span.holds(q.span) for q in within)]
        if innermost:
            return innermost
        ending = [p for p in named if self._lines(p)[1] == line]
        return [max(ending, key=lambda p: p.span.start)] if ending else []

    def _positional(self, line: int) -> list[Place]:
        return [p for p in self.structure.places if p.kind == "positional" and self._lines(p) == (line, line)]

    def _lines(self, place: Place) -> tuple[int, int]:
        return self.file.line_of(place.span.start), self.file.line_of(place.span.end)

    # -- decorators

    def _decorated(self, mark: Mark) -> Iterator[Target]:
        assert mark.node is not None
        places = self._parameters(mark.node)
        for name, domain, span in mark.domains:
            if name in places:
                yield self._target(mark, domain, places[name])
                continue
            known = ", ".join(places) or "none"
            owner = getattr(mark.node, "name", "it")
            self._wrong(mark, "HPO306", f"{owner} has no parameter {name} with a default",
                        f"those with a default: {known}", span)  # fmt: skip

    def _parameters(self, node: ast.stmt) -> dict[str, Place]:
        """Return what a decorator can mark: a function's parameters, a class's fields or `__init__`'s."""
        scope = self.structure.scopes[node]
        places = [p for p in self.structure.places if p.scope is scope]
        if isinstance(node, ast.ClassDef):
            inits = [s for s in node.body if isinstance(s, ast.FunctionDef) and s.name == "__init__"]
            if inits:
                return self._parameters(inits[0])
            return {p.name: p for p in places if isinstance(p.statement, ast.AnnAssign)}
        return {p.name: p for p in places if p.kind == "parameter"}

    def _target(self, mark: Mark, domain: Domain, place: Place) -> Target:
        return Target(self.file, mark, domain, place, self.file.span(place.value))
