"""NSGA-II, by the operators of the package DEAP.

K. Deb, A. Pratap, S. Agarwal and T. Meyarivan, "A Fast and Elitist Multiobjective Genetic Algorithm:
NSGA-II", IEEE Transactions on Evolutionary Computation, 2002: parents are chosen by the front that they are
on, then by how much room is around them; their children cross and mutate, and of both the best make the next
generation. Of two of which one is infeasible the feasible one is better, else the one that misses less.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Annotated, Any

import numpy as np

from hpo.errors import TunerError
from hpo.objectives import Objectives
from hpo.space import Configuration
from hpo.trial import Trial
from hpo.tuners.arguments import AtLeast, Between
from hpo.tuners.base import Tuner
from hpo.tuners.points import Cube, Floats
from hpo.tuners.qmc import HaltonSequence, spread

try:
    from deap import base, tools
except ImportError as error:
    raise TunerError(
        f"the tuner NSGA2 needs the package deap, which cannot be imported: {error}",
        help="install it with: pip install 'hpo-annotate[nsga2]'",
    ) from error

__all__ = ["NSGA2"]

_ETA = 20.0  # how near to its parents a child is, as in the paper


class NSGA2(Tuner):
    """Evolve a population towards the front, generation by generation.

    Trials run at the same time, and their results come in any order: a generation is over when as many have
    come as the population has members.

    Args:
        *args: the space.
        objectives: what is wanted; left out, the result itself.
        population_size: how many results can be parents; as many trials come before the first children.
        crossover_probability: how often a child has two parents; else it is a mutant of one.
        mutation_probability: how likely each coordinate of a child mutates; left out, one does on average.
        **common: direction and seed.
    """

    name = "NSGA2"
    takes_several = "itself"

    def __init__(
        self,
        *args: Any,
        objectives: Objectives | None = None,
        population_size: Annotated[int, AtLeast(4)] = 24,
        crossover_probability: Annotated[float, Between(0, 1)] = 0.9,
        mutation_probability: Annotated[float, Between(0, 1)] | None = None,
        **common: Any,
    ) -> None:
        if objectives is not None:
            common["direction"] = objectives.direction
        super().__init__(*args, **common)
        self.objectives = objectives or Objectives(direction=self.direction)
        self.population_size = population_size
        self.crossover_probability = crossover_probability
        self._cube = Cube(self.space)
        self.mutation_probability = mutation_probability or min(1 / len(self._cube), 1.0)
        self._sequence = HaltonSequence(self.space.width, self.seed)
        self._parents: list[_Individual] = []
        self._children: list[_Individual] = []

    def observe(self, trial: Trial, value: float | None) -> None:
        if value is None:
            return
        excesses = self.objectives.excesses(value, trial.data)
        losses = self.objectives.losses(value, trial.data)
        self._children.append(_Individual(self._cube.row(trial.parameters), losses, excesses))
        if len(self._children) == self.population_size:
            self._parents, self._children = self._selected([*self._parents, *self._children]), []

    def _selected(self, population: Sequence[_Individual]) -> list[_Individual]:
        """Return the best, front by front, and of a front that is too many those with most room around."""
        feasible = [each for each in population if not each.missed]
        infeasible = sorted((each for each in population if each.missed), key=lambda each: each.missed)
        chosen = tools.selNSGA2(feasible, min(len(feasible), self.population_size)) if feasible else []
        return [*chosen, *infeasible[: self.population_size - len(chosen)]]

    def suggest(self, number: int) -> Trial:
        if not self._parents:
            return Trial(number, spread(self, self._sequence, number))
        rng, generator = self.rng(number), self.generator(number)

        def draw() -> Configuration:
            with _seeded(rng):
                child = self._child(generator)
            return self._cube.configuration(self._cube.arranged(child[None, :])[0])

        return Trial(number, self.unseen(draw))

    def _child(self, generator: np.random.Generator) -> Floats:
        one, other = self._parent(), self._parent()
        child, mate = (np.where(np.isnan(p.row), generator.random(len(p.row)), p.row) for p in (one, other))
        smooth = self._cube.smooth
        if random.random() < self.crossover_probability:  # noqa: S311 - seeded, and of no secret
            tools.cxSimulatedBinaryBounded(child, mate, _ETA, 0.0, 1.0)
            swapped = ~smooth & (generator.random(len(child)) < 0.5)
            child = np.where(swapped, mate, child)
        mutant = child.copy()
        tools.mutPolynomialBounded(mutant, _ETA, 0.0, 1.0, self.mutation_probability)
        redrawn = generator.random(len(child)) < self.mutation_probability
        fresh = np.where(redrawn, generator.random(len(child)), child)
        result: Floats = np.where(smooth, mutant, fresh)
        return result

    def _parent(self) -> _Individual:
        """Return the better of two that meet: see `selTournamentDCD` of DEAP, which pairs all at once."""
        one, other = random.sample(self._parents, 2)
        if one.missed != other.missed:
            return one if one.missed < other.missed else other
        if one.fitness.dominates(other.fitness):
            return one
        if other.fitness.dominates(one.fitness):
            return other
        crowded = [getattr(each.fitness, "crowding_dist", 0.0) for each in (one, other)]
        return one if crowded[0] >= crowded[1] else other

    def explain(self) -> Mapping[str, Any]:
        told = {"objectives": str(self.objectives), "population": self.population_size}
        if not self._parents:
            why = f"{len(self._children)} of {self.population_size} results of the first population are in"
            return {"model": "quasi-random", "why": why, **told}
        return {"model": "NSGA-II", **told}


class _Individual:
    """A result as DEAP has it: a place in the cube, and a fitness."""

    def __init__(self, row: Floats, losses: Sequence[float], excesses: Sequence[float]) -> None:
        self.row = row
        self.missed = sum(min(excess, 1e300) for excess in excesses)
        self.fitness = _fitness(len(losses))(tuple(min(max(loss, -1e300), 1e300) for loss in losses))


@cache
def _fitness(count: int) -> Any:
    """Return DEAP's kind of fitness for so many losses."""
    return type("Losses", (base.Fitness,), {"weights": (-1.0,) * count})


@contextmanager
def _seeded(rng: random.Random) -> Iterator[None]:
    """Let DEAP draw from a generator of ours: it draws from Python's shared one."""
    before = random.getstate()
    random.setstate(rng.getstate())
    try:
        yield
    finally:
        rng.setstate(random.getstate())
        random.setstate(before)
