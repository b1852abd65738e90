"""Experiments from a program: functions of `__main__`, scripts, and notebooks, each trial a process."""

from __future__ import annotations

import inspect
import math
import os
import random
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import numpy
import pytest

import hpo
from hpo.config.model import Algorithm
from hpo.dashboard.views import overview
from hpo.errors import ExperimentFailed, TunerError, UsageError
from hpo.experiment.documents import open_store
from hpo.runtime.home import find
from hpo.trial import TrialState


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def tune(function: Any, space: Any = None, **settings: Any) -> hpo.Experiment:
    return hpo.tune(function, space, progress=False, **{"max_trials": 4, "seed": 1, **settings})


def parabola(x: float) -> float:
    return -((x - 0.3) ** 2)


def optional(x=1):  # type: ignore[no-untyped-def]
    return x


class TestAFunction:
    def test_it_is_tuned_in_processes_of_its_own(self) -> None:
        def train(x: float) -> float:
            Path(f"{os.getpid()}").touch()
            return x

        found = tune(train, {"x": "uniform(0, 1)"}, concurrency=2, max_trials=6)
        assert found.status == "done"
        assert [trial.value for trial in found.trials] == [trial.parameters["x"] for trial in found.trials]
        assert found.best is not None
        assert found.best.value == max(trial.value or 0 for trial in found.trials)
        processes = {path.name for path in Path.cwd().iterdir() if path.name.isdigit()}
        assert len(processes) == 6
        assert str(os.getpid()) not in processes

    def test_its_own_defaults_run_first(self) -> None:
        def train(x: float = 0.25, *, kind: str = "b") -> float:
            return x + len(kind)

        found = tune(train, {"x": "uniform(0, 1)", "kind": ["a", "b"]})
        assert found.baseline is not None
        assert (found.baseline.parameters, found.baseline.value) == ({"x": 0.25, "kind": "b"}, 1.25)

    def test_it_may_take_one_dictionary(self) -> None:
        found = tune(lambda values: values["n"] * 2, {"n": "randint(1, 5)"})
        assert all(trial.value == 2 * trial.parameters["n"] for trial in found.trials)

    def test_options_may_be_any_objects(self) -> None:
        def double(x: int) -> int:
            return 2 * x

        def square(x: int) -> int:
            return x * x

        found = tune(lambda act, x: act(x), {"act": [double, square], "x": [5]}, tuner="GridSearch")
        assert {t.parameters["act"]: t.value for t in found.trials} == {"double": 10, "square": 25}

    def test_domains_may_be_calls_and_decorators(self) -> None:
        @hpo.param(lr=hpo.loguniform(1e-5, 1e-1), size=hpo.choice(16, 32))
        def train(lr: float = 0.1, size: int = 32) -> float:
            return lr * size

        space = {"a": hpo.choice(True, False), "b": hpo.uniform(0, 1), "c": hpo.choice(True, None)}
        called = hpo.Experiment(lambda a, b, c: 1, space)._objective
        assert called is not None
        assert [str(domain) for domain in called.space.parameters.values()] == [
            "choice(True, False)",
            "uniform(0, 1)",
            "choice(True, None)",
        ]
        found = tune(train)
        assert found.baseline is not None
        assert found.baseline.parameters == {"lr": 0.1, "size": 32}

    def test_its_space_may_be_in_json_or_of_parameters(self) -> None:
        space = {"x": {"_type": "uniform", "_value": [0, 1]}}
        in_json = tune(parabola, space)
        of_parameters = tune(parabola, {"x": hpo.SearchSpace.from_json(space)["x"]})
        assert [t.parameters for t in of_parameters.trials] == [t.parameters for t in in_json.trials]

    def test_a_default_that_is_one_of_its_objects_runs_first(self) -> None:
        def train(activation: Any = math.tanh, layers: Any = (math.sin,)) -> float:
            return float(activation(1.0) + sum(layer(1.0) for layer in layers))

        layers = hpo.subset([math.sin, math.cos], min=1)
        found = tune(train, {"activation": [math.tanh, math.sin], "layers": layers})
        assert found.trials[0].parameters == {"activation": "tanh", "layers": ["sin"]}
        assert found.trials[0].value == math.tanh(1) + math.sin(1)

    def test_a_function_that_says_nothing_of_itself_is_called_by_name(self) -> None:
        with pytest.raises(ValueError, match="no signature found"):
            inspect.signature(dict)
        found = tune(dict, {"default": "uniform(0, 1)"})  # a result may be a dict
        assert [t.value for t in found.trials] == [t.parameters["default"] for t in found.trials]

    def test_it_reports_on_its_way_and_returns_a_dict(self) -> None:
        def train(x: float) -> dict[str, float]:
            for step in range(3):
                hpo.report_intermediate_result(x * step)
            return {"default": x, "accuracy": 0.75}

        found = tune(train, {"x": "uniform(0, 1)"}, stop_when="accuracy>=0.7")
        (trial,) = found.trials
        assert [metric.step for metric in trial.intermediate] == [0, 1, 2]
        assert trial.value == trial.parameters["x"]

    def test_an_error_is_the_trials_with_the_functions_own_traceback(self) -> None:
        def train(x: float) -> float:
            if hpo.get_sequence_id() == 1:
                raise ValueError("no good")
            return x

        found = tune(train, {"x": "uniform(0, 1)"})
        assert [trial.failure for trial in found.trials] == [None, "exception", None, None]
        words = Path(os.environ["HPO_HOME"], found.id, "trials/1/stderr.log").read_text()
        assert 'raise ValueError("no good")' in words
        assert "hpo/runtime" not in words

    def test_what_it_changes_stays_in_its_trial(self) -> None:
        seen: list[float] = []

        def train(x: float) -> float:
            seen.append(x)
            return len(seen)

        assert {trial.value for trial in tune(train, {"x": "uniform(0, 1)"}).trials} == {1.0}
        assert seen == []

    def test_no_two_trials_draw_the_same_numbers(self) -> None:
        for draw in (random.random, numpy.random.rand):
            found = tune(lambda x, draw=draw: float(draw()), {"x": "uniform(0, 1)"})
            assert len({trial.value for trial in found.trials}) == 4

    def test_what_it_prints_is_in_its_log_whatever_it_prints_to(self) -> None:
        def train(x: float) -> float:
            print("one")
            print("two", file=sys.__stdout__)
            print("three", file=sys.__stderr__)
            print("four", end="")
            return x

        found = tune(train, {"x": "uniform(0, 1)"}, max_trials=1)
        folder = Path(os.environ["HPO_HOME"], found.id, "trials/0")
        assert (folder / "stdout.log").read_text() == "one\ntwo\nfour"
        assert (folder / "stderr.log").read_text() == "three\n"

    def test_the_terminal_and_the_page_say_what_is_called(self) -> None:
        found = tune(parabola, {"x": "uniform(0, 1)"})
        words = [sys.executable, "-m", "hpo", "show", found.id]
        shown = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        assert "Runs         parabola()" in shown
        with open_store(find(found.id)) as store:
            assert overview(store)["command"] == "parabola()"

    def test_it_goes_on_where_it_stood(self) -> None:
        found = tune(parabola, {"x": "uniform(0, 1)"}, name="mine")
        found.update(max_trials=6)
        found.enqueue(x=0.3)
        found.run(progress=False)
        assert len(found.trials) == 6
        assert found.trials[4].parameters == {"x": 0.3}
        again = hpo.Experiment.open("mine", parabola)
        again.update(max_trials=7)
        assert len(again.run(progress=False).trials) == 7
        assert again.best is not None
        assert again.best.value == 0.0

    def test_another_program_can_look_at_it_and_not_go_on(self) -> None:
        found = tune(parabola, {"x": "uniform(0, 1)"})
        seen = hpo.Experiment.open(found.id)
        assert repr(seen) == repr(found)
        with pytest.raises(UsageError, match="call parabola, a function of a program"):
            seen.run()

    def test_it_can_run_in_a_thread_and_be_stopped_from_another(self) -> None:
        import time

        experiment = hpo.Experiment(lambda x: time.sleep(600), {"x": "uniform(0, 1)"})
        thread = threading.Thread(target=lambda: experiment.run(progress=False))
        thread.start()
        limit = time.monotonic() + 60
        while experiment.directory is None or not experiment.record.trials:
            assert time.monotonic() < limit
            time.sleep(0.05)
        experiment.stop()
        thread.join(60)
        assert experiment.status == "stopped"
        assert experiment.trials[0].state is TrialState.WAITING

    def test_where_all_trials_fail_it_says_so(self) -> None:
        with pytest.raises(ExperimentFailed, match="the first 3 trials all failed; the last: ZeroDivision"):
            tune(lambda x: 1 / 0, {"x": "uniform(0, 1)"})


