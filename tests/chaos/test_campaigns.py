"""Short campaigns of faults pass, on each ground; and a campaign sees what does not hold."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


#: A seed from which on the campaigns mean to strike in each of these ways more than once.
SEED = 475
KILLS = ("the runner", "the fork server", "a trial", "the page", "all")
GROUNDS = ("a plain machine", "a small disk", "a slow disk", "a clock that jumps", "little memory")


@pytest.fixture(scope="module")
def told() -> str:
    """Return what is said of eight campaigns on each ground: five minutes, in most of which they wait."""
    command = [sys.executable, "-m", "tests.chaos", "--seed", str(SEED), "--campaigns", "40"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "campaigns with violations: 0" in done.stdout
    return done.stdout


@pytest.mark.parametrize("ground", GROUNDS)
def test_nothing_acknowledged_is_lost(told: str, ground: str) -> None:
    if lacking := re.search(f"not tried, {ground}: .*", told):
        pytest.skip(lacking[0])
    assert f"8 on {ground}" in told


@pytest.mark.parametrize("victim", KILLS)
def test_there_was_something_to_kill(told: str, victim: str) -> None:
    (hit,) = re.findall("faults that hit: (.*)", told)
    assert re.search(f"(^|; )kill {victim} [1-9]", hit), told


@pytest.mark.parametrize(("ci", "said"), [({}, "clang)\n"), ({"CI": "1"}, "clang), and CI has to try it\n")])
def test_a_ground_that_cannot_be_had_is_said_and_a_run_without_any_fails(
    ci: dict[str, str], said: str
) -> None:
    command = [sys.executable, "-m", "tests.chaos", "--seed", "2", "--campaigns", "1"]
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "PATH")}
    environment |= {"PATH": "", **ci}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"not tried, a slow disk: there is no C compiler (cc, gcc or {said}" in done.stdout
    assert "0 campaigns" in done.stdout


def violations(folder: Path, *harms: str) -> list[str]:
    """Return what a campaign sees that was spoilt in these ways."""
    command = [sys.executable, "-m", "tests.chaos.sabotaged", str(folder), *harms]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [line for line in said.splitlines() if line]


#: What is done, and what is then said.
SEEN = {
    "changed": "and has 9.0",
    "stuck": "trial 1 (plain, attempt 1, running",
    "doubled": "trial 2 (plain, attempt 1, succeeded, None, None) has, with x=",
    "lost": "trial 3 (plain, attempt 1, succeeded, None, None) reported [0.0, ",
    "bent": "has [0.0, 99.0, ",
    "swapped": "trial 10 (plain, attempt 1, succeeded, None, None) has x=0.123, and ran with",
    "retried": "begun were the attempts [1]",
    "hasty": "took -5.0 s",
    "endless": "took 10000.0 s",
    "timed out": "failed, timeout, it ended with status 3): for no reason",
    "invented": "trial 5 (plain, attempt 1, succeeded, None, None) has 8.0 for x=",
    "canceled": "trial 6 (exit, attempt 1, user_canceled, exit, it ended with status 3): nobody did",
    "misjudged": "trial 7 (exit, attempt 1, failed, oom, it ended with status 3): for no reason",
    "praised": "trial 8 (exit, attempt 1, succeeded, None, it ended with status 3) succeeded",
    "unfinished": "trial 9 (exit, attempt 1, waiting",
    "unasked": "nobody wished for one of [0.",
    "forgotten": "of x=0.25, wished for once, there are 0",
    "added": "there are the trials [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 99]",
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
