"""The routes: what is asked for, checked, and answered from the views; wishes are handed to the runner."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import subprocess
import sys
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import Body, FastAPI, HTTPException, Query, Request, Response
from fastapi import Path as InPath
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.middleware.gzip import GZipMiddleware

from hpo.config.duration import parse_duration
from hpo.config.model import Config
from hpo.dashboard import views
from hpo.dashboard.changes import Changes
from hpo.dashboard.logs import tail_of
from hpo.dashboard.security import EXPERIMENT
from hpo.errors import HpoError, SpaceError, StoreError, UsageError
from hpo.experiment import wishes
from hpo.experiment.documents import open_store
from hpo.nni.routes import router as nni_routes
from hpo.runtime import home
from hpo.runtime.store import TrialRow
from hpo.space import SearchSpace

if TYPE_CHECKING:
    from hpo.experiment.record import Record

__all__ = ["create_app"]

_STATIC = Path(__file__).parent / "static"
_LARGEST = 2**31 - 1
_PAGE = 500  # trials
_CACHED = 48  # answers
_LISTENERS = 256  # the tabs of a browser are one

Id = Annotated[str, InPath(pattern=f"^{EXPERIMENT.pattern}$", description="The experiment's id.")]
Number = Annotated[int, InPath(ge=0, le=_LARGEST, description="The trial's number.")]
Values = dict[str, Any]
# Those of hpo.figures.KINDS that plotly draws; they are not loaded before they are needed.
Figure = Literal[
    "history", "importance", "slices", "contour", "curves", "rungs", "lineage", "edf", "timeline"
]

_REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"description": "Neither a session nor the token came with the request."},
    403: {"description": "The request comes from elsewhere."},
    404: {"description": "There is no such experiment, trial or figure."},
}
_WRITES: dict[int | str, dict[str, Any]] = {
    **_REFUSALS,
    400: {"description": "The values cannot be taken; the answer says why."},
    409: {"description": "It cannot be done as things stand: it does not run, or it runs already."},
    413: {"description": "The body is too large."},
    415: {"description": "The body is not said to be JSON."},
}


class Changed(BaseModel):
    """Limits and search space as they are to be; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    max_trials: Annotated[int | None, Field(ge=1, le=_LARGEST)] = Field(None, description="null: no limit")
    max_duration: str | float | None = Field(None, description="30s, 10m, 1h, 2d or seconds; null: no limit")
    stop_when: Annotated[str | None, Field(max_length=200)] = Field(
        None, description="the final result that is good enough: val_acc>=0.99"
    )
    patience: Annotated[int | None, Field(ge=1, le=_LARGEST)] = Field(
        None, description="after so many trials without a better result none starts"
    )
    max_failures: Annotated[int | None, Field(ge=1, le=_LARGEST)] = Field(
        None, description="after so many failed trials none starts; null: where the first 3 all fail"
    )
    max_trial_duration: str | float | None = Field(None, description="as max_duration")
    max_trial_memory: str | int | None = Field(None, description="512M, 4G or bytes; null: no limit")
    retries: Annotated[int, Field(ge=0, le=_LARGEST)] | None = Field(
        None, description="how often a trial that fails is run again"
    )
    concurrency: Annotated[int, Field(ge=1, le=10_000)] | None = Field(None, description="trials at a time")
    space: dict[str, Any] | None = Field(None, description="NNI's search-space JSON")


class Proposal(BaseModel):
    """A trial that somebody wants to see run next; values that are left out are the source's own."""

    model_config = ConfigDict(extra="forbid")

    parameters: Values


def create_app(changes: Changes) -> FastAPI:
    """Return the page as an ASGI application, without the gate before it (see `security`)."""
    app = FastAPI(
        title="hpo",
        version=version("hpo-annotate"),
        description="Experiments of `hpo`: watch and steer them.",
        openapi_url="/api/openapi.json",
        docs_url=None,  # they would load scripts from elsewhere
        redoc_url=None,
    )
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=4)
    app.state.changes = changes
    app.state.answers = _Answers()
    app.state.records = None
    for kind in (HpoError, RequestValidationError, StarletteHTTPException):
        app.add_exception_handler(kind, _failed)
    for register in (_reading, _steering, _streaming, _pages):
        register(app)
    app.include_router(nni_routes())
    return app


