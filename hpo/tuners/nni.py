"""NNI's base classes, and what lets classes written against them serve here.

A class in a user's file says ``from nni.tuner import Tuner``, and runs whether NNI is installed or not:
where it is not, `standing_in_for_nni` answers for the modules ``nni``, ``nni.tuner`` and ``nni.assessor``.
The methods and their order are NNI 3.0's (`nni/tuner.py`, `nni/assessor.py`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from importlib.util import find_spec
from types import ModuleType
from typing import Any, ClassVar

from hpo.space import SearchSpace
from hpo.trial import Trial, TrialState
from hpo.tuners import assessor as ours_assessor
from hpo.tuners import base as ours

__all__ = [
    "AssessResult",
    "Assessor",
    "NNIAssessor",
    "NNITuner",
    "NoMoreTrialError",
    "Tuner",
    "standing_in_for_nni",
]


class NoMoreTrialError(Exception):
    """Raised by `generate_parameters` when there is nothing more to try."""


class Tuner:
    """NNI's base of tuners."""

    def generate_parameters(self, parameter_id: int, **kwargs: Any) -> dict[str, Any]:
        """Return a configuration, nested where NNI nests."""
        raise NotImplementedError("a tuner must define generate_parameters")

    def generate_multiple_parameters(
        self, parameter_id_list: list[int], **kwargs: Any
    ) -> list[dict[str, Any]]:
        """Return a configuration for each id, until there are no more."""
        made = []
        for parameter_id in parameter_id_list:
            try:
                made.append(self.generate_parameters(parameter_id, **kwargs))
            except NoMoreTrialError:
                break
        return made

    def receive_trial_result(
        self, parameter_id: int, parameters: dict[str, Any], value: Any, **kwargs: Any
    ) -> None:
        """Learn the result of a trial."""

    def trial_end(self, parameter_id: int, success: bool, **kwargs: Any) -> None:
        """Learn that a trial ended."""

    def update_search_space(self, search_space: dict[str, Any]) -> None:
        """Take the search space, first of all, and whenever it changes."""
        raise NotImplementedError("a tuner must define update_search_space")

    def import_data(self, data: list[dict[str, Any]]) -> None:
        """Learn results of another experiment."""

    def load_checkpoint(self) -> None:
        """Do nothing, as in NNI."""

    def save_checkpoint(self) -> None:
        """Do nothing, as in NNI."""


class AssessResult(Enum):
    """What an assessor says of a trial."""

    Good = True
    Bad = False


class Assessor:
    """NNI's base of assessors."""

    def assess_trial(self, trial_job_id: str, trial_history: list[Any]) -> AssessResult:
        """Judge a trial by its intermediate results."""
        raise NotImplementedError("an assessor must define assess_trial")

    def trial_end(self, trial_job_id: str, success: bool) -> None:
        """Learn that a trial ended."""


@contextmanager
def standing_in_for_nni() -> Iterator[None]:
    """Let ``import nni`` find these classes while the block runs, where NNI itself is not installed."""
    if "nni" in sys.modules or find_spec("nni") is not None:
        yield
        return
    contents: dict[str, dict[str, Any]] = {
        "nni": {"NoMoreTrialError": NoMoreTrialError},
        "nni.tuner": {"Tuner": Tuner},
        "nni.assessor": {"Assessor": Assessor, "AssessResult": AssessResult},
    }
    for name, members in contents.items():
        module = ModuleType(name)
        module.__dict__.update(members)
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
    of another: the results it did not see come by `import_data`, as in NNI.
    """

    name = "NNITuner"
    #: The user's class, and the arguments that it gets.
    wrapped: ClassVar[type]

    def __init__(
        self, space: SearchSpace, *, direction: ours.Direction, seed: int, class_args: Mapping[str, Any]
    ) -> None:
        super().__init__(space, direction=direction, seed=seed)
        self.inner: Any = self.wrapped(**class_args)
        self.inner.update_search_space(space.to_json())
        self._generated: dict[int, dict[str, Any]] = {}

    def suggest(self, number: int) -> Trial | None:
        made: dict[str, Any] | None = next(iter(self.inner.generate_multiple_parameters([number])), None)
        if made is None:
            self.done = not self.running
            return None
        self._generated[number] = made
        return Trial(number, self.space.flatten(made))

    def observe(self, trial: Trial, value: float | None) -> None:
        made = self._generated.pop(trial.number, None)
        if made is not None:
            if value is not None:
                self.inner.receive_trial_result(trial.number, made, value)
            self.inner.trial_end(trial.number, value is not None)
        elif value is not None:
            self.inner.import_data([{"parameter": self.space.nested(trial.parameters), "value": value}])


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
