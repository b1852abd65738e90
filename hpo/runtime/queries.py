"""What is asked of an experiment's database, and a trial as it stands there."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from operator import itemgetter, le, lt
from typing import Any, NamedTuple

from hpo.errors import StoreError, UsageError
from hpo.objectives import Objectives
from hpo.runtime.selection import Selection
from hpo.runtime.spool import Intermediate
from hpo.trial import Metric, Trial, TrialState

__all__ = ["COLUMNS", "Queries", "TrialRow"]


class TrialRow(NamedTuple):
    """A trial as the store has it. A tuple: there may be 100,000 of them."""

    number: int
    state: TrialState
    origin: str
    parameters: dict[str, Any]
    memo: dict[str, Any]
    attempt: int = 1
    value: float | None = None
    data: dict[str, Any] | None = None
    told: int | None = None
    started: float | None = None
    ended: float | None = None
    duration: float | None = None
    failure: str | None = None
    detail: str | None = None
    device: Sequence[int] = ()
    spool: int = 0
    retries: int = 0
    repeat: int = 0
    deviation: float | None = None
    node: str | None = None

    def trial(self, intermediate: Sequence[Metric] = ()) -> Trial:
        """Return the trial as tuners know it."""
        trial = Trial(self.number, self.parameters, state=self.state, value=self.value, memo=self.memo)
        trial.failure, trial.data = self.failure, self.data
        trial.intermediate = list(intermediate)
        return trial


COLUMNS = TrialRow._fields
_COLUMN_LIST = ", ".join(COLUMNS)
_STATES = {state.value: state for state in TrialState}
_NO_JSON = (ValueError, TypeError, RecursionError)
_NUMBERS = {int, float}
_NUMERIC = {*_NUMBERS, type(None)}
_LARGEST = 1 << 62  # numbers; SQLite counts to twice as many
_RUNS = 1 << 20  # of one trial; each leaves files that the next looks for
#: Of each whole number the least, and the first that is too large.
_WHOLE = {
    "number": (0, _LARGEST),
    "attempt": (1, _RUNS),
    "spool": (0, _LARGEST),
    "retries": (0, _RUNS),
    "repeat": (0, _RUNS),
}
_LEAST, _END = zip(*_WHOLE.values(), strict=True)
_INT = {int}
_whole = itemgetter(*map(COLUMNS.index, _WHOLE))
_TEXT = {str, type(None)}
_texts = itemgetter(*map(COLUMNS.index, ("failure", "detail", "node")))
_ORIGINS = {"baseline", "tuner", "user", "imported"}
_numbers = itemgetter(
    *map(
        COLUMNS.index,
        ("number", "attempt", "value", "told", "started", "ended", "duration", "spool", "retries", "repeat"),
    )
)
_STATE, _PARAMETERS, _MEMO, _DATA, _DEVICE = map(
    COLUMNS.index, ("state", "parameters", "memo", "data", "device")
)


def _row(values: Iterable[Any]) -> TrialRow:
    row = list(values)
    try:
        row[_STATE] = _STATES[row[_STATE]]
        row[_PARAMETERS] = json.loads(row[_PARAMETERS])
        row[_MEMO] = {} if row[_MEMO] == "{}" else json.loads(row[_MEMO])
        row[_DATA] = json.loads(row[_DATA]) if row[_DATA] else None
        row[_DEVICE] = json.loads(row[_DEVICE]) if row[_DEVICE] else []
    except (KeyError, *_NO_JSON) as error:
        raise _forged(f"trial {row[0]!r}", error) from error
    if not _NUMERIC.issuperset(map(type, _numbers(row))):
        raise _forged(f"trial {row[0]!r}", "text in the place of a number")
    if not (isinstance(row[_PARAMETERS], dict) and isinstance(row[_MEMO], dict)):
        raise _forged(f"trial {row[0]!r}", "parameters that are no object")
    made = TrialRow._make(row)
    wrong = _wrong(made) or (_wrong_memo(made.number, made.memo) if made.memo else None)
    if wrong is not None:
        raise _forged(f"trial {made.number}", wrong)
    return made


def _wrong(row: Any) -> str | None:
    """Return what makes a row none of a `TrialRow`, though its JSON can be read: who resumes relies on it."""
    whole = _whole(row)
    if not (_INT.issuperset(map(type, whole)) and all(map(le, _LEAST, whole)) and all(map(lt, whole, _END))):
        for name, (least, end) in _WHOLE.items():
            value = getattr(row, name)
            if type(value) is not int or not least <= value < end:
                return f"{name} is {value!r}"
    if row.value is not None and not math.isfinite(row.value):
        return f"value is {row.value!r}"
    if row.origin not in _ORIGINS:
        return f"origin is {row.origin!r}"
    if not (row.data is None or isinstance(row.data, dict)):
        return f"data is {row.data!r}"
    if row.device and not (isinstance(row.device, list) and all(type(each) is int for each in row.device)):
        return f"device is {row.device!r}"
    if not _TEXT.issuperset(map(type, _texts(row))):
        wrong = next(text for text in _texts(row) if type(text) not in _TEXT)
        return f"{wrong!r} is no text"
    return None


def _wrong_memo(number: int, memo: dict[str, Any]) -> str | None:
    """Return what is wrong with those keys of a memo that an experiment obeys; the rest is the tuner's."""
    earlier, budget = memo.get("continues"), memo.get("budget")
    if earlier is not None and (type(earlier) is not int or not 0 <= earlier < number):
        return f"it continues {earlier!r}, which is no trial before it"
    if budget is not None and (type(budget) not in (int, float) or not math.isfinite(budget)):
        return f"its budget is {budget!r}"
    folders = memo.get("checkpoints", [])
    if not (isinstance(folders, list) and all(isinstance(each, str) for each in folders)):
        return f"its checkpoints are {folders!r}"
    if not isinstance(memo.get("handed", {}), dict):
        return f"it is handed {memo['handed']!r}"
    if not isinstance(memo.get("wish", ""), str):
        return f"its wish is {memo['wish']!r}"
    return None