# -- errors


def _failed(_: Request, error: Exception) -> Response:
    """Return an error as JSON: what is wrong, and how to mend it."""
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        return _problem(422, f"{where}: {first['msg']}" if where else first["msg"])
    if isinstance(error, StarletteHTTPException):
        return _problem(error.status_code, str(error.detail), headers=error.headers)
    assert isinstance(error, HpoError)
    path = list(error.path) if isinstance(error, SpaceError) else None
    return _problem(404 if isinstance(error, StoreError) else 400, error.message, error.help, path)


def _problem(status: int, message: str, help_: str | None = None, path: Any = None, **rest: Any) -> Response:
    return _Json({"error": message, "help": help_, "path": path}, status_code=status, **rest)


class _Json(JSONResponse):
    """JSON that every browser reads: no NaN, and no half of a character."""

    def render(self, content: Any) -> bytes:
        try:
            return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()
        except ValueError:
            return json.dumps(_finite(content), allow_nan=False, separators=(",", ":")).encode()


def _finite(value: Any) -> Any:
    """Return data with null where a number is none."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and value * 0 != 0 else value


# -- what is asked for


def _directory(name: str) -> Path:
    directory = home.home() / name
    if not EXPERIMENT.fullmatch(name) or not (directory / "experiment.db").is_file():
        raise HTTPException(404, f"there is no experiment {name}")
    return directory


def _trial(directory: Path, number: int) -> TrialRow:
    with open_store(directory) as store:
        row = store.trial(number)
    if row is None:
        raise HTTPException(404, f"experiment {directory.name} has no trial {number}")
    return row


class _Answers:
    """Answers that were given, for as long as what they show stays the same."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[str, bytes]] = OrderedDict()
        self._lock = Lock()

    def give(self, request: Request, directory: Path, view: Callable[[], Any]) -> Response:
        """Return a view's answer: none where the browser has it, the kept one where nothing changed."""
        key = str(request.url.path) + "?" + str(request.url.query)
        digest = hashlib.blake2b(f"{key} {views.stamp(directory)}".encode("utf-8", "replace"), digest_size=12)
        tag = f'W/"{digest.hexdigest()}"'
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        with self._lock:
            kept_tag, body = self._kept.get(key, ("", b""))
        if kept_tag != tag:
            body = _Json(view()).body  # type: ignore[assignment]
            with self._lock:
                self._kept[key] = (tag, body)
                self._kept.move_to_end(key)
                while len(self._kept) > _CACHED:
                    self._kept.popitem(last=False)
        return Response(body, media_type="application/json", headers=headers)


def _reading(app: FastAPI) -> None:
    answers: _Answers = app.state.answers

    @app.get("/api/experiments", tags=["experiments"], responses={401: _REFUSALS[401], 403: _REFUSALS[403]})
    def experiments() -> Response:
        """List the experiments, the newest first."""
        return _Json(views.experiments())

    @app.get("/api/comparison", tags=["experiments"], responses=_REFUSALS)
    def comparison(
        ids: Annotated[list[str], Query(alias="id", min_length=1, max_length=12, description="Ids.")],
    ) -> Response:
        """Return several experiments side by side: their results in order, and their spaces."""
        return _Json(views.comparison([_directory(name) for name in ids]))

    def view(path: str, show: Callable[[Any], Any], text: str) -> None:
        """Serve a view of an experiment."""

        def route(request: Request, id: Id) -> Response:  # noqa: A002
            directory = _directory(id)

            def made() -> Any:
                with open_store(directory) as store:
                    return show(store)

            return answers.give(request, directory, made)

        route.__doc__ = text
        route.__name__ = show.__name__
        app.get(f"/api/experiments/{{id}}{path}", tags=["experiments"], responses=_REFUSALS)(route)

    view("", views.overview, "Return an experiment at a glance.")
    view("/course", views.course, "Return the results in the order in which they came, and the best so far.")
    view("/space", views.space, "Return the search space, with how each parameter is written.")
    view("/values", _values, "Return for each parameter its best and own value, and results by value.")

    @app.get("/api/experiments/{id}/source", tags=["source"], responses={**_REFUSALS, 400: _WRITES[400]})
    def source(id: Id) -> Response:  # noqa: A002
        """Return the files that trials run, with their marks; 400 where trials are no Python script."""
        from hpo.dashboard.source import source as show

        return _Json(show(_directory(id)))

    @app.get("/api/experiments/{id}/diff", tags=["source"], responses={**_REFUSALS, 400: _WRITES[400]})
    def diff(
        id: Id,  # noqa: A002
        trial: Annotated[int | None, Query(ge=0, le=_LARGEST, description="The best.")] = None,
    ) -> Response:
        """Return the diff that `hpo apply` would make."""
        from hpo.dashboard.source import diff as show

        return _Json(show(_directory(id), trial))

    _reading_trials(app, answers)
    _reading_figures(app, answers)


