"""Constraints: what they may say, when they hold, and that nothing is proposed that violates one."""

from __future__ import annotations

import ast
import json
import random
import time
import warnings
from collections import Counter
from importlib.util import find_spec
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo import tuners
from hpo.conditions import Condition
from hpo.constraints import Constraint
from hpo.errors import SpaceError
from hpo.expressions import NotConstantError, truth
from hpo.parameters import Choice, RandInt, Uniform
from hpo.space import SearchSpace
from hpo.trial import Trial

BATCHES = {
    "batch_size": {"_type": "choice", "_value": [16, 32, 64, 128, 256]},
    "steps": {"_type": "randint", "_value": [1, 17]},
    "lr": {"_type": "loguniform", "_value": [1e-5, 0.1]},
    "_constraints": ["batch_size * steps <= 512"],
}
# One pair of integers in three thousand, a corner of the numbers, and an option that has its own rule.
NARROW = {
    "a": {"_type": "randint", "_value": [0, 100]},
    "b": {"_type": "randint", "_value": [0, 100]},
    "x": {"_type": "uniform", "_value": [0, 1]},
    "mode": {"_type": "choice", "_value": ["free", "tied"]},
    "_constraints": ["a + b <= 1", "mode == 'free' or x < 0.1"],
}
NARROW_SPACE = SearchSpace.from_json(NARROW)
TUNERS = [
    *("Anneal", "Auto", "BOHB", "CMAES", "DNGO", "Evolution", "GP", "GridSearch", "Hyperband", "Metis"),
    *("PBT", "QMC", "Random", "TPE"),
    *(["SMAC"] if find_spec("smac") else []),
]


class TestConstraint:
    @pytest.mark.parametrize(
        ("text", "names", "holds"),
        [
            ("a * b <= 512", ("a", "b"), False),
            ("a < b < 100", ("a", "b"), True),
            ("a in (31, 32) and not b == 3", ("a", "b"), True),
            ("max(a, b) - min(a, b) == abs(a - b)", ("a", "b"), True),
            ("m.C == 'x' or m.C is None", ("m.C",), True),
            ("flag", ("flag",), False),
            ("not flag", ("flag",), True),
            ("a == 32 or 1 / (a - 32) > 0", ("a",), True),
            ("a == (31 or 32)", ("a",), False),
            ("{a, 32} == {32}", ("a",), True),
            ("(a, b) == [32, 64]", ("a", "b"), False),
            ("a % 5 == 2 and a // 5 == 6 and a ** 2 == 1024", ("a",), True),
        ],
    )
    def test_a_test_holds_or_not(self, text: str, names: tuple[str, ...], holds: bool) -> None:
        constraint = Constraint(text)
        assert constraint.names == names
        assert constraint.holds({"a": 32, "b": 64, "m.C": "x", "flag": False}) is holds

    def test_it_says_nothing_where_one_of_its_names_is_inactive(self) -> None:
        assert Constraint("a < b").holds({"a": 3})

    @pytest.mark.parametrize("text", ["1 / a < 5", "a < 'x'", "9 ** a ** a ** a > 0", "max(a) > 0"])
    def test_one_that_has_no_value_does_not_hold(self, text: str) -> None:
        assert not Constraint(text).holds({"a": 0 if "/" in text else 99})

    @pytest.mark.parametrize(
        "text",
        [
            "a +", "1 < 2", "a + b", "5", "f(a) < 3", "a.b() < 3", "__import__('os').system('x') == a",
            "a[0] < 1", "(lambda: a)() < 1", "[x for x in a] == a", "a if a else a", "f'{a}' == 'x'",
            "(a := 3) < 4", "a @ a < 1",
            "a < 3j", "a < b'x'", "max(a, key=a) < 1", "-" * 999 + "a < 1", "a < " + "9" * 3000, "a; b",
            "~a < 1", "a << 3 < 4", "", "*a < 3", "a.__class__(3).b < 3", "await a < 1", "\0",
        ],
    )  # fmt: skip
    def test_what_is_more_than_a_test_of_hyperparameters_is_refused(self, text: str) -> None:
        with pytest.raises(SpaceError) as refusal:
            Constraint(text)
        assert refusal.value.help

    @given(st.text(alphabet="ab.()+-*/<>= 'andorti%,[]0123_~@:", max_size=40))
    def test_any_text_is_a_constraint_or_refused(self, text: str) -> None:
        try:
            constraint = Constraint(text)
        except SpaceError:
            return
        assert constraint.holds(dict.fromkeys(constraint.names, 3)) in (True, False)


