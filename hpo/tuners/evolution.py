"""Evolution by mutation and tournament, as in NNI.

E. Real et al., "Large-Scale Evolution of Image Classifiers", ICML 2017: two of the population meet, the
worse one leaves, and a mutant of the better one is tried.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from hpo.parameters import Arrangement
from hpo.space import Configuration
from hpo.trial import Trial
from hpo.tuners.arguments import AtLeast
from hpo.tuners.base import Tuner

__all__ = ["Evolution"]


class Evolution(Tuner):
    """Mutate one parameter of the better of two: a list a little, all else as if there were no parent.

    Args:
        *args: the space.
        population_size: how many configurations are drawn at random before the first meeting.
        **common: direction and seed.
    """

    name = "Evolution"

    def __init__(self, *args: Any, population_size: Annotated[int, AtLeast(2)] = 32, **common: Any) -> None:
        super().__init__(*args, **common)
        self.population_size = population_size

    def suggest(self, number: int) -> Trial:
        rng = self.rng(number)
        population = self.population()
        if number < self.population_size or not population:
            return Trial(number, self.unseen(lambda: self.space.sample(rng)))
        meeting = rng.sample(population, min(2, len(population)))
        winner, *losers = sorted(meeting, key=lambda n: (self.loss(self.results[n] or 0.0), n))
        parent = self.trials[winner].parameters

        def mutate() -> Configuration:
            fresh = self.space.sample(rng)
            kept = {n: v for n, v in parent.items() if n in self.space and self.space[n].contains(v)}
            changed = rng.choice(list(kept) or list(self.space))
            kept.pop(changed, None)
            # What the change makes active is drawn; so is what the parent, from elsewhere, lacks.
            draws = {n: self.space[n].sample(rng) for n in self.space.order}
            domain = self.space[changed]
            if isinstance(domain, Arrangement) and domain.contains(parent.get(changed)):
                kept[changed] = domain.neighbour(parent[changed], rng)
            return self.space.active_part({**draws, **fresh, **kept})

        # Who left is remembered with the trial, so that a resumed experiment knows it too.
        return Trial(number, self.unseen(mutate), memo={"parent": winner, "left": losers})

    def population(self) -> list[int]:
        """Return the numbers of the trials that take part, by number."""
        left = {number for trial in self.trials.values() for number in trial.memo.get("left", ())}
        return sorted(n for n, value in self.results.items() if value is not None and n not in left)

    def explain(self) -> Mapping[str, Any]:
        return {"model": "population", "size": len(self.population())}
