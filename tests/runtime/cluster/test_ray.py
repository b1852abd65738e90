"""Experiments on a real Ray cluster of three nodes, whose nodes, runners and trials are killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray") if "CI" not in os.environ else None

HPO = [sys.executable, "-m", "hpo"]
NODES = Path(__file__).with_name("nodes.py")

STEPS = """
import hpo, time
lr = 0.1  # hpo: loguniform(1e-4, 1)
epoch = hpo.trial_dir() / "epoch"
begun = int(epoch.read_text()) if epoch.exists() else 0
print("begins at", begun, flush=True)
for step in range(begun, STEPS):
    time.sleep(PAUSE)
    hpo.report_intermediate_result(step, step=step)
    epoch.with_suffix(".new").write_text(str(step + 1))
    epoch.with_suffix(".new").replace(epoch)
hpo.report_final_result(lr)
"""


@dataclass
class Nodes:
    """The cluster."""

    process: subprocess.Popen[str]
    address: str

    def say(self, word: str) -> None:
        """Let a node be killed, or added."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    process = subprocess.Popen(
        [sys.executable, NODES],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    yield Nodes(process, process.stdout.readline().strip())
    assert process.stdin is not None
    process.stdin.close()
    process.wait(60)
    process.stdout.close()


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def script(steps: int, pause: float, text: str = STEPS) -> None:
    Path("train.py").write_text(text.replace("STEPS", str(steps)).replace("PAUSE", str(pause)))


