"""How numbers are written for people."""

from __future__ import annotations

from typing import Any

import pytest

from hpo.experiment.wording import (
    ago,
    compared,
    counted,
    duration,
    listed,
    options,
    result,
    short,
    values,
    what_runs,
)
from hpo.objectives import Objectives


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0 s"),
        (0.034, "0.034 s"),
        (4.21, "4.2 s"),
        (30, "30 s"),
        (59.97, "1 min"),
        (59.94, "59.9 s"),
        (60, "1 min"),
        (60.7, "1 min"),
        (187, "3 min 7 s"),
        (3600, "1 h"),
        (7805, "2 h 10 min"),
        (86400 * 2 + 3600, "2 d 1 h"),
        (86400 + 60, "1 d"),
        (1.0, "1 s"),
        (0.999, "1 s"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds: float, written: str) -> None:
    assert duration(seconds) == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(-1, "now"), (0.4, "now"), (1, "1 s ago"), (41, "41 s ago"), (7300, "2 h ago"), (86400, "1 d ago")],
)
def test_an_age_has_its_largest_unit(seconds: float, written: str) -> None:
    assert ago(seconds) == written


@pytest.mark.parametrize(
    ("value", "base", "direction", "written"),
    [
        (0.975, 0.95, "maximize", "0.025 better than"),
        (0.95, 0.975, "minimize", "0.025 better than"),
        (0.95, 0.975, "maximize", "0.025 worse than"),
        (1.0, 1.0, "minimize", "no better than"),
        (12346.0, 1.0, "maximize", "12345 better than"),
        (1001.25, 1.0, "maximize", "1000.25 better than"),
        (1000.5678, 1.0, "minimize", "999.6 worse than"),
    ],
)
def test_results_are_compared_by_the_direction(
    value: float, base: float, direction: str, written: str
) -> None:
    assert compared(value, base, direction) == written


@pytest.mark.parametrize(
    ("settings", "written"),
    [
        (
            {"max_duration": 5400.0, "max_trial_duration": 7200.0},
            "--max-duration 90m, --max-trial-duration 2h",
        ),
        (
            {"max_trial_silence": 0.5, "max_trial_memory": 3 << 29},
            "--max-trial-silence 0.5, --max-trial-memory 1536M",
        ),
        ({"max_trial_silence": 600.0}, "--max-trial-silence 10m"),
        ({"max_trial_memory": 1000, "trial_concurrency": 2}, "--max-trial-memory 1000, --concurrency 2"),
        ({"patience": None, "max_trials": 3}, "no --patience, --max-trials 3"),
        ({"max_duration": "60s", "stop_when": "x>2"}, "--max-duration 60s, --stop-when x>2"),
    ],
)
def test_settings_are_written_as_the_options_that_change_them(settings: dict[str, Any], written: str) -> None:
    assert options(settings) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "-"),
        (0.123456789, "0.123457"),
        (1234567.0, "1.23457e+06"),
        (1234567, "1234567"),
        (True, "True"),
        ("a\nb\x1b[0m", r"a\nb\x1b[0m"),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 197 + "..."),
    ],
)
def test_a_value_is_on_one_line_and_not_too_long(value: Any, written: str) -> None:
    assert short(value) == written


@pytest.mark.parametrize(
    ("objectives", "constraints", "value", "data", "written"),
    [
        ([], [], 0.5, {"acc": 1}, "0.5"),
        (["acc:max"], [], 0.5, {"acc": 0.5, "cost": 1}, "0.5"),
        (["acc:max", "cost:min"], [], 0.5, {"acc": 0.5, "cost": 2, "x": 3}, "acc 0.5, cost 2"),
        (["acc:max", "cost:min"], [], 0.5, None, "acc -, cost -"),
        (["acc:max", "cost:min"], [], None, None, "-"),
        (["acc:max"], ["cost<=2"], 0.5, {"acc": 0.5, "cost": 2}, "acc 0.5, cost 2"),
        (["acc:max"], ["cost<=2"], 0.5, {"acc": 0.5, "cost": 3}, "acc 0.5, cost 3 (infeasible)"),
        ([], ["default<=2"], 3.0, None, "3 (infeasible)"),
    ],
)
def test_a_result_is_what_is_wanted_of_it(
    objectives: list[str], constraints: list[str], value: float | None, data: Any, written: str
) -> None:
    assert result(Objectives(objectives, constraints), value, data) == written


def test_a_configuration_is_on_one_line() -> None:
    assert values({"lr": 0.10000001, "optimizer": "adam"}) == "lr=0.1  optimizer=adam"


@pytest.mark.parametrize(
    ("command", "written"),
    [
        ({"script": "my train.py", "args": ["--fast", "a b"]}, "'my train.py' --fast 'a b'"),
        ({"text": "echo 'a b'"}, "echo 'a b'"),
        ({"function": "train"}, "train()"),
    ],
)
def test_what_runs_is_written_as_a_shell_or_python_takes_it(command: dict[str, Any], written: str) -> None:
    assert what_runs(command) == written


def test_things_are_counted_in_the_singular_and_the_plural() -> None:
    assert [counted(number, "trial") for number in range(3)] == ["0 trials", "1 trial", "2 trials"]
    assert [counted(number, "match", "matches") for number in (1, 2)] == ["1 match", "2 matches"]


def test_a_few_trials_are_named_and_many_are_counted() -> None:
    assert listed([4]) == "trial 4"
    assert listed([4, 5]) == "trials 4, 5"
    assert listed(range(10)) == "trials 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
    assert listed(range(11)) == "11 trials"
