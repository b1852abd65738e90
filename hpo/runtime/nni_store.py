"""Read what NNI kept of an experiment: its folder, with `db/nni.sqlite`, of NNI 2 or 3."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hpo.errors import StoreError, UsageError

__all__ = ["MALFORMED", "NNIExperiment", "NNIReport", "NNITrial", "read_nni_folder", "unreadable"]

#: What reading goes wrong with where a file has another form than NNI's.
MALFORMED = (AttributeError, LookupError, OverflowError, RecursionError, TypeError, ValueError)

_DATABASE = Path("db", "nni.sqlite")


@dataclass(frozen=True)
class NNIReport:
    """A result as it was reported: a number, a dictionary, or what else was sent."""

    value: Any
    time: float


@dataclass
class NNITrial:
    """A trial. `state` is NNI's word for the last that happened to it; times are seconds since 1970.

    Attributes:
        origin: tuner, user (NNI's customized trials) or imported.
        is_corrected: whether it ran with other values than NNI noted of it.
    """

    id: str
    origin: str = "tuner"
    is_corrected: bool = False
    state: str = "WAITING"
    parameters: dict[str, Any] | None = None
    started: float | None = None
    ended: float | None = None
    message: str | None = None
    reports: list[NNIReport] = field(default_factory=list)
    final: NNIReport | None = None
    logs: Path | None = None


@dataclass(frozen=True)
class NNIExperiment:
    """An experiment: its configuration as NNI stored it, in the v2 schema, and its trials in their order."""

    id: str
    settings: dict[str, Any]
    elapsed: float
    trials: list[NNITrial]


def read_nni_folder(folder: Path) -> NNIExperiment:
    """Return the experiment in a folder of NNI's, such as ``~/nni-experiments/ID``.

    Raises:
        UsageError: it is no such folder.
        StoreError: its database cannot be read.
    """
    path = folder / _DATABASE
    if not path.is_file():
        help_ = "name the folder of an experiment of NNI's, such as ~/nni-experiments/ID"
        raise UsageError(f"{folder} has no {_DATABASE}", help=help_)
    try:
        uri = f"file:{quote(str(path.absolute()))}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as db:
            return _read(db, folder)
    except (sqlite3.Error, *MALFORMED) as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: BaseException) -> StoreError:
    """Return the error that says of a file or folder of NNI's that it is not what NNI makes."""
    what = " ".join(str(error).split()) or type(error).__name__
    return StoreError(f"{path} cannot be read: {what[:200]}", help="is it whole, and NNI's?")


def _read(db: sqlite3.Connection, folder: Path) -> NNIExperiment:
    latest = "SELECT id, params, execDuration FROM ExperimentProfile ORDER BY revision DESC LIMIT 1"
    profile = db.execute(latest).fetchone()
    if profile is None:
        raise ValueError("it holds no experiment")
    trials: dict[str, NNITrial] = {}
    imported: list[NNITrial] = []
    # What was handed out, and for whom, by NNI's parameter id, which is null where the user asked for it.
    given: dict[str | None, list[tuple[Any, str]]] = {}
    events = db.execute(
        "SELECT trialJobId, event, data, timestamp, message, logPath FROM TrialJobEvent "
        "ORDER BY timestamp, rowid"
    )
    for name, event, data, time, message, logs in events:
        if not name:  # of the experiment: what was imported, and that a trial was asked for
            imported += _imported(json.loads(data), time / 1000) if event == "IMPORT_DATA" else []
            continue
        trial = trials.setdefault(name, NNITrial(name))
        trial.state, trial.message = event, message or trial.message
        if data:
            handed = json.loads(data)
            trial.parameters = handed["parameters"]
            trial.origin = "user" if handed.get("parameter_source") == "customized" else "tuner"
            given.setdefault(_id(handed.get("parameter_id")), []).append((trial.parameters, trial.origin))
        if event == "RUNNING":
            trial.started = time / 1000
        elif event not in ("WAITING", "UNKNOWN", "ADD_CUSTOMIZED", "ADD_HYPERPARAMETER"):
            trial.ended = time / 1000
        trial.logs = _logs(folder, name, logs)
    for name, kind, data, time, parameter_id in db.execute(
        "SELECT trialJobId, type, data, timestamp, parameterId FROM MetricData "
        "ORDER BY timestamp, sequence, rowid"
    ):
        if name in trials:
            _correct(trials[name], given.get(_id(parameter_id), []))
            report = NNIReport(json.loads(json.loads(data)), time / 1000)
            if kind == "FINAL":
                trials[name].final = trials[name].final or report  # of two, the first counts
            elif kind == "PERIODICAL":
                trials[name].reports.append(report)
    found = [*trials.values(), *imported]
    return NNIExperiment(profile[0], json.loads(profile[1]), float(profile[2] or 0), found)


def _id(parameter_id: Any) -> str | None:
    return None if parameter_id is None else str(parameter_id)


def _correct(trial: NNITrial, ran: list[tuple[Any, str]]) -> None:
    """Take the values that a trial's results name: NNI 3 handed them out in another order than it noted."""
    if len(ran) == 1 and ran[0][0] != trial.parameters:
        trial.is_corrected = True
        ((trial.parameters, trial.origin),) = ran


def _imported(written: list[dict[str, Any]], time: float) -> list[NNITrial]:
    """Return the trials of another experiment that this one was given."""
    return [
        NNITrial(
            "",
            "imported",
            state="SUCCEEDED",
            parameters=each["parameter"],
            final=NNIReport(each["value"], time),
        )
        for each in written
    ]


def _logs(folder: Path, name: str, logged: str | None) -> Path | None:
    """Return where a trial's output is; the folder may have been moved since."""
    places = [folder / "trials" / name, *folder.glob(f"environments/*/trials/{name}")]
    places += [Path(logged)] if logged else []
    return next((place for place in places if place.is_dir()), None)
