"""Durations as people write them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.config.duration import exact_duration, parse_duration
from hpo.errors import UsageError


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("30s", 30),
        ("10m", 600),
        ("1h", 3600),
        ("2d", 172800),
        ("90", 90),
        (90, 90),
        (1.5, 1.5),
        ("1.5H", 5400),
        ("1h30m", 5400),
        ("1d 2h 3m 4s", 93784),
        ("1D1s", 86401),
    ],
)
def test_a_duration_is_so_many_seconds(written: str | float, seconds: float) -> None:
    assert parse_duration(written) == seconds


@pytest.mark.parametrize(
    "written",
    [
        "",
        "h",
        "1w",
        "0",
        "0s",
        "-1s",
        "1e3",
        "1 0s",
        "1m1h",
        "1.5h30m",
        "1h30",
        "0h0m",
        "inf",
        "nan",
        0,
        -1,
        math.inf,
        math.nan,
        True,
    ],
)
def test_anything_else_is_refused_with_the_forms(written: str | float) -> None:
    with pytest.raises(UsageError) as raised:
        parse_duration(written)
    assert raised.value.help == "write 30s, 10m, 1h30m, 2d, or seconds above 0"


@given(st.floats(min_value=1e-300, max_value=1e15))
def test_what_is_written_exactly_is_read_as_it_was(seconds: float) -> None:
    assert parse_duration(exact_duration(seconds)) == seconds


@given(st.text() | st.integers() | st.floats())
def test_it_is_a_positive_number_or_refused(written: str | float) -> None:
    try:
        seconds = parse_duration(written)
    except UsageError:
        return
    assert 0 < seconds < math.inf
