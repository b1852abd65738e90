"""Every configuration of a finite space, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hpo.space import Configuration, SearchSpace

__all__ = ["configurations"]


def configurations(
    space: SearchSpace, values: Callable[[str], Sequence[Any]] | None = None
) -> Iterator[Configuration]:
    """Yield the configurations of a space, the last parameter changing fastest.

    The tree of conditions is walked, so an inactive parameter multiplies nothing.

    Args:
        space: the space.
        values: the values to take of a parameter; all of them where this is left out.
    """
    taken = {name: (values(name) if values else space[name].values()) or () for name in space}

    def walk(depth: int, built: Configuration) -> Iterator[Configuration]:
        if depth == len(space.order):
            yield dict(built)
            return
        name = space.order[depth]
        if not space.is_active(name, built):
            yield from walk(depth + 1, built)
            return
        for value in taken[name]:
            yield from walk(depth + 1, {**built, name: value})

    yield from walk(0, {})
