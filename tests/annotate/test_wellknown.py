"""What `wellknown.txt` shows: names with today's value, where they stand, and what is searched around it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from hpo.annotate.writing.wellknown import choice_of, domain_of, may_be_chosen

ROWS = Path(__file__).with_name("wellknown.txt").read_text(encoding="utf-8").splitlines()
CALLEES = {"(by itself)": "", "(an option)": None}


@pytest.mark.parametrize("row", ROWS)
def test_a_name_is_searched_around_todays_value_as_practice_has_it(row: str) -> None:
    setting, callee, domain = re.split(r"  +", row)
    name, _, value = setting.partition("=")
    found = domain_of(name, ast.literal_eval(value), CALLEES.get(callee, callee))
    assert (found or "-") == domain


@pytest.mark.parametrize(
    ("options", "value", "domain"),
    [
        ([8, 16], 8, "choice(8, 16)"),
        (["a", 'b"', "é"], "a", r'choice("a", "b\"", "é")'),
        ([1, True, 1], True, "choice(1, True)"),
        ([8, 16], 8.0, None),
        ([8, 16], 9, None),
        ([8], 8, None),
        ([8, 8], 8, None),
    ],
)
def test_the_constants_that_are_allowed_are_the_options(
    options: list[object], value: object, domain: str | None
) -> None:
    assert choice_of(options, value) == domain


@pytest.mark.parametrize(
    ("name", "as_option", "by_itself"),
    [("kernel", True, True), ("LR", True, True), ("act", True, False), ("log_level", False, False)],
)
def test_only_an_option_may_be_called_anything(name: str, as_option: bool, by_itself: bool) -> None:
    assert may_be_chosen(name, is_option=True) is as_option
    assert may_be_chosen(name, is_option=False) is by_itself


@pytest.mark.parametrize(
    "name",
    [
        "on_action", "backend", "color_map", "command", "data_dir", "dataset", "device", "dtype", "env",
        "environment", "out_format", "framework", "gpu", "language", "log_level", "logger", "log_dir",
        "metric", "mode", "output", "phase", "platform", "precision", "print_every", "resume", "save_to",
        "seed", "split", "stage", "strategy", "subset", "task", "verbose", "verbosity", "api_version",
    ],
)  # fmt: skip
def test_an_option_that_is_chosen_for_other_reasons_is_not_searched(name: str) -> None:
    assert not may_be_chosen(name, is_option=True)
    assert not may_be_chosen(name.upper(), is_option=True)
