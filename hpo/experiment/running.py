"""A trial whose process lives: what it reported so far, and whether it is being stopped."""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hpo.config.model import Config
from hpo.experiment.folds import so_far, taken_as_one
from hpo.experiment.listener import Listener
from hpo.experiment.repetition import Outcome
from hpo.parameters import is_number
from hpo.runtime.checkpoint import copy_files
from hpo.runtime.launcher import UNSHARED
from hpo.runtime.logs import trim
from hpo.runtime.spool import Bad, Final, Fold, HeldSpool, Intermediate, Own, Report, Warned, read_spool
from hpo.runtime.store import Store
from hpo.runtime.trial_files import open_plain, rename, write_text
from hpo.space import SearchSpace
from hpo.trial import BUDGET, Metric, Trial, TrialState

__all__ = ["RunningTrial", "shared_variables"]

_CHECKPOINTS = ("load_checkpoint_dir", "save_checkpoint_dir")  # what NNI's PBT calls the folders

_LOGS = ("stdout.log", "stderr.log")
_WARNINGS = 100  # of one trial; what comes then says nothing new
_LONGEST_LINE = 1 << 20  # of output, which may have no lines at all


def shared_variables(experiment: str, config: Config) -> dict[str, str]:
    """Return the environment by which every trial knows what it belongs to."""
    variables = {
        "HPO_EXPERIMENT_ID": experiment,
        "NNI_PLATFORM": "local",
        "NNI_EXP_ID": experiment,
        "NNI_CODE_DIR": str(config.code_directory),
    }
    if config.objectives:
        variables["HPO_OBJECTIVE"] = config.wanted.names[0]
    return {**variables, "HPO_FIXED": json.dumps(list(config.fixed))} if config.fixed else variables


