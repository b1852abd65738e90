"""A trial's values written into the source: the diff to the script as it is now, or the script as it ran."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.annotate.project import annotate
from hpo.annotate.reading.source import Edit, SourceFile
from hpo.annotate.result import AnnotatedProject
from hpo.annotate.writing.apply import Application, apply, code
from hpo.errors import AnnotationError, StoreError, UsageError
from hpo.experiment.documents import open_store
from hpo.experiment.settings_files import SettingsFile, frozen_settings, read_settings
from hpo.parameters import same
from hpo.runtime.queries import TrialRow
from hpo.runtime.settings import yaml_value
from hpo.runtime.snapshot import check, read_manifest

__all__ = ["WrittenBack", "frozen_project", "trial_code", "write_back"]


@dataclass(frozen=True)
class WrittenBack:
    """The edits that make a trial's values the source's own.

    Attributes:
        trial: whose they are.
        application: the edits.
        others: how many more trials are on the front, where there are several objectives.
    """

    trial: TrialRow
    application: Application
    others: int = 0


def write_back(directory: Path, number: int | None = None) -> WrittenBack:
    """Return what `hpo apply` would change for a trial, or for the best one.

    Raises:
        UsageError: there is no such trial, or its values have no places in a source.
        AnnotationError: the source of today has mistakes.
    """
    with open_store(directory) as store:
        row = store.best() if number is None else store.trial(number)
        plan = store.experiment()["config"]["plan"]
        others = len(store.front()) - 1 if number is None else 0
    if row is None:
        what = "no trial has succeeded yet" if number is None else f"there is no trial {number}"
        raise UsageError(f"{directory.name}: {what}", help=f"hpo trial list {directory.name}")
    was = _read(directory, _frozen(directory, plan))
    files = _settings_of(directory)
    in_settings = {value.name for file in files for value in file.values}
    if not row.parameters.keys() & {*was.space.parameters, *in_settings}:
        _check_marks(directory)
        raise UsageError(
            f"the values of {directory.name} do not come from marks: there is no place to write them to",
            help=f"hpo best {directory.name} prints them",
        )
    here = Path.cwd()  # named as one would here
    sources = [Path(source) for source in plan["sources"]]
    sources = [s.relative_to(here) if s.is_relative_to(here) else s for s in sources]
    project = annotate(sources)
    if project.errors:
        raise AnnotationError(project.errors)
    return WrittenBack(
        row, _with_settings(apply(project, row.parameters, was), files, row.parameters), others
    )


def _check_marks(directory: Path) -> None:
    """Say where there are none for they are not what they were."""
    try:
        check(str(directory / "code"))
    except StoreError as error:
        raise UsageError(error.message, help=error.help) from error


def _with_settings(
    application: Application, files: Sequence[SettingsFile], values: Mapping[str, Any]
) -> Application:
    """Return edits of the source, with those of the files of settings that it reads."""
    edits, sources = dict(application.edits), dict(application.sources)
    here = Path.cwd()
    for file in files:
        changed = tuple(
            Edit(*value.span, yaml_value(values[value.name]))
            for value in sorted(file.values, key=lambda each: each.span)
            if value.name in values and not same(values[value.name], value.default)
        )
        if changed:
            name = file.path.relative_to(here) if file.path.is_relative_to(here) else file.path
            sources[file.path] = SourceFile(str(name), file.path, file.path.read_bytes())
            edits[file.path] = changed
    return Application(edits, application.skipped, sources)


def frozen_project(directory: Path) -> AnnotatedProject:
    """Return what an experiment's marks were read from, as it was when the experiment started.

    Raises:
        UsageError: no Python script was read.
        StoreError: it is gone or damaged.
    """
    with open_store(directory) as store:
        plan = store.experiment()["config"]["plan"]
    return _read(directory, _frozen(directory, plan))


def trial_code(directory: Path, row: TrialRow) -> bytes:
    """Return the frozen script with a trial's values written in; it runs without hpo.

    Values that belong into other files are listed in a comment at its end.

    Raises:
        UsageError: its trials run no script, or more than one.
    """
    with open_store(directory) as store:
        plan = store.experiment()["config"]["plan"]
    frozen = _frozen(directory, plan)
    if len(frozen) > 1 or frozen[0].is_dir():
        raise UsageError(
            f"the trials of {directory.name} run more than one script: {plan['command']['text']}",
            help=f"hpo apply {directory.name} --trial {row.number} shows where its values belong",
        )
    script, project = frozen[0].resolve(), _read(directory, frozen)
    return code(project, row.parameters)[script] + _elsewhere(
        project, script, row.parameters, _settings_of(directory)
    )


def _settings_of(directory: Path) -> list[SettingsFile]:
    """Return the files with marks that an experiment's trials read, as they are today."""
    read = (read_settings(path) for path in frozen_settings(directory))
    return [file for file in read if file is not None]


def _elsewhere(
    project: AnnotatedProject, script: Path, values: Mapping[str, Any], settings: Sequence[SettingsFile]
) -> bytes:
    """Return a comment with those of a trial's values that do not stand in the script itself."""
    lines = [
        f"#   {os.path.relpath(file.path, script.parent)}: {name} = {values[name]!r}"
        for file in project.files
        if file.path != script
        for name in dict.fromkeys(site.name for site in file.sites)
        if name in values
    ]
    lines += [
        f"#   {file.path.name}: {value.name} = {values[value.name]!r}"
        for file in settings
        for value in file.values
        if value.name in values
    ]
    text = "\n".join(["", "# Values of this trial in other files:", *lines, ""]) if lines else ""
    return text.encode("ascii", "backslashreplace")


def _frozen(directory: Path, plan: Mapping[str, Any]) -> list[Path]:
    """Return what an experiment's marks were read from, as it was when the experiment started.

    Raises:
        UsageError: no Python script was read.
        StoreError: it is gone or damaged.
    """
    if not plan.get("sources"):
        raise UsageError(
            f"the trials of {directory.name} are no Python script: there are no marks to write to",
            help=f"hpo best {directory.name} prints the values",
        )
    original = (directory / "code" / "original").resolve()
    manifest = read_manifest(str(directory / "code"))
    root = Path(manifest["root"])
    try:
        frozen = [original / Path(source).resolve().relative_to(root) for source in plan["sources"]]
    except (ValueError, TypeError) as error:
        raise StoreError(
            f"what {directory.name} froze is not what its marks were read from: {error}",
            help="it is damaged, or was not written by hpo",
        ) from error
    for path in [*frozen, *(original / name for name in manifest["files"])]:
        _check_inside(original, path)
    return frozen


def _read(directory: Path, frozen: Sequence[Path]) -> AnnotatedProject:
    """Read the marks of frozen files, and of the modules that they import."""
    project = annotate(list(frozen))
    for file in project.files:
        _check_inside((directory / "code" / "original").resolve(), file.path)
    return project


def _check_inside(folder: Path, path: Path) -> None:
    """Refuse what leads out of a snapshot, by a link or by its name: a folder may come from somebody else.

    Raises:
        UsageError: it does.
    """
    if path.resolve() != path or not path.is_relative_to(folder):
        raise UsageError(
            f"{path} leads out of its snapshot", help="hpo freezes files, no links: somebody changed this"
        )
