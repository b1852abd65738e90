"""Quasi-random search: points that fill the space more evenly than random ones do.

A. B. Owen, "A randomized Halton algorithm in R", 2017: the Halton sequence in one prime base for each
parameter, with the digits permuted at random, digit by digit.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache, cached_property
from itertools import count, islice

from hpo.space import Configuration
from hpo.trial import Trial
from hpo.tuners.base import Tuner

__all__ = ["QMC", "HaltonSequence", "spread"]


class HaltonSequence:
    """The points of a randomised Halton sequence, in any order."""

    def __init__(self, dimension: int, seed: int) -> None:
        self._bases = tuple(islice(_primes(), dimension))
        # A cache, so that points of small index permute few digits.
        self._permutation = cache(lambda base, place: _shuffled(base, f"{seed} {base} {place}"))

    def point(self, index: int) -> list[float]:
        """Return the point at an index, each coordinate in [0, 1)."""
        return [self._coordinate(index, base) for base in self._bases]

    def _coordinate(self, index: int, base: int) -> float:
        value, weight, place = 0.0, 1.0 / base, 0
        while weight > 1e-16:  # zeros after the last digit are permuted too
            index, digit = divmod(index, base)
            value += weight * self._permutation(base, place)[digit]
            weight /= base
            place += 1
        return min(value, 1 - 2**-53)


def _shuffled(base: int, seed: str) -> list[int]:
    digits = list(range(base))
    random.Random(seed).shuffle(digits)  # noqa: S311 - no secret depends on it
    return digits


def _primes() -> Iterator[int]:
    found: list[int] = []
    for n in count(2):
        if all(n % p for p in found):
            found.append(n)
            yield n


def spread(tuner: Tuner, sequence: HaltonSequence, number: int) -> Configuration:
    """Return the configuration of a trial of a sequence; where it repeats in a finite space, a drawn one.

    Few such trials miss no option of a choice, and no part of a domain.
    """
    configuration = tuner.space.from_point(sequence.point(number + 1))
    if tuner.is_new(configuration):
        return configuration
    rng = tuner.rng(number)
    return tuner.unseen(lambda: tuner.space.sample(rng))


class QMC(Tuner):
    """Walk along a randomised Halton sequence; where it repeats in a finite space, draw at random."""

    name = "QMC"
    takes_several = "any"

    def suggest(self, number: int) -> Trial:
        return Trial(number, spread(self, self._sequence, number))

    @cached_property
    def _sequence(self) -> HaltonSequence:
        return HaltonSequence(self.space.width, self.seed)
