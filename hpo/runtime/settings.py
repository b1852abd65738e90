"""Files of settings whose values a trial has of its own: a script that opens one reads the trial's.

The snapshot keeps each file's text and the stretches of it that are values of parameters. When a trial opens
the file, by whatever path, a copy with its own values is written into its folder and opened in its place.
Files are read by Python alone: what other programs open is the file as it is.
"""

from __future__ import annotations

import builtins
import io
import json
import os
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

__all__ = ["FILE", "install", "rewritten", "yaml_value"]

FILE = "settings.json"  # of a snapshot
_PLAIN = re.compile(r"[A-Za-z_][\w./-]*", re.ASCII)
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", "nan", "inf"}


def yaml_value(value: Any) -> str:
    """Write a JSON value so that every reader of YAML, 1.1 or 1.2, has it back."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    if isinstance(value, float):
        mantissa, exponent, power = repr(value).partition("e")
        return f"{mantissa}{'' if '.' in mantissa else '.0'}{exponent}{power}" if exponent else mantissa
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(yaml_value, value))}]"
    return json.dumps(value, ensure_ascii=False)


def rewritten(text: str, spans: Sequence[tuple[int, int, str]], values: Mapping[str, Any]) -> str:
    """Return a text with values in the places of what stands there."""
    for start, end, name in sorted(spans, reverse=True):
        if name in values:
            text = text[:start] + yaml_value(values[name]) + text[end:]
    return text


def install(directory: str, root: str) -> None:
    """Let the trials of this process, and of those that it forks, read their own settings.

    Args:
        directory: of the snapshot.
        root: the code directory, which relative paths in it are relative to.
    """
    path = os.path.join(directory, FILE)  # noqa: PTH118
    if not os.path.exists(path):  # noqa: PTH110
        return
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        written = json.load(file)
    files = {os.path.realpath(os.path.join(root, each["path"])): each for each in written}  # noqa: PTH118
    names = {os.path.basename(each) for each in files}  # noqa: PTH119
    real = io.open

    def opened(file: Any, mode: str = "r", *rest: Any, **named: Any) -> Any:
        is_read = isinstance(file, (str, os.PathLike)) and not {*mode} & {"w", "a", "x", "+"}
        if is_read and os.path.basename(os.fspath(file)) in names:  # noqa: PTH119
            known = files.get(os.path.realpath(file))
            file = file if known is None else _own(known, real) or file
        return real(file, mode, *rest, **named)

    builtins.open = io.open = opened


def _own(known: dict[str, Any], real: Any) -> str | None:
    """Return the path of a trial's own copy, made anew; None outside a trial."""
    from hpo.trial import inside

    here = inside()
    if here.directory is None:
        return None
    values = {name: here.values[name] for _, _, name in known["spans"] if here.has(name)}
    folder = os.path.join(here.directory, "settings")  # noqa: PTH118
    os.makedirs(folder, exist_ok=True)  # noqa: PTH103
    path = os.path.join(folder, known["as"])  # noqa: PTH118
    with real(f"{path}.{os.getpid()}", "w", encoding="utf-8", newline="") as file:
        file.write(rewritten(known["text"], known["spans"], values))
    os.replace(f"{path}.{os.getpid()}", path)  # noqa: PTH105
    return path
