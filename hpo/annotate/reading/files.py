"""Which files belong to a project: a script and the modules of its own that it imports, or a folder's."""

from __future__ import annotations

import ast
import os
import re
import stat
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from hpo.annotate.reading.ignore import Ignored, is_so
from hpo.annotate.reading.source import Refusal

__all__ = ["find_modules", "has_marks", "has_text_marks", "is_there", "read", "tree", "unreadable"]

_TEXT_WORDS = re.compile(rb"@(?:hpo|nni)\.|#[ \t]*(?:hpo|nni):")
_LINES = re.compile(rb"(?:[^\\\r\n]|\\\r\n|\\[\s\S])+")  # one that ends in a backslash goes on
_IMPORT = re.compile(rb"\b(?:import|from)\b")
_NAMES = re.compile(rb"\b(?:hpo|nni)\b")
_NEVER = {"__pycache__", "node_modules", "site-packages"}
_MOST_BYTES = 32 * 2**20


def has_text_marks(data: bytes) -> bool:
    """Tell whether a file has the words that open a mark in a string or a comment."""
    return (b"hpo" in data or b"nni" in data) and _TEXT_WORDS.search(data) is not None


def has_marks(data: bytes) -> bool:
    """Tell whether a file has words that open a mark, or imports what makes one."""
    return has_text_marks(data) or ((b"hpo" in data or b"nni" in data) and _may_import_us(data))


def _may_import_us(data: bytes) -> bool:
    """Tell whether our name follows the word of an import on some line."""
    if _NAMES.search(data) is None:
        return False
    for line in _LINES.findall(data):
        word = _IMPORT.search(line)
        if word is not None and _NAMES.search(line, word.end()) is not None:
            return True
    return False


def is_there(path: Path) -> bool:
    """Tell whether there is something at a path; where that is not ours to know, reading it will say so."""
    try:
        return path.exists()
    except OSError:
        return True


def read(path: Path) -> bytes:
    """Return a file's bytes.

    Raises:
        Refusal: it cannot be read, is a notebook, or too large to be a script.
    """
    if path.suffix == ".ipynb":
        raise Refusal(
            "HPO105", "a notebook is no script", "export it: jupyter nbconvert --to script NOTEBOOK"
        )
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            message = "this is no regular file"  # reading a pipe or a device could wait for ever
            raise Refusal("HPO103", message, "give the path of a script or a folder")
        data = path.read_bytes()
    except OSError as error:
        raise unreadable(error) from None
    if len(data) > _MOST_BYTES and has_marks(data):
        message = f"the file is too large: {len(data) // 2**20} MiB, of {_MOST_BYTES // 2**20}"
        raise Refusal("HPO104", message, "move the marked code to a file of its own")
    return data


def unreadable(error: OSError) -> Refusal:
    """Return that a file or folder cannot be read."""
    return Refusal("HPO103", f"it cannot be read: {error.strerror}", "check that it is there, and yours")


def tree(root: Path, refused: Callable[[OSError], None]) -> Iterator[Path]:
    """Yield the Python files of a folder, but what git ignores, hidden folders and environments.

    Args:
        root: the folder.
        refused: is told of the folders in it that cannot be read.
    """
    ignored = {root: _above(root)}
    for name, folders, files in os.walk(root, onerror=refused):
        here = Path(name)
        rules = ignored.pop(here).within(here)
        kept = [f for f in sorted(folders) if not _is_foreign(here / f) and here / f not in rules]
        folders[:] = kept
        ignored.update((here / f, rules) for f in kept)
        for file in sorted(files):
            if file.endswith(".py") and here / file not in rules:
                yield here / file


def _above(root: Path) -> Ignored:
    """Return the rules of the folders above, up to the repository's own."""
    chain = [root, *root.parents]
    top = next((i for i, folder in enumerate(chain) if is_so((folder / ".git").exists)), 0)
    rules = Ignored()
    for folder in reversed(chain[1 : top + 1]):
        rules = rules.within(folder)
    return rules


def _is_foreign(folder: Path) -> bool:
    return folder.name.startswith(".") or folder.name in _NEVER or is_so((folder / "pyvenv.cfg").is_file)


def find_modules(path: Path, data: bytes, roots: Sequence[Path]) -> Iterator[Path]:
    """Yield the files below some roots that the imports in a file lead to."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parsed = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # where the file is marked, this is said when it is read
    for node in _statements(parsed):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files(roots, alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            bases = roots
            if node.level:
                bases = [path.parents[node.level - 1]] if node.level <= len(path.parents) else []
            parts = node.module.split(".") if node.module else []
            for alias in node.names:
                yield from _files(bases, [*parts, alias.name])
            yield from _files(bases, [*parts, "__init__"][: len(parts) or 1])


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements in a tree; expressions, which are most of it, have none."""
    for part in ("body", "orelse", "finalbody", "handlers", "cases"):
        inside = getattr(node, part, ())
        for child in inside if isinstance(inside, list) else ():
            yield child
            yield from _statements(child)


def _files(bases: Sequence[Path], parts: Sequence[str]) -> Iterator[Path]:
    """Yield the files that importing a dotted name runs: the packages on the way, and the module."""
    for base in bases:
        found = []
        for n in range(1, len(parts) + 1):
            stem = base.joinpath(*parts[:n])
            candidates = (stem / "__init__.py", stem.parent / f"{stem.name}.py")
            found += [c.resolve() for c in candidates if is_so(c.is_file)][:1]
        if found:
            yield from found
            return
