"""What annotation found, as plain data: it can be shown, written, and sent between processes as JSON."""

from __future__ import annotations

import base64
import difflib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hpo.annotate.reading.source import Edit, Span
from hpo.errors import Diagnostic, RelatedPlace
from hpo.space import SearchSpace

__all__ = [
    "HOLE",
    "AnnotatedFile",
    "AnnotatedProject",
    "Choices",
    "MarkedConstraint",
    "MarkedLoop",
    "MarkedParameter",
    "MarkedPlace",
    "Site",
    "hole",
    "unified_diff",
]


Choices = tuple[tuple[Any, str], ...]  # of a choice: each value, and its source
# In a source, the name of a hyperparameter between two null characters, which no source has: see `hole`.
HOLE = re.compile("\0([^\0]*)\0")


def hole(name: str) -> str:
    """Return what stands for a value in a source that depends on it, as that of a nested choice does."""
    return f"\0{name}\0"


@dataclass(frozen=True)
class MarkedPlace:
    """One of the places of a hyperparameter.

    Attributes:
        file: the path, as in messages.
        line: of the value, from 1.
        column: of the value, from 1, in characters.
        spelling: how the mark is written.
        default: the value that stands there, where it is known before the script runs.
        default_source: what stands there, as written.
        inside: whether the default lies in the domain.
    """

    file: str
    line: int
    column: int
    spelling: str
    default: Any
    default_source: str
    inside: bool


@dataclass(frozen=True)
class MarkedParameter:
    """A hyperparameter with its places, as `hpo annotate --format json` shows it."""

    name: str
    type: str
    value: tuple[Any, ...]
    condition: tuple[Mapping[str, Any], ...] | None
    places: tuple[MarkedPlace, ...]
    defaults: Mapping[str, Any] = field(default_factory=dict)  # of it and of what is nested below it
    limits: Mapping[str, int] = field(default_factory=dict)  # of a subset: `min` and `max`, where given

    @property
    def default(self) -> Any:
        """The default at its first place."""
        return self.places[0].default

    @property
    def file(self) -> str:
        """The file of its first place."""
        return self.places[0].file

    @property
    def line(self) -> int:
        """The line of its first place."""
        return self.places[0].line

    def to_json(self) -> dict[str, Any]:
        """Return the documented JSON form: the first place's own keys, and all the places."""
        first = asdict(self.places[0])
        del first["inside"]
        return {
            "name": self.name,
            "type": self.type,
            "value": list(self.value),
            **self.limits,
            **first,
            "condition": None if self.condition is None else [dict(c) for c in self.condition],
            "places": [asdict(place) for place in self.places],
        }


@dataclass(frozen=True)
class MarkedConstraint:
    """A constraint: the test, over names of hyperparameters, and where it stands."""

    test: str
    file: str
    line: int
    column: int


@dataclass(frozen=True)
class MarkedLoop:
    """The loop that is the budget: how many passes it has, where that is known, and where it stands."""

    passes: int | None
    file: str
    line: int
    column: int


@dataclass(frozen=True)
class Site:
    """A marked place as `apply` needs it.

    Attributes:
        name: of the hyperparameter.
        span: of what a value replaces in the source.
        whole: of what a value replaces where no mark stays: an inline call goes with its default.
        before: what is put before the value.
        own: the value that stands there, alone in a tuple; None where it is no constant and no option.
        is_named: whether the mark means this place whatever stands in it.
        is_apart: whether an expression needs no parentheses there.
        mark: the span of the domain, for messages.
        display: the brackets of the list, tuple or set that stands there, where the value is a list.
    """

    name: str
    span: Span
    whole: Span
    before: str
    own: tuple[Any, ...] | None
    is_named: bool
    is_apart: bool
    mark: Span
    display: str = ""


@dataclass(frozen=True)
class AnnotatedFile:
    """A file of the project.

    Attributes:
        path: its absolute path.
        name: its path as in messages.
        original: its bytes.
        rewritten: the bytes that a trial runs; the original ones where nothing is marked.
        sites: its marked places.
        plain: the edits that leave no trace of the marks; they may have holes (see `hole`).
        choices: how the options of each choice, and the items of each list, are written; they may have holes.
        stretches: where the rewritten bytes have other columns (see `trial.stretches`).
    """

    path: Path
    name: str
    original: bytes
    rewritten: bytes
    sites: tuple[Site, ...] = ()
    plain: tuple[Edit, ...] = ()
    choices: Mapping[str, Choices] = field(default_factory=dict)
    stretches: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True)
