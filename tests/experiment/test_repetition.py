"""Several runs of a trial are taken together: means of what is a number, and how far they lie apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpo.experiment.repetition import Outcome, attempts, folder_of, taken_together


def test_one_run_is_what_it_is() -> None:
    run = Outcome(0.5, {"default": 0.5}, None)
    assert taken_together([run]) is run


def test_the_result_is_the_mean_and_the_time_is_all_of_it() -> None:
    both = taken_together([Outcome(1.0, None, 2.0), Outcome(3.0, None, 5.0)])
    assert both == Outcome(2.0, None, 7.0, pytest.approx(2**0.5))


def test_the_time_of_a_run_that_nobody_measured_is_left_out() -> None:
    assert taken_together([Outcome(1.0, None, None), Outcome(3.0, None, 5.0)]).duration == 5.0
    assert taken_together([Outcome(1.0, None, None), Outcome(3.0, None, None)]).duration is None


def test_what_is_a_number_in_every_run_is_a_mean_and_the_rest_is_the_last_runs() -> None:
    runs = [
        Outcome(1.0, {"default": 1, "acc": 0.25, "kind": "a", "ok": True, "some": 1, "odd": "x"}, None),
        Outcome(3.0, {"default": 3, "acc": 0.75, "kind": "b", "ok": False, "odd": 5, "late": 9}, None),
    ]
    assert taken_together(runs).data == {
        "default": 2.0, "acc": 0.5, "kind": "b", "ok": False, "odd": 5, "late": 9,
    }  # fmt: skip


def test_a_last_run_without_parts_leaves_the_trial_without_any() -> None:
    assert taken_together([Outcome(1.0, {"default": 1}, None), Outcome(3.0, None, None)]).data is None
    parts = taken_together([Outcome(1.0, None, None), Outcome(3.0, {"default": 3}, None)]).data
    assert parts == {"default": 3}


def test_each_run_has_a_folder_the_first_the_trials_own() -> None:
    names = [folder_of(Path("experiment"), 7, repeat) for repeat in range(3)]
    assert names == [Path("experiment/trials") / name for name in ("7", "7.1", "7.2")]
    assert folder_of(Path("experiment"), 7) == names[0]


def test_of_a_million_attempts_those_that_wrote_are_told(tmp_path: Path) -> None:
    for name in ("stdout.2.log", "stdout.7.log", "stdout.07.log", "stdout.x.log", f"stdout.{1 << 20}.log"):
        folder_of(tmp_path, 3).mkdir(parents=True, exist_ok=True)
        (folder_of(tmp_path, 3) / name).touch()
    made = list(attempts(tmp_path, 3, run=1, attempt=1 << 20))
    assert [(each.run, each.number, each.is_last) for each in made] == [
        (0, 2, False),
        (0, 7, False),
        (0, 8, True),
        (1, 1 << 20, True),
    ]
    assert [each.log("stderr").name for each in made] == [
        "stderr.2.log",
        "stderr.7.log",
        "stderr.log",
        "stderr.log",
    ]
