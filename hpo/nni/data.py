"""What a store holds, in the forms in which NNI's API gives it."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hpo.errors import StoreError
from hpo.experiment.documents import open_store
from hpo.experiment.wording import what_runs
from hpo.runtime import home
from hpo.runtime.queries import TrialRow
from hpo.runtime.store import Store
from hpo.space import SearchSpace
from hpo.trial import TrialState

__all__ = [
    "TrialHyperParameters",
    "TrialJob",
    "TrialMetricData",
    "TrialResult",
    "all_metadata",
    "exported",
    "metrics",
    "number_of_trial",
    "profile",
    "statistics",
    "status",
    "trial_job",
]

_TRIAL_STATES = {state: state.value.upper() for state in TrialState} | {
    TrialState.SYSTEM_CANCELED: "SYS_CANCELED"
}
_STATUSES = {"running": "RUNNING", "done": "DONE", "error": "ERROR"}


@dataclass
class TrialResult:
    """A succeeded trial. `value` is a number, or the dictionary that was reported."""

    parameter: dict[str, Any]
    value: Any
    trialJobId: str  # noqa: N815 - NNI's names, here and below


@dataclass
class TrialMetricData:
    """A result: `type` is PERIODICAL for one on the way, or FINAL."""

    timestamp: int
    trialJobId: str  # noqa: N815
    parameterId: int  # noqa: N815
    type: str
    sequence: int
    data: Any


@dataclass
class TrialHyperParameters:
    """The values that a trial ran with."""

    parameter_id: int
    parameter_source: str
    parameters: dict[str, Any]
    parameter_index: int


@dataclass
class TrialJob:
    """A trial. Times are milliseconds since 1970; `endTime` is -1 while it runs."""

    trialJobId: str  # noqa: N815
    status: str
    hyperParameters: list[TrialHyperParameters]  # noqa: N815
    logPath: str  # noqa: N815
    startTime: int  # noqa: N815
    endTime: int  # noqa: N815
    finalMetricData: list[TrialMetricData]  # noqa: N815
    stderrPath: str  # noqa: N815
    sequenceId: int  # noqa: N815


def number_of_trial(trial_job_id: str | int) -> int | None:
    """Return the number in a trial's id, EXPERIMENT-NUMBER, or None where it has none."""
    number = str(trial_job_id).rpartition("-")[2]
    return int(number) if re.fullmatch("[0-9]{1,9}", number) else None


def status(store: Store) -> str:
    """Return an experiment's status in NNI's word."""
    seen = home.status(store.directory, store.experiment()["status"])
    return _STATUSES.get(seen, "STOPPED")


def statistics(store: Store) -> list[dict[str, Any]]:
    """Return how many trials are in each state."""
    counts = store.counts()
    return [
        {"trialJobStatus": _TRIAL_STATES[TrialState(state)], "trialJobNumber": count}
        for state, count in counts.items()
    ]


def trial_job(store: Store, row: TrialRow) -> TrialJob:
    """Return a trial as NNI lists it."""
    folder = store.directory / "trials" / str(row.number)
    given = TrialHyperParameters(row.number, "algorithm", _nested(store, row), 0)
    return TrialJob(
        trialJobId=_id(store, row),
        status=_TRIAL_STATES[row.state],
        hyperParameters=[given],
        logPath=str(folder),
        startTime=_milliseconds(row.started),
        endTime=_milliseconds(row.ended),
        finalMetricData=_final(store, row),
        stderrPath=str(folder / "stderr.log"),
        sequenceId=row.number,
    )


def metrics(store: Store, row: TrialRow) -> list[TrialMetricData]:
    """Return a trial's results, those on the way and the final one."""
    name, number = _id(store, row), row.number
    return [
        TrialMetricData(
            _milliseconds(report.time), name, number, "PERIODICAL", i, report.data or report.value
        )
        for i, report in enumerate(store.reports(number))
    ] + _final(store, row)


def _final(store: Store, row: TrialRow) -> list[TrialMetricData]:
    if row.value is None:
        return []
    result = row.data or row.value
    return [TrialMetricData(_milliseconds(row.ended), _id(store, row), row.number, "FINAL", 0, result)]


def exported(store: Store, *, intermediate: bool = False) -> list[dict[str, Any]]:
    """Return the succeeded trials as `nnictl experiment export` writes them."""
    rows = [row for row in store.trials() if row.state is TrialState.SUCCEEDED]
    return [
        asdict(TrialResult(_nested(store, row), row.data or row.value, _id(store, row)))
        | ({"intermediate": [r.data or r.value for r in store.reports(row.number)]} if intermediate else {})
        for row in rows
    ]


def profile(store: Store) -> dict[str, Any]:
    """Return what NNI's `experiment` route says of an experiment."""
    row = store.experiment()
    settings = row["config"]["settings"]
    plan = row["config"]["plan"]
    command = plan["command"]
    python = "python " if "script" in command else ""
    assessor = settings.get("assessor")
    return {
        "id": store.directory.name,
        "params": {
            "experimentName": row["name"],
            "trialCommand": python + what_runs(command),
            "trialCodeDirectory": plan["cwd"],
            "trialConcurrency": settings["trial_concurrency"],
            "maxTrialNumber": settings["max_trials"],
            "maxExperimentDuration": settings["max_duration"],
            "searchSpace": row["space"],
            "tuner": _algorithm(settings["tuner"], {"optimize_mode": row["direction"]}),
            **({"assessor": _algorithm(assessor, {})} if assessor else {}),
            "trainingService": {"platform": "local"},
        },
        "execDuration": round(row["elapsed"]),
        "startTime": _milliseconds(row["created"]),
        **({} if home.is_running(store.directory) else {"endTime": _milliseconds(store.last_end())}),
        "logDir": os.fspath(store.directory),
    }


def _algorithm(chosen: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Return a tuner or an assessor as NNI's v2 schema writes it."""
    file, name = chosen["file"], chosen["name"]
    arguments = {"classArgs": {**more, **chosen["class_args"]}}
    if file is None:
        return {"name": name, **arguments}
    return {"className": f"{Path(file).stem}.{name}", "codeDirectory": str(Path(file).parent), **arguments}


def all_metadata() -> list[dict[str, Any]]:
    """Return what is known of each experiment that can be read, the newest first."""
    found = []
    for directory, row in home.experiments():
        with contextlib.suppress(StoreError), open_store(directory) as store:
            told = profile(store)
            found.append(
                {
                    "id": directory.name,
                    "experimentName": row["name"],
                    "status": status(store),
                    "startTime": told["startTime"],
                    **({"endTime": told["endTime"]} if "endTime" in told else {}),
                    "platform": "local",
                    "logDir": told["logDir"],
                }
            )
    return found


def _nested(store: Store, row: TrialRow) -> dict[str, Any]:
    """Return a trial's values, nested choices nested; the source's own need not lie in the space."""
    if row.origin == "baseline":
        return row.parameters
    return SearchSpace.from_json(store.experiment()["space"]).nested(row.parameters)


def _id(store: Store, row: TrialRow) -> str:
    return f"{store.directory.name}-{row.number}"


def _milliseconds(seconds: float | None) -> int:
    return -1 if seconds is None else round(seconds * 1000)
