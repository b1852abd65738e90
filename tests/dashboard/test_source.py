"""The source beside its results: what is marked where, and where a trial's value stands in its domain."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from hpo.dashboard import source
from hpo.experiment.documents import open_store
from hpo.runtime.store import Store

Make = Callable[..., Path]

SCRIPT = """import hpo
try:
    import cut, old
except (SyntaxError, UnicodeDecodeError):
    pass
x = 0.5  # hpo: uniform(0, 1)
# hpo: constraint(x <= 0.75)
columns = ["a"]  # hpo: subset(["a", "b", "c"])
for epoch in hpo.fidelity(range(5)):
    hpo.report_intermediate_result(x)
hpo.report_final_result(x + len(columns))
"""


def values(directory: Path) -> dict[str, Any]:
    with open_store(directory) as store:
        return source.values(store)


@pytest.fixture
def experiment(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return an experiment that has run, of a script with every kind of mark and two broken modules."""
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(SCRIPT)
    Path("cut.py").write_text("if True:\n    x = (1,\n")
    Path("old.py").write_bytes(b"name = 'caf\xe9'\n")
    command = [sys.executable, "-m", "hpo", "run", "train.py", "--max-trials", "8", "--seed", "1", "--no-web"]
    subprocess.run(command, check=True, timeout=300, stderr=subprocess.DEVNULL)
    (directory,) = home.glob("*/experiment.db")
    return directory.parent.name


def test_rules_and_budgets_stand_at_their_lines_as_values_do(page: TestClient, experiment: str) -> None:
    shown = page.get(f"/api/experiments/{experiment}/source").json()
    assert shown["script"] == "train.py"
    files = {file["name"]: file for file in shown["files"]}
    marks = [(mark["line"], mark["name"], mark["domain"]) for mark in files["train.py"]["marks"]]
    assert marks == [
        (6, "x", "uniform(0, 1)"),
        (8, "columns", "subset(['a', 'b', 'c'])"),
        (7, None, "x <= 0.75"),
        (9, None, "5 passes"),
    ]


def test_a_module_that_is_cut_off_or_in_no_known_encoding_is_shown_all_the_same(
    page: TestClient, experiment: str
) -> None:
    files = {f["name"]: f for f in page.get(f"/api/experiments/{experiment}/source").json()["files"]}
    assert files["cut.py"]["lines"][:2] == ["if True:", "    x = (1,"]
    assert ["keyword", 1, 0, 1, 2] in files["cut.py"]["tokens"]
    assert files["old.py"] == {"name": "old.py", "lines": ["name = 'café'"], "tokens": [], "marks": []}


def test_a_list_stands_the_farther_from_the_best_the_more_it_differs(home: Path, experiment: str) -> None:
    shown = values(home / experiment)
    best = shown["parameters"]["columns"]["best"]
    places = {number: place for place, _, number in shown["parameters"]["columns"]["points"]}
    assert places[shown["best"]] == 0
    assert best != ["a"]
    assert 0 < places[0] < 1


def test_of_many_trials_a_sample_is_drawn_and_the_best_is_in_it(make: Make) -> None:
    shown = values(make(trials=801))
    numbers = [number for _, _, number in shown["parameters"]["lr"]["points"]]
    assert len(numbers) < 300
    assert shown["best"] == numbers[-1] == 800


def test_a_value_that_the_space_has_no_more_has_no_place(make: Make) -> None:
    directory = make()
    store = Store(directory, read_only=False)
    store.set_parameters(3, {"lr": 0.01, "kernel": "gone"})
    store.close()
    shown = values(directory)["parameters"]
    assert 3 not in [number for _, _, number in shown["kernel"]["points"]]
    assert 3 in [number for _, _, number in shown["lr"]["points"]]
