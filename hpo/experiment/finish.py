"""``--on-finish COMMAND``: what the user runs when an experiment has come to an end, however it did."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess

from hpo.errors import StoreError
from hpo.experiment.documents import best_json
from hpo.experiment.listener import Listener
from hpo.experiment.loop import Experiment

__all__ = ["finish"]

_BEST = "best.json"


def finish(experiment: Experiment, listener: Listener) -> None:
    """Run the command of an experiment that has just ended, where it has one; its failure is only said.

    It runs where the trials did, its output goes to stderr, and its environment says what came of the
    experiment: ``HPO_EXPERIMENT_ID``, ``HPO_EXPERIMENT_NAME``, ``HPO_EXPERIMENT_DIR``, ``HPO_STATUS`` (done,
    stopped or error), ``HPO_BEST_TRIAL``, ``HPO_BEST_VALUE`` (empty where no trial succeeded) and
    ``HPO_BEST_FILE``, which holds what ``hpo best --json`` prints.
    """
    command = experiment.config.on_finish
    if command is None:
        return
    store = experiment.store
    failure = None
    try:
        row, best = store.experiment(), best_json(store)
        path = experiment.directory / _BEST
        path.write_text(json.dumps(best, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        told = {
            "HPO_EXPERIMENT_ID": experiment.directory.name,
            "HPO_EXPERIMENT_NAME": row["name"],
            "HPO_EXPERIMENT_DIR": str(experiment.directory),
            "HPO_STATUS": row["status"],
            "HPO_BEST_TRIAL": "" if best["trial"] is None else str(best["trial"]),
            "HPO_BEST_VALUE": "" if best["value"] is None else repr(best["value"]),
            "HPO_BEST_FILE": str(path),
        }
        ended = subprocess.run(  # noqa: S602 - it is the user's own command line
            command,
            shell=True,
            cwd=row["config"]["plan"]["cwd"],
            env={**os.environ, **told},
            stdout=2,
            check=False,
        )
        if ended.returncode != 0:
            failure = f"ended with status {ended.returncode}"
    except (OSError, StoreError) as error:
        failure = f"could not be run: {error}"
    except KeyboardInterrupt:
        failure = "was interrupted"
    if failure is not None:
        listener.noted(f"--on-finish {failure}: {command}")
        with contextlib.suppress(StoreError), store.transaction():
            store.add_event("warning", f"--on-finish {failure}: {command}")
