"""A store that somebody else made: read as data, shown as text, refused where it is none."""

from __future__ import annotations

import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

import hpo.cli.commands  # noqa: F401 - adds them to `app`
from hpo.cli.app import app
from hpo.dashboard.access import Access
from hpo.dashboard.app import create_app
from hpo.dashboard.changes import Changes
from hpo.dashboard.security import Security, allowed_names
from hpo.errors import HpoError, StoreError
from hpo.runtime.store import Store

PORT = 8470
COMMANDS = (
    "list",
    "show",
    "best",
    "trial list",
    "trial show {} 1",
    "export {} --format json",
    "report {} -o report.html",
    "export {} --to optuna",
    "diff {} {}",
    "apply {}",
    "update {} --max-trials 5",
    "resume {} --no-web",
)
PAGES = (
    "", "/digits", "/digits/trials", "/digits/trials?filter=cuda&sort=value", "/digits/trials/1",
    "/digits/source", "/digits/figures/history", "/digits/diff", "/digits/trials/1/code",
    "/digits/trials/1/logs/stdout",
)  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an experiment's folder, to be copied."""
    work = tmp_path_factory.mktemp("made")
    (work / "train.py").write_text("import hpo\nx = 0.5  # hpo: uniform(0, 1)\nhpo.report_final_result(x)\n")
    run = [sys.executable, "-m", "hpo", "run", "train.py", "--max-trials", "4", "--no-web"]
    environment = {**os.environ, "HPO_HOME": str(work / "home")}
    subprocess.run(run, env=environment, cwd=work, check=True, capture_output=True)
    (store,) = work.glob("home/[!.]*/experiment.db")
    return store.parent


