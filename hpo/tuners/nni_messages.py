"""What advisors written for NNI are made of: the base that takes messages, and `send`, which gives them.

An advisor runs here in the experiment's process, so a message is a call, and what it sends is kept until
that call returns (`sent`).
"""

from __future__ import annotations

import json
from enum import Enum
from typing import Any

from hpo.tuners.nni_bases import Algorithm

__all__ = ["CommandType", "MsgDispatcherBase", "dump", "load", "send", "sent"]


class CommandType(Enum):
    """NNI's messages: those that an advisor gets, and from `Initialized` on those that it sends."""

    Initialize = "IN"
    RequestTrialJobs = "GE"
    ReportMetricData = "ME"
    UpdateSearchSpace = "SS"
    ImportData = "FD"
    AddCustomizedTrialJob = "AD"
    TrialEnd = "EN"
    Terminate = "TE"
    Ping = "PI"
    Initialized = "ID"
    NewTrialJob = "TR"
    SendTrialJobParameter = "SP"
    NoMoreTrialJobs = "NO"
    KillTrialJob = "KI"
    Error = "ER"


_outbox: list[tuple[CommandType, str]] = []


def send(command: CommandType, data: str) -> None:
    """Send a message to the experiment."""
    _outbox.append((command, data))


def sent() -> list[tuple[CommandType, str]]:
    """Take what was sent."""
    taken = list(_outbox)
    _outbox.clear()
    return taken


def dump(value: Any, **_: Any) -> str:
    """Return a value as JSON; numbers and arrays of numpy are plain ones."""
    return json.dumps(value, default=lambda each: each.tolist())


def load(text: str | None = None, **_: Any) -> Any:
    """Return what JSON says."""
    return None if text is None else json.loads(text)


class MsgDispatcherBase(Algorithm):
    """NNI's base of advisors."""

    def __init__(self, command_channel_url: str | None = None) -> None:
        self.stopping = False

    def send(self, command: CommandType, data: str) -> None:
        """Send a message to the experiment."""
        send(command, data)

    def handle_initialize(self, data: dict[str, Any]) -> None:
        """Take the search space, first of all."""
        raise NotImplementedError("an advisor must define handle_initialize")

    def handle_request_trial_jobs(self, data: int) -> None:
        """Send so many new trials, now or later."""
        raise NotImplementedError("an advisor must define handle_request_trial_jobs")

    def handle_update_search_space(self, data: dict[str, Any]) -> None:
        """Take another search space."""
        raise NotImplementedError("an advisor must define handle_update_search_space")

    def handle_import_data(self, data: list[dict[str, Any]]) -> None:
        """Learn results of another experiment."""
        raise NotImplementedError("an advisor must define handle_import_data")

    def handle_add_customized_trial(self, data: Any) -> None:
        """Take note of a trial that the user asked for."""
        raise NotImplementedError("an advisor must define handle_add_customized_trial")

    def handle_report_metric_data(self, data: dict[str, Any]) -> None:
        """Learn a result."""
        raise NotImplementedError("an advisor must define handle_report_metric_data")

    def handle_trial_end(self, data: dict[str, Any]) -> None:
        """Learn that a trial ended."""
        raise NotImplementedError("an advisor must define handle_trial_end")
