"""Importance, beside functions whose variance is known part by part."""

from __future__ import annotations

import dataclasses
import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from records import MIXED, UNIFORM, record, sampled, trial

from hpo.importance import fanova, ped_anova
from hpo.importance.forest import grow

CUBE = {f"x{i}": UNIFORM for i in range(5)}
BRANCHED = {
    "kind": {"_type": "choice", "_value": ["none", "one", "both"]},
    "one": {**UNIFORM, "_when": {"kind": ["one", "both"]}},
    "both": {**UNIFORM, "_when": {"kind": ["both"]}},
    "idle": UNIFORM,
}


def branched(p):
    value = {"none": 0.0, "one": 1.0, "both": 0.5}[p["kind"]]
    return value + 1.5 * (p.get("one", 0.5) - 0.5) + 2.5 * (p.get("both", 0.5) - 0.5)


class TestFanova:
    def test_a_sum_is_shared_as_the_variances_of_its_terms(self):
        shares = fanova(sampled(CUBE, lambda p: 3 * p["x0"] + 2 * p["x1"] + p["x2"], 600))
        assert shares == pytest.approx({"x0": 9 / 14, "x1": 4 / 14, "x2": 1 / 14, "x3": 0, "x4": 0}, abs=0.05)

    def test_ishigamis_function_leaves_a_quarter_to_an_interaction(self):
        def ishigami(p):
            a, b, c = (math.pi * (2 * p[name] - 1) for name in ("x0", "x1", "x2"))
            return math.sin(a) + 7 * math.sin(b) ** 2 + 0.1 * c**4 * math.sin(a)

        shares = fanova(sampled(dict.fromkeys(("x0", "x1", "x2"), UNIFORM), ishigami, 2000))
        assert shares == pytest.approx({"x0": 0.314, "x1": 0.442, "x2": 0.0}, abs=0.06)
        assert 1 - sum(shares.values()) == pytest.approx(0.244, abs=0.1)

    def test_a_conditional_parameter_counts_as_often_as_it_is_active(self):
        kind = np.var([0, 1, 0.5])
        one, both = 2 / 3 * 1.5**2 / 12, 1 / 3 * 2.5**2 / 12
        total = kind + one + both
        expected = {"kind": kind / total, "one": one / total, "both": both / total, "idle": 0}
        assert fanova(sampled(BRANCHED, branched, 900)) == pytest.approx(expected, abs=0.05)

    def test_the_scale_of_a_domain_is_its_prior(self):
        space = {
            "log": {"_type": "loguniform", "_value": [1e-4, 1]},
            "normal": {"_type": "normal", "_value": [5, 2]},
            "steps": {"_type": "quniform", "_value": [0, 10, 2.5]},
            "choice": {"_type": "choice", "_value": [1, True, "1", None]},
        }

        def result(p):  # each term has a variance of 1
            choices = [1, True, "1", None]
            position = next(
                i
                for i, c in enumerate(choices)
                if c is p["choice"] or (c, type(c)) == (p["choice"], type(p["choice"]))
            )
            return (
                (math.log10(p["log"]) + 2) / math.sqrt(16 / 12)
                + (p["normal"] - 5) / 2
                + p["steps"] / 2.5 / math.sqrt(1.5)
                + [1, -1, 1, -1][position]
            )

        shares = fanova(sampled(space, result, 1500))
        assert all(share == pytest.approx(0.25, abs=0.06) for share in shares.values()), shares

    def test_a_few_results_beyond_all_measure_do_not_hide_the_rest(self):
        def result(p):
            return -1e12 if 0.5 < p["x1"] < 0.51 else p["x0"]

        shares = fanova(sampled(CUBE, result, 400))
        assert shares["x0"] > 0.5

    def test_it_is_the_same_for_the_same_seed_and_for_either_direction(self):
        one = sampled(CUBE, lambda p: p["x0"] ** 2 + p["x1"], 60)
        mirrored = dataclasses.replace(
            one,
            direction="minimize",
            trials=[t._replace(value=-t.value) for t in one.trials],
        )
        again = dataclasses.replace(one)
        assert fanova(one, seed=3) == fanova(again, seed=3) == fanova(mirrored, seed=3)
        assert fanova(one, seed=3) != fanova(one, seed=4)

    def test_trials_of_one_budget_are_compared(self):
        rng = random.Random(0)
        trials = [
            trial(
                i,
                {"x": (x := rng.random()), "y": rng.random()},
                x + 100 * (i % 3),
                memo={"budget": 1 + i % 3},
            )
            for i in range(120)
        ]
        assert fanova(record(trials, {"x": UNIFORM, "y": UNIFORM}))["x"] > 0.9


