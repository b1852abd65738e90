"""A script and its modules, or a folder: found, read, marked, named and rewritten."""

from __future__ import annotations

import ast
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hpo.annotate import files as disk
from hpo.annotate.code_marks import code_marks
from hpo.annotate.conditions import Conjunction, conditions
from hpo.annotate.constants import Constants, module_constants
from hpo.annotate.constraints import Test, constrain
from hpo.annotate.deep import with_deep_stack
from hpo.annotate.defaults import below, default, flat_name, is_constant
from hpo.annotate.fidelity import Loop, find_loops, one_loop
from hpo.annotate.grammar import Domain
from hpo.annotate.ignore import is_so
from hpo.annotate.marks import Mark, text_marks
from hpo.annotate.naming import name_targets
from hpo.annotate.nni_space import nni_space
from hpo.annotate.result import (
    AnnotatedFile,
    AnnotatedProject,
    MarkedConstraint,
    MarkedParameter,
    MarkedPlace,
)
from hpo.annotate.rewrite import plain, rewrite
from hpo.annotate.sites import choices, sites
from hpo.annotate.source import Edit, Refusal, SourceFile, Span, brief
from hpo.annotate.stretches import stretches
from hpo.annotate.structure import Structure, survey
from hpo.annotate.targets import Target, find_targets
from hpo.errors import Diagnostic, SpaceError, UsageError
from hpo.space import SearchSpace

__all__ = ["AnnotatedProject", "annotate"]


def annotate(
    paths: Sequence[Path], *, code_dir: Path | None = None, texts: Mapping[Path, bytes] | None = None
) -> AnnotatedProject:
    """Read scripts, with the modules of their own that they import, or whole folders.

    Mistakes in the files are diagnostics, all of them; with an error among them nothing is rewritten.

    Args:
        paths: scripts and folders.
        code_dir: where a script's modules are, besides its own folder.
        texts: what files hold instead of what is on the disk, by absolute path, as in an editor.

    Raises:
        UsageError: a path does not exist.
    """
    for path in paths:
        if not disk.is_there(path):
            raise UsageError(f"there is no file {path}", help="give the path of a script or a folder")
    return with_deep_stack(lambda: _Annotator(code_dir, texts or {}).annotate(paths))


@dataclass(frozen=True, eq=False)
class _Read:
    """One file with marks, as far as it was read."""

    file: SourceFile
    structure: Structure
    names: Mapping[str, Any]
    marks: list[Mark]
    targets: list[Target]
    loops: list[Loop]