class AnnotatedProject:
    """What was found in a script and its modules.

    Attributes:
        files: all of them, marked or not, a script first.
        parameters: the hyperparameters, in the order of their first places.
        diagnostics: what is wrong, in the order of places.
        space: the search space, with its conditions and the defaults that are constants; empty with errors.
        reports: whether a mark reports a final result.
        constraints: those of the space, with their places.
        fidelity: the loop that is the budget of a trial.
        nni_space: the search space under NNI's own keys; not part of the document.
    """

    files: tuple[AnnotatedFile, ...]
    parameters: tuple[MarkedParameter, ...]
    diagnostics: tuple[Diagnostic, ...]
    space: SearchSpace
    reports: bool
    constraints: tuple[MarkedConstraint, ...] = ()
    fidelity: MarkedLoop | None = None
    nni_space: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The diagnostics that keep the project from running."""
        return tuple(d for d in self.diagnostics if d.severity == "error")

    def to_json(self) -> dict[str, Any]:
        """Return the documented JSON form (`hpo annotate --format json`)."""
        return {
            "space": self.space.to_json(),
            "parameters": [p.to_json() for p in self.parameters],
            "constraints": [asdict(constraint) for constraint in self.constraints],
            "fidelity": None if self.fidelity is None else asdict(self.fidelity),
            "diagnostics": [d.to_json() for d in self.diagnostics],
        }

    def to_document(self) -> dict[str, Any]:
        """Return everything as JSON, files included; `from_json` restores the project from it."""
        files = [
            {
                "path": str(f.path),
                "name": f.name,
                "original": base64.b64encode(f.original).decode(),
                "rewritten": None if f.rewritten == f.original else base64.b64encode(f.rewritten).decode(),
                "sites": [asdict(site) for site in f.sites],
                "plain": [asdict(edit) for edit in f.plain],
                "choices": dict(f.choices),
                "stretches": f.stretches,
            }
            for f in self.files
        ]
        defaults = [dict(p.defaults) for p in self.parameters]
        return {**self.to_json(), "files": files, "defaults": defaults, "reports": self.reports}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> AnnotatedProject:
        """Restore a project from its document."""
        parameters = tuple(
            _parameter(p, d) for p, d in zip(data["parameters"], data["defaults"], strict=True)
        )
        defaults = {name: value for p in parameters for name, value in p.defaults.items()}
        return cls(
            tuple(map(_file, data["files"])),
            parameters,
            tuple(map(_diagnostic, data["diagnostics"])),
            SearchSpace.from_json(data["space"], defaults=defaults if data["space"] else {}),
            data["reports"],
            tuple(MarkedConstraint(**each) for each in data["constraints"]),
            None if data["fidelity"] is None else MarkedLoop(**data["fidelity"]),
        )

    def diff(self) -> str:
        """Return a unified diff from the files to what a trial runs."""
        return "".join(unified_diff(f.name, f.original, f.rewritten) for f in self.files)

    def write(self, directory: Path) -> None:
        """Write what a trial runs as a tree: all the files, at their places below their common folder."""
        if not self.files:
            return
        root = Path(os.path.commonpath([f.path.parent for f in self.files]))
        for file in self.files:
            target = directory / file.path.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.rewritten)
            target.chmod(file.path.stat().st_mode)


def unified_diff(name: str, before: bytes, after: bytes) -> str:
    """Return the unified diff of two versions of a file; empty where they are equal."""
    if before == after:
        return ""
    old, new = (_lines(data) for data in (before, after))
    place = name.lstrip("/")  # so that `patch -p1` finds it, from the root if need be
    diff = difflib.unified_diff(old, new, f"a/{place}", f"b/{place}")
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in diff
    )


def _lines(data: bytes) -> Sequence[str]:
    # Form feeds and the like end no line of a diff; undecodable bytes go through as they came.
    return [line.decode("utf-8", "surrogateescape") for line in data.splitlines(keepends=True)]


def _parameter(data: Mapping[str, Any], defaults: Mapping[str, Any]) -> MarkedParameter:
    places = tuple(MarkedPlace(**place) for place in data["places"])
    condition = None if data["condition"] is None else tuple(data["condition"])
    limits = {key: data[key] for key in ("min", "max") if key in data}
    return MarkedParameter(
        data["name"], data["type"], tuple(data["value"]), condition, places, defaults, limits
    )


def _file(data: Mapping[str, Any]) -> AnnotatedFile:
    original = base64.b64decode(data["original"])
    rewritten = original if data["rewritten"] is None else base64.b64decode(data["rewritten"])
    sites = tuple(
        Site(
            s["name"], Span(**s["span"]), Span(**s["whole"]), s["before"],
            None if s["own"] is None else tuple(s["own"]), s["is_named"], s["is_apart"], Span(**s["mark"]),
            s["display"],
        )
        for s in data["sites"]
    )  # fmt: skip
    plain = tuple(Edit(**edit) for edit in data["plain"])
    choices = {name: tuple((v, code) for v, code in each) for name, each in data["choices"].items()}
    stretches = tuple(map(tuple, data["stretches"]))
    return AnnotatedFile(
        Path(data["path"]), data["name"], original, rewritten, sites, plain, choices, stretches
    )


def _diagnostic(data: Mapping[str, Any]) -> Diagnostic:
    related = tuple(RelatedPlace(**place) for place in data["related"])
    return Diagnostic(**{**data, "related": related})
