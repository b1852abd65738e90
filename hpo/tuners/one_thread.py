"""One thread for the linear algebra of a tuner.

Its matrices are small. Several threads of a numerical library wait for one another in busy loops, and where
trials use the same cores they wait long: ten times the time of a processor for one proposal, taken from the
trials. `threadpoolctl` is what scikit-learn does this with.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import ParamSpec, TypeVar

from threadpoolctl import ThreadpoolController

__all__ = ["one_thread"]

P = ParamSpec("P")
R = TypeVar("R")


def one_thread(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function that computes in one thread, and leaves the process as it was.

    Use it on what needs numpy and scipy.linalg, which are loaded when it is called: libraries that come later
    are not known to it.
    """

    @wraps(function)
    def alone(*args: P.args, **kwargs: P.kwargs) -> R:
        with _controller().limit(limits=1, user_api="blas"):
            return function(*args, **kwargs)

    return alone


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
