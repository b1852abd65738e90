"""The module `nni` inside a trial: NNI's trial API over `hpo.trial`, where NNI need not be installed.

It works with any Python that a trial's command starts, also one in which `hpo` is not installed.
"""

from __future__ import annotations

from . import smartparam, trial, utils
from ._hpo import bases
from .smartparam import (
    choice,
    function_choice,
    lognormal,
    loguniform,
    normal,
    qlognormal,
    qloguniform,
    qnormal,
    quniform,
    randint,
    uniform,
)
from .trial import (
    get_current_parameter,
    get_experiment_id,
    get_next_parameter,
    get_next_parameters,
    get_sequence_id,
    get_trial_id,
    report_final_result,
    report_intermediate_result,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Of NNI whose API this is.
__version__ = "3.0"

__all__ = [
    "NoMoreTrialError",
    "choice",
    "function_choice",
    "get_current_parameter",
    "get_experiment_id",
    "get_next_parameter",
    "get_next_parameters",
    "get_sequence_id",
    "get_trial_id",
    "lognormal",
    "loguniform",
    "normal",
    "qlognormal",
    "qloguniform",
    "qnormal",
    "quniform",
    "randint",
    "report_final_result",
    "report_intermediate_result",
    "smartparam",
    "trial",
    "uniform",
    "utils",
]


def __getattr__(name: str) -> Any:
    """Say why what NNI has may not be here."""
    if name == "NoMoreTrialError":
        return bases().NoMoreTrialError
    raise AttributeError(
        f"module 'nni' has no attribute {name!r}: in a trial of hpo it is NNI's trial API and no more"
    )
