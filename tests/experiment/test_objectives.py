"""Several objectives and constraints on results, in whole experiments: each trial is a process."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from commands import data

import hpo

SCRIPT = """import hpo
x = 0.5  # hpo: uniform(0, 1)
y = 0.5  # hpo: uniform(0, 1)
hpo.report_intermediate_result({"acc": x, "latency": 0})
acc, latency = 1 - (x - 0.7) ** 2 - y / 10, 100 * x * x + 20 * (1 - y)
hpo.report_final_result({"acc": acc, "latency": latency, "note": "n"})
"""
BOTH = ("--objective", "acc:max", "--objective", "latency:min")


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    Path("train.py").write_text(SCRIPT)


def call(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "hpo", *arguments], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done


def dominates(one: dict[str, float], other: dict[str, float]) -> bool:
    pairs = (one["acc"], one["latency"]), (other["acc"], other["latency"])
    return pairs[0] != pairs[1] and one["acc"] >= other["acc"] and one["latency"] <= other["latency"]


class TestAFront:
    def test_it_is_found_stored_and_shown(self) -> None:
        best = data("run", "train.py", *BOTH, "--max-trials", "25", "--seed", "1", "--concurrency", "2")
        trials = data("trial", "list")
        results = {t["number"]: t["results"] for t in trials}
        assert all(t["value"] == t["results"]["acc"] for t in trials)
        assert trials[0]["results"] == {"acc": 0.91, "latency": 35.0, "note": "n"} | {
            "acc": trials[0]["value"]
        }
        front = {each["trial"] for each in best["front"]}
        assert front == {
            n for n, r in results.items() if not any(dominates(other, r) for other in results.values())
        }
        assert [each["value"] for each in best["front"]] == sorted(
            (each["value"] for each in best["front"]), reverse=True
        )
        assert best["trial"] in front
        assert best["results"] == results[best["trial"]]
        assert best["objectives"] == ["acc:max", "latency:min"]
        assert 0 < best["hypervolume"]["share"] <= 1
        assert best == data("best")
        shown = call("best").stdout
        assert f"{len(front)} trials that no other is better than in all" in shown
        assert "Volume" in call("show").stdout
        assert f"and {len(front) - 10} more: hpo best {best['experiment']}" in call("show").stdout
        assert all(f"trial {number:>4}  acc" in shown for number in front)
        assert f"{len(front)} on the front" in call("list").stdout
        starred = [line.split()[0] for line in call("trial", "list").stdout.splitlines() if " * acc " in line]
        assert set(map(int, starred)) == front
        head, first, *_ = call("export").stdout.splitlines()
        assert head == "number,state,value,acc,latency,duration,failure,x,y"
        assert first.startswith(f"0,succeeded,{trials[0]['value']},{trials[0]['value']},35.0,")
        call("report", "-o", "report.html")
        assert ">Front<" in Path("report.html").read_text()

    def test_trials_that_reach_it_are_marked_as_they_come(self) -> None:
        told = call("run", "train.py", *BOTH, "--max-trials", "4", "--seed", "1").stderr
        assert re.search(r"trial +0  acc [\d.]+, latency [\d.]+  front  x=", told)
        assert "  best  " not in told

    def test_other_tools_are_told_of_all_of_them(self) -> None:
        call("run", "train.py", *BOTH, "--max-trials", "1")
        module = call("export", "--to", "optuna").stdout
        compile(module, "study.py", "exec")
        assert "create_study(directions=['maximize', 'minimize'])" in module
        assert "return acc, latency" in module
        hydra = yaml.safe_load(call("export", "--to", "hydra").stdout)
        assert hydra["hydra"]["sweeper"]["direction"] == ["maximize", "minimize"]
        for tool in ("wandb", "ray"):
            assert "the first objective alone: acc:max" in call("export", "--to", tool).stdout

    def test_where_the_scripts_own_values_fail_the_best_is_not_taken_for_them(self) -> None:
        Path("half.py").write_text(
            "import hpo\nx = 0.5  # hpo: uniform(0, 1)\n"
            "hpo.report_final_result({'acc': float('nan') if x == 0.5 else x, 'latency': 1})\n"
        )
        told = call("run", "half.py", *BOTH, "--max-trials", "3", "--seed", "1").stderr
        assert "the script's own: none, trial 0 has no result" in told

    def test_a_dict_that_nobody_named_an_objective_for_says_how_to(self) -> None:
        told = call("run", "train.py", "--max-trials", "1", code=1).stderr
        assert "--objective NAME:max or NAME:min takes another key" in told

    def test_apply_takes_the_compromise_or_the_trial_that_is_asked_for(self) -> None:
        best = data("run", "train.py", *BOTH, "--max-trials", "12", "--seed", "2")
        told = call("apply")
        assert f"Of {len(best['front'])} trials on the front" in told.stderr
        last = best["front"][-1]
        call("apply", "--trial", str(last["trial"]), "--write")
        assert f"x = {last['parameters']['x']:.6g}"[:8] in Path("train.py").read_text()

    def test_patience_counts_trials_that_do_not_reach_it(self) -> None:
        done = data(
            "run",
            "train.py",
            *BOTH,
            "--max-trials",
            "500",
            "--patience",
            "4",
            "--tuner",
            "Random",
            "--seed",
            "3",
        )
        trials = data("trial", "list")
        assert len(trials) < 500
        assert max(each["trial"] for each in done["front"]) < len(trials) - 4 + 1
        front: list[dict[str, float]] = []
        since = 0
        for trial in trials:
            reached = not any(dominates(other, trial["results"]) for other in front)
            front.append(trial["results"])
            since = 0 if reached else since + 1
        assert since == 4

    def test_it_goes_on_where_it_was_killed_as_if_it_had_not_been(self) -> None:
        whole = data("run", "train.py", *BOTH, "--max-trials", "16", "--seed", "5")
        expected = [t["parameters"] for t in data("trial", "list", whole["experiment"])]
        again = ["run", "train.py", *BOTH, "--max-trials", "16", "--seed", "5", "--name", "cut"]
        runner = subprocess.Popen(
            [sys.executable, "-m", "hpo", *again],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            told = subprocess.run(
                [sys.executable, "-m", "hpo", "show", "cut", "--json"],
                capture_output=True,
                text=True,
                check=False,
            )
            if told.returncode == 0 and json.loads(told.stdout)["trials"].get("succeeded", 0) >= 7:
                break
        os.killpg(runner.pid, signal.SIGKILL)
        runner.wait()
        call("resume", "cut")
        assert [t["parameters"] for t in data("trial", "list", "cut")] == expected
        assert [e["trial"] for e in data("best", "cut")["front"]] == [e["trial"] for e in whole["front"]]

    def test_it_goes_on_in_another_space_with_all_that_it_learnt(self) -> None:
        call("run", "train.py", *BOTH, "--max-trials", "12", "--seed", "5")
        Path("space.json").write_text(
            '{"x": {"_type": "uniform", "_value": [0, 0.5]}, "y": {"_type": "uniform", "_value": [0.5, 1]}}'
        )
        call("update", "--space", "space.json", "--max-trials", "20")
        call("resume")
        told = data("show")
        assert told["trials"] == {"succeeded": 20}
        assert told["explanation"]["model"] == "Gaussian processes and a Parzen estimator, by turns"
        assert all(t["parameters"]["x"] <= 0.5 for t in data("trial", "list")[12:])

    def test_what_has_one_number_is_not_learnt_from(self) -> None:
        name = data("run", "train.py", *BOTH, "--max-trials", "2")["experiment"]
        Path("trials.json").write_text('[{"parameter": {"x": 0.1, "y": 0.2}, "value": 0.9}]')
        assert "an imported trial has one number" in call("import", name, "trials.json", code=2).stderr
        refused = call("run", "train.py", *BOTH, "--warm-from", name, code=2).stderr
        assert "--warm-from takes one number of each trial" in refused

    def test_three_objectives_and_a_file(self) -> None:
        Path("trial.py").write_text(
            "import hpo\nv = hpo.get_next_parameter()\n"
            "hpo.report_final_result({'a': v['x'], 'b': 1 - v['x'], 'c': v['y']})\n"
        )
        Path("config.yml").write_text(
            f"trialCommand: {sys.executable} trial.py\n"
            "trialConcurrency: 2\nmaxTrialNumber: 12\n"
            "searchSpace:\n"
            "  x: {_type: uniform, _value: [0, 1]}\n"
            "  y: {_type: uniform, _value: [0, 1]}\n"
            "objectives: {a: max, b: maximize, c: min}\n"
            "resultConstraints: ['a>=0.1']\n"
            "trainingService: {platform: local}\n"
        )
        best = data("run", "--config", "config.yml")
        assert best["objectives"] == ["a:max", "b:max", "c:min"]
        assert all(each["results"]["a"] >= 0.1 for each in best["front"])

    def test_a_shell_trial_reports_an_object(self) -> None:
        Path("trial.sh").write_text(
            f"x=$({sys.executable} -m hpo param x)\n"
            f'{sys.executable} -m hpo metric "{{\\"a\\": $x, \\"b\\": 2}}" --final\n'
        )
        Path("space.json").write_text('{"x": {"_type": "choice", "_value": [1, 2]}}')
        Path("config.yml").write_text(
            "trialCommand: sh trial.sh\ntrialConcurrency: 1\nmaxTrialNumber: 2\nsearchSpaceFile: space.json\n"
            "objectives: [a:max, b:min]\ntuner: {name: GridSearch}\ntrainingService: {platform: local}\n"
        )
        assert data("run", "--config", "config.yml")["front"][0]["results"] == {"a": 2, "b": 2}


class TestConstraintsOnResults:
    def test_the_best_is_the_best_that_meets_them(self) -> None:
        best = data(
            "run", "train.py", "--objective", "acc:max", "--result-constraint", "latency<=30",
            "--max-trials", "25", "--seed", "1",
        )  # fmt: skip
        trials = data("trial", "list")
        feasible = [t for t in trials if t["results"]["latency"] <= 30]
        assert best["value"] == max(t["value"] for t in feasible) < max(t["value"] for t in trials)
        assert [each["trial"] for each in best["front"]] == [best["trial"]]
        assert "(infeasible)" in call("best").stdout  # the script's own values are

    def test_where_none_does_it_says_so(self) -> None:
        told = call(
            "run",
            "train.py",
            "--objective",
            "acc:max",
            "--result-constraint",
            "latency<=-1",
            "--max-trials",
            "6",
        ).stderr
        assert "no trial is feasible yet: acc:max, latency<=-1" in told
        assert data("best")["trial"] is None

    def test_a_result_that_is_good_enough_must_meet_them(self) -> None:
        call(
            "run", "train.py", "--objective", "acc:max", "--result-constraint", "latency<=30",
            "--max-trials", "40", "--stop-when", "acc>=0.8", "--seed", "1",
        )  # fmt: skip
        last = data("trial", "list")[-1]["results"]
        assert last["acc"] >= 0.8
        assert last["latency"] <= 30

    def test_a_plain_result_with_a_constraint_on_itself(self) -> None:
        Path("plain.py").write_text("import hpo\nx = 3  # hpo: randint(0, 10)\nhpo.report_final_result(x)\n")
        best = data(
            "run", "plain.py", "--result-constraint", "<=6", "--max-trials", "10", "--tuner", "GridSearch"
        )
        assert best["value"] == 6


class TestMistakes:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["--objective", "acc"], "--objective: 'acc' is no objective"),
            (["--objective", "a:max", "--objective", "a:min"], "the objective a is given twice"),
            (["--result-constraint", "acc"], "--result-constraint"),
            ([*BOTH, "--tuner", "CMAES"], "CMAES takes one objective alone"),
            (["--result-constraint", "acc>0", "--tuner", "PBT"], "PBT takes no constraints on results"),
            ([*BOTH, "--assessor", "Medianstop"], "the assessor Medianstop takes one objective"),
            ([*BOTH, "--minimize"], "the first objective is acc:max, and the direction minimize"),
            ([*BOTH, "--metric-pattern", "x"], "a pattern reads one number"),
        ],
    )
    def test_what_cannot_be_is_said_before_anything_runs(self, options: list[str], message: str) -> None:
        done = call("run", "train.py", *options, "--max-trials", "1", code=2)
        assert message in done.stderr
        assert done.stderr.count("\n") == 2
        assert data("list") == []

    def test_a_result_that_lacks_an_objective_fails(self) -> None:
        Path("odd.py").write_text(
            "import hpo\nx = 3  # hpo: randint(0, 10)\n"
            "odd = {'acc': 1.0, 'latency': 'slow'}\n"
            "hpo.report_final_result(odd if x % 2 else 0.5 if x % 4 else {'acc': 1, 'latency': 2})\n"
        )
        call("run", "odd.py", *BOTH, "--max-trials", "10", "--tuner", "GridSearch", "--max-failures", "20")
        told = {t["parameters"]["x"]: (t["failure"], t["detail"]) for t in data("trial", "list")}
        assert told[3] == ("bad_value", "its final result: it has 'slow' as latency")
        assert told[2] == ("bad_value", "its final result: 0.5 is no dict of acc, latency")
        assert told[4] == (None, None)


def test_a_program_has_a_front() -> None:
    def train(x: float) -> dict[str, float]:
        return {"gain": x, "cost": x * x}

    found = hpo.tune(
        train,
        {"x": "uniform(0, 1)"},
        objectives=("gain:max", "cost:min"),
        max_trials=6,
        seed=1,
        progress=False,
    )
    assert [trial.value for trial in found.front] == sorted(
        (t.value or 0 for t in found.trials), reverse=True
    )
    assert found.best is not None
    assert found.best.data is not None
    assert found.best.data["cost"] == found.best.parameters["x"] ** 2
    assert found.figures.front().data
