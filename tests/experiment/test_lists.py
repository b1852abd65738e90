"""Lists in whole experiments: marks, options, files and programs, each trial a process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from commands import data

import hpo

SCRIPT = """import hpo

COLUMNS = ["age", "fare", "sex", "deck"]
WORTH = {"age": 3, "fare": 2, "sex": 1, "deck": -4}

columns = ["deck"]  # hpo: subset(COLUMNS, min=1)
order = (
    "scale",
    "clip",
    "blur",
)  # hpo: permutation(["blur", "clip", "scale"])
# hpo: constraint(len(columns) <= 3)
assert type(order) is tuple
hpo.report_final_result(sum(WORTH[c] for c in columns) - order.index("blur"))
"""


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    Path("train.py").write_text(SCRIPT)


def run(*arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "hpo", *arguments], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout


def test_a_marked_list_is_tuned_and_written_back() -> None:
    best = data("run", "train.py", "--max-trials", "60", "--seed", "2", "--concurrency", "2")
    assert best["baseline"] == -6
    assert best["parameters"]["columns"] == ["age", "fare", "sex"]
    assert best["parameters"]["order"][0] == "blur"
    assert best["value"] == 6
    run("apply", "--write")
    first, second = best["parameters"]["order"][1:]
    assert Path("train.py").read_text() == SCRIPT.replace(
        'columns = ["deck"]', 'columns = ["age", "fare", "sex"]'
    ).replace('    "scale",\n    "clip",\n    "blur",\n)', f'    "blur",\n    "{first}",\n    "{second}",\n)')
    shares = data("show", "--importance")["importance"]
    assert (
        {"columns", "order"} <= {each["name"] for each in shares} if isinstance(shares, list) else set(shares)
    )
    run("report", "-o", "report.html")
    assert "Items of lists" in Path("report.html").read_text()


def test_a_list_that_is_no_constant_is_recorded_as_trial_0_saw_it() -> None:
    Path("train.py").write_text(SCRIPT.replace('["deck"]', "sorted(COLUMNS)[:2]"))
    run("run", "train.py", "--max-trials", "2")
    first, *_ = data("trial", "list")
    assert first["parameters"]["columns"] == ["age", "deck"]
    assert data("best")["baseline"] == -3


def test_a_grid_of_lists_is_exhausted_and_goes_on_where_it_stood() -> None:
    run("run", "train.py", "--tuner", "GridSearch", "--max-trials", "20")
    run("update", "--max-trials", "500")
    run("resume")
    seen = [json.dumps(t["parameters"]) for t in data("trial", "list")]
    assert len(seen) == len(set(seen)) == 14 * 6  # the source's own values are of the grid


def test_values_that_are_asked_for_are_checked_and_run() -> None:
    shown = data("run", "train.py", "--max-trials", "1")["experiment"]
    run("enqueue", shown, 'columns=["sex", "age"]', 'order=["clip", "blur", "scale"]')
    run("enqueue", shown, 'columns=["sex", "sex"]', 'order=["clip", "blur", "scale"]', code=2)
    run("enqueue", shown, 'columns=["age", "fare", "sex", "deck"]', 'order=["clip", "blur", "scale"]', code=2)
    run("update", "--max-trials", "2")
    run("resume")
    assert data("trial", "list")[1]["value"] == 3
    assert run("export").splitlines()[2].endswith('"[""sex"", ""age""]","[""clip"", ""blur"", ""scale""]"')


def test_a_list_can_be_fixed() -> None:
    run("run", "train.py", "--fix", 'columns=["age", "deck"]', "--max-trials", "3")
    assert all(t["parameters"]["columns"] == ["age", "deck"] for t in data("trial", "list")[1:])


def test_a_script_that_cannot_be_edited_gets_words() -> None:
    Path("plain.py").write_text(
        "import argparse\n"
        "parser = argparse.ArgumentParser()\n"
        "parser.add_argument('--columns', nargs='*')\n"
        "print('score:', len(parser.parse_args().columns))\n"
    )
    best = data(
        "run", "plain.py", "--max-trials", "7",
        "--param", "columns=subset(['a','b','c'],max=2)", "--metric-pattern", "score: (.*)",
    )  # fmt: skip
    assert best["value"] == len(best["parameters"]["columns"]) == 2
    assert len(data("trial", "list")) == 7


def test_a_configuration_file_has_lists() -> None:
    Path("config.yml").write_text(
        f"trialCommand: {sys.executable} trial.py\n"
        "trialConcurrency: 1\n"
        "maxTrialNumber: 4\n"
        "tuner: {name: Evolution, classArgs: {population_size: 2}}\n"
        "searchSpace:\n"
        "  columns: {_type: subset, _value: [a, b], _min: 1}\n"
        "  order: {_type: permutation, _value: [1, 2, 3]}\n"
        "trainingService: {platform: local}\n"
    )
    Path("trial.py").write_text(
        "import hpo\nvalues = hpo.get_next_parameter()\n"
        "hpo.report_final_result(len(values['columns']) + values['order'][0])\n"
    )
    run("run", "--config", "config.yml")
    assert all(sorted(t["parameters"]["order"]) == [1, 2, 3] for t in data("trial", "list"))
    Path("config.yml").write_text(Path("config.yml").read_text().replace("_min: 1", "_min: 3"))
    done = subprocess.run(
        [sys.executable, "-m", "hpo", "run", "--config", "config.yml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("config.yml:6:50: ")
    assert "min of subset is 3" in done.stderr


def test_a_program_has_lists_of_any_objects() -> None:
    def halve(x: float) -> float:
        return x / 2

    def shift(x: float) -> float:
        return x + 1

    def train(steps: Any = (halve, shift), some: Any = ("a",)) -> float:
        x = 4.0
        for step in steps:
            x = step(x)
        return x + len(some)

    found = hpo.tune(
        train,
        {"steps": hpo.permutation([halve, shift]), "some": hpo.subset(["a", "b"])},
        max_trials=8,
        seed=1,
        progress=False,
    )
    assert found.baseline is not None
    assert found.baseline.parameters == {"steps": ["halve", "shift"], "some": ["a"]}
    assert found.baseline.value == 4
    assert found.best is not None
    assert found.best.value == 5
    assert len(found.trials) == 8
