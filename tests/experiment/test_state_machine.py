"""An experiment, step by step, against a model in memory: whatever happens to it, in whatever order.

The loop is the real one, with its store and its tuner; its trials are stand-ins whose every move Hypothesis
chooses, and so are the moments at which its runner dies. ``HPO_FUZZ_EXAMPLES=2000`` looks longer.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hpo.config.model import Algorithm, Config
from hpo.errors import ExperimentFailed
from hpo.experiment import loop
from hpo.experiment.algorithms import make_tuner
from hpo.experiment.loop import Experiment
from hpo.runtime import home
from hpo.runtime.launcher import Ended, ShellCommand
from hpo.runtime.store import Store
from hpo.space import SearchSpace
from hpo.trial import TrialState

SPACE = SearchSpace.from_json({"x": {"_type": "uniform", "_value": [0, 1]}})


class RunnerDies(BaseException):
    """Stand for SIGKILL: nothing of the runner's goes on."""


class Trials:
    """Stand in the place of the launcher: trials that move when they are told to."""

    begins_at_once = True
    capacity = waits = None
    survivors: frozenset[int] = frozenset()

    def __init__(self) -> None:
        self.running: dict[int, Path] = {}
        self.attempts: dict[int, int] = {}
        self.ended: list[Ended] = []
        self.told_to_end: set[int] = set()
        self.dies_at: str | None = None  # where the runner does

    def start(
        self, number: int, command: object, directory: Path, environment: Mapping[str, str], *_: Any
    ) -> None:
        if self.dies_at == "start":
            raise RunnerDies
        assert number not in self.running
        self.running[number] = directory
        self.attempts[number] = int(environment["HPO_TRIAL_ATTEMPT"])

    def events(self) -> Iterator[Ended]:
        if self.dies_at == "transaction":
            raise RunnerDies
        while self.ended:
            ended = self.ended.pop(0)
            del self.running[ended.number]
            yield ended

    def signal(self, number: int, signal_number: int) -> None:
        if signal_number in (signal.SIGTERM, signal.SIGKILL):
            self.told_to_end.add(number)

    def close(self) -> None:
        pass


class Runner(threading.Thread):
    """A runner that goes one turn of its loop at a time."""

    def __init__(self, directory: Path) -> None:
        super().__init__(daemon=True)
        self.directory, self.trials = directory, Trials()
        self.experiment: Experiment | None = None
        self.is_over = False
        self.error: BaseException | None = None
        self._rests, self._goes = threading.Semaphore(0), threading.Semaphore(0)

    def run(self) -> None:
        try:
            store = Store(self.directory, read_only=False)
            config = Config.model_validate({**store.experiment()["config"]["settings"], "space": None})
            tuner = make_tuner(config, SPACE)
            trials: Any = self.trials
            # However slow the machine is: what begins in a turn is to depend on the rules alone.
            with (
                mock.patch.object(loop, "Wake", return_value=self),
                mock.patch.object(loop, "_SOON", 60.0),
                mock.patch.object(Path, "unlink", self._unlink),
            ):
                self.experiment = Experiment(store, SPACE, tuner, config, ShellCommand("true"), trials)
                with contextlib.suppress(ExperimentFailed):  # nothing succeeded, and that is said
                    self.experiment.run()
            store.close()
        except RunnerDies:
            # The connection stays open, as nobody closes that of a killed process.
            abandoned.append(store)
        except BaseException as error:
            self.error = error
        finally:
            self.is_over = True
            self._rests.release()

    def turn(self, dies_at: str | None = None) -> None:
        """Let it go one turn, to the next moment at which it waits, or to its end."""
        self.trials.dies_at = dies_at
        self._goes.release()
        self.rest()

    def rest(self) -> None:
        assert self._rests.acquire(timeout=60)
        if self.error is not None:
            raise self.error

    @property
    def _unlink(self) -> Callable[..., None]:
        unlink = Path.unlink

        def or_die(path: Path, missing_ok: bool = False) -> None:
            if self.trials.dies_at == "unlink" and path.parent.name == "commands":
                raise RunnerDies
            unlink(path, missing_ok=missing_ok)

        return or_die

    # -- what the loop calls, in the place of `Wake`

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        pass

    def wait(self, pause: float | None) -> tuple[bool, set[int]]:
        self._rests.release()
        self._goes.acquire()
        if self.trials.dies_at == "wait":
            raise RunnerDies
        return True, set(self.trials.running)


