"""Results of an earlier experiment that this one's tuner was told, in ``earlier.json`` of its folder.

They are not trials of this experiment: nothing counts, shows or ranks them. Resuming tells them again, before
all that ran here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from hpo.errors import SpaceError, StoreError
from hpo.experiment.foreign import ForeignTrial, number_of
from hpo.space import SearchSpace
from hpo.trial import Trial

__all__ = ["earlier_trials", "keep_earlier"]

_NAME = "earlier.json"


def keep_earlier(directory: Path, trials: Sequence[ForeignTrial]) -> None:
    """Write results that the tuner of a new experiment is told before anything else."""
    written = [{"parameters": parameters, "value": value} for parameters, value in trials]
    (directory / _NAME).write_text(json.dumps(written), encoding="utf-8")


def earlier_trials(directory: Path, space: SearchSpace) -> Iterator[tuple[Trial, float]]:
    """Yield those of the results that a space can have; their numbers are below 0.

    Raises:
        StoreError: the file is damaged.
    """
    path = directory / _NAME
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
        found = [(dict(each["parameters"]), number_of(each["value"])) for each in written]
    except FileNotFoundError:
        return
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise StoreError(
            f"{path} cannot be read: {error}", help="without the file, nothing earlier is told"
        ) from None
    for place, (parameters, value) in enumerate(found, 1):
        try:
            space.check(parameters)
        except SpaceError:  # it was changed since
            continue
        if value is not None:
            yield Trial(-place, parameters), value
