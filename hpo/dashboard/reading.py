"""What can be asked for: an experiment, its source, its trials, its figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import FastAPI, HTTPException, Query, Request, Response

from hpo.dashboard import views
from hpo.dashboard.answers import LARGEST, REFUSALS, WRITES, Answers, Id, Json, Number, directory_of, trial_of
from hpo.dashboard.logs import tail_of
from hpo.experiment.documents import open_store
from hpo.experiment.repetition import attempts, folder_of
from hpo.runtime import home

if TYPE_CHECKING:
    from hpo.experiment.record import Record

__all__ = ["reading"]

_PAGE = 500  # trials
# Those of hpo.figures.KINDS that plotly draws; they are not loaded before they are needed.
Figure = Literal[
    "history",
    "front",
    "importance",
    "slices",
    "items",
    "contour",
    "curves",
    "rungs",
    "lineage",
    "edf",
    "timeline",
]


def reading(app: FastAPI) -> None:
    """Add the routes that only read."""
    answers: Answers = app.state.answers

    @app.get("/api/experiments", tags=["experiments"], responses={401: REFUSALS[401], 403: REFUSALS[403]})
    def experiments() -> Response:
        """List the experiments, the newest first."""
        return Json(views.experiments())

    @app.get("/api/damaged", tags=["experiments"], responses={401: REFUSALS[401], 403: REFUSALS[403]})
    def damaged() -> Response:
        """List what is wrong with the experiments that cannot be read, and what helps."""
        return Json([{"error": error.message, "help": error.help} for error in home.damaged()])

    @app.get("/api/comparison", tags=["experiments"], responses=REFUSALS)
    def comparison(
        ids: Annotated[list[str], Query(alias="id", min_length=1, max_length=12, description="Ids.")],
    ) -> Response:
        """Return several experiments side by side: their results in order, and their spaces."""
        return Json(views.comparison([directory_of(name) for name in ids]))

    def view(path: str, show: Callable[[Any], Any], text: str) -> None:
        """Serve a view of an experiment."""

        def route(request: Request, id: Id) -> Response:  # noqa: A002
            directory = directory_of(id)

            def made() -> Any:
                with open_store(directory) as store:
                    return show(store)

            return answers.give(request, directory, made)

        route.__doc__ = text
        route.__name__ = show.__name__
        app.get(f"/api/experiments/{{id}}{path}", tags=["experiments"], responses=REFUSALS)(route)

    view("", views.overview, "Return an experiment at a glance.")
    view("/course", views.course, "Return the results in the order in which they came, and the best so far.")
    view("/space", views.space, "Return the search space, with how each parameter is written.")
    view("/values", _values, "Return for each parameter its best and own value, and results by value.")

    @app.get("/api/experiments/{id}/source", tags=["source"], responses={**REFUSALS, 400: WRITES[400]})
    def source(id: Id) -> Response:  # noqa: A002
        """Return the files that trials run, with their marks; 400 where trials are no Python script."""
        from hpo.dashboard.source import source as show

        return Json(show(directory_of(id)))

    @app.get("/api/experiments/{id}/diff", tags=["source"], responses={**REFUSALS, 400: WRITES[400]})
    def diff(
        id: Id,  # noqa: A002
        trial: Annotated[int | None, Query(ge=0, le=LARGEST, description="The best.")] = None,
    ) -> Response:
        """Return the diff that `hpo apply` would make."""
        from hpo.dashboard.source import diff as show

        return Json(show(directory_of(id), trial))

    _reading_trials(app, answers)
    _reading_figures(app, answers)


def _values(store: Any) -> Any:
    from hpo.dashboard.source import values

    return values(store)


def _reading_trials(app: FastAPI, answers: Answers) -> None:
    base = "/api/experiments/{id}/trials"

    @app.get(base, tags=["trials"], responses={**REFUSALS, 400: WRITES[400]})
    def trials(
        request: Request,
        id: Id,  # noqa: A002
        filter: Annotated[str, Query(max_length=2000, description="Such as: value>0.9 kernel=rbf")] = "",  # noqa: A002
        sort: Annotated[str, Query(max_length=200, description="A column or a parameter.")] = "number",
        descending: bool = False,
        offset: Annotated[int, Query(ge=0, le=LARGEST)] = 0,
        limit: Annotated[int, Query(ge=1, le=_PAGE)] = 100,
    ) -> Response:
        """Return a page of trials, filtered and sorted."""
        directory = directory_of(id)

        def made() -> Any:
            with open_store(directory) as store:
                return views.trials(
                    store, filter, sort=sort, descending=descending, offset=offset, limit=limit
                )

        return answers.give(request, directory, made)

    @app.get(base + "/{number}", tags=["trials"], responses=REFUSALS)
    def trial(request: Request, id: Id, number: Number) -> Response:  # noqa: A002
        """Return a trial in full."""
        directory = directory_of(id)
        row = trial_of(directory, number)

        def made() -> Any:
            with open_store(directory) as store:
                return views.trial(store, row)

        return answers.give(request, directory, made)

    @app.get(base + "/{number}/code", tags=["trials"], responses={**REFUSALS, 400: WRITES[400]})
    def code(id: Id, number: Number) -> Response:  # noqa: A002
        """Return the script with the trial's values written in, as a file."""
        from hpo.experiment.written_back import trial_code

        directory = directory_of(id)
        body = trial_code(directory, trial_of(directory, number))
        disposition = f'attachment; filename="{id}_trial_{number}.py"'
        return Response(body, media_type="text/plain", headers={"Content-Disposition": disposition})

    @app.get(base + "/{number}/logs/{stream}", tags=["trials"], responses=REFUSALS)
    def logs(
        id: Id,  # noqa: A002
        number: Number,
        stream: Literal["stdout", "stderr"],
        offset: Annotated[int | None, Query(ge=0, le=2**53, description="The end of the file.")] = None,
        limit: Annotated[int, Query(ge=1, le=1 << 20)] = 1 << 16,
        run: Annotated[int, Query(ge=0, le=2**53, description="Of several runs, from 0.")] = 0,
        attempt: Annotated[int | None, Query(ge=1, le=2**53, description="The run's last.")] = None,
    ) -> Response:
        """Return a piece of what a trial wrote, as it wrote it; `X-Offset` and `X-Size` say which."""
        directory = directory_of(id)
        if attempt is None:  # while a trial writes this is asked all the time: no store is opened for it
            return _text(tail_of(folder_of(directory, number, run) / f"{stream}.log", offset, limit))
        row = trial_of(directory, number)
        for each in attempts(directory, number, run=row.repeat, attempt=row.attempt):
            if (each.run, each.number) == (run, attempt):
                return _text(tail_of(each.log(stream), offset, limit))
        raise HTTPException(404, f"trial {number} has had no attempt {attempt} at run {run}")

    @app.get("/api/experiments/{id}/log", tags=["experiments"], responses=REFUSALS)
    def log(
        id: Id,  # noqa: A002
        offset: Annotated[int | None, Query(ge=0, le=2**53, description="The end of the file.")] = None,
        limit: Annotated[int, Query(ge=1, le=1 << 20)] = 1 << 16,
    ) -> Response:
        """Return a piece of what the runner wrote."""
        return _text(tail_of(directory_of(id) / "runner.log", offset, limit))


