"""The files of a run: each is read once, and what cannot be read is said."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from hpo.annotate.reading import files
from hpo.annotate.reading.ignore import is_so
from hpo.annotate.reading.source import Refusal
from hpo.errors import Diagnostic

__all__ = ["Collection"]


class Collection:
    """The files of scripts, with the modules of their own that they import, and of whole folders.

    Args:
        code_dir: where a script's modules are, besides its own folder.
        texts: what files hold instead of what is on the disk, by absolute path.
        found: gets the diagnostics.

    Attributes:
        data: their bytes, by absolute path, in the order of discovery.
        names: what they are called in messages.
        scripts: those that were named, whose mistakes are never passed over.
    """

    def __init__(self, code_dir: Path | None, texts: Mapping[Path, bytes], found: list[Diagnostic]) -> None:
        self.code_dir, self.texts, self.found = code_dir, texts, found
        self.data: dict[Path, bytes] = {}
        self.names: dict[Path, str] = {}
        self.scripts: set[Path] = set()

    def take(self, paths: Sequence[Path]) -> None:
        """Read scripts and folders."""
        for path in paths:
            if is_so(path.is_dir):
                for file in files.tree(path, self._unreadable):
                    self._read(file)
            else:
                self.scripts.add(path.resolve())
                self._read_script(path)

    def refuse(self, path: Path, refusal: Refusal) -> None:
        """Say why a file that was read is passed over: an error where it is a script, or marked."""
        data = self.data[path]
        is_marked = files.has_text_marks(data) and b"\0" not in data  # what is binary has words by chance
        lines = data.decode("utf-8", "replace").splitlines()
        line = lines[refusal.line - 1] if refusal.line <= len(lines) else None
        self._refuse(self.names[path], refusal, path in self.scripts or is_marked, line)

    def _read(self, path: Path, *, must_be: bool = False) -> bytes | None:
        absolute = Path(os.path.realpath(path))  # where `resolve` raises, as for a link to itself
        if absolute in self.data:
            return None
        self.names[absolute] = str(path)
        try:
            self.data[absolute] = self.texts[absolute] if absolute in self.texts else files.read(path)
        except Refusal as refusal:
            self._refuse(str(path), refusal, must_be)
            return None
        return self.data[absolute]

    def _read_script(self, script: Path) -> None:
        folder = script.resolve().parent
        shown = script.parent if script.parent.resolve() == folder else folder  # of a link's target, its own
        roots = [folder] if self.code_dir is None else [folder, self.code_dir.resolve()]
        waiting = [script]
        while waiting:
            path = waiting.pop(0)
            data = self._read(path, must_be=path is script)
            if data is None:
                continue
            for module in files.find_modules(path.resolve(), data, roots):
                if module not in self.data:
                    inside = module.is_relative_to(folder)
                    waiting.append(shown / module.relative_to(folder) if inside else module)

    def _unreadable(self, error: OSError) -> None:
        """Say that a folder cannot be looked into; the others go on."""
        self._refuse(str(Path(error.filename)), files.unreadable(error), is_error=False)

    def _refuse(self, name: str, refusal: Refusal, is_error: bool, line: str | None = None) -> None:
        self.found.append(
            Diagnostic(
                refusal.code, "error" if is_error else "warning", refusal.message, name, refusal.line,
                refusal.column, refusal.line, refusal.column + 1, refusal.help, line,
            )
        )  # fmt: skip
