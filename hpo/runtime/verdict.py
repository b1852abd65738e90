"""How a trial ended, judged from what its process left: an exit status, its last reports, its last words."""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hpo.runtime.spool import Bad, Final
from hpo.runtime.trial_files import open_plain

__all__ = ["Verdict", "judge", "last_lines"]

_TAIL, _LINES = 8192, 200
_KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)  # itself, or the command that a shell waited for
# What Python, torch, CUDA, XLA and C++ say when they ask in vain.
_NO_MEMORY = re.compile(r"MemoryError|OutOfMemory|out of memory|RESOURCE_EXHAUSTED|bad_alloc", re.IGNORECASE)
# What is said where a disk is full; and how an end looks that left no room for saying so: of a Python whose
# traceback, or last flush, found none, and of one that wrote into a mapped file.
_NO_ROOM = re.compile(r"No space left on device|Disk quota exceeded|ENOSPC|EDQUOT")
_CUT_SHORT = (1, 120, -signal.SIGBUS)
# What the last line of a Python traceback looks like: `ValueError: ...`, `torch.cuda.OutOfMemoryError: ...`
_EXCEPTION = re.compile(r"^[A-Za-z_][\w.]*(Error|Exception|Interrupt|Warning|Exit|Iteration|Group)\b")
# Where one begins, and the first line in it that is not indented: an exception may have any name.
_TRACEBACK = re.compile(r"(  \+ Exception Group )?Traceback \(most recent call last\):$")
_RAISED = re.compile(r"(?:  \| )?([A-Za-z_][\w.]*(:.*)?)$")


@dataclass(frozen=True)
class Verdict:
    """Success where `failure` is None; else its kind and, for a person, what happened."""

    failure: str | None
    detail: str | None


def judge(
    status: int | None,
    final: Final | None,
    bad: Bad | None,
    *,
    timed_out: str | None = None,
    overused: str | None = None,
    lost: str = "its process was lost",
    full: str | None = None,
    kernel_killed: bool = False,
    stderr: str | Path,
    pattern: str | None = None,
) -> Verdict:
    """Judge a trial that was not stopped on purpose.

    Args:
        status: its exit status, minus the signal's number, or None where the process was lost.
        final: its final result; one that was acknowledged counts, whatever the process did afterwards.
        bad: a final result that is no number; it counts likewise.
        timed_out: what was said when it was stopped for the time that it took.
        overused: what was said when it was stopped for its memory.
        lost: why there is no status.
        full: what is said of the disk, where it had no room: what a trial writes fails there.
        kernel_killed: the kernel killed a process for want of memory while it ran.
        stderr: where its last words are.
        pattern: what was to find results in its output.
    """
    if final is not None:
        if (ended := timed_out or overused) is not None:
            return Verdict(None, f"{ended}, and was ended; its final result counts")
        return Verdict(None, f"it ended with status {status} after its final result" if status else None)
    if bad is not None:
        return Verdict("bad_value", f"its final result: {bad.reason}")
    if status is None:
        return Verdict("lost", "; ".join(filter(None, (timed_out, overused, lost))))
    if timed_out is not None:
        return Verdict("timeout", timed_out)
    if overused is not None:
        return Verdict("oom", overused)
    if status == 0:
        cure = "report one with hpo.report_final_result(value), or read it with --metric-pattern"
        if pattern is not None:
            cure = f"nothing that it printed matches --metric-pattern {pattern!r} with a number"
        return Verdict("no_result", f"it ended without a final result: {cure}")
    if status in _KILLED and kernel_killed:
        return Verdict("oom", "the kernel killed it: there was no memory left")
    words = last_lines(stderr, _LINES)
    raised = _raised(words)
    last = raised or "".join(words[-1:])
    if _NO_MEMORY.search(last):
        return Verdict("oom", last)
    if full is not None and (_NO_ROOM.search(last) or (status in _CUT_SHORT and raised is None)):
        return Verdict("lost", f"{full}; it ended with status {status}" + (f": {last}" if last else ""))
    if status < 0:
        return Verdict("signal", f"it was killed by {_signal_name(-status)}")
    if raised is not None:
        return Verdict("exception", raised)
    return Verdict("exit", f"it ended with status {status}" + (f": {last}" if last else ""))


def _raised(words: Sequence[str]) -> str | None:
    """Return the line that names an exception: the last, or, where its message goes on, one further up."""
    if words and _EXCEPTION.match(words[-1]):
        return words[-1]
    begin = max((i for i, line in enumerate(words) if _TRACEBACK.match(line)), default=len(words))
    return next((found[1] for line in words[begin + 1 :] if (found := _RAISED.match(line))), None)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def last_lines(path: str | Path, count: int) -> list[str]:
    """Return the last lines of a log that are not blank, without control characters."""
    try:
        with open_plain(path) as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _TAIL))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    lines = ["".join(c for c in line if c.isprintable() or c == "\t") for line in text.splitlines()]
    return [line for line in lines if line.strip()][-count:]
