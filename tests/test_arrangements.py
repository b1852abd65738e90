"""Subsets and permutations: lists as domains."""

import random
from itertools import combinations, permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.errors import SpaceError
from hpo.parameters import Arrangement, Permutation, Subset, create, identity
from hpo.space import SearchSpace
from hpo.tuners.acquisition import mutants
from hpo.tuners.points import Cube

items = st.lists(
    st.text(max_size=3) | st.integers(-9, 9) | st.booleans() | st.none(),
    min_size=1,
    max_size=7,
    unique_by=identity,
)


@st.composite
def subsets(draw: st.DrawFn) -> Subset:
    given = draw(items)
    low = draw(st.integers(0, len(given)))
    return Subset(tuple(given), low, draw(st.none() | st.integers(low, len(given))))


orders = items.map(lambda given: Permutation(tuple(given)))
arrangements = subsets() | orders


class TestValues:
    @given(subsets())
    def test_a_subset_has_every_combination_of_a_size_within_its_limits(self, domain: Subset) -> None:
        low, high = domain.limits
        expected = [list(c) for n in range(low, high + 1) for c in combinations(domain.items, n)]
        assert list(domain.values() or ()) == expected
        assert domain.count == len(expected)

    @given(orders)
    def test_a_permutation_has_every_order(self, domain: Permutation) -> None:
        assert list(domain.values() or ()) == [list(p) for p in permutations(domain.items)]

    @given(arrangements, st.data())
    def test_every_point_is_a_value_and_every_value_comes_back(
        self, domain: Arrangement, data: st.DataObject
    ) -> None:
        point = data.draw(st.lists(st.floats(0, 1), min_size=domain.width, max_size=domain.width))
        value = domain.from_units(point)
        assert domain.contains(value)
        assert identity(domain.from_units(domain.to_units(value))) == identity(value)
        assert identity(domain.from_unit(domain.to_unit(value))) == identity(value)

    @given(arrangements, st.floats(0, 1))
    def test_every_quantile_is_a_value(self, domain: Arrangement, u: float) -> None:
        assert domain.contains(domain.from_unit(u))

    @given(arrangements, st.integers())
    def test_a_neighbour_is_another_value_where_there_is_one(self, domain: Arrangement, seed: int) -> None:
        rng = random.Random(seed)
        value = domain.sample(rng)
        near = domain.neighbour(value, rng)
        assert domain.contains(near)
        assert (identity(near) == identity(value)) == (domain.count == 1)

    def test_samples_have_as_many_items_as_the_limits_have_room_for(self) -> None:
        domain, rng = Subset(tuple(range(40)), 0, 6), random.Random(1)
        sizes = {len(domain.sample(rng)) for _ in range(400)}
        assert sizes == set(range(7))

    def test_what_is_too_much_to_list_has_quantiles_all_the_same(self) -> None:
        domain = Permutation(tuple(range(60)))
        assert domain.values() is None
        assert sorted(domain.from_unit(0.3)) == list(range(60))
        assert domain.contains(domain.from_unit(1.0))

    @pytest.mark.parametrize(
        "value", ["ab", ["a", "a"], ["a", "z"], [], ["a", "b", "c"], {"a": 1}, None, [["a"]]]
    )
    def test_what_is_no_such_subset_is_outside(self, value: Any) -> None:
        assert not Subset(("a", "b", "c"), 1, 2).contains(value)

    def test_a_subset_is_the_same_in_any_order(self) -> None:
        assert Subset(("a", "b", "c")).contains(["c", "a"])

    @pytest.mark.parametrize("value", [["a", "b"], ["a", "b", "b"], "abc", ["a", "b", "d"]])
    def test_what_lacks_an_item_is_no_permutation(self, value: Any) -> None:
        assert not Permutation(("a", "b", "c")).contains(value)

    def test_one_and_true_are_two_items(self) -> None:
        assert Subset((1, True)).contains([True, 1])
        assert Subset((1,)).contains([1.0])


