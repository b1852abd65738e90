"""What stands in the source today, as far as it is known before the source runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from hpo.annotate.marks.grammar import Branching, Domain, Option, shape
from hpo.annotate.space.targets import Target
from hpo.expressions import NotConstantError, dotted, evaluate
from hpo.parameters import Arrangement, identity

__all__ = ["as_written", "below", "default", "flat_name", "is_constant"]


def is_constant(node: ast.expr) -> bool:
    """Tell whether an expression is a constant, in the domain or not."""
    try:
        evaluate(node)
    except NotConstantError:
        return False
    return True


def default(domain: Domain, own: ast.expr | None) -> tuple[Any, bool]:
    """Return the value that stands in the source, and whether it is known."""
    if own is None:
        if domain.options:
            return domain.options[0].value, True
        if domain.items:
            return [item.value for item in as_written(domain)], True
        return domain.parameter.from_unit(0.5), True
    if domain.items:
        return _listed(domain, own)
    if domain.options:
        option = domain.option_like(shape(_branch_name(domain, own)))
        if option is not None:
            return option.value, True
    try:
        return evaluate(own), True
    except NotConstantError:
        return None, False


def as_written(domain: Domain) -> tuple[Option, ...]:
    """Return the items of a list that stands for its domain: the first ones, as many as may be."""
    assert isinstance(domain.parameter, Arrangement)
    return domain.items[: len(domain.parameter.as_written)]


def _listed(domain: Domain, own: ast.expr) -> tuple[Any, bool]:
    """Return the list that stands in the source as values of its items, and whether it is known."""
    if domain.listed is not None and dotted(own) == domain.listed:
        return [item.value for item in domain.items], True
    if not isinstance(own, ast.List | ast.Tuple | ast.Set):
        return None, False
    if isinstance(own, ast.Set) and domain.kind == "permutation":  # it has no order
        return None, False
    found = []
    for element in own.elts:
        item = domain.option_like(shape(element))
        try:
            found.append(evaluate(element) if item is None else item.value)
        except NotConstantError:
            return None, False
    order = {identity(item.value): i for i, item in enumerate(domain.items)}
    if domain.kind == "subset":
        found.sort(key=lambda value: order.get(identity(value), len(order)))
    return found, True


def _branch_name(domain: Domain, own: ast.expr) -> ast.expr:
    """Return the `_name` of a nested choice's dictionary, by which its options are known."""
    if domain.options[0].branch is None or not isinstance(own, ast.Dict):
        return own
    pairs = zip(own.keys, own.values, strict=True)
    return next((v for k, v in pairs if isinstance(k, ast.Constant) and k.value == "_name"), own)


def below(name: str, target: Target) -> Iterator[tuple[str, Domain, ast.expr]]:
    """Yield what lies below the option of a nested choice that stands in the source.

    For each, its flat name, its domain, and its value there.
    """
    domain, own = target.domain, target.own
    if not isinstance(own, ast.Dict) or not domain.options:
        return
    option = domain.option_like(shape(_branch_name(domain, own)))
    if option is None or option.branch is None:
        return
    for key, node in zip(own.keys, own.values, strict=True):
        text = str(key.value) if isinstance(key, ast.Constant) else ""
        if text in option.branch.domains:
            yield flat_name(name, domain, option.branch, text), option.branch.domains[text], node


def flat_name(name: str, domain: Domain, branch: Branching, key: str) -> str:
    """Return the name of a key below an option; the option is in it where another's key differs."""
    mine = branch.domains[key].to_json()
    others = [o.branch.domains.get(key) for o in domain.options if o.branch is not None]
    shared = all(other is None or other.to_json() == mine for other in others)
    return f"{name}.{key}" if shared else f"{name}.{branch.name}.{key}"
