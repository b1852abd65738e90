"""Report what Keras logs, epoch by epoch."""

from __future__ import annotations

from typing import Any

from keras.callbacks import Callback

from hpo.integrations._metric import no_metric
from hpo.trial import report_intermediate_result

__all__ = ["Report"]


class Report(Callback):  # type: ignore[misc]
    """Report a metric after each epoch: ``model.fit(..., callbacks=[Report("val_accuracy")])``.

    Args:
        metric: the name that Keras logs it under.
    """

    def __init__(self, metric: str = "val_loss") -> None:
        super().__init__()
        self._metric = metric

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Report."""
        if self._metric not in (logs or {}):
            raise no_metric(self._metric, logs or {})
        report_intermediate_result((logs or {})[self._metric], step=epoch)
