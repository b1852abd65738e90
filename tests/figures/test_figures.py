"""The figures: what they show of a record, whatever the user called things and however little there is."""

from __future__ import annotations

import itertools
import json
import math
import random

import numpy as np
import pytest
from records import CONFIG, MIXED, record, sampled, trial

from hpo import figures
from hpo.experiment.record import Record, fence
from hpo.figures.scales import Scale, result_range
from hpo.figures.theme import PALETTE, STATES, label
from hpo.objectives import Objectives
from hpo.runtime.store import Store
from hpo.trial import Metric, Trial, TrialState

# How colours are seen without one kind of cone: G. Machado, M. Oliveira and L. Fernandes, "A
# Physiologically-based Model for Simulation of Color Vision Deficiency", 2009, severity 1.
EYES = {
    "all": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "no long": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "no middle": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "no short": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
HOSTILE = '<img src=x onerror="alert(1)"> %{x} <b>&amp;'


def score(p):
    return -abs(math.log10(p["lr"]) + 3) + 0.1 * p["layers"]


def rich(count: int = 40) -> Record:
    """Return a record of which every figure has something to show."""
    of = sampled(MIXED, score, count)
    trials = [
        trial(
            t.number,
            t.parameters,
            t.value,
            memo={"generation": t.number // 8, "budget": 1 + t.number // 8}
            | ({"continues": t.number - 8} if t.number >= 8 else {}),
            device=[t.number % 2],
        )
        for t in of.trials
    ]
    trials.append(trial(count, {"lr": 0.01}, detail="ValueError"))
    trials.append(trial(count + 1, {"lr": 0.02}, state=TrialState.EARLY_STOPPED, failure=None))
    curves = {t.number: [Metric(s, s / 10) for s in range(4)] for t in trials}
    return record(trials, intermediate=curves)


def several(count: int = 12) -> Record:
    """Return a record of two objectives, of which some results miss a constraint."""
    wanted = Objectives(["acc:max", "cost:min"], ["cost<=0.9"])
    trials = [
        trial(n, {"lr": 0.01 * (n + 1)}, n / count, data={"acc": n / count, "cost": (7 * n % count) / count})
        for n in range(count)
    ]
    return record(trials, objectives=wanted)


def texts(figure) -> str:
    return json.dumps(json.loads(figure.to_json()), ensure_ascii=False)


def trace(figure, name):
    return next(t for t in figure.data if t.name == name)


class TestFront:
    def test_it_shows_what_none_dominates_what_is_dominated_and_what_misses_a_constraint(self):
        of = several()
        figure = figures.front(of)
        shown = {t.name: set(t.customdata) for t in figure.data}
        assert shown["front"] == {row.number for row in of.front}
        assert shown["misses a constraint"] == {t.number for t in of.trials if t.data["cost"] > 0.9}
        assert set.union(*shown.values()) == {t.number for t in of.trials}
        assert list(trace(figure, "front").x) == sorted(trace(figure, "front").x)

    def test_any_parts_of_the_results_can_be_its_axes(self):
        figure = figures.front(several(), x="cost", y="acc")
        assert figure.layout.xaxis.title.text == "cost (lower is better)"
        assert figures.front(rich()).layout.annotations[0].text.startswith("There is one objective")


class TestEveryFigure:
    @pytest.mark.parametrize("name", figures.KINDS)
    def test_it_has_something_to_show_of_a_rich_record(self, name):
        of = several() if name == "front" else rich()
        assert name in figures.telling(of)
        figure = figures.KINDS[name](of)
        assert figure.data
        assert figure.layout.title.text

    @pytest.mark.parametrize("name", figures.KINDS)
    @pytest.mark.parametrize(
        "poor",
        [
            record([]),
            record([trial(0, {"lr": 0.01})]),
            record([trial(0, {"lr": 0.01}, 1.0)]),
            record([trial(0, {}, 1.0), trial(1, {}, 1.0)], {}),
            record([trial(0, {"lr": 0.01}, state=TrialState.RUNNING, failure=None, ended=None)]),
            record([trial(0, {}, state=TrialState.WAITING, failure=None, started=None, ended=None)]),
        ],
        ids=["no trials", "no success", "one success", "no parameters", "running", "waiting"],
    )
    def test_it_is_drawn_of_a_poor_record_too(self, name, poor):
        assert figures.KINDS[name](poor).to_json()

    def test_budgets_are_no_figure_before_one_of_them_led_to_a_result(self):
        memo = {"budget": 1, "generation": 0}
        first = trial(1, {"lr": 0.1}, state=TrialState.RUNNING, failure=None, ended=None, memo=memo)
        begun = record([trial(0, {"lr": 0.01}, 1.0), first])
        assert figures.telling(begun) == ["history", "timeline"]
        assert all(figures.KINDS[name](begun).data for name in figures.telling(begun))
        assert "No trial with a budget has a result yet." in figures.rungs(begun).to_json()

    @pytest.mark.parametrize("name", figures.KINDS)
    def test_names_and_options_are_never_markup(self, name):
        space = {
            HOSTILE: {"_type": "choice", "_value": [f"<script>{i}</script>{HOSTILE}" for i in range(3)]},
            "x": {"_type": "uniform", "_value": [0, 1]},
        }
        of = sampled(space, lambda p: p["x"], 20, name=HOSTILE)
        failed = trial(20, {"x": 0.5, HOSTILE: 1}, detail=HOSTILE)
        figure = figures.KINDS[name](record([*of.trials, failed], space, name=HOSTILE))
        for trace_ in figure.data:
            if trace_.type == "parcoords":  # writes its ticks as they are, and reads its labels
                trace_.dimensions = [{"label": d.label} for d in trace_.dimensions]
        assert "<img" not in texts(figure)
        assert "<script" not in texts(figure)

    @pytest.mark.parametrize("name", figures.KINDS)
    def test_light_and_dark_differ_in_the_template_alone(self, name):
        light = json.loads(figures.themed(figures.KINDS[name](rich()), "light").to_json())
        dark = json.loads(figures.themed(figures.KINDS[name](rich()), "dark").to_json())
        assert light["layout"].pop("template") != dark["layout"].pop("template")
        assert light == dark

    def test_the_template_of_a_figure_is_left_alone_by_another_theme(self):
        figure = figures.history(rich())
        before = figure.to_json()
        figures.themed(figure, "dark")
        assert figure.to_json() == before

    @pytest.mark.parametrize("name", sorted(set(figures.KINDS) - {"importance", "items", "parallel"}))
    def test_points_know_their_trials(self, name):
        of = several() if name == "front" else rich()
        numbers = {t.number for t in of.trials}
        marked = [t for t in figures.KINDS[name](of).data if t.customdata is not None]
        if name != "edf":
            assert marked
        for each in marked:
            assert len(each.customdata) == len(each.x)
            assert set(each.customdata) <= numbers


class TestHistory:
    def test_the_line_is_the_best_so_far_and_goes_on_to_the_last_trial(self):
        of = record([trial(i, {"lr": 0.1}, v) for i, v in enumerate([1.0, 3.0, 2.0, 5.0, 4.0])])
        line = trace(figures.history(of), "best so far")
        assert list(zip(line.x, line.y, strict=True)) == [(0, 1.0), (1, 3.0), (3, 5.0), (4, 5.0)]

    def test_smaller_is_better_where_results_are_minimised(self):
        of = record([trial(i, {}, v) for i, v in enumerate([3.0, 4.0, 1.0])], direction="minimize")
        assert list(trace(figures.history(of), "best so far").y) == [3.0, 1.0, 1.0]

    def test_of_many_trials_the_best_are_all_drawn(self):
        rng = random.Random(0)
        of = record([trial(i, {"lr": 0.1}, rng.random()) for i in range(5000)])
        points = trace(figures.history(of), "trial")
        assert len(points.x) == 1500
        best = sorted(of.trials, key=lambda t: -t.value)[:150]
        assert {t.number for t in best} <= set(points.customdata)

    def test_a_trial_that_diverged_does_not_set_the_axis(self):
        of = record(
            [trial(i, {}, 1 + i / 100) for i in range(50)] + [trial(50, {}, 1e30)], direction="minimize"
        )
        assert figures.history(of).layout.yaxis.range[1] < 5

    def test_two_experiments_of_one_name_are_told_apart_by_id(self):
        one, two = (record([trial(0, {}, 1.0)], id=name) for name in ("bcd", "fgh"))
        assert [t.name for t in figures.compare([one, two]).data] == ["digits bcd", "digits fgh"]

    def test_experiments_are_compared_by_time_in_a_fitting_unit(self):
        of = record([trial(i, {}, float(i), started=60.0 * i, ended=60.0 * i + 30) for i in range(10)])
        figure = figures.compare([of], by="time")
        assert "minutes" in figure.layout.xaxis.title.text
        assert max(figure.data[0].x) == pytest.approx(9.5)


class TestDistribution:
    def test_it_ends_with_all_trials(self):
        line = figures.edf(sampled(MIXED, score, 30)).data[0]
        assert line.y[-1] == 1.0
        assert list(line.x) == sorted(line.x)

    def test_results_of_different_budgets_are_not_mixed(self):
        trials = [trial(i, {"lr": 0.1}, 100.0 * (i % 2) + i, memo={"budget": 1 + i % 2}) for i in range(40)]
        assert min(figures.edf(record(trials)).data[0].x) > 100


class TestParameters:
    def test_numbers_lie_on_their_scale_and_options_at_their_places(self):
        of = sampled(MIXED, score, 30)
        assert Scale.of(of, "lr").is_log
        assert not Scale.of(of, "layers").options
        assert list(Scale.of(of, "optimizer").positions(["sgd", "adam", "lion"])[:2]) == [1, 0]
        assert Scale.of(of, "layers").ends(np.array([])) == (1, 5)

    def test_values_that_the_domain_never_had_get_places_after_the_others(self):
        of = record([trial(0, {"optimizer": "lion"}, 1.0), trial(1, {"gone": "a"}, 2.0)])
        assert Scale.of(of, "optimizer").options == ["adam", "sgd", "lion"]
        assert Scale.of(of, "gone").options == ["a"]

    def test_a_logarithm_is_not_taken_of_what_has_none(self):
        of = record([trial(0, {"lr": 0.0}, 1.0), trial(1, {"lr": 0.1}, 2.0)])
        assert not Scale.of(of, "lr").is_log

    def test_a_slice_leaves_out_the_trials_in_which_the_parameter_was_inactive(self):
        of = sampled(MIXED, score, 40)
        points = figures.slices(of, ["momentum"]).data[0]
        assert set(points.customdata) == {t.number for t in of.trials if "momentum" in t.parameters}

    def test_parallel_lines_run_along_the_foot_where_a_parameter_was_inactive(self):
        of = sampled(MIXED, score, 40)
        plot = figures.parallel(of).data[0]
        axis = next(d for d in plot.dimensions if d.label == "momentum")
        assert axis.ticktext[0] == "inactive"
        inactive = sum("momentum" not in t.parameters for t in of.trials)
        assert sum(v == axis.tickvals[0] for v in axis["values"]) == inactive

    def test_a_contour_is_drawn_of_the_two_that_matter_most(self):
        figure = figures.contour(sampled(MIXED, score, 80))
        assert {figure.layout.xaxis.title.text, figure.layout.yaxis.title.text} == {"lr", "layers"}
        assert figures.contour(sampled(MIXED, score, 80), y="width").layout.yaxis.title.text == "width"

    def test_the_surface_is_near_the_results_where_there_are_trials(self):
        space = {name: {"_type": "uniform", "_value": [0, 1]} for name in "xy"}
        surface = figures.contour(sampled(space, lambda p: p["x"], 400), "x", "y").data[0]
        assert np.nanmax(np.abs(np.array(surface.z) - np.array(surface.x)[None, :])) < 0.2

    def test_importances_are_written_beside_their_bars(self):
        bars = figures.importance(sampled(MIXED, score, 60)).data
        assert [b.text[-1].endswith("%") for b in bars] == [True, True]


class TestSchedule:
    def test_trials_that_overlap_lie_in_different_rows(self):
        rng = random.Random(1)
        times = sorted((s := rng.uniform(0, 100), s + rng.uniform(1, 9)) for _ in range(80))
        of = record([trial(i, {}, 1.0, started=a, ended=b) for i, (a, b) in enumerate(times)])
        bars = figures.timeline(of).data[0]
        size = 1.0
        spans = [(y, base, base + x) for y, base, x in zip(bars.y, bars.base, bars.x, strict=True)]
        for (row, _, end), (other, start, _) in itertools.pairwise(sorted(spans)):
            assert row != other or end <= start + 1e-9 * size

    def test_devices_have_rows_of_their_own(self):
        of = record([trial(i, {}, 1.0, started=0.0, ended=5.0, device=[i // 2]) for i in range(4)])
        assert list(figures.timeline(of).layout.yaxis.ticktext) == [
            "GPU 0",
            "GPU 0 · 1",
            "GPU 1",
            "GPU 1 · 1",
        ]

    def test_nodes_of_a_cluster_have_rows_of_their_own(self):
        of = record([trial(i, {}, 1.0, started=0.0, ended=5.0, node="ab"[i // 2]) for i in range(4)])
        assert list(figures.timeline(of).layout.yaxis.ticktext) == ["a", "a · 1", "b", "b · 1"]

    def test_where_all_results_are_the_same_nothing_is_important(self):
        of = sampled(MIXED, lambda _: 0.5, 12)
        (note,) = figures.importance(of).layout.annotations
        assert "All results are the same" in note.text

    def test_of_very_many_failures_the_last_are_shown_too_and_all_are_counted(self):
        trials = [trial(i, {"lr": 1e-3}, None if i % 2 else 0.5) for i in range(5000)]
        failed = trace(figures.history(record(trials)), "failed (2500)")
        assert len(failed.x) <= 300
        assert failed.x[-1] > 4900

    def test_of_very_many_trials_rungs_show_whole_families(self):
        trials = [
            trial(
                i,
                {"lr": 1e-3},
                i / 9000,
                memo={"budget": 1 + i % 3} | ({"continues": i - 1} if i % 3 else {}),
            )
            for i in range(9000)
        ]
        figure = figures.rungs(record(trials))
        shown = {number for each in figure.data if each.customdata is not None for number in each.customdata}
        assert len(shown) <= 3003
        assert 8999 in shown
        assert all({number // 3 * 3 + i for i in range(3)} <= shown for number in shown)
        assert "3,003 of 9,000 trials" in figure.layout.xaxis.title.text

    def test_rungs_tell_who_went_on(self):
        trials = [trial(i, {}, float(i), memo={"budget": 1}) for i in range(3)]
        trials.append(trial(3, {}, 9.0, memo={"budget": 3, "continues": 2}))
        figure = figures.rungs(record(trials))
        assert list(trace(figure, "went on").customdata) == [2]
        assert list(trace(figure, "went no further").customdata) == [0, 1]
        assert list(trace(figure, "ran to the end").customdata) == [3]

    def test_without_budgets_they_show_who_was_stopped_early(self):
        trials = [trial(0, {}, 1.0), trial(1, {}, state=TrialState.EARLY_STOPPED, failure=None)]
        of = record(trials, intermediate={0: [Metric(i, 0.1 * i) for i in range(9)], 1: [Metric(0, 0.0)]})
        figure = figures.rungs(of)
        assert list(trace(figure, "went no further").x) == [1]
        assert list(trace(figure, "ran to the end").x) == [9]

    def test_the_line_of_the_best_goes_back_to_the_first_generation(self):
        memos = [
            {"generation": 0},
            {"generation": 0},
            {"generation": 1, "continues": 0},
            {"generation": 1, "continues": 0},
            {"generation": 2, "continues": 3},
        ]
        of = record([trial(i, {"lr": 0.1 * i}, float(i), memo=m) for i, m in enumerate(memos)])
        line = trace(figures.lineage(of), "the best one's line")
        assert [x for x in line.x if x is not None] == [1, 2, 0, 1]


class TestScales:
    @pytest.mark.parametrize("direction", ["maximize", "minimize"])
    def test_the_range_of_results_always_has_the_best(self, direction):
        rng = random.Random(0)
        for _ in range(50):
            values = [rng.lognormvariate(0, 3) for _ in range(rng.randrange(1, 30))]
            low, high = result_range(values, direction)
            assert low < high
            assert low <= (max(values) if direction == "maximize" else min(values)) <= high

    def test_a_fence_stands_where_the_ordinary_ends(self):
        assert fence([*range(10)], 3) == 24
        assert fence([1.0, 1.0, 1.0], 3) == float("inf")
        assert fence([], 3) == float("inf")

    def test_labels_are_short_of_one_line_and_no_markup(self):
        assert label("a\n<b>\tc\u202e") == "a &lt;b&gt; c\ufffd"
        assert len(label("x" * 500, 40)) == 40
        assert label(0.1 + 0.2) == "0.3"
        assert label(None) == "None"


class TestColours:
    """W3C's contrast of 3 on both backgrounds, and, seen without one kind of cone, no two alike."""

    @staticmethod
    def linear(colour):
        channel = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        return np.where(channel <= 0.04045, channel / 12.92, ((channel + 0.055) / 1.055) ** 2.4)

    @classmethod
    def contrast(cls, one, other):
        dark, light = sorted(cls.linear(c) @ [0.2126, 0.7152, 0.0722] for c in (one, other))
        return (light + 0.05) / (dark + 0.05)

    @staticmethod
    def lab(rgb):
        to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
        f = np.cbrt(to_xyz @ np.clip(rgb, 0, 1) / [0.9505, 1, 1.089])
        return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])

    @pytest.mark.parametrize("theme", ["light", "dark"])
    def test_they_stand_out_from_the_background(self, theme):
        paper = figures.TEMPLATES[theme].layout.paper_bgcolor
        for colour in {*PALETTE, *(s.colour for s in STATES.values())}:
            assert self.contrast(colour, paper) >= 3, colour

    @pytest.mark.parametrize("eye", EYES)
    def test_no_two_of_the_palette_look_alike(self, eye):
        for one, other in itertools.combinations(PALETTE, 2):
            seen = [self.lab(np.array(EYES[eye]) @ self.linear(c)) for c in (one, other)]
            assert np.linalg.norm(seen[0] - seen[1]) > 15, (one, other)

    def test_states_are_told_apart_without_colour(self):
        symbols = [look.symbol for look in STATES.values()]
        assert len(set(symbols)) == len(symbols)


class TestTheRecord:
    def test_it_is_one_read_of_the_store(self, tmp_path):
        folder = tmp_path / "bcdfghjk"
        folder.mkdir()
        store = Store.create(
            folder,
            id="bcdfghjk",
            name="n",
            direction="minimize",
            config=CONFIG,
            space=MIXED,
            defaults={"lr": 0.1},
        )
        with store.transaction():
            for number, value in enumerate([3.0, 1.0, 2.0]):
                done = Trial(number, {"lr": 0.01}, state=TrialState.SUCCEEDED, value=value)
                store.add_trial(done, "baseline" if number == 0 else "tuner")
                store.end_trial(done, told=number, duration=1.0, detail=None)
        store.set_status("done")
        store.close()
        of = Record.read(folder)
        assert (of.id, of.name, of.status, of.direction) == ("bcdfghjk", "n", "done", "minimize")
        assert of.best is not None
        assert of.best.number == 1
        assert of.baseline is not None
        assert of.baseline.number == 0
        assert of.space.defaults == {"lr": 0.1}

    def test_the_budget_to_compare_is_the_largest_that_enough_trials_had(self):
        budgets = [1] * 40 + [3] * 30 + [9] * 3
        trials = [trial(i, {"lr": 0.1}, 1.0, memo={"budget": b}) for i, b in enumerate(budgets)]
        assert record(trials).budget == 3
        assert record(trials[-3:]).budget == 9
        assert record([trial(0, {}, 1.0)]).budget is None


class TestWhereNothingSucceeded:
    def test_a_front_says_so(self) -> None:
        wanted = Objectives(["acc:max", "cost:min"], [])
        failed = record([trial(0, {"lr": 0.1})], objectives=wanted)
        assert figures.front(failed).layout.annotations[0].text == "No trial has succeeded yet."

    def test_results_have_a_range_all_the_same(self) -> None:
        assert result_range([None, None], "maximize") == (0.0, 1.0)

    def test_an_axis_of_one_value_has_room_on_both_sides(self) -> None:
        space = {"x": {"_type": "normal", "_value": [0, 1]}, "y": {"_type": "lognormal", "_value": [0, 1]}}
        one = record([trial(0, {"x": 3.0, "y": 2.0})], space)
        assert Scale.of(one, "x").ends(np.array([3.0])) == (2.5, 3.5)
        assert Scale.of(one, "y").ends(np.array([2.0])) == (1.0, 4.0)