MISTAKES: list[tuple[Any, dict[str, Any], str]] = [
    (parabola, {"space": {"x": 3}}, r"space\['x'\] is 3, which is no domain"),
    (parabola, {"space": {"x": []}}, r"space\['x'\]: choice has no options"),
    (parabola, {"space": {}}, "there is no search space for parabola"),
    (optional, {"space": {"y": [1, 2]}}, r"optional\(x=1\) cannot be called as optional\(y=\.\.\.\)"),
    (parabola, {"space": {"x": "unifrm(0, 1)"}}, "there is no domain unifrm"),
    (parabola, {"space": {"x": [1, 2]}, "max_trails": 3}, "there is no setting max_trails"),
    (parabola, {"space": {"x": [1, 2]}, "max_trials": 0}, "--max-trials takes 1 or more, not 0"),
    (parabola, {"space": {"x": [object, type("object", (), {})]}}, "two options of x are both called object"),
    ("gone.py", {}, "there is no script gone.py"),
]


@pytest.mark.parametrize("name", ["seed", "direction", "objectives"])
def test_what_is_the_experiments_is_no_argument_of_its_tuner(name: str) -> None:
    tuner = Algorithm(name="TPE", class_args={name: 3})
    made = hpo.Experiment(parabola, {"x": "uniform(0, 1)"}, tuner=tuner, max_trials=2)
    with pytest.raises(TunerError, match=f"TPE takes no argument {name} of its own") as raised:
        made.run(progress=False)
    assert raised.value.help == f"give {name} to the experiment, and not among the classArgs"


