"""What `hpo.tuners.testing` offers; it is a module of its own so that pytest can rewrite its assertions."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import pytest

from hpo import tuners
from hpo.errors import TunerError
from hpo.objectives import Objectives
from hpo.parameters import identity
from hpo.space import SearchSpace
from hpo.trial import Metric, Trial, TrialState
from hpo.tuners.base import Direction, Tuner

__all__ = ["SPACES", "TunerContract"]

SPACES: Mapping[str, dict[str, Any]] = {
    "every domain": {
        "choice": {"_type": "choice", "_value": ["a", 1, 1.5, True, None]},
        "randint": {"_type": "randint", "_value": [-3, 40]},
        "uniform": {"_type": "uniform", "_value": [-1e6, 1e6]},
        "quniform": {"_type": "quniform", "_value": [2, 10, 5]},
        "loguniform": {"_type": "loguniform", "_value": [1e-12, 1e3]},
        "qloguniform": {"_type": "qloguniform", "_value": [1, 1000, 0.5]},
        "normal": {"_type": "normal", "_value": [3, 0.1]},
        "qnormal": {"_type": "qnormal", "_value": [0, 10, 3]},
        "lognormal": {"_type": "lognormal", "_value": [0, 2]},
        "qlognormal": {"_type": "qlognormal", "_value": [1, 1, 1]},
    },
    "continuous": {
        "x": {"_type": "uniform", "_value": [-5, 10]},
        "y": {"_type": "loguniform", "_value": [1e-4, 1]},
    },
    "conditional": {
        "optimizer": {"_type": "choice", "_value": ["sgd", "adam", "lbfgs"]},
        "lr": {"_type": "loguniform", "_value": [1e-5, 1], "_when": {"optimizer": ["sgd", "adam"]}},
        "nesterov": {"_type": "choice", "_value": [True, False], "_when": {"optimizer": "sgd"}},
        "momentum": {"_type": "uniform", "_value": [0, 1], "_when": {"nesterov": [True]}},
        "width": {"_type": "randint", "_value": [1, 300]},
    },
    "nested": {
        "layer": {
            "_type": "choice",
            "_value": [
                {"_name": "none"},
                {"_name": "dense", "size": {"_type": "randint", "_value": [1, 9]}},
                {"_name": "conv", "kernel": {"_type": "choice", "_value": [3, 5]}},
            ],
        },
        "rate": {"_type": "uniform", "_value": [0, 1]},
    },
    "finite": {
        "a": {"_type": "choice", "_value": ["x", "y", "z"]},
        "b": {"_type": "randint", "_value": [0, 3]},
        "c": {"_type": "quniform", "_value": [0, 1, 0.5], "_when": {"a": ["x", "z"]}},
    },
    "lists": {
        "features": {"_type": "subset", "_value": ["age", "fare", "sex", "class", 5, None], "_max": 4},
        "order": {"_type": "permutation", "_value": ["scale", "clip", "blur", "crop"]},
        "extra": {"_type": "choice", "_value": [False, True]},
        "steps": {
            "_type": "subset",
            "_value": list("abcdefghijkl"),
            "_min": 3,
            "_max": 3,
            "_when": {"extra": [True]},
        },
        "rate": {"_type": "uniform", "_value": [0, 1]},
        "_constraints": ["len(features) >= 1 and 'fare' in features"],
    },
    "finite lists": {
        "some": {"_type": "subset", "_value": ["a", "b", "c"], "_min": 1},
        "order": {"_type": "permutation", "_value": [1, 2]},
    },
    "one value": {"only": {"_type": "choice", "_value": ["this"]}},
    "one choice": {"batch": {"_type": "choice", "_value": [{"lr": 0.1}, {"lr": 0.2}, {"lr": 0.3}]}},
}

#: Values that break careless arithmetic.
EXTREMES: Mapping[str, tuple[float, ...]] = {
    "constant": (1.0,),
    "zero": (0.0, -0.0),
    "sixty orders of magnitude": tuple(10.0**e for e in range(-30, 31, 4)),
    "both signs": (-1e30, 1e30, 1e-30, -1e-30),
    "the largest numbers": (1.7e308, -1.7e308, 5e-324),
    "no finite number": (math.nan, math.inf, -math.inf, 1.0),
}

#: What `TunerContract.plain` has found, by class and space.
_PLAIN: dict[tuple[type, str], list[Trial]] = {}


class TunerContract:
    """What an experiment relies on. Set `tuner` or `name`, and what else differs."""

    #: The class of the tuner; or else the name under which `hpo.tuners.create` knows it.
    tuner: ClassVar[type[Tuner] | None] = None
    name: ClassVar[str]
    #: Its own arguments.
    class_args: ClassVar[Mapping[str, Any]] = {}
    #: The spaces of `SPACES` that it must take; it may refuse the others.
    spaces: ClassVar[tuple[str, ...]] = tuple(SPACES)
    #: How many trials a test runs; enough for the model to come into play.
    trials: ClassVar[int] = 40

    def create(self, space: SearchSpace, *, direction: Direction = "minimize", seed: int = 0) -> Tuner:
        """Return a fresh tuner."""
        return tuners.create(self._tuner, space, direction=direction, seed=seed, **self.class_args)

    @property
    def _tuner(self) -> type[Tuner]:
        return self.tuner or tuners.find(self.name)

    def plain(self, space: SearchSpace) -> list[Trial]:
        """Return what is proposed when each result is there before the next proposal.

        It is found once for all the tests that look at it, or compare with it.
        """
        key = type(self), json.dumps(space.to_json())
        if key not in _PLAIN:
            _PLAIN[key] = list(_run(self.create(space), self.trials))
        return _PLAIN[key]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run each test for each of the spaces that the tuner takes, or refuses."""
        taken = {name: SearchSpace.from_json(SPACES[name]) for name in self.spaces}
        if "space" in metafunc.fixturenames:
            metafunc.parametrize("space", taken.values(), ids=taken)
        if "refused" in metafunc.fixturenames:
            refused = [name for name in SPACES if name not in taken]
            metafunc.parametrize(
                "refused", [SPACES[name] for name in refused] or [{}], ids=refused or ["empty"]
            )

    def test_a_space_that_it_cannot_search_is_refused_at_the_start(self, refused: Any) -> None:
        with pytest.raises(TunerError) as refusal:
            self.create(SearchSpace.from_json(refused))
        assert refusal.value.help, "a refusal says which tuners can search the space"

    # -- what is proposed

    def test_every_proposal_lies_in_the_space_and_is_json(self, space: SearchSpace) -> None:
        for trial in self.plain(space):
            space.check(trial.parameters)
            for name, value in trial.parameters.items():
                assert space[name].contains(value)
            assert json.loads(json.dumps(trial.parameters)) == trial.parameters
            assert json.loads(json.dumps(trial.memo)) == trial.memo
            assert _all_plain(trial.parameters), "numpy's numbers are no JSON"

    def test_numbers_count_from_zero(self, space: SearchSpace) -> None:
        numbers = [trial.number for trial in self.plain(space)]
        assert numbers == list(range(len(numbers)))

    def test_nothing_is_proposed_twice_while_a_finite_space_has_others(self, space: SearchSpace) -> None:
        size = None if space.size() is None else sum(1 for _ in space.configurations())
        if size is not None and size <= self.trials:
            # One with more passes is another trial.
            seen = [identity([t.parameters, t.memo.get("budget")]) for t in _run(self.create(space), size)]
            assert len(set(seen)) == size

    def test_checkpoints_are_those_of_ended_trials_with_fewer_passes(self, space: SearchSpace) -> None:
        tuner = self.create(space)
        for trial in _run(tuner, self.trials, in_flight=3, failing=5):
            budget, earlier = trial.memo.get("budget"), trial.memo.get("continues")
            assert budget is None or (isinstance(budget, int) and budget >= 1)
            if earlier is not None:
                assert earlier in tuner.results
                assert budget is not None
                assert budget > tuner.trials[earlier].memo["budget"]

    def test_none_means_done_or_wait(self, space: SearchSpace) -> None:
        tuner = self.create(space)
        for _ in range(self.trials):
            trial = tuner.ask()
            if trial is None:
                assert tuner.done or tuner.running
                break
            tuner.tell(trial, 1.0)
        if tuner.done:
            assert tuner.ask() is None

    def test_several_trials_in_flight_differ(self, space: SearchSpace) -> None:
        if space.size() is not None:
            return  # it may be exhausted
        tuner = self.create(space)
        for _ in _run(tuner, self.trials):
            pass
        asked = [trial for _ in range(8) if (trial := tuner.ask()) is not None]
        assert asked
        assert len({identity(t.parameters) for t in asked}) == len(asked)

    # -- a function of space, seed and results

    def test_the_same_results_give_the_same_proposals(self, space: SearchSpace) -> None:
        first = [t.parameters for t in _run(self.create(space, seed=7), self.trials, in_flight=3)]
        again = [t.parameters for t in _run(self.create(space, seed=7), self.trials, in_flight=3)]
        assert again == first

    def test_maximizing_mirrors_minimizing(self, space: SearchSpace) -> None:
        down = self.plain(space)
        up = _run(self.create(space, direction="maximize"), self.trials, sign=-1.0)
        assert [t.parameters for t in up] == [t.parameters for t in down]

    @pytest.mark.parametrize("in_flight", [1, 4])
    def test_replay_resumes_where_the_experiment_stood(self, space: SearchSpace, in_flight: int) -> None:
        tuner = self.create(space, seed=3)
        told: list[tuple[int, float | None]] = []
        for _ in _run(tuner, self.trials, in_flight=in_flight, failing=7, told=told):
            pass
        _goes_on_alike(tuner, self.create(space, seed=3), told)

    def test_explaining_changes_nothing(self, space: SearchSpace) -> None:
        plain = [t.parameters for t in self.plain(space)]
        tuner, explained = self.create(space), []
        for trial in _run(tuner, self.trials):
            explained.append(trial.parameters)
            assert json.loads(json.dumps(tuner.explain())) == tuner.explain()
        assert explained == plain

    # -- several objectives, and constraints on results

    @pytest.mark.parametrize("constraints", [(), ("size<=3", "first>0.2")], ids=["free", "constrained"])
    def test_several_objectives_are_searched_or_refused_and_resume(
        self, space: SearchSpace, constraints: tuple[str, ...]
    ) -> None:
        wanted = Objectives(["first:max", "second:min"], constraints)
        given: dict[str, Any] = {"objectives": wanted, "seed": 3, **self.class_args}
        if not self._tuner.takes_several:
            with pytest.raises(TunerError) as refusal:
                tuners.create(self._tuner, space, **given)
            assert refusal.value.help
            return
        tuner = tuners.create(self._tuner, space, **given)
        told: list[tuple[int, float | None]] = []
        for trial in _run(tuner, self.trials, in_flight=3, failing=7, told=told, several=True):
            space.check(trial.parameters)
            assert _all_plain(trial.parameters)
            assert json.loads(json.dumps(trial.memo)) == trial.memo
        assert json.loads(json.dumps(tuner.explain())) == tuner.explain()
        _goes_on_alike(tuner, tuners.create(self._tuner, space, **given), told)

    # -- what it survives

    @pytest.mark.parametrize("values", EXTREMES.values(), ids=list(EXTREMES))
    def test_extreme_results_are_survived(self, space: SearchSpace, values: tuple[float, ...]) -> None:
        tuner = self.create(space)
        for i in range(self.trials):
            trial = tuner.ask()
            if trial is None:
                break
            space.check(trial.parameters)
            tuner.tell(trial, values[i % len(values)])

    def test_failures_alone_are_survived(self, space: SearchSpace) -> None:
        tuner = self.create(space)
        for _ in range(self.trials):
            trial = tuner.ask()
            if trial is None:
                break
            trial.state, trial.failure = TrialState.FAILED, "oom"
            tuner.tell(trial, None)

    def test_stopped_trials_are_survived(self, space: SearchSpace) -> None:
        tuner = self.create(space)
        for i in range(self.trials):
            trial = tuner.ask()
            if trial is None:
                break
            trial.intermediate = [Metric(step, step / (i + 1)) for step in range(3)]
            trial.state = (TrialState.EARLY_STOPPED, TrialState.USER_CANCELED)[i % 2]
            tuner.tell(trial, None)

    def test_trials_from_outside_the_space_are_survived(self, space: SearchSpace) -> None:
        tuner = self.create(space)
        foreign: list[dict[str, Any]] = [
            {},
            {"stranger": 1},
            dict.fromkeys(space, "no such value"),
            dict.fromkeys(space, -1e300),
            dict.fromkeys(space),
            {name: [1, {"a": None}] for name in space},
        ]
        for number, parameters in enumerate(foreign):
            trial = Trial(number, parameters)
            tuner.add(trial)
            if number % 2:
                tuner.tell(trial, float(number))
        for trial in _run(tuner, self.trials):
            space.check(trial.parameters)

    def test_of_two_results_the_first_counts(self, space: SearchSpace) -> None:
        once, twice = self.create(space), self.create(space)
        for _ in range(self.trials):
            a, b = once.ask(), twice.ask()
            if a is None or b is None:
                assert a is None
                assert b is None
                break
            assert a.parameters == b.parameters
            once.tell(a, _score(a))
            twice.tell(b, _score(b))
            twice.tell(b, -1e9)

    def test_results_of_trials_that_were_never_asked_for_are_taken(self, space: SearchSpace) -> None:
        tuner, other = self.create(space), self.create(space, seed=1)
        for trial in _run(other, 5):
            tuner.tell(Trial(trial.number + 100, trial.parameters), _score(trial))
        proposal = next(_run(tuner, 1), None)
        assert tuner.done or (proposal is not None and proposal.number > 100)

    def test_an_empty_space_is_refused(self) -> None:
        with pytest.raises(TunerError):
            self.create(SearchSpace({}))


