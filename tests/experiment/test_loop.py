"""The loop, with real processes: limits, failures, signals, and what survives a `kill -9`."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from hpo.runtime import home
from hpo.runtime.queries import TrialRow
from hpo.runtime.store import Store
from hpo.trial import Metric, TrialState

SPACE = {
    "x": {"_type": "uniform", "_value": [0, 1]},
    "n": {"_type": "randint", "_value": [0, 1000000]},
}
REPORT = (
    """printf '{"type": "final", "value": %s, "time": 0}\\n' $HPO_TRIAL_SEQUENCE """
    """>> $HPO_TRIAL_DIR/metrics.jsonl"""
)
UPDATE = f"{sys.executable} -m hpo update"
TAKEN = 'until [ -z "$(ls $HPO_TRIAL_DIR/../../commands)" ]; do sleep 0.05; done'
SAW = """cp $HPO_PARAMETERS saw-$HPO_TRIAL_SEQUENCE.json"""
DONE = """echo $HPO_TRIAL_SEQUENCE >> done"""


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def settings(command: str, **others: Any) -> dict[str, Any]:
    given = {"command": command, "space": SPACE, "seed": 3, "tuner": {"name": "Random"}, "max_trials": 6}
    return {**given, "max_duration": None, "max_trial_duration": None, **others}


def begin(command: str, **others: Any) -> subprocess.Popen[str]:
    return _runner("new", json.dumps(settings(command, **others)))


def _runner(*arguments: str) -> subprocess.Popen[str]:
    driver = Path(__file__).with_name("runner.py")
    return subprocess.Popen(
        [sys.executable, str(driver), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def run(command: str, **others: Any) -> tuple[int, str]:
    runner = begin(command, **others)
    _, errors = runner.communicate(timeout=300)
    return runner.returncode, errors


def resume() -> int:
    runner = _runner(home.find(None).name, "")
    runner.communicate(timeout=300)
    return runner.returncode


def trials() -> list[TrialRow]:
    store = Store(home.find(None))
    rows = store.trials()
    store.close()
    return rows


def status() -> str:
    directory = home.find(None)
    store = Store(directory)
    stored = store.experiment()["status"]
    store.close()
    return home.status(directory, stored)


def states() -> Counter[TrialState]:
    return Counter(row.state for row in trials())


def interrupt(runner: subprocess.Popen[str], number: int = signal.SIGINT) -> None:
    """Send a signal, and wait until it is heeded: before, two of them are one to the kernel."""
    assert runner.stdout is not None
    runner.send_signal(number)
    while "Go on later with" not in (line := runner.stdout.readline()):
        assert line, "the runner ended"


def wait_for(path: Path, lines: int = 1) -> None:
    limit = time.monotonic() + 60
    while not path.exists() or len(path.read_text().splitlines()) < lines:
        assert time.monotonic() < limit, f"{path} did not get {lines} lines"
        time.sleep(0.01)


def test_an_experiment_runs_its_trials_and_is_done() -> None:
    assert run(REPORT, trial_concurrency=2) == (0, "")
    assert [(row.number, row.value) for row in trials()] == [(n, float(n)) for n in range(6)]
    assert status() == "done"


def test_each_trial_saw_the_values_that_are_recorded() -> None:
    assert run(f"{SAW}; {REPORT}", trial_concurrency=8, max_trials=200)[0] == 0
    rows = trials()
    assert len(rows) == 200
    for row in rows:
        assert json.loads(Path(f"saw-{row.number}.json").read_text()) == row.parameters
        assert row.value == row.number


WHAT_A_SCRIPT_SEES = """
import json, os, hpo
here = os.environ["HPO_TRIAL_DIR"]
with open(os.environ["HPO_PARAMETERS"]) as file:
    written = json.load(file)
seen = [hpo.get_next_parameter(), written, hpo.get_sequence_id(), os.path.basename(here)]
with open(os.path.join(here, "seen.json"), "w") as file:
    json.dump(seen, file)
