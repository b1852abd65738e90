"""The commands, as a person calls them."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from commands import here

from hpo.runtime.home import send_command
from hpo.runtime.store import Store

SCRIPT = """import hpo
x = 0.5  # hpo: uniform(0, 1)
'''@hpo.choice(16, 32, 64)'''
n = 16
print("x is", x)
hpo.report_intermediate_result(x / 2)
hpo.report_final_result(x + n)
"""


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    Path("train.py").write_text(SCRIPT)


def hpo(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "hpo", *arguments], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done


def data(*arguments: str) -> Any:
    return json.loads(hpo(*arguments, "--json").stdout)


def test_a_marked_script_is_tuned_from_its_own_values_on() -> None:
    best = data("run", "train.py", "--max-trials", "20", "--seed", "1", "--concurrency", "2")
    assert best["baseline"] == 16.5
    assert best["value"] > 64
    assert best["parameters"]["n"] == 64
    assert best == data("best")
    trials = data("trial", "list")
    assert [t["number"] for t in trials] == list(range(20))
    assert trials[0]["parameters"] == {"x": 0.5, "n": 16}
    for trial in trials:
        assert trial["value"] == trial["parameters"]["x"] + trial["parameters"]["n"]
        assert trial["intermediate"] == [[0, trial["parameters"]["x"] / 2]]


def test_show_list_logs_and_export_tell_of_it() -> None:
    hpo("run", "train.py", "--max-trials", "3", "--seed", "1", "--name", "mine")
    shown = data("show", "mine")
    assert (shown["status"], shown["trials"]) == ("done", {"succeeded": 3})
    assert shown["space"]["x"] == {"_type": "uniform", "_value": [0, 1]}
    assert [e["id"] for e in data("list")] == [shown["id"]]
    assert hpo("trial", "logs", shown["id"][:4], "0").stdout == "x is 0.5\n"
    assert hpo("export").stdout.splitlines()[0] == "number,state,value,duration,failure,x,n"
    assert len(json.loads(hpo("export", "--format", "json").stdout)) == 3


@pytest.mark.parametrize(("end", "stood", "code"), [("", "done", 0), ("raise SystemExit(1)", "error", 1)])
def test_once_an_experiment_has_ended_one_file_holds_all_of_it(end: str, stood: str, code: int) -> None:
    Path("train.py").write_text(end or SCRIPT)
    hpo("run", "train.py", "--param", "y=uniform(0, 1)", "--max-trials", "3", code=code)
    Path("copy").mkdir()
    shutil.copy(Path(data("show")["directory"], "experiment.db"), "copy")
    with closing(Store(Path("copy"))) as copy:
        assert (len(copy.trials()), copy.experiment()["status"]) == (3, stood)


def test_a_log_that_is_no_file_is_said_and_not_waited_for() -> None:
    shown = data("run", "train.py", "--max-trials", "1")
    log = Path(os.environ["HPO_HOME"], shown["experiment"], "trials", "0", "stdout.log")
    log.unlink()
    os.mkfifo(log)
    assert "stdout.log cannot be shown: it is no plain file" in hpo("trial", "logs", "0", code=1).stderr


def test_apply_shows_the_diff_and_write_makes_it() -> None:
    best = data("run", "train.py", "--max-trials", "10", "--seed", "1")
    diff = hpo("apply").stdout
    assert "-n = 16" in diff
    assert f"+n = {best['parameters']['n']}" in diff
    assert Path("train.py").read_text() == SCRIPT
    assert diff.startswith("--- a/train.py\n")
    script = Path("train.py").resolve()
    Path("elsewhere").mkdir()
    os.chdir("elsewhere")
    assert hpo("apply").stdout.startswith(f"--- a{script}\n")
    os.chdir("..")
    hpo("apply", "--write")
    assert f"\nn = {best['parameters']['n']}\n" in Path("train.py").read_text()
    assert hpo("apply").stdout == ""


def test_an_experiment_whose_plan_names_no_sources_is_applied_and_resumed_all_the_same() -> None:
    hpo("run", "train.py", "--max-trials", "2")
    directory = Path(data("show")["directory"])
    db = sqlite3.connect(directory / "experiment.db")
    db.execute("UPDATE experiment SET config = json_remove(config, '$.plan.sources')")
    (schema,) = db.execute("SELECT sql FROM sqlite_master WHERE name = 'trial'").fetchone()
    columns = [name for _, name, *_ in db.execute("PRAGMA table_info(trial)") if name != "node"]
    earlier = schema[: schema.index("deviation")].replace("TABLE trial", "TABLE earlier")  # as it was then
    db.executescript(
        f"{earlier} deviation REAL); INSERT INTO earlier SELECT {', '.join(columns)} FROM trial; "
        "DROP TABLE trial; ALTER TABLE earlier RENAME TO trial; PRAGMA user_version = 3"
    )
    db.commit()
    db.close()
    assert "-x = 0.5" in hpo("apply", "--trial", "1").stdout
    hpo("update", "--max-trials", "3")
    assert "3 trials succeeded" in hpo("resume").stderr
    assert Store(directory).experiment()["config"]["plan"]["sources"] == [str(Path.cwd() / "train.py")]


def test_trial_show_and_code_give_one_trial_in_full() -> None:
    best = data("run", "train.py", "--max-trials", "6", "--seed", "1")
    number = str(best["trial"])
    assert data("trial", "show", number)["parameters"] == best["parameters"]
    assert re.search(rf"  n +{best['parameters']['n']}\b", hpo("trial", "show", number).stdout)
    source = hpo("trial", "code", number).stdout
    assert "@hpo" not in source
    assert "import hpo" not in source
    Path("alone.py").write_text(source)
    done = subprocess.run([sys.executable, "-S", "alone.py"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == f"x is {best['parameters']['x']}"
    assert "has no trial 99" in hpo("trial", "show", "99", code=2).stderr


def test_the_code_of_a_trial_says_what_it_had_in_other_files() -> None:
    Path("parts").mkdir()
    Path("parts/net.py").write_text("depth = 2  # hpo: randint(1, 9)\n")
    script = "from parts.net import depth\nx = 1  # hpo: randint(0, 9)\n'''@hpo.report_final_result(x)'''\n"
    Path("train.py").write_text(script)
    hpo("run", "train.py", "--max-trials", "1")
    assert hpo("trial", "code", "0").stdout == (
        "from parts.net import depth\nx = 1\nprint(x)\n\n"
        "# Values of this trial in other files:\n#   parts/net.py: depth = 2\n"
    )


PLAIN = """import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.5)
parser.add_argument("--weight-decay", type=float, default=0.5)
parser.add_argument("--mode")
options = parser.parse_args()
for epoch in range(3):
    print(f"epoch {epoch}: loss={epoch + options.lr + options.weight_decay:.6f} mode {options.mode}")
