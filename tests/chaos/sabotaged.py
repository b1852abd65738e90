"""A campaign without faults, whose outcome somebody spoils: whatever did, it has to see.

    python -m tests.chaos.sabotaged FOLDER [HARM...]

Prints what did not hold, a line each.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "library"))

from . import campaign as campaign_module
from .campaign import Campaign

#: By name: what is done to the store of trials of which 6 to 9 and 11 failed, and the others have a result.
STORE = {
    "changed": "UPDATE trial SET value = 9 WHERE number = 0",
    "stuck": "UPDATE trial SET state = 'running' WHERE number = 1",
    "doubled": """INSERT INTO metric SELECT trial, sequence + 10, step, value, data, time FROM metric
        WHERE trial = 2 LIMIT 1""",
    "lost": "DELETE FROM metric WHERE trial = 3",
    "bent": "UPDATE metric SET value = 99 WHERE trial = 10 AND step = 1",
    "swapped": "UPDATE trial SET parameters = json_object('x', 0.123) WHERE number = 10",
    "retried": "UPDATE trial SET attempt = 2 WHERE number = 11",
    "hasty": "UPDATE trial SET duration = -5 WHERE number = 0",
    "endless": "UPDATE trial SET duration = 10000 WHERE number = 1",
    "timed out": "UPDATE trial SET failure = 'timeout' WHERE number = 11",
    "invented": "UPDATE trial SET value = 8 WHERE number = 5",
    "canceled": "UPDATE trial SET state = 'user_canceled' WHERE number = 6",
    "misjudged": "UPDATE trial SET failure = 'oom' WHERE number = 7",
    "praised": """UPDATE trial SET state = 'succeeded', failure = NULL,
        value = 1 - (json_extract(parameters, '$.x') - 0.3) * (json_extract(parameters, '$.x') - 0.3)
        WHERE number = 8""",
    "unfinished": "UPDATE trial SET state = 'waiting' WHERE number = 9",
    "unasked": "UPDATE trial SET origin = 'user' WHERE number = 3",
    "added": """INSERT INTO trial (number, state, origin, parameters, memo, attempt)
        VALUES (99, 'failed', 'tuner', '{"x": 0}', '{}', 1)""",
    "worst": """UPDATE experiment
        SET direction = CASE direction WHEN 'maximize' THEN 'minimize' ELSE 'maximize' END""",
}


class Sabotaged(Campaign):
    """A campaign that is spoilt before it is judged."""

    def __init__(self, folder: Path, harms: list[str]) -> None:
        self.harms = harms
        self.left: list[subprocess.Popen[bytes]] = []
        super().__init__(5, folder)

    def _draw_experiment(self) -> None:
        super()._draw_experiment()
        self.trials, self.kinds, self.has_page = 12, [*["plain"] * 6, *["exit"] * 4, "plain", "exit"], False
        self.options = [
            *("--max-trials", "12", f"--{self.direction}", "--max-failures", "9"),
            *("--tuner", "Random", "--concurrency", "3"),
        ]
        plan = {"kinds": self.kinds, "pause": 0, "word": self.word}
        self.environment["PLAN"] = json.dumps(plan)
        self.strikes = []

    def _judge(self) -> None:
        (store,) = self.disk.glob("home/[!.]*/experiment.db")
        with contextlib.closing(sqlite3.connect(store)) as db:
            for harm in self.harms:
                db.executescript(STORE.get(harm, ""))
            if "invented" in self.harms:  # of a trial that could not say any more what it reported
                lines = [line for line in self.oracle.read_text().splitlines() if line.split()[1] != "5"]
                self.oracle.write_text("".join(f"{line}\n" for line in lines))
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'trial_by_told'").fetchone()
            (size,) = db.execute("PRAGMA page_size").fetchone()
        for harm in self.harms:
            if harm not in STORE:
                self._spoil(harm, store, size, size * (page - 1))
        try:
            super()._judge()
        finally:
            for process in self.left:
                process.kill()
                process.wait()

    def _spoil(self, harm: str, store: Path, size: int, offset: int) -> None:
        if harm == "orphan":
            self.left.append(subprocess.Popen(["sleep", "1001"], env=self.environment))
        elif harm == "unmarked":
            self.left.append(subprocess.Popen(["sleep", self.word]))
        elif harm == "again":
            with self.oracle.open("a") as oracle:
                oracle.write(f"begin 4 2 {os.getpid()} None\n")
        elif harm in ("damaged", "overwritten"):  # the entries of an index, or all of its page
            with store.open("r+b") as file:
                file.seek(offset if harm == "overwritten" else offset + size // 2)
                file.write(b"\xff" * size if harm == "overwritten" else bytes(size // 2))
        elif harm == "script":
            self.script.write_text("pass")
        elif harm == "traceback":
            with self.log.open("a") as log:
                log.write("Traceback (most recent call last):\n")
        elif harm == "forgotten":
            self.wished[0.25] = True
        elif harm == "status":
            self._check_status(77)
        else:
            raise ValueError(harm)


def main(folder: str, *harms: str) -> None:
    campaign_module.living = functools.partial(campaign_module.living, patience=1)  # type: ignore[attr-defined]
    spoilt = Sabotaged(Path(folder), list(harms))
    spoilt.run()
    print(*(violation.replace("\n", " ") for violation in spoilt.violations), sep="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
