"""The marked places as `apply` needs them: what a value replaces, and how each option is written."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping, Sequence

from hpo.annotate.marks.grammar import Domain, Option
from hpo.annotate.marks.layers import INPUTS
from hpo.annotate.reading.source import Span
from hpo.annotate.result import Choices, Site, hole
from hpo.annotate.space.defaults import below, default, flat_name
from hpo.annotate.space.targets import Target
from hpo.annotate.trial.rewrite import brackets

__all__ = ["choices", "sites"]


def sites(name: str, target: Target) -> Iterator[Site]:
    """Yield a marked place, and those of the values in it that are hyperparameters of their own."""
    file, domain, own, whole = target.file, target.domain, target.own, target.span
    if target.mark.layers:  # NNI's layers have no values of their own
        yield Site(name, domain.span, domain.span, "", None, True, True, domain.span)
        return
    span, before = whole, ""
    if own is not None:
        span = file.span(own)
    else:
        assert isinstance(target.value, ast.Call)
        arguments = [*target.value.args, *target.value.keywords]
        end = file.closed_before(whole.end - 1, max(file.span(argument).end for argument in arguments))
        span, before = Span(end, end), ", default="
    value, known = default(domain, own)
    values = (value,) if known else None
    display = brackets(own) if domain.items else ""
    yield Site(name, span, whole, before, values, _is_named(target), _is_apart(target), domain.span, display)
    for flat, sub, node in below(name, target):
        value, known = default(sub, node)
        at = file.span(node)
        display = brackets(node) if sub.items else ""
        yield Site(flat, at, at, "", (value,) if known else None, True, True, domain.span, display)


def _is_named(target: Target) -> bool:
    """Tell whether a mark says by name which value it means, or stands where only one can be meant."""
    if target.mark.spelling != "comment" or target.mark.alone:
        return True
    claim = next(c for c in target.mark.claims if c.domain is target.domain)
    return claim.name is not None or claim.domain.target is not None


def _is_apart(target: Target) -> bool:
    """Tell whether no operator around a place could bind tighter than those of what is put there."""
    place = target.place
    return place.kind != "call" or getattr(place.statement, "value", None) is target.value


def choices(named: Sequence[tuple[str, Target]]) -> dict[str, Choices]:
    """Return how the options of each choice are written: by name, pairs of a value and its source."""
    found: dict[str, Choices] = {}
    for name, target in named:
        if target.mark.layers:
            found |= _layer_choices(name, target)
        else:
            found |= _choices(name, target.domain)
    return found


def _choices(name: str, domain: Domain) -> Mapping[str, Choices]:
    found: dict[str, Choices] = {}
    if domain.options or domain.items:
        each = (*domain.options, *domain.items)
        found[name] = tuple((o.value, _source(name, domain, o)) for o in each)
    for option in domain.options:
        for key, sub in option.branch.domains.items() if option.branch is not None else ():
            assert option.branch is not None
            found |= _choices(flat_name(name, domain, option.branch, key), sub)
    return found


def _source(name: str, domain: Domain, option: Option) -> str:
    branch = option.branch
    if branch is None:
        return option.code
    items = {"_name": json.dumps(branch.name, ensure_ascii=False)}
    items |= {key: hole(flat_name(name, domain, branch, key)) for key in branch.domains}
    items |= branch.constants
    return "{" + ", ".join(f"{json.dumps(k, ensure_ascii=False)}: {v}" for k, v in items.items()) + "}"


def _layer_choices(name: str, target: Target) -> Mapping[str, Choices]:
    layer = next(each for each in target.mark.layers if target.domain in (each.layer, each.inputs))
    inputs = layer.only if layer.inputs is None else hole(f"{layer.output}.optional_inputs")
    return {name: tuple((o.value, o.code.replace(INPUTS, inputs)) for o in target.domain.options)}
