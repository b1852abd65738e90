"""Several objectives: fronts, compromises, volumes, and what is feasible."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.errors import UsageError
from hpo.objectives import Objective, Objectives, compromise, hypervolume, non_dominated

numbers = st.integers(-20, 20).map(float) | st.floats(-1e6, 1e6)
points = st.integers(1, 4).flatmap(lambda m: st.lists(st.tuples(*[numbers] * m), min_size=1, max_size=25))


def dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


class TestFront:
    @given(points)
    def test_nothing_on_it_is_dominated_and_everything_else_is_or_is_equal(
        self, found: list[tuple[float, ...]]
    ) -> None:
        kept = non_dominated(found)
        front = [found[i] for i in kept]
        assert len(set(front)) == len(front)
        for i, point in enumerate(found):
            is_worse = any(dominates(other, point) for other in found)
            assert (i in kept) == (not is_worse and found.index(point) == i)

    @given(points)
    def test_the_compromise_is_on_it(self, found: list[tuple[float, ...]]) -> None:
        front = [found[i] for i in non_dominated(found)]
        at = compromise(front)
        assert at is not None
        assert 0 <= at < len(front)

    def test_the_compromise_is_the_nearest_to_the_best_of_each(self) -> None:
        assert compromise([(0.0, 1.0), (0.3, 0.3), (1.0, 0.0)]) == 1
        assert compromise([(0.0, 1e300), (1e300, 0.0), (1e299, 1e299)]) == 2
        assert compromise([]) is None

    def test_what_lacks_a_part_is_on_no_front(self) -> None:
        wanted = Objectives(["a:max", "b:min"])
        assert wanted.front([(0, 1.0, {"a": 1.0}), (1, 0.5, {"a": 0.5, "b": 3})]) == [1]

    def test_the_first_of_equals_counts(self) -> None:
        wanted = Objectives(["a:max", "b:min"])
        results = [(n, 1.0, {"a": 1.0, "b": 2.0}) for n in range(3)]
        assert wanted.front(results) == [0]

    def test_the_best_in_the_first_objective_comes_first(self) -> None:
        wanted = Objectives(["a:max", "b:min"])
        results = [(n, a, {"a": a, "b": a}) for n, a in enumerate([0.2, 0.9, 0.5])]
        assert wanted.front(results) == [1, 2, 0]


class TestHypervolume:
    @given(st.lists(st.tuples(*[st.integers(0, 5).map(float)] * 3), min_size=1, max_size=12))
    def test_it_counts_the_cells_that_are_dominated(self, found: list[tuple[float, ...]]) -> None:
        cells = itertools.product(range(5), repeat=3)
        inside = sum(any(all(x <= c for x, c in zip(p, cell, strict=True)) for p in found) for cell in cells)
        assert hypervolume(found, (5.0, 5.0, 5.0)) == pytest.approx(inside)

    @given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=20))
    def test_in_the_plane_it_is_what_it_is_in_space_of_one_more_dimension(
        self, found: list[tuple[float, float]]
    ) -> None:
        reference = (1e6, 1e6)
        flat = hypervolume(found, reference)
        assert hypervolume([(*p, 0.0) for p in found], (*reference, 1.0)) == pytest.approx(flat, rel=1e-6)

    @given(st.lists(st.tuples(*[st.floats(0, 1)] * 4), min_size=1, max_size=10))
    def test_it_is_what_another_library_finds(self, found: list[tuple[float, ...]]) -> None:
        moocore = pytest.importorskip("moocore")
        assert hypervolume(found, (1.1,) * 4) == pytest.approx(moocore.hypervolume(found, ref=[1.1] * 4))

    def test_more_points_never_make_it_smaller(self) -> None:
        rng, found = random.Random(0), []
        last = 0.0
        for _ in range(40):
            found.append(tuple(rng.random() for _ in range(4)))
            volume = hypervolume(found, (1.0,) * 4)
            assert volume >= last - 1e-12
            last = volume

    def test_what_is_worse_than_the_reference_has_none(self) -> None:
        assert hypervolume([(2.0, 0.0), (0.0, 1.0)], (1.0, 1.0)) == 0


class TestTexts:
    @pytest.mark.parametrize(
        ("text", "name", "direction"),
        [
            ("acc:max", "acc", "maximize"),
            (" val:loss : min ", "val:loss", "minimize"),
            ("a:maximize", "a", "maximize"),
        ],
    )
    def test_an_objective_is_a_name_and_a_direction(self, text: str, name: str, direction: str) -> None:
        read = Objective.read(text)
        assert (read.name, read.direction) == (name, direction)

    @pytest.mark.parametrize("text", ["acc", ":max", "acc:up", "", "acc:"])
    def test_anything_else_is_none(self, text: str) -> None:
        with pytest.raises(UsageError, match="is no objective"):
            Objective.read(text)

    def test_one_named_twice_is_refused(self) -> None:
        with pytest.raises(UsageError, match="the objective a is given twice"):
            Objectives(["a:max", "a:min"])


class TestConstraints:
    def test_a_result_that_misses_one_is_not_among_the_best(self) -> None:
        wanted = Objectives([], ["latency<=50"], "maximize")
        assert wanted.names == ("latency",)
        assert wanted.best([(0, 0.9, {"latency": 60}), (1, 0.8, {"latency": 50})]) == 1
        assert wanted.best([(0, 0.9, {"latency": 60})]) is None

    def test_by_how_much_it_is_missed(self) -> None:
        wanted = Objectives(["acc:max"], ["latency<=50", "acc>0.5"])
        assert wanted.excesses(0.5, {"acc": 0.5, "latency": 53}) == (3, pytest.approx(1e-12))
        assert wanted.excesses(0.6, {"acc": 0.6}) == (math.inf, 0)
        assert not wanted.is_feasible(0.6, {"acc": 0.6})
