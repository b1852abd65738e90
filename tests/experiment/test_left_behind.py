"""Trials that ran, and that the store does not know: no result is lost, and none is another's."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from commands import data, hpo, trials

from hpo.experiment.left_behind import take_up
from hpo.runtime.store import Store
from hpo.space import SearchSpace
from hpo.trial import Trial, TrialState

SCRIPT = """
import hpo
x = 0.5  # hpo: uniform(0, 1)
hpo.report_final_result(x)
"""
SPACE = SearchSpace.from_json({"x": {"_type": "uniform", "_value": [0, 1]}}, defaults={"x": 0.5})


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of an experiment with ten trials, of which a power cut took the rows of four.

    What is proposed in their places is something else.
    """
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(SCRIPT)
    hpo("run", "train.py", "--max-trials", "10", "--tuner", "Random", "--no-web")
    directory = Path(data("show")["directory"])
    with closing(sqlite3.connect(directory / "experiment.db")) as db, db:
        db.execute("DELETE FROM trial WHERE number >= 6")
        db.execute(
            "UPDATE experiment SET config = json_set(config, '$.settings.seed', 1), status = 'running'"
        )
    return directory


def values() -> dict[int, tuple[Any, Any]]:
    return {trial["number"]: (trial["parameters"]["x"], trial["value"]) for trial in trials()}


def ran_with(directory: Path, number: int) -> float:
    written = (directory / "trials" / str(number) / "parameters.json").read_text()
    return float(json.loads(written)["x"])


def test_their_results_are_adopted(directory: Path) -> None:
    ran = {number: ran_with(directory, number) for number in range(6, 10)}
    hpo("resume", "--no-web")
    assert {number: values()[number] for number in ran} == {number: (x, x) for number, x in ran.items()}
    assert {trial["attempt"] for trial in trials()} == {1}
    said = hpo("show").stdout
    assert "the store did not know all that ran: trials 6, 7, 8, 9 by what is in their folders" in said


def test_one_without_a_result_runs_again_with_its_values(directory: Path) -> None:
    ran = ran_with(directory, 7)
    (directory / "trials" / "7" / "metrics.jsonl").unlink()
    hpo("resume", "--no-web")
    assert values()[7] == (ran, ran)
    assert trials()[7]["attempt"] == 2


@pytest.mark.parametrize("says", ["", "[", "[]", '{"x": 7}', '{"y": 0.5}', '{"x": 0.5, "TRIAL_BUDGET": 3}'])
def test_of_one_whose_folder_says_too_little_the_result_is_nobodys(directory: Path, says: str) -> None:
    for number in range(6, 10):
        (directory / "trials" / str(number) / "parameters.json").write_text(says)
    hpo("resume", "--no-web")
    assert len(values()) == 10
    assert all(x == value for x, value in values().values())
    assert (directory / "trials" / "6.before" / "metrics.jsonl").exists()


def test_only_folders_of_the_next_numbers_count(tmp_path: Path) -> None:
    for name in ("3", "4", "5", "00", "7.1", "1000000000000000000000", "٣"):
        folder = tmp_path / "trials" / name
        folder.mkdir(parents=True)
        (folder / "parameters.json").write_text('{"x": 0.5}')
    parameters = tmp_path / "trials" / "4" / "parameters.json"
    parameters.unlink()
    parameters.symlink_to(tmp_path / "trials" / "5" / "parameters.json")
    settings = {"id": "a", "name": "a", "direction": "maximize", "config": {}, "space": {}, "defaults": {}}
    with closing(Store.create(tmp_path, **settings)) as store, store.transaction():  # type: ignore[arg-type]
        for number in range(3):
            store.add_trial(Trial(number, {"x": 0.5}), "tuner")
        assert take_up(store, tmp_path, SPACE) == ([3, 5], [4])
        assert store.numbers() == {0, 1, 2, 3, 5}


def test_a_trial_has_as_many_attempts_behind_it_as_its_folder_says(tmp_path: Path) -> None:
    for number, earlier in enumerate([0, 2]):
        folder = tmp_path / "trials" / str(number)
        folder.mkdir(parents=True)
        (folder / "parameters.json").write_text('{"x": 0.5}')
        for attempt in range(earlier):
            (folder / f"metrics.{attempt + 1}.jsonl").touch()
    settings = {"id": "a", "name": "a", "direction": "maximize", "config": {}, "space": {}, "defaults": {}}
    with closing(Store.create(tmp_path, **settings)) as store, store.transaction():  # type: ignore[arg-type]
        take_up(store, tmp_path, SPACE)
        rows = [(row.state, row.origin, row.attempt) for row in store.trials()]
    assert rows == [(TrialState.RUNNING, "baseline", 1), (TrialState.RUNNING, "tuner", 3)]