class TestPedAnova:
    def test_what_the_best_have_in_common_stands_out(self):
        shares = ped_anova(sampled(CUBE, lambda p: -abs(p["x3"] - 0.3) - 0.1 * p["x1"], 500))
        assert max(shares, key=shares.__getitem__) == "x3"
        assert shares["x3"] > 0.8

    def test_near_the_top_other_parameters_matter_than_all_over(self):
        def cliff(p):  # x0 decides what is good at all, and of the good ones x1 decides
            return (10 if p["x0"] > 0.05 else 0) + p["x1"]

        of = sampled(CUBE, cliff, 800)
        assert max(fanova(of).items(), key=lambda item: item[1])[0] == "x0"
        assert max(ped_anova(of).items(), key=lambda item: item[1])[0] == "x1"

    def test_a_conditional_parameter_is_judged_where_it_is_active(self):
        shares = ped_anova(sampled(BRANCHED, branched, 900))
        assert shares["idle"] < 0.05
        assert shares["both"] > 0.1

    def test_options_without_order_are_told_apart(self):
        space = {"kind": {"_type": "choice", "_value": list("abcdef")}, "x": UNIFORM}
        shares = ped_anova(sampled(space, lambda p: float(p["kind"] == "d") + 0.01 * p["x"], 300))
        assert shares["kind"] > 0.6


class TestBoth:
    @pytest.mark.parametrize("judge", [fanova, ped_anova])
    @pytest.mark.parametrize("count", [0, 1, 2, 5])
    def test_few_trials_are_no_mistake(self, judge, count):
        shares = judge(sampled(MIXED, lambda p: p["lr"], count))
        assert set(shares) == set(MIXED)
        assert all(0 <= share <= 1 for share in shares.values())

    @pytest.mark.parametrize("judge", [fanova, ped_anova])
    def test_equal_results_say_nothing(self, judge):
        shares = judge(sampled(CUBE, lambda _: 1.0, 50)).values()
        assert sum(shares) == pytest.approx(0 if judge is fanova else sum(shares))

    @pytest.mark.parametrize("judge", [fanova, ped_anova])
    def test_values_outside_the_space_and_missing_ones_are_passed_over(self, judge):
        good = sampled(MIXED, lambda p: math.log(p["lr"]), 40)
        strange = [
            trial(100, {"lr": "code()", "layers": 2, "optimizer": "adam", "width": 0.0}, 3.0),
            trial(101, {"layers": 2}, 1.0),
            trial(102, {"lr": 5.0, "layers": 99, "optimizer": "lion", "width": 0.0, "gone": 1}, 1.0),
        ]
        shares = judge(record([*good.trials, *strange]))
        assert max(shares, key=shares.__getitem__) == "lr"

    @given(st.lists(st.floats(-1e6, 1e6), min_size=0, max_size=40), st.integers(0, 3))
    @settings(max_examples=40)
    def test_shares_lie_between_0_and_1_and_do_not_exceed_the_whole(self, results, seed):
        rng = random.Random(seed)
        of = sampled(MIXED, lambda _: results[rng.randrange(len(results))], len(results))
        for shares in (fanova(of, seed=seed), ped_anova(of)):
            assert all(0 <= share <= 1 for share in shares.values())
            assert sum(shares.values()) <= 1 + 1e-9


class TestTheForest:
    @given(st.integers(0, 1000))
    @settings(max_examples=30)
    def test_the_leaves_of_every_tree_part_the_cube(self, seed):
        rng = np.random.default_rng(seed)
        sizes = np.array([4, 3, 5])
        bins = rng.integers(0, sizes, (40, 3))
        active = np.ones_like(bins, dtype=bool)
        forest = grow(bins, active, rng.random(40), sizes, trees=9, least=2, rng=rng)
        cells = np.stack(np.meshgrid(*map(np.arange, sizes), indexing="ij"), axis=-1).reshape(-1, 3)
        for tree in range(9):
            leaves = forest.tree == tree
            inside = (forest.low[leaves][:, None] <= cells) & (cells < forest.high[leaves][:, None])
            assert (inside.all(axis=2).sum(axis=0) == 1).all()

    def test_no_node_is_split_by_a_value_that_some_of_its_points_lack(self):
        rng = np.random.default_rng(0)
        bins = rng.integers(0, 8, (200, 2))
        bins[:, 0] = np.arange(200) % 2
        active = np.ones_like(bins, dtype=bool)
        active[bins[:, 0] == 0, 1] = False
        forest = grow(bins, active, bins[:, 1].astype(float), np.array([2, 8]), trees=8, least=3, rng=rng)
        without = forest.low[:, 0] == 0  # boxes that hold points without the second value
        assert (forest.low[without, 1] == 0).all()
        assert (forest.high[without, 1] == 8).all()
        assert (forest.high[~without, 1] - forest.low[~without, 1] == 1).all()
