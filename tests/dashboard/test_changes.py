"""What the pages are told as it happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from records import CONFIG

from hpo.dashboard.changes import Changes
from hpo.runtime.store import Store
from hpo.trial import Trial, TrialState


def test_of_trials_that_run_one_hears_when_their_output_grows_and_of_those_that_ended_no_more(
    tmp_path: Path,
) -> None:
    async def hear() -> list[int]:
        directory = tmp_path / "one"
        (directory / "commands").mkdir(parents=True)
        store = Store.create(
            directory, id="one", name="one", direction="minimize", config=CONFIG, space={}, defaults={}
        )
        trials = [Trial(number, {}) for number in range(3)]
        for trial in trials:
            (directory / "trials" / str(trial.number)).mkdir(parents=True)
            store.add_trial(trial, "tuner")
            store.start_trial(trial.number, [])
        end(store, trials[2])
        assert store.numbers(TrialState.RUNNING) == {0, 1}
        told = Changes(tmp_path).listen()
        await anext(told)
        end(store, trials[1])
        assert (await anext(told) or {})["store"]
        for trial in reversed(trials):
            (directory / "trials" / str(trial.number) / "stdout.log").write_text("more\n")
        found: list[int] = []
        while not found:
            found = (await anext(told) or {})["trials"]
        await told.aclose()  # type: ignore[attr-defined]
        store.close()
        return found

    assert asyncio.run(asyncio.wait_for(hear(), 60)) == [0]


Make = Callable[..., Path]
Told = AsyncIterator[dict[str, Any] | None]


async def told_until(told: Told, holds: Callable[[dict[str, Any]], Any]) -> list[dict[str, Any]]:
    """Return what is told until this holds of something."""
    heard: list[dict[str, Any]] = []
    while not (heard and holds(heard[-1])):
        heard.append(await asyncio.wait_for(anext(told), 60) or {})
    return heard


async def left(*listeners: Told) -> None:
    for told in listeners:
        await told.aclose()  # type: ignore[attr-defined]


def test_everyone_hears_of_experiments_that_come_and_of_what_happens_in_them(home: Path, make: Make) -> None:
    async def hear() -> None:
        changes = Changes(home)
        first, second = changes.listen(), changes.listen()
        assert await anext(first) == await anext(second) == {"connected": True}
        assert changes.listeners == 2  # which is limited
        (home / ".new-one").mkdir()  # hidden, as one that is being made: nobody's concern
        directory = make("one")
        for told in (first, second):
            assert {"experiments": True} in await told_until(told, lambda change: "experiments" in change)
        (directory / "notes.txt").write_text("of no concern")
        (directory / "runner.log").write_text("begun")
        for told in (first, second):
            heard = await told_until(told, lambda change: change.get("log"))
            assert {change.get("experiment") for change in heard} <= {"one", None}
        await left(first)
        (directory / "commands" / "a.json").write_text("{}")
        (directory / "commands" / "a.json").unlink()
        await told_until(second, lambda change: change.get("store"))
        await left(second)
        assert changes.listeners == 0

    asyncio.run(hear())


def test_where_nothing_happens_that_is_said_too(home: Path) -> None:
    async def hear() -> None:
        told = Changes(home).listen(pulse=0.01)
        await anext(told)
        assert await anext(told) is None
        await left(told)

    asyncio.run(hear())


def test_where_more_happens_than_the_kernel_can_say_all_of_it_may_be_new(home: Path, make: Make) -> None:
    most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    one, other = make("one"), make("two")

    async def hear() -> None:
        told = Changes(home).listen()
        await anext(told)
        for _ in range(most // 2 + 1):  # the same twice in a row would be told once
            for name in ("runner.log", "notes.txt"):
                with (one / name).open("ab", buffering=0) as file:
                    file.write(b"x")
        heard = await told_until(told, lambda change: change.get("experiment") == other.name)
        assert heard[-1]["store"]
        assert {"experiments": True} in heard
        await left(told)

    asyncio.run(hear())


def test_an_experiment_that_is_damaged_hides_no_other(home: Path, make: Make) -> None:
    (make("broken") / "experiment.db").write_bytes(b"no database" * 1000)
    good = make("good")

    async def hear() -> None:
        told = Changes(home).listen()
        await anext(told)
        (home / "broken" / "lock").write_text("")
        (good / "lock").write_text("")
        await told_until(told, lambda change: change.get("experiment") == "good" and change["store"])
        await left(told)

    asyncio.run(hear())


def end(store: Store, trial: Trial) -> None:
    trial.state, trial.value = TrialState.SUCCEEDED, 1.0
    with store.transaction():
        store.end_trial(trial, told=trial.number, duration=1.0, detail=None)
