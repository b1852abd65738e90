"""When a hyperparameter is active: read from the branches around its places.

A branch is readable when its test asks only for marked constants: then it is evaluated, node by
node, over their options. What cannot be read is left out, so a condition is implied by the code, and
never claims more than the code does.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from hpo.annotate.reading.scopes import Scope
from hpo.annotate.reading.structure import Branch
from hpo.annotate.space.targets import Target
from hpo.expressions import NotConstantError, truth
from hpo.parameters import identity

__all__ = ["Conjunction", "conditions"]

Conjunction = Mapping[str, tuple[Any, ...]]  # by parent, the values that it may have; all must hold

_MOST_INTEGERS = 64
_MOST_CASES = 4096


@dataclass(frozen=True)
class _Parent:
    """A marked constant that tests may ask for."""

    name: str
    scope: Scope
    values: tuple[Any, ...]


def conditions(named: Mapping[str, Sequence[Target]]) -> dict[str, Conjunction]:
    """Return the conditions of the hyperparameters that have one.

    One that names no value of a parent never holds: the tests around the place contradict one another.
    """
    parents = {key: parent for name, places in named.items() for key, parent in _parents(name, places)}
    found: dict[str, Conjunction] = {}
    for name, places in named.items():
        each = [_Reader(parents, name).conjunction(place.place.branches) for place in places]
        union = _union(each, parents)
        below = {parent for parent in union if _depends(parent, name, found)}
        kept = {parent: values for parent, values in union.items() if parent not in below}
        if kept:
            found[name] = kept
    return found


def _depends(name: str, ancestor: str, found: Mapping[str, Conjunction]) -> bool:
    return name == ancestor or any(_depends(p, ancestor, found) for p in found.get(name, ()))


Key = tuple[int, str]  # a scope, and a name in it


def _parents(name: str, places: Sequence[Target]) -> Iterator[tuple[Key, _Parent]]:
    """Yield what makes a hyperparameter a parent: a plain name, bound once, to one of a few constants."""
    first = places[0]
    if not first.domain.is_constant:
        return
    if first.domain.kind == "choice":
        values: tuple[Any, ...] = tuple(option.value for option in first.domain.options)
    elif first.domain.kind == "randint":
        low, high = first.domain.parameter.arguments
        values = tuple(range(low, high)) if high - low <= _MOST_INTEGERS else ()
    else:
        return
    for target in places:
        place = target.place
        variable, scope = place.target, place.scope
        if place.kind == "call":
            if not _is_whole_value(target):
                continue
        elif place.kind != "assignment":
            continue
        if values and variable.isidentifier() and scope.binds_once(variable, place.statement.lineno):
            yield (id(scope), variable), _Parent(name, scope, values)


def _is_whole_value(target: Target) -> bool:
    """Tell whether an inline call is all that is assigned; `2 * choice(1, 2)` is another value."""
    statement = target.place.statement
    return isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is target.value


def _union(each: Sequence[Conjunction], parents: Mapping[Key, _Parent]) -> Conjunction:
    """Return where any of some conjunctions holds; empty where that is no conjunction, or everywhere."""
    if len(each) == 1 or not all(each):
        return each[0] if len(each) == 1 else {}
    domains = {parent.name: parent.values for parent in parents.values()}
    names = list(dict.fromkeys(name for conjunction in each for name in conjunction))

    def holds(case: Mapping[str, Any]) -> bool:
        return any(
            all(_is_in(case[name], values) for name, values in conjunction.items()) for conjunction in each
        )

    return _as_conjunction({name: domains[name] for name in names}, holds) or {}


def _is_in(value: Any, values: Sequence[Any]) -> bool:
    return identity(value) in map(identity, values)


def _as_conjunction(
    domains: Mapping[str, tuple[Any, ...]], holds: Callable[[Mapping[str, Any]], bool]
) -> Conjunction | None:
    """Return a predicate over some parents as one set of values for each, or None where it is no such."""
    size = 1
    for values in domains.values():
        size *= len(values)
    if size > _MOST_CASES:
        return None
    cases = [dict(zip(domains, case, strict=True)) for case in product(*domains.values())]
    true = [case for case in cases if holds(case)]
    seen = {
        name: tuple(v for v in values if any(identity(c[name]) == identity(v) for c in true))
        for name, values in domains.items()
    }
    count = 1
    for values in seen.values():
        count *= len(values)
    if count != len(true):
        return None
    return {name: values for name, values in seen.items() if len(values) < len(domains[name])}


class _Reader:
    """Read branches as conditions on parents."""

    def __init__(self, parents: Mapping[Key, _Parent], child: str) -> None:
        self.parents, self.child = parents, child

    def conjunction(self, branches: Sequence[Branch]) -> Conjunction:
        """Return what must hold in all the branches, as far as it can be read."""
        together: dict[str, tuple[Any, ...]] = {}
        for branch in branches:
            for test in _conjuncts(branch):
                for name, values in self._read(test, branch.scope).items():
                    before = together.get(name, values)
                    together[name] = tuple(v for v in before if _is_in(v, values))
        return together

    def _read(self, test: ast.expr, scope: Scope) -> Conjunction:
        try:
            names = {n.id: self._parent(n, scope) for n in ast.walk(test) if isinstance(n, ast.Name)}
            domains = {parent.name: parent.values for parent in names.values()}

            def holds(case: Mapping[str, Any]) -> bool:
                return truth(test, {n: case[p.name] for n, p in names.items()})

            return _as_conjunction(domains, holds) or {} if names else {}
        except NotConstantError:
            return {}

    def _parent(self, node: ast.Name, scope: Scope) -> _Parent:
        name = node.id
        home = scope.lookup(name)
        while scope.kind == "comprehension" and scope.parent is not None:
            scope = scope.parent
        parent = self.parents.get((id(home), name))
        if parent is None or parent.name == self.child or home not in (scope, scope.module):
            raise NotConstantError(node, "is no marked constant")
        return parent


def _conjuncts(branch: Branch) -> Iterator[ast.expr]:
    """Yield the tests that all hold in a branch."""
    if branch.cases:
        yield from _case_tests(branch)
    elif not branch.holds:
        yield ast.UnaryOp(ast.Not(), branch.test)
    elif isinstance(branch.test, ast.BoolOp) and isinstance(branch.test.op, ast.And):
        for value in branch.test.values:
            yield from _conjuncts(Branch(value, True, branch.scope))
    else:
        yield branch.test


def _case_tests(branch: Branch) -> Iterator[ast.expr]:
    """Yield that the subject matches the case that was taken, and none before it that has no guard."""
    *before, taken = branch.cases
    test = _pattern_test(branch.test, taken.pattern)
    if test is not None:
        yield test
    for case in before:
        test = _pattern_test(branch.test, case.pattern)
        if test is not None and case.guard is None:
            yield ast.UnaryOp(ast.Not(), test)


def _pattern_test(subject: ast.expr, pattern: ast.pattern) -> ast.expr | None:
    """Return a pattern as a test of the subject, or None where it cannot be read or says nothing."""
    match pattern:
        case ast.MatchValue(value=value):
            return ast.Compare(subject, [ast.Eq()], [value])
        case ast.MatchSingleton(value=value):
            return ast.Compare(subject, [ast.Is()], [ast.Constant(value)])
        case ast.MatchOr(patterns=patterns):
            tests = [_pattern_test(subject, p) for p in patterns]
            readable = [test for test in tests if test is not None]
            return ast.BoolOp(ast.Or(), readable) if len(readable) == len(tests) else None
        case ast.MatchAs(pattern=ast.pattern() as inner):
            return _pattern_test(subject, inner)
    return None
