"""Short campaigns of faults pass, on each ground; and a campaign sees what does not hold."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_nothing_acknowledged_is_lost_on_any_ground() -> None:
    command = [sys.executable, "-m", "tests.chaos", "--seed", "100", "--campaigns", "5"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "campaigns with violations: 0" in done.stdout


SABOTAGE = """
import sqlite3, sys
from pathlib import Path
sys.path.insert(0, "tests/library")
from tests.chaos.campaign import Campaign

class Sabotaged(Campaign):
    def _judge(self):
        (store,) = self.disk.glob("home/[!.]*/experiment.db")
        with sqlite3.connect(store) as db:
            db.executescript(sys.argv[2])
        super()._judge()

campaign = Sabotaged(5, Path(sys.argv[1]))
campaign.run()
print(*campaign.violations, sep="\\n")
"""


def test_a_campaign_sees_what_is_lost_changed_doubled_or_left(tmp_path: Path) -> None:
    harm = """
        UPDATE trial SET value = 9 WHERE number = (SELECT max(number) FROM trial WHERE state = 'succeeded');
        UPDATE trial SET state = 'running'
            WHERE number = (SELECT min(number) FROM trial WHERE state = 'succeeded');
        INSERT INTO metric SELECT trial, sequence + 10000, step, value, data, time FROM metric LIMIT 1;
        INSERT INTO trial (number, state, origin, parameters, memo, attempt) VALUES
            (99, 'waiting', 'tuner', '{"x": 0}', '{}', 1);
    """
    command = [sys.executable, "-c", SABOTAGE, str(tmp_path), harm]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for violation in ("and has 9.0", "running", "has the steps", "there are the trials"):
        assert violation in said, said