def hpo(*words: str | int, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([*HPO, *map(str, words)], capture_output=True, text=True, timeout=300)
    assert done.returncode == code, done.stderr
    return done


def told(*words: str) -> Any:
    return json.loads(hpo(*words, "--json").stdout)


def run(nodes: Nodes, *words: str | int, code: int = 0) -> subprocess.CompletedProcess[str]:
    return hpo("run", "train.py", "--ray-address", nodes.address, "--no-web", *words, code=code)


def start(nodes: Nodes, *words: str | int) -> subprocess.Popen[str]:
    command = [*HPO, "run", "train.py", "--ray-address", nodes.address, "--no-web", *map(str, words)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def wait_for(what: Callable[[], Any]) -> Any:
    limit = time.monotonic() + 120
    while time.monotonic() < limit:
        found = what()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("it did not happen")


def reports(number: int) -> list[dict[str, Any]]:
    (folder,) = Path("home").glob("[a-z0-9]*/trials")
    file = folder / str(number) / "metrics.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def begun() -> bool:
    return bool(list(Path("home").glob("*/trials/*/metrics.jsonl")))


def finals(numbers: Iterable[int]) -> int:
    return sum(each["type"] == "final" for number in numbers for each in reports(number))


def kill_runner(process: subprocess.Popen[str]) -> None:
    """Kill a runner together with its bridge."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for pid in (process.pid, *map(int, children)):
        os.kill(pid, signal.SIGKILL)
    process.communicate()


def test_every_trial_runs_once_with_the_values_that_are_stored_of_it(nodes: Nodes) -> None:
    script(3, 0.01)
    run(nodes, "--max-trials", 12, "--tuner", "Random", "--seed", 1)
    trials = told("trial", "list")
    assert [trial["state"] for trial in trials] == ["succeeded"] * 12
    assert all(trial["value"] == trial["parameters"]["lr"] for trial in trials)
    assert all(len(reports(number)) == 4 for number in range(12))
    assert all(trial["node"] == socket.gethostname() for trial in trials)
    assert Counter(Path(path).read_text() for path in Path("home").glob("*/trials/*/stdout.log")) == {
        "begins at 0\n": 12
    }


PROGRAM = """
import os
import sys

import hpo
from helping import doubled

offset = 1.0


def train(x=0.25, kind="plain"):
    print("called in", os.getpid())
    hpo.report_intermediate_result(x)
    (hpo.trial_dir() / "note.txt").write_text(kind)
    return doubled(x) + offset


space = {"x": hpo.uniform(0, 1), "kind": ["plain", "fancy"]}
found = hpo.tune(train, space, max_trials=6, seed=3, ray_address=sys.argv[1], engine="ray", progress=False)
assert len({trial.parameters["x"] for trial in found.trials}) == 6
assert all(trial.value == 2 * trial.parameters["x"] + 1 for trial in found.trials)
"""


def test_a_function_of_a_program_is_called_on_the_nodes_with_what_it_uses(nodes: Nodes) -> None:
    Path("helping.py").write_text("def doubled(x):\n    return 2 * x\n")
    Path("program.py").write_text(PROGRAM)
    command = [sys.executable, "program.py", nodes.address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    trials = told("trial", "list")
    assert [trial["state"] for trial in trials] == ["succeeded"] * 6
    assert trials[0]["parameters"] == {"x": 0.25, "kind": "plain"}
    assert all(len(trial["intermediate"]) == 1 for trial in trials)
    notes = {path.parent.name: path.read_text() for path in Path("home").glob("*/trials/*/note.txt")}
    assert notes == {str(trial["number"]): trial["parameters"]["kind"] for trial in trials}


def test_a_function_that_holds_what_cannot_travel_is_refused(nodes: Nodes) -> None:
    Path("program.py").write_text(
        "import sys, threading, hpo\n"
        "lock = threading.Lock()\n"
        "def train(x=0.5):\n"
        "    with lock:\n"
        "        return x\n"
        "hpo.tune(train, {'x': hpo.uniform(0, 1)}, max_trials=2, ray_address=sys.argv[1], engine='ray')\n"
    )
    command = [sys.executable, "program.py", nodes.address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert "the function cannot travel to the nodes of a cluster: cannot pickle '_thread.lock'" in done.stderr


@pytest.mark.parametrize("words", [("--tuner", "Random"), ("--tuner", "Auto", "--concurrency", 1)])
def test_the_same_seed_and_order_of_results_propose_what_they_propose_on_one_machine(
    nodes: Nodes, words: tuple[str | int, ...]
) -> None:
    script(1, 0)
    run(nodes, "--max-trials", 10, "--seed", 7, *words)
    there = told("trial", "list")
    hpo("run", "train.py", "--no-web", "--max-trials", 10, "--seed", 7, *words)
    here = told("trial", "list")
    assert [trial["parameters"] for trial in there] == [trial["parameters"] for trial in here]


def test_where_the_runner_is_killed_trials_go_on_and_the_next_runner_finds_them(nodes: Nodes) -> None:
    script(8, 0.5)
    process = start(nodes, "--max-trials", 5, "--tuner", "Random")
    wait_for(lambda: begun() and all(reports(number) for number in range(3)))
    kill_runner(process)
    resumed = subprocess.Popen([*HPO, "resume", "--no-web"], stderr=subprocess.DEVNULL)
    limit = time.monotonic() + 300
    while resumed.poll() is None and time.monotonic() < limit:
        # Those that were found have their places still: no more are begun than the three nodes have room for.
        # (This comes before nodes die, since Ray counts one for some seconds more.)
        assert [trial["state"] for trial in told("trial", "list")].count("running") <= 3
    assert resumed.returncode == 0
    trials = told("trial", "list")
    assert [trial["state"] for trial in trials] == ["succeeded"] * 5
    for number in range(5):
        assert [each.get("step") for each in reports(number)] == [*range(8), None]
        assert {each["attempt"] for each in reports(number)} == {1}
    # Those that were found count from when they began: eight steps of half a second.
    assert min(trial["duration"] for trial in trials) > 3.5


def test_of_sixty_trials_none_is_lost_or_counts_twice_though_a_node_dies_and_then_the_runner(
    nodes: Nodes,
) -> None:
    script(2, 0.2)
    process = start(nodes, "--max-trials", 60, "--tuner", "Random", "--seed", 7)
    wait_for(lambda: begun() and finals(range(60)) >= 15)
    nodes.say("kill")
    wait_for(lambda: finals(range(60)) >= 30)
    kill_runner(process)
    nodes.say("add")
    hpo("resume", "--no-web")
    trials = told("trial", "list")
    assert [trial["state"] for trial in trials] == ["succeeded"] * 60
    assert [finals([number]) for number in range(60)] == [1] * 60
    assert all(trial["value"] == trial["parameters"]["lr"] for trial in trials)
    assert len({trial["value"] for trial in trials}) == 60
    assert json.loads(hpo("show", "--json").stdout)["trials"] == {"succeeded": 60}


def test_of_a_node_that_dies_the_trials_run_again_from_their_checkpoints(nodes: Nodes) -> None:
    script(8, 0.5)
    process = start(nodes, "--max-trials", 6, "--tuner", "Random", "--concurrency", 3)
    wait_for(lambda: begun() and len(reports(0)) >= 7)
    nodes.say("kill")
    nodes.say("add")
    said = process.communicate(timeout=300)[1]
    assert process.returncode == 0, said
    trials = told("trial", "list")
    assert [trial["state"] for trial in trials] == ["succeeded"] * 6, [trial["detail"] for trial in trials]
    for trial in trials:
        finals = [each for each in reports(trial["number"]) if each["type"] == "final"]
        assert [each["value"] for each in finals] == [trial["value"]] == [trial["parameters"]["lr"]]


def test_a_trial_that_takes_too_long_or_is_killed_ends(nodes: Nodes) -> None:
    script(6000, 0.1)
    process = start(nodes, "--max-trials", 2, "--concurrency", 1, "--tuner", "Random")
    wait_for(begun)
    (directory,) = Path("home").glob("*/trials")
    hpo("trial", "kill", directory.parent.name, 0)
    hpo("update", directory.parent.name, "--max-trial-duration", "3s")
    process.communicate(timeout=300)
    assert process.returncode == 1
    killed, late = told("trial", "list")
    assert killed["state"] == "user_canceled"
    assert (late["state"], late["failure"]) == ("failed", "timeout")


def test_a_trial_that_says_nothing_for_too_long_ends_and_one_that_says_something_in_time_does_not(
    nodes: Nodes,
) -> None:
    # A suspended one cannot even end itself.
    hangs = "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)"
    script(6, 1, STEPS.replace("hpo.report_final_result(lr)", hangs))
    run(nodes, "--max-trials", 1, "--tuner", "Random", "--max-trial-silence", "4s", code=1)
    (trial,) = told("trial", "list")
    assert (trial["failure"], trial["detail"]) == ("timeout", "it reported nothing for 4 s")
    assert [value for _, value in trial["intermediate"]] == list(range(6))
    assert trial["duration"] >= 9


def test_a_trial_that_uses_too_much_memory_ends(nodes: Nodes) -> None:
    text = 'held = b"x" * (300 << 20)\n' + STEPS
    script(600, 0.1, text)
    run(nodes, "--max-trials", 1, "--tuner", "Random", "--max-trial-memory", "200M", code=1)
    (trial,) = told("trial", "list")
    assert trial["failure"] == "oom"


def test_what_no_node_has_is_waited_for_and_that_is_said(nodes: Nodes) -> None:
    script(1, 0)
    process = start(
        nodes, "--max-trials", 1, "--concurrency", 1, "--ray-resource", "quantum=1", "--tuner", "Random"
    )
    waits = wait_for(lambda: begun_to_wait() and told("show")["waits"])
    assert waits == "trial 0 waits for 1 CPU and 1 quantum, which no node of the cluster has"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=300)
    assert process.returncode == 143


def begun_to_wait() -> bool:
    return bool(list(Path("home").glob("*/experiment.db")))


@pytest.mark.parametrize(
    ("address", "why"),
    [("127.0.0.1:1", "[Errno 111] Connection refused"), ("ray://127.0.0.1:10001", "that is Ray Client's")],
)
def test_a_cluster_that_is_not_there(project: Path, address: str, why: str) -> None:
    script(1, 0)
    done = hpo("run", "train.py", "--ray-address", address, "--no-web", code=1)
    assert f"hpo: no Ray cluster {address}: {why}" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_an_address_a_cluster_is_started_here_and_ends_with_the_experiment(project: Path) -> None:
    script(1, 0)
    hpo("run", "train.py", "--engine", "ray", "--no-web", "--max-trials", 3, "--tuner", "Random")
    assert [trial["state"] for trial in told("trial", "list")] == ["succeeded"] * 3
    assert "as many at a time as the cluster has room for" in hpo("show").stdout
