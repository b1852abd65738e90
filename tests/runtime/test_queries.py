"""What is asked of a store, and what is said of one that no hpo wrote."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from records import trial

from hpo.errors import StoreError, UsageError
from hpo.runtime.selection import Selection
from hpo.runtime.spool import Intermediate
from hpo.runtime.store import Store

Make = Callable[..., Store]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Give what makes a store of trials, some with results on the way, and wants such objectives."""
    made: list[Store] = []

    def store(*rows: Any, objectives: list[str] | None = None, reports: int = 0) -> Store:
        settings = {"objectives": objectives} if objectives else {}
        made.append(
            Store.create(
                tmp_path, id="a", name="a", direction="maximize",
                config={"settings": settings}, space={}, defaults={},
            )
        )  # fmt: skip
        with made[0].transaction():
            for row in rows:
                made[0].put_trial(row, [Intermediate(n, n / 8, None, None, 0.0) for n in range(reports)])
        return made[0]

    yield store
    for each in made:
        each.close()


def numbers(rows: Any) -> list[int]:
    return [row.number for row in rows]


class TestASample:
    def test_it_is_spread_evenly(self, make: Make) -> None:
        store = make(*(trial(n, {"x": n}, n / 4) for n in range(10)))
        assert store.sample(4) == [(n, n / 4, {"x": n}) for n in (0, 3, 6, 9)]
        assert len(store.sample(10)) == len(store.sample(99)) == 10
        assert [n for n, _, _ in store.sample(9)] == [0, 2, 4, 6, 8]

    def test_of_no_trials_there_is_none(self, make: Make) -> None:
        assert make().sample(4) == []

    def test_of_curves_that_of_the_best_is_always_among_it(self, make: Make) -> None:
        store = make(*(trial(n, {}, float(n == 4)) for n in range(10)), reports=2)
        assert list(store.all_metrics(4)) == [0, 3, 4, 6, 9]
        assert list(store.all_metrics()) == list(range(10))


class TestSeveralObjectives:
    # 1, 3 and 5 are the front, 0 and 2 that without them, and 4 is worse than any.
    RESULTS = ((2.0, 5.0), (3.0, 4.0), (1.0, 2.0), (2.8, 1.2), (0.0, 9.0), (0.5, 1.0))

    @pytest.fixture
    def store(self, make: Make) -> Store:
        rows = [trial(n, {}, a, data={"a": a, "b": b}) for n, (a, b) in enumerate(self.RESULTS)]
        return make(*rows, trial(6, {}), objectives=["a:max", "b:min"])

    def test_the_front_comes_first_then_what_would_be_without_it(self, store: Store) -> None:
        assert numbers(store.front()) == [1, 3, 5]
        assert numbers(store.top(99)) == [1, 3, 5, 0, 2, 4]
        assert [len(store.top(n)) for n in range(1, 7)] == [1, 2, 3, 4, 5, 6]

    def test_the_best_is_near_the_best_of_each(self, store: Store) -> None:
        best = store.best()
        assert best is not None
        assert best.number == 3


class TestAnotherOrder:
    def test_columns_and_parameters_can_be_asked_for_by_the_names_that_people_use(self, make: Make) -> None:
        store = make(
            trial(0, {"x": 1, 'a"b': 3}, 0.5, memo={"budget": 9, "rung": 2}, duration=2.0),
            trial(1, {"x": 2, 'a"b': 4}, 0.5, memo={"budget": 3, "rung": 1}, duration=4.0),
            trial(2, {"x": 3}, 0.5, memo={"continues": 1}, duration=3.0),
        )

        def found(text: str = "", sort: str = "number") -> list[int]:
            return numbers(store.select(Selection.of(text, sort)))

        assert found("budget=9") == found("rung>1") == [0]
        assert found("parent=1") == [2]
        assert found("duration>2") == [1, 2]
        assert found(sort="duration") == [0, 2, 1]
        assert found(sort="budget") == [1, 0, 2]
        assert found(sort='a"b') == [0, 1, 2]
        assert numbers(store.select(Selection.of("", 'a"b', descending=True))) == [1, 0, 2]

    def test_what_is_too_long_is_refused_and_how_to_write_it_is_said(self) -> None:
        assert Selection.of("x" * 2000).arguments
        with pytest.raises(UsageError, match="has 2001 characters") as caught:
            Selection.of("x" * 2001)
        assert caught.value.help == "2000 are the most"
        with pytest.raises(UsageError, match="'b' is no number") as caught:
            Selection.of("a<b")
        assert caught.value.help == "compare with a number, or write a=b"
        with pytest.raises(UsageError, match="cannot be read at '=3'") as caught:
            Selection.of("a=1 =3")
        assert caught.value.help == 'write NAME=VALUE, NAME<VALUE or a word; "..." keeps spaces'


@pytest.mark.parametrize(
    ("change", "asked", "said"),
    [
        (
            "UPDATE experiment SET created = 'x'",
            Store.experiment,
            "the experiment .*text in the place of",
        ),
        (
            "UPDATE experiment SET elapsed = 'x'",
            Store.experiment,
            "the experiment .*text in the place of",
        ),
        ("UPDATE experiment SET name = x'00'", Store.experiment, "the name .*it is no text"),
        ("UPDATE experiment SET space = '[]'", Store.experiment, "the space .*it is no object"),
        ("UPDATE experiment SET config = '{'", Store.experiment, "the config of a store cannot be read"),
        ("DELETE FROM experiment", Store.experiment, "the experiment .*there is none"),
        ("DELETE FROM experiment", Store.objectives, "the experiment .*there is none"),
        ("UPDATE trial SET state = 'odd'", Store.counts, "the trials .*one is in the state 'odd'"),
        ("UPDATE trial SET state = 'odd'", Store.trials, "the trial 0 of a store cannot be read: 'odd'"),
        ("UPDATE trial SET parameters = '{'", Store.trials, "the trial 0 of a store cannot be read"),
        ("UPDATE trial SET memo = '[]'", Store.trials, "the trial 0 .*parameters that are no object"),
        ("UPDATE trial SET value = 'x'", Store.trials, "the trial 0 .*text in the place of a number"),
        (f"UPDATE trial SET told = {1 << 62}", Store.last_told, "the trials .*one was told as number"),
    ],
)
def test_what_no_hpo_wrote_is_said(
    make: Make, tmp_path: Path, change: str, asked: Callable[[Store], Any], said: str
) -> None:
    store = make(trial(0, {"x": 1}, 0.5))
    with closing(sqlite3.connect(tmp_path / "experiment.db")) as db, db:
        db.execute(change)
    with pytest.raises(StoreError, match=said):
        asked(store)