hpo.report_final_result(seen[0]["x"])
"""


@pytest.mark.parametrize(("method", "count"), [("fork", 300), ("spawn", 10)])
def test_each_of_many_scripts_saw_the_values_that_are_recorded(method: str, count: int) -> None:
    Path("train.py").write_text(WHAT_A_SCRIPT_SEES)
    command = f"{sys.executable} train.py"
    assert run(command, trial_concurrency=8, max_trials=count, start_method=method)[0] == 0
    rows = trials()
    assert len(rows) == len({row.value for row in rows}) == count
    for row in rows:
        seen = json.loads((home.find(None) / "trials" / str(row.number) / "seen.json").read_text())
        assert seen == [row.parameters, row.parameters, row.number, str(row.number)]
        assert row.value == row.parameters["x"]


def test_a_script_that_is_spawned_runs_frozen_code_in_a_python_of_its_own() -> None:
    Path("model.py").write_text("SIZE = 1\n")
    Path("train.py").write_text(
        "import os, sys\nopen('model.py', 'w').write('SIZE = 2')\nimport hpo, model\n"
        "assert b'train.py' in open('/proc/self/cmdline', 'rb').read()\nhpo.report_final_result(model.SIZE)\n"
    )
    assert run(f"{sys.executable} train.py", max_trials=2, start_method="spawn")[0] == 0
    assert [row.value for row in trials()] == [1.0, 1.0]


def test_the_first_three_failures_end_the_experiment_and_show_why() -> None:
    code, errors = run("echo it is broken >&2; exit 3", max_trials=50)
    assert code == 1
    assert "the first 3 trials all failed" in errors
    assert "it is broken" in errors
    assert states() == {TrialState.FAILED: 3}
    assert status() == "error"


def test_failures_after_a_success_end_nothing() -> None:
    assert run(f"test $HPO_TRIAL_SEQUENCE -gt 0 && exit 1; {REPORT}")[0] == 0
    assert states() == {TrialState.SUCCEEDED: 1, TrialState.FAILED: 5}


def test_every_kind_of_failure_is_told_apart() -> None:
    # The limit holds from the last trial on: the others may take as long as they do.
    command = f"""case $HPO_TRIAL_SEQUENCE in
        1) exit 0;;
        2) exit 9;;
        3) kill -9 $$;;
        4) echo '{{"type": "final", "value": NaN, "time": 0}}' >> $HPO_TRIAL_DIR/metrics.jsonl
           {UPDATE} --max-trial-duration 1s; {TAKEN}; exit 0;;
        5) sleep 600;;
    esac
    {REPORT}"""
    assert run(command)[0] == 0
    kinds = [row.failure for row in trials()]
    assert kinds == [None, "no_result", "exit", "signal", "bad_value", "timeout"]


SPOOL = "$HPO_TRIAL_DIR/metrics.jsonl"


def said(record: str) -> str:
    return f"echo '{{{record}}}' >> {SPOOL}"


HOSTILE = {
    "a pipe": f"rm -f {SPOOL}; mkfifo {SPOOL}",
    "a folder": f"rm -f {SPOOL}; mkdir {SPOOL}",
    "a link to itself": f"ln -sf {SPOOL} {SPOOL}",
    "an endless file": f"ln -sf /dev/zero {SPOOL}",
    "a text that is none": said('"type": "warning", "message": "\\ud800"'),
    "a number that is too large": said(f'"type": "intermediate", "step": 0, "value": {10**20}'),
    "a time that is none": said('"type": "intermediate", "step": 0, "value": 1, "time": NaN'),
    "last words in a pipe": "rm $HPO_TRIAL_DIR/stderr.log; mkfifo $HPO_TRIAL_DIR/stderr.log",
    "a number that wakes nobody": "printf '%05000d\\n' 7 > $HPO_TRIAL_DIR/../../wake",
    "no folder": "rm -r $HPO_TRIAL_DIR",
    "no folders at all": "rm -r $(dirname $HPO_TRIAL_DIR)",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_a_trial_leaves_behind_the_experiment_goes_on(name: str) -> None:
    command = f"if [ $HPO_TRIAL_SEQUENCE = 1 ]; then {HOSTILE[name]}; sleep 0.2; exit 3; fi; {REPORT}"
    assert run(command) == (0, "")
    assert states() == {TrialState.SUCCEEDED: 5, TrialState.FAILED: 1}


@pytest.mark.parametrize(
    "removed", ["$HPO_TRIAL_DIR", SPOOL, "$(dirname $HPO_TRIAL_DIR)", "$HPO_TRIAL_DIR; touch $HPO_TRIAL_DIR"]
)
def test_what_was_reported_counts_though_its_trial_tidies_up(removed: str) -> None:
    assert run(f"{REPORT}; rm -r {removed}") == (0, "")
    assert [(row.number, row.value) for row in trials()] == [(n, float(n)) for n in range(6)]


def test_folds_and_results_on_the_way_count_though_their_trial_tidies_up() -> None:
    Path("train.py").write_text(
        "import hpo, shutil\nhpo.report_fold(1.0)\nshutil.rmtree(hpo.trial_dir())\nhpo.report_fold(3.0)\n"
    )
    assert run(f"{sys.executable} train.py") == (0, "")
    assert {row.value for row in trials()} == {2.0}


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_a_trial_left_behind_an_experiment_is_resumed(name: str) -> None:
    runner = begin(f"test -e again || {{ {HOSTILE[name]}; echo x >> begun; sleep 300; }}; {REPORT}")
    wait_for(Path("begun"))
    runner.kill()
    runner.communicate(timeout=300)
    Path("again").touch()
    assert resume() == 0
    assert states() == {TrialState.SUCCEEDED: 6}
    assert trials()[0].attempt == 2


def test_what_a_process_of_the_first_attempt_reports_late_is_not_the_seconds() -> None:
    late = f"{sys.executable} -c 'import hpo; hpo.report_intermediate_result(1000)'"
    runner = begin(
        f"if [ $HPO_TRIAL_ATTEMPT = 1 ]; then echo x >> begun; sleep 300; fi; "
        f"{late}; HPO_TRIAL_ATTEMPT=1 {late}; {REPORT}",
        max_trials=1,
    )
    wait_for(Path("begun"))
    runner.kill()
    runner.communicate(timeout=300)
    assert resume() == 0
    store = Store(home.find(None))
    assert store.metrics(0) == [Metric(0, 1000.0)]
    store.close()


def test_an_experiment_whose_folder_is_gone_ends_and_says_so() -> None:
    code, errors = run("rm -r $(dirname $(dirname $HPO_TRIAL_DIR))")
    assert code == 1
    assert "cannot go on" in errors
    assert "Traceback" not in errors
    assert not list((Path(os.environ["HPO_HOME"])).iterdir())


def test_of_very_many_warnings_the_first_are_kept() -> None:
    command = f"""seq 5000 | sed 's/.*/no report &/' >> {SPOOL}; {REPORT}"""
    assert run(command, max_trials=1)[0] == 0
    store = Store(home.find(None))
    messages = [event["message"] for event in store.events(0)]
    store.close()
    assert len(messages) == 101
    assert "no report 100" in messages[99]


def test_an_assessor_stops_trials_that_will_not_be_good_and_the_tuner_goes_on() -> None:
    report = (
        """printf '{"type": "intermediate", "step": %s, "value": %s, "time": 0}\\n' $step $value """
        """>> $HPO_TRIAL_DIR/metrics.jsonl; echo $HPO_TRIAL_SEQUENCE > $HPO_TRIAL_DIR/../../wake"""
    )
    # The first three get better and better; the others are worse, and would never end by themselves.
    command = f"""value=$((HPO_TRIAL_SEQUENCE < 3 ? HPO_TRIAL_SEQUENCE : -HPO_TRIAL_SEQUENCE))
    for step in 0 1 2; do {report}; done
    [ $HPO_TRIAL_SEQUENCE -lt 3 ] || sleep 300
    {REPORT}"""
    assert run(command, assessor={"name": "Medianstop"}, direction="maximize")[0] == 0
    assert [row.state for row in trials()] == [TrialState.SUCCEEDED] * 3 + [TrialState.EARLY_STOPPED] * 3


def test_no_trial_starts_after_the_time_is_up() -> None:
    # The second trial sets a limit that is past when it ends, however long it took until then.
    last = f"[ $HPO_TRIAL_SEQUENCE = 0 ] || {{ {UPDATE} --max-duration 1s; {TAKEN}; sleep 1.1; }}"
    assert run(f"{last}; {REPORT}", max_trials=None)[0] == 0
    assert states() == {TrialState.SUCCEEDED: 2}
    assert status() == "done"


def test_ctrl_c_lets_the_running_trial_finish_and_resume_goes_on() -> None:
    wait = "[ $HPO_TRIAL_SEQUENCE = 0 ] || until test -e go; do sleep 0.05; done"
    runner = begin(f"echo x >> begun; {wait}; {REPORT}; {DONE}")
    wait_for(Path("begun"), 2)
    interrupt(runner)
    Path("go").touch()
    runner.communicate(timeout=300)
    assert runner.returncode == 130
    assert states() == {TrialState.SUCCEEDED: 2}
    assert status() == "stopped"
    assert resume() == 0
    assert states() == {TrialState.SUCCEEDED: 6}
    assert sorted(Path("done").read_text().split()) == list("012345")


@pytest.mark.parametrize(("signals", "code"), [((2, 2), 130), ((15,), 143), ((1,), 143)])
def test_a_stopped_trial_goes_at_once_and_runs_again(signals: tuple[int, ...], code: int) -> None:
    runner = begin(f"echo $$ >> begun; test -e again || sleep 300; {REPORT}")
    wait_for(Path("begun"))
    for number in signals[:-1]:
        interrupt(runner, number)
    runner.send_signal(signals[-1])
    runner.communicate(timeout=300)
    assert runner.returncode == code
    assert not Path(f"/proc/{Path('begun').read_text().split()[0]}").exists()
    assert states() == {TrialState.WAITING: 1}
    Path("again").touch()
    assert resume() == 0
    first = trials()[0]
    assert (first.state, first.attempt) == (TrialState.SUCCEEDED, 2)
    assert states() == {TrialState.SUCCEEDED: 6}


def test_a_trial_that_ignores_term_is_killed_by_the_third_ctrl_c() -> None:
    # The runner's own patience is longer than ours: only the third signal can end it.
    runner = begin("trap '' TERM INT; echo x >> begun; while true; do sleep 1; done", grace=1000)
    wait_for(Path("begun"))
    interrupt(runner)
    interrupt(runner)
    runner.send_signal(signal.SIGINT)
    runner.communicate(timeout=300)
    assert runner.returncode == 130


def test_a_second_runner_is_refused_and_told_who_runs_it() -> None:
    runner = begin("echo x >> begun; sleep 300")
    wait_for(Path("begun"))
    second = _runner(home.find(None).name, "")
    _, errors = second.communicate(timeout=300)
    assert second.returncode == 2
    assert f"process {runner.pid}" in errors
    runner.kill()
    runner.communicate(timeout=300)


def test_a_killed_runner_loses_nothing_and_repeats_nothing() -> None:
    seed = int(os.environ.get("HPO_TEST_SEED", "1"))
    rng = random.Random(seed)
    command = f"echo $HPO_TRIAL_SEQUENCE >> begun; sleep 0.02; {REPORT}; {DONE}"
    runner = begin(command, trial_concurrency=3, max_trials=60)
    wait_for(Path("begun"))
    for _ in range(8):
        time.sleep(rng.uniform(0, 0.5))
        runner.kill()
        runner.communicate(timeout=300)
        runner = _runner(home.find(None).name, "")
    runner.communicate(timeout=300)
    rows = trials()
    assert len(rows) == 60
    assert all((row.state, row.value) == (TrialState.SUCCEEDED, row.number) for row in rows), f"seed {seed}"
    finished = Counter(Path("done").read_text().split())
    # A trial that was killed between its report and its last words has no line, and is not run again.
    assert set(finished.values()) == {1}, f"seed {seed}: repeated {finished.most_common(3)}"


def test_a_trial_whose_result_was_stored_is_not_run_again_though_its_process_lived() -> None:
    poke = "echo $HPO_TRIAL_SEQUENCE > $HPO_TRIAL_DIR/../../wake"
    runner = begin(f"{REPORT}; {poke}; {DONE}; test -e again || sleep 300")
    wait_for(Path("done"))
    limit = time.monotonic() + 60
    while trials()[0].value is None:
        assert time.monotonic() < limit
        time.sleep(0.01)
    runner.kill()
    runner.communicate(timeout=300)
    Path("again").touch()
    assert resume() == 0
    assert states() == {TrialState.SUCCEEDED: 6}
    assert sorted(Path("done").read_text().split()) == list("012345")


def test_after_everything_was_killed_no_process_of_the_first_try_disturbs_the_second() -> None:
    # A command of two parts: the shell dies with the fork server, and what it started does not.
    command = f"true && (echo $HPO_TRIAL_SEQUENCE >> begun; exec sleep 2) && {REPORT} && {DONE}"
    runner = begin(command, max_trials=2)
    wait_for(Path("begun"))
    server = Path(f"/proc/{runner.pid}/task/{runner.pid}/children").read_text().split()[0]
    os.kill(int(server), signal.SIGKILL)
    runner.kill()
    runner.communicate(timeout=300)
    assert resume() == 0
    assert sorted(Path("done").read_text().split()) == ["0", "1"]


def test_an_interrupted_experiment_proposes_what_an_uninterrupted_one_does() -> None:
    assert run(REPORT, tuner={"name": "TPE"}, max_trials=30)[0] == 0
    whole = [row.parameters for row in trials()]
    runner = begin(f"echo x >> begun; {REPORT}", tuner={"name": "TPE"}, max_trials=30)
    wait_for(Path("begun"), 12)
    runner.kill()
    runner.communicate(timeout=300)
    assert resume() == 0
    assert [row.parameters for row in trials()] == whole


def test_a_grid_that_is_exhausted_ends_the_experiment() -> None:
    space = {"x": {"_type": "choice", "_value": [1, 2, 3]}}
    assert run(REPORT, tuner={"name": "GridSearch"}, space=space, max_trials=50)[0] == 0
    assert [row.parameters["x"] for row in trials()] == [1, 2, 3]
    assert status() == "done"


def test_a_home_that_cannot_be_written_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_HOME", "/proc/nowhere")
    code, errors = run(REPORT)
    assert code == 1
    assert "cannot be stored in /proc/nowhere" in errors
