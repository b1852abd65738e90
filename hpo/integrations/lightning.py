"""Report what a Lightning module logs, validation by validation."""

from __future__ import annotations

from typing import Any

from hpo.integrations._metric import no_metric
from hpo.trial import report_intermediate_result

try:
    from lightning.pytorch import Callback
except ModuleNotFoundError:  # under its earlier name
    from pytorch_lightning import Callback

__all__ = ["Report"]


class Report(Callback):  # type: ignore[misc]
    """Report a logged metric after each validation: ``Trainer(callbacks=[Report("val_acc")])``.

    Args:
        metric: the name that the module logs it under.
    """

    def __init__(self, metric: str) -> None:
        super().__init__()
        self._metric = metric

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Report, but not what the check before the training finds."""
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        if self._metric not in trainer.callback_metrics:
            raise no_metric(self._metric, trainer.callback_metrics)
        report_intermediate_result(trainer.callback_metrics[self._metric], step=trainer.current_epoch)
