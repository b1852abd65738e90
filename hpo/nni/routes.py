"""The REST routes of NNI's manager that scripts call, over our store: ``/api/v1/nni/...``.

NNI's manager serves one experiment, and several under prefixes (`nnictl create -u PREFIX`). Here one server
has all experiments: the prefix is an experiment's id, and without one the newest that runs is meant, or else
the newest. Answers have NNI's forms, down to the JSON in their strings.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from importlib.metadata import version as installed
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, HTTPException, Query, Request, Response
from fastapi import Path as InPath

from hpo.config.duration import parse_duration
from hpo.experiment import wishes
from hpo.experiment.documents import open_store
from hpo.experiment.foreign import configuration, read_results
from hpo.nni.data import (
    TrialJob,
    TrialMetricData,
    all_metadata,
    exported,
    metrics,
    number_of_trial,
    profile,
    statistics,
    status,
    trial_job,
)
from hpo.runtime import home
from hpo.runtime.queries import TrialRow
from hpo.runtime.store import Store
from hpo.runtime.trial_files import open_plain
from hpo.space import SearchSpace

__all__ = ["router"]

_LONGEST = 64 << 20  # bytes of a trial's file
_OBEYED = 20.0  # seconds, in which a runner has done what it was asked, on a busy machine too
_LARGEST = 2**31 - 1

#: What NNI's versions call a trial's files, and what they are called here.
_FILES = {
    "trial.log": "stdout.log",
    "trial.stdout": "stdout.log",
    "trial.stderr": "stderr.log",
    "stdout": "stdout.log",
    "stderr": "stderr.log",
    "parameter.cfg": "parameters.json",
}
_SETTINGS = {
    "TRIAL_CONCURRENCY": ("trialConcurrency", "trial_concurrency"),
    "MAX_EXEC_DURATION": ("maxExperimentDuration", "max_duration"),
    "MAX_TRIAL_NUM": ("maxTrialNumber", "max_trials"),
    "SEARCH_SPACE": ("searchSpace", "space"),
}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"description": "The token did not come with the request."},
    403: {"description": "The request comes from elsewhere."},
    404: {"description": "There is no such experiment, trial or file."},
}
_WRITES: dict[int | str, dict[str, Any]] = {
    **_REFUSALS,
    400: {"description": "The values cannot be taken; the answer says why."},
    409: {"description": "The experiment does not run, or the trial has ended."},
    413: {"description": "The body is too large."},
    415: {"description": "The body is not said to be JSON."},
}

_routes = APIRouter(tags=["NNI"])


def router() -> APIRouter:
    """Return the routes: of the newest experiment, and under its id those of each."""
    both = APIRouter()
    both.include_router(_routes, prefix="/api/v1/nni")
    both.include_router(_routes, prefix="/{experiment}/api/v1/nni", dependencies=[Depends(_named)])
    return both


# -- which experiment, which trial


def _named(experiment: Annotated[str, InPath(max_length=100, description="The experiment's id.")]) -> None:
    """Declare the prefix; `_directory` reads it."""


def _directory(request: Request) -> Path:
    name = request.path_params.get("experiment")
    known = [directory for directory, _ in home.experiments()]
    found = [directory for directory in known if name in (None, directory.name)]
    if not found:
        raise HTTPException(404, "there is no experiment" + (f" {name}" if name else ""))
    return next(filter(home.is_running, found), found[0])


Directory = Annotated[Path, Depends(_directory)]
TrialId = Annotated[str, InPath(max_length=200, description="A trial's id, EXPERIMENT-NUMBER.")]


def _must_run(directory: Path) -> None:
    if not home.is_running(directory):
        raise HTTPException(409, f"experiment {directory.name} is not running")


def _trial(store: Store, trial_id: str) -> TrialRow:
    number = number_of_trial(trial_id)
    row = None if number is None or number > _LARGEST else store.trial(number)
    if row is None:
        raise HTTPException(404, f"experiment {store.directory.name} has no trial {trial_id}")
    return row


def _space(store: Store) -> SearchSpace:
    row = store.experiment()
    return SearchSpace.from_json(row["space"], defaults=row["defaults"])


def _job(job: TrialJob) -> dict[str, Any]:
    """Return a trial as the manager sends it: values and results are JSON in strings."""
    document = asdict(job)
    document["hyperParameters"] = [json.dumps(asdict(each)) for each in job.hyperParameters]
    document["finalMetricData"] = [_metric(each) for each in job.finalMetricData]
    if job.endTime < 0:
        del document["endTime"]
    if not job.finalMetricData:
        del document["finalMetricData"]
    return document


def _metric(metric: TrialMetricData) -> dict[str, Any]:
    """Return a result as the manager sends it: it got JSON from the trial, and wrote that as JSON again."""
    return {
        **asdict(metric),
        "parameterId": str(metric.parameterId),
        "data": json.dumps(json.dumps(metric.data)),
    }


# -- reading


@_routes.get("/version", responses=_REFUSALS)
def version() -> str:
    """Return who answers."""
    return f"hpo {installed('hpo-annotate')}"


@_routes.get("/check-status", responses=_REFUSALS)
def check_status(directory: Directory) -> dict[str, Any]:
    """Return the experiment's status, and what went wrong."""
    with open_store(directory) as store:
        seen, message = status(store), store.experiment()["message"]
    return {"status": seen, "errors": [message] if seen == "ERROR" and message else []}


