"""What a trial writes reaches a terminal as text: no escape of its making moves, names or clears anything."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from commands import on_screen

#: Sets the title, clears the screen, answers as if typed, turns the direction, goes back over what was said.
ATTACK = "\x1b]0;owned\x07\x1b[2J\x1b[6n\x9b31m\u202e\x08\x08\rowned"
SCRIPT = f"""import json, os, sys
import hpo
x = 0.5  # hpo: uniform(0, 1)
attack = {ATTACK!r}
print(attack)
print(attack, file=sys.stderr)
with open(hpo.trial_dir() / "metrics.jsonl", "a") as spool:
    for record in (
        {{"type": "warning", "message": attack}},
        {{"type": "own", "name": attack, "value": attack}},
        {{"type": "intermediate", "step": 0, "value": None, "bad": attack}},
        {{"type": "intermediate", "step": 1, "value": 1, "data": {{attack: attack}}}},
        {{"type": attack}},
    ):
        spool.write(json.dumps(record) + "\\n")
    if hpo.get_sequence_id() == 1:
        spool.write(json.dumps({{"type": "final", "value": None, "bad": attack}}) + "\\n")
if hpo.get_sequence_id() == 2:
    raise ValueError(attack)
if hpo.get_sequence_id() == 3:
    sys.exit(attack)
hpo.report_final_result({{"default": 1, attack: attack}})
"""
#: What our colours and bars are made of: SGR, erasing a line, the cursor shown, hidden and moved by lines.
OURS = re.compile(r"\x1b\[[0-9;]*m|\x1b\[\d?K|\x1b\[\?25[lh]|\x1b\[\d*[AG]")
HARMFUL = re.compile("[\x00-\x06\x07\x08\x0b\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def check(said: str) -> None:
    found = HARMFUL.search(OURS.sub("", said))
    assert found is None, repr(said[max(0, found.start() - 200) : found.start() + 100])


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an experiment all of whose trials attack the terminal."""
    work = tmp_path_factory.mktemp("attack")
    os.environ["HPO_HOME"] = str(work / "home")
    (work / "train.py").write_text(SCRIPT)
    attacked = ("--max-trials", "4", "--max-failures", "9", "--name", ATTACK, "--no-web")
    check(on_screen("run", str(work / "train.py"), *attacked, code=None))
    (store,) = work.glob("home/[!.]*/experiment.db")
    return store.parent


@pytest.mark.parametrize(
    "command",
    [
        "list", "show", "show --importance", "best", "log", "trial list", "trial show {} 0",
        "trial show {} 1", "trial show {} 2", "trial show {} 3", "trial logs {} 0", "trial logs {} 2",
        "trial list --json", "export", "export --format json", "export --format nni", "export --to optuna",
        "diff {} {} --json", "resume --no-web", "delete {}",
    ],
)  # fmt: skip
def test_no_command_lets_it_through_to_a_terminal(experiment: Path, command: str) -> None:
    words = command.replace("{}", experiment.name).split()
    check(on_screen(*words, typed=b"n\n", code=None))  # where it asks: no


def test_a_program_that_reads_a_log_gets_every_byte_of_it(experiment: Path) -> None:
    command = [sys.executable, "-m", "hpo", "trial", "logs", experiment.name, "0"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout == f"{ATTACK}\n".encode()


def test_json_is_escaped_by_its_own_rules(experiment: Path) -> None:
    command = [sys.executable, "-m", "hpo", "trial", "list", experiment.name, "--json"]
    said = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert "\x1b" not in said
    assert "\\u001b]0;owned" in said
    json.loads(said)
