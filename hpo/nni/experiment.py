"""NNI's `Experiment`: started, watched and steered from a program; it runs in a process of its own."""

from __future__ import annotations

import atexit
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from hpo.config.duration import parse_duration
from hpo.errors import ExperimentFailed, UsageError
from hpo.nni.config import ExperimentConfig
from hpo.nni.data import (
    TrialJob,
    TrialMetricData,
    TrialResult,
    all_metadata,
    exported,
    metrics,
    number_of_trial,
    profile,
    statistics,
    status,
    trial_job,
)
from hpo.runtime import home
from hpo.runtime.queries import TrialRow
from hpo.runtime.store import Store
from hpo.space import SearchSpace

__all__ = ["Experiment", "RunMode"]

_EVERY = 0.1  # seconds between two looks


class RunMode(Enum):
    """Whether an experiment goes on when the program ends."""

    Background = "background"
    Foreground = "foreground"
    Detach = "detach"


class Experiment:
    """An experiment of trials that a command runs.

    Args:
        config: its configuration, or where its trials run: ``local``.
        training_service: where its trials run, where `config` is left out.
        id: of one that there is, to `resume` or to `view`; or what a new one is called, to be found by that.

    Attributes:
        config: what to set before it starts.
        id: None before it starts, unless there is one of this id or name.
    """

    def __init__(
        self,
        config: ExperimentConfig | str | list[str] | None = "local",
        training_service: str | list[str] | None = None,
        id: str | None = None,  # noqa: A002 - NNI's
    ) -> None:
        if not isinstance(config, ExperimentConfig):
            config = ExperimentConfig(training_service or config)
        self.config: ExperimentConfig = config
        known = ((directory.name, row["name"]) for directory, row in home.experiments())
        self.id: str | None = next((names[0] for names in known if id in names), None)
        self._name = id
        self.port: int | None = None

    # -- running

    def start(self, port: int = 8080, debug: bool = False, run_mode: RunMode = RunMode.Background) -> None:
        """Start it; it ends with this program, unless `run_mode` is Detach.

        Args:
            port: NNI's; nothing listens there.
            debug: NNI's.
            run_mode: whether it outlives this program.

        Raises:
            UsageError: the configuration is wrong; the message says where.
        """
        written = {"trialCodeDirectory": str(Path.cwd()), **self.config.to_json()}
        if self._name is not None:
            written["experimentName"] = self._name
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "config.json")
            file.write_text(json.dumps(written, indent=2), encoding="utf-8")
            self._launch("run", "--config", str(file), run_mode=run_mode)

    def _launch(self, *arguments: str, run_mode: RunMode = RunMode.Background) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "hpo", *arguments, "--detach", "--json"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        sys.stderr.write(done.stderr)
        if done.returncode != 0:
            error = UsageError if done.returncode == UsageError.exit_code else ExperimentFailed
            raise error(f"the experiment did not start:\n{done.stderr.strip()}")
        self.id = str(json.loads(done.stdout)["experiment"])
        if run_mode is not RunMode.Detach:
            atexit.register(self.stop)

    def run(self, port: int = 8080, wait_completion: bool = True, debug: bool = False) -> bool | None:
        """Start it, and wait for its end; tell whether it came to a good one."""
        self.start(port, debug)
        return self._finish(wait_completion)

    def _finish(self, wait_completion: bool) -> bool | None:
        if not wait_completion:
            return None
        try:
            return self.wait()
        finally:
            self.stop()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it ends; tell whether it ended well.

        Raises:
            TimeoutError: it runs for longer than `timeout` seconds.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while home.is_running(self._directory):
            if end is not None and time.monotonic() > end:
                raise TimeoutError(f"experiment {self.id} runs for longer than {timeout} s")
            time.sleep(_EVERY)
        return self.get_status() != "ERROR"

    def stop(self) -> None:
        """End it, and its trials; what is recorded stays, and can still be asked for."""
        atexit.unregister(self.stop)
        if self.id is not None and home.is_running(self._directory):
            home.send_command(self._directory, {"do": "stop"})
            self.wait()

    @classmethod
    def connect(cls, reference: str) -> Experiment:
        """Return an experiment by its id or name.

        Raises:
            UsageError: there is none, or this is a port, as in NNI.
        """
        if not isinstance(reference, str):
            raise UsageError(
                f"no experiment listens on port {reference}", help="give its id: Experiment.connect(ID)"
            )
        experiment = cls()
        experiment.id = home.find(reference).name
        return experiment

    def has_checkpoint(self) -> bool:
        """Tell whether there is one to resume."""
        return self.id is not None

    def resume(
        self: Experiment | str, port: int = 8080, wait_completion: bool = True, debug: bool = False
    ) -> Any:
        """Go on with one that stopped; tell what `run` does.

        Called as NNI 2's `Experiment.resume(ID)`, it returns the experiment.
        """
        experiment = Experiment.connect(self) if isinstance(self, str) else self
        experiment._launch("resume", experiment._directory.name)
        ended_well = experiment._finish(wait_completion)
        return experiment if isinstance(self, str) else ended_well

    def run_or_resume(
        self, port: int = 8080, wait_completion: bool = True, debug: bool = False
    ) -> bool | None:
        """Go on with the one of this id or name where there is one, else start it."""
        if not self.has_checkpoint():
            return self.run(port, wait_completion, debug)
        told: bool | None = self.resume(port, wait_completion, debug)
        return told

    def view(self: Experiment | str, port: int = 8080, non_blocking: bool = False) -> Experiment:
        """Return an experiment to look at; NNI 2's `Experiment.view(ID)` will do."""
        experiment = Experiment.connect(self) if isinstance(self, str) else self
        assert experiment._directory  # there is one
        return experiment

    # -- looking

    @property
    def _directory(self) -> Path:
        if self.id is None:
            raise UsageError("the experiment has not started", help="call run() or start() first")
        return home.find(self.id)

    @contextlib.contextmanager
    def _store(self) -> Iterator[Store]:
        with contextlib.closing(Store(self._directory)) as store:
            yield store

    def get_status(self) -> str:
        """Return RUNNING, DONE, STOPPED or ERROR."""
        with self._store() as store:
            return status(store)

    def get_trial_job(self, trial_job_id: str) -> TrialJob:
        """Return a trial by its id."""
        with self._store() as store:
            return trial_job(store, self._row(store, trial_job_id))

    def list_trial_jobs(self) -> list[TrialJob]:
        """Return all trials."""
        with self._store() as store:
            return [trial_job(store, row) for row in store.trials()]

    def get_job_statistics(self) -> list[dict[str, Any]]:
        """Return how many trials are in each state."""
        with self._store() as store:
            return statistics(store)

    def get_job_metrics(self, trial_job_id: str | None = None) -> dict[str, list[TrialMetricData]]:
        """Return the results of a trial, or of all, by its id."""
        with self._store() as store:
            rows = store.trials() if trial_job_id is None else [self._row(store, trial_job_id)]
            found = {f"{self.id}-{row.number}": metrics(store, row) for row in rows}
        return {name: results for name, results in found.items() if results}

    def get_experiment_profile(self) -> dict[str, Any]:
        """Return the configuration and the course of it."""
        with self._store() as store:
            return profile(store)

    def get_experiment_metadata(self, exp_id: str) -> dict[str, Any]:
        """Return what is known of an experiment, ``{}`` where it is not there."""
        return next((each for each in self.get_all_experiments_metadata() if each["id"] == exp_id), {})

    def get_all_experiments_metadata(self) -> list[dict[str, Any]]:
        """Return what is known of each experiment."""
        return all_metadata()

    def export_data(self) -> list[TrialResult]:
        """Return the succeeded trials, their values and results."""
        with self._store() as store:
            return [TrialResult(**each) for each in exported(store)]

    # -- steering

    def update_trial_concurrency(self, value: int) -> None:
        """Change how many trials run at a time."""
        self._update(trial_concurrency=value)

    def update_max_experiment_duration(self, value: str | float) -> None:
        """Change after which time no trial starts."""
        self._update(max_duration=parse_duration(value))

    def update_max_trial_number(self, value: int) -> None:
        """Change how many trials there are."""
        self._update(max_trials=value)

    def update_search_space(self, value: Mapping[str, Any]) -> None:
        """Change the search space; the tuner learns again from what ended."""
        space = SearchSpace.from_json(value)
        home.send_command(self._directory, {"do": "search", "space": space.to_json()})

    def _update(self, **settings: Any) -> None:
        home.send_command(self._directory, {"do": "update", "settings": settings})

    def kill_trial_job(self, trial_job_id: str) -> None:
        """End a running trial."""
        with self._store() as store:
            row = self._row(store, trial_job_id)
        home.send_command(self._directory, {"do": "kill", "trial": row.number})

    def _row(self, store: Store, trial_job_id: str) -> TrialRow:
        number = number_of_trial(trial_job_id)
        row = None if number is None else store.trial(number)
        if row is None:
            raise UsageError(f"experiment {self.id} has no trial {trial_job_id}", help="hpo trial list")
        return row