@_routes.get("/experiment", responses=_REFUSALS)
def experiment(directory: Directory) -> dict[str, Any]:
    """Return the experiment's configuration and course."""
    with open_store(directory) as store:
        return {**profile(store), "nextSequenceId": sum(store.counts().values())}


@_routes.get("/experiment-metadata", responses=_REFUSALS)
def metadata(directory: Directory) -> dict[str, Any]:
    """Return what is known of the experiment."""
    return next(each for each in all_metadata() if each["id"] == directory.name)


@_routes.get("/experiments-info", responses=_REFUSALS)
def experiments() -> list[dict[str, Any]]:
    """Return what is known of every experiment."""
    return all_metadata()


@_routes.get("/job-statistics", responses=_REFUSALS)
def job_statistics(directory: Directory) -> list[dict[str, Any]]:
    """Return how many trials are in each state."""
    with open_store(directory) as store:
        return statistics(store)


@_routes.get("/trial-jobs", responses=_REFUSALS)
def trial_jobs(
    directory: Directory,
    wanted: Annotated[str | None, Query(alias="status", max_length=50, description="SUCCEEDED, ...")] = None,
) -> list[dict[str, Any]]:
    """Return the trials, all or those in a state."""
    with open_store(directory) as store:
        jobs = [trial_job(store, row) for row in store.trials()]
    return [_job(job) for job in jobs if wanted in (None, job.status)]


@_routes.get("/trial-jobs/{trial_id}", responses=_REFUSALS)
def one_trial_job(directory: Directory, trial_id: TrialId) -> dict[str, Any]:
    """Return a trial."""
    with open_store(directory) as store:
        return _job(trial_job(store, _trial(store, trial_id)))


Kind = Annotated[Literal["PERIODICAL", "FINAL"] | None, Query(alias="type")]


@_routes.get("/metric-data", responses=_REFUSALS)
def metric_data(directory: Directory, kind: Kind = None) -> list[dict[str, Any]]:
    """Return the results of all trials."""
    with open_store(directory) as store:
        found = [metric for row in store.trials() for metric in metrics(store, row)]
    return [_metric(each) for each in found if kind in (None, each.type)]


@_routes.get("/metric-data/{trial_id}", responses=_REFUSALS)
def metric_data_of_trial(directory: Directory, trial_id: TrialId, kind: Kind = None) -> list[dict[str, Any]]:
    """Return the results of a trial."""
    with open_store(directory) as store:
        found = metrics(store, _trial(store, trial_id))
    return [_metric(each) for each in found if kind in (None, each.type)]


@_routes.get("/metric-data-range/{first}/{last}", responses=_REFUSALS)
def metric_data_range(
    directory: Directory,
    first: Annotated[int, InPath(ge=0, le=_LARGEST)],
    last: Annotated[int, InPath(ge=0, le=_LARGEST)],
) -> list[dict[str, Any]]:
    """Return the results of the trials with these numbers, both included."""
    with open_store(directory) as store:
        rows = store.trials(offset=first, limit=max(0, last - first + 1))
        return [_metric(metric) for row in rows for metric in metrics(store, row)]


@_routes.get("/metric-data-latest", responses=_REFUSALS)
def metric_data_latest(directory: Directory) -> list[dict[str, Any]]:
    """Return the final results, and the latest on the way of each trial."""
    finals, latest = [], []
    with open_store(directory) as store:
        for row in store.trials():
            found = metrics(store, row)
            finals += [each for each in found if each.type == "FINAL"]
            latest += [each for each in found if each.type == "PERIODICAL"][-1:]
    return [_metric(each) for each in finals + latest]


