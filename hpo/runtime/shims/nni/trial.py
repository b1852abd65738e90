"""What a trial asks and reports, under NNI's names."""

from __future__ import annotations

import warnings

from ._hpo import trial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "get_current_parameter",
    "get_experiment_id",
    "get_next_parameter",
    "get_next_parameters",
    "get_sequence_id",
    "get_trial_id",
    "report_final_result",
    "report_intermediate_result",
]

get_experiment_id = trial.get_experiment_id
get_trial_id = trial.get_trial_id
get_sequence_id = trial.get_sequence_id
report_final_result = trial.report_final_result

_parameters: dict[str, Any] | None = None


def get_next_parameter() -> dict[str, Any]:
    """Return the trial's values, nested choices nested; outside an experiment, as in NNI, ``{}``."""
    global _parameters
    if trial.inside().directory is None:
        message = "no experiment is running here, so nni.get_next_parameter() returns {}"
        warnings.warn(message, RuntimeWarning, stacklevel=2)
        _parameters = {}
    else:
        _parameters = trial.get_next_parameter()
        if "load_checkpoint_dir" in _parameters:
            _parameters.pop(trial.BUDGET, None)  # NNI's PBT has none, and `merge_parameter` takes no stranger
    return _parameters


def get_next_parameters() -> dict[str, Any]:
    """Return what `get_next_parameter` does."""
    return get_next_parameter()


def get_current_parameter(tag: str | None = None) -> Any:
    """Return the values that were got last, or one of them; before that, as in NNI, None."""
    return _parameters if tag is None or _parameters is None else _parameters[tag]


def report_intermediate_result(metric: Any) -> None:
    """Report a result on the way: a number, or a dict with one under ``default``."""
    trial.report_intermediate_result(metric)
