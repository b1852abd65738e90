"""Take an experiment of NNI's over into our store, to be looked at, and to go on with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import hpo.tuners
from hpo.config.duration import parse_duration
from hpo.config.model import Algorithm, Config
from hpo.errors import HpoError, SpaceError, UsageError
from hpo.experiment.algorithms import make_tuner
from hpo.experiment.draft import DEFAULT_TUNER, settled
from hpo.experiment.foreign import number_of
from hpo.experiment.plan import Plan
from hpo.runtime import home
from hpo.runtime.launcher import ShellCommand
from hpo.runtime.nni_store import MALFORMED, NNIExperiment, NNITrial, read_nni_folder, unreadable
from hpo.runtime.queries import TrialRow
from hpo.runtime.spool import Intermediate
from hpo.runtime.store import Store
from hpo.space import SearchSpace
from hpo.trial import TrialState

__all__ = ["adopt"]

_STATES = {state.value.upper(): state for state in TrialState} | {"SYS_CANCELED": TrialState.SYSTEM_CANCELED}
_LOGS = (("stdout.log", ("trial.stdout", "stdout")), ("stderr.log", ("trial.stderr", "stderr")))


def adopt(folder: Path) -> tuple[Path, list[str]]:
    """Return the folder of a new experiment that has all that is in one of NNI's, and notes.

    Its trials that did not end run again when it is resumed.

    Raises:
        HpoError: the folder cannot be read, or its search space makes no sense.
    """
    found = read_nni_folder(folder)
    try:
        space = _space(found)
        config, notes = _config(found, space)
        rows = _rows(found, space)
    except HpoError:
        raise
    except MALFORMED as error:
        raise unreadable(folder, error) from error
    with home.new_folder() as directory:
        plan = Plan(ShellCommand(config.command or ""), config.code_directory, (), ())
        store = Store.create(
            directory,
            id=home.public_name(directory).name,
            name=config.name or found.id,
            direction=config.direction or "maximize",
            config={"settings": config.model_dump(mode="json", exclude={"space"}), "plan": plan.to_json()},
            space=space.to_json(),
            defaults={},
        )
        with store.transaction():
            for (row, reports), trial in zip(rows, found.trials, strict=True):
                store.put_trial(row, reports)
                _copy_logs(trial, directory / "trials" / str(row.number))
            store.set_elapsed(found.elapsed)
            is_done = all(row.state.is_final for row, _ in rows)
            store.set_status("done" if is_done else "stopped", f"imported from NNI's experiment {found.id}")
        store.close()
    wrong = sum(trial.is_corrected for trial in found.trials)
    if wrong:
        notes.append(f"NNI noted other values of {wrong} trials than their results name: these are taken")
    return home.public_name(directory), notes


def _space(found: NNIExperiment) -> SearchSpace:
    written = found.settings.get("searchSpace")
    if isinstance(written, str):
        written = json.loads(written)
    if not isinstance(written, Mapping):
        raise UsageError(f"NNI's experiment {found.id} has no search space that is stored with it")
    return SearchSpace.from_json(written)


def _config(found: NNIExperiment, space: SearchSpace) -> tuple[Config, list[str]]:
    """Return what goes on where it is resumed, and what of NNI's does not."""
    given = found.settings
    algorithm = given.get("tuner") or given.get("advisor") or {}
    arguments = dict(algorithm.get("classArgs") or {})
    mode, seed = arguments.pop("optimize_mode", None), arguments.pop("seed", None)
    duration = given.get("maxExperimentDuration") or given.get("maxExecDuration")
    config = Config(
        name=given.get("experimentName"),
        command=given.get("trialCommand"),
        code_directory=Path(given.get("trialCodeDirectory") or "."),
        direction=mode if mode in ("maximize", "minimize") else None,
        trial_concurrency=given.get("trialConcurrency") or 1,
        max_trials=given.get("maxTrialNumber") or given.get("maxTrialNum"),
        max_duration=parse_duration(duration) if duration else None,
        gpus_per_trial=given.get("trialGpuNumber"),
        seed=seed if isinstance(seed, int) and seed >= 0 else None,
    )
    written = str(algorithm.get("name") or algorithm.get("builtinTunerName") or algorithm.get("className"))
    name = next((n for n in hpo.tuners.names() if n.lower() == written.lower()), None)
    if name is not None:
        chosen = settled(config.override(tuner=Algorithm(name=name, class_args=arguments)), space)
        try:
            make_tuner(chosen, space)
        except HpoError as error:
            written = f"{name} ({error.message})"
        else:
            return chosen, []
    note = f"its tuner, {written}, cannot go on here: {DEFAULT_TUNER} does where it is resumed"
    return settled(config, space), [note]


def _rows(found: NNIExperiment, space: SearchSpace) -> list[tuple[TrialRow, list[Intermediate]]]:
    """Return the trials as ours, with what they reported, told in the order in which they ended."""
    in_order = sorted(
        (i for i, t in enumerate(found.trials) if _state(t).is_final),
        key=lambda i: found.trials[i].ended or 0.0,
    )
    told = {number: place for place, number in enumerate(in_order)}
    return [(_row(i, trial, space, told.get(i)), _reports(trial)) for i, trial in enumerate(found.trials)]


def _state(trial: NNITrial) -> TrialState:
    state = _STATES.get(trial.state, TrialState.WAITING)
    if state is TrialState.SUCCEEDED and number_of(trial.final and trial.final.value) is None:
        return TrialState.FAILED  # NNI took any end for a success, with a result or without
    return TrialState.WAITING if state is TrialState.RUNNING else state


def _row(number: int, trial: NNITrial, space: SearchSpace, told: int | None) -> TrialRow:
    state, result = _state(trial), trial.final.value if trial.final else None
    failure = (
        {"SUCCEEDED": "no_result", "FAILED": "exit"}[trial.state] if state is TrialState.FAILED else None
    )
    took = trial.ended - trial.started if trial.ended and trial.started else None
    return TrialRow(
        number=number,
        state=state,
        origin=trial.origin,
        parameters=_parameters(trial, space),
        memo={},
        attempt=2 if trial.state == "RUNNING" else 1,  # it runs again
        value=number_of(result) if state is TrialState.SUCCEEDED else None,
        data=result if isinstance(result, dict) else None,
        told=told,
        started=trial.started,
        ended=trial.ended,
        duration=took,
        failure=failure,
        detail=trial.message or ("it reported no number" if failure == "no_result" else None),
    )


def _parameters(trial: NNITrial, space: SearchSpace) -> dict[str, Any]:
    try:
        return space.flatten(trial.parameters or {})
    except (SpaceError, AttributeError):
        return dict(trial.parameters or {})


def _reports(trial: NNITrial) -> list[Intermediate]:
    return [
        Intermediate(step, number_of(r.value), None, r.value if isinstance(r.value, dict) else None, r.time)
        for step, r in enumerate(trial.reports)
    ]


def _copy_logs(trial: NNITrial, folder: Path) -> None:
    for ours, theirs in _LOGS:
        for name in theirs:
            if trial.logs is not None and (trial.logs / name).is_file():
                folder.mkdir(mode=0o700, exist_ok=True)
                target = folder / ours
                if trial.state == "RUNNING":  # of the attempt that was cut short
                    target = target.with_stem(f"{target.stem}.1")
                shutil.copyfile(trial.logs / name, target)
