"""Budgets and checkpoints, with real processes: what a tuner asks for is what a trial gets."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import trials

# Three trials of 2 passes each, then the best goes on to 6 passes, and on to 18 from there.
TUNER = """\
from hpo.trial import Trial
from hpo.tuners.base import Tuner

class Ladder(Tuner):
    def suggest(self, number):
        if number < 3:
            return Trial(number, {"rate": 0.1 * (number + 1)}, memo={"budget": 2, "rung": 0})
        if len(self.results) < number:
            return None
        self.done = number == 4
        best = min(self.results, key=lambda n: (self.loss(self.results[n]), -n))
        return self.continued(number, best, 2 * 3 ** (number - 2), rung=number - 2)
"""
# The work is done pass by pass; what the passes of all trials were is noted beside the script.
SCRIPT = """\
import hpo, json, os, time

state = hpo.trial_dir() / "state.json"
done, total = json.loads(state.read_text()) if state.exists() else (0, 0.0)
rate = hpo.get_next_parameter()["rate"]
for step in hpo.fidelity(range(50), start=done):
    total += rate
    while os.path.exists("wait") and step >= 6:
        print(os.getpid(), file=open("waiting", "w"))
        time.sleep(0.01)
    state.with_suffix(".new").write_text(json.dumps([step + 1, total]))
    state.with_suffix(".new").rename(state)
    with open("passes", "a") as file:
        print(hpo.get_sequence_id(), step, file=file)
    hpo.report_intermediate_result(total, step=step)
hpo.report_final_result(total)
"""
NNI_SCRIPT = """\
import nni
values = nni.get_next_parameter()
with open("seen", "a") as file:
    print(nni.get_sequence_id(), values.get("TRIAL_BUDGET"), file=file)
nni.report_final_result(values["rate"])
"""
CONFIG = """\
searchSpace: {rate: {_type: uniform, _value: [0, 1]}}
trialCommand: python train.py
trialConcurrency: 2
maxTrialNumber: 5
tuner: {codeDirectory: ., className: tuner.Ladder}
"""


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    Path("tuner.py").write_text(TUNER)
    Path("train.py").write_text(SCRIPT)
    Path("config.yml").write_text(CONFIG)


def hpo(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "hpo", *arguments], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def passes() -> dict[int, list[int]]:
    made: dict[int, list[int]] = {}
    for line in Path("passes").read_text().splitlines():
        trial, step = map(int, line.split())
        made.setdefault(trial, []).append(step)
    return made


def wait_until(happened: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < limit
        time.sleep(0.02)


EXPECTED = {0: [0, 1], 1: [0, 1], 2: [0, 1], 3: [2, 3, 4, 5], 4: list(range(6, 18))}


def test_a_promoted_trial_makes_the_passes_that_its_checkpoint_lacks() -> None:
    hpo("run", "--config", "config.yml")
    assert passes() == EXPECTED
    found = trials()
    assert [(t["budget"], t["rung"], t["parent"]) for t in found] == [
        (2, 0, None),
        (2, 0, None),
        (2, 0, None),
        (6, 1, 2),
        (18, 2, 3),
    ]
    assert found[4]["value"] == pytest.approx(18 * 0.3)
    assert found[4]["parameters"] == found[2]["parameters"]


def test_the_command_line_shows_budgets_rungs_and_parents() -> None:
    hpo("run", "--config", "config.yml")
    header, *rows = hpo("trial", "list").splitlines()
    assert header.split() == ["trial", "state", "value", "budget", "rung", "parent", "took", "rate"]
    assert rows[0].split()[3:6] == ["2", "0", "-"]
    assert rows[4].split()[3:6] == ["18", "2", "3"]
    assert "budget     18 passes, rung 2, goes on from trial 3\n" in hpo("trial", "show", "4")
    assert hpo("best").startswith("Best      5.4   trial 4 after 18 passes\n")


CHANGING = """\
        if number == 4:
            trial = self.continued(number, 3, 18, generation=2)
            trial.parameters = {"rate": 0.5}
            self.done = True
            return trial
