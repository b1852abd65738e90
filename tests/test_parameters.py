"""The ten domains: what they sample, what they contain, and what they refuse."""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from statistics import fmean, stdev

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hpo.errors import SpaceError
from hpo.parameters import (
    KINDS,
    Choice,
    LogNormal,
    LogUniform,
    Normal,
    Parameter,
    QLogNormal,
    QLogUniform,
    QNormal,
    QUniform,
    RandInt,
    Uniform,
    create,
    identity,
    is_number,
    problems,
    same,
)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
units = st.floats(0, 1)
numbers = st.floats(-1000, 1000) | st.integers(-1000, 1000)
positive = st.floats(1e-6, 1000) | st.integers(1, 1000)
steps = st.sampled_from([1, 2, 5, 0.1, 0.25, 0.3, 7.5])


@st.composite
def bounds(draw: st.DrawFn, values: st.SearchStrategy[float] = numbers) -> tuple[float, float]:
    low, high = draw(values), draw(values)
    assume(low < high)
    # Closer than this, the quantiles of neighbouring floats are no longer apart.
    assume(high - low > 1e-6 * max(abs(low), abs(high)))
    return low, high


@st.composite
def domains(draw: st.DrawFn) -> Parameter:
    kind = draw(st.sampled_from(sorted(KINDS.keys() - {"subset", "permutation"})))  # see test_arrangements
    if kind == "choice":
        return Choice(tuple(draw(st.lists(json_values, min_size=1, max_size=6, unique_by=identity))))
    if kind == "randint":
        low = draw(st.integers(-(2**40), 2**40))
        return RandInt(low, low + draw(st.integers(1, 50) | st.integers(1, 2**40)))
    if "normal" in kind:
        around = st.floats(-5, 5) if "log" in kind else numbers
        first: tuple[float, float] = (draw(around), draw(st.floats(1e-3, 3)))
    else:
        first = draw(bounds(positive if "log" in kind else numbers))
    return create(kind, (*first, draw(steps)) if kind.startswith("q") else first)


class TestQuantiles:
    @given(domains(), units)
    def test_every_quantile_is_a_value_of_the_domain(self, domain: Parameter, u: float) -> None:
        assert domain.contains(domain.from_unit(u))

    @given(domains(), st.integers())
    def test_every_sample_is_a_value_of_the_domain(self, domain: Parameter, seed: int) -> None:
        assert domain.contains(domain.sample(random.Random(seed)))

    @given(domains(), units)
    def test_a_value_comes_back_from_its_quantile(self, domain: Parameter, u: float) -> None:
        value = domain.from_unit(u)
        back = domain.from_unit(domain.to_unit(value))
        if isinstance(domain, Choice | RandInt):
            assert identity(back) == identity(value)
        else:
            # Far in the tail of a normal the quantiles of different values run together.
            assume("normal" not in domain.type or 1e-9 < u < 1 - 1e-9)
            assert math.isclose(back, value, rel_tol=1e-4, abs_tol=1e-4 * abs(value) + 1e-9)

    @given(domains(), units)
    def test_a_quantile_lies_in_the_unit_interval(self, domain: Parameter, u: float) -> None:
        assert 0 <= domain.to_unit(domain.from_unit(u)) <= 1

    @given(domains(), units, units)
    def test_numbers_rise_with_their_quantiles(self, domain: Parameter, one: float, other: float) -> None:
        if not isinstance(domain, Choice):
            low, high = sorted((one, other))
            assert domain.from_unit(low) <= domain.from_unit(high)

    @given(domains())
    def test_bounds_are_reached_at_the_ends(self, domain: Parameter) -> None:
        if isinstance(domain, Uniform | LogUniform):
            assert (domain.from_unit(0.0), domain.from_unit(1.0)) == (domain.low, domain.high)
            assert (domain.to_unit(domain.low), domain.to_unit(domain.high)) == (0.0, 1.0)

    @given(domains())
    def test_each_of_finitely_many_values_is_contained_and_comes_back(self, domain: Parameter) -> None:
        values = domain.values()
        if values is not None:
            for value in values[:50] + values[-50:]:
                assert domain.contains(value)
                assert same(domain.from_unit(domain.to_unit(value)), value)

    @given(domains(), units)
    def test_nothing_else_is_drawn_from_finitely_many_values(self, domain: Parameter, u: float) -> None:
        values = domain.values()
        if values is not None and len(values) < 2000:
            assert any(same(domain.from_unit(u), value) for value in values)

    def test_a_log_normal_stays_a_positive_number_however_wide_it_is(self) -> None:
        wide = LogNormal(0, 1e4)
        assert wide.contains(wide.from_unit(0.0))
        assert wide.contains(wide.from_unit(1.0))

    def test_a_range_as_wide_as_floats_go_has_a_middle(self) -> None:
        assert Uniform(-1.7e308, 1.7e308).from_unit(0.5) == 0
        assert Uniform(-1.7e308, 1.7e308).to_unit(0.0) == 0.5

    def test_a_step_far_below_the_numbers_does_no_harm(self) -> None:
        assert QNormal(1e300, 1.0, 1e-300).from_unit(0.5) == 1e300
        assert QUniform(0, 1e300, 1e-300).contains(QUniform(0, 1e300, 1e-300).from_unit(0.7))