@dataclass
class RunningTrial:
    """One attempt at one run of a trial.

    Attributes:
        directory: its own folder.
        origin: baseline, tuner or user.
        offset: how far its spool was read.
        sequence: how many intermediate results are stored.
        started: by the monotonic clock.
        suspended: seconds since then that do not count, as the runner was suspended.
        limit: the seconds that it may take, from its beginning.
        deadline: when it has taken too long.
        silence: the seconds in which it may report nothing.
        heard: when it reported something last, or began; None before it does.
        kill_at: TERM was sent, and then KILL will be; or KILL was, and then it is given up.
        killed_at: when KILL was sent first.
        timed_out: it took too long, and is stopped; what it took too long for.
        overused: it used too much memory, and is stopped; how much it was.
        retries: how often it failed and was run again.
        repeat: which of the trial's runs it is, from 0.
        earlier: the results of the runs before it.
        stopped_as: what it becomes, where it is stopped on purpose.
        written: the bytes of output that it had when somebody asked last.
        final: the first final result; it counts, whatever happens afterwards.
        bad: a final result that is no number.
        warned: what was said of it.
        parts: what its final result must have; the first is its value.
        spool: its spool, open, should it remove its folder; None where no descriptor is to be had.
    """

    trial: Trial
    directory: Path
    origin: str
    attempt: int = 1
    offset: int = 0
    sequence: int = 0
    started: float = field(default_factory=time.monotonic)
    suspended: float = 0.0
    limit: float | None = None
    deadline: float | None = None
    silence: float | None = None
    heard: float | None = None
    kill_at: float | None = None
    killed_at: float | None = None
    stopped_as: TrialState | None = None
    timed_out: str | None = None
    overused: str | None = None
    written: int = 0
    retries: int = 0
    repeat: int = 0
    earlier: list[Outcome] = field(default_factory=list)
    final: Final | None = None
    bad: Bad | None = None
    warned: set[str] = field(default_factory=set)
    parts: Sequence[str] = ()
    spool: HeldSpool | None = None

    @property
    def silent_at(self) -> float | None:
        """When it has reported nothing for too long, unless it does meanwhile."""
        return None if self.silence is None or self.heard is None else self.heard + self.silence

    def make_folder(self) -> bool:
        """Make its folder: one that goes on from an earlier trial begins with the files of that one.

        Returns:
            False where these are gone, so that it begins from scratch.
        """
        if self.attempt == 1:
            self._vacate()
        earlier = self.trial.memo.get("continues")
        source = None if earlier is None else self._folder_of(earlier)
        if source is not None and not self.directory.exists():
            copy_files(source, self.directory)
            return True
        try:
            os.mkdir(self.directory, 0o700)  # noqa: PTH102 - each trial pays for it
        except FileExistsError:
            return True  # of an attempt that was cut short, with a checkpoint of its own, perhaps
        except FileNotFoundError:  # a trial removed them all
            self.directory.parent.mkdir(mode=0o700)
            self.directory.mkdir(mode=0o700)
        return earlier is None

    def _vacate(self) -> None:
        """Give what is in the place of its folder another name: what it says is of another trial.

        It had this number when a power cut took its row, or a trial made the folder for itself.
        """
        if os.path.lexists(self.directory):
            names = (self.directory.with_name(f"{self.directory.name}.before{n or ''}") for n in range(1000))
            self.directory.rename(next(name for name in names if not os.path.lexists(name)))

    def _folder_of(self, earlier: int) -> Path | None:
        """Return the folder of an earlier trial: of the same run of it, where there is one."""
        folders = (f"{earlier}{self.directory.suffix}", str(earlier))
        return next((f for f in map(self.directory.with_name, folders) if f.is_dir()), None)

    def write_parameters(self, space: SearchSpace) -> dict[str, Any]:
        """Write the values that it will run with into its folder, and return them."""
        parameters = self.trial.parameters
        beside = self._beside()
        values = {**parameters, **beside}
        write_text(f"{self.directory}/parameters.json", json.dumps(values))
        nested = parameters if self.origin == "baseline" else space.nested(parameters)
        nested = self.trial.memo.get("handed", nested)
        if nested != parameters:
            write_text(f"{self.directory}/nested.json", json.dumps({**nested, **beside}))
        return values

    def _beside(self) -> dict[str, Any]:
        """Return what its tuner hands it beside the configuration, under NNI's names."""
        memo = self.trial.memo
        handed = {BUDGET: memo["budget"]} if "budget" in memo else {}
        for name, folder in zip(_CHECKPOINTS, memo.get("checkpoints", ()), strict=False):
            handed[name] = str(self.directory / folder)  # an absolute one is what it is
        return handed

    def variables(self, experiment: str) -> dict[str, str]:
        """Return the environment by which its process knows which it is, under our names and NNI's."""
        number, directory = str(self.trial.number), str(self.directory)
        variables = {
            "HPO_TRIAL_ID": f"{experiment}-{number}",
            "HPO_TRIAL_SEQUENCE": number,
            "HPO_TRIAL_ATTEMPT": str(self.attempt),
            "HPO_TRIAL_REPEAT": str(self.repeat),
            "HPO_TRIAL_DIR": directory,
            "HPO_PARAMETERS": f"{directory}/parameters.json",
            "NNI_TRIAL_JOB_ID": f"{experiment}-{number}",
            "NNI_TRIAL_SEQ_ID": number,
            "NNI_SYS_DIR": directory,
            "NNI_OUTPUT_DIR": directory,
        }
        if self.origin == "baseline":
            variables["HPO_BASELINE"] = "1"
        return variables

    def hold_spool(self) -> None:
        """Open its spool before it begins: a script may tidy up and remove its folder."""
        with contextlib.suppress(OSError):
            self.spool = HeldSpool(f"{self.directory}/metrics.jsonl")
            UNSHARED.add(self.spool)

    def let_go(self) -> None:
        """Close its spool."""
        if self.spool is not None:
            self.spool.close()
            self.spool = None

    def _reports(self, offset: int) -> Iterator[tuple[Report, int]]:
        return read_spool(f"{self.directory}/metrics.jsonl", offset, self.attempt, self.spool)

    def read_reports(self, store: Store, listener: Listener) -> bool:
        """Store what it reported since the last look; tell whether an intermediate result was among it."""
        metrics: list[tuple[int, Intermediate]] = []
        before = self.offset
        for report, offset in self._reports(before):
            self.offset = offset
            if isinstance(report, Fold):
                report = so_far(self._folds())
            if isinstance(report, Intermediate) and self.repeat:
                continue  # the curve of a trial is that of its first run
            if isinstance(report, Intermediate):
                if not self.sequence:
                    metrics += self._recall(report.step)
                metrics.append((self.sequence, report))
                self.sequence += 1
                self._take_intermediate(report, store, listener)
            else:
                if isinstance(report, Final) and not self.sequence and not self.repeat:
                    metrics += self._recall(math.inf)  # its checkpoint was that of the last pass
                self._take(report, store)
        if self.offset != before:
            if self.heard is not None:
                self.heard = time.monotonic()
            store.add_metrics(self.trial.number, metrics)
            store.set_spool(self.trial.number, self.offset)
        return bool(metrics)

    def _recall(self, first: float) -> list[tuple[int, Intermediate]]:
        """Take over what earlier attempts reported before the step that this one begins with.

        It goes on from a checkpoint there. One that begins from scratch begins where the others did: it finds
        nothing before, though its steps may be counted down.
        """
        curve: list[Intermediate] = []
        for attempt in range(1, self.attempt):
            spool = read_spool(f"{self.directory}/metrics.{attempt}.jsonl", 0, attempt)
            of_attempt = [report for report, _ in spool if isinstance(report, Intermediate)]
            if of_attempt:
                curve = _before(of_attempt[0].step, curve) + of_attempt
        curve = [report for report in _before(first, curve) if report.value is not None]
        self.trial.intermediate += [Metric(r.step, r.value, r.data) for r in curve if r.value is not None]
        self.sequence = len(curve)
        return list(enumerate(curve))

    def take_folds(self, store: Store) -> None:
        """Take the mean of its folds for its result, where it reported folds and no result."""
        if self.final is None and self.bad is None and (folds := self._folds()):
            self._take(taken_as_one(folds), store)

    def _folds(self) -> list[Fold]:
        """Return the folds up to where its spool was read: a runner that goes on has not seen them all."""
        return [
            report
            for report, offset in self._reports(0)
            if isinstance(report, Fold) and offset <= self.offset
        ]

    def _take_intermediate(self, report: Intermediate, store: Store, listener: Listener) -> None:
        if report.value is None:
            self._warn(f"step {report.step}: {report.bad}", store)
            return
        metric = Metric(report.step, report.value, report.data)
        self.trial.intermediate.append(metric)
        listener.reported(self.trial, metric)

    def _take(self, report: Report, store: Store) -> None:
        trial = self.trial
        if isinstance(report, Final) and self.parts:
            report = _with_parts(report, self.parts)
        if isinstance(report, Final):
            if self.final is None:
                self.final = report
                store.set_value(trial.number, report.value, report.data)
            elif report.value != self.final.value:
                self._warn(f"a second final result, {report.value!r}, was not taken: the first counts", store)
        elif isinstance(report, Bad):
            self.bad = self.bad or report
        elif isinstance(report, Own) and self.origin == "baseline":
            trial.parameters[report.name] = report.value
            store.set_parameters(trial.number, trial.parameters)
        elif isinstance(report, Warned):
            self._warn(report.message, store)

    def _warn(self, message: str, store: Store) -> None:
        """Note something once; of very many things, the first."""
        if message in self.warned or len(self.warned) > _WARNINGS:
            return
        self.warned.add(message)
        if len(self.warned) > _WARNINGS:
            message = f"there are more than {_WARNINGS} warnings of this trial: no more are kept"
        store.add_event("warning", message, self.trial.number)

    def read_output(self, pattern: str, store: Store, listener: Listener) -> None:
        """Take what a pattern finds in its output for its results, the last for the final one.

        A script that reports by itself needs no pattern.
        """
        if self.final is not None or (self.sequence and not self.repeat):
            return
        found: list[float] = []
        for name in _LOGS:
            found = found or list(_numbers(self.directory / name, re.compile(pattern)))
        now = time.time()
        reports = [Intermediate(step, value, None, None, now) for step, value in enumerate(found)]
        if not self.repeat:
            for report in reports:
                self._take_intermediate(report, store, listener)
            store.add_metrics(self.trial.number, list(enumerate(reports)))
        if found:
            self._take(Final(found[-1], None, now), store)

    def has_written(self) -> bool:
        """Tell whether it wrote anything to its logs since this was asked last."""
        before, self.written = self.written, 0
        for name in _LOGS:
            with contextlib.suppress(OSError):
                self.written += os.lstat(f"{self.directory}/{name}").st_size
        return self.written != before

    def trim_logs(self) -> None:
        """Keep what it writes to its logs from filling the disk."""
        for name in _LOGS:
            trim(f"{self.directory}/{name}")

    def again(self, *, failed: bool = False) -> RunningTrial:
        """Return the next attempt at this run."""
        return RunningTrial(
            self.trial,
            self.directory,
            self.origin,
            self.attempt + 1,
            retries=self.retries + failed,
            repeat=self.repeat,
            earlier=self.earlier,
            parts=self.parts,
        )

    def next_run(self, directory: Path, outcome: Outcome) -> RunningTrial:
        """Return the first attempt at the next run of this trial; this one came to `outcome`."""
        earlier = [*self.earlier, outcome]
        repeat = self.repeat + 1
        return RunningTrial(
            self.trial,
            directory,
            self.origin,
            self.attempt,
            retries=self.retries,
            repeat=repeat,
            earlier=earlier,
            parts=self.parts,
        )

    def set_aside(self) -> None:
        """Rename what this attempt wrote, so that the next begins with empty files."""
        for name in ("metrics.jsonl", *_LOGS):
            path = self.directory / name
            with contextlib.suppress(FileNotFoundError):
                rename(path, path.with_stem(f"{path.stem}.{self.attempt}"))


