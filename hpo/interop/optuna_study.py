"""Read a study of Optuna's, stored in SQLite: as results to learn from, or as an experiment of its own."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hpo.conditions import Condition
from hpo.config.model import Config
from hpo.errors import UsageError
from hpo.experiment.draft import settled
from hpo.experiment.plan import Plan
from hpo.parameters import Parameter, create
from hpo.runtime import home
from hpo.runtime.launcher import ShellCommand
from hpo.runtime.queries import TrialRow
from hpo.runtime.spool import Intermediate
from hpo.runtime.store import Store
from hpo.space import SearchSpace
from hpo.trial import TrialState

__all__ = ["adopt_study", "is_study", "study_results"]

_MAGIC = b"SQLite format 3\x00"
_STATES = {
    "COMPLETE": TrialState.SUCCEEDED,
    "PRUNED": TrialState.EARLY_STOPPED,
    "FAIL": TrialState.FAILED,
}


def is_study(path: Path) -> bool:
    """Tell whether a file is a database of SQLite, as Optuna's studies are."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC
    return False


def study_results(path: Path, name: str | None = None) -> list[dict[str, Any]]:
    """Return the completed trials of a study in the form of an export.

    Raises:
        UsageError: it cannot be read, or there is more than one and no name.
    """
    with _opened(path, name) as study:
        complete = (trial for trial in study.trials if trial.state.name == "COMPLETE")
        return [{"parameters": dict(trial.params), "value": trial.value} for trial in complete]


def adopt_study(path: Path, name: str | None = None) -> Path:
    """Return the folder of a new experiment that has the space and the trials of a study.

    Optuna does not store conditions: a parameter that only trials with certain options of another have is
    taken to be active with these.

    Raises:
        UsageError: it cannot be read, or there is more than one and no name.
    """
    with _opened(path, name) as study:
        trials = [trial for trial in study.trials if trial.state.name in _STATES]
    space = _space(trials)
    direction: Any = study.direction.name.lower()
    plan = Plan(ShellCommand(""), Path.cwd(), (), ())
    config = settled(
        Config(name=study.study_name, direction=direction, max_trials=max(len(trials), 1)), space
    )
    with home.new_folder() as directory:
        store = Store.create(
            directory,
            id=home.public_name(directory).name,
            name=study.study_name,
            direction=direction,
            config={"settings": config.model_dump(mode="json", exclude={"space"}), "plan": plan.to_json()},
            space=space.to_json(),
            defaults={},
        )
        with store.transaction():
            for number, trial in enumerate(trials):
                store.put_trial(_row(number, trial), list(_reports(trial)))
            store.set_status("done", f"imported from Optuna's study {study.study_name}")
        store.close()
    return home.public_name(directory)


@contextlib.contextmanager
def _opened(path: Path, name: str | None) -> Iterator[Any]:
    """Yield a study out of a copy of its file: Optuna writes its tables into whatever it opens."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "study.db"
        try:
            with contextlib.closing(
                sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
            ) as source:
                with contextlib.closing(sqlite3.connect(copy)) as target:
                    source.backup(target)
                is_optunas = source.execute("SELECT 1 FROM sqlite_master WHERE name = 'studies'").fetchone()
        except sqlite3.Error as error:
            raise UsageError(f"{path} cannot be read: {error}", help="name a study of Optuna's") from error
        if is_optunas is None:
            raise UsageError(f"{path} holds no studies of Optuna's", help="name a file that Optuna wrote")
        yield _study(path, copy, name)


def _study(path: Path, copy: Path, name: str | None) -> Any:
    try:
        import optuna
    except ModuleNotFoundError:
        help_ = "pip install 'hpo-annotate[optuna]'"
        raise UsageError(
            "to read a study of Optuna's needs optuna, which is not installed", help=help_
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        storage = optuna.storages.RDBStorage(f"sqlite:///{copy}")
        names = optuna.get_all_study_names(storage)
    except Exception as error:  # of SQLAlchemy, or of Optuna where the file is of another version
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UsageError(
            f"{path} holds no study that this Optuna reads: {first}", help="optuna storage upgrade"
        ) from None
    listed = ", ".join(names) or "none"
    if name is None and len(names) != 1:
        raise UsageError(f"{path} holds {len(names)} studies: {listed}", help="name one: --study NAME")
    if name is not None and name not in names:
        raise UsageError(f"{path} holds no study {name}", help=f"there are: {listed}")
    study = optuna.load_study(study_name=name or names[0], storage=storage)
    if len(study.directions) != 1:
        raise UsageError(
            f"the study {study.study_name} has {len(study.directions)} objectives", help="export one"
        )
    return study


def _space(trials: Sequence[Any]) -> SearchSpace:
    distributions: dict[str, Any] = {}
    for trial in trials:
        distributions.update(trial.distributions)
    if not distributions:
        raise UsageError("the study has no trial with parameters", help="import one that has")
    parameters = {name: _domain(each) for name, each in distributions.items()}
    return SearchSpace(parameters, conditions=dict(_conditions(trials, parameters)))


def _domain(distribution: Any) -> Parameter:
    kind = type(distribution).__name__
    if kind == "CategoricalDistribution":
        return create("choice", tuple(distribution.choices))
    low, high, log, step = distribution.low, distribution.high, distribution.log, distribution.step
    if low == high:
        return create("choice", (low,))
    if kind == "IntDistribution" and not log and step == 1:
        return create("randint", (low, high + 1))
    if kind == "IntDistribution" and log:
        return create("qloguniform", (low, high, 1))
    if step is None:
        return create("loguniform" if log else "uniform", (low, high))
    if low % step:  # a grid that does not begin at a multiple of its step
        count = round((high - low) / step) + 1
        return create("choice", tuple(low + i * step for i in range(count)))
    return create("quniform", (low, high, step))


def _conditions(
    trials: Sequence[Any], parameters: Mapping[str, Parameter]
) -> Iterator[tuple[str, list[Condition]]]:
    """Yield for each parameter that some trials lack the option of another that tells which."""
    for name in parameters:
        having = [name in trial.params for trial in trials if trial.params]
        if all(having):
            continue
        for parent, domain in parameters.items():
            values = [trial.params.get(parent) for trial in trials if trial.params]
            seen = {repr(v): v for v, has in zip(values, having, strict=True) if has}
            tells = all((repr(v) in seen) == has for v, has in zip(values, having, strict=True))
            if parent != name and domain.type == "choice" and tells and "None" not in seen:
                yield name, [Condition(parent, tuple(seen.values()))]
                break


def _row(number: int, trial: Any) -> TrialRow:
    state = _STATES[trial.state.name]
    started, ended = (t and t.timestamp() for t in (trial.datetime_start, trial.datetime_complete))
    return TrialRow(
        number=number,
        state=state,
        origin="tuner",
        parameters=dict(trial.params),
        memo={},
        value=float(trial.value) if state is TrialState.SUCCEEDED else None,
        told=number,
        started=started,
        ended=ended,
        duration=None if started is None or ended is None else ended - started,
        failure="exception" if state is TrialState.FAILED else None,
        detail="it failed in Optuna" if state is TrialState.FAILED else None,
    )


def _reports(trial: Any) -> Iterator[Intermediate]:
    at = trial.datetime_complete.timestamp() if trial.datetime_complete else 0.0
    for step, value in sorted(trial.intermediate_values.items()):
        is_number = value == value and abs(value) != float("inf")
        yield Intermediate(int(step), float(value) if is_number else None, None, None, at)