class TestDistributions:
    """The shapes are NNI's: what a name promises is what many samples show."""

    @staticmethod
    def draw(domain: Parameter, count: int = 4000) -> list[float]:
        rng = random.Random(7)
        return [domain.sample(rng) for _ in range(count)]

    def test_options_are_equally_likely(self) -> None:
        counts = Counter(self.draw(Choice(("a", "b", "c", "d"))))
        assert all(900 < counts[option] < 1100 for option in "abcd")

    def test_integers_are_equally_likely_and_the_upper_bound_is_not_drawn(self) -> None:
        counts = Counter(self.draw(RandInt(2, 6)))
        assert set(counts) == {2, 3, 4, 5}
        assert all(900 < n < 1100 for n in counts.values())

    def test_uniform_has_the_mean_of_its_bounds(self) -> None:
        assert fmean(self.draw(Uniform(2, 4))) == pytest.approx(3, abs=0.05)

    def test_the_logarithms_of_loguniform_are_uniform(self) -> None:
        assert fmean(map(math.log10, self.draw(LogUniform(1e-5, 1e-1)))) == pytest.approx(-3, abs=0.1)

    def test_normal_has_its_mean_and_deviation(self) -> None:
        sample = self.draw(Normal(5, 2))
        assert fmean(sample) == pytest.approx(5, abs=0.15)
        assert stdev(sample) == pytest.approx(2, abs=0.15)

    def test_the_logarithms_of_lognormal_are_normal(self) -> None:
        logs = [math.log(x) for x in self.draw(LogNormal(1, 0.5))]
        assert fmean(logs) == pytest.approx(1, abs=0.05)
        assert stdev(logs) == pytest.approx(0.5, abs=0.05)

    def test_qnormal_and_qlognormal_give_multiples_only(self) -> None:
        for domain in (QNormal(0, 3, 0.5), QLogNormal(0, 1, 0.5)):
            assert all((x / 0.5).is_integer() for x in self.draw(domain, 500))


class TestQuantised:
    def test_quniform_goes_from_low_to_high_in_steps(self) -> None:
        assert QUniform(0, 10, 2).values() == (0, 2, 4, 6, 8, 10)

    def test_bounds_that_are_no_multiples_are_values_where_rounding_leads_beyond_them(self) -> None:
        assert QUniform(2, 10, 5).values() == (2, 5, 10)

    def test_steps_do_not_drift(self) -> None:
        assert QUniform(0, 0.5, 0.1).values() == (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)

    def test_whole_steps_give_whole_numbers(self) -> None:
        assert [type(v) for v in QUniform(0, 4, 2).values() or ()] == [int] * 3
        assert isinstance(QLogUniform(1, 1024, 1).from_unit(0.5), int)

    def test_what_lies_between_steps_is_outside(self) -> None:
        assert not QUniform(0, 10, 2).contains(3)
        assert not QLogUniform(1, 100, 10).contains(15)
        assert not QNormal(0, 1, 0.5).contains(0.3)
        assert QLogNormal(0, 1, 0.5).contains(0)

    def test_too_many_values_to_list_are_not_listed(self) -> None:
        assert QUniform(0, 1, 1e-9).values() is None
        assert RandInt(0, 2**40).values() is None


class TestChoice:
    def test_options_of_different_types_are_told_apart(self) -> None:
        mixed = Choice((1, True, "1", None, 0.5))
        assert [mixed.index(option) for option in mixed.options] == [0, 1, 2, 3, 4]

    def test_a_number_is_found_in_either_spelling(self) -> None:
        assert Choice((16, 32)).index(32.0) == 1
        assert Choice((1.0, 2.0)).contains(2)

    def test_a_boolean_is_no_number(self) -> None:
        assert not Choice((0, 1)).contains(True)
        assert Choice((0, 1)) != Choice((False, True))

    def test_lists_and_objects_can_be_options(self) -> None:
        shapes = Choice(([64], [64, 64], {"width": 3, "depth": 2}))
        assert shapes.index({"depth": 2, "width": 3}) == 2
        assert hash(shapes) == hash(Choice(([64], [64, 64], {"depth": 2, "width": 3})))

    def test_what_is_none_of_the_options_is_refused_with_the_options(self) -> None:
        with pytest.raises(SpaceError, match=r"'rmsprop' is none of the options \['sgd', 'adam'\]"):
            Choice(("sgd", "adam")).index("rmsprop")

    @pytest.mark.parametrize("alien", [object(), {1, 2}, b"sgd", math.nan])
    def test_what_is_no_json_is_no_option(self, alien: object) -> None:
        assert not Choice(("sgd", "adam")).contains(alien)
        assert [p.kind for p in problems("choice", ["sgd", alien])] == ["not_json"]