OPERANDS = st.recursive(
    st.sampled_from(["a", "b", "c", "0", "1", "-1", "2.5", "'x'", "None", "True", "()"]),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda items: f"({', '.join(items)},)"),
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.lists(inner, min_size=1, max_size=3).map(lambda items: f"{{{', '.join(items)}}}"),
        st.tuples(inner, st.sampled_from(["+", "*", "/", "%", "and", "or", "==", "<"]), inner).map(
            lambda parts: f"({' '.join(parts)})"
        ),
        inner.map(lambda text: f"(not {text})"),
    ),
    max_leaves=5,
)
LINKS = st.tuples(st.sampled_from(["==", "!=", "<", ">=", "in", "not in", "is", "is not"]), OPERANDS)
VALUES = st.sampled_from([0, 1, -2, 2.5, True, False, None, "x", "", "xy"])


class TestTruth:
    @given(OPERANDS, st.lists(LINKS, max_size=2), VALUES, VALUES, VALUES)
    def test_a_test_is_what_python_makes_of_it(
        self, first: str, links: list[tuple[str, str]], a: Any, b: Any, c: Any
    ) -> None:
        text = " ".join([first, *(part for link in links for part in link)])
        names = {"a": a, "b": b, "c": c}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            try:
                found = truth(ast.parse(text, mode="eval").body, names)
            except NotConstantError:
                return
            assert found is bool(eval(text, {}, names)), text


