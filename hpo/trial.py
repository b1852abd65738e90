"""A trial, from both sides: the record that tuners and the store share, and the API inside the process.

Only the standard library, and little of it, the rest when it is needed: this file is loaded into every
training script, by itself also by the Python of another environment, which has no `hpo` and may be as old
as 3.8 (hence the tuples of types). So the record, which no script asks for, lies in a file of its own, and
what else scripts need lies here.

Inside a trial, results are JSON lines appended with one `write` each to ``$HPO_TRIAL_DIR/metrics.jsonl``;
once a report function returns, its line survives the death of every process. A byte in the experiment's
``wake`` pipe then tells the runner to look. The lines, each with the attempt at the trial that wrote it,
since of an earlier one a process may have survived (``"attempt": 1``)::

    {"type": "intermediate", "step": 3, "value": 0.91, "time": 1700000000.0}
    {"type": "final", "value": 0.93, "data": {"default": 0.93, "loss": 0.2}, "time": ...}
    {"type": "final", "value": null, "bad": "nan is no finite number", "time": ...}
    {"type": "own", "name": "width", "value": 64, "time": ...}            the source's own value, as seen
    {"type": "warning", "message": "...", "time": ...}
"""

from __future__ import annotations

import errno
import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from hpo.record import Metric, Trial, TrialState

__all__ = [
    "BUDGET",
    "Metric",
    "Trial",
    "TrialState",
    "fidelity",
    "get_experiment_id",
    "get_next_parameter",
    "get_sequence_id",
    "get_trial_id",
    "report_final_result",
    "report_fold",
    "report_intermediate_result",
    "trial_dir",
]


# Among a trial's values, how many passes of its loop it may run: NNI's name for it.
BUDGET = "TRIAL_BUDGET"

_LONGEST = 1 << 20  # bytes of a line: the runner reads none that is longer
_DEEPEST = 20  # levels of a result
_LONGEST_TEXT = 10000  # characters of what is no JSON, such as an array