class TestContains:
    @pytest.mark.parametrize("domain", [RandInt(0, 10), Uniform(0, 10), Normal(5, 1), QUniform(0, 10, 1)])
    @pytest.mark.parametrize("alien", [True, "5", None, math.nan, math.inf, [5], 10**400])
    def test_no_number_domain_holds_what_is_no_finite_number(self, domain: Parameter, alien: object) -> None:
        assert not domain.contains(alien)

    def test_bounds_belong_to_uniform_and_the_upper_one_not_to_randint(self) -> None:
        assert Uniform(0, 1).contains(0)
        assert Uniform(0, 1).contains(1)
        assert RandInt(0, 3).contains(0)
        assert not RandInt(0, 3).contains(3)

    def test_a_fraction_is_no_integer(self) -> None:
        assert not RandInt(0, 10).contains(5.0)

    def test_a_log_normal_holds_positive_numbers_only(self) -> None:
        assert not LogNormal(0, 1).contains(0)
        assert not LogNormal(0, 1).contains(-1.0)


class TestIdentity:
    @given(json_values, json_values)
    def test_two_values_share_it_exactly_when_json_writes_them_alike(
        self, one: object, other: object
    ) -> None:
        alike = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
        assert (identity(one) == identity(other)) == alike

    @given(json_values)
    def test_it_survives_json(self, value: object) -> None:
        assert identity(json.loads(json.dumps(value))) == identity(value)

    def test_one_true_and_one_point_zero_are_three_values(self) -> None:
        assert len({identity(1), identity(1.0), identity(True)}) == 3

    def test_the_same_number_is_the_same_in_either_spelling_but_a_boolean_is_not(self) -> None:
        assert same(1, 1.0)
        assert not same(1, True)
        assert not same("1", 1)
        assert same({"a": [1, None]}, {"a": [1, None]})

    def test_a_number_is_finite_fits_a_float_and_is_no_boolean(self) -> None:
        assert [is_number(x) for x in (0, -1.5, 10**308)] == [True] * 3
        assert [is_number(x) for x in (True, "1", None, math.nan, -math.inf, 10**400)] == [False] * 6


class TestJson:
    @given(domains())
    def test_a_domain_comes_back_from_its_json(self, domain: Parameter) -> None:
        written = json.loads(json.dumps(domain.to_json()))
        assert create(written["_type"], written["_value"]) == domain

    def test_the_table_lists_each_kind_under_its_name(self) -> None:
        assert len(KINDS) == 12
        assert all(kind.type == name for name, kind in KINDS.items())

    def test_a_domain_reads_as_its_mark(self) -> None:
        assert str(LogUniform(1e-5, 0.1)) == "loguniform(1e-05, 0.1)"
        assert str(Choice(("a", 1))) == "choice('a', 1)"


class TestMistakes:
    @pytest.mark.parametrize(
        ("kind", "arguments", "problem", "argument"),
        [
            ("uniform", [0], "arity", None),
            ("quniform", [0, 1], "arity", None),
            ("uniform", ["0", 1], "not_a_number", 0),
            ("uniform", [0, math.inf], "not_a_number", 1),
            ("normal", [0, True], "not_a_number", 1),
            ("randint", [0, 1.5], "not_an_integer", 1),
            ("uniform", [1, 1], "low_not_below_high", 0),
            ("randint", [3, 2], "low_not_below_high", 0),
            ("loguniform", [0, 1], "log_bound_not_positive", 0),
            ("qloguniform", [-1, 1, 1], "log_bound_not_positive", 0),
            ("normal", [0, 0], "sigma_not_positive", 1),
            ("quniform", [0, 1, 0], "q_not_positive", 2),
            ("qnormal", [0, 1, -1], "q_not_positive", 2),
            ("choice", [], "no_options", None),
            ("choice", ["a", "b", "a"], "duplicate_option", 2),
        ],
    )
    def test_each_is_found_at_its_argument_and_refused(
        self, kind: str, arguments: list[object], problem: str, argument: int | None
    ) -> None:
        found = problems(kind, arguments)
        assert [(p.kind, p.argument) for p in found] == [(problem, argument)]
        with pytest.raises(SpaceError) as refused:
            create(kind, arguments)
        assert str(refused.value) == found[0].message
        assert refused.value.help == found[0].help

    def test_a_number_of_numpys_comes_with_the_one_to_write(self) -> None:
        (found,) = problems("uniform", [0, np.float32(0.5)])
        assert found.message == "high of uniform is np.float32(0.5), which is no number of Python"
        assert found.help == "write 0.5"
        assert [p.help for p in problems("choice", [np.int64(3)])] == ["write 3"]

    def test_a_lognormal_may_have_a_mean_below_zero(self) -> None:
        assert problems("lognormal", [-3, 1]) == []

    def test_a_domain_built_directly_is_checked_too(self) -> None:
        with pytest.raises(SpaceError, match="low is 2 and high is 1"):
            Uniform(2, 1)
