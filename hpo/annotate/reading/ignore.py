"""What git ignores, so far as it decides which files belong to a project: its `.gitignore` files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
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
        with suppress(re.error):  # such as [z-a], which fits nothing
            if text:
                yield _Rule(re.compile(_regex(text)), negated, folders_only)


def _regex(glob: str) -> str:
    """Translate a pattern; one without a slash fits at every depth."""
    anchored = "/" in glob
    glob = glob.lstrip("/")
    parts = _PARTS.split(glob)
    known = {"**/": "(?:.*/)?", "/**": "/.*", "*": "[^/]*", "?": "[^/]"}
    translated = ".*" if glob == "**" else "".join(_piece(part, known) for part in parts)
    return translated if anchored else f"(?:.*/)?{translated}"


_PARTS = re.compile(r"(\*\*/|/\*\*$|\*|\?|\[[!^]?\]?(?:\[:\w+:\]|\\.|[^\]\\])*\]|\\.)")
_CLASSES = {
    "[:alnum:]": "a-zA-Z0-9", "[:alpha:]": "a-zA-Z", "[:digit:]": "0-9", "[:lower:]": "a-z",
    "[:upper:]": "A-Z", "[:space:]": r"\s", "[:xdigit:]": "0-9a-fA-F",
}  # fmt: skip
_IN_BRACKETS = re.compile(r"(\[:\w+:\]|\\.)")


def _piece(part: str, known: dict[str, str]) -> str:
    if part in known:
        return known[part]
    if part.startswith("[") and part.endswith("]") and len(part) > 2:
        negated = part[1] in "!^"
        inner = _IN_BRACKETS.split(part[1 + negated : -1])
        options = "".join(_CLASSES.get(p) or (re.escape(p[1]) if p[:1] == "\\" else _set(p)) for p in inner)
        return f"(?![/])[{'^' if negated else ''}{options}]"
    return re.escape(part[1] if part.startswith("\\") and len(part) > 1 else part)


def _set(text: str) -> str:
    """Write characters of a bracket expression, ranges among them, as those of a regular expression."""
    return re.sub(r"([\[\]^&~|])", r"\\\1", text)
