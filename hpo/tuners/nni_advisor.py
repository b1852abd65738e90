"""Advisors written for NNI: they propose, and they stop trials; their base is NNI's `MsgDispatcherBase`.

They get and send the messages that they would get from and send to NNI's manager, a call each.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, ClassVar

from hpo.errors import TunerError
from hpo.trial import Trial, TrialState
from hpo.tuners.assessor import Assessor
from hpo.tuners.nni import NNITuner, call, result_of
from hpo.tuners.nni_bases import MetricType
from hpo.tuners.nni_messages import CommandType, sent

__all__ = ["ADVISOR_METHODS", "NNIAdvisor"]

ADVISOR_METHODS = ("handle_initialize", "handle_request_trial_jobs", "handle_report_metric_data")

_EVENTS = {TrialState.SYSTEM_CANCELED: "SYS_CANCELED"}


class NNIAdvisor(NNITuner):
    """Run an advisor of NNI's kind."""

    name = "NNIAdvisor"
    importer: ClassVar[str] = "handle_import_data"

    def begin(self, space: dict[str, Any]) -> None:
        self._messages: deque[dict[str, Any]] = deque()  # what it sent: trials that did not begin yet
        self._is_waiting = False  # whether it owes a trial that it was asked for
        self._has_no_more = False
        self._reported: dict[int, int] = {}  # by trial: how many results on the way it was told
        self.killed: set[str] = set()
        self.assessor = _Judge(self)
        self._tell("handle_initialize", space)

    def end(self, *, failed: bool) -> None:
        """Do nothing: NNI tells advisors of no end."""

    # -- proposing

    def suggest(self, number: int) -> Trial | None:
        self._learn()
        if not self._messages and not self._is_waiting:
            self._is_waiting = True
            self._tell("handle_request_trial_jobs", 1)
        if not self._messages:
            self.done = self._has_no_more and not self.running
            return None
        self._is_waiting = False
        message = self._messages.popleft()
        configuration = self.configuration(message["parameters"])
        self._made[number] = message["parameter_id"], message
        return Trial(number, configuration)

    # -- learning

    def observe(self, trial: Trial, value: float | None) -> None:
        if trial.number not in self._made:
            super().observe(trial, value)
            return
        self.tell_course(trial)
        parameter_id, message = self._made.pop(trial.number)
        if value is not None:
            self._report(trial, parameter_id, MetricType.FINAL, 0, result_of(value, trial.data))
        end = {
            "trial_job_id": str(trial.number),
            "event": _EVENTS.get(trial.state, trial.state.value.upper()),
            "hyper_params": json.dumps(message),
        }
        self._tell("handle_trial_end", end)

    def import_data(self, told: Sequence[tuple[Trial, float]]) -> None:
        super().import_data(told)
        self._obey()

    def _receive(self, parameter_id: int, made: Any, trial: Trial, value: float) -> None:
        """Keep from it what it did not ask for, and has no way to take."""

    def tell_course(self, trial: Trial) -> None:
        """Hand over a trial's results on the way, those that are new."""
        if trial.number not in self._made:
            return
        parameter_id, _ = self._made[trial.number]
        begin = self._reported.get(trial.number, 0)
        self._reported[trial.number] = len(trial.intermediate)
        for sequence, metric in enumerate(trial.intermediate[begin:], begin):
            result = result_of(metric.value, metric.data)
            self._report(trial, parameter_id, MetricType.PERIODICAL, sequence, result)

    def _report(self, trial: Trial, parameter_id: Any, kind: str, sequence: int, result: Any) -> None:
        report = {
            "parameter_id": parameter_id,
            "trial_job_id": str(trial.number),
            "type": kind,
            "sequence": sequence,
            "value": json.dumps(result),
        }
        self._tell("handle_report_metric_data", report)

    # -- messages

    def _tell(self, method: str, data: Any) -> None:
        with suppress(NotImplementedError):  # one that it does not take
            call(self.inner, method, data)
        self._obey()

    def _obey(self) -> None:
        for command, data in sent():
            if command is CommandType.NewTrialJob:
                self._messages.append(self._trial_in(data))
            elif command is CommandType.KillTrialJob:
                self.killed.add(str(_plain(data)))
            elif command is CommandType.NoMoreTrialJobs:
                self._has_no_more = True
            elif command is CommandType.Error:
                raise TunerError(f"the advisor {self.name} sent an error: {data}")

    def _trial_in(self, data: Any) -> dict[str, Any]:
        message = _plain(data)
        if not isinstance(message, dict) or not {"parameter_id", "parameters"} <= message.keys():
            raise TunerError(
                f"the advisor {self.name} sent {data!r}, which is no trial",
                help='send JSON: {"parameter_id": 0, "parameters": {...}}',
            )
        return message


class _Judge(Assessor):
    """Stop the trials that the advisor wants to be killed, when they next report."""

    name = "NNIAdvisor"

    def __init__(self, advisor: NNIAdvisor) -> None:
        super().__init__(direction=advisor.direction)
        self._advisor = advisor

    def should_stop(self, trial: Trial, peers: Sequence[Trial]) -> bool:
        self._advisor.tell_course(trial)
        return str(trial.number) in self._advisor.killed


def _plain(data: Any) -> Any:
    try:
        return json.loads(data)
    except (TypeError, ValueError):
        return data