"""


def test_a_script_that_cannot_be_edited_is_tuned_by_its_options_and_its_output() -> None:
    Path("plain.py").write_text(PLAIN)
    params = [
        "--param",
        "lr=uniform(0, 1)",
        "--param",
        "weight-decay=uniform(0, 1)",
        "--param",
        "mode=choice('a', 'b c')",
    ]
    best = data(
        "run", "plain.py", *params, "--metric-pattern", r"loss=(\S+)", "--minimize", "--max-trials", "5"
    )
    assert best["baseline"] is None
    values = best["parameters"]
    assert set(values) == {"lr", "weight-decay", "mode"}
    assert best["value"] == pytest.approx(2 + values["lr"] + values["weight-decay"], abs=1e-5)
    trial = data("trial", "show", str(best["trial"]))
    assert [step for step, _ in trial["intermediate"]] == [0, 1, 2]


def test_options_are_sent_to_any_command_as_they_are() -> None:
    Path("config.yml").write_text("trialCommand: cat /dev/null; sh run.sh\ntuner: {name: Random}\n")
    Path("run.sh").write_text('test "$1" = --mode && echo "score 1 for <$2>"\n')
    arguments = ["--param", """mode=choice("a'b", "$(exit 7); c")""", "--metric-pattern", r"score (\d)"]
    assert data("run", "--config", "config.yml", *arguments, "--max-trials", "4")["value"] == 1
    modes = {t["parameters"]["mode"] for t in data("trial", "list")}
    assert {f"score 1 for <{m}>" for m in modes} == {
        hpo("trial", "logs", str(n)).stdout.strip() for n in range(2)
    }


def test_mistakes_in_options_are_shown_at_their_places() -> None:
    wrong = hpo("run", "train.py", "--param", "lr=unifrom(0, 1)", "--param", "y=uniform(2, 1)", code=2).stderr
    assert "--param:1:4: error: there is no domain unifrom" in wrong
    assert "--param:1:11: error: low is 2 and high is 1" in wrong
    assert (
        "given with --param and in the space"
        in hpo("run", "train.py", "--param", "x=uniform(0, 1)", code=2).stderr
    )
    assert "no regular expression" in hpo("run", "train.py", "--metric-pattern", "(", code=2).stderr


def test_delete_asks_first_and_leaves_nothing(tmp_path: Path) -> None:
    best = data("run", "train.py", "--max-trials", "1")
    assert "--yes does not ask" in hpo("delete", best["experiment"], code=2).stderr
    hpo("delete", best["experiment"], "--yes")
    assert data("list") == []
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["web"]  # where the page keeps its token


def test_one_seed_gives_the_same_trials() -> None:
    first = data("run", "train.py", "--max-trials", "12", "--seed", "7")
    second = data("run", "train.py", "--max-trials", "12", "--seed", "7")
    assert first["parameters"] == second["parameters"]


def test_update_enqueue_and_resume_go_on_with_what_was_asked() -> None:
    hpo("run", "train.py", "--max-trials", "2", "--seed", "1", "--name", "mine")
    hpo("enqueue", "mine", "x=0.25")
    hpo("update", "mine", "--max-trials", "5")
    hpo("resume", "mine")
    trials = data("trial", "list", "mine")
    assert len(trials) == 5
    assert trials[2]["parameters"] == {"x": 0.25, "n": 16}
    hpo("enqueue", "mine", "x=2", code=2)


def test_a_wish_of_which_a_killed_runner_left_the_file_is_obeyed_once() -> None:
    hpo("run", "train.py", "--max-trials", "1", "--name", "mine", "--no-web")
    folder = Path(data("show", "mine")["directory"])
    Path("found.json").write_text(json.dumps([{"parameter": {"x": 0.75, "n": 64}, "value": 64.75}]))
    hpo("enqueue", "mine", "x=0.25")
    hpo("import", "mine", "found.json")
    left = {path: path.read_bytes() for path in (folder / "commands").iterdir()}
    assert len(left) == 2
    for _ in range(2):
        hpo("update", "mine", "--max-trials", "2")
        hpo("resume", "mine", "--no-web")
        assert list((folder / "commands").iterdir()) == []
        found = data("trial", "list", "mine")
        assert sorted(trial["origin"] for trial in found) == ["baseline", "imported", "user"]
        for path, written in left.items():
            path.write_bytes(written)


def test_of_many_that_resume_an_experiment_at_one_moment_one_runs_it() -> None:
    """Let a dozen do so, once; `HPO_RUSHES=20 HPO_RUNNERS=50` lets fifty do so, twenty times."""
    count, rushes = int(os.environ.get("HPO_RUNNERS", "12")), int(os.environ.get("HPO_RUSHES", "1"))
    wait = "while hpo.get_sequence_id() and not pathlib.Path('go').exists():\n    time.sleep(0.02)\n"
    Path("train.py").write_text(f"import pathlib, time\n{SCRIPT}".replace("print(", f"{wait}print("))
    hpo("run", "train.py", "--max-trials", "1", "--name", "mine", "--no-web")
    for rush in range(rushes):
        Path("go").unlink(missing_ok=True)
        hpo("update", "mine", "--max-trials", str(2 + rush))
        resume = [sys.executable, "-m", "hpo", "resume", "mine", "--no-web"]
        runners = [subprocess.Popen(resume, stderr=subprocess.PIPE, text=True) for _ in range(count)]
        deadline = time.monotonic() + 120
        while sum(runner.poll() is not None for runner in runners) < count - 1:
            assert time.monotonic() < deadline, "several run it"
            time.sleep(0.05)
        Path("go").touch()
        said = sorted((r.communicate(timeout=120)[1], r.returncode) for r in runners)
        refusals = {(words.partition(" by process")[0], status) for words, status in said if status}
        name = Path(data("show", "mine")["directory"]).name
        assert refusals == {(f"hpo: experiment {name} is being run", 2)}
        assert [status for _, status in said].count(0) == 1
    assert [trial["attempt"] for trial in data("trial", "list", "mine")] == [1] * (1 + rushes)


def test_that_a_runner_was_to_stop_is_nothing_to_the_next() -> None:
    hpo("run", "train.py", "--max-trials", "1", "--name", "mine", "--no-web")
    folder = Path(data("show", "mine")["directory"])
    for wish in ({"do": "stop"}, {"do": "kill", "trial": 1}):
        send_command(folder, wish)
    hpo("update", "mine", "--max-trials", "3")
    hpo("resume", "mine", "--no-web")
    assert [trial["state"] for trial in data("trial", "list", "mine")] == ["succeeded"] * 3


def test_a_constraint_holds_in_every_trial_and_for_what_is_enqueued() -> None:
    Path("pair.py").write_text(
        "import hpo\na = 1  # hpo: randint(0, 9)\nb = 2  # hpo: randint(0, 9)\n# hpo: constraint(a + b < 5)\n"
        "hpo.report_final_result(a + b)\n"
    )
    assert "only where a + b < 5  (pair.py:4)" in hpo("annotate", "pair.py").stdout
    hpo("run", "pair.py", "--max-trials", "8", "--seed", "1", "--name", "pair")
    assert {t["value"] < 5 for t in data("trial", "list", "pair")} == {True}
    refused = hpo("enqueue", "pair", "a=4", "b=3", code=2).stderr
    assert "a = 4, b = 3 violates the constraint a + b < 5" in refused
    hpo("enqueue", "pair", "a=0", "b=4")


def test_suggest_shows_a_diff_and_makes_it_when_asked() -> None:
    Path("plain.py").write_text("lr = 0.01\n")
    shown = hpo("suggest", "plain.py")
    assert "+lr = 0.01  # hpo: loguniform(1e-4, 1)" in shown.stdout
    assert Path("plain.py").read_text() == "lr = 0.01\n"
    hpo("suggest", "plain.py", "--write")
    assert Path("plain.py").read_text() == "lr = 0.01  # hpo: loguniform(1e-4, 1)\n"
    assert "or it is marked already" in hpo("suggest", "plain.py").stderr
    hpo("suggest", "nowhere.py", code=2)
    hpo("suggest", ".", code=2)


def test_annotate_prints_the_space_the_json_and_the_diff() -> None:
    assert "train.py:2" in hpo("annotate", "train.py").stdout
    assert list(json.loads(hpo("annotate", "train.py", "--space").stdout)) == ["x", "n"]
    told = json.loads(hpo("annotate", "train.py", "--format", "json").stdout)
    assert [(p["name"], p["default"], p["line"], p["column"]) for p in told["parameters"]] == [
        ("x", 0.5, 2, 5),
        ("n", 16, 4, 5),
    ]
    assert "-n = 16" in hpo("annotate", "train.py", "--diff").stdout
    hpo("annotate", "train.py", "-o", "out")
    assert subprocess.run([sys.executable, "out/train.py"], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = (\n", "train.py:1:5: error: the file does not compile"),
        ("x = 1  # hpo: unifrom(0, 1)\n", "train.py:1:15: error: there is no domain unifrom"),
        ("x = 1\n", "the search space is empty"),
    ],
)
def test_a_mistake_in_the_script_is_said_and_nothing_is_made(text: str, said: str, tmp_path: Path) -> None:
    Path("train.py").write_text(text)
    assert said in hpo("run", "train.py", "--max-trials", "2", code=2).stderr
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("group", [[], ["trial"]])
def test_help_says_what_each_command_does_in_a_whole_line(
    group: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = hpo(*group, "--help").stdout.splitlines()
    assert not [line for line in lines[1:] if "..." in line or len(line) > 80]


def test_usage_names_the_arguments_as_they_are_written() -> None:
    assert "hpo trial show [OPTIONS] ID [N]\n" in hpo("trial", "show", "--help").stdout
    shown = hpo("run", "--help").stdout
    assert "hpo run [OPTIONS] [SCRIPT] [-- ARGS...]\n" in shown
    assert not re.search(r"<(path|str|int|list)|\[required\]|[{}]", shown)


def test_the_users_mistakes_end_with_2() -> None:
    assert "there is no script" in hpo("run", "missing.py", code=2).stderr
    assert "did you mean TPE" in hpo("run", "train.py", "--tuner", "TPP", code=2).stderr
    hpo("run", "--no-such-option", code=2)
    assert "there is nothing to run" in hpo("run", code=2).stderr
    assert "there is no experiment" in hpo("show", code=2).stderr
    said = hpo("run", "train.py", "--max-duration", "soon", code=2).stderr
    assert said.startswith('hpo: --max-duration takes a duration, not "soon"\n  write 30s')


def test_a_limit_is_taken_away() -> None:
    hpo("run", "train.py", "--max-trials", "1", "--patience", "5", "--max-trial-silence", "1h", "--no-web")
    said = hpo(
        "update", "--no-limit", "patience", "--no-limit", "max-trial-silence", "--max-duration", "90m"
    ).stdout
    assert "has --max-duration 90m, no --patience, no --max-trial-silence, once it goes on" in said
    assert (
        "It has --max-duration 90m, no --patience, no --max-trial-silence, from now on"
        in hpo("resume").stderr
    )
    assert data("show")["limits"] == {"max_trials": 1, "max_duration": 5400.0, "max_trial_duration": None}
    refused = hpo("update", "--no-limit", "silence", code=2).stderr
    assert refused.startswith(
        "hpo: --no-limit silence: it names no limit\n  there are max-trials, max-duration,"
    )
    assert "it is given one" in hpo("update", "--no-limit", "patience", "--patience", "3", code=2).stderr


def test_a_cluster_that_cannot_be_is_said_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as found\nspec = found.find_spec\n"
        "found.find_spec = lambda name, *more: None if name == 'ray' else spec(name, *more)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    said = hpo("run", "train.py", "--engine", "ray", code=2).stderr
    assert said.startswith("hpo: --engine ray needs Ray, which is not installed\n  pip install ")
    assert hpo("list", "--json").stdout == "[]\n"


def test_an_assessor_that_has_nothing_to_judge_is_said() -> None:
    options = ["--metric-pattern", "x is (.*)", "--assessor", "Medianstop", "--max-trials", "1"]
    assert (
        "warning: Medianstop stops no trial: --metric-pattern is read"
        in hpo("run", "train.py", *options).stderr
    )


def test_values_that_are_no_results_fail_their_trials_and_the_others_go_on() -> None:
    bad = "['a', float('nan'), None, [1], {'loss': 1}, True][n - 1]"
    text = f"import hpo\nn = 0  # hpo: randint(0, 7)\nhpo.report_final_result(1.0 if n == 0 else {bad})\n"
    Path("train.py").write_text(text)
    hpo("run", "train.py", "--max-trials", "7", "--tuner", "GridSearch", code=0)
    states = {t["parameters"]["n"]: t["failure"] for t in data("trial", "list")}
    assert states == {0: None, **dict.fromkeys(range(1, 7), "bad_value")}


SEED = {
    "config.yml": """authorName: default
