"""`hpo trial logs`: what a trial wrote."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from hpo.cli.show import open_store
from hpo.errors import UsageError
from hpo.runtime import home

__all__ = ["print_logs"]


def print_logs(reference: str, number: int | None, *, follow: bool) -> None:
    """Print a trial's stdout to stdout and its stderr to stderr."""
    if number is None:
        if not reference.isdigit():
            raise UsageError("which trial?", help=f"hpo trial logs {reference} N")
        directory, number = home.find(None), int(reference)
    else:
        directory = home.find(reference)
    with open_store(directory) as store:
        if store.trial(number) is None:
            raise UsageError(f"experiment {directory.name} has no trial {number}", help="hpo trial list")
    folder = directory / "trials" / str(number)
    offsets = dict.fromkeys(("stdout.log", "stderr.log"), 0)
    while True:
        with open_store(directory) as store:
            row = store.trial(number)
        for name, stream in (("stdout.log", sys.stdout), ("stderr.log", sys.stderr)):
            offsets[name] = _copy(folder / name, offsets[name], stream.fileno())
        if not follow or row is None or row.state.is_final:
            return
        time.sleep(0.2)


def _copy(path: Path, offset: int, target: int) -> int:
    """Copy a file from an offset on, byte for byte; return where it ends."""
    try:
        with path.open("rb") as file, open(target, "wb", closefd=False) as out:
            file.seek(offset)
            while chunk := file.read(1 << 16):
                out.write(chunk)
                offset += len(chunk)
    except FileNotFoundError:
        pass
    return offset
