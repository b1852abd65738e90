"""Trackers, which are told of every trial: MLflow, TensorBoard, Weights & Biases. Each is an extra."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from hpo.errors import UsageError
from hpo.experiment.listener import Listener
from hpo.experiment.trackers.tracker import Tracker

__all__ = ["TRACKERS", "check_trackers", "make_trackers"]

#: The trackers; each is an extra, a module here, and a package.
TRACKERS: Mapping[str, str] = {"mlflow": "mlflow", "tensorboard": "tensorboard", "wandb": "wandb"}


def check_trackers(names: Sequence[str]) -> None:
    """Refuse trackers that there are not, before an experiment is made.

    Raises:
        UsageError: there is none of this name, or it is not installed.
    """
    for name in names:
        if name not in TRACKERS:
            raise UsageError(f"there is no tracker {name}", help=f"there are {', '.join(TRACKERS)}")
        if find_spec(TRACKERS[name]) is None:
            message = f"to track with {name} needs {TRACKERS[name]}, which is not installed"
            raise UsageError(message, help=f"pip install 'hpo-annotate[{name}]'")


def make_trackers(names: Sequence[str], directory: Path, title: str, listener: Listener) -> list[Tracker]:
    """Return the trackers of an experiment.

    Args:
        names: of the trackers.
        directory: the experiment's folder.
        title: the experiment's name.
        listener: who hears of what goes wrong; nothing of that ends the experiment.
    """
    check_trackers(names)
    found = []
    for name in names:
        cls: type[Tracker] = import_module(f"hpo.experiment.trackers.{name}_tracker").TRACKER
        found.append(cls(directory, title, listener))
    return found
