"""Write a trial's values back into the source as its new defaults: those values and nothing else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.annotate.project import AnnotatedProject, unified_diff
from hpo.annotate.source import Edit, SourceFile
from hpo.annotate.targets import Target
from hpo.errors import Diagnostic
from hpo.parameters import identity

__all__ = ["Application", "apply", "literal"]


@dataclass(frozen=True)
class Application:
    """The edits that write values into files, and the places that were left."""

    edits: Mapping[Path, tuple[Edit, ...]]
    skipped: tuple[Diagnostic, ...]
    _files: Mapping[Path, SourceFile]

    def diff(self) -> str:
        """Return the edits as a unified diff."""
        return "".join(
            unified_diff(path, self._files[path].data, self._files[path].rewritten(edits))
            for path, edits in self.edits.items()
        )

    def write(self) -> list[Path]:
        """Make the edits, each file whole or not at all; return the files."""
        for path, edits in self.edits.items():
            temporary = path.with_name(f".{path.name}.{os.getpid()}")
            temporary.write_bytes(self._files[path].rewritten(edits))
            temporary.chmod(path.stat().st_mode)
            temporary.replace(path)
        return list(self.edits)


def apply(
    project: AnnotatedProject, values: Mapping[str, Any], was: AnnotatedProject | None = None
) -> Application:
    """Return the edits that make values the source's own.

    Args:
        project: the source as it is now.
        values: a configuration.
        was: the source that the trial ran, where that is known: places whose domain changed are left.
    """
    edits: dict[Path, list[Edit]] = {}
    files: dict[Path, SourceFile] = {}
    skipped: list[Diagnostic] = []
    for name, targets in project.targets.items():
        if name not in values:
            continue
        before = was.targets.get(name) if was is not None else None
        changed = before is not None and before[0].domain.parameter != targets[0].domain.parameter
        for target in targets:
            if changed or not target.domain.parameter.contains(values[name]):
                skipped.append(
                    target.error("HPO401", f"{name} has another domain now, and stays as it is", "run again")
                )
                continue
            text = _source(target, values[name])
            if text != target.file.segment(target.span):
                files[target.file.path] = target.file
                edits.setdefault(target.file.path, []).append(Edit(target.span.start, target.span.end, text))
    return Application({path: tuple(each) for path, each in edits.items()}, tuple(skipped), files)


def _source(target: Target, value: Any) -> str:
    if target.domain.options:
        wanted = identity(value)
        return next(option.source for option in target.domain.options if identity(option.value) == wanted)
    return literal(value)


def literal(value: Any) -> str:
    """Write a number as a person would: six significant digits, and 3e-05 as 3e-5."""
    if not isinstance(value, float):
        return repr(value)
    text = repr(float(f"{value:.6g}"))
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if e else text
