"""How routes answer: from which folder, as which JSON, with which refusals, and not twice the same."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Annotated, Any

from fastapi import HTTPException, Request, Response
from fastapi import Path as InPath
from fastapi.responses import JSONResponse

from hpo.dashboard import views
from hpo.dashboard.security import EXPERIMENT
from hpo.experiment.documents import open_store
from hpo.runtime import home
from hpo.runtime.queries import TrialRow

__all__ = [
    "LARGEST",
    "REFUSALS",
    "WRITES",
    "Answers",
    "Id",
    "Json",
    "Number",
    "directory_of",
    "problem",
    "trial_of",
]

LARGEST = 2**31 - 1
_CACHED = 48  # answers

Id = Annotated[str, InPath(pattern=f"^{EXPERIMENT.pattern}$", description="The experiment's id.")]
Number = Annotated[int, InPath(ge=0, le=LARGEST, description="The trial's number.")]

REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"description": "Neither a session nor the token came with the request."},
    403: {"description": "The request comes from elsewhere."},
    404: {"description": "There is no such experiment, trial or figure."},
}
WRITES: dict[int | str, dict[str, Any]] = {
    **REFUSALS,
    400: {"description": "The values cannot be taken; the answer says why."},
    409: {"description": "It cannot be done as things stand: it does not run, or it runs already."},
    413: {"description": "The body is too large."},
    415: {"description": "The body is not said to be JSON."},
}


def problem(status: int, message: str, help_: str | None = None, path: Any = None, **rest: Any) -> Response:
    """Return an error as JSON: what is wrong, how to mend it, and where in what was sent."""
    return Json({"error": message, "help": help_, "path": path}, status_code=status, **rest)


class Json(JSONResponse):
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


def directory_of(name: str) -> Path:
    """Return the folder of an experiment; 404 where there is none."""
    directory = home.home() / name
    if not EXPERIMENT.fullmatch(name) or not (directory / "experiment.db").is_file():
        raise HTTPException(404, f"there is no experiment {name}")
    return directory


def trial_of(directory: Path, number: int) -> TrialRow:
    """Return a trial; 404 where there is none."""
    with open_store(directory) as store:
        row = store.trial(number)
    if row is None:
        raise HTTPException(404, f"experiment {directory.name} has no trial {number}")
    return row


class Answers:
    """Answers that were given, for as long as what they show stays the same."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, bytes], tuple[str, bytes]] = OrderedDict()
        self._lock = Lock()

    def give(self, request: Request, directory: Path, view: Callable[[], Any]) -> Response:
        """Return a view's answer: none where the browser has it, the kept one where nothing changed."""
        key = (request.scope["path"], request.scope["query_string"])  # a URL may be both, with %3F
        digest = hashlib.blake2b(f"{key!r} {views.stamp(directory)}".encode(), digest_size=12)
        tag = f'W/"{digest.hexdigest()}"'
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        with self._lock:
            kept_tag, body = self._kept.get(key, ("", b""))
        if kept_tag != tag:
            body = Json(view()).body  # type: ignore[assignment]
            with self._lock:
                self._kept[key] = (tag, body)
                self._kept.move_to_end(key)
                while len(self._kept) > _CACHED:
                    self._kept.popitem(last=False)
        return Response(body, media_type="application/json", headers=headers)
