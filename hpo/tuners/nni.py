"""What lets classes written against NNI's bases (`nni_bases`) serve here.

A class in a user's file says ``from nni.tuner import Tuner``, and runs whether NNI is installed or not:
where it is not, `standing_in_for_nni` answers for NNI's modules.
"""

from __future__ import annotations

import inspect
import json
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import Enum
from typing import Any, ClassVar

from hpo.errors import TunerError
from hpo.parameters import identity
from hpo.space import Configuration, SearchSpace
from hpo.space_json import CONSTRAINTS
from hpo.trial import Trial, TrialState
from hpo.tuners import assessor as ours_assessor
from hpo.tuners import base as ours
from hpo.tuners import nni_bases as bases
from hpo.tuners.nni_modules import standing_in_for_nni

__all__ = ["NNIAssessor", "NNITuner", "result_of"]

# The ids of results that a tuner did not ask for begin here, far from those that it did.
_FOREIGN = 10**9


def call(wrapped: Any, method: str, *arguments: Any, **more: Any) -> Any:
    """Call a method of a class of NNI's kind, which may import from NNI in there.

    Args:
        wrapped: the object.
        method: its method; one that is not there is not called.
        *arguments: what it takes.
        **more: what NNI gives besides; a method that does not name them goes without.
    """
    function = getattr(wrapped, method, None)
    if function is None:
        return None
    if more:
        parameters = inspect.signature(function).parameters
        takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        more = {name: value for name, value in more.items() if takes_any or name in parameters}
    with standing_in_for_nni():
        return function(*arguments, **more)


def end(wrapped: Any, *, failed: bool) -> None:
    """Let an object of NNI's kind close what it has open."""
    call(wrapped, "_on_error" if failed else "_on_exit")


def result_of(value: float, data: Mapping[str, Any] | None) -> Any:
    """Return a result as NNI hands it over: a dict where the trial reported one."""
    return value if data is None else dict(data)


