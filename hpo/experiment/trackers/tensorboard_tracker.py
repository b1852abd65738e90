"""TensorBoard: a folder of event files for each trial, with its hyperparameters."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from hpo.experiment.trackers.tracker import Tracker
from hpo.trial import TrialState

__all__ = ["TRACKER", "TensorBoardTracker"]


class TensorBoardTracker(Tracker):
    """Write what ``tensorboard --logdir DIRECTORY/tensorboard`` shows."""

    name = "TensorBoard"

    def open(self) -> None:
        self._writers: dict[int, EventFileWriter] = {}
        self._steps: dict[int, int] = {}

    def begin(self, number: int, parameters: Mapping[str, Any]) -> None:
        folder = self.directory / "tensorboard" / f"trial-{number}"
        self._writers[number], self._steps[number] = EventFileWriter(str(folder)), 0
        plain = {n: v if isinstance(v, bool | int | float | str) else str(v) for n, v in parameters.items()}
        made = hparams_pb(plain, trial_id=f"{self.directory.name}-{number}")
        summary = Summary()
        summary.ParseFromString(made.SerializeToString())  # the same message, of another copy of its class
        self._writers[number].add_event(Event(wall_time=time.time(), summary=summary))

    def log(self, number: int, step: int, values: Mapping[str, float]) -> None:
        self._steps[number] = step
        written = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        event = Event(wall_time=time.time(), step=step, summary=Summary(value=written))
        self._writers[number].add_event(event)

    def end(self, number: int, state: TrialState, values: Mapping[str, float]) -> None:
        self.log(number, self._steps[number], {f"final/{name}": value for name, value in values.items()})
        self._writers.pop(number).close()


TRACKER = TensorBoardTracker
