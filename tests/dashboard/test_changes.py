"""What the pages are told as it happens."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from hpo.dashboard.changes import Changes
from hpo.runtime.store import Store
from hpo.trial import Trial, TrialState


def test_of_trials_that_run_one_hears_when_their_output_grows_and_of_those_that_ended_no_more(
    tmp_path: Path,
) -> None:
    async def hear() -> list[int]:
        directory = tmp_path / "one"
        (directory / "commands").mkdir(parents=True)
        settings: dict[str, Any] = {"direction": "minimize", "config": {}, "space": {}, "defaults": {}}
        store = Store.create(directory, id="one", name="one", **settings)
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

    assert asyncio.run(hear()) == [0]


def end(store: Store, trial: Trial) -> None:
    trial.state, trial.value = TrialState.SUCCEEDED, 1.0
    with store.transaction():
        store.end_trial(trial, told=trial.number, duration=1.0, detail=None)