"""


def test_the_best_of_a_population_tells_the_values_it_learned_with_before() -> None:
    Path("tuner.py").write_text(TUNER.replace("        self.done = number == 4\n", CHANGING))
    hpo("run", "--config", "config.yml")
    first, *rest = hpo("best").splitlines()
    assert first == "Best      7.8   trial 4 after 18 passes"
    assert rest == ["          rate  0.5", "Before    until pass 6, trial 3   rate=0.3"]
    header = hpo("trial", "list").splitlines()[0]
    assert header.split() == ["trial", "state", "value", "budget", "rung", "parent", "took", "rate"]


def test_scripts_of_nni_get_the_budget_among_their_values() -> None:
    Path("train.py").write_text(NNI_SCRIPT)
    hpo("run", "--config", "config.yml")
    seen = sorted(map(str.split, Path("seen").read_text().splitlines()))
    assert seen == [["0", "2"], ["1", "2"], ["2", "2"], ["3", "6"], ["4", "18"]]


def test_a_resumed_experiment_goes_on_from_the_last_checkpoint_that_was_written() -> None:
    Path("wait").touch()
    command = [sys.executable, "-m", "hpo", "run", "--config", "config.yml"]
    runner = subprocess.Popen(command, stderr=subprocess.PIPE)
    wait_until(lambda: Path("waiting").exists() and Path("waiting").read_text().endswith("\n"))
    trial = Path("/proc", Path("waiting").read_text().strip(), "stat")  # it waits in its first pass
    runner.send_signal(signal.SIGKILL)
    runner.communicate()
    wait_until(lambda: not trial.exists())  # it ends with its runner, a moment after it
    Path("wait").unlink()
    hpo("resume")
    assert passes() == EXPECTED
    assert [t["attempt"] for t in trials()] == [1, 1, 1, 1, 2]


def test_a_trial_that_goes_on_after_its_runner_died_keeps_the_results_on_its_way() -> None:
    script = SCRIPT.replace("step >= 6", "step >= 9").replace("total, step=step", "total")
    Path("train.py").write_text(script)
    Path("wait").touch()
    runner = subprocess.Popen([sys.executable, "-m", "hpo", "run", "--config", "config.yml"])
    wait_until(lambda: Path("waiting").exists() and Path("waiting").read_text().endswith("\n"))
    trial = Path("/proc", Path("waiting").read_text().strip(), "stat")  # it waits in its fourth pass
    runner.kill()
    runner.wait()
    wait_until(lambda: not trial.exists())
    Path("wait").unlink()
    hpo("resume")
    assert passes() == EXPECTED
    *_, last = trials()
    assert last["attempt"] == 2
    assert [step for step, _ in last["intermediate"]] == EXPECTED[4]
    assert last["intermediate"][-1][1] == last["value"]


def test_a_checkpoint_that_is_gone_is_said_and_the_trial_begins_from_scratch() -> None:
    hpo("run", "--config", "config.yml", "--max-trials", "4")
    (folder,) = Path("../home").glob("*/trials/3")
    shutil.rmtree(folder)
    hpo("update", "--max-trials", "5")
    hpo("resume")
    assert passes()[4] == list(range(18))
    assert "the files of trial 3 are gone: it begins from scratch" in hpo("trial", "show", "4")


ADVISOR = """\
authorName: somebody
experimentName: halving
trialConcurrency: 2
maxTrialNum: 13
trainingServicePlatform: local
searchSpacePath: space.json
useAnnotation: false
advisor:
  builtinAdvisorName: Hyperband
  classArgs: {optimize_mode: maximize, R: 9, eta: 3}
trial: {command: python train.py, codeDir: ., gpuNum: 0}
"""


def test_an_advisor_of_nnis_first_schema_halves_a_script_of_nnis() -> None:
    Path("train.py").write_text(NNI_SCRIPT)
    Path("space.json").write_text('{"rate": {"_type": "uniform", "_value": [0, 1]}}')
    Path("config.yml").write_text(ADVISOR)
    hpo("run", "--config", "config.yml")
    seen = dict(map(str.split, Path("seen").read_text().splitlines()))
    found = trials()
    assert [t["budget"] for t in found] == [int(seen[str(t["number"])]) for t in found]
    promoted = [t for t in found if t["rung"] == 1 and t["budget"] == 3]
    best = sorted((t["value"] for t in found if t["budget"] == 1), reverse=True)
    assert {t["value"] for t in promoted} <= set(best[:3])
    assert promoted


PBT_SCRIPT = """\
import nni, os
values = nni.get_next_parameter()
loaded = os.path.join(values["load_checkpoint_dir"], "model")
total = float(open(loaded).read()) if os.path.isfile(loaded) else 0.0
os.makedirs(values["save_checkpoint_dir"], exist_ok=True)
with open(os.path.join(values["save_checkpoint_dir"], "model"), "w") as file:
    file.write(str(total + values["rate"]))
