"""Marks in the YAML files that a script reads: ``lr: 0.01  # hpo: loguniform(1e-5, 1e-1)``.

Which files those are is read from the command line and from the texts in the script that name one. A
parameter is called by its keys, ``optimizer.lr``, unless the mark names it.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.annotate.marks.options import read_options
from hpo.config.document import Document, Key, Node
from hpo.errors import HpoError, StoreError, UsageError
from hpo.parameters import Parameter, create
from hpo.runtime.settings import FILE
from hpo.runtime.snapshot import read_manifest
from hpo.space import SearchSpace

__all__ = [
    "SUFFIXES",
    "MarkedValue",
    "SettingsFile",
    "find_settings",
    "freeze_settings",
    "frozen_settings",
    "read_settings",
    "with_settings",
]

SUFFIXES = (".yaml", ".yml")
_COMMENT = re.compile(r"(?:^|(?<=[ \t]))#[ \t]*hpo:[ \t]*(?P<mark>[^\r\n]*?)[ \t]*$", re.MULTILINE)
_NAMED = re.compile(r"(?P<name>[A-Za-z_][\w.-]*)[ \t]*=[ \t]*(?P<domain>[A-Za-z_]\w*\(.*)")
_QUOTED = re.compile(r"""("[^"]*"|'[^']*')""")
_WORDS = {"null": "None", "true": "True", "false": "False"}
_WORDS |= {word: word for word in _WORDS.values()}
_WORD = re.compile(r"\b[A-Za-z_][\w-]*\b(?!\s*[=(])")  # with a bracket or an equals sign it is a name
_LARGEST = 1 << 20  # bytes: larger files are data


@dataclass(frozen=True)
class MarkedValue:
    """A value that is marked: its name, its domain, what it is today, and where it stands, counted from 1."""

    name: str
    domain: Parameter
    default: Any
    span: tuple[int, int]
    line: int
    column: int


@dataclass(frozen=True)
class SettingsFile:
    """A file with marks: its absolute path, its name as one would write it here, its text, its marks."""

    path: Path
    name: str
    text: str
    values: Sequence[MarkedValue]


def find_settings(scripts: Sequence[Path], words: Sequence[str], cwd: Path) -> list[SettingsFile]:
    """Return the files with marks that scripts name, or that stand on their command line.

    Args:
        scripts: read for texts that name a file.
        words: of the command line.
        cwd: where it runs: relative names are relative to that, or to the script's folder.

    Raises:
        UsageError: a mark has a mistake, two have one name, or a JSON file has marks.
    """
    folders = list(dict.fromkeys([cwd, *(script.resolve().parent for script in scripts)]))
    named = [word.rpartition("=")[2] for word in words]
    for script in scripts:
        named += _texts(script)
    paths: dict[Path, None] = {}
    for name in named:
        if name.endswith((*SUFFIXES, ".json")) and "\0" not in name and "\n" not in name:
            paths |= {path.resolve(): None for folder in folders if (path := folder / name).is_file()}
    found = [settings for path in paths if (settings := read_settings(path)) is not None]
    seen: dict[str, Path] = {}
    for settings in found:
        for value in settings.values:
            if value.name in seen:
                message = f"{value.name} is marked in {seen[value.name]} and in {settings.path}"
                raise UsageError(message, help="name one: # hpo: NAME = DOMAIN")
            seen[value.name] = settings.path
    return found


def with_settings(space: SearchSpace, files: Sequence[SettingsFile]) -> SearchSpace:
    """Return the space of a script's marks, with those of the files that it reads.

    Raises:
        UsageError: two have one name.
    """
    for file in files:
        both = next((value.name for value in file.values if value.name in space), None)
        if both is not None:
            message = f"{both} is marked in the script and in {file.name}"
            raise UsageError(message, help="name one of the two: # hpo: NAME = DOMAIN")
        parameters = {value.name: value.domain for value in file.values}
        space = space.beside(parameters, {value.name: value.default for value in file.values})
    return space


def _texts(script: Path) -> Iterator[str]:
    try:
        tree = ast.parse(script.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):  # whoever reads the marks says so
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 1000:
            yield node.value


def read_settings(path: Path) -> SettingsFile | None:
    """Return what is marked in a file; None where nothing is.

    Raises:
        UsageError: a mark has a mistake, or stands at no value; JSON has marks.
    """
    try:
        if path.stat().st_size > _LARGEST or not _COMMENT.search(path.read_text("utf-8-sig")):
            return None
    except (OSError, UnicodeDecodeError):  # the script's own business
        return None
    if path.suffix == ".json":
        help_ = (
            "JSON has no comments: keep the settings in YAML, or get the values with hpo.get_next_parameter()"
        )
        raise UsageError(f"{path} has marks, and is JSON", help=help_)
    here = Path.cwd()  # named as one would here
    document = Document(path.relative_to(here) if path.is_relative_to(here) else path)
    nodes = list(_nodes(document.root, ()))
    values = [
        _marked(document, nodes, match)
        for match in _COMMENT.finditer(document.text)
        if _is_comment(nodes, match)
    ]
    return SettingsFile(path.resolve(), str(document.path), document.text, values) if values else None


