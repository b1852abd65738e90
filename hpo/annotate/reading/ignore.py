"""What git ignores, so far as it decides which files belong to a project: its `.gitignore` files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

__all__ = ["Ignored", "is_so"]


def is_so(test: Callable[[], bool]) -> bool:
    """Ask a path what it is; the answer is no where its folder is closed to us, for which pathlib raises."""
    try:
        return test()
    except OSError:
        return False


@dataclass(frozen=True)
class _Rule:
    pattern: re.Pattern[str]
    negated: bool
    folders_only: bool


@dataclass(frozen=True)
class Ignored:
    """The rules that hold in a folder: its own, after those of the folders above it."""

    rules: tuple[tuple[Path, _Rule], ...] = ()

    def within(self, folder: Path) -> Ignored:
        """Return the rules that hold in a folder."""
        try:
            text = (folder / ".gitignore").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return self
        return Ignored((*self.rules, *((folder, rule) for rule in _rules(text.splitlines()))))

    def __contains__(self, path: Path) -> bool:
        """Tell whether a file or folder is ignored; the last rule that fits decides."""
        is_folder = is_so(path.is_dir)
        ignored = False
        for base, rule in self.rules:
            relative = PurePosixPath(path.relative_to(base).as_posix())
            if (is_folder or not rule.folders_only) and rule.pattern.fullmatch(str(relative)):
                ignored = not rule.negated
        return ignored


def _rules(lines: Iterable[str]) -> Iterator[_Rule]:
    for line in lines:
        text = re.sub(r"(?<!\\)\s+$", "", line)
        if not text or text.startswith("#"):
            continue
        negated = text.startswith("!")
        text = text[1:] if negated else text
        folders_only = text.endswith("/")
        text = text.rstrip("/")
        if text:
            yield _Rule(re.compile(_regex(text)), negated, folders_only)


def _regex(glob: str) -> str:
    """Translate a pattern; one without a slash fits at every depth."""
    anchored = "/" in glob
    glob = glob.lstrip("/")
    parts = re.split(r"(\*\*/|/\*\*$|\*|\?|\[[^\]]+\]|\\.)", glob)
    known = {"**/": "(?:.*/)?", "/**": "/.*", "*": "[^/]*", "?": "[^/]"}
    translated = "".join(_piece(part, known) for part in parts)
    return translated if anchored else f"(?:.*/)?{translated}"


def _piece(part: str, known: dict[str, str]) -> str:
    if part in known:
        return known[part]
    if part.startswith("[") and part.endswith("]") and len(part) > 2:
        inner = part[1:-1].replace("\\", "\\\\")
        return f"[^{inner[1:]}]" if inner.startswith("!") else f"[{inner}]"
    return re.escape(part[1:] if part.startswith("\\") and len(part) > 1 else part)
