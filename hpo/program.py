"""Experiments from a program or a notebook: the same engine, store and tuners, and no command line.

::

    def train(lr=0.01, layers=2):
        ...
        return accuracy

    found = hpo.tune(train, space={"lr": "loguniform(1e-5, 1e-1)", "layers": [1, 2, 4]}, max_trials=50)
    found.best.parameters
    found.figures.history()

Every trial is a process of its own, forked from this one: `train` may be defined in the notebook, and what
one trial does to its memory no other sees.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpo.config.loader import load
from hpo.config.model import Algorithm, Config
from hpo.errors import UsageError
from hpo.experiment import wishes
from hpo.experiment.create import create, open_existing
from hpo.experiment.documents import open_store
from hpo.experiment.finish import finish
from hpo.experiment.listener import Listener
from hpo.experiment.loop import Experiment as Loop
from hpo.experiment.objective import Objective
from hpo.experiment.record import Record
from hpo.notebook import NotebookProgress, is_notebook
from hpo.progress import Progress
from hpo.runtime import home
from hpo.runtime.queries import TrialRow
from hpo.space import SearchSpace
from hpo.trial import Trial

if TYPE_CHECKING:
    import pandas

__all__ = ["Experiment", "tune"]

_SETTINGS = sorted(
    Config.model_fields.keys()
    - {"assessor", "direction", "name", "notes", "options", "own_direction", "space", "tuner"}
)

Space = SearchSpace | Mapping[str, Any]


class Experiment:
    """An experiment over a function, a marked script, or a command.

    Args:
        trial: what a trial runs: a function of this program, or the path of a Python script.
        space: the search space: for each name a text such as ``"loguniform(1e-5, 1e-1)"``, a call such as
            ``hpo.loguniform(1e-5, 1e-1)``, or a list of options; or a `SearchSpace`, or NNI's JSON. None:
            that of the function's ``@hpo.param``, or of the script's marks.
        arguments: what a script gets on its command line.
        config: an experiment file, whose settings hold where none is given here.
        minimize: whether smaller results are better.
        tuner: a name, ``"FILE.py:Class"``, or an `Algorithm`.
        assessor: likewise; it stops trials that will not be good.
        name: what the experiment is called.
        **settings: ``max_trials``, ``max_duration``, ``stop_when``, ``patience``, ``max_failures``,
            ``max_trial_duration``, ``max_trial_silence``, ``max_trial_memory``, ``retries``, ``repeat``,
            ``trial_concurrency`` (or ``concurrency``), ``cpus_per_trial``, ``gpus_per_trial``,
            ``start_method``, ``seed``: as the options of `hpo run`.

    Attributes:
        directory: its folder; None before it runs.

    Raises:
        UsageError: a setting that there is not, a space that does not fit the function.
    """

    def __init__(
        self,
        trial: Callable[..., Any] | str | Path | None = None,
        space: Space | None = None,
        *,
        arguments: Sequence[str] = (),
        config: str | Path | None = None,
        minimize: bool | None = None,
        tuner: str | Algorithm | None = None,
        assessor: str | Algorithm | None = None,
        name: str | None = None,
        **settings: Any,
    ) -> None:
        self.directory: Path | None = None
        self._objective = Objective(trial, space) if callable(trial) else None
        self._script = None if trial is None or callable(trial) else str(trial)
        if self._script is not None and not Path(self._script).is_file():
            raise UsageError(
                f"there is no script {self._script}", help="give a function, or a Python file's path"
            )
        self._arguments = arguments
        given = {name: value for name, value in _settings(settings).items() if value is not None}
        if minimize is not None:
            given["direction"] = "minimize" if minimize else "maximize"
        for kind, chosen in (("tuner", tuner), ("assessor", assessor)):
            if chosen is not None:
                given[kind] = Algorithm.named(chosen, kind) if isinstance(chosen, str) else chosen
        if name is not None:
            given["name"] = name
        if self._objective is None and space is not None:
            given["space"] = space if isinstance(space, SearchSpace) else SearchSpace.from_json(space)
        if self._objective is not None:
            given["command"], given["space"] = "-", self._objective.space  # a file need not give them
        elif self._script is not None:
            given["command"] = "-"
        base = Config() if config is None else load(Path(config), given=given.keys())
        self._config = base.override(**given)

    @classmethod
    def open(cls, reference: str | None = None, trial: Callable[..., Any] | None = None) -> Experiment:
        """Return an experiment by its id, the beginning of one, or its name: to look at it, or to go on.

        Args:
            reference: None for the newest.
            trial: the function that its trials call; needed to go on where they call one.
        """
        self = cls.__new__(cls)
        self.directory = home.find(reference)
        with open_store(self.directory) as store:
            space = SearchSpace.from_json(store.experiment()["space"])
        self._objective = None if trial is None else Objective(trial, space)
        return self

    # -- running

    def run(self, *, progress: bool = True) -> Experiment:
        """Run it to its end, or go on where it stood; return itself.

        The interrupt of a notebook, or Ctrl-C, lets the running trials finish; a second one ends them.

        Args:
            progress: show it, in the notebook or on stderr.

        Raises:
            ExperimentFailed: no trial succeeded.
            UsageError: it cannot begin.
        """
        shown = _Display() if progress else None
        listener = shown.listener if shown else Listener()
        if self.directory is None:
            loop = create(
                self._config,
                script=self._script,
                arguments=self._arguments,
                objective=self._objective,
                listener=listener,
            )
            self.directory = loop.directory
        else:
            loop = open_existing(self.directory, objective=self._objective, listener=listener)
        try:
            with shown.over(loop) if shown else contextlib.nullcontext():
                loop.run()
        finally:
            finish(loop, listener)
            loop.store.close()
        return self

    def stop(self) -> None:
        """End it from another thread or program; running trials run again when it goes on."""
        wishes.stop(self._directory)

    def update(self, *, space: Space | None = None, **settings: Any) -> None:
        """Change its limits, or its space, at once where it runs, else from its next `run` on."""
        read = space if space is None or isinstance(space, SearchSpace) else SearchSpace.from_json(space)
        wishes.update(self._directory, _settings(settings), read)

    def enqueue(self, **values: Any) -> None:
        """Let these values run next; those left out are the defaults."""
        wishes.enqueue(self._directory, values)

    # -- looking

    @property
    def _directory(self) -> Path:
        if self.directory is None:
            raise UsageError("the experiment has not run yet", help="call run() first")
        return self.directory

    @property
    def id(self) -> str:
        """Its id."""
        return self._directory.name

    @property
    def record(self) -> Record:
        """All that is stored of it, as it stands now."""
        return Record.read(self._directory)

    @property
    def status(self) -> str:
        """Where it stands: running, done, stopped, error or interrupted."""
        return self.record.status

    @property
    def trials(self) -> list[Trial]:
        """Its trials, by number, with what they reported."""
        record = self.record
        return [trial for row in record.trials if (trial := _trial(record, row)) is not None]

    @property
    def best(self) -> Trial | None:
        """The best trial; None where none has succeeded."""
        record = self.record
        return _trial(record, record.best)

    @property
    def front(self) -> list[Trial]:
        """Of several objectives the trials that none dominates, the best in the first one first."""
        record = self.record
        return [trial for row in record.front if (trial := _trial(record, row)) is not None]

    @property
    def baseline(self) -> Trial | None:
        """The trial of the function's or script's own values, where there is one."""
        record = self.record
        return _trial(record, record.baseline)

    @property
    def figures(self) -> Figures:
        """Its figures: ``experiment.figures.history()``, of plotly."""
        return Figures(self.record)

    def to_pandas(self) -> pandas.DataFrame:
        """Return a row for each trial: its number, state, value, objectives, duration, failure, parameters.

        Raises:
            UsageError: pandas is not installed.
        """
        try:
            import pandas
        except ModuleNotFoundError:
            raise UsageError("pandas is not installed", help="pip install pandas") from None
        parts = self.record.objectives.names
        return pandas.DataFrame(
            [
                {
                    "number": row.number,
                    "state": row.state.value,
                    "value": row.value,
                    **{name: (row.data or {}).get(name) for name in parts},
                    "duration": row.duration,
                    "failure": row.failure,
                    **row.parameters,
                }
                for row in self.record.trials
            ]
        ).set_index("number")

    def __repr__(self) -> str:
        if self.directory is None:
            return "Experiment(not run yet)"
        best = self.best
        found = "nothing yet" if best is None else f"best {best.value!r} with {best.parameters!r}"
        return f"Experiment({self.id!r}, {self.status}, {len(self.record.trials)} trials, {found})"


def _trial(record: Record, row: TrialRow | None) -> Trial | None:
    return None if row is None else row.trial(record.intermediate.get(row.number, ()))


class Figures:
    """The figures of an experiment, each a method by its name in `hpo.figures`."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def __dir__(self) -> list[str]:
        from hpo.figures import KINDS

        return list(KINDS)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        from hpo.figures import KINDS

        if name not in KINDS:
            raise AttributeError(f"there is no figure {name!r}: there are {', '.join(KINDS)}")
        return lambda *arguments, **options: KINDS[name](self._record, *arguments, **options)


