"""The loop, where the rooms meet: ask, start, watch, tell.

Everything that happens between two waits is one transaction: reports read, ends noted, results told,
proposals made. Trials are started after it is committed, so whatever runs is in the store. The tuner
is told in the order that the store records, and resuming replays that order.
"""

from __future__ import annotations

import contextlib
import math
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from hpo.config.model import Config
from hpo.errors import ExperimentFailed, HpoError, StoreError, TunerError
from hpo.experiment import left_behind
from hpo.experiment.advisers import Advisers
from hpo.experiment.commands import obey
from hpo.experiment.ends import Ends
from hpo.experiment.explanation import Explanation
from hpo.experiment.limits import Limits
from hpo.experiment.listener import Listener
from hpo.experiment.repetition import Outcome, folder_of, taken_together
from hpo.experiment.replay import unfinished
from hpo.experiment.room import Room
from hpo.experiment.running import RunningTrial
from hpo.experiment.signals import Interruptions
from hpo.experiment.stopwatch import Stopwatch
from hpo.experiment.wake import Wake
from hpo.experiment.watch import Watch
from hpo.runtime import home
from hpo.runtime.launcher import Command, Ended, Launcher, Noted, Waits
from hpo.runtime.memory import KernelKills
from hpo.runtime.placement import Place, Places
from hpo.runtime.store import Store
from hpo.runtime.verdict import Verdict, judge, last_lines
from hpo.space import SearchSpace
from hpo.trial import FULL, Trial, TrialState
from hpo.tuners.assessor import Assessor
from hpo.tuners.base import Tuner

__all__ = ["Experiment", "cannot_go_on"]

_FLUSH_EVERY = 0.05  # seconds: what a power cut takes, beside a proposal and a flush under way
_FIRST = 3  # when this many trials all fail, the others would too
_LOST = 2  # a trial whose process was lost is run again this often at least
_HELD = 100  # spools of trials under way that are open at once: descriptors are few
_SOON = 0.005  # seconds: a proposal that takes longer keeps no other trial from starting
_BEAT = 1.0  # seconds: where something is limited, no wait is longer
_LATE = 1.0  # seconds by which a wait that took longer than it was to take tells of a suspended runner


