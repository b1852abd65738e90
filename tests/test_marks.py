"""Marks that are called, by hand and outside tuning, step aside."""

from __future__ import annotations

from typing import Any

import pytest

import hpo
from hpo.errors import SpaceError
from hpo.parameters import KINDS

MEDIANS = [
    ("randint", (0, 10), 5),
    ("uniform", (0, 1), 0.5),
    ("quniform", (0, 10, 2), 4),
    ("loguniform", (1e-4, 1e-2), 1e-3),
    ("qloguniform", (1, 100, 1), 10),
    ("normal", (3, 2), 3),
    ("qnormal", (3, 2, 0.5), 3),
    ("lognormal", (0, 1), 1),
    ("qlognormal", (0, 1, 1), 1),
]


@pytest.mark.parametrize(("kind", "arguments", "median"), MEDIANS)
def test_a_number_is_its_default_or_its_median(
    kind: str, arguments: tuple[float, ...], median: float
) -> None:
    mark = getattr(hpo, kind)
    assert mark(*arguments) == pytest.approx(median)
    assert mark(*arguments, default=0.25, name="lr") == 0.25
    assert mark(*arguments, default=None) is None


def test_every_kind_of_parameter_has_its_mark() -> None:
    assert {kind for kind, _, _ in MEDIANS} | {"choice", "subset", "permutation"} == set(KINDS)
    assert all(getattr(hpo, kind).__name__ == kind for kind in KINDS)


def test_a_choice_is_its_default_or_its_first_option() -> None:
    marker = object()
    assert hpo.choice("adam", "sgd") == "adam"
    assert hpo.choice("adam", "sgd", default="sgd", name="optimizer") == "sgd"
    assert hpo.choice(marker, 1) is marker  # an option may be any expression


def test_a_list_is_its_default_or_as_it_is_written() -> None:
    assert hpo.subset(["a", "b", "c"]) == ["a", "b", "c"]
    assert hpo.subset(("a", "b", "c"), min=1, max=2, name="some") == ["a", "b"]
    assert hpo.subset(["a", "b"], default=("b",)) == ("b",)
    assert hpo.permutation(["a", "b"]) == ["a", "b"]
    assert hpo.permutation(["a", "b"], default=["b", "a"], name="order") == ["b", "a"]


def test_a_decorated_function_or_class_comes_back_as_it_is() -> None:
    def train(lr: float = 0.01) -> float:
        return lr

    class Net:
        def __init__(self, width: int = 8) -> None: ...

    decorate: Any = hpo.param
    assert decorate(lr=hpo.loguniform(1e-5, 1e-1))(train) is train
    assert decorate("lr", hpo.uniform(0, 1))(train) is train
    assert decorate(width=hpo.choice(8, 16))(Net) is Net


@pytest.mark.parametrize(
    ("mark", "arguments", "message"),
    [
        (hpo.choice, (), "choice has no options"),
        (hpo.uniform, (1,), "uniform takes 2 numbers, 1 was given"),
        (hpo.loguniform, (0, 1), "a logarithm needs it above 0"),
    ],
)
def test_a_mistake_is_named_by_hand_too(mark: Any, arguments: tuple[float, ...], message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        mark(*arguments)
