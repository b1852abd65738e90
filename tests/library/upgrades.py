"""Experiments that an earlier hpo wrote, and whose runner was killed.

`runtime/upgrades/schemaN` is what the hpo of that schema left: its database as SQL, its frozen code, and the
reports of the trial that ran. Paths are written as ``{WORK}``.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

from hpo.runtime.schema import SCHEMA_VERSION

__all__ = ["EARLIER", "UPGRADES", "put_back"]

UPGRADES = Path(__file__).parents[1] / "runtime" / "upgrades"
EARLIER = range(1, SCHEMA_VERSION)


def put_back(version: int, work: Path) -> Path:
    """Make the experiment's folder as it was."""
    # Of two experiments with one name each would end the other's trials as strays of its own.
    directory = work / "home" / f"earlier{version}"
    shutil.copytree(UPGRADES / f"schema{version}", directory)
    (directory / "commands").mkdir()
    os.mkfifo(directory / "wake", 0o600)
    for path in directory.rglob("*"):
        if path.is_file():
            path.write_text(path.read_text().replace("{WORK}", str(work)))
    sql = directory / "experiment.sql"
    db = sqlite3.connect(directory / "experiment.db")
    db.executescript(sql.read_text())
    db.execute("PRAGMA journal_mode = WAL")
    db.close()
    sql.unlink()
    return directory
