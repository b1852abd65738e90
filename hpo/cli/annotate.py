"""`hpo annotate`: the search space of a script, for people, editors and CI."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.text import Text

from hpo.annotate.project import annotate
from hpo.annotate.project import check as find_mistakes
from hpo.annotate.result import HOLE, AnnotatedProject, MarkedParameter
from hpo.cli.output import print_diff, print_json, print_table
from hpo.errors import Diagnostic, UsageError
from hpo.experiment.settings_files import (
    SUFFIXES,
    MarkedValue,
    SettingsFile,
    find_settings,
    read_settings,
    with_settings,
)
from hpo.space import SearchSpace

__all__ = ["show"]


def show(
    paths: Sequence[Path],
    *,
    format: str,  # noqa: A002
    space: bool,
    nni_keys: bool,
    diff: bool,
    output: Path | None,
    check: bool,
) -> int:
    """Print what was asked for, diagnostics first; return 2 where one of them is an error."""
    if nni_keys and not space:
        raise UsageError("--nni-keys is about the search space", help="give --space as well")
    if format not in ("text", "json", "github"):
        raise UsageError(f"there is no format {format}", help="the formats are text, json and github")
    given = [path for path in paths if path.suffix in SUFFIXES and path.is_file()]
    paths = [path for path in paths if path not in given]
    if check and format != "json":
        for path in given:
            read_settings(path)  # what is wrong there is raised
        return _report(find_mistakes(paths) if paths else (), format)
    project = (
        annotate(paths)
        if paths or not given
        else AnnotatedProject((), (), (), SearchSpace({}), reports=False)
    )
    files = [file for path in given if (file := read_settings(path)) is not None]
    if not nni_keys:
        files += find_settings([path for path in paths if path.is_file()], [], Path.cwd())
    whole = project.space if project.errors else with_settings(project.space, files)
    if format == "json" and not space:
        told = project.to_json()
        beside = [] if project.errors else [_document(file, value) for file in files for value in file.values]
        print_json({**told, "space": whole.to_json(), "parameters": [*told["parameters"], *beside]})
        return 2 if project.errors else 0
    if _report(project.diagnostics, format):
        return 2
    if space:
        found = dict(project.nni_space) if nni_keys else whole.to_json()
        if output is None:
            print_json(found)
        else:
            output.write_text(json.dumps(found, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    elif diff:
        print_diff(project.diff())
    elif output is not None:
        project.write(output)
        print(f"The parameterised code is in {output}", file=sys.stderr)
    elif format == "text":
        _print_space(project, files)
    return 0


def _document(file: SettingsFile, value: MarkedValue) -> dict[str, Any]:
    """Return a marked value of a file of settings in the form of the others."""
    place = {"file": file.name, "line": value.line, "column": value.column, "spelling": "yaml"}
    written = value.domain.to_json()
    domain = {"type": written["_type"], "value": written["_value"]}
    return {"name": value.name, **domain, "default": value.default, **place, "condition": None}


def _report(found: Sequence[Diagnostic], format: str) -> int:  # noqa: A002
    """Print diagnostics; return 2 where one of them is an error."""
    for diagnostic in found:
        if format == "github":
            print(_github(diagnostic))
        else:
            print(diagnostic, file=sys.stderr)
    return 2 if any(diagnostic.severity == "error" for diagnostic in found) else 0


def _github(found: Diagnostic) -> str:
    """Return a workflow command, which GitHub shows beside the line."""
    kind = {"error": "error", "warning": "warning", "note": "notice"}[found.severity]
    message = found.message + (f" ({found.help})" if found.help else "")
    file, said = _escaped(found.file, "%\r\n:,"), _escaped(message, "%\r\n")
    place = f"file={file},line={found.line},col={found.column},endLine={found.end_line}"
    return f"::{kind} {place},endColumn={found.end_column},title={found.code}::{said}"


def _escaped(text: str, special: str) -> str:
    return "".join(f"%{ord(c):02X}" if c in special else c for c in text)


def _print_space(project: AnnotatedProject, files: Sequence[SettingsFile]) -> None:
    if not project.parameters and not files:
        print(
            "No marks found. Mark a value: lr = 0.01  # hpo: loguniform(1e-5, 1e-1)\n"
            "`hpo suggest SCRIPT` proposes marks.",
            file=sys.stderr,
        )
        return
    sources = {n: [_option(n, *o) for o in each] for f in project.files for n, each in f.choices.items()}
    rows = [
        [
            parameter.name,
            _domain(parameter, sources.get(parameter.name, [])),
            " ".join(parameter.places[0].default_source.split()),
            ", ".join(f"{place.file}:{place.line}" for place in parameter.places),
            _condition(parameter),
        ]
        for parameter in project.parameters
    ]
    rows += [
        [value.name, str(value.domain), json.dumps(value.default), f"{file.name}:{value.line}", ""]
        for file in files
        for value in file.values
    ]
    columns = ["parameter", "domain", "today", "place", "only where"]
    if not any(row[-1] for row in rows):
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    print_table(columns, rows, narrow=lambda: _beneath(rows), hang=6)
    for constraint in project.constraints:
        print(f"only where {constraint.test}  ({constraint.file}:{constraint.line})")
    if project.fidelity is not None:
        loop, passes = project.fidelity, project.fidelity.passes
        print(f"the budget is {passes or 'a number of'} passes  ({loop.file}:{loop.line})")


def _beneath(rows: Sequence[Sequence[str]]) -> Iterator[Text]:
    """Yield each parameter with its value and its place, and its domain beneath."""
    widest = max(len(f"{name} = {today}") for name, _, today, *_ in rows)
    for name, domain, today, place, *condition in rows:
        line = Text(name, style="bold").append(f" = {today}", style="not bold")
        line.append(" " * (min(widest, 40) - len(line)) + f"   {place}", style="not bold dim")
        yield line
        where = f"   only where {condition[0]}" if condition and condition[0] else ""
        yield Text(f"    {domain}").append(where, style="dim")


def _domain(parameter: MarkedParameter, options: Sequence[str]) -> str:
    """Write a domain as its mark does: options are code, numbers are numbers."""
    arguments = options or [json.dumps(value) for value in parameter.value]
    if parameter.type in ("subset", "permutation"):
        limits = [f"{name}={limit}" for name, limit in parameter.limits.items()]
        arguments = [f"[{', '.join(arguments)}]", *limits]
    return f"{parameter.type}({', '.join(arguments)})"


def _option(name: str, value: Any, code: str) -> str:
    """Write an option as its mark does: of a layer, without the inputs that its call gets in a trial."""
    return str(value) if name.endswith(".layer_choice") else HOLE.sub(r"\1", code)


def _condition(parameter: MarkedParameter) -> str:
    return " and ".join(
        f"{c['name']} = {c['values'][0]}" if len(c["values"]) == 1 else f"{c['name']} in {c['values']}"
        for c in parameter.condition or ()
    )