def _before(step: float, curve: Sequence[Intermediate]) -> list[Intermediate]:
    """Return what was reported before a step: nothing where that is the first one, or comes before it."""
    return [report for report in curve if curve[0].step < step and report.step < step]


def _with_parts(report: Final, parts: Sequence[str]) -> Final | Bad:
    """Return a result of which the first part is the value, or what is wrong with it."""
    data = report.data
    if data is None:
        return Bad(f"{report.value!r} is no dict of {', '.join(parts)}", report.time)
    for name in parts:
        if not is_number(data.get(name)):
            what = f"has no number {name}, and has {', '.join(data)}"
            return Bad(f"it {what if name not in data else f'has {data[name]!r} as {name}'}", report.time)
    return replace(report, value=float(data[parts[0]]))


def _numbers(path: Path, pattern: re.Pattern[str]) -> Iterator[float]:
    """Yield the finite numbers that a pattern (its first group, if it has one) finds in a log."""
    with contextlib.suppress(OSError), io.TextIOWrapper(open_plain(path), "utf-8", "replace") as file:
        while line := file.readline(_LONGEST_LINE):
            for match in pattern.finditer(line):
                with contextlib.suppress(ValueError, TypeError):
                    value = float(match[1] if pattern.groups else match[0])
                    if math.isfinite(value):
                        yield value
