"""A process of a trial is known by what it inherits, and ended."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hpo.runtime import strays
from hpo.runtime.strays import Mark, end_left_in, end_strays, left_in

Start = Callable[[Callable[[], None], dict[str, str]], int]


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def begin(prepare: Callable[[], None], environment: dict[str, str]) -> int:
        started.append(subprocess.Popen(["/bin/sleep", "600"], preexec_fn=prepare, env=environment))
        return started[-1].pid

    yield begin
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def experiment() -> str:
    return f"strays-{os.getpid()}-{time.monotonic_ns()}"


def test_a_process_is_known_as_its_trials_and_as_no_others(start: Start, experiment: str) -> None:
    pid = start(Mark(experiment, 3).bear, {})
    assert all(mark.is_on(pid) for mark in (Mark(experiment, 3), Mark(experiment), Mark()))
    assert not any(mark.is_on(pid) for mark in (Mark(experiment, 4), Mark("other", 3), Mark("other")))


def test_a_process_of_nobody_bears_no_mark(experiment: str) -> None:
    assert not any(mark.is_on(os.getpid()) for mark in (Mark(experiment, 0), Mark(experiment), Mark()))


def test_where_the_limit_cannot_be_set_the_environment_tells(start: Start, experiment: str) -> None:
    def bear_in_vain() -> None:
        resource.setrlimit(resource.RLIMIT_RTTIME, (10**9, 10**9))
        Mark(experiment, 3).bear()

    pid = start(bear_in_vain, {"HPO_EXPERIMENT_ID": experiment, "HPO_TRIAL_SEQUENCE": "3"})
    assert all(mark.is_on(pid) for mark in (Mark(experiment, 3), Mark(experiment)))
    assert not any(mark.is_on(pid) for mark in (Mark(experiment, 4), Mark("other"), Mark()))


def test_strays_are_ended_and_their_parents_are_not_waited_for(
    start: Start, experiment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strays, "_PATIENCE", 600.0)
    start(Mark(experiment, 1).bear, {})
    start(Mark(experiment, 2).bear, {})
    other = start(Mark("other", 1).bear, {})
    begun = time.monotonic()
    assert end_strays(experiment) == 2
    assert time.monotonic() - begun < 300  # both are zombies until the test ends
    assert Mark("other").is_on(other)
    assert end_strays(experiment) == 0


def test_of_an_experiment_and_its_copy_each_has_its_own(
    start: Start, experiment: str, tmp_path: Path
) -> None:
    own, copy = tmp_path / "home" / experiment, tmp_path / "copy" / experiment
    for folder in (own, copy):
        folder.mkdir(parents=True)
    bear = Mark(experiment, 1).bear
    start(bear, {"HPO_TRIAL_DIR": f"{copy}/trials/1"})
    start(bear, {"HPO_TRIAL_DIR": f"{own}/trials/1"})
    with (own / "stdout.log").open("w") as log:
        start(lambda: (os.dup2(log.fileno(), 1), bear())[1], {})
    start(bear, {})  # which shows nothing
    start(lambda: None, {"HPO_TRIAL_DIR": f"{own}/trials/1"})  # nobody's
    assert (len(left_in(own)), len(left_in(copy))) == (2, 1)
    assert end_left_in(own) == 2
    assert (len(left_in(own)), len(left_in(copy))) == (0, 1)