@pytest.fixture
def directory(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    shutil.copytree(made, tmp_path / "home" / "digits", copy_function=_copy)
    return tmp_path / "home" / "digits"


def _copy(source: str, target: str) -> None:
    if Path(source).is_file():  # not the pipe
        shutil.copy(source, target)
    else:
        os.mkfifo(target, 0o600)


def ask_everything(directory: Path) -> None:
    """Ask every command and every page; none may break, whatever the store says."""
    for command in COMMANDS:
        done = CliRunner().invoke(app, command.replace("{}", directory.name).split())
        fine = done.exception is None or isinstance(done.exception, SystemExit | HpoError)
        assert fine, (command, done.exception)
    access = Access(directory.parent)
    gate = Security(create_app(Changes(directory.parent)), access, allowed_names("127.0.0.1"), PORT)
    headers = {"Authorization": f"Bearer {access.token}", "Host": f"127.0.0.1:{PORT}"}
    client = TestClient(gate, base_url=f"http://127.0.0.1:{PORT}", headers=headers)
    for page in PAGES:
        answer = client.get(f"/api/experiments{page}")
        assert answer.status_code < 500, (page, answer.text)


def in_database(statement: str) -> Callable[[Path], None]:
    def harm(directory: Path) -> None:
        with sqlite3.connect(directory / "experiment.db") as db:
            db.executescript(statement)
        db.close()

    return harm


def a_text_file(directory: Path) -> None:
    (directory / "experiment.db").write_text("no database\n" * 1000)


def cut_short(directory: Path) -> None:
    os.truncate(directory / "experiment.db", 5000)


def a_link_to_a_device(directory: Path) -> None:
    (directory / "experiment.db").unlink()
    (directory / "experiment.db").symlink_to("/dev/zero")


def a_pipe(directory: Path) -> None:
    (directory / "experiment.db").unlink()
    os.mkfifo(directory / "experiment.db")


def in_config(name: str, value: str) -> Callable[[Path], None]:
    return in_database(f"UPDATE experiment SET config = json_set(config, '$.{name}', json('{value}'))")


#: What the settings or the plan of a store may say.
CONFIG = [
    ("settings", "5"), ("settings.max_trials", '"many"'), ("settings.tuner", "5"), ("settings.tuner", "null"),
    ("settings.tuner.class_args", '"x"'), ("settings.tuner.class_args.seed", '"x"'),
    ("settings.tuner.file", "5"),
    ("settings.assessor", "[]"), ("settings.objectives", "7"), ("settings.result_constraints", "[[]]"),
    ("settings.fixed", "3"), ("settings.trial_concurrency", '"all"'), ("settings.seed", "{}"),
    ("settings.repeat", '"x"'), ("settings.max_duration", '"soon"'), ("settings.from_the_future", "1"),
    ("plan", "5"), ("plan.command", "[]"), ("plan.command", "{}"), ("plan.cwd", "5"), ("plan.modules", "[1]"),
    ("plan.sources", '"x"'), ("plan.command.args", "[[]]"),
]  # fmt: skip
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
HARMS = {
    "text": a_text_file,
    "short": cut_short,
    "device": a_link_to_a_device,
    "pipe": a_pipe,
    "no tables": in_database("DROP TABLE trial; DROP TABLE event;"),
    "no row": in_database("DELETE FROM experiment"),
    "no JSON": in_database("UPDATE experiment SET config = '[', space = '{'"),
    "another JSON": in_database("UPDATE experiment SET config = '[]', space = '3', defaults = 'null'"),
    "an empty plan": in_database("""UPDATE experiment SET config = '{"settings": {}, "plan": {}}'"""),
    "blobs": in_database("UPDATE trial SET value = x'00ff', state = x'ff', parameters = x'ff'"),
    "another state": in_database("UPDATE trial SET state = 'owned'; UPDATE experiment SET status = 'owned'"),
    "texts for numbers": in_database("UPDATE trial SET value = 'x', attempt = 'y', told = 't'"),
    "no finite number": in_database("UPDATE trial SET value = 9e999, duration = -9e999, started = 9e99"),
    "numbers below zero": in_database("UPDATE trial SET number = -number - 1, attempt = -9"),
    "parameters that are none": in_database("UPDATE trial SET parameters = '[1]', memo = '\"x\"'"),
    "deep JSON": in_database(f"UPDATE trial SET parameters = '{'[' * 5000}{']' * 5000}'"),
    "a path for an id": in_database("UPDATE experiment SET id = '../../etc', name = '../../etc/passwd'"),
    "a memo of a tuner that is none": in_database(
        """UPDATE trial SET memo = '{"rung": [], "parent": "../../etc", "generation": "x"}'"""
    ),
    **{f"{name} = {value}": in_config(name, value) for name, value in CONFIG},
    "reports that are none": in_database("INSERT INTO metric VALUES (1, 0, 'x', 'y', '[', 'z')"),
    "events that are none": in_database(
        "INSERT INTO event (time, kind, trial, message) VALUES ('y', x'ff', 'x', 5)"
    ),
    "runs that are none": in_database("INSERT INTO repetition VALUES (1, 0, 'x', '[', 'y')"),
    "a view without end": in_database(
        f"ALTER TABLE trial RENAME TO t; CREATE VIEW trial AS SELECT t.* FROM t, ({ENDLESS} SELECT i FROM n)"
    ),
}  # fmt: skip


@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS.keys())
def test_no_store_breaks_a_command_or_the_page(directory: Path, harm: Callable[[Path], None]) -> None:
    harm(directory)
    ask_everything(directory)


#: What a row of a trial that is to go on may say, and what is said of it.
FORGED = {
    "a path to go on from": ("memo", '{"continues": "../../../../etc"}', r"continues '\.\./\.\./"),
    "the folder above": ("memo", '{"continues": ".."}', r"continues '\.\.'"),
    "itself to go on from": ("memo", '{"continues": 2}', "continues 2, which is no trial before it"),
    "a number below zero to go on from": ("memo", '{"continues": -1}', "continues -1"),
    "no number to go on from": ("memo", '{"continues": true}', "continues True"),
    "a budget that is none": ("memo", '{"budget": "x"}', "its budget is 'x'"),
    "a budget without end": ("memo", '{"budget": 1e999}', "its budget is inf"),
    "checkpoints that are none": ("memo", '{"checkpoints": 3}', "its checkpoints are 3"),
    "checkpoints in no folder": ("memo", '{"checkpoints": [[], {}]}', r"its checkpoints are \[\[\]"),
    "values that are none": ("memo", '{"handed": [1]}', r"it is handed \[1\]"),
    "a wish that is none": ("memo", '{"wish": [1]}', r"its wish is \[1\]"),
    "an origin that is none": ("origin", "owned", "origin is 'owned'"),
    "no attempt": ("attempt", 0, "attempt is 0"),
    "half an attempt": ("attempt", 1.5, "attempt is 1.5"),
    "attempts without end": ("attempt", 1 << 61, "attempt is 2305843009213693952"),
    "a run below zero": ("repeat", -1, "repeat is -1"),
    "runs without end": ("repeat", (1 << 63) - 1, "repeat is 9223372036854775807"),
    "retries below zero": ("retries", -5, "retries is -5"),
    "an offset below zero": ("spool", -1, "spool is -1"),
    "half an offset": ("spool", 0.5, "spool is 0.5"),
    "an offset without end": ("spool", (1 << 63) - 1, "spool is 9223372036854775807"),
    "devices that are none": ("device", '"../x"', r"device is '\.\./x'"),
    "a node that is none": ("node", b"\xff", r"b'\\xff' is no text"),
    "a result that is none": ("value", float("inf"), "value is inf"),
    "what came with a result": ("data", "3", "data is 3"),
    "a number below zero": ("number", -7, "number is -7"),
    "the last number": ("number", (1 << 63) - 1, "number is 9223372036854775807"),
}


