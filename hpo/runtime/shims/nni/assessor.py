"""NNI's base of assessors, for trials whose files define one."""

from __future__ import annotations

from ._hpo import bases

__all__ = ["AssessResult", "Assessor"]

Assessor, AssessResult = bases().Assessor, bases().AssessResult
