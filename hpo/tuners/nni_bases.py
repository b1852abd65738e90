"""NNI's base classes, for classes written against them, in tuners and in trials.

The methods and their order are NNI 3.0's (`nni/tuner.py`, `nni/assessor.py`). Only the standard library, of
Python 3.8: a trial may be run by another Python, in which this file is loaded by its path.
"""

from __future__ import annotations

import os
from enum import Enum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = [
    "AssessResult",
    "Assessor",
    "ClassArgsValidator",
    "MetricType",
    "NoMoreTrialError",
    "NodeType",
    "OptimizeMode",
    "Tuner",
    "extract_scalar_history",
    "extract_scalar_reward",
]


class NoMoreTrialError(Exception):
    """Raised by `generate_parameters` when there is nothing more to try."""

    def __init__(self, ErrorInfo: str = "Search space fully explored") -> None:  # noqa: N803 - NNI's name
        super().__init__(ErrorInfo)
        self.errorinfo = ErrorInfo


class Algorithm:
    """What NNI's bases of tuners and of assessors have in common."""

    def load_checkpoint(self) -> None:
        """Do nothing, as in NNI; called when an experiment is resumed."""

    def save_checkpoint(self) -> None:
        """Do nothing, as in NNI, which never calls it."""

    def get_checkpoint_path(self) -> str | None:
        """Return the folder that the environment names, where it is there."""
        path = os.environ.get("NNI_CHECKPOINT_DIRECTORY")
        return path if path is not None and os.path.isdir(path) else None  # noqa: PTH112

    def _on_exit(self) -> None:
        """Close what is open: the experiment ends."""

    def _on_error(self) -> None:
        """Close what is open: the experiment ends, since a class of the user's failed."""


class Tuner(Algorithm):
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

    def _accept_customized_trials(self, accept: bool = True) -> None:
        """Say whether results of trials that the user asked for are wanted."""
        self._accept_customized = accept


class AssessResult(Enum):
    """What an assessor says of a trial."""

    Good = True
    Bad = False


class Assessor(Algorithm):
    """NNI's base of assessors."""

    def assess_trial(self, trial_job_id: str, trial_history: list[Any]) -> AssessResult:
        """Judge a trial by its intermediate results."""
        raise NotImplementedError("an assessor must define assess_trial")

    def trial_end(self, trial_job_id: str, success: bool) -> None:
        """Learn that a trial ended."""


class OptimizeMode(Enum):
    """What `optimize_mode` says."""

    Minimize = "minimize"
    Maximize = "maximize"


class NodeType:
    """The keys of a search space."""

    ROOT, TYPE, VALUE, INDEX, NAME = "root", "_type", "_value", "_index", "_name"


class MetricType:
    """The kinds of what a trial reports."""

    FINAL, PERIODICAL, REQUEST_PARAMETER = "FINAL", "PERIODICAL", "REQUEST_PARAMETER"


class ClassArgsValidator:
    """NNI's base of what checks `classArgs` of a registered class; nothing is registered here."""

    def validate_class_args(self, **kwargs: Any) -> None:
        """Raise an exception where an argument is wrong."""


def extract_scalar_reward(value: Any, scalar_key: str = "default") -> float:
    """Return a result as a number, which stands under a key where it is a dict."""
    number = value[scalar_key] if isinstance(value, dict) else value
    return float(number)


def extract_scalar_history(trial_history: Sequence[Any], scalar_key: str = "default") -> list[float]:
    """Return intermediate results as numbers."""
    return [extract_scalar_reward(value, scalar_key) for value in trial_history]