def _values(store: Any) -> Any:
    from hpo.dashboard.source import values

    return values(store)


def _reading_trials(app: FastAPI, answers: _Answers) -> None:
    base = "/api/experiments/{id}/trials"

    @app.get(base, tags=["trials"], responses={**_REFUSALS, 400: _WRITES[400]})
    def trials(
        request: Request,
        id: Id,  # noqa: A002
        filter: Annotated[str, Query(max_length=2000, description="Such as: value>0.9 kernel=rbf")] = "",  # noqa: A002
        sort: Annotated[str, Query(max_length=200, description="A column or a parameter.")] = "number",
        descending: bool = False,
        offset: Annotated[int, Query(ge=0, le=_LARGEST)] = 0,
        limit: Annotated[int, Query(ge=1, le=_PAGE)] = 100,
    ) -> Response:
        """Return a page of trials, filtered and sorted."""
        directory = _directory(id)

        def made() -> Any:
            with open_store(directory) as store:
                return views.trials(
                    store, filter, sort=sort, descending=descending, offset=offset, limit=limit
                )

        return answers.give(request, directory, made)

    @app.get(base + "/{number}", tags=["trials"], responses=_REFUSALS)
    def trial(request: Request, id: Id, number: Number) -> Response:  # noqa: A002
        """Return a trial in full."""
        directory = _directory(id)
        row = _trial(directory, number)

        def made() -> Any:
            with open_store(directory) as store:
                return views.trial(store, row)

        return answers.give(request, directory, made)

    @app.get(base + "/{number}/code", tags=["trials"], responses={**_REFUSALS, 400: _WRITES[400]})
    def code(id: Id, number: Number) -> Response:  # noqa: A002
        """Return the script with the trial's values written in, as a file."""
        from hpo.experiment.written_back import trial_code

        directory = _directory(id)
        body = trial_code(directory, _trial(directory, number))
        disposition = f'attachment; filename="{id}_trial_{number}.py"'
        return Response(body, media_type="text/plain", headers={"Content-Disposition": disposition})

    @app.get(base + "/{number}/logs/{stream}", tags=["trials"], responses=_REFUSALS)
    def logs(
        id: Id,  # noqa: A002
        number: Number,
        stream: Literal["stdout", "stderr"],
        offset: Annotated[int | None, Query(ge=0, le=2**53, description="The end of the file.")] = None,
        limit: Annotated[int, Query(ge=1, le=1 << 20)] = 1 << 16,
    ) -> Response:
        """Return a piece of what a trial wrote, as it wrote it; `X-Offset` and `X-Size` say which."""
        folder = _directory(id) / "trials" / str(number)
        return _text(tail_of(folder / f"{stream}.log", offset, limit))

    @app.get("/api/experiments/{id}/log", tags=["experiments"], responses=_REFUSALS)
    def log(
        id: Id,  # noqa: A002
        offset: Annotated[int | None, Query(ge=0, le=2**53, description="The end of the file.")] = None,
        limit: Annotated[int, Query(ge=1, le=1 << 20)] = 1 << 16,
    ) -> Response:
        """Return a piece of what the runner wrote."""
        return _text(tail_of(_directory(id) / "runner.log", offset, limit))


