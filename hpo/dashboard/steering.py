"""What can be wished: each is checked here, and handed to the runner."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from threading import Lock
from typing import Annotated, Any

from fastapi import Body, FastAPI, HTTPException, Response
from pydantic import BaseModel, ConfigDict, Field, Strict

from hpo.config.model import Config
from hpo.dashboard import views
from hpo.dashboard.answers import LARGEST, WRITES, Id, Json, Number, directory_of, trial_of
from hpo.errors import UsageError
from hpo.experiment import wishes
from hpo.experiment.documents import open_store
from hpo.runtime import home
from hpo.space import SearchSpace

__all__ = ["steering"]


Duration = str | Annotated[float, Strict()]  # true is no second


class Changed(BaseModel):
    """Limits and search space as they are to be; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    max_trials: Annotated[int | None, Field(ge=1, le=LARGEST)] = Field(None, description="null: no limit")
    max_duration: Duration | None = Field(None, description="30s, 10m, 1h30m, 2d or seconds; null: no limit")
    stop_when: Annotated[str | None, Field(max_length=200)] = Field(
        None, description="the final result that is good enough: val_acc>=0.99"
    )
    patience: Annotated[int | None, Field(ge=1, le=LARGEST)] = Field(
        None, description="after so many trials without a better result none starts"
    )
    max_failures: Annotated[int | None, Field(ge=1, le=LARGEST)] = Field(
        None, description="after so many failed trials none starts; null: where the first 3 all fail"
    )
    max_trial_duration: Duration | None = Field(None, description="as max_duration")
    max_trial_silence: Duration | None = Field(
        None, description="as max_duration: without a report of the trial"
    )
    max_trial_memory: str | int | None = Field(None, description="512M, 4G or bytes; null: no limit")
    retries: Annotated[int, Field(ge=0, le=LARGEST)] | None = Field(
        None, description="how often a trial that fails is run again"
    )
    concurrency: Annotated[int, Field(ge=1, le=10_000)] | None = Field(None, description="trials at a time")
    space: dict[str, Any] | None = Field(None, description="NNI's search-space JSON")
    seen: dict[str, Any] | None = Field(
        None, description="what is changed as it was read; 409 where somebody else has changed it since"
    )


class Proposal(BaseModel):
    """A trial that somebody wants to see run next; values that are left out are the source's own."""

    model_config = ConfigDict(extra="forbid")

    parameters: dict[str, Any]


def steering(app: FastAPI) -> None:
    """Add the routes that change something."""
    one_at_a_time = Lock()

    def accepted(directory: Path, **rest: Any) -> Response:
        effect = "now" if home.is_running(directory) else "when resumed"
        return Json({"effect": effect, **rest}, status_code=202)

    def must_run(directory: Path) -> None:
        if not home.is_running(directory):
            raise HTTPException(409, f"experiment {directory.name} is not running")

    @app.patch("/api/experiments/{id}", status_code=202, tags=["steering"], responses=WRITES)
    def update(id: Id, changed: Changed) -> Response:  # noqa: A002
        """Change limits or the search space: at once where it runs, else when it is resumed."""
        directory = directory_of(id)
        settings = _settings(directory, changed)
        space = SearchSpace.from_json(changed.space) if changed.space is not None else None
        with one_at_a_time:
            _check_seen(directory, changed.seen or {})
            wishes.update(directory, settings, space)
        return accepted(directory)

    @app.post("/api/experiments/{id}/stop", status_code=202, tags=["steering"], responses=WRITES)
    def stop(id: Id, _: Annotated[dict[str, Any] | None, Body()] = None) -> Response:  # noqa: A002
        """Stop it; what ran runs again when it is resumed."""
        directory = directory_of(id)
        must_run(directory)
        wishes.stop(directory)
        return accepted(directory)

    @app.post("/api/experiments/{id}/resume", status_code=202, tags=["steering"], responses=WRITES)
    def resume(id: Id, _: Annotated[dict[str, Any] | None, Body()] = None) -> Response:  # noqa: A002
        """Go on where it stood, in the background."""
        directory = directory_of(id)
        if home.is_running(directory):
            raise HTTPException(409, f"experiment {id} runs already")
        return Json({"effect": "now", "said": _resumed(id)}, status_code=202)

    @app.post("/api/experiments/{id}/trials", status_code=202, tags=["steering"], responses=WRITES)
    def enqueue(id: Id, proposal: Proposal) -> Response:  # noqa: A002
        """Run given values as the next trial."""
        directory = directory_of(id)
        return accepted(directory, parameters=wishes.enqueue(directory, proposal.parameters))

    @app.post(
        "/api/experiments/{id}/trials/{number}/kill", status_code=202, tags=["steering"], responses=WRITES
    )
    def kill(id: Id, number: Number, _: Annotated[dict[str, Any] | None, Body()] = None) -> Response:  # noqa: A002
        """End a running trial; it counts as canceled."""
        directory = directory_of(id)
        must_run(directory)
        if trial_of(directory, number).state.is_final:
            raise HTTPException(409, f"trial {number} has ended already")
        wishes.kill_trial(directory, number)
        return accepted(directory)

    @app.post(
        "/api/experiments/{id}/trials/{number}/rerun", status_code=202, tags=["steering"], responses=WRITES
    )
    def rerun(id: Id, number: Number, _: Annotated[dict[str, Any] | None, Body()] = None) -> Response:  # noqa: A002
        """Run a trial's values again, as a trial of its own."""
        directory = directory_of(id)
        row = trial_of(directory, number)
        return accepted(directory, parameters=wishes.enqueue(directory, row.parameters))


def _check_seen(directory: Path, seen: dict[str, Any]) -> None:
    """Refuse to change what is not any more what whoever changes it saw: the change of another would be lost.

    Browsers know no whole numbers, so numbers are compared as they have them.
    """
    with open_store(directory) as store:
        settings, space = wishes.wanted(store)
    told = views.limits(settings)
    now = {**told["limits"], "concurrency": told["concurrency"], "space": space}
    for name, value in seen.items():
        if _as_browsers_read(value) == _as_browsers_read(now.get(name)):
            continue
        if name == "space":
            raise HTTPException(
                409, "the space was changed elsewhere meanwhile: keep your text, and open it anew"
            )
        raise HTTPException(409, f"{name} was changed elsewhere meanwhile, to {json.dumps(now.get(name))}")


def _as_browsers_read(value: Any) -> Any:
    return json.loads(json.dumps(value), parse_int=float)


def _settings(directory: Path, changed: Changed) -> dict[str, Any]:
    """Return limits by the names of their settings, checked as the runner will check them."""
    given = {name: getattr(changed, name) for name in changed.model_fields_set - {"space", "seen"}}
    if "concurrency" in given:
        given["trial_concurrency"] = given.pop("concurrency")
    if not given:
        return given
    with open_store(directory) as store:
        written = store.experiment()["config"]["settings"]
    config = Config.model_validate({**written, "space": None}).override(**given)
    return {name: getattr(config, name) for name in given}


def _resumed(name: str) -> str:
    """Start a runner in the background; return what it said.

    Raises:
        UsageError: it did not start.
    """
    done = subprocess.run(
        [sys.executable, "-m", "hpo", "resume", name, "--detach", "--no-web"],
        cwd="/",  # the first entry of its sys.path: not a folder of the user's
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=120,
    )
    said = done.stderr.strip()
    if done.returncode != 0:
        raise UsageError(f"experiment {name} does not go on: {said.removeprefix('hpo: ')}")
    return said
