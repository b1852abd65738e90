"""Trials that run are held to their limits, and those that are to end do."""

from __future__ import annotations

import json
import os
import re
import select
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hpo.config.model import Config
from hpo.experiment import watch as watch_module
from hpo.experiment.listener import Listener
from hpo.experiment.running import RunningTrial
from hpo.experiment.watch import Watch
from hpo.runtime import logs
from hpo.runtime.launcher import Ended, Launcher, ShellCommand
from hpo.runtime.store import Store
from hpo.space import SearchSpace
from hpo.trial import Trial, TrialState

WAITS = "echo > ready; while :; do sleep 0.05; done"
TIDIES_UP = f"trap 'sleep 0.2; exit 7' TERM; {WAITS}"
DEFIES = f"trap '' TERM; {WAITS}"
SUSPENDED = f"echo > ready; kill -STOP $$; {WAITS}"
LARGE = f"{sys.executable} -c \"x = b'x' * (96 << 20); open('ready', 'w'); import time; time.sleep(600)\""


class Ward:
    """Trials that run, and who watches over them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with (folder / "lock").open("w") as lock, (folder / "log").open("ab") as log:
            self.launcher = Launcher(
                cwd=folder, snapshot=None, path=folder, modules=(), lock=lock, log=log,
                experiment=f"test{os.getpid()}-{time.monotonic_ns()}",
            )  # fmt: skip
        self.running: dict[int, RunningTrial] = {}
        self.ended: dict[int, int | None] = {}
        self.looked: list[RunningTrial] = []
        self.watch = Watch(self.launcher, self.running, self.looked.append)

    def config(self, **others: Any) -> Config:
        space = SearchSpace.from_json({"x": {"_type": "uniform", "_value": [0, 1]}})
        return Config(command="true", space=space, code_directory=self.folder, **others)

    def start(
        self, command: str, *, limit: float | None = None, silence: float | None = None, since: float = 0.0
    ) -> RunningTrial:
        """Let a trial run, as if it had begun some seconds ago."""
        number = len(self.running) + len(self.ended)
        run = RunningTrial(Trial(number, {}), self.folder / str(number), "tuner")
        run.make_folder()
        self.launcher.start(number, ShellCommand(f"cd {run.directory}; {command}"), run.directory, {}, {})
        deadline = time.monotonic() + 60
        while not (run.directory / "ready").exists():
            assert time.monotonic() < deadline, "it did not begin"
            time.sleep(0.01)
        self.running[number] = run
        run.started = time.monotonic() - since
        self.watch.begin(run, self.config(max_trial_duration=limit, max_trial_silence=silence))
        return run

    def status(self, run: RunningTrial) -> int | None:
        """Return how a trial ended, once it did."""
        deadline = time.monotonic() + 60
        while run.trial.number not in self.ended:
            assert time.monotonic() < deadline, "it did not end"
            select.select([self.launcher], [], [], 0.1)
            for event in self.launcher.events():
                assert isinstance(event, Ended)
                self.ended[event.number] = event.status
                del self.running[event.number]
        return self.ended[run.trial.number]


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    made = Ward(tmp_path)
    yield made
    made.launcher.close()


def test_one_that_has_had_its_time_is_asked_to_end_and_gets_what_it_deserves(ward: Ward) -> None:
    late, other = ward.start(WAITS, limit=5, since=6), ward.start(WAITS, limit=3600)
    ward.watch.enforce(ward.config())
    assert ward.status(late) == -15
    assert (late.timed_out, late.stopped_as, late.deadline) == ("it took longer than 5 s", None, None)
    assert (other.timed_out, other.kill_at) == (None, None)
    assert next(ward.watch.due(ward.config())) == other.deadline == other.started + 3600


def test_one_that_has_had_its_time_may_tidy_up(ward: Ward) -> None:
    run = ward.start(TIDIES_UP, limit=5, since=6)
    ward.watch.enforce(ward.config())
    assert ward.status(run) == 7


def test_one_that_reports_nothing_for_too_long_is_asked_to_end(ward: Ward) -> None:
    silent, other = ward.start(SUSPENDED, silence=0.01), ward.start(WAITS, silence=3600)
    time.sleep(0.02)
    ward.watch.enforce(ward.config())
    assert ward.status(silent) == -15
    assert (silent.timed_out, silent.silent_at) == ("it reported nothing for 0.01 s", None)
    assert ward.looked == [silent]
    assert next(ward.watch.due(ward.config())) == other.silent_at


def test_one_that_reported_something_has_its_time_anew(ward: Ward) -> None:
    run = ward.start(WAITS, silence=60)
    first = run.silent_at
    assert first is not None
    with closing(
        Store.create(ward.folder, id="e", name="e", direction="maximize", config={}, space={}, defaults={})
    ) as store:
        with store.transaction():
            store.add_trial(run.trial, run.origin)
        report = {"type": "intermediate", "step": 0, "value": 1, "time": 0}
        (run.directory / "metrics.jsonl").write_text(f"{json.dumps(report)}\n")
        with store.transaction():
            run.read_reports(store, Listener())
        heard = run.silent_at
        with store.transaction():
            run.read_reports(store, Listener())
    assert heard is not None
    assert heard > first
    assert run.silent_at == heard, "nothing was read"
    ward.watch._moments = [(0.0, run.trial.number)]
    ward.watch.enforce(ward.config())
    assert run.timed_out is None
    assert ward.watch._moments == [(heard, run.trial.number)]


def test_one_that_an_earlier_runner_began_is_silent_from_now_on(ward: Ward) -> None:
    now = time.monotonic()
    run = ward.start(WAITS, silence=60, since=3600)
    assert run.silent_at is not None
    assert run.silent_at > now + 60


def test_limits_that_change_hold_for_those_that_run(ward: Ward) -> None:
    held, other, ends = ward.start(WAITS, limit=5, silence=5), ward.start(WAITS), ward.start(DEFIES, limit=5)
    other.heard = None  # no process was to be had for it yet
    ward.watch.stop(ends, TrialState.EARLY_STOPPED)
    ward.watch.change(ward.config(max_trial_duration=900, max_trial_silence=60))
    assert held.heard is not None
    assert (held.deadline, held.silent_at) == (held.started + 900, held.heard + 60)
    assert (other.deadline, other.silent_at, ends.deadline, ends.silent_at) == (None, None, None, None)
    ward.watch.change(ward.config())
    assert (held.deadline, held.silent_at) == (None, None)
    ward.watch.change(ward.config(max_trial_silence=0.001))
    time.sleep(0.002)
    ward.watch.enforce(ward.config())
    assert ward.status(held) == -15
    assert held.timed_out == "it reported nothing for 0.001 s"
    ward.watch.kill_all()


def test_one_that_is_asked_to_end_is_asked_once(ward: Ward) -> None:
    run = ward.start(DEFIES, limit=0.02, silence=0.01)
    time.sleep(0.03)
    ward.watch.enforce(ward.config())
    assert run.timed_out == "it took longer than 0.02 s"
    assert (run.deadline, run.silent_at) == (None, None)
    kill_at = run.kill_at
    ward.watch.enforce(ward.config())
    assert run.kill_at == kill_at
    ward.watch.kill_all()


def test_one_that_nobody_could_see_for_a_while_has_so_much_more_time(ward: Ward) -> None:
    run = ward.start(WAITS, limit=5, since=6)
    ward.watch.postpone(30)
    ward.watch.enforce(ward.config())
    assert (run.timed_out, run.deadline) == (None, run.started + 35)
    assert next(ward.watch.due(ward.config())) == run.deadline
    ward.watch.change(ward.config(max_trial_duration=2))
    assert run.deadline == run.started + 32


def test_one_that_was_asked_to_end_may_tidy_up_for_so_much_longer(ward: Ward) -> None:
    run = ward.start(DEFIES)
    ward.watch.stop(run, TrialState.EARLY_STOPPED)
    kill_at = run.kill_at
    assert kill_at is not None
    ward.watch.postpone(30)
    assert run.kill_at == kill_at + 30
    ward.watch.kill_all()


def test_one_that_ended_in_time_is_no_longer_looked_at(ward: Ward) -> None:
    ended, late = ward.start(WAITS, limit=5, since=7), ward.start(WAITS, limit=5, since=6)
    del ward.running[ended.trial.number]
    ward.watch.enforce(ward.config())
    assert (ended.timed_out, late.timed_out) == (None, "it took longer than 5 s")


def test_of_two_reasons_to_end_the_first_counts(ward: Ward) -> None:
    run = ward.start(DEFIES)
    ward.watch.stop(run, TrialState.EARLY_STOPPED)
    kill_at = run.kill_at
    ward.watch.stop_all(TrialState.WAITING)
    assert (run.stopped_as, run.kill_at) == (TrialState.EARLY_STOPPED, kill_at)


def test_one_that_is_suspended_can_end(ward: Ward) -> None:
    run = ward.start(SUSPENDED)
    ward.watch.stop_all(TrialState.USER_CANCELED)
    assert ward.status(run) == -15
    assert run.stopped_as is TrialState.USER_CANCELED


def test_one_that_defies_is_killed_in_a_while(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    patient = ward.start(DEFIES)
    ward.watch.stop(patient, TrialState.EARLY_STOPPED)
    monkeypatch.setattr(watch_module, "_GRACE", 0.001)
    run = ward.start(DEFIES)
    ward.watch.stop(run, TrialState.EARLY_STOPPED)
    kill_at = run.kill_at
    assert kill_at is not None
    while time.monotonic() < kill_at:
        time.sleep(0.001)
    ward.watch.enforce(ward.config())
    assert next(ward.watch.due(ward.config())) == run.kill_at > kill_at, "it would be killed again"
    assert ward.status(run) == -9
    assert 0 in ward.running, "its time had not come"
    assert run.stopped_as is TrialState.EARLY_STOPPED


def test_all_are_killed_at_once(ward: Ward) -> None:
    runs = [ward.start(DEFIES) for _ in range(2)]
    ward.watch.kill_all()
    assert [ward.status(run) for run in runs] == [-9, -9]


def test_one_that_uses_too_much_memory_is_killed_and_it_is_said_how_much(ward: Ward) -> None:
    small, large = ward.start(WAITS), ward.start(LARGE)
    ward.watch.enforce(ward.config())
    assert large.overused is None
    ward.watch.enforce(ward.config(max_trial_memory=64 << 20))
    said = large.overused
    assert re.fullmatch(r"it used [\d.]+ M of memory, and 64 M is the limit", said or "")
    assert ward.status(large) == -9
    assert small.overused is None
    assert large.stopped_as is None


def test_a_log_that_grows_too_long_is_cut_while_its_trial_runs(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "_KEPT", "_SLACK":
        monkeypatch.setattr(logs, name, 1 << 16)
    written, probe = b"x" * (1 << 20), ward.folder / "probe"
    probe.write_bytes(written)
    before = probe.stat().st_blocks
    with probe.open("r+b") as file:
        logs._punch(file.fileno(), 1 << 16, 1 << 19)
    if probe.stat().st_blocks == before:
        pytest.skip("this file system knows no holes")
    run = ward.start(WAITS)
    log = run.directory / "stdout.log"
    log.write_bytes(written)
    before = log.stat().st_blocks
    ward.watch.enforce(ward.config())
    assert log.stat().st_blocks == before, "it was looked at a moment ago"
    monkeypatch.setattr(watch_module, "_LOGS_EVERY", 0.0)
    other = Watch(ward.launcher, ward.running, ward.looked.append)
    other.enforce(ward.config())
    assert log.stat().st_size == 1 << 20
    assert log.stat().st_blocks < before
    monkeypatch.setattr(watch_module, "_LOGS_EVERY", 3600.0)
    other.enforce(ward.config())
    assert max(other.due(ward.config())) > time.monotonic() + 1800, "it would be looked at all the time"


class TestWhenToLookAgain:
    def test_it_is_at_the_first_deadline_and_at_the_logs(self, ward: Ward) -> None:
        now = time.monotonic()
        late, soon = ward.start(WAITS, limit=3600), ward.start(WAITS, limit=1800)
        first, logs_at = ward.watch.due(ward.config())
        assert first == soon.deadline
        assert logs_at > now
        del ward.running[soon.trial.number]
        assert next(ward.watch.due(ward.config())) == late.deadline

    def test_a_limit_of_memory_is_looked_after_more_often(self, ward: Ward) -> None:
        config = ward.config(max_trial_memory=1 << 40)
        ward.start(WAITS)
        logs_at, at_once = ward.watch.due(config)
        assert at_once <= time.monotonic()
        now = time.monotonic()
        ward.watch.enforce(config)
        unchanged, memory_at = ward.watch.due(config)
        assert unchanged == logs_at
        assert now < memory_at

    def test_where_nothing_runs_it_is_never(self, ward: Ward) -> None:
        config = ward.config(max_trial_memory=1 << 40)
        assert list(ward.watch.due(config)) == []
        run = ward.start(WAITS, limit=5, since=6)
        del ward.running[run.trial.number]
        assert list(ward.watch.due(config)) == []
        ward.watch.enforce(config)
        assert not run.timed_out