def forge(directory: Path, state: str, column: str, value: object) -> None:
    """Let trial 2 be one that is to go on, and its row say what no hpo wrote."""
    with closing(sqlite3.connect(directory / "experiment.db")) as db, db:
        change = "UPDATE trial SET state = ?, value = NULL, data = NULL, told = NULL WHERE number = 2"
        db.execute(change, (state,))
        db.execute(f"UPDATE trial SET {column} = ? WHERE number = 2", (value,))
    if state == "waiting":
        shutil.rmtree(directory / "trials" / "2")


def files(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*")}


@pytest.mark.parametrize("state", ["waiting", "running"])
@pytest.mark.parametrize(("column", "value", "said"), FORGED.values(), ids=FORGED.keys())
def test_no_forged_row_is_resumed(directory: Path, state: str, column: str, value: object, said: str) -> None:
    forge(directory, state, column, value)
    before = files(directory / "trials")
    done = CliRunner().invoke(app, ["resume", directory.name, "--no-web"])
    assert isinstance(done.exception, StoreError)
    assert re.search(f"the trial .* of a store cannot be read: .*{said}", done.exception.message)
    assert files(directory / "trials") == before
    assert os.listdir(directory.parent) == [directory.name]


@pytest.mark.parametrize("state", ["waiting", "running"])
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("parameters", '{"x": 77, "../../y": 1}'),
        ("parameters", '{"x": {"../y": ["$(touch ran)"]}}'),
        ("spool", 1 << 61),  # a power cut, too, takes of a file what the store knows
        ("node", "../../elsewhere"),
    ],
)
def test_what_an_hpo_may_have_written_is_resumed_and_stays_in_its_folder(
    directory: Path, state: str, column: str, value: object
) -> None:
    forge(directory, state, column, value)
    done = CliRunner().invoke(app, ["resume", directory.name, "--no-web"])
    assert done.exit_code == 0, done.exception
    assert {path.name for path in (directory / "trials").iterdir()} == {"0", "1", "2", "3"}
    assert os.listdir(directory.parent) == [directory.name]


def test_a_store_of_a_newer_hpo_is_shown_and_not_run_without_what_it_sets(directory: Path) -> None:
    in_config("settings.max_trial_energy", "1")(directory)
    assert CliRunner().invoke(app, ["show", directory.name]).exit_code == 0
    done = CliRunner().invoke(app, ["resume", directory.name, "--no-web"])
    assert isinstance(done.exception, StoreError)
    assert done.exception.message == "the store has settings that this hpo does not know: max_trial_energy"


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE VIEW v AS SELECT 1",
        "CREATE TRIGGER t AFTER UPDATE ON experiment BEGIN UPDATE trial SET value = 9; END",
    ],
)
@pytest.mark.parametrize("read_only", [True, False])
def test_a_store_that_computes_is_refused(directory: Path, statement: str, read_only: bool) -> None:
    in_database(statement)(directory)
    with pytest.raises(StoreError, match="is no table, and no hpo made it"):
        Store(directory, read_only=read_only)


@pytest.mark.parametrize("seed", range(3))
def test_no_flipped_bits_break_a_command_or_the_page(directory: Path, seed: int) -> None:
    draw = random.Random(seed)
    data = bytearray((directory / "experiment.db").read_bytes())
    for _ in range(draw.choice([1, 20, 400])):
        data[draw.randrange(100, len(data))] ^= 1 << draw.randrange(8)
    (directory / "experiment.db").write_bytes(data)
    ask_everything(directory)
