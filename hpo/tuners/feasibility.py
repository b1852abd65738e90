"""How likely a configuration is to succeed, by those that did and those that failed.

M. Gelbart, J. Snoek and R. Adams, "Bayesian Optimization with Unknown Constraints", UAI 2014: expected
improvement is weighed by the probability of success. Here a Gaussian process over the outcomes, 1 and -1,
stands for theirs: what is likely above 0 succeeds.
"""

from __future__ import annotations

import numpy as np
from scipy.special import log_ndtr

from hpo.tuners.gaussian import Features, GaussianProcess, Hyperparameters, fit
from hpo.tuners.points import Floats, Mask

__all__ = ["Feasibility"]

# The power of the probability: a failed trial teaches less than one that succeeds a little worse.
_CAUTION = 3.0

_FITTED = 100
_MODELLED = 200


class Feasibility:
    """The logarithm of the probability of success.

    Args:
        features: of the space.
        rows: the configurations, in the order of telling.
        succeeded: whether each did.
        prefix: how many of them the hyperparameters are fitted to.
        fitted: those hyperparameters, where they are known.
    """

    def __init__(
        self, features: Features, rows: Floats, succeeded: Mask, prefix: int, fitted: Hyperparameters | None
    ) -> None:
        self._features = features
        outcomes = np.where(succeeded, 1.0, -1.0)
        points = features.of(rows[-_MODELLED:])
        self.hyperparameters = fitted or fit(
            features.of(rows[max(prefix - _FITTED, 0) : prefix]),
            features,
            outcomes[max(prefix - _FITTED, 0) : prefix],
        )
        self._process = GaussianProcess(points, features, outcomes[-_MODELLED:], self.hyperparameters)
        self._noise = float(np.exp(self.hyperparameters.noise))

    def __call__(self, rows: Floats, active: Mask) -> Floats:
        mean, variance = self._process.predict(self._features.of(rows, active))
        log_probability: Floats = _CAUTION * log_ndtr(mean / np.sqrt(variance + self._noise))
        return log_probability
