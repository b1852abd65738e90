"""Population based training: the worst take over the weights of the best, and other hyperparameters.

M. Jaderberg et al., "Population Based Training of Neural Networks", 2017. As in NNI the population goes on
in step: a generation is made of a trial for each member, and the next one begins when all have ended.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Annotated, Any

from hpo.parameters import Arrangement, Choice, Parameter, RandInt
from hpo.space import Configuration
from hpo.trial import Trial
from hpo.tuners.arguments import AtLeast, Between, Share
from hpo.tuners.base import Tuner

__all__ = ["PBT"]


class PBT(Tuner):
    """Train a population; after each generation let the worst go on from a checkpoint of the best.

    Args:
        *args: the space.
        population_size: how many trials are in a generation.
        factor: by which share of a number it is perturbed, up or down; of a choice a neighbour is taken.
        resample_probability: how often a value is drawn anew instead.
        fraction: which share of the population takes over from the best, and as many are the best.
        passes: how many passes a generation adds to the budget.
        all_checkpoint_dir: a folder for the checkpoints of scripts that go by NNI's `load_checkpoint_dir`
            and `save_checkpoint_dir`; the trials' own folders where it is left out.
        **common: direction and seed.
    """

    name = "PBT"

    def __init__(
        self,
        *args: Any,
        population_size: Annotated[int, AtLeast(2)] = 10,
        factor: Annotated[float, Between(0, 1)] = 0.2,
        resample_probability: Annotated[float, Share()] = 0.25,
        fraction: Annotated[float, Between(0, 1)] = 0.2,
        passes: Annotated[int, AtLeast(1)] = 1,
        all_checkpoint_dir: str | None = None,
        **common: Any,
    ) -> None:
        super().__init__(*args, **common)
        self.population_size, self.passes = population_size, passes
        self.factor, self.resample_probability = factor, resample_probability
        self.replaced = min(max(int(fraction * population_size), 1), population_size // 2)
        self.all_checkpoint_dir = all_checkpoint_dir
        self._seen = 0  # the trials below this number are in their generations
        self._generations: list[list[int]] = [[]]

    def suggest(self, number: int) -> Trial | None:
        self._take_in()
        if len(self._generations[-1]) == self.population_size:
            if any(member not in self.results for member in self._generations[-1]):
                return None
            self._generations.append([])
        before = self._generations[-2] if len(self._generations) > 1 else []
        return self._member(number, len(self._generations) - 1, self._ranked(before))

    def _take_in(self) -> None:
        end = max(self.trials, default=-1) + 1
        for number in range(self._seen, end):
            generation = self.trials[number].memo.get("generation") if number in self.trials else None
            if generation is None:
                continue  # the user's own, or one of another experiment
            while len(self._generations) <= generation:
                self._generations.append([])
            self._generations[generation].append(number)
        self._seen = end

    def _ranked(self, members: list[int]) -> list[int]:
        """Return those that succeeded, the best first."""
        values = {n: value for n in members if (value := self.results[n]) is not None}
        return sorted(values, key=lambda n: (self.loss(values[n]), n))

    def _member(self, number: int, generation: int, ranked: list[int]) -> Trial:
        """Return the next member of a generation: the rank of the one that it follows is its place."""
        rng = self.rng(number)
        place, budget = len(self._generations[generation]), (generation + 1) * self.passes
        if not ranked:  # it is the first generation, or none of the one before succeeded
            drawn = self.unseen(lambda: self.space.sample(rng))
            memo = {"generation": generation, "budget": budget, **self._folders(number, None)}
            return Trial(number, drawn, memo=memo)
        # Who failed is replaced, and so are the last of those that did not.
        stays = min(len(ranked), self.population_size - self.replaced)
        earlier = ranked[place] if place < stays else rng.choice(ranked[: self.replaced])
        folders = self._folders(number, earlier)
        trial = self.continued(number, earlier, budget, generation=generation, **folders)
        if place >= stays:
            winner = trial.parameters
            trial.parameters = self.unseen(lambda: self._explored(winner, rng))
        return trial

    def _folders(self, number: int, earlier: int | None) -> dict[str, Any]:
        """Return what is remembered of a trial for scripts of NNI: where they load from and save to."""
        if self.all_checkpoint_dir is None:
            return {"checkpoints": ["checkpoint", "checkpoint"]}  # of the one it goes on from, copied
        loaded, saved = ("none" if earlier is None else str(earlier)), str(number)
        return {"checkpoints": [f"{self.all_checkpoint_dir}/{each}" for each in (loaded, saved)]}

    def _explored(self, winner: Mapping[str, Any], rng: random.Random) -> Configuration:
        """Return a configuration near another: the paper's explore."""
        fresh = {name: self.space[name].sample(rng) for name in self.space.order}
        known = {n: v for n, v in winner.items() if n in self.space and self.space[n].contains(v)}
        moved = {
            name: self._perturbed(self.space[name], value, rng)
            for name, value in known.items()
            if rng.random() >= self.resample_probability
        }
        # What a change makes active is drawn.
        return self.space.active_part({**fresh, **moved})

    def _perturbed(self, domain: Parameter, value: Any, rng: random.Random) -> Any:
        up = rng.random() < 0.5
        if isinstance(domain, Arrangement):
            return domain.neighbour(value, rng)
        if isinstance(domain, Choice):
            neighbour = domain.index(value) + (1 if up else -1)
            return domain.options[min(max(neighbour, 0), len(domain.options) - 1)]
        least = 1 if isinstance(domain, RandInt) else getattr(domain, "q", 0)  # less would change nothing
        step = max(abs(value) * self.factor, least)
        moved = value + step if up else value - step
        return domain.from_unit(min(max(domain.to_unit(moved), 0.0), 1.0))

    def explain(self) -> Mapping[str, Any]:
        self._take_in()
        generation = len(self._generations) - 1
        return {
            "model": "population",
            "generation": generation,
            "members": len(self._generations[generation]),
        }
