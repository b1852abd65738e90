"""Report what LightGBM evaluates, round by round."""

from __future__ import annotations

from typing import Any

import lightgbm  # noqa: F401 - so that a missing one is said here, and not as a round that fails

from hpo.integrations._metric import no_metric
from hpo.trial import report_intermediate_result

__all__ = ["Report"]


class Report:
    """Report a metric after each round: ``lgb.train(..., valid_sets=[valid], callbacks=[Report()])``.

    Args:
        metric: its name, such as ``"auc"``; the first one, by itself.
        data: the name of the evaluated set, such as ``"valid_0"``; the first, by itself.
    """

    order = 20  # after LightGBM's own callbacks that print and record, before the one that stops early
    before_iteration = False

    def __init__(self, metric: str | None = None, data: str | None = None) -> None:
        self._metric, self._data = metric, data

    def __call__(self, env: Any) -> None:
        """Report what this round was evaluated to."""
        there = env.evaluation_result_list or []
        for data, metric, value, *_ in there:
            if self._data in (None, data) and self._metric in (None, metric, metric.rpartition(" ")[2]):
                report_intermediate_result(value, step=env.iteration)
                return
        raise no_metric(self._metric or self._data or "", (f"{data}: {metric}" for data, metric, *_ in there))