abandoned: list[Store] = []


@dataclass
class Expected:
    """What the model knows of a trial.

    Attributes:
        reports: what this attempt reported, in order, and before it those of the attempts it goes on from.
        told: how many of them it reported itself.
        earlier: those of the attempts before this one.
        start: how many of these its checkpoint covers.
        final: the first result that it called final.
        is_bad: it called something final that is no number.
        end: its state and value, once it has ended.
    """

    attempt: int = 1
    retries: int = 0
    reports: list[float] = field(default_factory=list)
    told: int = 0
    earlier: list[float] = field(default_factory=list)
    start: int = 0
    final: float | None = None
    is_bad: bool = False
    is_canceled: bool = False
    end: tuple[TrialState, float | None, str | None] | None = None

    def begin_again(self, *, failed: bool) -> None:
        self.attempt += 1
        self.retries += failed
        self.earlier = self.reports if self.told else self.earlier
        self.reports, self.told, self.start = [], 0, 0
        self.final, self.is_bad, self.is_canceled = None, False, False


def _is_alive(machine: AnExperiment) -> bool:
    return machine.runner is not None and not machine.runner.is_over


def _some_run(machine: AnExperiment) -> bool:
    """Tell whether a trial runs that has not ended without its runner's knowing."""
    alive = machine.runner if _is_alive(machine) else None
    return alive is not None and bool(alive.trials.running.keys() - machine.pending.keys())


is_alive, some_run = precondition(_is_alive), precondition(_some_run)
values = st.floats(allow_nan=False, allow_infinity=False, width=16)
picks = st.integers(0, 7)