def __getattr__(name: str) -> Any:
    """Load the record when it is asked for."""
    if name not in ("Metric", "Trial", "TrialState"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from hpo import record

    return getattr(record, name)


class _Inside:
    """What this process knows of the trial that it is: nothing, outside an experiment."""

    def __init__(self, values: dict[str, Any] | None = None) -> None:
        self.directory = os.environ.get("HPO_TRIAL_DIR")
        self.steps = 0
        self.has_final = False
        self._values = values
        self._spool: int | None = None
        self._inode = 0  # of the spool
        self._wake: int | None = None
        self._noted: set[str] = set()
        self.baseline = os.environ.get("HPO_BASELINE") == "1"
        self.attempt = os.environ.get("HPO_TRIAL_ATTEMPT")
        self._fixed = os.environ.get("HPO_FIXED")

    @property
    def values(self) -> dict[str, Any]:
        """The configuration, read once."""
        if self._values is None:
            path = os.environ.get("HPO_PARAMETERS")
            if path is None:
                self._values = {}
            else:
                import json

                with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - pathlib costs 3 ms
                    self._values = json.loads(file.read().decode())
        return self._values

    def has(self, name: str) -> bool:
        """Tell whether the trial has a value for a parameter: the baseline only what is fixed."""
        if name not in self.values:
            return False
        return not self.baseline or name in self.fixed

    @property
    def fixed(self) -> list[str]:
        """The parameters that have one value in all trials."""
        if self._fixed is None:
            return []
        import json

        return list(json.loads(self._fixed))

    def say_outside(self) -> None:
        """Say once that there is no experiment."""
        if "outside" not in self._noted:
            self._noted.add("outside")
            print(
                "hpo: no experiment is running here: values are the script's own and reports go nowhere "
                "(`hpo run` starts one)",
                file=sys.stderr,
            )

    def once(self, what: str) -> bool:
        """Tell whether this is the first time that `what` is asked about."""
        first = what not in self._noted
        self._noted.add(what)
        return first

    def append(self, record: dict[str, Any]) -> None:
        """Append one line to the spool, with one write, then wake the runner."""
        import json

        assert self.directory is not None
        spool = self._patiently(self._open_spool)
        record["time"] = time.time()
        if self.attempt is not None:
            record["attempt"] = int(self.attempt)
        line = json.dumps(record).encode() + b"\n"
        if len(line) > _LONGEST and record.pop("data", None) is not None:  # the result itself still counts
            message = f"a result was recorded without what came with it, which is more than {_LONGEST} bytes"
            self.append({"type": "warning", "message": message})
            line = json.dumps(record).encode() + b"\n"
        self._write(spool, line)
        self._poke()

    def _open_spool(self) -> int:
        """Return the spool's descriptor: a script may have closed all it has, and opened others since."""
        assert self.directory is not None
        if self._spool is not None:
            try:
                if os.fstat(self._spool).st_ino == self._inode:
                    return self._spool
            except OSError:
                pass
            self._wake = None
        path = f"{self.directory}/metrics.jsonl"
        self._spool = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        self._inode = os.fstat(self._spool).st_ino
        return self._spool

    def _write(self, spool: int, line: bytes) -> None:
        """Append a line whole, and where the disk is full wait until there is room.

        A full disk may take a part of a line, of another process of this trial, too. A newline before the
        next ends that part, so that the reader passes over it and over nothing else.
        """
        while not self._patiently(lambda: _append(spool, line)):
            pass

    def _patiently(self, work: Callable[[], int]) -> int:
        try:
            return int(patiently(work, self._say_that_it_waits))
        except OSError as error:
            where = f"a result could not be recorded in {self.directory}"
            raise OSError(f"hpo: {where} ({error.strerror})") from error

    def _say_that_it_waits(self, error: OSError) -> None:
        if self.once("full disk"):
            why = "the disk is full" if error.errno in FULL else error.strerror
            where = f"no room for a result in {self.directory}"
            try:  # noqa: SIM105 - what is imported here costs every trial
                print(f"hpo: {why}: {where}; waiting for some", file=sys.stderr)
            except OSError:
                pass

    def _poke(self) -> None:
        # Best effort: a runner that misses it looks at the file anyway when the trial ends.
        try:
            if self._wake is None:
                self._wake = os.open(f"{self.directory}/../../wake", os.O_WRONLY | os.O_NONBLOCK)
            os.write(self._wake, os.environ.get("HPO_TRIAL_SEQUENCE", "").encode() + b"\n")
        except OSError:
            pass


def _append(file: int, line: bytes) -> bool:
    """Append a line to a file; tell whether all of it is there."""
    text = b"\n" + line if _ends_amid_a_line(file) else line
    return os.write(file, text) == len(text)


def _ends_amid_a_line(file: int) -> bool:
    try:
        size = os.fstat(file).st_size
        return size > 0 and os.pread(file, 1, size - 1) != b"\n"
    except (OSError, AttributeError):  # it is no plain file; there is no pread on Windows
        return False


FULL = (errno.ENOSPC, errno.EDQUOT)  # a disk, or what a user may have of it
SCARCE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)  # descriptors, and what the kernel needs for them
_TAKEN = (*FULL, errno.ENFILE, errno.ENOMEM)  # by others; its own descriptors are a script's own to close


def patiently(
    work: Callable[[], Any],
    say: Callable[[OSError], None] | None = None,
    *,
    lack: tuple[int, ...] = _TAKEN,
    seconds: float = float("inf"),
) -> Any:
    """Do what takes room on the disk, or in the system's tables, and where there is none wait for it.

    Args:
        work: what is done.
        say: is told what was lacking.
        lack: the errors that tell of it.
        seconds: how long to wait.

    Raises:
        OSError: it went wrong otherwise, or for too long.
    """
    limit = time.monotonic() + seconds
    while True:
        try:
            return work()
        except OSError as error:
            if error.errno not in lack or time.monotonic() > limit:
                raise
            if say is not None:
                say(error)
        time.sleep(0.5)


_inside: _Inside | None = None


def inside() -> _Inside:
    """Return this process's view of its trial."""
    global _inside
    if _inside is None:
        _inside = _Inside()
    return _inside


def make_ready(values: dict[str, Any] | None) -> None:
    """Let this process be that of a trial, which it is about to fork, and know its values, if it may."""
    global _inside
    _inside = _Inside(values)


