"""`hpo run` and `hpo resume`."""

from __future__ import annotations

import json as json_
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from hpo.cli.arguments import assignments
from hpo.cli.detach import Announce
from hpo.cli.dry_run import show_draft
from hpo.cli.warmth import offer_warmth
from hpo.cli.web import Address
from hpo.config.model import Algorithm, Config
from hpo.errors import ExperimentFailed, UsageError
from hpo.experiment.create import make, open_existing
from hpo.experiment.documents import best_json, open_store
from hpo.experiment.draft import draft
from hpo.experiment.extraction import Extraction
from hpo.experiment.finish import finish
from hpo.experiment.loop import Experiment
from hpo.parameters import Parameter
from hpo.progress import Progress
from hpo.runtime import home

__all__ = ["resume", "run"]


def run(
    script: Path | None,
    extraction: Extraction | None,
    arguments: Sequence[str],
    config_file: Path | None,
    space_file: Path | None,
    params: Sequence[str],
    options: dict[str, Any],
    *,
    maximize: bool,
    minimize: bool,
    json: bool,
    dry: bool,
    page: AbstractContextManager[Address],
    announce: Announce | None = None,
) -> int:
    """Run an experiment from a script, a file, or both; return the exit status."""
    if maximize and minimize:
        raise UsageError("--maximize and --minimize exclude each other", help="give one of them")
    if script is not None and script.is_dir():
        raise UsageError(f"{script} is a folder", help="give the script in it that a trial runs")
    if script is not None and not script.is_file():
        raise UsageError(f"there is no script {script}", help="give the path of a Python file")
    given = {name: value for name, value in options.items() if value is not None}
    if "ray_resources" in given:
        given["ray_resources"] = dict(map(_amount, given["ray_resources"]))
    if maximize or minimize:
        given["direction"] = "maximize" if maximize else "minimize"
    for kind in ("tuner", "assessor"):
        if kind in given:
            given[kind] = Algorithm.named(given[kind], kind)
    if space_file is not None:
        from hpo.config.space_file import load_space

        given["space"] = load_space(space_file)
    domains: dict[str, Parameter] = {}
    if params:
        from hpo.annotate.marks.options import read_options

        domains = read_options(params)
    needless = {*given, *(["command"] if script is not None else []), *(["space"] if domains else [])}
    config = Config()
    if config_file is not None:
        from hpo.config.loader import load

        config = load(config_file, given=needless)
    if "fixed" in given:
        given["fixed"] = {**config.fixed, **assignments(given["fixed"])}
    config = config.override(**given)
    progress = Progress()
    for note in config.notes:
        progress.print(f"note: {note}")
    what: dict[str, Any] = {
        "script": None if script is None else str(script),
        "arguments": arguments,
        "options": domains,
        "extraction": extraction,
        "listener": progress,
    }
    drafted = draft(config, **what)
    if drafted.warmth is None:
        drafted = offer_warmth(drafted, progress, asks=not (json or dry or announce))
    if dry:
        show_draft(drafted, json=json)
        return 0
    with page as address:
        return _run(make(drafted, listener=progress), progress, address, json=json, announce=announce)


def _amount(written: str) -> tuple[str, float]:
    """Read a custom resource of Ray's, NAME=N."""
    name, _, amount = written.partition("=")
    try:
        return name, float(amount)
    except ValueError:
        message = f"--ray-resource {written} is no amount of a resource"
        raise UsageError(message, help="write it as NAME=N, such as tpu=1") from None


def resume(
    reference: str | None,
    *,
    json: bool,
    page: AbstractContextManager[Address],
    announce: Announce | None = None,
) -> int:
    """Go on with an experiment; return the exit status."""
    progress = Progress()
    with page as address:
        experiment = open_existing(home.find(reference), listener=progress)
        return _run(experiment, progress, address, json=json, announce=announce)


def _run(
    experiment: Experiment, progress: Progress, address: Address, *, json: bool, announce: Announce | None
) -> int:
    watch = address(experiment.directory)
    if announce is not None:
        announce(experiment.directory, watch)
        watch = None  # from now on it would be written into a log
    progress.begin(experiment, watch)
    try:
        return _to_its_end(experiment, progress, json=json)
    finally:
        finish(experiment, progress)


def _to_its_end(experiment: Experiment, progress: Progress, *, json: bool) -> int:
    failure: ExperimentFailed | None = None
    try:
        experiment.run()
    except ExperimentFailed as error:
        failure = error
    finally:
        progress.end()
    if json:  # where there is no best trial, too: it says so
        with open_store(experiment.directory) as store:
            print(json_.dumps(best_json(store)))
    if failure is not None:
        for line in experiment.last_words():
            print(f"  | {line}", file=sys.stderr)
        raise failure
    progress.summarise(experiment)
    return experiment.exit_code
