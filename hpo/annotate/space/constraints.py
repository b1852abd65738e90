"""Constraints in the source: the hyperparameters that their names mean, and the space that they leave."""

from __future__ import annotations

import ast
import keyword
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from hpo.annotate.marks.parsing import Mistake
from hpo.annotate.reading.scopes import Scope
from hpo.annotate.reading.source import SourceFile, Span
from hpo.annotate.result import MarkedConstraint
from hpo.annotate.space.targets import Target
from hpo.constraints import names_in
from hpo.errors import Diagnostic, SpaceError
from hpo.space import SearchSpace

__all__ = ["Test", "constrain"]


@dataclass(frozen=True)
class Test:
    """A constraint as it stands in a file.

    Attributes:
        file: where it stands.
        tree: the test, with the file's positions.
        scope: what its names are looked up in.
        names: the module's constants.
    """

    file: SourceFile
    tree: ast.expr
    scope: Scope
    names: Mapping[str, Any]

    @property
    def span(self) -> Span:
        """The span of the test."""
        return self.file.span(self.tree)


def constrain(
    space: SearchSpace,
    tests: Sequence[Test],
    named: Mapping[str, Sequence[Target]],
    found: list[Diagnostic],
) -> tuple[SearchSpace, tuple[MarkedConstraint, ...]]:
    """Return the space with its constraints, and where they stand; what is wrong goes to `found`."""
    marked = []
    for test in tests:
        try:
            text = ast.unparse(_Resolver(test, space, named).visit(test.tree))
            space = space.constrained(text)
        except Mistake as mistake:
            found.append(test.file.diagnostic(mistake.code, mistake.message, mistake.span, help=mistake.help))
        except SpaceError as error:
            found.append(test.file.diagnostic("HPO243", error.message, test.span, help=error.help))
        else:
            line, column = test.file.position(test.span.start)
            marked.append(MarkedConstraint(text, test.file.name, line, column))
            found += _violated(space, test)
    return space, tuple(marked)


def _violated(space: SearchSpace, test: Test) -> Iterator[Diagnostic]:
    """Yield that the source's own values violate the last constraint of a space."""
    constraint, own = space.constraints[-1], space.default_configuration()
    if not constraint.holds(own):
        values = ", ".join(f"{name} = {own[name]!r}" for name in constraint.names)
        message = f"today's values violate this constraint: {values}"
        help_ = "loosen it, or change a value; trial 0 runs them all the same"
        yield test.file.diagnostic("HPO244", message, test.span, severity="warning", help=help_)


class _Resolver(ast.NodeTransformer):
    """Replace each name in a test by the hyperparameter or the constant that it means there."""

    def __init__(self, test: Test, space: SearchSpace, named: Mapping[str, Sequence[Target]]) -> None:
        self.test, self.space, self.named = test, space, named

    def visit_Call(self, node: ast.Call) -> ast.AST:
        return ast.Call(node.func, [self.visit(argument) for argument in node.args], [])

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self._meaning(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        return self._meaning(node)

    def _meaning(self, node: ast.expr) -> ast.AST:
        ((written, _),) = names_in(node)
        name = next(self._near(node, written), None) or (written if written in self.space else None)
        if name is not None:
            return self._reference(node, name)
        if written in self.test.names:
            return ast.Constant(self.test.names[written])
        close = get_close_matches(written, self.space, n=1)
        help_ = f"did you mean {close[0]}?" if close else f"the hyperparameters are {', '.join(self.space)}"
        raise self._mistake("HPO242", f"there is no hyperparameter {written}", help_, node)

    def _near(self, node: ast.expr, written: str) -> Iterator[str]:
        """Yield the hyperparameter that the name's target is, in the innermost scope that has one."""
        scope: Scope | None = self.test.scope
        while scope is not None:
            here = [
                name
                for name, targets in self.named.items()
                if any(t.place.scope is scope and written in (t.place.target, t.place.name) for t in targets)
            ]
            if len(here) > 1 and written not in here:
                message = f"{written} could be any of {', '.join(here)}"
                raise self._mistake("HPO242", message, f"write {here[0]}, for instance", node)
            yield from [name for name in here if name == written] or here
            scope = scope.parent

    def _reference(self, node: ast.expr, name: str) -> ast.AST:
        if not all(part.isidentifier() and not keyword.iskeyword(part) for part in name.split(".")):
            help_ = "give it a name= that is one"
            raise self._mistake("HPO242", f"the hyperparameter {name!r} is no identifier", help_, node)
        domain = self.named[name][0].domain if name in self.named else None
        options = () if domain is None else (*domain.options, *domain.items)
        if any(option.is_code and option.branch is None for option in options):
            help_ = "constrain hyperparameters whose values are numbers, strings or booleans"
            raise self._mistake("HPO242", f"the options of {name} are code, which has no value", help_, node)
        return ast.parse(name, mode="eval").body

    def _mistake(self, code: str, message: str, help_: str, node: ast.expr) -> Mistake:
        return Mistake(code, message, help_, self.test.file.span(node))
