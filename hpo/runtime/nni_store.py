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
    """A trial. `state` is NNI's word for the last that happened to it; times are seconds since 1970."""

    id: str
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
    events = db.execute(
        "SELECT trialJobId, event, data, timestamp, message, logPath FROM TrialJobEvent "
        "ORDER BY timestamp, rowid"
    )
    for name, event, data, time, message, logs in events:
        trial = trials.setdefault(name, NNITrial(name))
        trial.state, trial.message = event, message or trial.message
        if data:
            trial.parameters = json.loads(data)["parameters"]
        if event == "RUNNING":
            trial.started = time / 1000
        elif event not in ("WAITING", "UNKNOWN", "ADD_CUSTOMIZED", "ADD_HYPERPARAMETER"):
            trial.ended = time / 1000
        trial.logs = _logs(folder, name, logs)
    for name, kind, data, time in db.execute(
        "SELECT trialJobId, type, data, timestamp FROM MetricData ORDER BY timestamp, sequence, rowid"
    ):
        if name in trials:
            report = NNIReport(json.loads(json.loads(data)), time / 1000)
            if kind == "FINAL":
                trials[name].final = trials[name].final or report  # of two, the first counts
            elif kind == "PERIODICAL":
                trials[name].reports.append(report)
    return NNIExperiment(profile[0], json.loads(profile[1]), float(profile[2] or 0), list(trials.values()))


def _logs(folder: Path, name: str, logged: str | None) -> Path | None:
    """Return where a trial's output is; the folder may have been moved since."""
    places = [folder / "trials" / name, *folder.glob(f"environments/*/trials/{name}")]
    places += [Path(logged)] if logged else []
    return next((place for place in places if place.is_dir()), None)