class _Display:
    """The progress of a run, where this program shows things."""

    def __init__(self) -> None:
        self.listener = NotebookProgress() if is_notebook() else Progress()

    @contextlib.contextmanager
    def over(self, loop: Loop) -> Iterator[None]:
        """Show it while a run lasts, and what came of it."""
        self.listener.begin(loop)
        try:
            yield
        finally:
            self.listener.end()
        self.listener.summarise(loop)


def _settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings under their names."""
    settings = dict(given)
    if "concurrency" in settings:
        settings["trial_concurrency"] = settings.pop("concurrency")
    unknown = settings.keys() - {*_SETTINGS}
    if unknown:
        name, close = min(unknown), get_close_matches(min(unknown), _SETTINGS, n=1)
        help_ = f"did you mean {close[0]}?" if close else f"there are {', '.join(_SETTINGS)}"
        raise UsageError(f"there is no setting {name}", help=help_)
    return settings


def tune(
    function: Callable[..., Any], space: Space | None = None, *, progress: bool = True, **settings: Any
) -> Experiment:
    """Find the arguments with which a function returns the best result; return the experiment.

    Args:
        function: returns a number, or a dict with one under ``default``; it may report results on its way
            with `hpo.report_intermediate_result`. Each call is a process of its own.
        space: see `Experiment`.
        progress: show it, in the notebook or on stderr.
        **settings: see `Experiment`; ``minimize=True``, ``max_trials=50``, ``tuner="Auto"``, ...
    """
    return Experiment(function, space, **settings).run(progress=progress)
