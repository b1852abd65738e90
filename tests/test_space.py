"""The search space: conditions, NNI's JSON both ways, NNI's nested form, and what it refuses."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.conditions import Condition
from hpo.errors import SpaceError
from hpo.parameters import Choice, LogUniform, Permutation, QUniform, RandInt, Subset, Uniform
from hpo.space import SearchSpace

UNIFORM = {"_type": "uniform", "_value": [0, 1]}

# NNI's own example of a nested search space (docs/source/hpo/search_space.rst), shortened.
NESTED = {
    "layer0": {
        "_type": "choice",
        "_value": [
            {"_name": "Empty"},
            {"_name": "Conv", "kernel_size": {"_type": "choice", "_value": [1, 2, 3, 5]}},
            {"_name": "Max_pool", "pooling_size": {"_type": "choice", "_value": [2, 3, 5]}},
        ],
    },
    "lr": {"_type": "loguniform", "_value": [1e-5, 0.1]},
}


def optimizers() -> SearchSpace:
    """Return a small conditional space: momentum for sgd, and nesterov for a momentum of its own."""
    return SearchSpace(
        {
            "nesterov": Choice((False, True)),
            "momentum": QUniform(0, 1, 0.5),
            "optimizer": Choice(("sgd", "adam")),
            "lr": LogUniform(1e-5, 0.1),
        },
        conditions={
            "momentum": [Condition("optimizer", ("sgd",))],
            "nesterov": [Condition("momentum", (0.5, 1.0))],
        },
        defaults={"optimizer": "sgd", "lr": 0.01, "momentum": 0.0, "nesterov": False},
    )


leaves = st.sampled_from(
    [
        UNIFORM,
        {"_type": "choice", "_value": [1, True, "1", None, [2, 3]]},
        {"_type": "randint", "_value": [0, 5]},
        {"_type": "quniform", "_value": [0, 10, 2]},
        {"_type": "lognormal", "_value": [0, 1]},
    ]
)
names = st.sampled_from(["a", "b", "size", "rate"])


def nested_choices(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    options = st.lists(st.dictionaries(names, inner, max_size=2), min_size=1, max_size=3)
    return options.map(
        lambda all_subs: {
            "_type": "choice",
            "_value": [{"_name": f"option{i}", **subs} for i, subs in enumerate(all_subs)],
        }
    )


domains = st.recursive(leaves, nested_choices, max_leaves=8)


@st.composite
def spaces(draw: st.DrawFn) -> dict[str, Any]:
    """Return search-space JSON: flat and nested parameters, with conditions on a flat choice before them."""
    space: dict[str, Any] = {"mode": {"_type": "choice", "_value": ["x", "y", 3]}}
    for name in draw(st.lists(names, max_size=4, unique=True)):
        domain = draw(domains)
        when = draw(st.lists(st.sampled_from(["x", "y", 3]), max_size=2, unique=True))
        space[name] = {**domain, "_when": {"mode": when}} if when else domain
    return space


class TestJson:
    @given(spaces())
    def test_what_was_read_is_written_again(self, written: dict[str, Any]) -> None:
        assert SearchSpace.from_json(written).to_json() == written

    @given(spaces())
    def test_reading_what_was_written_gives_the_same_space(self, written: dict[str, Any]) -> None:
        space = SearchSpace.from_json(written)
        assert SearchSpace.from_json(json.loads(json.dumps(space.to_json()))) == space

    def test_conditions_built_in_python_are_written_as_when(self) -> None:
        written = optimizers().to_json()
        assert written["momentum"]["_when"] == {"optimizer": ["sgd"]}
        assert "_when" not in written["lr"]

    def test_several_conditions_must_all_be_written(self) -> None:
        written = {
            "a": {"_type": "choice", "_value": [1, 2]},
            "b": {"_type": "choice", "_value": [1, 2]},
            "c": {**UNIFORM, "_when": {"a": [1], "b": [2]}},
        }
        space = SearchSpace.from_json(written)
        assert space.to_json() == written
        assert space.is_active("c", {"a": 1, "b": 2})
        assert not space.is_active("c", {"a": 1, "b": 1})

    def test_a_condition_may_name_one_value_without_a_list(self) -> None:
        space = SearchSpace.from_json(
            {"a": {"_type": "choice", "_value": ["x", "y"]}, "b": {**UNIFORM, "_when": {"a": "x"}}}
        )
        assert space.conditions["b"] == (Condition("a", ("x",)),)

    def test_the_seed_space_of_the_tutorial_is_read(self) -> None:
        space = SearchSpace.from_json(
            {
                "batch_size": {"_type": "choice", "_value": [16, 32, 64, 128]},
                "momentum": {"_type": "uniform", "_value": [0, 1]},
            }
        )
        assert dict(space.parameters) == {"batch_size": Choice((16, 32, 64, 128)), "momentum": Uniform(0, 1)}


class TestConfigurations:
    @given(spaces(), st.integers())
    def test_every_sample_passes_the_check(self, written: dict[str, Any], seed: int) -> None:
        space = SearchSpace.from_json(written)
        space.check(space.sample(random.Random(seed)))

    @given(spaces(), st.integers())
    def test_a_sample_holds_what_is_active_and_nothing_else(self, written: dict[str, Any], seed: int) -> None:
        space = SearchSpace.from_json(written)
        sample = space.sample(random.Random(seed))
        assert set(sample) == {name for name in space if space.is_active(name, sample)}

    @given(spaces(), st.integers())
    def test_a_sample_comes_back_from_the_unit_cube(self, written: dict[str, Any], seed: int) -> None:
        space = SearchSpace.from_json(written)
        sample = space.sample(random.Random(seed))
        back = space.from_unit(dict.fromkeys(space, 0.5) | space.to_unit(sample))
        assert back.keys() == sample.keys()
        for name, value in sample.items():
            assert back[name] == (pytest.approx(value) if isinstance(value, float) else value)

    def test_a_condition_changes_no_other_value_that_is_drawn(self) -> None:
        parameters = {"a": Uniform(0, 1), "kind": Choice(("x", "y")), "b": Uniform(0, 1)}
        free = SearchSpace(parameters)
        bound = SearchSpace(parameters, conditions={"a": [Condition("kind", ("x",))]})
        for seed in range(20):
            one, other = free.sample(random.Random(seed)), bound.sample(random.Random(seed))
            assert {**one, **other} == one

    def test_parents_come_before_their_children(self) -> None:
        order = optimizers().order
        assert order.index("optimizer") < order.index("momentum") < order.index("nesterov")

    def test_the_defaults_are_those_active_among_them(self) -> None:
        assert optimizers().default_configuration() == {"optimizer": "sgd", "lr": 0.01, "momentum": 0.0}

    def test_a_child_of_a_default_that_is_unknown_is_no_default(self) -> None:
        space = SearchSpace(
            {"kind": Choice(("x", "y")), "a": Uniform(0, 1)},
            conditions={"a": [Condition("kind", ("x",))]},
            defaults={"a": 0.5},
        )
        assert space.default_configuration() == {}

    def test_a_condition_on_a_number_holds_in_either_spelling(self) -> None:
        space = SearchSpace(
            {"n": Choice((1, 2)), "a": Uniform(0, 1)}, conditions={"a": [Condition("n", (1.0,))]}
        )
        assert space.is_active("a", {"n": 1})
        assert not space.is_active("a", {"n": True})

    def test_a_point_is_the_coordinates_of_one_after_the_other(self) -> None:
        space = SearchSpace(
            {"a": Uniform(0, 1), "some": Subset((1, 2, 3), 1, 2), "b": Uniform(0, 1), "c": Uniform(0, 1)},
            conditions={"a": [Condition("c", (0.25,))]},
        )
        assert space.order == ("some", "b", "c", "a")
        chosen = space["some"].to_units([1, 3])
        assert space.width == len(chosen) + 3
        found = space.from_point([*chosen, 0.75, 0.25, 0.5])
        assert found == {"some": [1, 3], "b": 0.75, "c": 0.25, "a": 0.5}

    def test_its_size_is_the_product_of_finite_domains(self) -> None:
        assert SearchSpace({"a": RandInt(0, 3), "b": QUniform(0, 1, 0.5)}).size() == 9
        assert SearchSpace({"a": RandInt(0, 3), "b": Uniform(0, 1)}).size() is None
        assert SearchSpace({}).size() == 1


class TestCheck:
    @pytest.mark.parametrize(
        ("configuration", "message"),
        [
            ({"optimiser": "sgd", "lr": 0.01}, "there is no parameter optimiser"),
            ({"optimizer": "adam"}, "lr has no value"),
            ({"optimizer": "adam", "lr": 0.01, "momentum": 0.5}, "momentum is not active here: it needs"),
            ({"optimizer": "adam", "lr": 5}, r"lr is 5, which lies outside loguniform\(1e-05, 0.1\)"),
            ({"optimizer": "rmsprop", "lr": 0.01}, "optimizer is 'rmsprop', which lies outside choice"),
            ({"optimizer": object(), "lr": 0.01}, "optimizer is <object .*>, which lies outside"),
        ],
    )
    def test_what_the_space_cannot_have_is_refused(self, configuration: dict[str, Any], message: str) -> None:
        with pytest.raises(SpaceError, match=message) as refused:
            optimizers().check(configuration)
        assert refused.value.help

    def test_a_close_name_is_suggested(self) -> None:
        with pytest.raises(SpaceError) as refused:
            optimizers().check({"optimiser": "sgd"})
        assert refused.value.help == "did you mean optimizer?"


class TestNestedForm:
    @given(spaces(), st.integers())
    def test_flattening_what_was_nested_gives_the_configuration(
        self, written: dict[str, Any], seed: int
    ) -> None:
        space = SearchSpace.from_json(written)
        sample = space.sample(random.Random(seed))
        assert space.flatten(space.nested(sample)) == sample

    @given(spaces(), st.integers())
    def test_flattening_a_flat_configuration_changes_nothing(
        self, written: dict[str, Any], seed: int
    ) -> None:
        space = SearchSpace.from_json(written)
        sample = space.sample(random.Random(seed))
        assert space.flatten(sample) == sample

    def test_a_nested_choice_is_a_choice_and_its_children(self) -> None:
        space = SearchSpace.from_json(NESTED)
        assert space["layer0"] == Choice(("Empty", "Conv", "Max_pool"))
        assert space["layer0.kernel_size"] == Choice((1, 2, 3, 5))
        assert space.conditions["layer0.kernel_size"] == (Condition("layer0", ("Conv",)),)

    def test_a_trial_gets_it_as_nni_gives_it(self) -> None:
        space = SearchSpace.from_json(NESTED)
        flat = {"layer0": "Conv", "layer0.kernel_size": 3, "lr": 0.01}
        assert space.nested(flat) == {"layer0": {"_name": "Conv", "kernel_size": 3}, "lr": 0.01}
        assert space.nested({"layer0": "Empty", "lr": 0.01}) == {"layer0": {"_name": "Empty"}, "lr": 0.01}
        for outside in ("gone", 3, ["Conv"]):  # the trial was proposed in another space
            assert space.nested({"layer0": outside}) == {"layer0": outside}

    def test_a_child_that_is_inactive_for_its_own_reason_is_left_out(self) -> None:
        space = SearchSpace.from_json(
            {
                "mode": {"_type": "choice", "_value": ["x", "y"]},
                "net": {
                    "_type": "choice",
                    "_value": [{"_name": "m", "a": {**UNIFORM, "_when": {"mode": ["x"]}}}],
                },
            }
        )
        assert space.nested({"mode": "y", "net": "m"}) == {"mode": "y", "net": {"_name": "m"}}

    def test_options_that_share_a_child_share_the_parameter(self) -> None:
        options = [{"_name": "small", "rate": UNIFORM}, {"_name": "large", "rate": UNIFORM}]
        space = SearchSpace.from_json({"net": {"_type": "choice", "_value": options}})
        assert list(space) == ["net", "net.rate"]
        assert space.conditions["net.rate"] == (Condition("net", ("small", "large")),)

    def test_namesakes_with_different_domains_are_named_by_their_option(self) -> None:
        wide = {"_type": "uniform", "_value": [0, 10]}
        options = [{"_name": "small", "rate": UNIFORM}, {"_name": "large", "rate": wide}]
        space = SearchSpace.from_json({"net": {"_type": "choice", "_value": options}})
        assert list(space) == ["net", "net.small.rate", "net.large.rate"]


class TestMistakes:
    @pytest.mark.parametrize(
        ("written", "message", "help_"),
        [
            ([1], r"a search space is an object of parameters, not \[1\]", "write"),
            ({"lr": 0.1}, "lr: a parameter is an object with _type and _value, not 0.1", "write"),
            ({"lr": {"_type": "uniform"}}, "lr: a parameter is an object with _type and _value", "write"),
            ({"lr": {"_type": "unifrom", "_value": [0, 1]}}, "lr: unknown _type 'unifrom'", "mean uniform"),
            ({"lr": {"_type": ["x"], "_value": [0, 1]}}, r"lr: unknown _type \['x'\]", "the types are"),
            ({"lr": {"_type": "uniform", "_value": 3}}, "lr: _value is a list, not 3", "write"),
            ({"lr": {**UNIFORM, "when": {}}}, "lr: unknown key when", "the keys are"),
            ({"lr": {**UNIFORM, "_when": ["x"]}}, r"lr: _when is an object .* not \[\"x\"\]", "write"),
            ({"lr": {"_type": "uniform", "_value": [1, 0]}}, "lr: low is 1 and high is 0", "swap"),
            ({"lr": {"_type": "choice", "_value": []}}, "lr: choice has no options", "write"),
            (
                {"a": {"_type": "choice", "_value": [{"_name": "x"}, 3]}},
                "a: a nested choice needs a _name in every option, and 3 has none",
                "write",
            ),
            (
                {"a": {"_type": "choice", "_value": [{"_name": "x"}, {"_name": "x"}]}},
                "a: option 'x' is listed twice",
                "remove",
            ),
            (
                {"a": {"_type": "choice", "_value": [{"_name": "x", "b": 3}]}},
                "a.b: a parameter is an object with _type and _value, not 3",
                "write",
            ),
            ({"lr": {**UNIFORM, "_when": {"mode": [1]}}}, "lr: the condition speaks of mode", "name a"),
            ({"lr": {**UNIFORM, "_when": {"lr": [0.5]}}}, "the conditions of lr go in a circle", "let each"),
        ],
    )
    def test_each_names_the_parameter_and_the_cure(self, written: Any, message: str, help_: str) -> None:
        with pytest.raises(SpaceError, match=message) as refused:
            SearchSpace.from_json(written)
        assert help_ in (refused.value.help or "")

    def test_a_condition_that_can_never_hold_is_refused(self) -> None:
        parameters = {"mode": Choice(("x", "y")), "a": Uniform(0, 1)}
        with pytest.raises(SpaceError, match="waits for mode to be 'z'"):
            SearchSpace(parameters, conditions={"a": [Condition("mode", ("z",))]})
        with pytest.raises(SpaceError, match="names no value of mode"):
            SearchSpace(parameters, conditions={"a": [Condition("mode", ())]})

    def test_a_condition_on_a_close_name_suggests_it(self) -> None:
        with pytest.raises(SpaceError) as refused:
            SearchSpace(
                {"mode": Choice(("x",)), "a": Uniform(0, 1)}, conditions={"a": [Condition("mod", ("x",))]}
            )
        assert refused.value.help == "did you mean mode?"

    def test_a_condition_for_an_unknown_parameter_is_refused(self) -> None:
        with pytest.raises(SpaceError, match="given for b, which is no parameter"):
            SearchSpace({"a": Choice((1, 2))}, conditions={"b": [Condition("a", (1,))]})

    def test_conditions_in_a_circle_are_refused(self) -> None:
        with pytest.raises(SpaceError, match="a, b go in a circle"):
            SearchSpace(
                {"a": Choice((1, 2)), "b": Choice((1, 2))},
                conditions={"a": [Condition("b", (1,))], "b": [Condition("a", (1,))]},
            )

    @pytest.mark.parametrize("flat_first", [True, False])
    def test_two_parameters_that_come_to_one_name_are_refused(self, flat_first: bool) -> None:
        nested = {"_type": "choice", "_value": [{"_name": "x", "b": UNIFORM}]}
        written = {"a.b": UNIFORM, "a": nested} if flat_first else {"a": nested, "a.b": UNIFORM}
        with pytest.raises(SpaceError, match=r"a\.b: two parameters come to have this name"):
            SearchSpace.from_json(written)


class TestLookingAtIt:
    def test_it_is_a_mapping_of_names(self) -> None:
        space = optimizers()
        assert len(space) == 4
        assert list(space) == ["nesterov", "momentum", "optimizer", "lr"]
        assert "lr" in space
        assert "learning_rate" not in space
        assert space["lr"] == LogUniform(1e-5, 0.1)

    def test_it_reads_as_its_marks(self) -> None:
        assert repr(SearchSpace({"lr": Uniform(0, 1)})) == "SearchSpace(lr=uniform(0, 1))"

    def test_spaces_with_other_defaults_or_conditions_are_others(self) -> None:
        parameters = {"mode": Choice(("x", "y")), "a": Uniform(0, 1)}
        plain = SearchSpace(parameters)
        assert plain == SearchSpace(parameters)
        assert plain != SearchSpace(parameters, defaults={"a": 0.5})
        assert plain != SearchSpace(parameters, conditions={"a": [Condition("mode", ("x",))]})
        assert plain == SearchSpace(parameters, conditions={"a": []})
        assert plain != parameters


class TestPlacesOfMistakes:
    @pytest.mark.parametrize(
        ("written", "path"),
        [
            ({"lr": 1}, ("lr",)),
            ({"lr": {"_type": "unifrom", "_value": [0, 1]}}, ("lr", "_type")),
            ({"lr": {"_type": "uniform", "_value": 1}}, ("lr", "_value")),
            ({"lr": {"_type": "uniform", "_value": [0, "1"]}}, ("lr", "_value", 1)),
            ({"lr": {"_type": "uniform", "_value": [0, 1], "size": 1}}, ("lr", "size")),
            (
                {"lr": {"_type": "uniform", "_value": [0, 1], "_when": {"opt": [1]}}},
                ("lr", "_when", "opt"),
            ),
            (
                {"opt": {"_type": "choice", "_value": [1]}, "lr": {**UNIFORM, "_when": {"opt": [2]}}},
                ("lr", "_when", "opt"),
            ),
            (
                {"opt": {"_type": "choice", "_value": [1]}, "lr": {**UNIFORM, "_when": {"opt": []}}},
                ("lr", "_when", "opt"),
            ),
            (
                {"opt": {"_type": "permutation", "_value": [1]}, "lr": {**UNIFORM, "_when": {"opt": [1]}}},
                ("lr", "_when", "opt"),
            ),
            (
                {"layer": {"_type": "choice", "_value": [{"_name": "a"}, {"_name": "b", "size": 3}]}},
                ("layer", "_value", 1, "size"),
            ),
        ],
    )
    def test_the_path_leads_to_the_part_that_is_wrong(
        self, written: Any, path: tuple[str | int, ...]
    ) -> None:
        with pytest.raises(SpaceError) as raised:
            SearchSpace.from_json(written)
        assert raised.value.path == path
        assert raised.value.help


class TestAnotherSpaceOfIt:
    """A space with more parameters, with one more constraint, or with some parameters fixed."""

    FULL = SearchSpace.from_json(
        {**NESTED, "m": {**UNIFORM, "_when": {"layer0": ["Conv"]}}, "_constraints": ["lr < 0.05"]},
        defaults={"lr": 0.01},
    )

    def test_what_comes_beside_it_leaves_all_that_it_has(self) -> None:
        space = self.FULL
        more = space.beside({"seed": RandInt(0, 9)}, {"seed": 3})
        assert more.to_json() == {**space.to_json(), "seed": {"_type": "randint", "_value": [0, 9]}}
        assert more.defaults == {"lr": 0.01, "seed": 3}
        assert space.beside({"seed": RandInt(0, 9)}).defaults == {"lr": 0.01}

    def test_one_more_constraint_leaves_all_that_it_has(self) -> None:
        space = self.FULL
        tighter = space.constrained("lr > 0.001")
        assert tighter.to_json() == {**space.to_json(), "_constraints": ["lr < 0.05", "lr > 0.001"]}
        assert tighter.defaults == space.defaults

    def test_a_number_may_be_fixed_outside_its_domain(self) -> None:
        space = SearchSpace({"lr": LogUniform(1e-5, 0.1), "layers": RandInt(0, 3), "size": Choice((16, 32))})
        fixed = space.fixed({"lr": 5, "layers": 9})
        assert [fixed[name] for name in fixed] == [Choice((5,)), Choice((9,)), Choice((16, 32))]
        assert fixed.defaults == {"lr": 5, "layers": 9}

    def test_an_option_is_fixed_as_it_is_written_in_the_choice(self) -> None:
        fixed = SearchSpace({"size": Choice((16, 32))}).fixed({"size": 32.0})
        assert str(fixed["size"]) == "choice(32)"

    def test_a_list_may_be_fixed(self) -> None:
        space = SearchSpace({"some": Subset((1, 2), 0, 2), "all": Permutation((1, 2))})
        fixed = space.fixed({"some": [2], "all": [2, 1]})
        assert [*fixed.configurations()] == [{"some": [2], "all": [2, 1]}]

    @pytest.mark.parametrize(
        "values",
        [
            {"lr": "small"},
            {"lr": True},
            {"layers": 2.5},
            {"size": 17},
            {"size": "16"},
            {"some": 1},
            {"all": 1},
        ],
    )
    def test_what_no_trial_could_have_is_not_fixed(self, values: dict[str, Any]) -> None:
        space = SearchSpace(
            {
                "lr": LogUniform(1e-5, 0.1),
                "layers": RandInt(0, 3),
                "size": Choice((16, 32)),
                "some": Subset((1, 2), 0, 2),
                "all": Permutation((1, 2)),
            }
        )
        with pytest.raises(SpaceError, match="which lies outside") as refused:
            space.fixed(values)
        assert refused.value.help

    def test_a_parameter_with_another_reason_to_be_active_stays(self) -> None:
        space = optimizers().fixed({"momentum": 0.5})
        assert space.conditions["nesterov"] == (Condition("momentum", (0.5,)),)
        assert space.conditions["momentum"] == (Condition("optimizer", ("sgd",)),)

    def test_what_waits_for_something_that_is_gone_is_gone_too(self) -> None:
        space = optimizers().fixed({"optimizer": "adam"})
        assert list(space) == ["optimizer", "lr"]
        assert space.conditions == {}
        assert space.defaults == {"optimizer": "adam", "lr": 0.01}

    def test_a_nested_choice_inside_what_is_gone_is_gone_too(self) -> None:
        inner = {"_type": "choice", "_value": [{"_name": "x", "rate": UNIFORM}, {"_name": "y"}]}
        options = [{"_name": "deep", "kind": inner}, {"_name": "flat"}]
        space = SearchSpace.from_json({"net": {"_type": "choice", "_value": options}, "lr": UNIFORM})
        fixed = space.fixed({"net": "flat"})
        assert list(fixed) == ["net", "lr"]
        assert SearchSpace.from_json(fixed.to_json(), defaults={"net": "flat"}) == fixed

    def test_one_of_several_conditions_that_holds_no_more_is_enough(self) -> None:
        space = SearchSpace(
            {"a": Choice((1, 2)), "b": Choice((1, 2)), "c": Uniform(0, 1)},
            conditions={"c": [Condition("a", (1,)), Condition("b", (1,))]},
        )
        assert list(space.fixed({"a": 2})) == list(space.fixed({"b": 2})) == ["a", "b"]
        assert list(space.fixed({"a": 1, "b": 1})) == ["a", "b", "c"]
