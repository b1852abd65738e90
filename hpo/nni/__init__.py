"""NNI's Python API over ours: for a program, ``from hpo.nni import Experiment`` in the place of NNI's own.

A trial that is run by hand, where NNI is not installed, may say ``import hpo.nni as nni``; in trials of ours
``import nni`` works as it is.
"""

from __future__ import annotations

from hpo.nni.config import (
    AlgorithmConfig,
    CustomAlgorithmConfig,
    ExperimentConfig,
    LocalConfig,
    RemoteConfig,
    RemoteMachineConfig,
)
from hpo.nni.data import TrialHyperParameters, TrialJob, TrialMetricData, TrialResult
from hpo.nni.experiment import Experiment, RunMode
from hpo.runtime.shims import nni as trial_api

__all__ = [
    "AlgorithmConfig",
    "CustomAlgorithmConfig",
    "Experiment",
    "ExperimentConfig",
    "LocalConfig",
    "RemoteConfig",
    "RemoteMachineConfig",
    "RunMode",
    "TrialHyperParameters",
    "TrialJob",
    "TrialMetricData",
    "TrialResult",
    *(name for name in trial_api.__all__ if name != "NoMoreTrialError"),
]

for _name in __all__:
    if _name in trial_api.__all__:
        globals()[_name] = getattr(trial_api, _name)