nni.report_final_result(total + values["rate"])
"""


@pytest.mark.parametrize("folder", ["", ", all_checkpoint_dir: {}/all"])
def test_a_population_of_nnis_scripts_goes_on_from_the_checkpoints_of_its_best(
    folder: str, tmp_path: Path
) -> None:
    Path("train.py").write_text(PBT_SCRIPT)
    tuner = "{name: PBT, classArgs: {population_size: 4" + folder.format(tmp_path) + "}}"
    config = CONFIG.replace("{codeDirectory: ., className: tuner.Ladder}", tuner)
    Path("config.yml").write_text(config.replace("maxTrialNumber: 5", "maxTrialNumber: 12"))
    hpo("run", "--config", "config.yml", "--seed", "4")
    found = trials()
    totals = {None: 0.0}
    for trial in found:
        totals[trial["number"]] = totals[trial["parent"]] + trial["parameters"]["rate"]
        assert trial["value"] == pytest.approx(totals[trial["number"]])
    assert [t["budget"] for t in found] == [1] * 4 + [2] * 4 + [3] * 4
    best = max(found[:4], key=lambda t: t["value"])["number"]
    assert [t["parent"] for t in found[4:8]].count(best) == 2


@pytest.mark.parametrize(
    "tuner",
    [
        "{name: Hyperband, classArgs: {R: 9}}",
        "{name: BOHB, classArgs: {max_budget: 9, min_points_in_model: 2}}",
        "{name: PBT, classArgs: {population_size: 4}}",
    ],
)
def test_a_killed_experiment_goes_on_as_one_that_was_not(tuner: str) -> None:
    Path("train.py").write_text(NNI_SCRIPT)
    config = CONFIG.replace("{codeDirectory: ., className: tuner.Ladder}", tuner)
    config = config.replace("maxTrialNumber: 5", "maxTrialNumber: 20")
    Path("config.yml").write_text(config.replace("trialConcurrency: 2", "trialConcurrency: 1"))
    told = ("parameters", "budget", "rung", "parent", "value")
    command = ["run", "--config", "config.yml", "--seed", "5"]
    hpo(*command)
    whole = [[trial[key] for key in told] for trial in trials()]
    Path("seen").unlink()
    runner = subprocess.Popen([sys.executable, "-m", "hpo", *command], stderr=subprocess.PIPE)
    limit = time.monotonic() + 60
    while not Path("seen").exists() or len(Path("seen").read_text().splitlines()) < 11:
        assert time.monotonic() < limit
        time.sleep(0.01)
    runner.kill()
    runner.communicate()
    hpo("resume")
    assert [[trial[key] for key in told] for trial in trials()] == whole


MARKED = """\
import hpo
rate = 0.1  # hpo: uniform(0, 1)
{loop}
hpo.report_final_result(rate)
"""


@pytest.mark.parametrize(
    ("loop", "arguments", "said"),
    [
        ("", "{}", "no loop in marked.py is the budget, so all trials of Hyperband run whole"),
        (
            "for step in hpo.fidelity(range(len(str(rate)))): pass",
            "{}",
            "how many passes marked.py:3 makes shows only when it runs",
        ),
        (
            "for step in hpo.fidelity(range(9)): pass",
            "{R: 60}",
            "R is 60, and marked.py:3 makes 9 passes at most",
        ),
        ("for step in hpo.fidelity(range(9)): pass", "{}", ""),
        ("for step in hpo.fidelity(range(99)): pass", "{R: 9}", ""),
    ],
)
def test_it_is_said_at_the_start_where_budgets_are_not_those_of_the_loop(
    loop: str, arguments: str, said: str
) -> None:
    Path("marked.py").write_text(MARKED.format(loop=loop))
    Path("halving.yml").write_text(f"tuner: {{name: Hyperband, classArgs: {arguments}}}\nmaxTrialNumber: 1\n")
    command = [sys.executable, "-m", "hpo", "run", "marked.py", "--config", "halving.yml"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    assert said in done.stderr
    assert ("warning" in done.stderr) == bool(said)
