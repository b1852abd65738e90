"""What a tuner says of its present model, kept beside the store for those who look at the experiment.

The runner writes it: it has the model in hand. Those who look need not load the tuner, which may be a
class that is not on their machine.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpo.errors import HpoError
from hpo.runtime.trial_files import read_plain
from hpo.tuners.base import Tuner
from hpo.tuners.loading import failures_of

__all__ = ["Explanation", "read_explanation"]

_FILE = "tuner.json"
_EVERY = 1.0  # seconds
_MOST = 16 << 20  # bytes of the file


class Explanation:
    """Keep the explanation of a tuner up to date.

    Args:
        directory: the experiment's folder.
        tuner: it is asked to explain itself.
        file: the file of its class, where that is the user's own.
    """

    def __init__(self, directory: Path, tuner: Tuner, file: Path | None) -> None:
        self._path = directory / _FILE
        self._tuner, self._own_file = tuner, file
        self._results = -1
        self._due = 0.0

    def update(self, now: float) -> None:
        """Write it anew where there are new results, once a second at the most.

        Args:
            now: by the monotonic clock; infinity for at once.
        """
        if now < self._due or len(self._tuner.results) == self._results:
            return
        self._due, self._results = now + _EVERY, len(self._tuner.results)
        # What is only to be looked at ends no experiment: neither a mistake in it nor a full disk.
        try:
            with failures_of("explain", self._own_file):
                text = json.dumps(dict(self._tuner.explain()))
        except HpoError as error:
            text = json.dumps({"error": error.message})
        temporary = self._path.with_suffix(".new")
        with contextlib.suppress(OSError):
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(self._path)


def read_explanation(directory: Path) -> Mapping[str, Any]:
    """Return what the tuner of an experiment said last; nothing where it said nothing."""
    try:
        said = json.loads(read_plain(directory / _FILE, _MOST))
    except (OSError, ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
