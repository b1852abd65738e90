"""NNI's base of tuners, for trials whose files define one."""

from __future__ import annotations

from ._hpo import bases

__all__ = ["Tuner"]

Tuner = bases().Tuner