def _run(
    tuner: Tuner,
    count: int,
    *,
    in_flight: int = 1,
    failing: int = 0,
    sign: float = 1.0,
    told: list[tuple[int, float | None]] | None = None,
    several: bool = False,
) -> Iterator[Trial]:
    """Run a small experiment: results come late and out of order, and every `failing`-th trial fails."""
    waiting: list[Trial] = []
    for _ in range(count):
        trial = tuner.ask()
        if trial is not None:
            waiting.append(trial)
            yield trial
        if waiting and (trial is None or len(waiting) >= in_flight):
            # A late one first, every other time: results arrive in no order.
            ended = waiting.pop(-1 if tuner.results and len(tuner.results) % 2 else 0)
            value: float | None = sign * _score(ended)
            if failing and ended.number % failing == failing - 1:
                value, ended.state, ended.failure = None, TrialState.FAILED, "exception"
            elif several:
                ended.data = {"first": value, "second": math.sin(3 * _score(ended)), "size": ended.number % 5}
            tuner.tell(ended, value)
            if told is not None:
                told.append((ended.number, value))


def _goes_on_alike(tuner: Tuner, resumed: Tuner, told: Sequence[tuple[int, float | None]]) -> None:
    """Tell a new tuner what another was told, as a resumed experiment does, and compare what they propose."""
    records = {number: _through_the_store(trial) for number, trial in tuner.trials.items()}
    for record in records.values():
        resumed.add(record)
    for number, value in told:
        records[number].data = tuner.trials[number].data
        resumed.tell(records[number], value)
    for _ in range(3):
        expected, got = tuner.ask(), resumed.ask()
        if expected is None:
            assert got is None
            assert resumed.done == tuner.done
            break
        assert got is not None
        assert (got.number, got.parameters, got.memo) == (expected.number, expected.parameters, expected.memo)


def _score(trial: Trial) -> float:
    """Return a smooth, bounded function of a configuration, whatever its names and kinds."""
    total = 0.0
    for name, value in sorted(trial.parameters.items()):
        number = float(value) if isinstance(value, int | float) else sum(map(ord, identity(value))) % 7
        total += math.atan(number - len(name) / 3) ** 2
    return total


def _through_the_store(trial: Trial) -> Trial:
    """Return a trial as a resumed experiment reads it."""
    parameters, memo = json.loads(json.dumps([trial.parameters, trial.memo]))
    copy = Trial(trial.number, parameters, state=trial.state, value=trial.value, memo=memo)
    copy.intermediate, copy.failure = list(trial.intermediate), trial.failure
    return copy


def _all_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_all_plain, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_all_plain, value))
    return type(value) in (bool, int, float, str, type(None))
