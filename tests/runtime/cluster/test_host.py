"""A host on its node, without Ray: it starts trials, and sends back what they write."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hpo.runtime.cluster.files import pack
from hpo.runtime.cluster.host import Host
from hpo.runtime.snapshot import freeze

Start = Callable[..., Host]


def told(experiment: Path, folder: Path) -> dict[str, Any]:
    """Return what a host is told of an experiment, and of the user's folder."""
    return {
        "experiment": "abc",
        "directory": str(experiment),
        "cwd": str(folder),
        "path": str(folder),
        "modules": [],
        "spawns": False,
        "threads": {},
        "variables": {"HPO_EXPERIMENT_ID": "abc"},
        "memory": None,
        "environment": {"HPO_TEST_WORD": "from the shell"},
    }


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a trial of a script, on a node that has the user's folder or has it not."""
    hosts: list[Host] = []

    def start(
        script: str, *, is_there: bool = True, files: dict[str, bytes] | None = None, **setup: Any
    ) -> Host:
        folder, experiment = tmp_path / "project", tmp_path / "experiment"
        folder.mkdir(exist_ok=True)
        text = textwrap.dedent(script).encode()
        if is_there:
            (folder / "train.py").write_bytes(text)
        if not (experiment / "code").exists():
            freeze(experiment / "code", {folder / "train.py": (text, text)}, folder)
        theirs = folder if is_there else tmp_path / "gone" / "project"
        host = Host({**told(experiment, theirs), **setup}, pack(experiment / "code"))
        hosts.append(host)
        directory = f"{experiment}/trials/3"
        request = {
            "start": 3,
            "dir": directory,
            "script": "train.py",
            "args": [],
            "values": {"lr": 0.1},
            "env": {
                "HPO_TRIAL_DIR": directory,
                "HPO_TRIAL_ATTEMPT": "1",
                "HPO_TRIAL_SEQUENCE": "3",
                "HPO_PARAMETERS": f"{directory}/parameters.json",
            },
        }
        given = {"parameters.json": b'{"lr": 0.1}', **(files or {})}
        *parts, last = [
            (directory, {"file": name, "at": 0, "data": data, "last": True}) for name, data in given.items()
        ]
        host.bring(parts)
        host.start(request, [last])
        return host

    yield start
    for host in hosts:
        host.close()