class TestSpace:
    def test_they_are_written_and_read_with_the_space(self) -> None:
        space = SearchSpace.from_json(BATCHES)
        assert space.constraints == (Constraint("batch_size * steps <= 512"),)
        assert space.to_json() == BATCHES
        assert SearchSpace.from_json(json.loads(json.dumps(space.to_json()))) == space
        assert space.beside({"more": Uniform(0, 1)}).constraints == space.constraints

    def test_a_space_without_constraints_is_written_as_ever(self) -> None:
        assert "_constraints" not in SearchSpace({"a": Uniform(0, 1)}).to_json()

    @pytest.mark.parametrize("written", [BATCHES, NARROW])
    def test_samples_pass_and_are_repeatable(self, written: dict[str, Any]) -> None:
        space = SearchSpace.from_json(written)
        samples = [space.sample(random.Random(i)) for i in range(50)]
        assert all(map(space.is_feasible, samples))
        assert samples == [space.sample(random.Random(i)) for i in range(50)]
        assert len({str(s) for s in samples}) > 10

    @given(st.lists(st.floats(0, 1, exclude_max=True), min_size=4, max_size=4))
    def test_every_point_of_the_unit_cube_leads_to_a_configuration_that_passes(
        self, point: list[float]
    ) -> None:
        NARROW_SPACE.check(NARROW_SPACE.from_unit(dict(zip(NARROW_SPACE, point, strict=True))))

    def test_a_configuration_that_passes_is_left_as_it_is(self) -> None:
        space = SearchSpace.from_json(NARROW)
        units = {"a": 0.001, "b": 0.001, "x": 0.4321, "mode": 0.2}
        assert space.from_unit(units) == {"a": 0, "b": 0, "x": 0.4321, "mode": "free"}

    def test_samples_lie_all_over_what_passes_and_not_on_its_edge(self) -> None:
        space = SearchSpace({"x": Uniform(0, 1)}, constraints=["x <= 0.5"])
        drawn = [space.sample(random.Random(i))["x"] for i in range(100)]
        assert sum(x > 0.49 for x in drawn) < 10

    def test_where_few_pass_all_of_them_are_drawn(self) -> None:
        space = SearchSpace({"a": RandInt(0, 90), "b": RandInt(0, 90)}, constraints=["a + b == 2"])
        drawn = Counter(space.sample(random.Random(i))["a"] for i in range(60))
        assert drawn.keys() == {0, 1, 2}
        assert min(drawn.values()) > 10
        assert list(space.configurations()) == [{"a": 0, "b": 2}, {"a": 1, "b": 1}, {"a": 2, "b": 0}]

    def test_one_that_is_inactive_constrains_nothing(self) -> None:
        space = SearchSpace(
            {"mode": Choice(("sum", "free")), "a": RandInt(0, 5), "b": RandInt(0, 5)},
            conditions={"b": [Condition("mode", ("sum",))]},
            constraints=["a < b"],
        )
        assert {c["a"] for c in space.configurations() if c["mode"] == "free"} == {0, 1, 2, 3, 4}
        assert all(c["a"] < c["b"] for c in space.configurations() if c["mode"] == "sum")
        for i in range(30):
            space.check(space.sample(random.Random(i)))

    @pytest.mark.parametrize(("limit", "start"), [(0.25, 1.0), (0.25, 0.255), (0.02, 1.0)])
    def test_a_point_beyond_a_limit_comes_to_that_limit(self, limit: float, start: float) -> None:
        space = SearchSpace(
            {"x": Uniform(0, 1), "y": Uniform(0, 1)},
            defaults={"x": 0.0, "y": 0.0},
            constraints=[f"x <= {limit}"],
        )
        found = space.from_unit({"x": start, "y": 0.7})
        assert limit - 0.001 < found["x"] <= limit
        assert found["y"] == 0.7

    def test_a_configuration_that_violates_one_is_brought_near(self) -> None:
        space = SearchSpace(
            {"x": Uniform(0, 1), "y": Uniform(0, 1)},
            defaults={"x": 0.0, "y": 0.0},
            constraints=["x <= 0.25"],
        )
        assert space.feasible({"x": 0.2, "y": 0.7}) == {"x": 0.2, "y": 0.7}
        assert space.feasible({"x": 0.9, "y": 0.7}) == {"x": pytest.approx(0.25, abs=0.001), "y": 0.7}
        assert space.feasible({"x": 0.9, "y": 7, "z": 1}) == {"x": pytest.approx(0.25, abs=0.001), "y": 0.5}

    def test_the_values_of_the_source_show_that_one_can_be_met(self) -> None:
        parameters = {"x": Uniform(0, 1), "y": Uniform(0, 1)}
        space = SearchSpace(parameters, defaults={"x": 0.3, "y": 0.7}, constraints=["x == 0.3"])
        assert space.sample(random.Random(0))["x"] == 0.3
        with pytest.raises(SpaceError, match="none of 10000"):
            SearchSpace(parameters, defaults={"y": 0.7}, constraints=["x == 0.3"])

    def test_one_on_a_conditional_parameter_is_met_wherever_the_search_begins(self) -> None:
        space = SearchSpace(
            {"x": Uniform(0, 1), "mode": Choice(("a", "b", "c"))},
            conditions={"x": [Condition("mode", ("a", "b"))]},
            constraints=["x > 0.99"],
        )
        for mode in (0.1, 0.5, 0.9):
            space.check(space.from_unit({"x": 0.2, "mode": mode}))

    def test_a_walk_ends_after_many_failures_in_a_row(self) -> None:
        space = SearchSpace(
            {"n": Uniform(0, 30_000)}, defaults={"n": 0}, constraints=["n in (0, 9000, 18000, 29000)"]
        )
        assert list(space.configurations(lambda _: range(30_000))) == [{"n": 0}, {"n": 9000}, {"n": 18000}]

    def test_a_violating_configuration_is_refused_with_its_values(self) -> None:
        space = SearchSpace.from_json(BATCHES)
        with pytest.raises(
            SpaceError, match=r"batch_size = 256, steps = 16 violates the constraint batch_size \*"
        ):
            space.check({"batch_size": 256, "steps": 16, "lr": 0.01})

    def test_that_nothing_passes_is_found_by_drawing_what_the_constraint_speaks_of_alone(self) -> None:
        drawn: list[str] = []

        class Watched(Uniform):
            def from_unit(self, unit: float) -> float:
                drawn.append("another")
                return super().from_unit(unit)

        parameters = {"x": Uniform(0, 1), "y": Watched(0, 1)}
        with pytest.raises(SpaceError, match="none of 10000"):
            SearchSpace(parameters, constraints=["x > 2"])
        assert not drawn

    @pytest.mark.parametrize(
        ("constraints", "message", "path"),
        [
            (["batchsize < 3"], "speaks of batchsize, which is no parameter", ("_constraints", 0)),
            (["lr > 0", "zzz < 3"], "speaks of zzz, which is no parameter", ("_constraints", 1)),
            (["lr > 0", "lr <"], "does not parse", ("_constraints", 1)),
            ([3], "a constraint is a test", ("_constraints", 0)),
            ("lr < 1", "is a list of tests", ("_constraints",)),
            (["lr > 1"], "none of 10000 configurations satisfies lr > 1", ("_constraints",)),
            (["lr > 'x'"], "none of 10000 configurations satisfies", ("_constraints",)),
        ],
    )
    def test_mistakes_are_said_at_their_place(
        self, constraints: Any, message: str, path: tuple[Any, ...]
    ) -> None:
        with pytest.raises(SpaceError, match=message) as refusal:
            SearchSpace.from_json({**BATCHES, "_constraints": constraints})
        assert refusal.value.path == path
        assert refusal.value.help

    def test_a_close_name_is_suggested(self) -> None:
        with pytest.raises(SpaceError) as refusal:
            SearchSpace.from_json({**BATCHES, "_constraints": ["batchsize < 3"]})
        assert refusal.value.help == "did you mean batch_size?"

    def test_a_small_space_that_nothing_passes_is_known_for_sure(self) -> None:
        with pytest.raises(SpaceError, match="no configuration satisfies a > b and b > a"):
            SearchSpace({"a": RandInt(0, 9), "b": RandInt(0, 9)}, constraints=["a > b", "b > a"])