class NNITuner(ours.Tuner):
    """Run a tuner of NNI's kind.

    What such a tuner remembers is its own, so a resumed experiment is like one that began with the data
    of another: the results of trials that it did not propose come by `import_data`, all at once, as in
    NNI; one that does not write that method gets them as if they were its own. When it comes to propose
    what an earlier run has tried, as a list or a grid does, it is told that result, and asked again.
    """

    name = "NNITuner"
    repeats = True  # as in NNI, what it proposes runs
    #: The user's class.
    wrapped: ClassVar[type]
    #: Its method that takes results of trials that it did not ask for.
    importer: ClassVar[str] = "import_data"

    def __init__(
        self, space: SearchSpace, *, direction: ours.Direction, seed: int, class_args: Mapping[str, Any]
    ) -> None:
        super().__init__(space, direction=direction, seed=seed)
        with standing_in_for_nni():
            self.inner: Any = self.wrapped(**class_args)
        self.begin({n: v for n, v in space.to_json().items() if n != CONSTRAINTS})
        self._is_resumed = False
        self._asked = 0  # NNI's parameter ids: 0, 1, 2, ...
        self._made: dict[int, tuple[int, dict[str, Any]]] = {}  # by trial: the id, and what was generated
        self._foreign: dict[str, deque[Trial]] = {}  # what others proposed, by configuration
        self._unlearnt: list[tuple[Trial, float]] = []

    def begin(self, space: dict[str, Any]) -> None:
        """Hand over the search space, as NNI writes it."""
        call(self.inner, "update_search_space", space)

    def end(self, *, failed: bool) -> None:
        end(self.inner, failed=failed)

    def check_proposal(self, trial: Trial) -> None:
        """Let NNI's tuners add keys and leave domains, as they may, but not mean another space."""
        if not trial.parameters.keys() & self.space.parameters.keys():
            names = ", ".join(self.space.parameters)
            raise TunerError(
                f"the tuner {self.name} generated {trial.parameters}, with no parameter of the space",
                help=f"let generate_parameters return values for {names}",
            )

    def add(self, trial: Trial) -> None:
        super().add(trial)
        if trial.state is not TrialState.WAITING and not self._is_resumed:
            self._is_resumed = True
            call(self.inner, "load_checkpoint")
        self._foreign.setdefault(identity(trial.parameters), deque()).append(trial)

    def suggest(self, number: int) -> Trial | None:
        self._learn()
        while True:
            parameter_id, self._asked = self._asked, self._asked + 1
            try:
                some = list(call(self.inner, "generate_multiple_parameters", [parameter_id]))
            except bases.NoMoreTrialError:
                some = []
            if not some:
                self.done = not self.running
                return None
            made = some[0]
            configuration = self.configuration(made)
            if not self.space.is_feasible(configuration):
                configuration = self.space.feasible(configuration)
                made = self.space.nested(configuration)
            tried = self._foreign.get(identity(configuration))
            if not tried:
                self._made[number] = parameter_id, made
                return Trial(number, configuration)
            trial = tried.popleft()
            self._made[trial.number] = parameter_id, made
            if trial.number in self.results:
                self._give_result(trial, self.results[trial.number])

    def observe(self, trial: Trial, value: float | None) -> None:
        if trial.number in self._made:
            self._give_result(trial, value)
        elif value is not None:
            self._unlearnt.append((trial, value))

    def _give_result(self, trial: Trial, value: float | None) -> None:
        parameter_id, made = self._made.pop(trial.number)
        if value is not None:
            self._receive(parameter_id, made, trial, value)
        call(self.inner, "trial_end", parameter_id, value is not None)

    def _receive(self, parameter_id: int, made: Any, trial: Trial, value: float) -> None:
        told = parameter_id, made, result_of(value, trial.data)
        more = {"customized": False, "trial_job_id": str(trial.number)}
        call(self.inner, "receive_trial_result", *told, **more)

    def _learn(self) -> None:
        """Hand over what came of trials that it did not propose."""
        told, self._unlearnt = self._unlearnt, []
        if not told:
            return
        if self._imports():
            self.import_data(told)
            return
        for trial, value in told:
            # One that looks up what it generated under the id knows nothing of this one; NNI would not
            # have told it either.
            with suppress(LookupError):
                self._receive(_FOREIGN + trial.number, self.space.nested(trial.parameters), trial, value)

    def import_data(self, told: Sequence[tuple[Trial, float]]) -> None:
        """Hand over results that it did not ask for, all at once."""
        data = [
            {"parameter": self.space.nested(trial.parameters), "value": result_of(value, trial.data)}
            for trial, value in told
        ]
        call(self.inner, self.importer, data)

    def _imports(self) -> bool:
        """Tell whether the class has its own `import_data`, and not that of a base of NNI's."""
        owner = next((c for c in type(self.inner).__mro__ if self.importer in c.__dict__), None)
        return owner is not None and not owner.__module__.startswith(("nni.", "hpo.tuners.nni_"))

    def configuration(self, made: Any) -> Configuration:
        """Return what was generated as the trial gets it: plain JSON, flat."""
        try:
            plain = json.loads(json.dumps(made, allow_nan=False, default=lambda value: value.tolist()))
            configuration = self.space.flatten(plain)
            self.space.nested(configuration)
        except (TypeError, ValueError, AttributeError, KeyError):
            raise TunerError(
                f"the tuner {self.name} generated {made!r}, which is no configuration of the space",
                help="let generate_parameters return a dict of numbers and texts, by the parameters' names",
            ) from None
        return configuration


class NNIAssessor(ours_assessor.Assessor):
    """Run an assessor of NNI's kind."""

    name = "NNIAssessor"
    wrapped: ClassVar[type]

    def __init__(self, *, direction: ours.Direction, class_args: Mapping[str, Any]) -> None:
        super().__init__(direction=direction)
        with standing_in_for_nni():
            self.inner: Any = self.wrapped(**class_args)
        self._ended: set[int] = set()

    def should_stop(self, trial: Trial, peers: Sequence[Trial]) -> bool:
        for peer in peers:
            if peer.state.is_final and peer.number not in self._ended:
                self._ended.add(peer.number)
                call(self.inner, "trial_end", str(peer.number), peer.state is TrialState.SUCCEEDED)
        history = [result_of(metric.value, metric.data) for metric in trial.intermediate]
        answer = call(self.inner, "assess_trial", str(trial.number), history)
        # NNI takes its enumeration and plain truth values.
        good = answer.value if isinstance(answer, Enum) else answer
        if not isinstance(good, bool):
            raise TunerError(
                f"the assessor {self.name} answered {answer!r} of trial {trial.number}",
                help="let assess_trial return AssessResult.Good or AssessResult.Bad",
            )
        return not good

    def end(self, *, failed: bool) -> None:
        end(self.inner, failed=failed)