class _Annotator:
    """Carry one run from paths to a project: read, find, name, rewrite; each step for all files."""

    def __init__(self, code_dir: Path | None, texts: Mapping[Path, bytes]) -> None:
        self.code_dir, self.texts = code_dir, texts
        self.found: list[Diagnostic] = []
        self.data: dict[Path, bytes] = {}  # by absolute path, in the order of discovery
        self.names: dict[Path, str] = {}  # what a file is called in messages

    def annotate(self, paths: Sequence[Path]) -> AnnotatedProject:
        explicit = set()
        for path in paths:
            if is_so(path.is_dir):
                for file in disk.tree(path, self._unreadable):
                    self._take(file)
            else:
                explicit.add(path.resolve())
                self._take_script(path)
        read = [r for path in self.data if (r := self._read(path, path in explicit)) is not None]
        named = name_targets([target for each in read for target in each.targets], self.found)
        parameters, space = self._describe(named)
        space, constraints = self._constrain(space, read, named)
        loops = [loop for each in read for loop in each.loops]
        is_one_program = len(paths) == 1 and is_so(paths[0].is_file)
        fidelity = one_loop(loops, self.found, is_one_program=is_one_program)
        edits = {} if self._broken() else {each.file.path: self._edits(each, named) for each in read}
        files = tuple(
            edits.get(path) or AnnotatedFile(path, self.names[path], data, data)
            for path, data in self.data.items()
        )
        if self._broken():
            files = tuple(AnnotatedFile(f.path, f.name, f.original, f.original) for f in files)
            space = SearchSpace({})
        self.found.sort(key=lambda d: (d.file, d.line, d.column, d.code))
        root = paths[0].resolve() if is_so(paths[0].is_dir) else paths[0].resolve().parent
        keyed = {} if self._broken() else nni_space([(each.file, each.marks) for each in read], root)
        reports = any(m.report and "final" in m.report.function for each in read for m in each.marks)
        return AnnotatedProject(
            files, parameters, tuple(self.found), space, reports, constraints, fidelity, keyed
        )

    def _broken(self) -> bool:
        return any(d.severity == "error" for d in self.found)

    # -- files

    def _take(self, path: Path, *, must_be: bool = False) -> bytes | None:
        """Read a file into the project; one that cannot be read is said, and passed over."""
        absolute = Path(os.path.realpath(path))  # where `resolve` raises, as for a link to itself
        if absolute in self.data:
            return None
        self.names[absolute] = str(path)
        try:
            self.data[absolute] = self.texts[absolute] if absolute in self.texts else disk.read(path)
        except Refusal as refusal:
            self._refuse(path, b"", refusal, must_be)
            return None
        return self.data[absolute]

    def _unreadable(self, error: OSError) -> None:
        """Say that a folder cannot be looked into; the others go on."""
        self._refuse(Path(error.filename), b"", disk.unreadable(error), is_error=False)

    def _take_script(self, script: Path) -> None:
        folder = script.resolve().parent
        shown = script.parent if script.parent.resolve() == folder else folder  # of a link's target, its own
        roots = [folder] if self.code_dir is None else [folder, self.code_dir.resolve()]
        waiting = [script]
        while waiting:
            path = waiting.pop(0)
            data = self._take(path, must_be=path is script)
            if data is None:
                continue
            for module in disk.find_modules(path.resolve(), data, roots):
                if module not in self.data:
                    inside = module.is_relative_to(folder)
                    waiting.append(shown / module.relative_to(folder) if inside else module)

    def _refuse(self, path: Path, data: bytes, refusal: Refusal, is_error: bool) -> None:
        lines = data.decode("utf-8", "replace").splitlines()
        line = lines[refusal.line - 1] if refusal.line <= len(lines) else None
        self.found.append(
            Diagnostic(
                refusal.code, "error" if is_error else "warning", refusal.message, str(path), refusal.line,
                refusal.column, refusal.line, refusal.column + 1, refusal.help, line,
            )
        )  # fmt: skip

    def _read(self, path: Path, explicit: bool) -> _Read | None:
        """Find the marks of a file; one without the words that open a mark is never parsed for them."""
        data = self.data[path]
        if not explicit and not disk.has_marks(data):
            return None
        try:
            file = SourceFile(self.names[path], path, data)
            tree = file.tree()
            structure = survey(file, tree)
        except RecursionError:
            refusal = Refusal("HPO104", "the file is nested too deeply", "split its deepest expression")
        except Refusal as refused:
            refusal = refused
        else:
            return self._find(file, structure, tree)
        is_marked = disk.has_text_marks(data) and b"\0" not in data  # what is binary has words by chance
        self._refuse(Path(self.names[path]), data, refusal, explicit or is_marked)
        return None

    def _find(self, file: SourceFile, structure: Structure, tree: ast.Module) -> _Read:
        names = Constants(module_constants(structure.module, tree.body))
        found: list[Diagnostic] = []
        marks, targets = self._marked(file, structure, names, found)
        searched = {target.place.target for target in targets if target.place.scope is structure.module}
        fixed = Constants({name: value for name, value in names.items() if name not in searched})
        if names.used & searched:  # a bound is no constant where a trial has another value for it
            found = []
            marks, targets = self._marked(file, structure, fixed, found)
        loops = find_loops(file, structure, marks, fixed, found)
        self.found += found
        return _Read(file, structure, fixed, marks, targets, loops)

    @staticmethod
    def _marked(
        file: SourceFile, structure: Structure, names: Mapping[str, Any], found: list[Diagnostic]
    ) -> tuple[list[Mark], list[Target]]:
        each = [find(file, structure, names, found) for find in (text_marks, code_marks)]
        marks = sorted((mark for some in each for mark in some), key=lambda m: m.span)
        return marks, find_targets(file, structure, marks, found)

    # -- what was found

    def _describe(self, named: dict[str, list[Target]]) -> tuple[tuple[MarkedParameter, ...], SearchSpace]:
        when = {} if self._broken() else self._active(named)
        parameters: list[MarkedParameter] = []
        for name, targets in named.items():
            parameters += self._parameters(name, targets, when.get(name, {}))
        data = {
            name: targets[0].domain.to_json() | ({"_when": _lists(when[name])} if name in when else {})
            for name, targets in named.items()
        }
        defaults: dict[str, Any] = {}
        for parameter in parameters:
            defaults |= parameter.defaults
        try:
            return tuple(parameters), SearchSpace.from_json({} if self._broken() else data, defaults=defaults)
        except SpaceError as error:
            first = next(iter(named.values()))[0]
            self.found.append(first.diagnostic("HPO232", error.message, error.help or "rename one of them"))
            return tuple(parameters), SearchSpace({})

    def _constrain(
        self, space: SearchSpace, read: Sequence[_Read], named: Mapping[str, list[Target]]
    ) -> tuple[SearchSpace, tuple[MarkedConstraint, ...]]:
        """Return the space with its constraints; where a mark is wrong, what one means is not known."""
        if self._broken():
            return space, ()
        tests = [
            Test(each.file, mark.test, each.structure.scope_at(mark.span.start, each.file), each.names)
            for each in read
            for mark in each.marks
            if mark.test is not None
        ]
        return constrain(space, tests, named, self.found)

    def _active(self, named: dict[str, list[Target]]) -> dict[str, Conjunction]:
        """Return the conditions; what is never active is said, and is no hyperparameter."""
        when = conditions(named)
        for name in [n for n in named if _is_never(when.get(n, {}), when)]:
            first = named.pop(name)[0]
            message = f"{name} is never active: the tests around it leave no value of {', '.join(when[name])}"
            help_ = "it is left out of the search: mend the tests, or the options that they ask for"
            self.found.append(
                first.file.diagnostic("HPO237", message, first.domain.span, severity="warning", help=help_)
            )
        return {name: conjunction for name, conjunction in when.items() if name in named}

    def _parameters(self, name: str, targets: list[Target], when: Conjunction) -> Iterator[MarkedParameter]:
        """Yield a hyperparameter as it is shown, and those below its options."""
        places = tuple(self._place(target) for target in targets)
        written = targets[0].domain.to_json()
        condition = [{"name": parent, "values": list(values)} for parent, values in when.items()]
        defaults = {name: places[0].default} if places[0].inside else {}
        first = targets[0]
        if first.domain.options and first.domain.options[0].branch is not None:
            written = first.domain.parameter.to_json()
            for flat, sub, node in below(name, first):
                value, known = default(sub, node)
                defaults |= {flat: value} if known and sub.parameter.contains(value) else {}
        yield MarkedParameter(
            name, written["_type"], tuple(written["_value"]), tuple(condition) or None, places, defaults
        )
        yield from _below(name, first.domain, places[0], defaults)

    def _place(self, target: Target) -> MarkedPlace:
        domain, own = target.domain, target.own
        line, column = target.file.position(target.span.start)
        source = "" if own is None else target.file.segment(target.file.span(own))
        value, known = default(domain, own)
        inside = known and (own is None or domain.parameter.contains(value))
        if own is not None and not inside and (known or is_constant(own)):
            message = f"the value {brief(source)} lies outside {target.written}"
            help_ = "add it to the options" if domain.options else "widen the domain, or change the value"
            span = target.file.span(own)
            self.found.append(target.file.diagnostic("HPO233", message, span, severity="warning", help=help_))
        if domain.kind == "choice" and len(domain.options) == 1 and not target.mark.layers:
            listed = domain.options[0].code.startswith(("[", "("))
            help_ = "list them one by one: choice(1, 2)" if listed else "add an option, or remove the mark"
            self.found.append(
                target.file.diagnostic(
                    "HPO216", "there is one option, and nothing to choose", domain.span, severity="warning",
                    help=help_,
                )
            )  # fmt: skip
        shown = value if known else None
        return MarkedPlace(
            target.file.name, line, column, target.mark.spelling, shown, source, inside and known
        )

    # -- edits

    def _edits(self, read: _Read, named: Mapping[str, list[Target]]) -> AnnotatedFile:
        file = read.file
        targets = [(name, t) for name, group in named.items() for t in group if t.file is file]
        targets.sort(key=lambda pair: pair[1].mark.span)
        edits = rewrite(file, read.marks, targets, read.loops)
        rewritten = self._checked(file, edits, [t for _, t in targets], read.marks)
        bare = [e for mark in read.marks if mark.spelling != "inline" for e in plain(file, mark)]
        places = tuple(site for name, t in targets for site in sites(name, t))
        return AnnotatedFile(
            file.path, file.name, file.data, rewritten, places, tuple(bare), choices(targets),
            stretches(file, edits, rewritten) if rewritten != file.data else (),
        )  # fmt: skip

    def _checked(
        self, file: SourceFile, edits: Sequence[Edit], targets: Sequence[Target], marks: Sequence[Mark]
    ) -> bytes:
        """Splice the edits in; an option that is no valid code at its place is the mark's mistake."""
        try:
            rewritten = file.rewritten(edits)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                compile(rewritten, file.name, "exec", dont_inherit=True)
        except UnicodeEncodeError as error:
            message = f"this option cannot be written in the file's encoding, {file.encoding}: {error.reason}"
            self._misfit(file, message, targets[0].domain.span if targets else marks[0].span)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = getattr(error, "lineno", None)
            here = [t for t in targets if _holds_line(t, line)] or list(targets)
            at = next((t.domain.span for t in here if not t.domain.is_constant), None)
            reports = [m.span for m in marks if m.report and file.line_of(m.span.start) == line]
            span = reports[0] if reports else at or marks[0].span
            self._misfit(
                file, f"what this mark puts here does not compile: {getattr(error, 'msg', error)}", span
            )
        else:
            return rewritten
        return file.data

    def _misfit(self, file: SourceFile, message: str, span: Span) -> None:
        help_ = "write what would be valid in the place of the value"
        self.found.append(file.diagnostic("HPO229", message, span, help=help_))


