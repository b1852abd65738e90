"""Trials that run are held to their limits, and those that are to end are made to."""

from __future__ import annotations

import heapq
import signal
import time
from collections.abc import Callable, Iterator, Mapping

from hpo.config.model import Config
from hpo.config.size import size
from hpo.experiment.running import RunningTrial
from hpo.runtime.launcher import Launcher
from hpo.trial import TrialState

__all__ = ["Watch"]

_GRACE = 10.0  # seconds between TERM and KILL, and between KILL and giving up what the kernel does not end
_LOGS_EVERY = 5.0  # seconds between two looks at the logs of trials that run on
_MEMORY_EVERY = 0.5  # seconds between two looks at the memory of trials that have a limit


class Watch:
    """Watch over the trials that run.

    Args:
        launcher: sends them signals.
        running: the trials, by number; its owner adds and removes them.
        listen: hears what a trial reported, of which nothing else need tell: no library of ours wrote it.
    """

    def __init__(
        self,
        launcher: Launcher,
        running: Mapping[int, RunningTrial],
        listen: Callable[[RunningTrial], None],
    ) -> None:
        self._launcher, self._running, self._listen = launcher, running, listen
        # When to look at which trial; one that ended meanwhile is passed over. There may be 10,000 in flight.
        self._moments: list[tuple[float, int]] = []
        self._logs_at = time.monotonic() + _LOGS_EVERY
        self._memory_at = 0.0

    def begin(self, run: RunningTrial, config: Config) -> None:
        """Take note of a trial that has begun, or was begun by an earlier runner: it is heard of now."""
        run.heard = time.monotonic()
        self._limit(run, config)

    def change(self, config: Config) -> None:
        """Hold the trials that run to other limits."""
        for run in self._running.values():
            if run.heard is not None and run.kill_at is None:
                self._limit(run, config)

    def _limit(self, run: RunningTrial, config: Config) -> None:
        run.limit, run.silence = config.max_trial_duration, config.max_trial_silence
        run.deadline = None if run.limit is None else run.started + run.suspended + run.limit
        self._expect(run, run.deadline)
        self._expect(run, run.silent_at)

    def postpone(self, seconds: float) -> None:
        """Give every trial so much more time: nobody could see whether it ended in what it had."""
        self._moments = [(moment + seconds, number) for moment, number in self._moments]
        for run in self._running.values():
            run.suspended += seconds
            for name in ("deadline", "heard", "kill_at", "killed_at"):
                if (moment := getattr(run, name)) is not None:
                    setattr(run, name, moment + seconds)

    def stop(self, run: RunningTrial, state: TrialState | None) -> None:
        """Ask a trial to end, and make it in a while.

        Args:
            run: the trial.
            state: what becomes of it; None for what it deserves.
        """
        if run.kill_at is None:
            run.deadline = run.silence = None
            run.stopped_as = state
            run.kill_at = time.monotonic() + _GRACE
            self._expect(run, run.kill_at)
            self._launcher.signal(run.trial.number, signal.SIGTERM)
            self._launcher.signal(run.trial.number, signal.SIGCONT)  # one that is suspended cannot end

    def stop_all(self, state: TrialState) -> None:
        """Ask every trial to end."""
        for run in self._running.values():
            self.stop(run, state)

    def kill_all(self) -> None:
        """End every trial at once."""
        for run in self._running.values():
            self._kill(run)

    def enforce(self, config: Config) -> None:
        """End what has had its time or too much memory, and keep logs from filling the disk."""
        now = time.monotonic()
        while self._moments and self._moments[0][0] <= now:
            run = self._running.get(heapq.heappop(self._moments)[1])
            if run is None:
                continue
            if run.deadline is not None and now >= run.deadline:
                self._time_out(run, f"it took longer than {run.limit:g} s")
            if run.silent_at is not None and now >= run.silent_at:
                self._listen(run)
            if run.silent_at is not None and now >= run.silent_at:
                self._time_out(run, f"it reported nothing for {run.silence:g} s")
            self._expect(run, run.silent_at)
            if run.kill_at is not None and now >= run.kill_at:
                self._kill(run)
        if config.max_trial_memory is not None and now >= self._memory_at:
            self._memory_at = now + _MEMORY_EVERY
            self._end_the_large(config.max_trial_memory)
        if now >= self._logs_at:
            self._logs_at = now + _LOGS_EVERY
            for run in self._running.values():
                run.trim_logs()

    def _time_out(self, run: RunningTrial, why: str) -> None:
        run.timed_out = why
        self.stop(run, None)

    def due(self, config: Config) -> Iterator[float]:
        """Yield the moments at which there is something to enforce."""
        while self._moments and self._moments[0][1] not in self._running:
            heapq.heappop(self._moments)
        if self._moments:
            yield self._moments[0][0]
        if self._running:
            yield self._logs_at
            if config.max_trial_memory is not None:
                yield self._memory_at

    def _kill(self, run: RunningTrial) -> None:
        """End a trial at once, or give it up: it was killed, and hangs in a disk or a device."""
        now, number = time.monotonic(), run.trial.number
        if run.killed_at is None or now < run.killed_at + _GRACE:
            run.killed_at = run.killed_at or now
            run.kill_at = run.killed_at + _GRACE
            self._launcher.signal(number, signal.SIGKILL)
        else:
            run.kill_at = now + _GRACE
            self._launcher.give_up(number)
        self._expect(run, run.kill_at)

    def _expect(self, run: RunningTrial, moment: float | None) -> None:
        if moment is not None:
            heapq.heappush(self._moments, (moment, run.trial.number))

    def _end_the_large(self, limit: int) -> None:
        """Kill the trials that use too much: one that is asked to end may use still more on the way."""
        for number, used in self._launcher.memory(enough=limit).items():
            run = self._running.get(number)
            if run is not None and run.overused is None and used > limit:
                run.overused = f"it used {size(used)} of memory, and {size(limit)} is the limit"
                self._kill(run)
