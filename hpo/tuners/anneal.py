"""Annealing, hyperopt's algorithm, by the package hyperopt.

J. Bergstra, D. Yamins and D. Cox, "Hyperopt: A Python Library for Optimizing the Hyperparameters of
Machine Learning Algorithms", SciPy 2013: draw near a configuration that did well, ever nearer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from hyperopt import STATUS_OK, Trials, anneal, hp
from hyperopt.base import JOB_STATE_DONE, Domain

from hpo.parameters import Choice
from hpo.space import Configuration
from hpo.trial import Trial
from hpo.tuners.base import Tuner
from hpo.tuners.points import Cube

__all__ = ["Anneal"]


class Anneal(Tuner):
    """Let hyperopt anneal in the quantiles of the domains and in the positions of the choices.

    A parameter that is inactive in a trial is left out of what hyperopt is told of it, so each is drawn
    near trials in which it mattered.
    """

    name = "Anneal"

    def __init__(self, *args: Any, **common: Any) -> None:
        super().__init__(*args, **common)
        self._cube = Cube(self.space)
        self._trials = Trials()
        self._domain = Domain(lambda values: 0.0, {n: self._label(n) for n in self.space.order})

    def _label(self, name: str) -> Any:
        parameter = self.space[name]
        if isinstance(parameter, Choice):
            return hp.choice(name, list(range(len(parameter.options))))
        return hp.uniform(name, 0.0, 1.0)

    def suggest(self, number: int) -> Trial:
        rng = self.rng(number)

        def draw() -> Configuration:
            documents = anneal.suggest([number], self._domain, self._trials, rng.getrandbits(31))
            drawn = documents[0]["misc"]["vals"]
            return self.space.from_unit({n: self._quantile(n, drawn[n][0]) for n in self.space.order})

        return Trial(number, self.unseen(draw, draws=4))

    def _quantile(self, name: str, value: float) -> float:
        parameter = self.space[name]
        return (value + 0.5) / len(parameter.options) if isinstance(parameter, Choice) else float(value)

    def observe(self, trial: Trial, value: float | None) -> None:
        if value is None:
            return
        row = self._cube.row(trial.parameters)
        values: dict[str, list[Any]] = {}
        for i, name in enumerate(self._cube.names):
            known = not np.isnan(row[i])
            discrete = isinstance(self.space[name], Choice)
            index = int(self._cube.columns[i].index(row[i : i + 1])[0]) if discrete and known else 0
            values[name] = [index if discrete else float(row[i])] if known else []
        misc = {
            "tid": trial.number,
            "cmd": self._domain.cmd,
            "workdir": None,
            "idxs": {n: [trial.number] if v else [] for n, v in values.items()},
            "vals": values,
        }
        result = {"loss": self.loss(value), "status": STATUS_OK}
        (document,) = self._trials.new_trial_docs([trial.number], [None], [result], [misc])
        document["state"] = JOB_STATE_DONE
        self._trials.insert_trial_docs([document])
        self._trials.refresh()

    def explain(self) -> Mapping[str, Any]:
        return {"model": "annealing", "results": len(self._trials)}
