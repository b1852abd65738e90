"""An experiment as one HTML file: it opens offline, with every figure, for those who were not there.

`report(directory)` returns the page. Nothing that the user wrote becomes markup: the template escapes all of
it, and a Content-Security-Policy lets no script run but the two that are known by their hashes.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from hpo import __version__
from hpo.experiment.documents import experiment_json, open_store
from hpo.experiment.record import Record
from hpo.experiment.wording import duration, short
from hpo.report.drawings import drawings, templates
from hpo.report.source import changes, marked_source
from hpo.report.summary import Summary

__all__ = ["report"]


def report(directory: Path) -> str:
    """Return the page of an experiment's folder.

    Raises:
        StoreError: the folder cannot be read.
    """
    with open_store(directory) as store:
        record, told, events = Record.of(store), experiment_json(store), store.events()
        settings = store.experiment()["config"]["settings"]
    drawn = drawings(record)
    plotly, script = _plotly(), _own("report.js")
    page = (
        _environment()
        .get_template("report.html")
        .render(
            told=told,
            summary=Summary(record),
            events=events,
            settings=settings,
            drawings=drawn,
            figures=_packed(json.dumps({"templates": templates(), "figures": [d.figure for d in drawn]})),
            plotly=_packed(plotly),
            policy=_policy(script, plotly),
            style=_own("report.css"),
            script=script,
            source=marked_source(directory, record),
            changes=changes(directory),
            version=__version__,
        )
    )
    # A file of the user's may hold what is no text; its bytes came as lone surrogates, which no file takes.
    return page.encode("utf-8", "replace").decode()


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("hpo.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(short=short, duration=duration, setting=_setting)
    return environment


def _setting(value: Any) -> str:
    """Write a setting on a line: an algorithm with its arguments, a list, or anything else."""
    if isinstance(value, dict) and "name" in value:
        arguments = value.get("class_args") or {}
        return " ".join([str(value["name"]), *(f"{key}={argument}" for key, argument in arguments.items())])
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def _policy(*scripts: str) -> str:
    """Return the page's Content-Security-Policy: nothing is fetched, and only these scripts run.

    They may build functions from text, as plotly's parallel coordinates do.
    """
    hashes = " ".join(f"'sha256-{_hash(script)}'" for script in scripts)
    return (
        f"default-src 'none'; script-src {hashes} 'unsafe-eval'; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _packed(text: str) -> str:
    """Return a text compressed, in letters that mean nothing to HTML; the page unpacks it."""
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


@cache
def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def _own(name: str) -> str:
    return (files("hpo.report") / "templates" / name).read_text(encoding="utf-8")
