"""Weights & Biases: a run for each trial, in a group for each experiment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import wandb

from hpo.experiment.trackers.tracker import Tracker
from hpo.trial import TrialState

__all__ = ["TRACKER", "WandbTracker"]


class WandbTracker(Tracker):
    """Track with W&B, in the project that WANDB_PROJECT names, or one with the experiment's name.

    Offline, the runs lie in the experiment's folder, and ``wandb sync`` sends them.
    """

    name = "W&B"

    def open(self) -> None:
        self._runs: dict[int, Any] = {}

    def begin(self, number: int, parameters: Mapping[str, Any]) -> None:
        self._runs[number] = wandb.init(
            mode=os.environ.get("WANDB_MODE", "offline"),
            project=os.environ.get("WANDB_PROJECT", self.title),
            group=self.directory.name,
            name=f"{self.directory.name}-{number}",
            config=dict(parameters),
            dir=str(self.directory),
            reinit="create_new",
            settings=wandb.Settings(silent=True, console="off", x_disable_stats=True),
        )

    def log(self, number: int, step: int, values: Mapping[str, float]) -> None:
        self._runs[number].log({**values, "step": step})

    def end(self, number: int, state: TrialState, values: Mapping[str, float]) -> None:
        run = self._runs.pop(number)
        final = {f"final_{name}": value for name, value in values.items()}
        run.summary.update({**final, "state": state.value})
        run.finish(exit_code=0 if state is TrialState.SUCCEEDED else 1)


TRACKER = WandbTracker
