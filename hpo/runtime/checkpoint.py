"""A trial's own files, its checkpoint among them, handed on to the trial that goes on from it.

They are copied: the earlier trial keeps what it wrote, and several may go on from it.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

__all__ = ["UNFINISHED", "copy_files", "is_record"]

UNFINISHED = ".hpo-part"  # a file on its way from another machine, of which there is one at a time

# What the experiment and `hpo.trial` write into a trial's folder, of all its attempts.
_RECORDS = re.compile(r"(metrics(\.\d+)?\.jsonl|(stdout|stderr)(\.\d+)?\.log|(parameters|nested)\.json)")


def is_record(name: str) -> bool:
    """Tell whether a file at the top of a trial's folder is the experiment's, not the trial's own."""
    return name == UNFINISHED or _RECORDS.fullmatch(name) is not None


def copy_files(source: Path, target: Path) -> None:
    """Make a trial's folder with the files that another wrote into its own, all of them or nothing."""

    def no_file_of_its_own(folder: str, names: Sequence[str]) -> list[str]:
        records = {name for name in names if Path(folder) == source and is_record(name)}
        return [name for name in names if name in records or not _is_plain(Path(folder, name))]

    unfinished = target.with_name(f"{target.name}.new")
    shutil.rmtree(unfinished, ignore_errors=True)  # of a runner that was killed here
    shutil.copytree(source, unfinished, symlinks=True, ignore=no_file_of_its_own)
    unfinished.rename(target)


def _is_plain(path: Path) -> bool:
    # Of a pipe or a socket there is nothing to copy.
    return path.is_symlink() or path.is_file() or path.is_dir()