def _reading_figures(app: FastAPI, answers: _Answers) -> None:
    @app.get("/api/figures/templates", tags=["figures"], responses={401: _REFUSALS[401], 403: _REFUSALS[403]})
    def templates() -> Response:
        """Return plotly's templates for light and dark; figures come without one."""
        from hpo.dashboard.plots import templates as made

        return _Json(made())

    def of_record(request: Request, name: str, show: Callable[[Record], Any]) -> Response:
        """Answer with what is made of an experiment's record."""
        directory = _directory(name)

        def made() -> Any:
            from hpo.dashboard.records import Records

            if app.state.records is None:
                app.state.records = Records()
            return show(app.state.records.read(directory, views.stamp(directory)))

        return answers.give(request, directory, made)

    base = "/api/experiments/{id}"

    @app.get(f"{base}/figures", tags=["figures"], responses=_REFUSALS)
    def figures(request: Request, id: Id) -> Response:  # noqa: A002
        """Say which figures have something to show."""
        from hpo.dashboard.plots import available

        return of_record(request, id, available)

    @app.get(f"{base}/figures/{{kind}}", tags=["figures"], responses={**_REFUSALS, 400: _WRITES[400]})
    def figure(
        request: Request,
        id: Id,  # noqa: A002
        kind: Figure,
        names: Annotated[list[str], Query(alias="name", max_length=50, description="Parameters.")] = [],  # noqa: B006
    ) -> Response:
        """Return a figure as plotly's JSON, without a template."""
        from hpo.dashboard.plots import drawn

        return of_record(request, id, lambda record: drawn(record, kind, names))

    @app.get(f"{base}/parallel", tags=["figures"], responses=_REFUSALS)
    def parallel(request: Request, id: Id) -> Response:  # noqa: A002
        """Return trials as places on the axes of their parameters, from 0 to 1."""
        from hpo.dashboard.plots import parallel as show

        return of_record(request, id, show)

    @app.get(f"{base}/importance", tags=["figures"], responses=_REFUSALS)
    def importance(request: Request, id: Id) -> Response:  # noqa: A002
        """Return how much each parameter matters: its share of the variance, by fANOVA."""
        from hpo.dashboard.records import shares

        return of_record(request, id, lambda record: {"importance": shares(record)})


def _text(piece: tuple[bytes, int, int]) -> Response:
    data, offset, size = piece
    headers = {"X-Offset": str(offset), "X-Size": str(size)}
    return Response(data, media_type="text/plain; charset=utf-8", headers=headers)


# -- what is wished


