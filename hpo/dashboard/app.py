"""The page as an application: its routes, its errors, the stream of changes, and the files of the page."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.middleware.gzip import GZipMiddleware

from hpo.config.wording import wording
from hpo.dashboard.answers import REFUSALS, Answers, problem
from hpo.dashboard.changes import Changes
from hpo.dashboard.reading import reading
from hpo.dashboard.steering import steering
from hpo.errors import HpoError, SpaceError, StoreError
from hpo.nni.routes import router as nni_routes

__all__ = ["create_app"]

_STATIC = Path(__file__).parent / "static"
_LISTENERS = 256  # the tabs of a browser are one


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
    app.state.answers = Answers()
    app.state.records = None
    for kind in (HpoError, RequestValidationError, StarletteHTTPException):
        app.add_exception_handler(kind, _failed)
    for register in (reading, steering, _streaming, _pages):
        register(app)
    app.include_router(nni_routes())
    return app


def _failed(_: Request, error: Exception) -> Response:
    """Return an error as JSON: what is wrong, and how to mend it."""
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        return problem(422, *wording(where, first)) if where else problem(422, first["msg"])
    if isinstance(error, StarletteHTTPException):
        return problem(error.status_code, str(error.detail), headers=error.headers)
    assert isinstance(error, HpoError)
    path = list(error.path) if isinstance(error, SpaceError) else None
    return problem(404 if isinstance(error, StoreError) else 400, error.message, error.help, path)


# -- changes, as they happen


def _streaming(app: FastAPI) -> None:
    changes: Changes = app.state.changes

    async def events() -> AsyncIterator[bytes]:
        if changes.listeners >= _LISTENERS:
            return  # so many came at once that each of them saw a place
        async for change in changes.listen():
            yield b": still here\n\n" if change is None else b"data: %s\n\n" % json.dumps(change).encode()

    @app.get(
        "/api/changes",
        tags=["experiments"],
        responses={
            200: {"content": {"text/event-stream": {}}},
            401: REFUSALS[401],
            403: REFUSALS[403],
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
