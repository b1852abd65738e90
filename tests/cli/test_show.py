"""`hpo show`: an experiment on one screen, whether it runs, is done, or lost its runner."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import data, here, on_screen

from hpo.cli.output import print_table
from hpo.runtime.store import Store

SCRIPT = """\
import hpo
import pathlib, time
x = 0.5  # hpo: uniform(0, 1)
k = "a"  # hpo: choice("a", "b")
if pathlib.Path("slow").exists() and hpo.get_sequence_id() >= 2:
    time.sleep(600)
if x > 0.9:
    raise ValueError("too much")
hpo.report_final_result(x)
"""
CUSTOM = """\
from hpo.trial import Trial
from hpo.tuners.base import Tuner

class Stepping(Tuner):
    def __init__(self, *args, size: float = 0.1, **common):
        super().__init__(*args, **common)
        self.size = size
    def suggest(self, number):
        return Trial(number, {"x": (number * self.size) % 0.9, "k": "a"})
    def explain(self):
        return {"model": "steps", "size": self.size, "next": {"x": 1}}
"""


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    Path("train.py").write_text(SCRIPT)
    Path("custom.py").write_text(CUSTOM)


def call(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hpo", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def hpo(*arguments: str) -> str:
    done = call(*arguments)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def in_a_terminal(*arguments: str, columns: int = 90, code: int = 0) -> str:
    """Return what a terminal of so many columns gets."""
    terminal = {"TERM": "xterm-256color", "COLUMNS": str(columns), "NO_COLOR": ""}
    return on_screen(*arguments, code=code, PYTHONIOENCODING="utf-8", **terminal)


def plainly(shown: str) -> list[str]:
    """Return the lines of a terminal without their colours."""
    return [line.rstrip() for line in re.sub(r"\x1b\[[\d;]*m", "", shown).splitlines()]


def warnings(said: str) -> list[str]:
    return re.findall(r"^Warning +(.*)$", said, re.MULTILINE)


def kill_in_the_middle(*options: str) -> None:
    """Run an experiment whose third and fourth trials do not end, and kill its runner."""
    Path("slow").touch()
    command = [sys.executable, "-m", "hpo", "run", "train.py", *options, "--concurrency", "2", "--seed", "1"]
    runner = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    limit = time.monotonic() + 60
    while not (
        data("list")
        and (shown := data("show"))["trials"] == {"running": 2, "succeeded": 2}
        and shown["explanation"]
    ):
        assert time.monotonic() < limit
        time.sleep(0.1)
    runner.kill()
    runner.wait()
    while data("show")["status"] == "running":  # what it started ends a moment after it
        assert time.monotonic() < limit + 60
        time.sleep(0.05)
    Path("slow").unlink()


def interrupted_twice(runner: subprocess.Popen[str]) -> str:
    """Press Ctrl-C, and again once the first was heeded: before, two are one to the kernel."""
    assert runner.stderr is not None
    runner.send_signal(signal.SIGINT)
    said = ""
    while "Ctrl-C again ends them" not in said:
        line = runner.stderr.readline()
        assert line, said
        said += line
    runner.send_signal(signal.SIGINT)
    return said + runner.communicate(timeout=300)[1]


def test_it_tells_what_searches_and_within_which_limits() -> None:
    limits = [
        "--max-trials",
        "3",
        "--max-duration",
        "1h",
        "--max-trial-duration",
        "90s",
        "--concurrency",
        "2",
    ]
    hpo("run", "train.py", *limits, "--minimize", "--seed", "5", "--assessor", "Medianstop")
    shown = data("show")
    assert shown["limits"] == {"max_trials": 3, "max_duration": 3600.0, "max_trial_duration": 90.0}
    assert (shown["direction"], shown["seed"], shown["concurrency"]) == ("minimize", 5, 2)
    assert shown["tuner"] == {"name": "Auto", "file": None, "class_args": {}}
    assert shown["assessor"]["name"] == "Medianstop"
    text = hpo("show")
    for told in (
        "3 of 3: ",
        "of 1 h, 2 at a time, 1 min 30 s at most for a trial, begun ",
        "Runs         train.py\n",
    ):
        assert told in text
    for told in ("2 parameters, minimize, seed 5", "Tuner        Auto", "Assessor     Medianstop"):
        assert told in text


def test_arguments_of_a_file_are_told() -> None:
    Path("config.yml").write_text(
        "tuner: {name: TPE, classArgs: {optimize_mode: maximize, tpe_args: {gamma: 0.5}}}\n"
        "assessor: {name: Medianstop, classArgs: {start_step: 7}}\n"
        "maxTrialNumber: 1\n"
    )
    hpo("run", "train.py", "--config", "config.yml")
    assert data("show")["tuner"]["class_args"] == {"tpe_args": {"gamma": 0.5}}
    assert "Medianstop  start_step=7" in hpo("show")


def test_auto_says_which_model_it_has_and_why() -> None:
    hpo("run", "train.py", "--tuner", "Auto", "--max-trials", "2", "--seed", "1")
    assert data("show")["explanation"]["model"] == "quasi-random"
    assert re.search(r"Tuner +Auto\n +quasi-random: \d of \d startup results are in\n", hpo("show"))
    hpo("run", "train.py", "--tuner", "Auto", "--max-trials", "8", "--seed", "1")
    explanation = data("show")["explanation"]
    assert set(explanation["length_scales"]) == {"x", "k"}
    assert re.search(
        r"Gaussian process.*\n +results 8, failed \d, noise .*\n +length scales: x ", hpo("show")
    )


def test_of_very_many_parameters_a_few_stand_for_what_the_model_says_of_each() -> None:
    many = {f"p{i}": {"_type": "uniform", "_value": [0, 1]} for i in range(30)}
    Path("many.json").write_text(json.dumps(many))
    Path("many.py").write_text("import hpo; hpo.report_final_result(hpo.get_next_parameter()['p0'])")
    hpo("run", "many.py", "--space", "many.json", "--max-trials", "11", "--seed", "1")
    assert len(data("show")["explanation"]["length_scales"]) == 30
    assert re.search(r"length scales: p0 .*, p19 \S+, and 10 more \(--json\)\n", hpo("show"))


def test_it_tells_how_much_each_parameter_matters_where_that_is_asked_for() -> None:
    hpo("run", "train.py", "--max-trials", "12", "--tuner", "Random", "--seed", "1")
    shares = json.loads(hpo("show", "--importance", "--json"))["importance"]
    assert shares["fanova"]["x"] > 0.9 > 0.1 > shares["fanova"]["k"]
    assert sum(shares["ped_anova"].values()) == pytest.approx(1)
    assert re.search(
        r"Importance +moves the result +tells the best trials\n +x +\d+% ━+ +\d+%\n +k ",
        hpo("show", "--importance"),
    )
    assert "Importance" not in hpo("show")


def test_an_experiment_that_lost_its_runner_has_no_running_trials() -> None:
    kill_in_the_middle("--max-trials", "5")
    shown = data("show")
    assert shown["status"] == "interrupted"
    assert shown["trials"] == {"interrupted": 2, "succeeded": 2}
    assert [t["state"] for t in data("trial", "list")] == ["succeeded"] * 2 + ["interrupted"] * 2
    assert data("trial", "show", "2")["state"] == "interrupted"
    resume = f"hpo resume {shown['id']}"
    assert f"interrupted: {resume} runs it again" in hpo("trial", "show", "2")
    for told in (hpo("show"), hpo("trial", "list"), hpo("export")):
        assert "running" not in told
    assert f"run again with: {resume}\n" in hpo("show")
    with contextlib.closing(Store(Path(shown["directory"]), read_only=False)) as store:
        store.set_value(2, 0.5, None)
    assert f"interrupted: {resume} takes its result" in hpo("trial", "show", "2")
    assert hpo("trial", "logs", shown["id"], "2", "--follow") == ""
    hpo("resume")
    assert sum(data("show")["trials"].values()) == 5
    assert "interrupted" not in hpo("show")


def test_the_explanation_of_a_class_is_there_without_the_class() -> None:
    kill_in_the_middle("--max-trials", "5", "--tuner", "custom.py:Stepping")
    Path("custom.py").unlink()
    assert data("show")["explanation"] == {"model": "steps", "size": 0.1, "next": {"x": 1}}
    assert "Stepping  of custom.py\n             steps\n             size 0.1\n             next: x 1" in hpo(
        "show"
    )


def test_an_explanation_that_fails_ends_nothing_and_is_told_with_its_line() -> None:
    Path("custom.py").write_text(CUSTOM.replace('return {"model"', 'return [][0], {"model"'))
    hpo("run", "train.py", "--tuner", "custom.py:Stepping", "--max-trials", "3")
    assert data("show")["status"] == "done"
    assert re.search(r"error explain failed at .*custom.py:11: IndexError: list index", hpo("show"))


def test_why_an_experiment_has_failed_stands_beside_its_name() -> None:
    Path("custom.py").write_text(
        CUSTOM.replace("return Trial", "raise ValueError('out of ideas')\n        x")
    )
    assert call("run", "train.py", "--tuner", "custom.py:Stepping", "--max-trials", "3").returncode == 2
    title, *lines = hpo("show").splitlines()
    assert re.search(r" error: the tuner Stepping failed at .*custom.py:9: ValueError: out of ideas$", title)
    assert re.search(r"^Next +hpo resume \w+ +go on where it stood$", "\n".join(lines), re.MULTILINE)


def test_a_terminal_gets_a_picture_and_no_line_too_long() -> None:
    hpo("run", "train.py", "--max-trials", "12", "--seed", "1", "--name", "n" * 200)
    shown = in_a_terminal("show")
    plain = re.sub(r"\x1b\[[\d;]*m", "", shown)
    assert plain != shown
    assert "━" * 40 in plain
    assert re.search(r"Best so far +[▁▂▃▄▅▆▇█]{40}  0.5 → 0\.", plain)
    assert max(map(len, plain.splitlines())) <= 90
    assert "━" not in hpo("show")
    assert "n" * 200 in hpo("show")


def test_an_experiment_that_is_damaged_is_said_to_be() -> None:
    folder = Path(os.environ["HPO_HOME"]) / "damaged"
    folder.mkdir(parents=True)
    (folder / "experiment.db").write_bytes(b"no database" * 1000)
    for command in (["show"], ["show", "dam"], ["best", "damaged", "--json"], ["resume", "damaged"]):
        done = call(*command)
        assert done.returncode == 1
        assert f"{folder / 'experiment.db'} cannot be read: " in done.stderr
    assert "experiment.db cannot be read" in call("list").stderr
    assert call("list", "--json").stdout == "[]\n"


def test_an_experiment_whose_store_somebody_removed_is_said_with_where_its_results_are() -> None:
    hpo("run", "train.py", "--max-trials", "1")
    (store,) = Path(os.environ["HPO_HOME"]).glob("[a-z0-9]*/experiment.db")
    store.unlink()
    assert call("list").stderr == f"hpo: {store} is not there any more\n"
    for command in (["show"], ["resume", store.parent.name], ["rescue", store.parent.name]):
        done = call(*command)
        assert f"{store} is not there any more" in done.stderr
        assert f"what trials reported is in {store.parent}/trials/*/metrics.jsonl" in done.stderr
    assert "not there any more" in call("doctor").stdout


def test_where_the_newest_is_damaged_no_older_one_is_taken_for_it() -> None:
    hpo("run", "train.py", "--max-trials", "1", "--name", "old")
    hpo("run", "train.py", "--max-trials", "1", "--name", "new")
    newest = Path(os.environ["HPO_HOME"]) / data("show", "new")["id"]
    (newest / "experiment.db").write_bytes(b"no database" * 1000)
    before = Path("train.py").read_text()
    for command in (["show"], ["best"], ["resume"], ["apply", "--write"], ["trial", "logs", "0"]):
        done = call(*command)
        assert done.returncode == 1
        assert f"the newest, {newest.name}: " in done.stderr
        assert f"hpo rescue {newest.name}; or name another: `hpo list`" in done.stderr
    assert Path("train.py").read_text() == before
    assert call("show", "old").returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="it is about Linux's capabilities")
def test_a_folder_that_may_not_be_looked_into_is_no_experiment_and_hides_none() -> None:
    hpo("run", "train.py", "--max-trials", "1", "--name", "digits")
    (Path(os.environ["HPO_HOME"]) / "lost+found").mkdir(mode=0o000)

    def as_anybody() -> None:
        for capability in (1, 2):  # root's rights to read and search whatever it likes
            ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)

    for command in (["list"], ["show"], ["doctor"], ["clean", "--keep", "9"]):
        done = subprocess.run(
            [sys.executable, "-m", "hpo", *command], capture_output=True, text=True, preexec_fn=as_anybody
        )
        assert (done.returncode, "denied" in done.stdout + done.stderr) == (0, False), done.stderr


@pytest.mark.parametrize("name", ["labels.json", "tuner.json", "runner.log"])
@pytest.mark.parametrize("kind", ["pipe", "endless"])
def test_files_that_never_end_keep_nobody_waiting(name: str, kind: str) -> None:
    hpo("run", "train.py", "--max-trials", "1")
    (store,) = Path(os.environ["HPO_HOME"]).glob("[a-z0-9]*/experiment.db")
    file = store.with_name(name)
    file.unlink(missing_ok=True)
    os.mkfifo(file) if kind == "pipe" else file.symlink_to("/dev/zero")
    for command in (["list"], ["show"], ["log"]):
        done = call(*command)
        assert done.returncode == (1 if (command, name) == (["log"], "runner.log") else 0)
        assert "Traceback" not in done.stderr


def test_what_the_system_refuses_is_said_without_a_traceback() -> None:
    hpo("run", "train.py", "--max-trials", "1")
    done = call("export", "-o", "nowhere/trials.csv")
    assert (done.returncode, done.stderr) == (1, "hpo: No such file or directory: nowhere/trials.csv\n")


def test_that_the_frozen_code_is_gone_is_said_and_what_is_not_touched_by_it() -> None:
    hpo("run", "train.py", "--max-trials", "1")
    (manifest,) = Path(os.environ["HPO_HOME"]).glob("*/code/manifest.json")
    manifest.unlink()
    done = call("apply")
    assert "frozen is gone or damaged" in done.stderr
    assert "trials and results are not touched" in done.stderr
    assert "Traceback" not in done.stderr


def test_where_there_is_no_home_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HPO_HOME")
    monkeypatch.setenv("HOME", "~")  # what is left where the user has no entry in the passwords' file
    done = call("list")
    assert done.returncode == 2
    assert "there is no home folder to store experiments in" in done.stderr


def test_what_is_too_long_for_a_terminal_goes_on_below_and_nothing_is_cut() -> None:
    hpo("run", "train.py", "--max-trials", "3", "--seed", "1")
    folded = in_a_terminal("show", columns=50)
    plain = re.sub(r"\x1b\[[\d;]*m", "", folded)
    assert max(map(len, plain.splitlines())) <= 50
    assert "…" not in plain
    assert "the diff that writes the best values in" in re.sub(r"\s+", " ", plain)


def test_a_list_of_trials_has_a_column_a_parameter_and_one_beneath_the_other_where_that_is_too_wide() -> None:
    hpo("run", "train.py", "--max-trials", "3", "--seed", "1")
    lines = hpo("trial", "list").splitlines()
    assert lines[0].split() == ["trial", "state", "value", "took", "x", "k"]
    assert lines[1].split()[-2:] == ["0.5", "a"]
    assert all(line == line.rstrip() for line in lines)
    narrow = in_a_terminal("trial", "list", columns=40)
    assert re.search(r"0 +succeeded +0.5 +[\d.]+ s\s+.*x=0.5  k=a", narrow)


def test_a_list_of_experiments_is_folded_in_its_cells_where_it_is_too_wide_and_nothing_is_cut() -> None:
    hpo("run", "train.py", "--max-trials", "1", "--name", "digits" * 20)
    head, *lines = plainly(in_a_terminal("list", columns=70))
    assert head.split() == ["id", "name", "status", "trials", "best", "begun"]
    assert max(map(len, lines)) <= 70
    start, end = head.index("name"), head.index("status")
    assert "".join(line[start:end].strip() for line in lines) == "digits" * 20


def test_a_diff_has_colours_in_a_terminal_alone() -> None:
    hpo("run", "train.py", "--max-trials", "4", "--seed", "1")
    diff = hpo("apply", "--trial", "1")
    shown = in_a_terminal("apply", "--trial", "1")
    assert "\x1b[31m-x = 0.5" in shown
    assert "\x1b[32m+x = 0." in shown
    assert [line for line in plainly(shown) if line][: len(diff.splitlines())] == [
        line.rstrip() for line in diff.splitlines()
    ]


def test_a_mistake_is_folded_between_words_in_a_terminal() -> None:
    lines = plainly(in_a_terminal("run", "train.py", "--fix", "nonesuch=1", columns=30, code=2))
    assert max(map(len, lines)) <= 30
    assert " ".join(" ".join(lines).split()) == " ".join(
        call("run", "train.py", "--fix", "nonesuch=1").stderr.split()
    )


def test_every_limit_is_told_and_what_a_trial_of_several_runs_took() -> None:
    limits = ["--stop-when", "x>2", "--patience", "5", "--max-failures", "4", "--max-trial-memory", "2G"]
    limits += ["--max-trial-silence", "10m"]
    hpo("run", "train.py", "--max-trials", "1", *limits, "--repeat", "2", "--retries", "1")
    assert (
        "Limits       stops when x>2; after 5 trials without a better result; after 4 failures; "
        "10 min without a report of a trial; 2 G of memory for a trial; each trial runs 2 times; 1 retry\n"
    ) in hpo("show")
    assert "runs       0.5, 0.5\n" in hpo("trial", "show", "0")


def test_a_trial_that_warned_has_a_line_and_of_many_trials_the_newest_stand_there() -> None:
    Path("train.py").write_text(
        "import hpo\nx = 0.5  # hpo: uniform(0, 1)\nhpo.report_intermediate_result(float('nan'))\n"
        "for _ in range(23 * (x != 0.5)): hpo.report_intermediate_result(float('nan'))\n"
        "hpo.report_final_result(x)\n"
    )
    hpo("run", "train.py", "--max-trials", "5")
    each = [f"trial {n}: step 0: nan is no finite number, and 23 more" for n in range(1, 9)]
    said, show = here("show")[0], f"hpo trial show {data('show')['id']}"
    assert warnings(said) == ["trial 0: step 0: nan is no finite number", *each[:4]]
    assert f"\n             all that is noted of one: {show} 4\n" in said
    assert here("trial", "show", "4")[0].count("nan is no finite number") == 24
    here("update", "--max-trials", "9")
    hpo("resume")
    shown = "\n".join(plainly(in_a_terminal("show", columns=80)))
    assert warnings(shown) == [f"trials 0, 1, 2, 3 have warnings, too: {show} 3", *each[3:]]


def test_of_very_many_warnings_of_the_experiment_a_terminal_gets_the_newest() -> None:
    hpo("run", "train.py", "--max-trials", "1")
    directory = Path(data("show")["directory"])
    given = [f"nothing was done: {n}" for n in range(25)]
    with contextlib.closing(Store(directory, read_only=False)) as store:
        for message in given:
            store.add_event("warning", message)
    assert warnings(hpo("show")) == given
    shown = "\n".join(plainly(in_a_terminal("show", columns=80)))
    assert f"\nEarlier      5 more: hpo show {directory.name} | less\n" in shown
    assert warnings(shown) == given[5:]


def test_what_waits_until_an_experiment_goes_on_is_told_until_it_does() -> None:
    hpo("run", "train.py", "--max-trials", "1", "--max-trial-silence", "1m", "--name", "mine")
    assert "Waiting" not in here("show")[0]
    Path("space.json").write_text('{"x": {"_type": "uniform", "_value": [0, 0.5]}}')
    Path("found.json").write_text('[{"parameter": {"x": 0.1, "k": "a"}, "value": 0.1}]')
    here("update", "--max-trial-silence", "30s", "--max-trials", "1")
    for more in ["mine", "k=b"], ["mine", "x=0.25"]:
        here("enqueue", *more)
    here("import", "mine", "found.json")
    resume = f"hpo resume {data('show')['id']}"
    wishes = "--max-trial-silence 30s, 2 trials enqueued, 1 result to import"
    assert f"Waiting      {wishes}: {resume}\n" in here("show")[0]
    here("update", "--max-trial-silence", "1m", "--space", "space.json")
    assert f"Waiting      another space, 2 trials enqueued, 1 result to import: {resume}\n" in here("show")[0]
    assert data("show")["limits"]["max_trial_silence"] == 60
    hpo("resume")
    assert "Waiting" not in here("show")[0]


def test_where_no_trial_has_succeeded_there_is_no_best() -> None:
    Path("train.py").write_text("x = 0.5  # hpo: uniform(0, 1)\nraise SystemExit(3)\n")
    call("run", "train.py", "--max-trials", "1")
    assert "Best" not in hpo("show")
    done = call("best")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "No trial has succeeded yet.\n")


def test_of_an_experiment_that_runs_one_sees_how_far_its_trials_are_and_how_it_is_ended() -> None:
    Path("train.py").write_text(
        "import hpo, pathlib, time\n"
        "x = 0.5  # hpo: uniform(0, 1)\nhpo.report_intermediate_result(x, step=7)\n"
        "while not pathlib.Path('go').exists():\n    time.sleep(0.05)\nhpo.report_final_result(x)\n"
    )
    command = [sys.executable, "-m", "hpo", "run", "train.py", "--max-trials", "1", "--no-web"]
    runner = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    limit = time.monotonic() + 60
    while not (data("list") and any(t["intermediate"] for t in data("trial", "list"))):
        assert time.monotonic() < limit
        time.sleep(0.1)
    follower = subprocess.Popen(
        [sys.executable, "-m", "hpo", "trial", "logs", "0", "--follow"], stdout=subprocess.DEVNULL
    )
    assert re.search(r"\n0 +running +- .* step 7: 0\.5\n", here("trial", "list")[0])
    assert re.search(r"Next +hpo stop \w+ .* end it; it can go on later\n", here("show")[0])
    Path("go").touch()
    assert runner.wait(60) == follower.wait(60) == 0


def test_the_best_trials_are_those_of_the_experiments_direction() -> None:
    hpo("run", "train.py", "--max-trials", "4", "--seed", "1", "--minimize")
    best = data("trial", "list", "--best", "2")
    values = sorted(t["value"] for t in data("trial", "list") if t["value"] is not None)
    assert [t["value"] for t in best] == values[:2]


def test_a_gain_is_told_in_the_direction_of_the_experiment() -> None:
    said = data("run", "train.py", "--max-trials", "6", "--seed", "1", "--minimize")
    assert said["value"] < 0.5
    assert f", {0.5 - said['value']:.4g} better than the script's own 0.5\n" in hpo("best")
    hpo("run", "train.py", "--max-trials", "1", "--minimize")
    assert hpo("best").startswith("Best      0.5   trial 0, the script's own values\n")


def test_a_list_tells_how_far_experiments_are_and_since_when() -> None:
    hpo("run", "train.py", "--max-trials", "2", "--seed", "1")
    head, line = hpo("list").splitlines()
    assert head.split() == ["id", "name", "status", "trials", "best", "begun"]
    assert re.search(r"train +done +2 +0\.\d+ +(now|\d+ s ago)$", line)


def test_the_end_of_a_trial_of_many_steps_is_on_the_screen() -> None:
    Path("long.py").write_text(
        "x = 1.0  # hpo: uniform(0, 1)\nimport hpo\n"
        "for i in range(100): hpo.report_intermediate_result(i)\nhpo.report_final_result(x)\n"
    )
    hpo("run", "long.py", "--max-trials", "1")
    shown = in_a_terminal("trial", "show", "0")
    assert "step 9 " in shown
    assert "step 10 " not in shown
    assert "80 more" in shown
    assert "step 90 " in shown
    assert "step 50 " in hpo("trial", "show", "0")


def test_a_run_that_was_stopped_says_how_much_of_it_was_done() -> None:
    Path("slow").touch()
    command = [sys.executable, "-m", "hpo", "run", "train.py", "--max-trials", "9", "--seed", "1", "--no-web"]
    runner = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    limit = time.monotonic() + 60
    while not (data("list") and data("show")["trials"] == {"running": 1, "succeeded": 2}):
        assert time.monotonic() < limit
        time.sleep(0.1)
    said = interrupted_twice(runner)
    assert runner.returncode == 130
    assert "\n2 of 9 trials succeeded, in " in said
    resume = f"hpo resume {data('show')['id']}"
    assert f"\nGo on later with: {resume}\n" in said
    assert f"\nNext      {resume}   go on where it stood\n" in said
    assert " stopped by Ctrl-C\n" in hpo("show")


def test_a_search_space_is_read_in_a_narrow_terminal_as_well() -> None:
    Path("long.py").write_text(
        "a_rather_long_name = 0.001  # hpo: loguniform(1e-5, 1e-1)\nif a_rather_long_name > 0:\n    pass\n"
    )
    assert hpo("annotate", "long.py").splitlines()[0].split() == ["parameter", "domain", "today", "place"]
    shown = re.sub(r"\x1b\[[\d;]*m", "", in_a_terminal("annotate", "long.py", columns=50))
    lines = [line.rstrip() for line in shown.splitlines()]
    assert lines == ["a_rather_long_name = 0.001   long.py:1", "    loguniform(1e-05, 0.1)"]


@pytest.mark.parametrize("command", [["trial", "show"], ["trial", "logs"], ["apply", "--trial"]])
def test_a_trial_of_a_number_beyond_all_is_not_there(command: list[str]) -> None:
    hpo("run", "train.py", "--max-trials", "1")
    done = call(*command, str(10**30))
    assert done.returncode == 2
    assert f"no trial {10**30}" in done.stderr


def test_a_value_that_is_too_deep_for_json_is_a_text() -> None:
    hpo("run", "train.py", "--max-trials", "1")
    done = call("enqueue", "x=" + "[" * 100_000)
    assert done.returncode == 2
    assert "lies outside uniform(0, 1)" in done.stderr


def test_of_a_table_each_row_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["name", "status"], [["a\nb", "done"]])
    assert capsys.readouterr().out == "name  status\na b   done\n"