def get_next_parameter() -> dict[str, Any]:
    """Return the values of this trial, nested choices nested; ``{}`` outside an experiment."""
    here = inside()
    if here.directory is None:
        here.say_outside()
        return {}
    nested = os.path.join(here.directory, "nested.json")  # noqa: PTH118
    if os.path.exists(nested):  # noqa: PTH110
        import json

        with open(nested, encoding="utf-8") as file:  # noqa: PTH123
            return dict(json.load(file))
    return dict(here.values)


def report_intermediate_result(value: Any, step: int | None = None) -> None:
    """Report a result on the way: a number, or a dict with one under ``default``.

    Args:
        value: numbers of numpy and 0-d arrays and tensors are fine.
        step: the epoch, fold or batch it belongs to; counted from 0 where it is left out.
    """
    _report("intermediate", value, step)


def report_final_result(value: Any) -> None:
    """Report the result that the tuner sees: a number, or a dict with one under ``default``."""
    _report("final", value, None)


def report_fold(value: Any) -> None:
    """Report the result of one fold of a cross-validation: a number, or a dict with one under ``default``.

    On the way a trial's result is the mean of the folds so far; once it has ended well, and reported no other
    final result, it is the mean of them all, shown with their deviation.
    """
    _report("fold", value, None)


def _report(kind: str, value: Any, step: int | None) -> None:
    here = inside()
    if here.directory is None:
        here.say_outside()
        return
    if os.environ.get("RANK", "0") not in ("", "0"):
        return  # the workers of a distributed training run share the script; its rank 0 speaks for it
    record: dict[str, Any] = {"type": kind}
    if kind == "intermediate":
        record["step"] = here.steps if step is None else _step(step)
        here.steps = record["step"] + 1
    number, bad = _number(value)
    record["value"] = number
    if bad is not None:
        record["bad"] = bad
    if isinstance(value, dict):
        record["data"] = _plain(value)
    here.append(record)
    here.has_final = here.has_final or kind == "final"


def _step(step: Any) -> int:
    try:
        return int(step)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"step is {_shown(step)}, and a step is a whole number") from None


def _number(value: Any) -> tuple[float | None, str | None]:
    """Return a result as a finite number, or why it is none."""
    if isinstance(value, dict):
        # The first of the experiment's objectives is the result that is seen where one number is.
        first = os.environ.get("HPO_OBJECTIVE") or "default"
        if first not in value:
            lacks = f"a dict of results needs the key {first!r}, and has {_shown(list(value))}"
            is_named = "HPO_OBJECTIVE" in os.environ
            return None, lacks if is_named else f"{lacks}; --objective NAME:max or NAME:min takes another key"
        value = value[first]
    try:
        plain = value.item() if hasattr(value, "item") else value
        if isinstance(plain, (bool, str, bytes, dict)) or not hasattr(plain, "__float__"):
            return None, f"{_shown(value)} is no number"
        number = float(plain)
    except OverflowError:
        return None, f"{_shown(value)} is too large"
    except (TypeError, ValueError, RuntimeError):
        return None, f"{_shown(value)} is no number"
    is_finite = number - number == 0  # as `math` would tell, which each trial would have to load
    return (number, None) if is_finite else (None, f"{_shown(value)} is no finite number")


def _shown(value: Any, longest: int = 80) -> str:
    try:
        text = repr(value)
    except Exception as error:  # a number of more digits than Python writes, a list that is very deep
        text = f"{type(value).__name__} that cannot be written ({error})"
    return text if len(text) <= longest else text[: longest - 3] + "..."


def _plain(value: Any, depth: int = 0) -> Any:
    """Return what JSON can hold of a value; what it cannot, such as NaN or an array, as its text."""
    if depth < _DEEPEST and isinstance(value, dict):
        return {_key(key): _plain(each, depth + 1) for key, each in value.items()}
    if depth < _DEEPEST and isinstance(value, (list, tuple)):
        return [_plain(each, depth + 1) for each in value]
    if isinstance(value, (str, bool, type(None))) or (isinstance(value, int) and abs(value) < 2**63):
        return value
    number, _ = _number(value)
    return _shown(value, _LONGEST_TEXT) if number is None else number


def _key(key: Any) -> str:
    try:
        return str(key)
    except Exception:
        return _shown(key)


