"""How long a tuner may think."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from hpo.experiment import asking
from hpo.experiment.asking import Asking
from hpo.space import SearchSpace
from hpo.trial import Trial
from hpo.tuners.auto import Auto
from hpo.tuners.base import Tuner

SPACE = SearchSpace.from_json({"x": {"_type": "uniform", "_value": [0, 1]}})


class Slow(Tuner):
    """Take some time, and note whether there was a hurry."""

    clock = 0.0

    def suggest(self, number: int) -> Trial:
        Slow.clock += 0.002
        return Trial(number, {"x": number / 1000}, memo={"hurried": self.hurried})


def test_a_tuner_that_is_slower_than_its_trials_is_hurried_after_a_hundred_results_and_not_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asking, "time", SimpleNamespace(monotonic=lambda: Slow.clock))
    asks, tuner = Asking(), Slow(SPACE)
    for _ in range(120):
        trial = asks.ask(tuner)
        assert trial is not None
        tuner.tell(trial, 1.0)
    assert [trial.memo["hurried"] for trial in tuner.trials.values()] == [False] * 100 + [True] * 20


def test_in_a_hurry_auto_makes_the_cheapest_of_its_proposals_and_notes_it() -> None:
    tuner = Auto(SPACE, seed=0)
    for _ in range(12):
        trial = tuner.ask()
        assert trial is not None
        tuner.tell(trial, trial.parameters["x"])
    tuner.hurried = True
    hurried = [tuner.ask() for _ in range(4)]
    assert [trial.memo for trial in hurried if trial is not None] == [{"search": "Parzen"}] * 4