@pytest.mark.parametrize(("trial", "settings", "message"), MISTAKES, ids=[m for *_, m in MISTAKES])
def test_a_mistake_is_said_before_anything_runs(trial: Any, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        hpo.Experiment(trial, **settings)
    assert not Path(os.environ["HPO_HOME"]).exists()


def test_before_it_runs_there_is_nothing_to_look_at_or_to_steer() -> None:
    made = hpo.Experiment(parabola, {"x": "uniform(0, 1)"}, max_duration="1m", max_trial_duration="2s")
    assert repr(made) == "Experiment(not run yet)"
    with pytest.raises(UsageError, match="has not run yet") as raised:
        made.enqueue(x=0.5)
    assert raised.value.help == "call run() first"


def test_a_script_that_asks_for_values_is_given_a_space() -> None:
    Path("ask.py").write_text("import hpo\nhpo.report_final_result(hpo.get_next_parameter()['x'])\n")
    written = {"x": {"_type": "uniform", "_value": [0, 1]}}
    for space in (written, hpo.SearchSpace.from_json(written)):
        made = hpo.Experiment("ask.py", space, max_trials=2, seed=1)
        made.run(progress=False)
        assert [t.value for t in made.trials] == [t.parameters["x"] for t in made.trials]


def test_a_marked_script_is_run_and_looked_at() -> None:
    Path("train.py").write_text("import hpo\nx = 0.5  # hpo: uniform(0, 1)\nhpo.report_final_result(x)\n")
    found = hpo.Experiment("train.py", max_trials=3, seed=1).run(progress=False)
    assert found.baseline is not None
    assert found.baseline.value == 0.5
    frame = found.to_pandas()
    assert list(frame["value"]) == list(frame["x"])
    assert found.figures.history().data
    assert "history" in dir(found.figures)
    with pytest.raises(AttributeError, match="there is no figure 'hist': there are"):
        found.figures.hist  # noqa: B018


PROGRAM = """
import os, sys, threading, time, hpo
threading.Thread(target=time.sleep, args=(30,), daemon=True).start()  # as a notebook's kernel has some

def train(x):
    print("printed by", x)
    return x

if __name__ == "__main__":
    found = hpo.tune(train, space={"x": hpo.uniform(0, 1)}, max_trials=3, seed=1)
    print(found.best.value, len(os.listdir("/proc/self/task")))
"""


def test_a_program_shows_its_progress_on_stderr_and_has_stdout_for_itself() -> None:
    Path("program.py").write_text(PROGRAM)
    command = [sys.executable, "-W", "error", "program.py"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    assert len(done.stdout.splitlines()) == 1
    assert "3 trials succeeded" in done.stderr
    assert "trial    0" in done.stderr
    assert "hpo apply" not in done.stderr
    (log,) = Path(os.environ["HPO_HOME"]).glob("*/trials/0/stdout.log")
    assert log.read_text().startswith("printed by 0.")


def test_a_notebook_shows_one_table_and_trials_call_the_functions_of_its_cells() -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    cells = [
        "import hpo\ndef train(x):\n    print('in a trial')\n    return x",
        "found = hpo.tune(train, {'x': hpo.uniform(0, 1)}, max_trials=8, concurrency=2, seed=1)",
        "found.best.value, len(found.trials)",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(textwrap.dedent(c)) for c in cells])
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    (shown,) = notebook.cells[1].outputs
    assert "8 of 8 trials" in shown["data"]["text/html"]
    assert "<td>7</td>" in shown["data"]["text/html"]
    (result,) = notebook.cells[2].outputs
    assert result["data"]["text/plain"].endswith(", 8)")
