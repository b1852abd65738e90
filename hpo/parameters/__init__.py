"""The kinds of parameters: what values each can take, and how it samples.

Kinds, names and JSON are NNI's (`docs/source/hpo/search_space.rst` of NNI 3.0). Two are ours: `subset` and
`permutation`, whose values are lists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hpo.errors import SpaceError
from hpo.parameters.arrangements import Arrangement, Permutation, Subset
from hpo.parameters.choice import Choice
from hpo.parameters.numeric import (
    LogNormal,
    LogUniform,
    Normal,
    QLogNormal,
    QLogUniform,
    QNormal,
    QUniform,
    RandInt,
    Uniform,
)
from hpo.parameters.parameter import Parameter, RandomSource, same
from hpo.rules import Problem, identity, is_number, problems

__all__ = [
    "KINDS",
    "Arrangement",
    "Choice",
    "LogNormal",
    "LogUniform",
    "Normal",
    "Parameter",
    "Permutation",
    "Problem",
    "QLogNormal",
    "QLogUniform",
    "QNormal",
    "QUniform",
    "RandInt",
    "RandomSource",
    "Subset",
    "Uniform",
    "create",
    "identity",
    "is_number",
    "problems",
    "same",
]

KINDS: Mapping[str, type[Parameter]] = {
    kind.type: kind
    for kind in (
        Choice, RandInt, Uniform, QUniform, LogUniform, QLogUniform, Normal, QNormal, LogNormal, QLogNormal,
        Subset, Permutation,
    )
}  # fmt: skip


def create(kind: str, arguments: Sequence[Any]) -> Parameter:
    """Return the domain of the type name `kind`, one of `KINDS`, with these arguments of its constructor.

    Raises:
        SpaceError: it says what is wrong with them.
    """
    for problem in problems(kind, arguments):
        at = () if problem.argument is None else (problem.argument,)
        raise SpaceError(problem.message, help=problem.help, path=at)
    if kind == "choice":
        return Choice(tuple(arguments))
    if kind == "subset":
        items, least, most, *_ = (*arguments, None, None)
        return Subset(tuple(items), least or 0, most)
    if kind == "permutation":
        return Permutation(tuple(arguments[0]))
    return KINDS[kind](*arguments)