class Experiment:
    """Run trials until a limit is reached, the tuner is done, or somebody stops it.

    Attributes:
        running: the trials under way, by number.
        waiting: the attempts that will be made, in their order.
        stopped_by: the signal that stopped it.
        waits: what the next trial waits for, and since when.
        advisers: its tuner and its assessor.
        obeyed: the wishes that earlier runners obeyed, those that are trials now.
    """

    def __init__(
        self,
        store: Store,
        space: SearchSpace,
        tuner: Tuner,
        config: Config,
        command: Command,
        launcher: Launcher,
        *,
        assessor: Assessor | None = None,
        places: Places | None = None,
        listener: Listener | None = None,
    ) -> None:
        self.store, self.space, self.config = store, space, config
        self.directory = store.directory
        self.running: dict[int, RunningTrial] = {}
        self.waiting: list[RunningTrial] = []
        self.obeyed: set[str] = set()
        self.stopped_by: int | None = None
        self.waits: str | None = store.experiment()["waits"]
        self._interruptions = Interruptions()
        self._command, self._launcher, self._places = command, launcher, places or Places()
        self._listener = listener or Listener()
        self.advisers = Advisers(
            tuner, assessor, config, self.directory.name, self._interruptions.breaking_in
        )
        self._ends = Ends(store, self.advisers, config, self._listener.noted)
        self._explanation = self._new_explanation()
        self._watch = Watch(launcher, self.running, self._listen_to)
        self._closing: str | None = None  # why no more trials start, whatever the limits are
        self._enough: str | None = None  # the limit that is reached
        self._failed: str | None = None  # why the experiment cannot go on
        self._is_behind = False  # whether there may be more to start at once
        self._retry_at: float | None = None  # when to look again for a device that others use
        self._said_that_some_wait = False
        self._kernel_kills = KernelKills()
        self._stopwatch = Stopwatch(float(store.experiment()["elapsed"]))
        # Who stops it does not wait: what is not stored is found by `hpo resume`.
        self._room = Room(
            self.directory, self._listener, lambda: self.stopped_by is not None or self._interruptions.came
        )
        store.wait_for_room = self._room.wait
        try:
            self._restore()
        except OSError as error:
            self._record_failure(error)

    @property
    def tuner(self) -> Tuner:
        """What proposes trials, and knows them."""
        return self.advisers.tuner

    @property
    def limits(self) -> Limits:
        """What may end it."""
        return self._ends.limits

    @property
    def elapsed(self) -> float:
        """Seconds spent on it, by this runner and those before."""
        return self._stopwatch.elapsed

    @property
    def best(self) -> Trial | None:
        """The best trial so far."""
        return self._ends.tally.best

    @property
    def front(self) -> Sequence[Trial]:
        """The best trials so far: one, or of several objectives those that none dominates."""
        return [trial for _, trial in self._ends.tally.front]

    @property
    def baseline(self) -> Trial | None:
        """The trial that ran the source's own values, once it succeeded."""
        return self._ends.tally.baseline

    @property
    def counts(self) -> Mapping[TrialState, int]:
        """How many trials ended in each state."""
        return self._ends.tally.counts

    @property
    def ended_by(self) -> str | None:
        """Why no more trials start, where it is not the number of them."""
        return self._closing or self._enough

    @property
    def exit_code(self) -> int:
        """What the command exits with: 130 after Ctrl-C, 143 after any other signal, else 0."""
        if self.stopped_by is None:
            return 0
        return 130 if self.stopped_by == signal.SIGINT else 143

    @property
    def total(self) -> int:
        """How many trials there are, ended or not."""
        return self.tuner.next_number

    # -- resuming

    def _restore(self) -> None:
        """Replay the recorded trials to the tuner, and queue those that did not end."""
        self._take_up_left_behind()
        self._ends.replay()
        wishes = (trial.memo.get("wish") for trial in self.tuner.trials.values())
        self.obeyed = {wish for wish in wishes if wish is not None}
        with self.store.transaction():
            self.store.set_status("running")
            for run in list(unfinished(self.store, self.tuner, self.config.wanted.names)):
                self._take_up(run)

    def _take_up_left_behind(self) -> None:
        with self.store.transaction():
            taken, _ = left_behind.take_up(self.store, self.directory, self.space)
            if taken:
                message = f"the store did not know all that ran: {left_behind.by_their_folders(taken)}"
                self.store.add_event("warning", message)

    def _take_up(self, run: RunningTrial) -> None:
        """Adopt what an unfinished trial reported before its runner died, or queue it to run again."""
        run.read_reports(self.store, self._listener)
        number = run.trial.number
        if run.trial.state is TrialState.RUNNING and number in self._launcher.survivors:
            self._places.keep(number)
            self.running[number] = run
            self._begin(run, since=self._launcher.survivors[number])
        elif run.final is not None:
            self._settle(run, Verdict(None, None), None)
        elif run.trial.state is TrialState.RUNNING:
            self._requeue(run)
        else:
            self.waiting.append(run)

    def _requeue(self, run: RunningTrial, *, failed: bool = False) -> None:
        run.set_aside()
        trial = run.trial
        trial.state = TrialState.WAITING
        if not run.repeat:
            trial.intermediate = []
        self.store.requeue_trial(trial.number, failed=failed)
        self.waiting.append(run.again(failed=failed))

    # -- the loop

    def run(self) -> None:
        """Run to the end.

        Raises:
            ExperimentFailed: no trial succeeded, or the first three all failed.
        """
        try:
            with self._interruptions.kept():
                wake = Wake(self.directory, self._launcher)
                try:
                    with self._interruptions.waking(wake.fileno()):
                        self._loop(wake)
                    for stray in self._places.left:
                        self._listener.noted(f"{stray}, was killed, and does not end: it still lives")
                finally:
                    wake.close()
                    self._launcher.close()
                self._conclude()
        except (HpoError, OSError) as error:
            self._end_advisers(failed=isinstance(error, TunerError))
            self._record_failure(error)
        finally:
            self.store.fold()
            self._listener.over()
        self._end_advisers(failed=False)

    def _end_advisers(self, *, failed: bool) -> None:
        message = self.advisers.end(failed=failed)
        if message is not None:
            self._listener.noted(message)

    def _record_failure(self, error: HpoError | OSError) -> NoReturn:
        """Say why the experiment cannot go on; what is stored stays, and resuming goes on from it."""
        if isinstance(error, OSError):
            error = cannot_go_on(self.directory, error)
        with contextlib.suppress(StoreError), self.store.transaction():
            self.store.set_status("error", error.message)
        raise error

    def _loop(self, wake: Wake) -> None:
        called, woken = True, set[int]()
        tick_at: float | None = 0.0
        flushed = time.monotonic()
        while True:
            if not self._room.exists():
                self._room.wait()
            with self.store.transaction():
                if (warning := self._room.take_warning()) is not None:
                    self.store.add_event("warning", warning)
                for signal_number in self._interruptions.take():
                    self._interrupt(signal_number)
                wishes = list(home.commands(self.directory)) if called else []
                for path, command in wishes:
                    obey(self, command, path.stem)
                for number in woken & self.running.keys():
                    self._look_at(self.running[number])
                for event in self._launcher.events():
                    if isinstance(event, Ended):
                        self._end(event)
                    elif isinstance(event, Noted):
                        self.store.add_event("warning", event.message)
                        self._listener.noted(event.message)
                    elif isinstance(event, Waits):
                        self._hold(event.number)
                    elif event.number in self.running:
                        if event.node is not None:
                            self.store.set_node(event.number, event.node)
                        self._begin(self.running[event.number])
                self._enforce_limits()
                starts = list(self._propose())
                if time.monotonic() - flushed >= _FLUSH_EVERY:
                    self.store.set_elapsed(self.elapsed)
            for path, _ in wishes:
                path.unlink(missing_ok=True)
            for run, place in starts:
                self._start(run, place)
            if not self.running and self._retry_at is None:
                self._explanation.update(math.inf)
                return
            now = time.monotonic()
            self._explanation.update(now)
            if now - flushed >= _FLUSH_EVERY:
                self.store.flush()
                flushed = now
            if tick_at is not None and now >= tick_at:
                pause = self._listener.tick(self)
                tick_at = None if pause is None else now + pause
            called, woken = self._wait(wake, self._pause(now, flushed, tick_at))

    def _wait(self, wake: Wake, pause: float | None) -> tuple[bool, set[int]]:
        """Wait; where that took much longer than it was to take, the runner was suspended, said or not."""
        begun = time.monotonic()
        found = wake.wait(pause)
        self._make_up(begun if pause is not None and time.monotonic() > begun + pause + _LATE else None)
        return found

    def _make_up(self, suspended: float | None = None) -> None:
        """Count the time in which the runner was suspended for no limit.

        Who suspends it may have suspended its trials as well: those that went on have a little more time.

        Args:
            suspended: since when, if it was; SIGCONT tells it, too.
        """
        was_continued = self._interruptions.take_continued()
        self._watch.postpone(self._stopwatch.leave_out(was_continued=was_continued, since=suspended))

    def _pause(self, now: float, flushed: float, tick_at: float | None) -> float | None:
        """Return the seconds until something is due; None where only an event can be."""
        if self._is_behind:
            return 0.0
        due = [moment for moment in (tick_at, self._retry_at) if moment is not None]
        if self.store.is_dirty:
            due.append(flushed + _FLUSH_EVERY)
        config = self.config
        if not (config.max_duration is config.max_trial_duration is config.max_trial_silence is None):
            due.append(now + _BEAT)
        due += self._watch.due(self.config)
        return max(0.0, min(due) - now) if due else None

    # -- proposing and starting

    def _propose(self) -> Iterator[tuple[RunningTrial, Place]]:
        """Take up trials while there is room, a place for one, and something to run.

        Where proposals take their time, the first of them starts before the next is asked for.
        """
        self._retry_at, self._is_behind = None, False
        begun = time.monotonic()
        while self._has_more() and len(self.running) < self.config.trial_concurrency:
            number = self.waiting[0].trial.number if self.waiting else self.total
            place = self._places.acquire(number)
            if place is None:
                self._wait_for_place()
                return
            self._say_what_is_waited_for(self._launcher.waits)
            run = self._next_trial(place.gpus or ())
            if run is None:
                self._places.release(number)
                return
            self.running[run.trial.number] = run
            yield run, place
            if time.monotonic() - begun > _SOON:
                self._is_behind = True
                return
        else:
            self._say_what_is_waited_for(self._launcher.waits)

    def _has_more(self) -> bool:
        if self._closing is not None or self._enough is not None:
            return False
        limit = self.config.max_trials
        return bool(self.waiting) or limit is None or self.total - self._ends.tally.imported < limit

    def _wait_for_place(self) -> None:
        """Look again in a while, where what others have may come free."""
        if self._places.retry_after is not None:
            self._retry_at = time.monotonic() + self._places.retry_after
        reason = self._places.waiting_reason
        if not self.running and reason is not None and self.waits is None:
            self.store.add_event("note", reason)
            self._listener.noted(reason)
        self._say_what_is_waited_for(reason)

    def _say_what_is_waited_for(self, reason: str | None) -> None:
        if reason != self.waits:
            self.store.set_waits(reason)
            self.waits = reason

    def _next_trial(self, devices: tuple[int, ...]) -> RunningTrial | None:
        """Take one that waits, or let the tuner propose one, and record that it runs."""
        if self.waiting:
            run = self.waiting.pop(0)
            run.trial.state = TrialState.RUNNING
            self.store.start_trial(run.trial.number, devices)
            return run
        trial = self.advisers.propose()
        if trial is None:
            if not self.running:
                tried_all = "every configuration of the space was tried"
                is_done = self.tuner.done and self.tuner.has_tried_all
                self.close(tried_all if is_done else "the tuner has nothing more to propose")
            return None
        trial.state = TrialState.RUNNING
        self.store.add_trial(trial, "tuner", devices)
        return self._run_of(trial, "tuner")

    def _run_of(self, trial: Trial, origin: str) -> RunningTrial:
        folder, parts = folder_of(self.directory, trial.number), self.config.wanted.names
        return RunningTrial(trial, folder, origin, parts=parts)

    def _start(self, run: RunningTrial, place: Place) -> None:
        if not self._room.keep_trying(run.make_folder):
            message = f"the files of trial {run.trial.memo['continues']} are gone: it begins from scratch"
            with self.store.transaction():
                self.store.add_event("warning", message, run.trial.number)
        values = self._room.keep_trying(lambda: run.write_parameters(self.space))
        held = sum(each.spool is not None for each in self.running.values())
        if self.config.engine == "local" and held < _HELD:
            run.hold_spool()
        variables = {**run.variables(self.directory.name), **place.variables()}
        command = self._command.with_options({n: values[n] for n in self.config.options if n in values})
        self._launcher.start(run.trial.number, command, run.directory, variables, values)
        if self._launcher.begins_at_once:
            self._begin(run)
        self._listener.started(self, run.trial)

    def _hold(self, number: int) -> None:
        """Count no time of a trial for which no process can be had; say once that some wait for one."""
        if number in self.running:
            self.running[number].deadline = self.running[number].heard = None
        reason = self._launcher.waits
        if reason is not None and not self._said_that_some_wait:
            self._said_that_some_wait = True
            self.store.add_event("warning", f"{reason}: trials waited for one")
            self._listener.noted(f"{reason}: trials wait until one can, then it goes on by itself")
        self._say_what_is_waited_for(reason)

    def _begin(self, run: RunningTrial, *, since: float = 0.0) -> None:
        """Count its time from now on, or from when it began, some seconds since."""
        run.started = time.monotonic() - since
        self._watch.begin(run, self.config)

    # -- reports and ends

    def _look_at(self, run: RunningTrial) -> None:
        """Read what a running trial reported, and stop it where it will not be good."""
        has_news = run.read_reports(self.store, self._listener)
        if not has_news or run.kill_at is not None or run.origin == "baseline":
            return  # the baseline runs to its end: the gain is measured from it
        if self.advisers.should_stop(run.trial):
            self.stop_trial(run, TrialState.EARLY_STOPPED)

    def _listen_to(self, run: RunningTrial) -> None:
        """Look whether a trial is as silent as it seems: where its output is read, that counts."""
        self._look_at(run)
        if self.config.metric_pattern is not None and run.has_written():
            run.heard = time.monotonic()

    def _end(self, ended: Ended) -> None:
        run = self.running.pop(ended.number, None)
        if run is None:
            return
        run.read_reports(self.store, self._listener)
        if self.config.metric_pattern is not None and ended.status == 0:
            run.read_output(self.config.metric_pattern, self.store, self._listener)
        if ended.status == 0 and run.stopped_as is None:
            run.take_folds(self.store)
        run.let_go()
        self._places.release(ended.number, ended.left)
        for stray in ended.left:
            message = (
                f"{stray}, was killed, and does not end: what it has of this machine is not free until then"
            )
            self.store.add_event("warning", message, ended.number)
            self._listener.noted(f"trial {ended.number}: {message}")
        run.trim_logs()
        if run.stopped_as is TrialState.WAITING and run.final is None:
            self._requeue(run)
            return
        verdict = self._judge(run, ended)
        if self._is_retried(run, verdict):
            message = f"attempt {run.attempt} failed: {verdict.detail}; it runs again"
            self.store.add_event("warning", message, ended.number)
            self._requeue(run, failed=True)
        else:
            self._settle(run, verdict, time.monotonic() - run.started)

    def _judge(self, run: RunningTrial, ended: Ended) -> Verdict:
        return judge(
            ended.status,
            run.final,
            run.bad,
            timed_out=run.timed_out,
            overused=run.overused,
            lost=ended.reason,
            full=None if run.final else self._room.was_missing(),
            kernel_killed=ended.status not in (0, None) and self._kernel_kills.are_recent(),
            stderr=f"{run.directory}/stderr.log",
            pattern=self.config.metric_pattern,
        )

    def _is_retried(self, run: RunningTrial, verdict: Verdict) -> bool:
        """Tell whether a trial that failed runs again: not where it was stopped, or there is enough."""
        if verdict.failure is None or run.stopped_as is not None or self._enough is not None:
            return False
        is_lost = verdict.failure == "lost" and run.kill_at is None  # not on its way to an end
        return run.retries < max(self.config.retries, _LOST if is_lost else 0)

    def _settle(self, run: RunningTrial, verdict: Verdict, duration: float | None) -> None:
        """Record how a run ended: with it ends the trial, unless it is to run once more."""
        if run.final is None:
            self._record_end(run, verdict, duration, None)
            return
        outcome = Outcome(run.final.value, run.final.data, duration, run.final.deviation)
        is_stopped = run.stopped_as not in (None, TrialState.WAITING)
        is_repeated = run.repeat + 1 < self.config.repeat and not is_stopped and self._enough is None
        number = run.trial.number
        if is_repeated or run.repeat:
            self.store.add_repetition(number, run.repeat, outcome.value, outcome.data, duration)
        if is_repeated:
            self.store.next_repetition(number, run.repeat + 1)
            run.trial.state = TrialState.WAITING
            following = run.next_run(folder_of(self.directory, number, run.repeat + 1), outcome)
            self.waiting.insert(0, following)
        else:
            whole = taken_together([*run.earlier, outcome])
            self._record_end(run, verdict, whole.duration, whole)

    def _record_end(
        self, run: RunningTrial, verdict: Verdict, duration: float | None, outcome: Outcome | None
    ) -> None:
        detail = self._ends.record(run, verdict, duration, outcome, self.config.repeat)
        self._listener.ended(self, run.trial, detail)
        if not self.advisers.keeps_curves:
            run.trial.intermediate = []
        self._check_first(detail)

    def _check_first(self, detail: str | None) -> None:
        """Give up where the first trials all failed: the rest would too, unless the user knows better."""
        if (
            self.config.max_failures is None
            and self._failed is None
            and self.counts[TrialState.FAILED] == sum(self.counts.values()) == _FIRST
        ):
            self._failed = f"the first {_FIRST} trials all failed; the last: {detail}"
            self.close(self._failed)
            self.terminate(TrialState.SYSTEM_CANCELED)

    # -- stopping

    def close(self, why: str) -> None:
        """Start no more trials."""
        self._closing = self._closing or why

    def terminate(self, state: TrialState) -> None:
        """Ask every trial to end, and make it in a while."""
        self._watch.stop_all(state)

    def stop_trial(self, run: RunningTrial, state: TrialState) -> None:
        """Ask a trial to end, and make it in a while."""
        self._watch.stop(run, state)

    def _enforce_limits(self) -> None:
        self._make_up()
        self._watch.enforce(self.config)
        self._enough = self.limits.reached(self.elapsed)
        if self.limits.winner is not None:
            self.terminate(TrialState.SYSTEM_CANCELED)

    def _interrupt(self, number: int) -> None:
        """Obey Ctrl-C (once: finish what runs; twice: end it; again: at once) and the other signals."""
        again = self.stopped_by is not None
        self.stopped_by = self.stopped_by or number
        self.close(signal.Signals(number).name)
        name = self.directory.name
        if number == signal.SIGINT and not again and self.running:
            self._listener.noted(
                f"No more trials start; {len(self.running)} running finish first. Ctrl-C again ends them.\n"
                f"Go on later with: hpo resume {name}",
            )
        elif any(run.kill_at is None for run in self.running.values()):
            self._listener.noted(
                f"Ending the running trials; Ctrl-C again kills them.\nGo on later with: hpo resume {name}",
            )
            self.terminate(TrialState.WAITING)
        else:
            self._watch.kill_all()

    # -- what commands change

    def change(self, config: Config) -> None:
        """Go on with other settings, those of trials that run included."""
        self.config = config
        self._watch.change(config)
        self.limits.change(config)
        self.limits.look_back(self.store.trials(states=[TrialState.SUCCEEDED]))

    def note(self, message: str) -> None:
        """Say what changed to whoever watches."""
        self._listener.noted(message)

    def enqueue(self, parameters: dict[str, Any], wish: str) -> None:
        """Let a trial with given values run next, after those that wait."""
        trial = Trial(self.total, parameters, memo={"wish": wish})
        self.tuner.add(trial)
        self.store.add_trial(trial, "user")
        self.waiting.append(self._run_of(trial, "user"))

    def learn(self, parameters: dict[str, Any], value: float, wish: str) -> None:
        """Tell the tuner of a trial of another experiment; it counts towards no limit."""
        state, memo = TrialState.SUCCEEDED, {"wish": wish}
        trial = Trial(self.total, parameters, state=state, value=value, memo=memo)
        self.store.add_trial(trial, "imported")
        self._ends.tell(trial, "imported")

    def search(self, space: SearchSpace, tuner: Tuner) -> None:
        """Go on in another space, with a tuner that was told all that ended."""
        for run in (*self.running.values(), *self.waiting):
            tuner.add(run.trial)
        self.space, self.advisers.tuner = space, tuner
        self._explanation = self._new_explanation()

    def _new_explanation(self) -> Explanation:
        own_file = self.config.tuner.file if self.config.tuner else None
        return Explanation(self.directory, self.tuner, own_file)

    def _conclude(self) -> None:
        """Record how the experiment ended."""
        succeeded = self.counts[TrialState.SUCCEEDED]
        failure = self._failed
        if failure is None and self.stopped_by is None and not succeeded:
            why = self._enough or (self._closing if not self.total else None)
            failure = f"no trial succeeded: {why}" if why else "no trial succeeded"
        with self.store.transaction():
            self.store.set_elapsed(self.elapsed)
            if failure is not None:
                self.store.set_status("error", failure)
            elif self.stopped_by is not None:
                self.store.set_status("stopped", self._closing)
            else:
                self.store.set_status("done", self.ended_by)
        self.store.flush()
        if failure is not None:
            number = self._last_failed()
            log = f"hpo trial logs {self.directory.name} {number}"
            raise ExperimentFailed(failure, help=None if number is None else f"all that it wrote: {log}")

    def last_words(self) -> list[str]:
        """Return the end of the last failed trial's stderr."""
        number = self._last_failed()
        row = None if number is None else self.store.trial(number)
        folder = folder_of(self.directory, row.number, row.repeat) if row else self.directory
        return last_lines(folder / "stderr.log", 8)

    def _last_failed(self) -> int | None:
        failed = (t.number for t in self.tuner.trials.values() if t.state is TrialState.FAILED)
        return max(failed, default=None)


def cannot_go_on(directory: Path, error: OSError) -> StoreError:
    """Return what is said where the machine refuses what an experiment needs."""
    cure = "make room" if error.errno in FULL else "mend that"
    return StoreError(
        f"experiment {directory.name} cannot go on: {error}",
        help=f"{cure}, then go on with: hpo resume {directory.name}",
    )
