"""What the page shows, from a store and without a server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hpo.dashboard import views
from hpo.errors import UsageError
from hpo.experiment.documents import open_store
from hpo.experiment.record import Record
from hpo.runtime.selection import Selection
from hpo.runtime.store import Store

Make = Callable[..., Path]


def shown(directory: Path, view: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    with open_store(directory) as store:
        return view(store, *arguments, **options)


def numbers(directory: Path, text: str = "", **options: Any) -> list[int]:
    return [t["number"] for t in shown(directory, views.trials, text, **options)["trials"]]


class TestOverview:
    def test_it_says_where_it_stands_and_what_it_gained(self, make: Make) -> None:
        told = shown(make(trials=20), views.overview)
        assert told["trials"] == {"failed": 2, "succeeded": 18}
        assert told["best"]["trial"] == 18
        assert told["gain"] == pytest.approx(0.18)
        assert [t["number"] for t in told["top"][:3]] == [18, 17, 16]
        assert told["failures"] == [
            {"failure": "exception", "count": 2, "trial": 19, "detail": "ZeroDivisionError: 100 % <script>"}
        ]

    def test_a_lower_result_is_a_gain_where_lower_is_better(self, make: Make) -> None:
        told = shown(make(direction="minimize"), views.overview)
        assert (told["best"]["trial"], told["gain"]) == (0, 0.0)

    def test_without_a_trial_there_is_nothing_to_show_and_nothing_fails(self, make: Make) -> None:
        directory = make(trials=0)
        told = shown(directory, views.overview)
        assert (told["best"], told["gain"], told["top"], told["failures"]) == (None, None, [], [])
        assert shown(directory, views.course)["points"] == []
        assert numbers(directory) == []

    def test_wishes_that_wait_are_counted(self, make: Make) -> None:
        directory = make()
        (directory / "commands" / "a.json").write_text("{}")
        assert shown(directory, views.overview)["wishes"] == 1

    def test_an_experiment_whose_runner_died_is_interrupted(self, make: Make) -> None:
        assert shown(make(status="running"), views.overview)["status"] == "interrupted"


class TestCourse:
    def test_it_has_the_results_in_order_and_where_the_best_was_beaten(self, make: Make) -> None:
        course = shown(make(trials=12), views.course)
        assert [number for _, _, number in course["points"]] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11]
        assert [number for _, _, number in course["best"]] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11]
        assert course["baseline"] == 0

    @given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=400), st.integers(10, 60))
    def test_thinned_it_keeps_the_ends_and_the_extremes(self, values: list[float], most: int) -> None:
        points = [[i, value, i] for i, value in enumerate(values)]
        kept = views._thinned(points, most)
        assert len(kept) <= max(most + 2, 1)
        assert (kept[0], kept[-1]) == (points[0], points[-1])
        assert max(p[1] for p in kept) == max(values)
        assert min(p[1] for p in kept) == min(values)
        assert [p[0] for p in kept] == sorted({p[0] for p in kept})


class TestFilter:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("value>=0.17", [17, 18]),
            ("value > 0.17", [18]),
            ("state=failed", [9, 19]),
            ("state:failed number<10", [9]),
            ("kernel=poly degree=2", [1, 5, 9, 13, 17]),
            ("kernel=poly,rbf number<3", [0, 1, 2]),
            ("kernel!=rbf number<4", [1, 3]),
            ('"lr"<=1e-4', [0]),
            ("degree>3", [3, 7, 11, 15, 19]),
            ("origin=baseline", [0]),
            ("ZeroDivision", [9, 19]),
            ("100", [9, 19]),
            ('"100 % <"', [9, 19]),
            ("%", [9, 19]),
            ("_", []),
            ("unknown=1", []),
            ("state=interrupted", []),
            ("", list(range(20))),
        ],
    )
    def test_it_picks_trials(self, make: Make, text: str, expected: list[int]) -> None:
        assert numbers(make(), text) == expected

    def test_it_sorts_by_columns_and_parameters_with_what_has_none_last(self, make: Make) -> None:
        directory = make(trials=12)
        assert numbers(directory, sort="value", descending=True)[:2] == [11, 10]
        assert numbers(directory, sort="value", descending=True)[-1] == 9
        assert numbers(directory, sort="value")[-1] == 9
        assert numbers(directory, sort="degree", descending=True)[:3] == [11, 7, 3]
        assert numbers(directory, sort="degree")[-6:] == [0, 2, 4, 6, 8, 10]

    def test_it_pages(self, make: Make) -> None:
        directory = make(trials=12)
        page = shown(directory, views.trials, "state=succeeded", offset=5, limit=3)
        assert [t["number"] for t in page["trials"]] == [5, 6, 7]
        assert (page["total"], page["all"]) == (11, 12)

    @pytest.mark.parametrize("text", ["value>x", "value>", "=3", '"', "a=", "x" * 3000])
    def test_what_it_cannot_read_is_said(self, make: Make, text: str) -> None:
        with pytest.raises(UsageError):
            numbers(make(), text)

    @given(st.text(max_size=60), st.text(max_size=20))
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_whatever_is_typed_it_picks_or_says_why_not(self, tmp_path: Path, text: str, sort: str) -> None:
        store = _store(tmp_path)
        try:
            selection = Selection.of(text, sort)
            assert store.count(selection) == len(store.select(selection)) == 0
        except UsageError:
            return  # and not of SQLite
        finally:
            store.close()


def _store(folder: Path) -> Store:
    if not (folder / "experiment.db").exists():
        parts: dict[str, Any] = {"config": {}, "space": {}, "defaults": {}}
        Store.create(folder, id="x", name="x", direction="maximize", **parts).close()
    return Store(folder)


class TestStamp:
    def test_it_changes_with_the_store(self, make: Make) -> None:
        directory = make()
        before = views.stamp(directory)
        assert views.stamp(directory) == before
        store = Store(directory, read_only=False)
        store.add_event("note", "something happened")
        assert views.stamp(directory) != before
        store.close()


class TestFigures:
    def test_each_that_has_something_to_show_is_drawn_as_json(self, make: Make) -> None:
        from hpo import figures
        from hpo.dashboard import plots

        record = Record.read(make(trials=30))
        kinds = plots.available(record)["figures"]
        assert {"history", "importance", "slices", "contour", "parallel"} <= set(kinds)
        for kind in kinds:
            if kind != "parallel":
                drawn = plots.drawn(record, kind, [])
                assert drawn["data"], kind
                assert "template" not in drawn["layout"]
        assert set(plots.templates()) == set(figures.TEMPLATES)

    def test_a_parameter_can_be_asked_for(self, make: Make) -> None:
        from hpo.dashboard import plots

        record = Record.read(make(trials=30))
        assert plots.drawn(record, "contour", ["lr", "degree"])["layout"]["xaxis"]["title"]["text"] == "lr"
        with pytest.raises(UsageError, match="no parameter nothing"):
            plots.drawn(record, "slices", ["nothing"])

    def test_parallel_coordinates_have_places_for_what_is_active(self, make: Make) -> None:
        from hpo.dashboard import plots

        record = Record.read(make(trials=30))
        data = plots.parallel(record)
        names = [axis["name"] for axis in data["axes"]]
        assert names[:-1] == sorted(record.space, key=lambda name: -plots.shares(record)[name])
        assert sorted(names[:-1]) == ["degree", "kernel", "lr"]
        assert names[-1] == "value"
        for trial in data["trials"]:
            is_poly = trial["number"] % 2 == 1
            assert (trial["places"][names.index("degree")] is not None) == is_poly
            assert all(place is None or 0 <= place <= 1 for place in trial["places"])


def test_experiments_are_compared_with_their_spaces(make: Make) -> None:
    first, second = views.comparison([make("one", 12), make("two", 5, direction="minimize")])
    assert (first["course"]["total"], second["course"]["total"]) == (11, 5)
    assert [p["name"] for p in first["parameters"]] == ["lr", "kernel", "degree"]
    assert first["parameters"][2]["when"] == [{"parent": "kernel", "values": ["poly"]}]
