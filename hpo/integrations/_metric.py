"""What the callbacks share: to find a metric by its name."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["no_metric"]


def no_metric(wanted: str, there: Iterable[str]) -> KeyError:
    """Return the error that names the metrics which are there instead."""
    return KeyError(f"hpo: there is no metric {wanted!r} to report; there are: {', '.join(there) or 'none'}")