def _reading_figures(app: FastAPI, answers: Answers) -> None:
    @app.get("/api/figures/templates", tags=["figures"], responses={401: REFUSALS[401], 403: REFUSALS[403]})
    def templates() -> Response:
        """Return plotly's templates for light and dark; figures come without one."""
        from hpo.dashboard.plots import templates as made

        return Json(made())

    def of_record(request: Request, name: str, show: Callable[[Record], Any]) -> Response:
        """Answer with what is made of an experiment's record."""
        directory = directory_of(name)

        def made() -> Any:
            from hpo.dashboard.records import Records

            if app.state.records is None:
                app.state.records = Records()
            return show(app.state.records.read(directory, views.stamp(directory)))

        return answers.give(request, directory, made)

    base = "/api/experiments/{id}"

    @app.get(f"{base}/figures", tags=["figures"], responses=REFUSALS)
    def figures(request: Request, id: Id) -> Response:  # noqa: A002
        """Say which figures have something to show."""
        from hpo.dashboard.plots import available

        return of_record(request, id, available)

    @app.get(f"{base}/figures/{{kind}}", tags=["figures"], responses={**REFUSALS, 400: WRITES[400]})
    def figure(
        request: Request,
        id: Id,  # noqa: A002
        kind: Figure,
        names: Annotated[list[str], Query(alias="name", max_length=50, description="Parameters.")] = [],  # noqa: B006
    ) -> Response:
        """Return a figure as plotly's JSON, without a template."""
        from hpo.dashboard.plots import drawn

        return of_record(request, id, lambda record: drawn(record, kind, names))

    @app.get(f"{base}/parallel", tags=["figures"], responses=REFUSALS)
    def parallel(request: Request, id: Id) -> Response:  # noqa: A002
        """Return trials as places on the axes of their parameters, from 0 to 1."""
        from hpo.dashboard.plots import parallel as show

        return of_record(request, id, show)

    @app.get(f"{base}/importance", tags=["figures"], responses=REFUSALS)
    def importance(request: Request, id: Id) -> Response:  # noqa: A002
        """Return how much each parameter matters: its share of the variance, by fANOVA."""
        from hpo.dashboard.records import shares

        return of_record(request, id, lambda record: {"importance": shares(record)})


def _text(piece: tuple[bytes, int, int]) -> Response:
    data, offset, size = piece
    headers = {"X-Offset": str(offset), "X-Size": str(size)}
    return Response(data, media_type="text/plain; charset=utf-8", headers=headers)
