"""Where an experiment stands, as those who show it are told."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from records import MIXED, new_store

from hpo.config.model import Config
from hpo.experiment import standing
from hpo.experiment.create import create
from hpo.experiment.listener import Listener
from hpo.experiment.loop import Experiment
from hpo.experiment.standing import Standing
from hpo.runtime import home
from hpo.runtime.spool import Intermediate
from hpo.runtime.store import Store
from hpo.space import SearchSpace
from hpo.trial import Metric, Trial, TrialState


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Give the store of an experiment of which three trials ended, and ten more have begun."""
    store = new_store(tmp_path / "bcdfghjk", MIXED, defaults={}, fixed={"layers": 3})
    with store.transaction():
        for number, value in enumerate([3.0, 1.0, None]):
            state = TrialState.FAILED if value is None else TrialState.SUCCEEDED
            ended = Trial(number, {"lr": 0.01}, state=state, value=value)
            store.add_trial(ended, "tuner" if number else "baseline")
            store.end_trial(ended, told=number, duration=1.0, detail=None)
        for number in range(3, 13):
            store.add_trial(Trial(number, {"lr": 0.01}, state=TrialState.RUNNING), "tuner")
        store.add_metrics(
            4, list(enumerate(Intermediate(step, step / 2, None, None, 0.0) for step in (1, 2)))
        )
        store.set_elapsed(12.5)
    yield store
    store.close()


def test_of_another_process_it_stands_as_stored(store: Store) -> None:
    found = Standing.read(store)
    assert (found.id, found.direction, found.size) == ("bcdfghjk", "minimize", len(MIXED) - 1)
    assert found.counts == {
        TrialState.SUCCEEDED: 2, TrialState.FAILED: 1, TrialState.EARLY_STOPPED: 0,
        TrialState.USER_CANCELED: 0, TrialState.SYSTEM_CANCELED: 0,
    }  # fmt: skip
    assert (found.ended, found.failed, found.in_progress) == (3, 1, 10)
    assert found.running == [(3, None), (4, Metric(2, 1.0)), *((number, None) for number in range(5, 11))]
    assert found.best is not None
    assert found.baseline is not None
    assert (found.best.number, found.baseline.number) == (1, 0)
    assert [each.number for each in found.front] == [1]
    assert (found.elapsed, found.waits) == (12.5, None)


@pytest.mark.parametrize(
    ("status", "is_over", "ended_by"),
    [
        ("running", False, None),
        ("stopped", False, None),
        ("done", True, "a word"),
        ("error", True, None),
    ],
)
def test_only_what_has_come_to_its_end_is_over_and_says_by_what(
    store: Store, status: str, is_over: bool, ended_by: str | None
) -> None:
    store.set_status(status, "a word")
    found = Standing.read(store)
    assert (found.is_over, found.ended_by) == (is_over, ended_by)


def test_while_it_runs_the_time_goes_on_from_when_its_runner_wrote_last(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.utime(f"{store.path}-wal", (1000.0, 1000.0))
    monkeypatch.setattr(standing, "time", SimpleNamespace(time=lambda: 1004.0))
    assert Standing.read(store).elapsed == 12.5
    with home.take_lock(store.directory):
        assert Standing.read(store).elapsed == 16.5
        monkeypatch.setattr(standing, "time", SimpleNamespace(time=lambda: 990.0))  # it was set back
        assert Standing.read(store).elapsed == 12.5


def test_who_runs_it_knows_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    report = """echo '{"type": "final", "value": 2, "time": 0}' >> $HPO_TRIAL_DIR/metrics.jsonl"""
    given = {"command": report, "space": SearchSpace.from_json(MIXED), "seed": 1, "tuner": {"name": "Random"}}
    experiment = create(Config.model_validate({**given, "fixed": {"layers": 3}, "stop_when": "value>=2"}))
    before = Standing.of(experiment)
    assert (before.best, before.front, before.in_progress) == (None, [], 0)
    experiment.run()
    ours, stored = Standing.of(experiment), Standing.read(experiment.store)
    assert ours.best is not None
    assert stored.best is not None
    assert ours.best.number == stored.best.number == ours.front[0].number == 0
    for name in ("id", "size", "direction", "ended", "failed", "running", "in_progress", "baseline", "waits"):
        assert getattr(ours, name) == getattr(stored, name), name
    assert (ours.is_over, stored.is_over) == (True, True)
    assert ours.ended_by == stored.ended_by
    assert ours.ended_by is not None


class Looking(Listener):
    """Look where the experiment stands as each trial starts and reports."""

    def __init__(self) -> None:
        self.experiment: Experiment | None = None
        self.seen: list[Standing] = []

    def started(self, experiment: Experiment, trial: Trial) -> None:
        self.experiment = experiment
        self.seen.append(Standing.of(experiment))

    def reported(self, trial: Trial, metric: Metric) -> None:
        assert self.experiment is not None
        self.seen.append(Standing.of(self.experiment))
        if metric.step == 2:
            Path("seen").touch()


def test_who_runs_it_knows_what_runs_and_what_it_reported_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    reports = [
        f"""echo '{{"type": "{kind}", "step": {step}, "value": {step}, "time": 0}}' """
        ">> $HPO_TRIAL_DIR/metrics.jsonl"
        for kind, step in (("intermediate", 1), ("intermediate", 2), ("final", 3))
    ]
    reports.insert(2, "echo 0 > $HPO_TRIAL_DIR/../../wake; until test -e seen; do sleep 0.02; done")
    looking = Looking()
    given = {"command": "\n".join(reports), "space": SearchSpace.from_json(MIXED), "max_trials": 1}
    create(Config.model_validate(given), listener=looking).run()
    assert [each.running for each in looking.seen] == [
        [(0, None)], [(0, Metric(1, 1.0))], [(0, Metric(2, 2.0))],
    ]  # fmt: skip
    assert [each.in_progress for each in looking.seen] == [1, 1, 1]