def fidelity(passes: Any, start: int = 0) -> Any:
    """Return the passes of a training loop that this trial's budget allows: without one, all of them.

    A trial that goes on from a checkpoint in `trial_dir` gives the number of passes that lie behind it; they
    are left out, and count. Results on the way that are reported without a step are counted from there.

    Args:
        passes: what the loop goes through, such as ``range(50)``.
        start: how many passes were made before.
    """
    import math

    here = inside()
    if here.directory is None:
        here.say_outside()
    here.steps = here.steps or max(int(start or 0), 0)
    budget = here.values.get(BUDGET)
    stop = None
    if isinstance(budget, (int, float)) and not isinstance(budget, bool) and math.isfinite(budget):
        stop = max(math.ceil(budget), 1)
    if isinstance(passes, (range, list, tuple)):
        return passes[start:stop]
    from itertools import islice

    return islice(passes, start, stop)


def get_experiment_id() -> str:
    """Return the experiment's id, or ``STANDALONE`` outside one."""
    return os.environ.get("HPO_EXPERIMENT_ID", "STANDALONE")


def get_trial_id() -> str:
    """Return the trial's id, or ``STANDALONE`` outside an experiment."""
    return os.environ.get("HPO_TRIAL_ID", "STANDALONE")


def get_sequence_id() -> int:
    """Return the trial's number, or 0 outside an experiment."""
    return int(os.environ.get("HPO_TRIAL_SEQUENCE", "0"))


def trial_dir() -> Path:
    """Return the folder that is this trial's own, kept with its results; outside, the current one."""
    from pathlib import Path

    here = inside()
    if here.directory is None:
        here.say_outside()
        return Path()
    return Path(here.directory)


# ---------------------------------------------------------------------------------------------------
# What rewritten scripts call. Each place reads `(value("lr") if given("lr") else own("lr", 0.01))`, so the
# source's own expression stays where it stood, in its own scope, and runs only where it is needed.


def given(name: str) -> bool:
    """Tell whether this trial has a value for a parameter; the baseline trial keeps the source's own."""
    return inside().has(name)


def value(name: str) -> Any:
    """Return the trial's value of a parameter; a list is the caller's own."""
    found = inside().values[name]
    return list(found) if type(found) is list else found


def picked(name: str, option: Any) -> bool:
    """Tell whether the trial picked this option of a choice: a JSON scalar, or a source text."""
    here = inside()
    if not here.has(name):
        return False
    return _is_same(option, here.values[name])


def has(name: str, item: Any) -> bool:
    """Tell whether an item, a JSON scalar or a source text, is in the trial's value of a subset."""
    return any(_is_same(item, each) for each in inside().values[name])


def ordered(name: str, items: list[Any], objects: list[Any]) -> list[Any]:
    """Return objects in the order that the trial's permutation has for the items that name them."""
    wanted = inside().values[name]
    return [objects[i] for each in wanted for i, item in enumerate(items) if _is_same(item, each)]


def _is_same(item: Any, other: Any) -> bool:
    return type(item) is type(other) and bool(item == other)


def own(name: str, seen: Any) -> Any:
    """Return the source's own value, and record what it was where it could not be known before."""
    return _own(name, seen, _is_scalar(seen))


def own_list(name: str, seen: Any) -> Any:
    """Return the source's own value of a subset or a permutation (see `own`)."""
    return _own(name, seen, isinstance(seen, (list, tuple)) and all(map(_is_scalar, seen)))


def _is_scalar(value: Any) -> bool:
    return isinstance(value, (bool, int, float, str, type(None)))


def _own(name: str, seen: Any, is_plain: bool) -> Any:
    here = inside()
    if here.directory is None:
        return seen
    if here.baseline:
        if name not in here.values and here.once(f"own {name}"):
            shown = _plain(seen) if is_plain else _shown(seen, _LONGEST_TEXT)
            here.append({"type": "own", "name": name, "value": shown})
    elif here.once(f"inactive {name}"):
        here.append(
            {
                "type": "warning",
                "message": f"{name} is not active in this configuration, yet its place was reached: "
                f"it took the source's own value",
            }
        )
    return seen


def has_final() -> bool:
    """Tell whether this process reported a final result."""
    return inside().has_final


def spooled_reports() -> int:
    """Return how many intermediate results this trial reported, in all its processes."""
    here = inside()
    path = os.path.join(here.directory or "", "metrics.jsonl")  # noqa: PTH118
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return sum(b'"type": "intermediate"' in line for line in file)
    except OSError:
        return 0