def _metric(step: Any, value: Any, data: Any = None) -> Metric:
    if type(step) not in _NUMBERS or type(value) not in _NUMBERS:
        raise _forged("reports", f"{value!r} at step {step!r} is no result")
    return Metric(step, value, None if data is None else _whole_result(data))


def _whole_result(written: Any) -> Any:
    """Return a result that was reported as a dict."""
    try:
        return json.loads(written or "null")
    except _NO_JSON as error:
        raise _forged("results", error) from error


def _forged(what: str, why: object) -> StoreError:
    """Return what is said of a row that no hpo wrote: the file may be anybody's."""
    return StoreError(
        f"the {what} of a store cannot be read: {why}",
        help="it is damaged, or was not written by hpo; trials/*/metrics.jsonl hold what was reported",
    )


class Queries:
    """Everything that is read of an experiment, by those who only look as by the runner."""

    _db: sqlite3.Connection

    def experiment(self) -> dict[str, Any]:
        """Return the experiment's row, its JSON parsed."""
        cursor = self._db.execute("SELECT * FROM experiment")
        found = cursor.fetchone()
        if found is None:
            raise _forged("experiment", "there is none")
        row = dict(zip((c[0] for c in cursor.description), found, strict=True))
        for column in ("config", "space", "defaults"):
            try:
                row[column] = json.loads(row[column])
            except _NO_JSON as error:
                raise _forged(column, error) from error
            if not isinstance(row[column], dict):
                raise _forged(column, "it is no object")
        if not _NUMERIC.issuperset((type(row["created"]), type(row["elapsed"]))):
            raise _forged("experiment", "text in the place of a number")
        for column in ("name", "status", "message", "direction", "waits"):
            if not isinstance(row.get(column), str | None):
                raise _forged(column, "it is no text")
        return row

    def counts(self) -> dict[str, int]:
        """Return how many trials are in each state."""
        found = dict(self._db.execute("SELECT state, count(*) FROM trial GROUP BY state ORDER BY state"))
        for state in found.keys() - _STATES.keys():
            raise _forged("trials", f"one is in the state {state!r}")
        return found

    def trials(
        self, *, states: Sequence[TrialState] = (), offset: int = 0, limit: int = -1
    ) -> list[TrialRow]:
        """Return trials by number, all or those in some states, all or a page of them."""
        where = f"WHERE state IN ({', '.join('?' * len(states))})" if states else ""
        rows = self._db.execute(
            f"SELECT {_COLUMN_LIST} FROM trial {where} ORDER BY number LIMIT ? OFFSET ?",  # noqa: S608
            (*(s.value for s in states), limit, offset),
        )
        return [_row(row) for row in rows]

    def numbers(self, state: TrialState | None = None) -> set[int]:
        """Return the numbers of the trials, or of those in a state; rows take thirty times as long."""
        where, values = ("", ()) if state is None else ("WHERE state = ?", (state.value,))
        rows = self._db.execute(f"SELECT number FROM trial {where}", values)  # noqa: S608
        return {number for (number,) in rows}

    def select(self, selection: Selection, *, offset: int = 0, limit: int = 100) -> list[TrialRow]:
        """Return a page of the trials that fit, in their order."""
        rows = self._db.execute(
            f"SELECT {_COLUMN_LIST} FROM trial WHERE {selection.where} "  # noqa: S608
            f"ORDER BY {selection.order} LIMIT ? OFFSET ?",
            (*selection.arguments, *selection.order_arguments, limit, offset),
        )
        return [_row(row) for row in rows]

    def count(self, selection: Selection) -> int:
        """Return how many trials fit."""
        query = f"SELECT count(*) FROM trial WHERE {selection.where}"  # noqa: S608
        return int(self._db.execute(query, selection.arguments).fetchone()[0])

    def results(self) -> list[tuple[int, float, float | None]]:
        """Return number, final result and time of the end of all that succeeded, in the order of telling."""
        query = "SELECT number, value, ended FROM trial WHERE state = 'succeeded' AND value IS NOT NULL"
        return list(self._db.execute(f"{query} ORDER BY told, number"))

    def sample(self, limit: int) -> list[tuple[int, float, dict[str, Any]]]:
        """Return number, final result and parameters of trials that succeeded: so many, evenly spread."""
        (last,) = self._db.execute("SELECT max(number) FROM trial").fetchone()
        every = max(1, -(-((last or 0) + 1) // limit))
        rows = self._db.execute(
            "SELECT number, value, parameters FROM trial WHERE state = 'succeeded' AND number % ? = 0 "
            "ORDER BY number",
            (every,),
        )
        return [(number, value, json.loads(parameters)) for number, value, parameters in rows]

    def failures(self) -> list[dict[str, Any]]:
        """Return each kind of failure: how often, and the last trial of it, with what went wrong there."""
        cursor = self._db.execute(
            "SELECT failure, count(*) AS count, max(number) AS trial, detail FROM trial "
            "WHERE state = 'failed' GROUP BY failure ORDER BY 2 DESC"
        )
        return [dict(zip((c[0] for c in cursor.description), row, strict=True)) for row in cursor]

    def ranked(self, limit: int, *, descending: bool = True) -> list[TrialRow]:
        """Return the succeeded trials with the highest results, or the lowest, the most extreme first."""
        rows = self._db.execute(
            f"SELECT {_COLUMN_LIST} FROM trial WHERE state = 'succeeded' "  # noqa: S608
            f"ORDER BY value {'DESC' if descending else 'ASC'}, number LIMIT ?",
            (limit,),
        )
        return [_row(row) for row in rows]

    def trial(self, number: int) -> TrialRow | None:
        """Return one trial."""
        if abs(number) >= 1 << 63:  # beyond what SQLite counts to
            return None
        row = self._db.execute(f"SELECT {_COLUMN_LIST} FROM trial WHERE number = ?", (number,)).fetchone()  # noqa: S608
        return None if row is None else _row(row)

    def objectives(self) -> Objectives:
        """Return what is wanted of results."""
        fields = ("objectives", "result_constraints")
        parts = ", ".join(f"json_extract(config, '$.settings.{name}')" for name in fields)
        for direction, *texts in self._db.execute(f"SELECT direction, {parts} FROM experiment"):  # noqa: S608
            try:
                objectives, constraints = (json.loads(text or "[]") for text in texts)
                return Objectives(objectives, constraints, direction)
            except (UsageError, AttributeError, *_NO_JSON) as error:
                raise _forged("settings", error) from error
        raise _forged("experiment", "there is none")

    def best(self) -> TrialRow | None:
        """Return the best trial that succeeded; of several objectives, the nearest to the best of each."""
        wanted = self.objectives()
        if wanted.are_plain:
            return next(iter(self.top(1)), None)
        if wanted.are_several:
            return wanted.best((row, row.value or 0.0, row.data) for row in self._succeeded(wanted))
        return next(self._succeeded(wanted), None)

    def top(self, limit: int) -> list[TrialRow]:
        """Return the best succeeded trials, the best first; of equals, the earliest.

        Of several objectives it is the front, then those that are the front without it, and so on.
        """
        wanted = self.objectives()
        if wanted.are_plain:
            return self.ranked(limit, descending=wanted.direction == "maximize")
        if not wanted.are_several:
            return list(islice(self._succeeded(wanted), limit))
        left, found = {row.number: row for row in self._succeeded(wanted)}, list[TrialRow]()
        while left and len(found) < limit:
            front = wanted.front((row, row.value or 0.0, row.data) for row in left.values())
            found += front
            for row in front:
                del left[row.number]
            if not front:
                break
        return found[:limit]

    def front(self) -> list[TrialRow]:
        """Return the trials that none dominates, the best in the first objective first."""
        wanted = self.objectives()
        if not wanted.are_several:
            return self.top(1)
        return wanted.front((row, row.value or 0.0, row.data) for row in self._succeeded(wanted))

    def _succeeded(self, wanted: Objectives) -> Iterator[TrialRow]:
        """Yield the trials that succeeded and are feasible, the best in the first objective first."""
        order = "DESC" if wanted.direction == "maximize" else "ASC"
        rows = self._db.execute(
            f"SELECT {_COLUMN_LIST} FROM trial WHERE state = 'succeeded' "  # noqa: S608
            f"ORDER BY value {order}, number"
        )
        for row in map(_row, rows):
            if row.value is not None and wanted.is_feasible(row.value, row.data):
                yield row

    def baseline(self) -> TrialRow | None:
        """Return the trial that ran the source's own values, where there was one."""
        row = self._db.execute(
            f"SELECT {_COLUMN_LIST} FROM trial WHERE origin = 'baseline' ORDER BY number LIMIT 1"  # noqa: S608
        ).fetchone()
        return None if row is None else _row(row)

    def metrics(self, number: int) -> list[Metric]:
        """Return a trial's intermediate results, in order, the finite ones."""
        rows = self._db.execute(
            "SELECT step, value FROM metric WHERE trial = ? AND value IS NOT NULL ORDER BY sequence",
            (number,),
        )
        return [_metric(step, value) for step, value in rows]

    def reports(self, number: int) -> list[Intermediate]:
        """Return a trial's intermediate results as they were reported, in order, the finite ones."""
        rows = self._db.execute(
            "SELECT step, value, data, time FROM metric WHERE trial = ? AND value IS NOT NULL "
            "ORDER BY sequence",
            (number,),
        )
        metrics = [(_metric(step, value, data), at) for step, value, data, at in rows]
        return [Intermediate(m.step, m.value, None, m.data, at) for m, at in metrics]

    def last_metric(self, number: int) -> Metric | None:
        """Return the last finite intermediate result of a trial."""
        row = self._db.execute(
            "SELECT step, value FROM metric WHERE trial = ? AND value IS NOT NULL "
            "ORDER BY sequence DESC LIMIT 1",
            (number,),
        ).fetchone()
        return None if row is None else _metric(*row)

    def all_metrics(self, most: int | None = None, *, whole: bool = False) -> dict[int, list[Metric]]:
        """Return intermediate results by trial: of all, or of so many, evenly spread, and of the best.

        Args:
            most: of how many trials.
            whole: with all that was reported, where it was a dict.
        """
        found: dict[int, list[Metric]] = {}
        (last,) = self._db.execute("SELECT max(number) FROM trial").fetchone()
        every = 1 if most is None else max(1, -(-((last or 0) + 1) // most))
        best = None if every == 1 else self.best()
        rows = self._db.execute(
            f"SELECT trial, step, metric.value, {'metric.data' if whole else 'NULL'} "  # noqa: S608
            "FROM trial JOIN metric ON trial = number "
            "WHERE (number % ? = 0 OR number = ?) AND metric.value IS NOT NULL ORDER BY number, sequence",
            (every, best.number if best else None),
        )
        for trial, step, value, data in rows:
            found.setdefault(trial, []).append(_metric(step, value, data))
        return found

    def repetitions(self, number: int) -> list[tuple[float, dict[str, Any] | None, float | None]]:
        """Return the results of the runs of a trial that runs several times, those that ended, in order."""
        rows = self._db.execute(
            "SELECT value, data, duration FROM repetition WHERE trial = ? ORDER BY repeat", (number,)
        )
        found = [(value, _whole_result(data), duration) for value, data, duration in rows]
        if not _NUMERIC.issuperset(type(each) for value, _, duration in found for each in (value, duration)):
            raise _forged(f"runs of trial {number}", "text in the place of a number")
        return found

    def last_end(self) -> float | None:
        """Return when a trial last ended, in seconds since 1970; None where none has."""
        (last,) = self._db.execute("SELECT max(ended) FROM trial").fetchone()
        return None if last is None else float(last)

    def last_sequence(self, number: int) -> int:
        """Return how many intermediate results of a trial are here."""
        row = self._db.execute("SELECT max(sequence) FROM metric WHERE trial = ?", (number,)).fetchone()
        return 0 if row[0] is None else int(row[0]) + 1

    def events(self, trial: int | None = None) -> list[dict[str, Any]]:
        """Return what was noted, of one trial or of all."""
        where, values = ("", ()) if trial is None else ("WHERE trial = ?", (trial,))
        rows = self._db.execute(f"SELECT time, kind, trial, message FROM event {where} ORDER BY id", values)  # noqa: S608
        found = []
        for at, kind, trial, message in rows:
            if (
                type(at) not in _NUMBERS
                or type(trial) not in _NUMERIC
                or {type(kind), type(message)} != {str}
            ):
                raise _forged("events", f"{message!r} is none")
            found.append({"time": at, "kind": kind, "trial": trial, "message": message})
        return found

    def told_after(self, told: int) -> list[TrialRow]:
        """Return the trials that ended after one, by its place in the order of telling."""
        rows = self._db.execute(f"SELECT {_COLUMN_LIST} FROM trial WHERE told > ? ORDER BY told", (told,))  # noqa: S608
        return [_row(row) for row in rows]

    def last_told(self) -> int:
        """Return the place of the last trial in the order of telling; -1 where there is none."""
        (last,) = self._db.execute("SELECT max(told) FROM trial").fetchone()
        if last is not None and last >= _LARGEST:
            raise _forged("trials", f"one was told as number {last}")
        return -1 if last is None else int(last)
