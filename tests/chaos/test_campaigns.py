"""Short campaigns of faults pass, on each ground; and a campaign sees what does not hold."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_nothing_acknowledged_is_lost_on_any_ground() -> None:
    # Three on each; they compute for 70 s, and otherwise wait.
    command = [sys.executable, "-m", "tests.chaos", "--seed", "100", "--campaigns", "15"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "campaigns with violations: 0" in done.stdout


def violations(folder: Path, *harms: str) -> list[str]:
    """Return what a campaign sees that was spoilt in these ways."""
    command = [sys.executable, "-m", "tests.chaos.sabotaged", str(folder), *harms]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [line for line in said.splitlines() if line]


#: What is done, and what is then said.
SEEN = {
    "changed": "and has 9.0",
    "stuck": "trial 1 (plain, attempt 1, running",
    "doubled": "trial 2 (plain, attempt 1, succeeded, None, None) has the steps [0, 1, 2, 0]",
    "lost": "trial 3 (plain, attempt 1, succeeded, None, None) has lost reports: []",
    "invented": "trial 5 (plain, attempt 1, succeeded, None, None) has 8.0 for x=",
    "canceled": "trial 6 (exit, attempt 1, user_canceled, exit, it ended with status 3): nobody did",
    "misjudged": "trial 7 (exit, attempt 1, failed, oom, it ended with status 3): for no reason",
    "praised": "trial 8 (exit, attempt 1, succeeded, None, it ended with status 3) succeeded",
    "unfinished": "trial 9 (exit, attempt 1, waiting",
    "added": "there are the trials [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 99]",
    "worst": "the best is said to be",
    "orphan": "sleep\\x001001\\x00",
    "unmarked": "sleep\\x008",
    "again": "run again after their results: {4}",
    "script": "the user's script was changed",
    "traceback": "a traceback in runner.log",
    "status": "the runner ended with 77",
}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return violations(tmp_path_factory.mktemp("sabotaged"), *SEEN)


@pytest.mark.parametrize("harm", SEEN)
def test_a_campaign_sees_each_kind_of_harm(seen: list[str], harm: str) -> None:
    assert any(SEEN[harm] in violation for violation in seen), "\n".join(seen)


@pytest.mark.parametrize(
    ("harm", "said"), [("damaged", "the store is damaged"), ("overwritten", "disk image is malformed")]
)
def test_a_campaign_sees_a_store_that_is_damaged(tmp_path: Path, harm: str, said: str) -> None:
    assert said in "\n".join(violations(tmp_path, harm))


def test_a_campaign_that_nobody_spoils_sees_nothing(tmp_path: Path) -> None:
    assert violations(tmp_path) == []
