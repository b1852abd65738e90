"""A store, step by step, against a model in memory. ``HPO_FUZZ_EXAMPLES=2000`` looks longer."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hpo.runtime.spool import Intermediate
from hpo.runtime.store import Store
from hpo.trial import Trial, TrialState

ENDS = [state for state in TrialState if state.is_final and state is not TrialState.SUCCEEDED]


class Failure(Exception):
    """Something goes wrong inside a transaction."""


@dataclass
class Known:
    """What the model knows of a trial."""

    parameters: dict[str, Any]
    state: TrialState = TrialState.WAITING
    attempt: int = 1
    retries: int = 0
    value: float | None = None
    data: dict[str, Any] | None = None
    told: int | None = None
    failure: str | None = None
    metrics: list[tuple[int, float]] = field(default_factory=list)


numbers = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(codec="utf-8"), max_size=5)
objects = st.none() | st.dictionaries(texts, numbers | texts, min_size=1, max_size=2)
picks = st.integers(0, 9)


class AStore(RuleBasedStateMachine):
    """Rules: what the runner writes. Invariants: what everybody reads."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="hpo-store-"))
        self.trials: list[Known] = []
        self.events: list[str] = []
        self.before: tuple[list[Known], list[str]] | None = None  # of a transaction that is open

    @initialize(direction=st.sampled_from(["maximize", "minimize"]))
    def create(self, direction: str) -> None:
        self.direction = direction
        self.store = Store.create(
            self.folder, id="e", name="e", direction=direction, config={}, space={}, defaults={}
        )

    def teardown(self) -> None:
        if self.before is not None:
            self.roll_back()
        self.store.close()
        with contextlib.closing(sqlite3.connect(self.folder / "experiment.db")) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        shutil.rmtree(self.folder)

    # -- transactions

    @precondition(lambda self: self.before is None)
    @rule()
    def begin(self) -> None:
        self.before = deepcopy(self.trials), list(self.events)
        self._open = self.store.transaction()
        self._open.__enter__()

    @precondition(lambda self: self.before is not None)
    @rule()
    def commit(self) -> None:
        self._open.__exit__(None, None, None)
        self.before = None

    @precondition(lambda self: self.before is not None)
    @rule()
    def roll_back(self) -> None:
        assert self.before is not None
        error = Failure()
        with contextlib.suppress(Failure):
            self._open.__exit__(Failure, error, None)
        (self.trials, self.events), self.before = self.before, None

    @precondition(lambda self: self.before is None)
    @rule(is_closed=st.booleans())
    def open_again(self, is_closed: bool) -> None:
        """Open it after its runner ended in good order, or died."""
        if is_closed:
            self.store.close()
        self.store = Store(self.folder, read_only=False)

    # -- writing

    @rule(x=numbers, text=texts)
    def add(self, x: float, text: str) -> None:
        known = Known({"x": x, "text": text})
        self.store.add_trial(Trial(len(self.trials), dict(known.parameters)), "tuner")
        self.trials.append(known)

    def _pick(self, pick: int, *states: TrialState) -> int | None:
        fit = [n for n, known in enumerate(self.trials) if known.state in states]
        return fit[pick % len(fit)] if fit else None

    @rule(pick=picks)
    def start(self, pick: int) -> None:
        number = self._pick(pick, TrialState.WAITING)
        if number is not None:
            self.store.start_trial(number, [])
            self.trials[number].state = TrialState.RUNNING

    @rule(pick=picks, reports=st.lists(st.tuples(st.integers(-(2**62), 2**62), numbers), max_size=3))
    def report(self, pick: int, reports: list[tuple[int, float]]) -> None:
        number = self._pick(pick, TrialState.RUNNING)
        if number is not None:
            first = len(self.trials[number].metrics)
            written = [(first + i, Intermediate(s, v, None, None, 0.0)) for i, (s, v) in enumerate(reports)]
            self.store.add_metrics(number, written)
            self.trials[number].metrics += reports

    @rule(pick=picks, value=numbers, data=objects)
    def report_final(self, pick: int, value: float, data: dict[str, Any] | None) -> None:
        number = self._pick(pick, TrialState.RUNNING)
        if number is not None:
            self.store.set_value(number, value, data)
            self.trials[number].value, self.trials[number].data = value, data

    @rule(pick=picks, state=st.sampled_from(ENDS))
    def end(self, pick: int, state: TrialState) -> None:
        number = self._pick(pick, TrialState.RUNNING)
        if number is not None:
            known = self.trials[number]
            known.state = state if known.value is None else TrialState.SUCCEEDED
            known.failure = "exit" if known.state is TrialState.FAILED else None
            known.told = max((t.told for t in self.trials if t.told is not None), default=-1) + 1
            trial = Trial(number, known.parameters, state=known.state, value=known.value)
            trial.failure = known.failure
            self.store.end_trial(trial, told=known.told, duration=1.0, detail=None)

    @rule(pick=picks, failed=st.booleans())
    def run_again(self, pick: int, failed: bool) -> None:
        number = self._pick(pick, TrialState.RUNNING)
        if number is not None:
            self.store.requeue_trial(number, failed=failed)
            known = self.trials[number]
            known.state, known.value, known.data, known.metrics = TrialState.WAITING, None, None, []
            known.attempt, known.retries = known.attempt + 1, known.retries + failed

    @rule(text=texts)
    def note(self, text: str) -> None:
        self.store.add_event("note", text)
        self.events.append(text)

    # -- reading

    @invariant()
    def all_is_there(self) -> None:
        if not hasattr(self, "store"):
            return
        self._check(self.store, self.trials, self.events)
        with contextlib.closing(Store(self.folder)) as reader:  # sees what is committed, and nothing else
            self._check(reader, *(self.before or (self.trials, self.events)))

    def _check(self, store: Store, trials: list[Known], events: list[str]) -> None:
        found = [
            Known(
                row.parameters, row.state, row.attempt, row.retries, row.value, row.data, row.told,
                row.failure, [(m.step, m.value) for m in store.metrics(row.number)],
            )
            for row in store.trials()
        ]  # fmt: skip
        assert found == trials
        assert [event["message"] for event in store.events()] == events
        states = [known.state.value for known in trials]
        assert store.counts() == {state: states.count(state) for state in set(states)}
        told = [known for known in trials if known.told is not None]
        assert store.last_told() == len(told) - 1
        rows = [(-k.value if self.direction == "maximize" else k.value, n) for n, k in enumerate(trials)
                if k.state is TrialState.SUCCEEDED and k.value is not None]  # fmt: skip
        best = store.best()
        assert (None if best is None else best.number) == (min(rows)[1] if rows else None)


TestAStore = AStore.TestCase
TestAStore.settings = settings(
    max_examples=int(os.environ.get("HPO_FUZZ_EXAMPLES", "20")), stateful_step_count=30, deadline=None
)