def _nodes(node: Node, path: tuple[Key, ...]) -> Iterator[tuple[tuple[Key, ...], Node]]:
    for key, child in node.children.items():
        yield (*path, key), child
        yield from _nodes(child, (*path, key))


def _is_comment(nodes: Sequence[tuple[tuple[Key, ...], Node]], match: re.Match[str]) -> bool:
    """Tell whether a mark is a comment, and no part of a text."""
    leaves = (node for _, node in nodes if not node.children)
    return not any(
        node.span[0] <= match.start() < node.span[1] and isinstance(node.value, str) for node in leaves
    )


def _marked(
    document: Document, nodes: Sequence[tuple[tuple[Key, ...], Node]], match: re.Match[str]
) -> MarkedValue:
    line, _ = document.line_and_column(match.start())
    where = f"{document.path}:{line}"
    lines = document.text.splitlines()
    is_alone = lines[line - 1].lstrip().startswith("#")
    target = line
    while is_alone and target <= len(lines) and lines[target - 1].lstrip().startswith("#"):
        target += 1
    limit = len(document.text) if is_alone else match.start()
    here = [
        (path, node)
        for path, node in nodes
        if document.line_and_column(node.span[0])[0] == target
        and document.line_and_column(max(node.span[1] - 1, node.span[0]))[0] == target
        and node.span[1] <= limit
        and not isinstance(node.value, dict)
    ]
    if not here:
        raise UsageError(
            f"{where}: this mark stands at no value", help="put it at the end of the value's line"
        )
    path, node = max(here, key=lambda pair: (pair[1].span[1] - pair[1].span[0], -len(pair[0])))
    named = _NAMED.fullmatch(match["mark"])
    name = named["name"] if named else ".".join(map(str, path))
    domain = named["domain"] if named else match["mark"]
    try:
        found = _domain(name, _as_python(domain), where)
    except HpoError as error:
        raise UsageError(f"{where}: {domain}: {_first(error)}", help=error.help) from None
    return MarkedValue(name, found, node.value, node.span, *document.line_and_column(node.span[0]))


def _domain(name: str, written: str, where: str) -> Parameter:
    """Return a domain; the options of a choice may be lists, as those of a command line may not."""
    kind, _, rest = written.rstrip().partition("(")
    if kind == "choice" and rest.endswith(")"):
        try:
            return create("choice", ast.literal_eval(f"[{rest[:-1]}]"))
        except (ValueError, SyntaxError):  # it is said below, in the words for all marks
            pass
    (found,) = read_options([f"{name}={written}"], origin=where).values()
    return found


def _as_python(domain: str) -> str:
    """Return a domain whose options are written as YAML writes them, as marks elsewhere have them."""
    kind, opening, rest = domain.partition("(")
    parts = _QUOTED.split(rest)
    parts[::2] = [_WORD.sub(lambda match: _WORDS.get(match[0], repr(match[0])), part) for part in parts[::2]]
    return "".join([kind, opening, *parts])


def _first(error: HpoError) -> str:
    diagnostics = getattr(error, "diagnostics", None)
    return diagnostics[0].message if diagnostics else error.message


# -- the snapshot


def freeze_settings(directory: Path, root: Path, files: Sequence[SettingsFile]) -> None:
    """Write into a snapshot what trials read of the files with marks."""
    if files:
        written = [
            {
                "path": str(each.path.relative_to(root) if each.path.is_relative_to(root) else each.path),
                "as": f"{number}-{each.path.name}",
                "text": each.text,
                "spans": [[*value.span, value.name] for value in each.values],
            }
            for number, each in enumerate(files)
        ]
        (directory / FILE).write_text(json.dumps(written, ensure_ascii=False, indent=1), encoding="utf-8")


def frozen_settings(directory: Path) -> dict[Path, str]:
    """Return the files with marks that an experiment froze, and what they held; nothing of damaged ones."""
    try:
        written = json.loads((directory / "code" / FILE).read_text(encoding="utf-8"))
        root = Path(read_manifest(str(directory / "code"))["root"])
        return {root / each["path"]: str(each["text"]) for each in written}
    except (OSError, ValueError, KeyError, TypeError, StoreError):
        return {}
