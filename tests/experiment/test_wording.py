"""How numbers are written for people."""

from __future__ import annotations

from typing import Any

import pytest

from hpo.experiment.wording import ago, compared, duration, options


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0 s"),
        (0.034, "0.034 s"),
        (4.21, "4.2 s"),
        (30, "30 s"),
        (59.97, "1 min"),
        (60, "1 min"),
        (187, "3 min 7 s"),
        (3600, "1 h"),
        (7805, "2 h 10 min"),
        (86400 * 2 + 3600, "2 d 1 h"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds: float, written: str) -> None:
    assert duration(seconds) == written


@pytest.mark.parametrize(
    ("seconds", "written"), [(-1, "now"), (0.4, "now"), (41, "41 s ago"), (7300, "2 h ago")]
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
        ({"max_trial_memory": 1000, "trial_concurrency": 2}, "--max-trial-memory 1000, --concurrency 2"),
        ({"patience": None, "max_trials": 3}, "no --patience, --max-trials 3"),
        ({"max_duration": "60s", "stop_when": "x>2"}, "--max-duration 60s, --stop-when x>2"),
    ],
)
def test_settings_are_written_as_the_options_that_change_them(settings: dict[str, Any], written: str) -> None:
    assert options(settings) == written