def sent(host: Host) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Return all that comes back of a trial, by its file, and its end."""
    files: dict[str, bytes] = {}
    for part in host.watch():
        name = part.get("log") or part.get("file")
        if name is not None:
            files[name] = files.get(name, b"") + part["data"]
    return files, part


def test_what_a_trial_reports_prints_and_writes_comes_back(start: Start) -> None:
    host = start(
        """
        import hpo, sys
        print("value", hpo.get_next_parameter()["lr"])
        print("problem", file=sys.stderr)
        (hpo.trial_dir() / "model.txt").write_text("weights")
        hpo.report_final_result(0.5)
        """
    )
    files, end = sent(host)
    assert end == {"ended": 3, "status": 0, "reason": "", "hangs": False}
    assert files["stdout.log"] == b"value 0.1\n"
    assert files["stderr.log"] == b"problem\n"
    assert files["model.txt"] == b"weights"
    assert b'"value": 0.5' in files["metrics.jsonl"]


def test_it_goes_on_from_a_checkpoint_that_travelled(start: Start) -> None:
    host = start(
        """
        import hpo
        print((hpo.trial_dir() / "epoch").read_text(), hpo.get_next_parameter()["lr"])
        """,
        files={"epoch": b"7"},
    )
    assert sent(host)[0]["stdout.log"] == b"7 0.1\n"


def test_of_the_trial_before_nothing_is_left_for_the_next(start: Start) -> None:
    host = start("import hpo; (hpo.trial_dir() / 'model').touch()")
    sent(host)
    directory = f"{Path(host.trial()['dir']).parent}/4"  # type: ignore[index]
    request = {
        "start": 4,
        "dir": directory,
        "command": "ls; ls ..",
        "values": {},
        "env": {"HPO_TRIAL_DIR": directory, "HPO_TRIAL_ATTEMPT": "1"},
    }
    parameters = {"file": "parameters.json", "at": 0, "data": b"{}", "last": True}
    assert host.start(request, [(directory, parameters)])["began"] == 4
    assert [path.name for path in (host.root / "trials").iterdir()] == ["4"]
    assert sent(host)[1]["ended"] == 4


def test_the_users_variables_travel_and_the_nodes_own_count_more(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HPO_TEST_NODE", "of the node")
    monkeypatch.delenv("HPO_TEST_WORD", raising=False)
    host = start(
        "import os; print(os.environ['HPO_TEST_WORD'], os.environ['HPO_TEST_NODE'])",
        environment={"HPO_TEST_WORD": "from the shell", "HPO_TEST_NODE": "of another machine"},
    )
    assert sent(host)[0]["stdout.log"] == b"from the shell of the node\n"


def test_where_the_users_folder_is_missing_the_frozen_files_stand_for_it(
    start: Start, tmp_path: Path
) -> None:
    host = start(
        "import os; print(os.path.basename(__file__), os.listdir('.'), os.path.exists(__file__))",
        is_there=False,
    )
    assert sent(host)[0]["stdout.log"] == b"train.py ['train.py'] True\n"


def test_a_folder_of_that_name_with_other_files_is_not_the_users(start: Start, tmp_path: Path) -> None:
    elsewhere = tmp_path / "gone" / "project"
    elsewhere.mkdir(parents=True)
    (elsewhere / "other.py").touch()
    freeze(
        tmp_path / "experiment" / "code",
        {
            elsewhere / "train.py": (b"import helping", b"import helping"),
            elsewhere / "helping.py": (b"print(1)",) * 2,
        },
        elsewhere,
    )
    assert sent(start("", is_there=False))[0]["stdout.log"] == b"1\n"


def test_without_frozen_files_it_says_what_is_missing(tmp_path: Path) -> None:
    setup = {
        "experiment": "abc",
        "directory": str(tmp_path),
        "cwd": "/nowhere/project",
        "path": "/nowhere/project",
        "memory": None,
    }
    with pytest.raises(FileNotFoundError, match="/nowhere/project is not on "):
        Host(setup, None)


def test_a_signal_reaches_it(start: Start) -> None:
    host = start(
        """
        import hpo, time
        hpo.report_intermediate_result(1)
        time.sleep(600)
        """
    )
    watched = host.watch()
    assert next(watched)["log"] == "metrics.jsonl"
    host.signal(3, signal.SIGTERM)
    assert list(watched)[-1] == {"ended": 3, "status": -signal.SIGTERM, "reason": "", "hangs": False}


def test_its_memory_is_told_where_there_is_a_limit(start: Start) -> None:
    host = start(
        """
        import hpo, time
        held = b"x" * (60 << 20)
        hpo.report_intermediate_result(1)
        time.sleep(600)
        """,
        memory=50 << 20,
    )
    used = next(part["bytes"] for part in host.watch() if part.get("bytes", 0) > 50 << 20)
    assert used < 500 << 20


def test_of_a_runner_that_died_another_takes_the_trial_over(start: Start) -> None:
    host = start(
        """
        import hpo, pathlib, time
        hpo.report_intermediate_result(1)
        while not pathlib.Path("go").exists():
            time.sleep(0.02)
        hpo.report_final_result(2)
        """
    )
    first = host.watch()
    before = next(first)
    second = host.watch({"metrics.jsonl": len(before["data"]), "stdout.log": 0, "stderr.log": 0})
    found = host.trial()
    assert found is not None
    assert found["number"] == 3
    assert 0 <= found["seconds"] < 600
    time.sleep(0.1)
    project = Path(found["dir"]).parents[2] / "project"
    (project / "go").touch()
    next_part = [part for part in second if part.get("log") == "metrics.jsonl"]
    assert b'"type": "final"' in next_part[0]["data"]
    assert not any("ended" in part for part in first)


def test_closed_it_leaves_nothing(start: Start) -> None:
    host = start("import time; time.sleep(600)")
    root = host.root
    assert root.is_dir()
    host.close()
    assert not root.exists()


def test_what_a_host_that_was_killed_has_left_the_next_one_removes(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    first = start("import time; time.sleep(600)")
    left = tmp_path / first.root.name.replace(first.root.name[-3:], "old")
    left.mkdir()
    (left / "lock").touch()
    start("")
    assert not left.exists()
    assert first.root.is_dir()


def test_a_trial_that_does_not_end_is_given_up(start: Start) -> None:
    host = start("import hpo, time; hpo.report_intermediate_result(1); time.sleep(30)")
    watched = host.watch()
    assert next(watched)["log"] == "metrics.jsonl"
    host.give_up(3)
    end = list(watched)[-1]
    assert (end["ended"], end["status"], end["hangs"]) == (3, None, True)
    assert "it does not end though it was killed" in end["reason"]


UNCLAIMED = """
import json, math, signal, sys
from hpo.runtime.cluster import host as module

setup, request = map(json.loads, sys.argv[1:])
host = module.Host(setup, None)
parameters = {"file": "parameters.json", "at": 0, "data": b"{}", "last": True}
host.start(request, [(request["dir"], parameters)])
print(host.root, flush=True)
module._CLAIMED = 0.1
host._claimed = -math.inf
host._end_if_unclaimed()
signal.pause()  # as Ray's own threads keep an actor's process
"""


def test_without_a_runner_it_goes_on_until_its_trial_is_over_and_then_ends_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    directory = f"{tmp_path}/experiment/trials/3"
    request = {
        "start": 3,
        "dir": directory,
        "command": "sleep 1; touch done",
        "values": {},
        "env": {"HPO_TRIAL_DIR": directory, "HPO_TRIAL_ATTEMPT": "1"},
    }
    setup = told(tmp_path / "experiment", tmp_path)
    command = [sys.executable, "-c", UNCLAIMED, json.dumps(setup), json.dumps(request)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    assert (tmp_path / "done").exists()
    assert not Path(done.stdout.strip()).exists()