@_routes.get("/export-data", responses=_REFUSALS)
def export_data(directory: Directory) -> list[dict[str, Any]]:
    """Return the succeeded trials: their values, and their results as JSON in strings."""
    with open_store(directory) as store:
        return [{**each, "value": json.dumps(each["value"])} for each in exported(store)]


@_routes.get("/experiment/imported-data", responses=_REFUSALS)
def imported_data(directory: Directory) -> list[str]:
    """Return what was imported, a list as JSON in a string."""
    with open_store(directory) as store:
        rows = [row for row in store.trials() if row.origin == "imported"]
    return [json.dumps([{"parameter": row.parameters, "value": row.value} for row in rows])] if rows else []


@_routes.get("/trial-file/{trial_id}/{name}", response_class=Response, responses=_REFUSALS)
def trial_file(
    directory: Directory, trial_id: TrialId, name: Annotated[str, InPath(max_length=100)]
) -> Response:
    """Return what a trial wrote; which files there are is a short list."""
    with open_store(directory) as store:
        number = _trial(store, trial_id).number
    if name not in _FILES:
        raise HTTPException(404, f"a trial has no file {name}: it has {', '.join(_FILES)}")
    try:
        with open_plain(directory / "trials" / str(number) / _FILES[name]) as file:
            content = file.read(_LONGEST)
    except OSError:
        content = b""
    return Response(content or f"{name} is empty.".encode(), media_type="text/plain; charset=utf-8")


# -- steering


@_routes.put("/experiment", responses=_WRITES)
def update(
    directory: Directory,
    kind: Annotated[
        Literal["TRIAL_CONCURRENCY", "MAX_EXEC_DURATION", "MAX_TRIAL_NUM", "SEARCH_SPACE"],
        Query(alias="update_type"),
    ],
    written: Annotated[dict[str, Any], Body(description="The profile, with the changed value in `params`.")],
) -> None:
    """Change one of the limits, or the search space."""
    field, setting = _SETTINGS[kind]
    params = written.get("params")
    if not isinstance(params, dict) or field not in params:
        raise HTTPException(400, f"params.{field} is missing: {kind} changes that")
    value = params[field]
    if setting == "space":
        wishes.update(directory, {}, SearchSpace.from_json(value))
        return
    if setting == "max_duration" and value is not None:
        value = parse_duration(value)
    if isinstance(value, bool) or (isinstance(value, int) and value > _LARGEST):
        raise HTTPException(400, f"params.{field} takes a whole number up to {_LARGEST}, not {value}")
    wishes.update(directory, {setting: value})


@_routes.post("/experiment/import-data", responses=_WRITES)
def import_data(directory: Directory, written: Annotated[list[Any], Body()]) -> None:
    """Let the experiment learn from results: a list of `{"parameter", "value"}`."""
    with open_store(directory) as store:
        trials, misfits = read_results(written, _space(store), "the body")
    if misfits:
        raise HTTPException(400, "; ".join(misfits[:5]))
    home.send_command(directory, {"do": "import", "trials": trials})


@_routes.post("/trial-jobs", responses=_WRITES)
def add_trial_job(
    directory: Directory, parameters: Annotated[dict[str, Any], Body()]
) -> dict[str, int | None]:
    """Run given values as the next trial; return its number, null where the runner has not said it yet."""
    _must_run(directory)
    with open_store(directory) as store:
        begun, space = sum(store.counts().values()), _space(store)
    wanted = wishes.enqueue(directory, configuration(parameters, space))
    end = time.monotonic() + _OBEYED
    while time.monotonic() < end:
        with open_store(directory) as store:
            new = store.trials(offset=begun)
        for row in new:
            if row.origin == "user" and row.parameters == wanted:
                return {"sequenceId": row.number}
        time.sleep(0.02)
    return {"sequenceId": None}


@_routes.delete("/trial-jobs/{trial_id}", responses=_WRITES)
def cancel_trial_job(directory: Directory, trial_id: TrialId) -> None:
    """End a running trial."""
    with open_store(directory) as store:
        row = _trial(store, trial_id)
    _must_run(directory)
    if row.state.is_final:
        raise HTTPException(409, f"trial {row.number} has ended already")
    wishes.kill_trial(directory, row.number)


@_routes.delete("/experiment", responses=_WRITES)
def stop(directory: Directory) -> None:
    """Stop the experiment."""
    _must_run(directory)
    wishes.stop(directory)