def _holds_line(target: Target, line: int | None) -> bool:
    span = target.span
    return line is not None and target.file.line_of(span.start) <= line <= target.file.line_of(span.end)


def _is_never(conjunction: Conjunction, when: Mapping[str, Conjunction]) -> bool:
    return any(not values or _is_never(when.get(p, {}), when) for p, values in conjunction.items())


def _lists(when: Conjunction) -> dict[str, list[Any]]:
    return {parent: list(values) for parent, values in when.items()}


def _below(
    name: str, domain: Domain, place: MarkedPlace, defaults: Mapping[str, Any]
) -> Iterator[MarkedParameter]:
    """Yield the hyperparameters below the options of a nested choice."""
    waits: dict[str, tuple[Domain, list[str]]] = {}
    for option in domain.options:
        for key, sub in option.branch.domains.items() if option.branch is not None else ():
            assert option.branch is not None
            flat = flat_name(name, domain, option.branch, key)
            waits.setdefault(flat, (sub, []))[1].append(option.branch.name)
    for flat, (sub, names) in waits.items():
        written = sub.to_json()
        condition = ({"name": name, "values": names},)
        at = replace(place, default=defaults.get(flat), default_source="", inside=flat in defaults)
        yield MarkedParameter(flat, written["_type"], tuple(written["_value"]), condition, (at,), {})
        yield from _below(flat, sub, place, defaults)
