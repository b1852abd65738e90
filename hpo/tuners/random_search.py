"""Random search: every trial drawn from the space's own distributions.

J. Bergstra and Y. Bengio, "Random Search for Hyper-Parameter Optimization", JMLR 13 (2012).
"""

from __future__ import annotations

from hpo.trial import Trial
from hpo.tuners.base import Tuner

__all__ = ["Random"]


class Random(Tuner):
    """Draw each configuration from the space, none twice while a finite space has others."""

    name = "Random"
    takes_several = "any"

    def suggest(self, number: int) -> Trial:
        rng = self.rng(number)
        return Trial(number, self.unseen(lambda: self.space.sample(rng)))
