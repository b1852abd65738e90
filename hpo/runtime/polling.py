"""Wait for descriptors, those among them that `select` does not know: it ends at 1,023."""

from __future__ import annotations

import math
import select
from collections.abc import Sequence

__all__ = ["ready"]


def ready(sources: Sequence[int], seconds: float | None = None) -> list[int]:
    """Return those descriptors that can be read or are closed, once there is one, or the time is up."""
    poll = select.poll()
    for source in sources:
        poll.register(source, select.POLLIN)
    return [source for source, _ in poll.poll(None if seconds is None else math.ceil(1000 * seconds))]
