"""What lets classes written against NNI's bases (`nni_bases`) serve here.

A class in a user's file says ``from nni.tuner import Tuner``, and runs whether NNI is installed or not:
where it is not, `standing_in_for_nni` answers for the modules ``nni``, ``nni.tuner``, ``nni.assessor`` and
``nni.utils``.
"""

from __future__ import annotations

import json
import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from enum import Enum
from importlib.util import find_spec
from types import ModuleType
from typing import Any, ClassVar

from hpo.errors import TunerError
from hpo.parameters import identity
from hpo.space import Configuration, SearchSpace
from hpo.space_json import CONSTRAINTS
from hpo.trial import Trial, TrialState
from hpo.tuners import assessor as ours_assessor
from hpo.tuners import base as ours
from hpo.tuners import nni_bases as bases

__all__ = ["NNIAssessor", "NNITuner", "standing_in_for_nni"]

# The ids of results that a tuner did not ask for begin here, far from those that it did.
_FOREIGN = 10**9


@contextmanager
def standing_in_for_nni() -> Iterator[None]:
    """Let ``import nni`` find these classes while the block runs, where NNI itself is not installed."""
    if "nni" in sys.modules or find_spec("nni") is not None:
        yield
        return
    contents = {
        "nni": ("NoMoreTrialError",),
        "nni.tuner": ("Tuner",),
        "nni.assessor": ("Assessor", "AssessResult"),
        "nni.utils": ("OptimizeMode", "extract_scalar_history", "extract_scalar_reward"),
    }
    for name, members in contents.items():
        module = ModuleType(name)
        module.__dict__.update({member: getattr(bases, member) for member in members})
        sys.modules[name] = module
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, module)
    try:
        yield
    finally:
        for name in contents:
            del sys.modules[name]


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

    def __init__(
        self, space: SearchSpace, *, direction: ours.Direction, seed: int, class_args: Mapping[str, Any]
    ) -> None:
        super().__init__(space, direction=direction, seed=seed)
        self.inner: Any = self.wrapped(**class_args)
        self.inner.update_search_space({n: v for n, v in space.to_json().items() if n != CONSTRAINTS})
        self._asked = 0  # NNI's parameter ids: 0, 1, 2, ...
        self._made: dict[int, tuple[int, dict[str, Any]]] = {}  # by trial: the id, and what was generated
        self._foreign: dict[str, deque[Trial]] = {}  # what others proposed, by configuration
        self._unlearnt: list[tuple[Trial, float]] = []

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
        self._foreign.setdefault(identity(trial.parameters), deque()).append(trial)

    def suggest(self, number: int) -> Trial | None:
        self._learn()
        while True:
            parameter_id, self._asked = self._asked, self._asked + 1
            made = next(iter(self.inner.generate_multiple_parameters([parameter_id])), None)
            if made is None:
                self.done = not self.running
                return None
            configuration = self._configuration(made)
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
            self.inner.receive_trial_result(parameter_id, made, value)
        self.inner.trial_end(parameter_id, value is not None)

    def _learn(self) -> None:
        """Hand over what came of trials that it did not propose."""
        told, self._unlearnt = self._unlearnt, []
        nested = [(self.space.nested(trial.parameters), value) for trial, value in told]
        if not told:
            return
        if self._imports():
            self.inner.import_data([{"parameter": made, "value": value} for made, value in nested])
            return
        for (trial, _), (made, value) in zip(told, nested, strict=True):
            # One that looks up what it generated under the id knows nothing of this one; NNI would not
            # have told it either.
            with suppress(LookupError):
                self.inner.receive_trial_result(_FOREIGN + trial.number, made, value)

    def _imports(self) -> bool:
        """Tell whether the class has its own `import_data`, and not that of a base of NNI's."""
        owner = next((c for c in type(self.inner).__mro__ if "import_data" in c.__dict__), None)
        return owner is not None and owner is not bases.Tuner and not owner.__module__.startswith("nni.")

    def _configuration(self, made: Any) -> Configuration:
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
        self.inner: Any = self.wrapped(**class_args)
        self._ended: set[int] = set()

    def should_stop(self, trial: Trial, peers: Sequence[Trial]) -> bool:
        for peer in peers:
            if peer.state.is_final and peer.number not in self._ended:
                self._ended.add(peer.number)
                self.inner.trial_end(str(peer.number), peer.state is TrialState.SUCCEEDED)
        answer = self.inner.assess_trial(str(trial.number), [m.value for m in trial.intermediate])
        # NNI accepts its enumeration and plain truth values.
        return not (answer.value if isinstance(answer, Enum) else answer)
