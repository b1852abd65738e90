"""Tune a script by annotating it: mark the values worth tuning where they stand, and run it.

In a training script::

    import hpo

    hpo.report_intermediate_result(accuracy)
    hpo.report_final_result(accuracy)

Importing this loads the marks and the API of a trial, and nothing else: it costs a few milliseconds.
"""

from __future__ import annotations

from hpo.marks import (
    choice,
    lognormal,
    loguniform,
    normal,
    param,
    permutation,
    qlognormal,
    qloguniform,
    qnormal,
    quniform,
    randint,
    subset,
    uniform,
)
from hpo.trial import (
    fidelity,
    get_experiment_id,
    get_next_parameter,
    get_sequence_id,
    get_trial_id,
    report_final_result,
    report_fold,
    report_intermediate_result,
    trial_dir,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hpo.errors import HpoError
    from hpo.program import Experiment, tune
    from hpo.space import SearchSpace
    from hpo.trial import Trial

__version__ = "0.1.0"

__all__ = [
    "Experiment",
    "HpoError",
    "SearchSpace",
    "Trial",
    "choice",
    "fidelity",
    "figures",
    "get_experiment_id",
    "get_next_parameter",
    "get_sequence_id",
    "get_trial_id",
    "lognormal",
    "loguniform",
    "normal",
    "param",
    "permutation",
    "qlognormal",
    "qloguniform",
    "qnormal",
    "quniform",
    "randint",
    "subset",
    "report_final_result",
    "report_fold",
    "report_intermediate_result",
    "trial_dir",
    "tune",
    "tuners",
    "uniform",
]

_LAZY = {
    "Experiment": "hpo.program",
    "HpoError": "hpo.errors",
    "SearchSpace": "hpo.space",
    "Trial": "hpo.trial",
    "tune": "hpo.program",
}


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    """Load what a trial does not need when it is asked for."""
    from importlib import import_module

    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    if name in ("figures", "tuners"):
        return import_module(f"hpo.{name}")
    raise AttributeError(f"module 'hpo' has no attribute {name!r}")
