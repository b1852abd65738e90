"""Report what XGBoost evaluates, round by round."""

from __future__ import annotations

from typing import Any

import xgboost.callback

from hpo.integrations._metric import no_metric
from hpo.trial import report_intermediate_result

__all__ = ["Report"]


class Report(xgboost.callback.TrainingCallback):  # type: ignore[misc]
    """Report a metric after each round: ``xgb.train(..., evals=[(valid, "valid")], callbacks=[Report()])``.

    Args:
        metric: its name, such as ``"auc"``; the last one, by itself, as for XGBoost's early stopping.
        data: the name of the evaluated set, or with scikit-learn's interface ``"validation_0"``; the last, by
            itself.
    """

    def __init__(self, metric: str | None = None, data: str | None = None) -> None:
        super().__init__()
        self._metric, self._data = metric, data

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        """Report; never stop."""
        there = [f"{data}: {metric}" for data, found in evals_log.items() for metric in found]
        data = self._data if self._data is not None else next(reversed(evals_log), "")
        found = evals_log.get(data, {})
        metric = self._metric if self._metric is not None else next(reversed(found), "")
        if metric not in found:
            raise no_metric(f"{data}: {metric}", there)
        last = found[metric][-1]
        report_intermediate_result(last[0] if isinstance(last, tuple) else last, step=epoch)  # of cv: a mean
        return False