class AnExperiment(RuleBasedStateMachine):
    """Rules: what trials, users and the machine may do. Invariants: what must hold after each."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="hpo-machine-"))
        self.runner: Runner | None = None
        self.expected: dict[int, Expected] = {}
        self.pending: dict[int, int | None] = {}  # ended, and the runner does not know yet
        self.enqueued: list[float] = []
        self.has_stopped = False

    def teardown(self) -> None:
        if self.runner is not None and not self.runner.is_over:
            self.runner.turn(dies_at="wait")
        while abandoned:
            store = abandoned.pop()
            if store._flusher is not None:
                store._flusher.close()
        shutil.rmtree(self.folder)

    @initialize(
        direction=st.sampled_from(["maximize", "minimize"]),
        concurrency=st.integers(1, 3),
        limit=st.integers(1, 6),
        retries=st.integers(0, 1),
    )
    def begin(self, direction: str, concurrency: int, limit: int, retries: int) -> None:
        self.direction, self.concurrency, self.limit, self.retries = direction, concurrency, limit, retries
        config = Config(
            tuner=Algorithm(name="Random"), seed=1, max_trials=limit, trial_concurrency=concurrency,
            retries=retries, direction=direction, max_failures=10_000,
        )  # fmt: skip
        for name in ("trials", "commands"):
            (self.folder / name).mkdir()
        Store.create(
            self.folder, id="machine", name="machine", direction=direction, space=SPACE.to_json(),
            defaults={}, config={"settings": config.model_dump(mode="json", exclude={"space"}), "plan": {}},
        ).close()  # fmt: skip
        self.resume()

    # -- what the machine does

    @precondition(lambda self: self.runner is None or self.runner.is_over)
    @rule()
    def resume(self) -> None:
        for each in self.expected.values():
            each.is_canceled = False
        self.has_stopped = False
        self.runner = Runner(self.folder)
        self.runner.start()
        self.runner.rest()
        self.runner_started()

    def runner_started(self) -> None:
        """Know the trials that began in this turn."""
        assert self.runner is not None
        trials = self.runner.trials
        for number in trials.running:
            known = self.expected.setdefault(number, Expected())
            assert known.end is None, f"trial {number} runs again after its end"
            assert trials.attempts[number] == known.attempt
        assert len(trials.running) <= max(self.concurrency, getattr(self, "ran", 0))
        self.ran = len(trials.running)

    @is_alive
    @rule()
    def turn(self) -> None:
        self._turn(None)

    @is_alive
    @rule(where=st.sampled_from(["wait", "transaction", "unlink", "start"]))
    def the_runner_dies(self, where: str) -> None:
        """It dies between two transactions, in the middle of one, or once one is committed.

        Then it has yet to forget the wishes that it obeyed, or to start what is to run.
        """
        self._turn(where)

    def _turn(self, dies_at: str | None) -> None:
        assert self.runner is not None
        runner = self.runner
        runner.turn(dies_at)
        is_committed = not runner.is_over or dies_at in (None, "unlink", "start")
        if is_committed:
            self._take_ends()
        if runner.is_over and dies_at is not None:
            self._lose_what_runs()
            return
        self.runner_started()

    def _take_ends(self) -> None:
        """Judge those that ended: the runner knows of them now."""
        assert self.runner is not None
        for number, status in self.pending.items():
            known = self.expected[number]
            if known.final is not None:
                known.end = (TrialState.SUCCEEDED, known.final, None)
                continue
            if known.is_canceled:
                known.end = (TrialState.USER_CANCELED, None, None)
                continue
            if self.has_stopped and number in self.runner.trials.told_to_end:
                known.begin_again(failed=False)
                continue
            failure = self._failure(status, known)
            if known.retries < max(self.retries, 2 if failure == "lost" else 0):
                known.begin_again(failed=True)
            else:
                known.end = (TrialState.FAILED, None, failure)
        self.pending.clear()

    @staticmethod
    def _failure(status: int | None, known: Expected) -> str:
        if known.is_bad:
            return "bad_value"
        if status is None:
            return "lost"
        return "no_result" if status == 0 else "signal" if status < 0 else "exit"

    def _lose_what_runs(self) -> None:
        """A runner takes its trials with it; what they reported is adopted when it is resumed."""
        self.pending.clear()
        store = Store(self.folder)
        running = [row.number for row in store.trials(states=[TrialState.RUNNING])]
        store.close()
        for number in running:
            known = self.expected.setdefault(number, Expected())
            if known.final is not None:
                known.end = (TrialState.SUCCEEDED, known.final, None)
            else:
                known.begin_again(failed=False)
        self.ran = 0

    # -- what trials do

    def _pick(self, pick: int) -> tuple[int, Path]:
        assert self.runner is not None
        able = sorted(self.runner.trials.running.keys() - self.pending.keys())
        number = able[pick % len(able)]
        return number, self.runner.trials.running[number]

    def _write(self, directory: Path, number: int, record: Mapping[str, Any] | bytes) -> None:
        line = (
            record
            if isinstance(record, bytes)
            else json.dumps({**record, "time": 1.0, "attempt": self.expected[number].attempt}).encode()
            + b"\n"
        )
        with (directory / "metrics.jsonl").open("ab") as spool:
            spool.write(line)

    @some_run
    @rule(pick=picks, value=values)
    def report(self, pick: int, value: float) -> None:
        number, directory = self._pick(pick)
        known = self.expected[number]
        if not known.told and known.final is None:
            known.reports = known.earlier[: known.start]
        self._write(directory, number, {"type": "intermediate", "step": len(known.reports), "value": value})
        known.reports = [*known.reports, value]
        known.told += 1

    @some_run
    @rule(pick=picks, passes=st.integers(1, 3))
    def go_on_from_a_checkpoint(self, pick: int, passes: int) -> None:
        number, _ = self._pick(pick)
        self.expected[number].start = min(passes, len(self.expected[number].earlier))

    @some_run
    @rule(pick=picks, value=values)
    def report_the_final_result(self, pick: int, value: float) -> None:
        number, directory = self._pick(pick)
        self._write(directory, number, {"type": "final", "value": value})
        known = self.expected[number]
        if not known.told:
            known.reports = known.earlier  # no pass was left to make
        known.final = value if known.final is None else known.final

    @some_run
    @rule(pick=picks)
    def report_what_is_no_number(self, pick: int) -> None:
        number, directory = self._pick(pick)
        self._write(directory, number, {"type": "final", "value": None, "bad": "nan is no finite number"})
        self.expected[number].is_bad = True

    @some_run
    @rule(
        pick=picks,
        noise=st.sampled_from([b"\n", b"{}\n", b"\xff\n", b'{"type": "final", "value": 3, "attempt": 99}\n']),
    )
    def write_noise(self, pick: int, noise: bytes) -> None:
        number, directory = self._pick(pick)
        self._write(directory, number, noise)

    @some_run
    @rule(pick=picks, status=st.sampled_from([0, 0, 1, -9, None]))
    def end(self, pick: int, status: int | None) -> None:
        number, _ = self._pick(pick)
        assert self.runner is not None
        self.runner.trials.ended.append(Ended(number, status))
        self.pending[number] = status

    # -- what users do

    @is_alive
    @rule(concurrency=st.integers(1, 3), more=st.integers(0, 2))
    def update(self, concurrency: int, more: int) -> None:
        self.concurrency, self.limit = concurrency, self.limit + more
        home.send_command(
            self.folder,
            {"do": "update", "settings": {"trial_concurrency": concurrency, "max_trials": self.limit}},
        )

    @rule(x=st.floats(0, 1))
    def enqueue(self, x: float) -> None:
        if (self.folder / "commands").is_dir() and len(self.enqueued) < 4:
            home.send_command(self.folder, {"do": "enqueue", "parameters": {"x": x}})
            self.enqueued.append(x)

    @some_run
    @rule(pick=picks)
    def cancel(self, pick: int) -> None:
        number, _ = self._pick(pick)
        home.send_command(self.folder, {"do": "kill", "trial": number})
        self._turn(None)
        self.expected[number].is_canceled |= not self.has_stopped  # of two, the first

    @is_alive
    @rule()
    def stop(self) -> None:
        home.send_command(self.folder, {"do": "stop"})
        self.has_stopped = True
        self._turn(None)

    # -- what must hold

    @invariant()
    def the_store_is_as_the_model(self) -> None:
        if not (self.folder / "experiment.db").exists():
            return
        with contextlib.closing(Store(self.folder)) as store:
            rows = store.trials()
            assert [row.number for row in rows] == list(range(len(rows)))
            for row in rows:
                known = self.expected.get(row.number)
                if known is None:  # enqueued, and not begun
                    assert (row.origin, row.state) == ("user", TrialState.WAITING)
                elif row.state.is_final:
                    assert (row.state, row.value, row.failure) == known.end, row
                    assert [m.value for m in store.metrics(row.number)] == known.reports, row
                elif row.state is TrialState.RUNNING:
                    assert row.attempt in (known.attempt, known.attempt - 1), row
            ends = [row for row in rows if row.state.is_final]
            assert sorted(row.told for row in ends) == list(range(len(ends)))  # type: ignore[type-var]
            best = (max if self.direction == "maximize" else min)(
                (row.value for row in rows if row.value is not None and row.state is TrialState.SUCCEEDED),
                default=None,
            )
            found = store.best()
            assert (None if found is None else found.value) == best
            assert sum(row.origin == "tuner" for row in rows) <= self.limit
            self._check_runner(store)

    def _check_runner(self, store: Store) -> None:
        runner = self.runner
        if runner is None or runner.experiment is None:
            return
        if runner.is_over and runner.trials.dies_at is not None:
            return
        rows = store.trials()
        told = sorted((row for row in rows if row.told is not None), key=lambda row: row.told or 0)
        results = [(row.number, row.value if row.state is TrialState.SUCCEEDED else None) for row in told]
        assert list(runner.experiment.tuner.results.items()) == results
        obeyed = [row.parameters["x"] for row in rows if row.origin == "user"]
        left = [wish["parameters"]["x"] for _, wish in home.commands(self.folder) if wish["do"] == "enqueue"]
        assert obeyed + left == self.enqueued
        running = {row.number for row in rows if row.state is TrialState.RUNNING}
        assert running == set(runner.trials.running)
        if runner.is_over:
            assert store.experiment()["status"] in ("done", "stopped", "error")
            if store.experiment()["status"] == "done":
                assert not running
                assert all(row.state.is_final for row in rows)


TestAnExperiment = AnExperiment.TestCase
TestAnExperiment.settings = settings(
    max_examples=int(os.environ.get("HPO_FUZZ_EXAMPLES", "20")), stateful_step_count=30, deadline=None
)


def test_a_wish_outlives_a_runner_that_dies_over_it() -> None:
    experiment = AnExperiment()
    experiment.begin("maximize", concurrency=2, limit=3, retries=0)
    experiment.update(concurrency=1, more=0)
    experiment.the_runner_dies("transaction")
    experiment.resume()
    assert experiment.runner is not None
    assert len(experiment.runner.trials.running) == 1
    experiment.teardown()
