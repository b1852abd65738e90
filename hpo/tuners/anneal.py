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
        self._labels = [f"{name} {i}" for i, name in enumerate(self._cube.names)]
        self._domain = Domain(
            lambda values: 0.0,
            {
                label: hp.uniform(label, 0.0, 1.0) if c.ordered else hp.choice(label, list(range(c.size)))
                for label, c in zip(self._labels, self._cube.columns, strict=True)
            },
        )

    def suggest(self, number: int) -> Trial:
        rng = self.rng(number)

        def draw() -> Configuration:
            documents = anneal.suggest([number], self._domain, self._trials, rng.getrandbits(31))
            drawn = documents[0]["misc"]["vals"]
            row = np.array(
                [
                    float(drawn[label][0]) if column.ordered else column.middles[drawn[label][0]]
                    for label, column in zip(self._labels, self._cube.columns, strict=True)
                ]
            )
            return self._cube.configuration(self._cube.arranged(row[None, :])[0])

        return Trial(number, self.unseen(draw, draws=4))

    def observe(self, trial: Trial, value: float | None) -> None:
        if value is None:
            return
        row = self._cube.row(trial.parameters)
        values: dict[str, list[Any]] = {}
        for i, (label, column) in enumerate(zip(self._labels, self._cube.columns, strict=True)):
            known = not np.isnan(row[i])
            index = 0 if column.ordered or not known else int(column.index(row[i : i + 1])[0])
            values[label] = [float(row[i]) if column.ordered else index] if known else []
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