experimentName: example_mnist
trialConcurrency: 1
maxExecDuration: 1h
maxTrialNum: 20
trainingServicePlatform: local
searchSpacePath: search_space.json
useAnnotation: false
tuner:
  builtinTunerName: TPE
  classArgs:
    optimize_mode: maximize
trial:
  command: python test_nni.py
  codeDir: .
  gpuNum: 0
""",
    "search_space.json": """{
    "lr":{"_type":"choice","_value":[0.0001, 0.001, 0.01, 0.1]},
    "momentum":{"_type":"uniform","_value":[0, 1]}
}""",
    "test_nni.py": """import nni
params = nni.get_next_parameter()
nni.report_intermediate_result(params["lr"])
nni.report_final_result(params["lr"] * params["momentum"])
""",
}


def test_an_nni_experiment_runs_as_it_stands() -> None:
    for name, text in SEED.items():
        Path(name).write_text(text)
    hpo("run", "--config", "config.yml")
    shown = data("show")
    assert (shown["name"], shown["trials"]) == ("example_mnist", {"succeeded": 20})
    assert shown["best"]["baseline"] is None


def test_a_configuration_that_asks_for_gpus_says_that_there_are_none() -> None:
    for name, text in SEED.items():
        Path(name).write_text(text.replace("gpuNum: 0", "gpuNum: 1"))
    assert (
        "asks for 1 GPU per trial, and this machine has none"
        in hpo("run", "--config", "config.yml", code=2).stderr
    )


def test_mistakes_in_a_configuration_are_shown_at_their_places() -> None:
    for name, text in SEED.items():
        Path(name).write_text(text.replace("maxTrialNum: 20", "maxTrialNumb: 20").replace("TPE", "TPP"))
    error = hpo("run", "--config", "config.yml", code=2).stderr
    assert "config.yml:5:1: error: there is no field maxTrialNumb" in error
    assert "did you mean maxTrialNum?" in error


def test_param_and_metric_tell_of_their_options() -> None:
    assert "--default DEFAULT" in hpo("param", "--help").stdout
    assert "--step STEP" in hpo("metric", "--help").stdout
    assert "param " in hpo("--help").stdout
    assert here("--", "param", "lr", "--default", "0.1") == ("0.1\n", "")
    assert here("--", "metric", "3") == ("", "")


def test_param_and_metric_say_what_is_wrong_in_a_trial_and_outside() -> None:
    outside = (
        "hpo: there is no value for y: no experiment is running here; --default VALUE gives one outside\n"
    )
    assert hpo("param", "y", code=2).stderr == outside
    command = f"{sys.executable} -m hpo"
    Path("config.yml").write_text(
        "searchSpace: {x: {_type: uniform, _value: [0, 1]}}\n"
        f"trialCommand: {command} param y; {command} metric great --final\n"
        "maxTrialNumber: 1\ntrialConcurrency: 1\ntuner: {name: Random}\n"
    )
    hpo("run", "--config", "config.yml", code=1)
    assert hpo("trial", "logs", "0").stderr == "hpo: there is no value for y: this trial has x\n"
    assert "failed: its final result: 'great' is no number\n" in hpo("trial", "show", "0").stdout


@pytest.mark.parametrize(
    "command", [["param", "lr", "--default", "0.1"], ["--help"], ["list"], ["trial", "logs", "0"]]
)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_command_bears_a_program_that_has_read_enough(command: list[str], unbuffered: str) -> None:
    if command[0] in ("list", "trial"):
        hpo("run", "train.py", "--max-trials", "1")
    reading, writing = os.pipe()
    os.close(reading)
    variables = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    called = [sys.executable, "-m", "hpo", *command]
    done = subprocess.run(
        called, stdout=writing, stderr=subprocess.PIPE, timeout=300, check=False, env=variables
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_script_that_is_a_folder_or_an_amount_that_is_none_is_a_mistake() -> None:
    assert "hpo: . is a folder\n" in hpo("run", ".", code=2).stderr
    said = hpo("run", "train.py", "--ray-resource", "tpu", code=2).stderr
    assert "write it as NAME=N, such as tpu=1" in said


def test_a_trial_is_asked_for_by_its_number() -> None:
    hpo("run", "train.py", "--max-trials", "1", "--name", "mine")
    assert "hpo: which trial?\n  hpo trial list mine shows them" in here("trial", "show", "mine", code=2)[1]


def test_an_export_in_an_unknown_form_is_a_mistake() -> None:
    assert "the formats are csv, json, parquet, nni" in here("export", "--format", "xml", code=2)[1]


def test_a_module_that_is_in_no_known_encoding_fails_where_it_is_imported_and_nowhere_else() -> None:
    Path("comment.py").write_bytes(b"# caf\xe9\n")  # which Python never reads
    Path("word.py").write_bytes(b"word = 'caf\xe9'\n")
    Path("cookie.py").write_bytes(b"# coding: none\n")
    trying = "try:\n    import {}\nexcept SyntaxError:\n    pass\nelse:\n    raise SystemExit(1)\n"
    Path("train.py").write_text("import comment\n" + trying.format("word") + trying.format("cookie") + SCRIPT)
    hpo("run", "train.py", "--max-trials", "2")
    assert data("show")["trials"] == {"succeeded": 2}


def test_where_the_scripts_own_values_fail_others_are_still_written_back() -> None:
    Path("train.py").write_text("import hpo\nx = 0.0  # hpo: uniform(0, 1)\nhpo.report_final_result(1 / x)\n")
    said = hpo("run", "train.py", "--max-trials", "2", "--name", "mine").stderr
    assert "1 trial succeeded, 1 failed" in said
    assert "; the script's own values failed (trial 0)" in said
    assert "hpo apply" in said
    assert "hpo web" in said
    assert "the script's own values failed" in hpo("show").stdout
    assert "hpo apply" in hpo("show").stdout
    assert "-x = 0.0" in hpo("apply").stdout


def test_the_version_is_that_of_the_distribution() -> None:
    assert hpo("--version").stdout == f"hpo {version('hpo-annotate')}\n"


def test_where_a_space_is_given_it_is_said_that_marks_or_nothing_take_its_values() -> None:
    Path("space.json").write_text('{"x": {"_type": "uniform", "_value": [0, 0.2]}}')
    said = hpo("run", "train.py", "--space", "space.json", "--max-trials", "1").stderr
    assert "warning: the space is given, so the marks in train.py are not used" in said
    Path("plain.py").write_text("print(1)\n")
    said = hpo(
        "run", "plain.py", "--space", "space.json", "--metric-pattern", "(1)", "--max-trials", "1"
    ).stderr
    assert "warning: nothing in plain.py asks for a value" in said
    Path("asks.py").write_text("import hpo\nhpo.report_final_result(hpo.get_next_parameter()['x'])\n")
    assert "warning" not in hpo("run", "asks.py", "--space", "space.json", "--max-trials", "1").stderr


def test_apply_refuses_values_that_do_not_come_from_marks() -> None:
    Path("plain.py").write_text(PLAIN)
    command = ["run", "plain.py", "--param", "lr=uniform(0, 1)", "--metric-pattern", r"loss=(\S+)"]
    hpo(*command, "--max-trials", "1")
    assert "do not come from marks" in hpo("apply", code=2).stderr


def test_a_run_warns_of_a_default_outside_its_domain() -> None:
    Path("train.py").write_text("import hpo\nx = 5  # hpo: uniform(0, 1)\nhpo.report_final_result(x)\n")
    assert "train.py:2:5: warning: " in hpo("run", "train.py", "--max-trials", "1").stderr


def test_enqueue_says_when_its_values_run() -> None:
    hpo("run", "train.py", "--max-trials", "1", "--name", "mine")
    assert "hpo resume " in hpo("enqueue", "mine", "x=0.75").stdout
    assert "hpo resume " in hpo("enqueue", "x=0.5").stdout  # in the newest
    assert "there are no values to try" in hpo("enqueue", "mine", code=2).stderr


def test_what_is_said_of_options_names_them_and_the_cure() -> None:
    said = hpo("run", "train.py", "--metric-pattern", "([", code=2).stderr
    assert "--metric-pattern: '([' is no regular expression: " in said
    assert "did you mean TPE?" in hpo("run", "train.py", "--tuner", "tpee", code=2).stderr
    assert "is a folder" in hpo("run", ".", code=2).stderr
    Path("plain.py").write_text(PLAIN)
    command = ["run", "plain.py", "--param", "lr=uniform(0, 1)", "--metric-pattern", "los=(.*)"]
    assert "nothing that it printed matches" in hpo(*command, "--max-trials", "1", code=1).stderr


def test_apply_of_one_trial_says_how_to_write_that_one() -> None:
    hpo("run", "train.py", "--max-trials", "3", "--seed", "1")
    assert "--trial 1 --write" in hpo("apply", "--trial", "1").stderr
    hpo("apply", "--trial", "1", "--write")
    again = hpo("apply", "--trial", "1")
    assert (again.stdout, "already" in again.stderr) == ("", True)


def test_the_end_tells_of_every_trial_and_why_there_are_no_more() -> None:
    Path("train.py").write_text(SCRIPT.replace("uniform(0, 1)", "choice(0.25, 0.5)"))
    said = hpo("run", "train.py", "--tuner", "GridSearch", "--max-trials", "50").stderr
    assert "6 trials succeeded, in " in said
    assert " s: every configuration of the space was tried\n" in said
    assert data("show")["message"] == "every configuration of the space was tried"
    assert re.search(
        r"2 trials succeeded, in [0-9.]+ s$", hpo("run", "train.py", "--max-trials", "2").stderr, re.M
    )


def test_a_value_that_is_enqueued_twice_is_a_mistake() -> None:
    hpo("run", "train.py", "--max-trials", "1")
    assert "x is given twice" in hpo("enqueue", "train", "x=0.1", "x=0.2", code=2).stderr
    assert "'=1' is no value" in hpo("enqueue", "train", "=1", code=2).stderr


def test_apply_says_what_is_wrong_with_the_source_of_today() -> None:
    hpo("run", "train.py", "--max-trials", "2", "--seed", "1")
    Path("train.py").write_text(SCRIPT + "this is (no Python\n")
    said = hpo("apply", code=2).stderr
    assert said.startswith("train.py:8:")
    assert "marked no more" not in said
    Path("train.py").write_text("import hpo\n")
    assert "\nNothing else is to be changed." in hpo("apply").stderr


def test_a_value_that_is_a_long_text_or_has_line_ends_is_shown_on_one_line() -> None:
    options = f"'a\\n\\x1b[2Jb', '{'é' * 500}'"
    marked = f"import hpo\nx = 'a\\n\\x1b[2Jb'  # hpo: choice({options})\nhpo.report_final_result(len(x))\n"
    Path("train.py").write_text(marked)
    said = hpo("run", "train.py", "--tuner", "GridSearch").stderr
    assert "x=a\\n\\x1b[2Jb\n" in said
    assert f"x={'é' * 197}...\n" in said
    assert len(data("best")["parameters"]["x"]) == 500


def test_json_is_printed_also_where_no_trial_succeeded() -> None:
    Path("train.py").write_text("x = 0.5  # hpo: uniform(0, 1)\nraise SystemExit(3)\n")
    done = hpo("run", "train.py", "--max-trials", "1", "--json", code=1)
    assert json.loads(done.stdout)["trial"] is None
    assert "no trial succeeded" in done.stderr


def test_whoever_reads_the_first_line_alone_ends_no_experiment() -> None:
    Path("train.py").write_text("x = 1.0  # hpo: uniform(0, 9)\n'''@hpo.report_final_result(x)'''\n")
    command = [sys.executable, "-m", "hpo", "run", "train.py", "--max-trials", "20", "--no-web"]
    runner = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert runner.stderr is not None
    assert runner.stderr.readline().startswith("Experiment ")
    runner.stderr.close()
    assert runner.wait(60) == 0
    assert json.loads(hpo("show", "--json").stdout)["trials"] == {"succeeded": 20}


@pytest.mark.parametrize("tuner", ["TPE", "Random", "Auto"])
def test_larger_results_are_better_whichever_tuner_is_named(tuner: str) -> None:
    Path("train.py").write_text("x = 1.0  # hpo: uniform(0, 9)\n'''@hpo.report_final_result(x)'''\n")
    hpo("run", "train.py", "--tuner", tuner, "--max-trials", "3", "--no-web")
    best = json.loads(hpo("best", "--json").stdout)
    trials = json.loads(hpo("trial", "list", "--json").stdout)
    assert best["value"] == max(trial["value"] for trial in trials)


def test_a_loss_is_not_maximised_without_a_word() -> None:
    Path("net.py").write_text(
        "import hpo\nlr = 0.5  # hpo: uniform(0, 1)\nval_loss = lr\nhpo.report_final_result(val_loss)\n"
    )
    said = hpo("run", "net.py", "--max-trials", "1").stderr
    assert "warning: the script reports val_loss, and larger results are better by default\n" in said
    for direction in ("--minimize", "--maximize"):
        assert "warning" not in hpo("run", "net.py", "--max-trials", "1", direction).stderr
    for reported in ("-val_loss", "1 - val_loss", "closs", "score(val_loss)"):
        Path("net.py").write_text(
            "import hpo\nlr = 0.5  # hpo: uniform(0, 1)\nval_loss = closs = lr\nscore = float\n"
            f"hpo.report_final_result({reported})\n"
        )
        assert "warning" not in hpo("run", "net.py", "--max-trials", "1").stderr


def test_a_pattern_for_a_loss_is_not_maximised_without_a_word() -> None:
    Path("net.py").write_text("import sys\nprint('loss:', sys.argv[-1])\n")
    options = ["--param", "lr=uniform(0, 1)", "--metric-pattern", "loss: (.*)", "--max-trials", "1"]
    assert "--metric-pattern looks for loss: (.*), and larger" in hpo("run", "net.py", *options).stderr
    assert "warning" not in hpo("run", "net.py", *options, "--minimize").stderr


def test_a_script_that_reports_nothing_is_told_before_its_trials_run() -> None:
    Path("silent.py").write_text("lr = 0.5  # hpo: uniform(0, 1)\nprint('accuracy', lr)\n")
    said = hpo("run", "silent.py", "--max-trials", "1", code=1).stderr
    assert said.index("warning: nothing in silent.py reports a result") < said.index("Experiment ")
    assert re.search(r"all that it wrote: hpo trial logs \w+ 0\n", said)
    pattern = ["--metric-pattern", "accuracy (.*)", "--max-trials", "1"]
    assert "warning" not in hpo("run", "silent.py", *pattern).stderr


def test_suggest_says_that_no_result_is_reported_yet() -> None:
    Path("forest.py").write_text("learning_rate = 0.1\n")
    said = hpo("suggest", "forest.py").stderr
    assert "1 line to mark. Write it: hpo suggest forest.py --write\n" in said
    assert "No result is reported yet" in said
    Path("forest.py").write_text("import hpo\nlearning_rate = 0.1\nhpo.report_final_result(1)\n")
    assert "No result" not in hpo("suggest", "forest.py").stderr


def test_a_script_without_marks_is_told_the_ways_to_go_on() -> None:
    Path("plain.py").write_text("x = 1\n")
    said = hpo("run", "plain.py", code=2).stderr
    assert "hpo suggest" in said
    assert "--param" in said


def test_a_resumed_experiment_says_where_it_stands() -> None:
    run = data("run", "train.py", "--max-trials", "2", "--seed", "1")
    changed, name = hpo("update", "--max-trials", "3").stdout, run["experiment"]
    assert changed == f"Experiment {name} has --max-trials 3, once it goes on: hpo resume {name}\n"
    said = hpo("resume").stderr
    assert f"It goes on: 2 trials have ended, the best {run['value']:.6g} (trial {run['trial']})\n" in said


def test_outside_an_experiment_the_final_result_alone_is_commented() -> None:
    assert hpo("metric", "3", "--step", "1").stderr == ""
    assert "no experiment is running here" in hpo("metric", "3", "--final").stderr


def test_ctrl_c_while_it_loads_ends_it_without_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "typer.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    done = subprocess.run([sys.executable, "-m", "hpo", "list"], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (-2, b"")


def test_ctrl_c_counts_where_python_passes_over_exceptions() -> None:
    program = """
import sys, time
from hpo.cli import command_line

class Finalised:
    def __del__(self):
        raise KeyboardInterrupt

def app(standalone_mode):
    Finalised()
    time.sleep(100)

command_line.app = app
sys.exit(command_line.main())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (130, b"")