class TestJson:
    @given(arrangements)
    def test_comes_back_as_it_was(self, domain: Arrangement) -> None:
        space = SearchSpace({"x": domain})
        assert SearchSpace.from_json(space.to_json()) == space

    @pytest.mark.parametrize(
        ("written", "message", "path"),
        [
            ({"_type": "subset", "_value": []}, "subset has no items", ("x", "_value")),
            ({"_type": "permutation", "_value": ["a", "a"]}, "item 'a' is listed twice", ("x", "_value", 1)),
            ({"_type": "subset", "_value": ["a"], "_min": 2}, "min of subset is 2", ("x", "_min")),
            ({"_type": "subset", "_value": ["a"], "_max": -1}, "max of subset is -1", ("x", "_max")),
            ({"_type": "subset", "_value": ["a", "b"], "_min": 2, "_max": 1}, "min of subset is 2, and",
             ("x", "_min")),
            ({"_type": "subset", "_value": ["a"], "_max": "all"}, "max of subset is 'all', which is",
             ("x", "_max")),
            ({"_type": "subset", "_value": ["a"], "_max": True}, "max of subset is True", ("x", "_max")),
            ({"_type": "permutation", "_value": ["a"], "_max": 1}, "unknown key _max", ("x", "_max")),
        ],
    )  # fmt: skip
    def test_a_mistake_is_said_where_it_stands(self, written: Any, message: str, path: Any) -> None:
        with pytest.raises(SpaceError) as refusal:
            SearchSpace.from_json({"x": written})
        assert message in refusal.value.message
        assert refusal.value.path == path

    def test_items_that_are_no_json_are_refused(self) -> None:
        with pytest.raises(SpaceError, match="is no JSON value"):
            create("subset", ([object()],))

    def test_nothing_waits_for_a_list(self) -> None:
        child = {"_type": "uniform", "_value": [0, 1], "_when": {"x": [["a"]]}}
        with pytest.raises(SpaceError, match="waits for x, which is a subset"):
            SearchSpace.from_json({"x": {"_type": "subset", "_value": ["a"]}, "y": child})


class TestConstraints:
    def test_len_and_in_speak_of_lists(self) -> None:
        space = SearchSpace.from_json(
            {
                "features": {"_type": "subset", "_value": list("abcdef")},
                "depth": {"_type": "randint", "_value": [1, 9]},
                "_constraints": ["len(features) + depth <= 6", "'a' in features"],
            }
        )
        rng = random.Random(3)
        for _ in range(200):
            drawn = space.sample(rng)
            assert "a" in drawn["features"]
            assert len(drawn["features"]) + drawn["depth"] <= 6


class TestCube:
    @given(arrangements, st.integers(0, 2**32))
    def test_the_cube_and_the_domain_agree_on_what_a_point_means(
        self, domain: Arrangement, seed: int
    ) -> None:
        cube = Cube(SearchSpace({"x": domain}))
        rows = np.random.default_rng(seed).random((8, domain.width))
        for row, arranged in zip(rows, cube.arranged(rows), strict=True):
            assert domain.from_units(row.tolist()) == cube.configuration(arranged)["x"]
            assert np.allclose(cube.row(cube.configuration(arranged)), arranged)

    @given(arrangements, st.integers(0, 2**32))
    def test_mutants_are_values(self, domain: Arrangement, seed: int) -> None:
        cube, rng = Cube(SearchSpace({"x": domain})), np.random.default_rng(seed)
        rows = cube.snap(rng.random((8, domain.width)))
        for row in cube.snap(mutants(cube, rng, rows, np.array(1e-3))):
            assert domain.contains(cube.configuration(row)["x"])

    def test_mutants_of_a_subset_of_fixed_size_exchange_items(self) -> None:
        domain = Subset(tuple("abcdefgh"), 3, 3)
        cube, rng = Cube(SearchSpace({"x": domain})), np.random.default_rng(0)
        parent = cube.row({"x": ["a", "b", "c"]})
        found = {
            tuple(cube.configuration(row)["x"])
            for row in cube.snap(mutants(cube, rng, np.tile(parent, (400, 1)), np.array(1e-3)))
        }
        assert len({item for value in found for item in value}) == 8
        assert any(len(set(value) & set("abc")) == 2 for value in found)

    def test_the_distance_of_two_orders_is_that_of_the_places(self) -> None:
        cube = Cube(SearchSpace({"x": Permutation(tuple("abcd"))}))
        own, swapped, reverse = (cube.row({"x": list(order)}) for order in ("abcd", "bacd", "dcba"))
        assert np.abs(own - swapped).sum() < np.abs(own - reverse).sum()
