"""`hpo trial show`, `code` and `logs`: one trial, in full."""

from __future__ import annotations

import codecs
import os
import re
import sys
import time
from pathlib import Path
from typing import IO

from hpo.cli.output import print_json, print_lines
from hpo.errors import StoreError, UsageError, printable
from hpo.experiment.documents import open_store, trial_json
from hpo.experiment.repetition import attempts
from hpo.experiment.wording import counted, duration, short
from hpo.experiment.written_back import trial_code
from hpo.progress import parameter_lines
from hpo.runtime import home
from hpo.runtime.logs import copy
from hpo.runtime.queries import TrialRow
from hpo.trial import TrialState

__all__ = ["print_code", "print_logs", "show_trial"]

_ENDS = 10  # so many steps of either end are shown in a terminal


def _find(reference: str, number: int | None) -> tuple[Path, TrialRow]:
    """Return a trial and its experiment; a number alone is a trial of the newest."""
    if number is None:
        if not reference.isdigit():
            raise UsageError("which trial?", help=f"hpo trial list {reference} shows them; give its number")
        directory, number = home.find(None), int(reference)
    else:
        directory = home.find(reference)
    with open_store(directory) as store:
        row = store.trial(number)
    if row is None:
        help_ = f"hpo trial list {directory.name}"
        raise UsageError(f"experiment {directory.name} has no trial {number}", help=help_)
    return directory, row


def show_trial(reference: str, number: int | None, *, json: bool) -> None:
    """Print a trial's values, results, and how it ended."""
    directory, row = _find(reference, number)
    with open_store(directory) as store:
        told = trial_json(store, row)
        events, base = store.events(row.number), store.baseline()
        runs = store.experiment()["config"]["settings"].get("repeat") or 1
    if json:
        print_json(told)
        return
    state = told["state"].replace("_", " ")
    detail = row.detail
    if state == "interrupted":
        taken = "takes its result" + ("" if row.repeat + 1 == runs else ", and runs it once more")
        what = "runs it again" if row.value is None else taken
        detail = f"hpo resume {directory.name} {what}"
    _say(f"trial {row.number} of {directory.name}   {state}" + (f": {detail}" if detail else ""))
    spread = "" if row.deviation is None else f" ± {row.deviation:.2g}"
    _say(f"value      {short(row.value)}{spread}")
    if told["runs"]:
        _say(f"runs       {', '.join(map(short, told['runs']))}")
    if told["budget"] is not None:
        rung = "" if told["rung"] is None else f", rung {told['rung']}"
        origin = f", goes on from trial {told['parent']}" if "continues" in row.memo else ""
        _say(f"budget     {counted(told['budget'], 'pass', 'passes')}{rung}{origin}")
    if row.duration is not None:
        again = f", at attempt {row.attempt}" if row.attempt > 1 else ""
        where = f", on {row.node}" if row.node else ""
        _say(f"took       {duration(row.duration)}{again}{where}")
    if earlier := row.attempt - 1:
        what = "what it wrote" if earlier == 1 else "what the last of them wrote"
        logs = f"hpo trial logs {directory.name} {row.number} --attempt {earlier}"
        _say(f"earlier    {counted(earlier, 'attempt')}; {what}: {logs}")
    print_lines(parameter_lines(row, base, indent=11), hang=13)
    steps = [f"step {step:<5} {short(value)}" for step, value in told["intermediate"]]
    if sys.stdout.isatty() and len(steps) > 2 * _ENDS + 1:
        steps[_ENDS:-_ENDS] = [
            f"...        {len(steps) - 2 * _ENDS} more: hpo trial show {directory.name} {row.number} --json"
        ]
    for step in steps:
        _say(step)
    for event in events:
        _say(f"{event['kind']}    {event['message']}")
    _say(f"files      {directory / 'trials' / str(row.number)}")


def _say(line: str) -> None:
    """Print what may quote a trial: as text, whatever it would do to a terminal."""
    print(printable(line))


def print_code(reference: str, number: int | None) -> None:
    """Print the frozen script with the trial's values written in."""
    directory, row = _find(reference, number)
    sys.stdout.buffer.write(trial_code(directory, row))


def print_logs(reference: str, number: int | None, *, follow: bool, attempt: int | None) -> None:
    """Print a trial's stdout to stdout and its stderr to stderr: of one attempt, or the last of each run."""
    directory, row = _find(reference, number)
    if attempt is not None:
        _check_attempt(attempt, row, directory)
    offsets: dict[tuple[int, int, str], int] = {}
    while True:
        since = row.attempt
        with open_store(directory) as store:
            row = store.trial(row.number) or row
        # What was followed may have failed, and run again, since the last look: its end was not seen yet.
        failed = range(since, row.attempt) if attempt is None else ()
        for each in attempts(directory, row.number, run=row.repeat, attempt=row.attempt):
            if each.number in failed or (each.is_last if attempt is None else each.number == attempt):
                for name in ("stdout", "stderr"):
                    log = (each.run, each.number, name)
                    out = getattr(sys, name).fileno()
                    offsets[log] = _copy(each.log(name), offsets.get(log, 0), out)
        is_over = row.state.is_final or (attempt is not None and attempt < row.attempt)
        if not follow or is_over or not home.is_running(directory):
            return
        time.sleep(0.2)


def _check_attempt(attempt: int, row: TrialRow, directory: Path) -> None:
    """Refuse an attempt that there was not.

    Raises:
        UsageError: the trial has not had so many.
    """
    made = row.attempt - (row.state is TrialState.WAITING)
    if attempt > made:
        had = f"trial {row.number} of {directory.name} has had {counted(made, 'attempt')}"
        help_ = f"hpo trial logs {directory.name} {row.number} shows the last"
        raise UsageError(f"{had}, and no attempt {attempt}", help=help_)


class _Terminal:
    """A terminal, to which a log may send lines, tabs and colours; what would do more is blank."""

    _HARMFUL = re.compile(
        r"\x1b(?!\[[0-9;:]*m)|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
    )

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def write(self, data: bytes, /) -> int:
        return self._out.write(self._HARMFUL.sub(" ", self._decode(data)).encode())


def _copy(path: Path, offset: int, target: int) -> int:
    """Print a log from an offset on, byte for byte; return where it ends."""
    try:
        with open(target, "wb", closefd=False) as out:
            return copy(path, offset, _Terminal(out) if os.isatty(target) else out)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise StoreError(f"{path} cannot be shown: {error.strerror}") from error
