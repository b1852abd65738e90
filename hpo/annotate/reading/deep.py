"""Room for deep source: a stack on which a sum of thousands of terms can be walked."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

__all__ = ["with_deep_stack"]

Result = TypeVar("Result")

_STACK_BYTES = 512 * 2**20  # of addresses; memory is taken as it is used
_FRAMES = 100_000


def with_deep_stack(function: Callable[[], Result]) -> Result:
    """Call a function on a thread with a large stack, and return or raise what it does.

    Python's compiler accepts expressions that are thousands of nodes deep, which a recursive walk cannot
    follow within the interpreter's usual limit. The collector of cycles rests meanwhile: it would walk the
    trees again and again, which are no garbage, and take a third of the time of a large file.
    """
    outcome: list[Result] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(function())
        except BaseException as error:
            failure.append(error)

    limit, collects = sys.getrecursionlimit(), gc.isenabled()
    previous = threading.stack_size(_STACK_BYTES)
    try:
        sys.setrecursionlimit(max(limit, _FRAMES))
        gc.disable()
        thread = threading.Thread(target=run, name="annotate")
        thread.start()
        thread.join()
    finally:
        if collects:
            gc.enable()
        threading.stack_size(previous)
        sys.setrecursionlimit(limit)
    if failure:
        raise failure[0]
    return outcome[0]
