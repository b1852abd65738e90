"""MLflow: an experiment there for each of ours, and a run for each trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlflow.tracking import MlflowClient

from hpo.experiment.trackers.tracker import Tracker
from hpo.trial import TrialState

__all__ = ["TRACKER", "MLflowTracker"]

_LONGEST = 500  # characters of a parameter, by the narrowest of its stores
_STATUS = {TrialState.SUCCEEDED: "FINISHED", TrialState.FAILED: "FAILED"}


class MLflowTracker(Tracker):
    """Track with MLflow, where MLFLOW_TRACKING_URI says, or MLflow's own default."""

    name = "MLflow"

    def open(self) -> None:
        self._client = MlflowClient()
        self._runs: dict[int, str] = {}
        found = self._client.get_experiment_by_name(self.title)
        self._experiment = found.experiment_id if found else self._client.create_experiment(self.title)

    def begin(self, number: int, parameters: Mapping[str, Any]) -> None:
        tags = {"hpo.experiment": self.directory.name, "hpo.trial": str(number)}
        name = f"{self.directory.name}-{number}"
        run = self._client.create_run(self._experiment, run_name=name, tags=tags)
        self._runs[number] = run.info.run_id
        for key, value in parameters.items():
            self._client.log_param(run.info.run_id, key, str(value)[:_LONGEST])

    def log(self, number: int, step: int, values: Mapping[str, float]) -> None:
        for key, value in values.items():
            self._client.log_metric(self._runs[number], key, value, step=step)

    def end(self, number: int, state: TrialState, values: Mapping[str, float]) -> None:
        run = self._runs.pop(number)
        for key, value in values.items():
            self._client.log_metric(run, f"final_{key}", value)
        self._client.set_tag(run, "hpo.state", state.value)
        self._client.set_terminated(run, _STATUS.get(state, "KILLED"))


TRACKER = MLflowTracker
