"""The module `nni` inside a trial: NNI's trial API over `hpo.trial`, where NNI need not be installed.

It works with any Python that a trial's command starts, also one in which `hpo` is not installed.
"""

from __future__ import annotations

import os
import warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hpo import trial
else:
    try:
        from hpo import trial
    except ImportError:  # another environment: the file is where we are, and needs the standard library only
        import importlib.util

        _here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
        _path = os.path.join(_here, "..", "..", "..", "trial.py")  # noqa: PTH118
        _spec = importlib.util.spec_from_file_location("_hpo_trial", _path)
        trial = importlib.util.module_from_spec(_spec)
        _spec.loader.exec_module(trial)

__all__ = [
    "NoMoreTrialError",
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


class NoMoreTrialError(Exception):
    """Say, from a tuner, that there is nothing more to try."""


def get_next_parameter() -> dict[str, Any]:
    """Return the trial's values, nested choices nested; outside an experiment ``{}`` and NNI's warning."""
    if "HPO_TRIAL_DIR" not in os.environ:
        message = "Running NNI code without runtime: the parameters are empty"
        warnings.warn(message, RuntimeWarning, stacklevel=2)
    return dict(trial.get_next_parameter())


get_next_parameters = get_next_parameter


def get_current_parameter(tag: str | None = None) -> Any:
    """Return the trial's values again, or one of them."""
    values = trial.get_next_parameter()
    return values if tag is None else values[tag]


def report_intermediate_result(metric: Any) -> None:
    """Report a result on the way: a number, or a dict with one under ``default``."""
    trial.report_intermediate_result(metric)