def _steering(app: FastAPI) -> None:
    def accepted(directory: Path, **rest: Any) -> Response:
        effect = "now" if home.is_running(directory) else "when resumed"
        return _Json({"effect": effect, **rest}, status_code=202)

    def must_run(directory: Path) -> None:
        if not home.is_running(directory):
            raise HTTPException(409, f"experiment {directory.name} is not running")

    @app.patch("/api/experiments/{id}", status_code=202, tags=["steering"], responses=_WRITES)
    def update(id: Id, changed: Changed) -> Response:  # noqa: A002
        """Change limits or the search space: at once where it runs, else when it is resumed."""
        directory = _directory(id)
        settings = _settings(directory, changed)
        space = SearchSpace.from_json(changed.space) if changed.space is not None else None
        wishes.update(directory, settings, space)
        return accepted(directory)

    @app.post("/api/experiments/{id}/stop", status_code=202, tags=["steering"], responses=_WRITES)
    def stop(id: Id, _: Annotated[dict[str, Any] | None, Body()] = None) -> Response:  # noqa: A002
        """Stop it; what ran runs again when it is resumed."""
        directory = _directory(id)
        must_run(directory)
        wishes.stop(directory)
        return accepted(directory)

    @app.post("/api/experiments/{id}/resume", status_code=202, tags=["steering"], responses=_WRITES)
    def resume(id: Id, _: Annotated[dict[str, Any] | None, Body()] = None) -> Response:  # noqa: A002
        """Go on where it stood, in the background."""
        directory = _directory(id)
        if home.is_running(directory):
            raise HTTPException(409, f"experiment {id} runs already")
        return _Json({"effect": "now", "said": _resumed(id)}, status_code=202)

    @app.post("/api/experiments/{id}/trials", status_code=202, tags=["steering"], responses=_WRITES)
    def enqueue(id: Id, proposal: Proposal) -> Response:  # noqa: A002
        """Run given values as the next trial."""
        directory = _directory(id)
        return accepted(directory, parameters=wishes.enqueue(directory, proposal.parameters))

    @app.post(
        "/api/experiments/{id}/trials/{number}/kill", status_code=202, tags=["steering"], responses=_WRITES
    )
    def kill(id: Id, number: Number, _: Annotated[dict[str, Any] | None, Body()] = None) -> Response:  # noqa: A002
        """End a running trial; it counts as canceled."""
        directory = _directory(id)
        must_run(directory)
        if _trial(directory, number).state.is_final:
            raise HTTPException(409, f"trial {number} has ended already")
        wishes.kill_trial(directory, number)
        return accepted(directory)

    @app.post(
        "/api/experiments/{id}/trials/{number}/rerun", status_code=202, tags=["steering"], responses=_WRITES
    )
    def rerun(id: Id, number: Number, _: Annotated[dict[str, Any] | None, Body()] = None) -> Response:  # noqa: A002
        """Run a trial's values again, as a trial of its own."""
        directory = _directory(id)
        row = _trial(directory, number)
        return accepted(directory, parameters=wishes.enqueue(directory, row.parameters))


def _settings(directory: Path, changed: Changed) -> dict[str, Any]:
    """Return limits by the names of their settings, checked as the runner will check them."""
    given = {name: getattr(changed, name) for name in changed.model_fields_set - {"space"}}
    for name in ("max_duration", "max_trial_duration"):
        if given.get(name) is not None:
            given[name] = parse_duration(given[name])
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


# -- changes, as they happen


def _streaming(app: FastAPI) -> None:
    changes: Changes = app.state.changes

    async def events() -> AsyncIterator[bytes]:
        async for change in changes.listen():
            yield b": still here\n\n" if change is None else b"data: %s\n\n" % json.dumps(change).encode()

    @app.get(
        "/api/changes",
        tags=["experiments"],
        responses={
            200: {"content": {"text/event-stream": {}}},
            401: _REFUSALS[401],
            403: _REFUSALS[403],
            429: {"description": "Too many listen already."},
        },
    )
    async def stream() -> StreamingResponse:
        """Say what changed, as it changes: server-sent events, one for each experiment that did."""
        if changes.listeners >= _LISTENERS:  # each holds a connection, of which a process has about 1,000
            raise HTTPException(429, f"{_LISTENERS} pages listen already: close some")
        return StreamingResponse(
            events(), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )


# -- the page itself


def _pages(app: FastAPI) -> None:
    async def page() -> Response:
        return FileResponse(_STATIC / "index.html", headers={"Cache-Control": "no-cache"})

    for path in ("/", "/compare", "/e/{rest:path}"):
        app.get(path, include_in_schema=False)(page)

    spec = importlib.util.find_spec("plotly")  # found, and not loaded
    assert spec is not None
    assert spec.submodule_search_locations
    plotly = Path(spec.submodule_search_locations[0]) / "package_data" / "plotly.min.js"

    @app.get("/static/plotly.js", include_in_schema=False)
    async def plotly_js() -> Response:
        return FileResponse(
            plotly, media_type="text/javascript", headers={"Cache-Control": "private, max-age=86400"}
        )

    app.mount("/static", _Static(directory=_STATIC), name="static")


class _Static(StaticFiles):
    """Files that browsers ask for again, and get only where they changed."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response