class TestTuners:
    @pytest.mark.parametrize("name", TUNERS)
    @pytest.mark.parametrize("written", [BATCHES, NARROW], ids=["batches", "narrow"])
    def test_no_tuner_proposes_what_violates_one(self, name: str, written: dict[str, Any]) -> None:
        space = SearchSpace.from_json(written)
        tuner, again = (tuners.create(name, space, direction="minimize", seed=1) for _ in range(2))
        for _ in range(25):
            trial = tuner.ask()
            if trial is None:
                break
            space.check(trial.parameters)
            same = again.ask()
            assert same is not None
            assert same.parameters == trial.parameters
            value = float(trial.parameters.get("lr", trial.parameters.get("x", 0)))
            for each, asked in ((tuner, trial), (again, same)):
                each.tell(Trial(asked.number, asked.parameters, memo=asked.memo), value)
        assert len(tuner.trials) == 25

    @pytest.mark.parametrize("name", TUNERS)
    def test_a_small_space_is_exhausted_before_anything_repeats(self, name: str) -> None:
        space = SearchSpace({"a": RandInt(0, 60), "b": RandInt(0, 60)}, constraints=["a + b == 5"])
        tuner = tuners.create(name, space, seed=3)
        proposed = [tuner.ask() for _ in range(6)]
        assert len({str(t.parameters) for t in proposed if t is not None}) == 6

    def test_a_grid_leaves_out_what_violates_one_and_ends(self) -> None:
        space = SearchSpace({"a": RandInt(0, 9), "b": RandInt(0, 9)}, constraints=["a * b == 12"])
        tuner = tuners.create("GridSearch", space)
        points = [trial.parameters for trial in iter(tuner.ask, None)]
        assert points == [{"a": a, "b": 12 // a} for a in (2, 3, 4, 6)]
        assert tuner.done

    def test_a_grid_that_meets_no_constraint_ends(self) -> None:
        space = SearchSpace(
            {"x": Uniform(0, 1), "y": Uniform(0, 1)}, defaults={"x": 0.3, "y": 0.7}, constraints=["x == 0.3"]
        )
        begin = time.monotonic()
        assert tuners.create("GridSearch", space).ask() is None
        assert time.monotonic() - begin < 20

    def test_a_batch_leaves_out_what_violates_one(self) -> None:
        space = SearchSpace({"n": Choice((1, 5, 2))}, constraints=["n < 3"])
        tuner = tuners.create("Batch", space)
        assert [trial.parameters for trial in iter(tuner.ask, None)] == [{"n": 1}, {"n": 2}]
