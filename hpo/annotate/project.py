"""A script and its modules, or a folder: found, read, marked, named and rewritten."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.annotate.marks.code import code_marks
from hpo.annotate.marks.constants import Constants, module_constants
from hpo.annotate.marks.mark import Mark
from hpo.annotate.marks.text import text_marks
from hpo.annotate.reading.collection import Collection
from hpo.annotate.reading.deep import with_deep_stack
from hpo.annotate.reading.files import has_marks, is_there, read
from hpo.annotate.reading.ignore import is_so
from hpo.annotate.reading.source import Refusal, SourceFile
from hpo.annotate.reading.structure import Structure, survey
from hpo.annotate.result import AnnotatedFile, AnnotatedProject, MarkedConstraint
from hpo.annotate.space.constraints import Test, constrain
from hpo.annotate.space.description import describe
from hpo.annotate.space.fidelity import Loop, find_loops, one_loop
from hpo.annotate.space.naming import name_targets
from hpo.annotate.space.nni_keys import nni_space
from hpo.annotate.space.targets import Target, find_targets
from hpo.annotate.trial.check import checked
from hpo.annotate.trial.removal import removed
from hpo.annotate.trial.rewrite import rewrite
from hpo.annotate.trial.stretches import stretches
from hpo.annotate.writing.sites import choices, sites
from hpo.errors import Diagnostic, UsageError
from hpo.space import SearchSpace

__all__ = ["AnnotatedProject", "annotate", "check"]


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
        if not is_there(path) and path.resolve() not in (texts or {}):
            raise UsageError(f"there is no file {path}", help="give the path of a script or a folder")
    return with_deep_stack(lambda: _Annotator(code_dir, texts or {}).annotate(paths))


def check(paths: Sequence[Path]) -> tuple[Diagnostic, ...]:
    """Return what is wrong with the marks of scripts and folders, each a program of its own.

    So a hook may be given any files of a repository: what two scripts call the same is no mistake. Of
    several files those without a mark are passed over.

    Raises:
        UsageError: a path does not exist.
    """
    found: dict[Diagnostic, None] = {}
    for path in paths:
        if len(paths) == 1 or is_so(path.is_dir) or not is_there(path) or _may_be_marked(path):
            found.update(dict.fromkeys(annotate([path]).diagnostics))
    return tuple(found)


def _may_be_marked(path: Path) -> bool:
    try:
        return has_marks(read(path))
    except Refusal:
        return True  # what is wrong with it is to be said


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
        self.found: list[Diagnostic] = []
        self.files = Collection(code_dir, texts, self.found)

    def annotate(self, paths: Sequence[Path]) -> AnnotatedProject:
        self.files.take(paths)
        read = [r for path in self.files.data if (r := self._read(path)) is not None]
        named = name_targets([target for each in read for target in each.targets], self.found)
        parameters, space = describe(named, self.found, broken=self._broken())
        space, constraints = self._constrain(space, read, named)
        is_one_program = len(paths) == 1 and is_so(paths[0].is_file)
        loops = [loop for each in read for loop in each.loops]
        fidelity = one_loop(loops, self.found, is_one_program=is_one_program)
        rewritten = {} if self._broken() else {each.file.path: self._rewritten(each, named) for each in read}
        broken = self._broken()  # an option may be no valid code at its place
        files = tuple(
            AnnotatedFile(path, self.files.names[path], data, data)
            if broken or path not in rewritten
            else rewritten[path]
            for path, data in self.files.data.items()
        )
        self.found.sort(key=lambda d: (d.file, d.line, d.column, d.code))
        root = paths[0].resolve() if is_so(paths[0].is_dir) else paths[0].resolve().parent
        keyed = {} if broken else nni_space([(each.file, each.marks) for each in read], root)
        finals = ("report_final_result", "report_fold")
        reports = any(m.report and m.report.function in finals for each in read for m in each.marks)
        return AnnotatedProject(
            files, parameters, tuple(self.found), SearchSpace({}) if broken else space, reports, constraints,
            fidelity, keyed,
        )  # fmt: skip

    def _broken(self) -> bool:
        return any(d.severity == "error" for d in self.found)

    def _read(self, path: Path) -> _Read | None:
        """Find the marks of a file; one without the words that open a mark is never parsed for them."""
        data = self.files.data[path]
        if path not in self.files.scripts and not has_marks(data):
            return None
        try:
            file = SourceFile(self.files.names[path], path, data)
            tree = file.tree()
            structure = survey(file, tree)
        except RecursionError:
            refusal = Refusal("HPO104", "the file is nested too deeply", "split its deepest expression")
        except Refusal as refused:
            refusal = refused
        else:
            return self._find(file, structure, tree)
        self.files.refuse(path, refusal)
        return None

    def _find(self, file: SourceFile, structure: Structure, tree: ast.Module) -> _Read:
        names = Constants(module_constants(structure.module, tree.body))
        found: list[Diagnostic] = []
        marks, targets = _marked(file, structure, names, found)
        searched = {target.place.target for target in targets if target.place.scope is structure.module}
        fixed = Constants({name: value for name, value in names.items() if name not in searched})
        if names.used & searched:  # a bound is no constant where a trial has another value for it
            found = []
            marks, targets = _marked(file, structure, fixed, found)
        loops = find_loops(file, structure, marks, fixed, found)
        self.found += found
        return _Read(file, structure, fixed, marks, targets, loops)

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

    def _rewritten(self, read: _Read, named: Mapping[str, list[Target]]) -> AnnotatedFile:
        """Return a file with what a trial runs, and what is needed to write values into it."""
        file = read.file
        targets = [(name, t) for name, group in named.items() for t in group if t.file is file]
        targets.sort(key=lambda pair: pair[1].mark.span)
        edits = rewrite(file, read.marks, targets, read.loops)
        rewritten = checked(file, edits, [t for _, t in targets], read.marks, self.found)
        bare = removed(file, read.structure, read.marks)
        places = tuple(site for name, t in targets for site in sites(name, t))
        return AnnotatedFile(
            file.path, file.name, file.data, rewritten, places, tuple(bare), choices(targets),
            stretches(file, edits, rewritten) if rewritten != file.data else (),
        )  # fmt: skip


def _marked(
    file: SourceFile, structure: Structure, names: Mapping[str, Any], found: list[Diagnostic]
) -> tuple[list[Mark], list[Target]]:
    """Return the marks of a file, and the places that they mean."""
    each = [find(file, structure, names, found) for find in (text_marks, code_marks)]
    marks = sorted((mark for some in each for mark in some), key=lambda m: m.span)
    return marks, find_targets(file, structure, marks, found)
