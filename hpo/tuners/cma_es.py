"""Covariance-matrix adaptation for mixed spaces, by the package cmaes.

N. Hansen, "The CMA Evolution Strategy: A Tutorial", 2016. R. Hamano et al., "CatCMA with Margin:
Stochastic Optimization for Continuous, Integer, and Categorical Variables", GECCO 2025: a normal
distribution over the ordered parameters and a multinomial one over each choice are adapted together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from cmaes import CatCMAwM

from hpo.trial import Trial
from hpo.tuners.arguments import AtLeast, Between
from hpo.tuners.base import Tuner
from hpo.tuners.points import Cube, Floats

__all__ = ["CMAES"]


class CMAES(Tuner):
    """Adapt a distribution to the better half of each generation.

    A proposal's place in its generation is JSON in its memo, so replay rebuilds the distribution. Results
    count in the order in which they are told; one that comes when its generation is over counts no more.

    Args:
        *args: the space.
        population_size: how many trials make a generation; left out, 4 + 3 log(parameters).
        sigma: the first step size, where each domain is 1 wide.
        **common: direction and seed.
    """

    name = "CMAES"

    def __init__(
        self,
        *args: Any,
        population_size: Annotated[int, AtLeast(4)] | None = None,
        sigma: Annotated[float, Between(0, 1)] = 0.2,
        **common: Any,
    ) -> None:
        super().__init__(*args, **common)
        self._cube = Cube(self.space)
        columns = self._cube.columns
        # Items of one step would often stand at the same place: the order of continuous numbers is theirs.
        self._continuous = np.flatnonzero(self._cube.smooth | self._cube.places).tolist()
        self._stepped = [i for i, c in enumerate(columns) if c.ordered and c.size > 1 and not c.is_item]
        self._unordered = [i for i, c in enumerate(columns) if not c.ordered and c.size > 1]
        self._middles = {i: columns[i].middles for i in self._stepped + self._unordered}
        self._evolution = self._started(population_size, sigma)
        self._told: list[tuple[Any, float]] = []

    def _started(self, population_size: int | None, sigma: float) -> Any:
        ordered = len(self._continuous) + len(self._stepped)
        if not ordered + len(self._unordered):
            return None  # a space of one configuration
        return CatCMAwM(
            x_space=[[0.0, 1.0]] * len(self._continuous) or None,
            z_space=[self._middles[i].tolist() for i in self._stepped] or None,
            c_space=[len(self._middles[i]) for i in self._unordered] or None,
            population_size=population_size or 4 + int(3 * np.log(ordered + len(self._unordered))),
            mean=np.full(ordered, 0.5) if ordered else None,
            sigma=sigma,
        )

    def suggest(self, number: int) -> Trial:
        rng = self.rng(number)
        if self._evolution is None:
            return Trial(number, self.space.sample(rng))
        # The state of the package's generator depends on nothing but the trial.
        self._evolution.reseed_rng(rng.getrandbits(32))
        memo: dict[str, Any] = {}

        def draw() -> dict[str, Any]:
            solution = self._evolution.ask()
            parts = {"x": solution.x, "z": solution.z, "c": solution.c, "v": solution._v_raw}
            memo.update({k: None if p is None else np.asarray(p).tolist() for k, p in parts.items()})
            return self._cube.configuration(self._row(solution))

        parameters = self.unseen(draw)
        if not self.is_new(parameters) or (memo["v"] is None and memo["c"] is None):
            return Trial(number, parameters)
        return Trial(number, parameters, memo={"generation": self._evolution.generation, **memo})

    def _row(self, solution: Any) -> Floats:
        row = np.full(len(self._cube), 0.5)
        if solution.x is not None:
            row[self._continuous] = solution.x
        if solution.z is not None:
            row[self._stepped] = solution.z
        if solution.c is not None:
            row[self._unordered] = [
                self._middles[i][int(np.argmax(hot))]
                for i, hot in zip(self._unordered, solution.c, strict=True)
            ]
        arranged: Floats = self._cube.arranged(row[None, :])[0]
        return arranged

    def observe(self, trial: Trial, value: float | None) -> None:
        if self._evolution is None or trial.memo.get("generation") != self._evolution.generation:
            return
        if value is None and not self.blames(trial):
            return
        parts = {k: None if trial.memo[k] is None else np.array(trial.memo[k]) for k in "xzcv"}
        solution = CatCMAwM.Solution(parts["x"], parts["z"], parts["c"], parts["v"])
        self._told.append((solution, np.inf if value is None else self.loss(value)))
        if len(self._told) == self._evolution.population_size:
            # Ranks are all that matters, and no magnitude can overflow them; of equals the first is better.
            ranked = sorted(self._told, key=lambda told: told[1])
            self._evolution.tell([(solution, float(rank)) for rank, (solution, _) in enumerate(ranked)])
            self._told = []

    def explain(self) -> Mapping[str, Any]:
        generation = 0 if self._evolution is None else self._evolution.generation
        return {"model": "CMA-ES with margin", "generation": generation}
