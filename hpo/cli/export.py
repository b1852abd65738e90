"""`hpo export` and `hpo import`: trials for other programs, and from other experiments."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hpo.cli.output import json_text
from hpo.errors import UsageError, printable
from hpo.experiment.documents import open_store, trial_json
from hpo.experiment.foreign import read_export, read_results
from hpo.experiment.wording import counted
from hpo.interop.optuna_study import adopt_study, is_study, study_results
from hpo.nni.data import exported
from hpo.runtime import home
from hpo.runtime.store import Store
from hpo.space import SearchSpace

__all__ = ["export_space", "export_trials", "import_folder", "import_trials"]

# The columns of a table that are there whatever the parameters are, with their types for pyarrow.
_TYPED = {
    "number": "int64",
    "state": "string",
    "value": "float64",
    "deviation": "float64",
    "duration": "float64",
    "started": "float64",
    "ended": "float64",
    "attempt": "int64",
    "origin": "string",
    "failure": "string",
    "detail": "string",
}
_FORMATS = ("csv", "json", "parquet", "nni")


def export_trials(reference: str | None, format: str, output: Path | None, *, intermediate: bool) -> None:  # noqa: A002
    """Print the trials as CSV or JSON, or write them to a file."""
    if format not in _FORMATS:
        raise UsageError(f"there is no format {format}", help=f"the formats are {', '.join(_FORMATS)}")
    with open_store(home.find(reference)) as store:
        if format == "parquet":
            trials = [trial_json(store, row) for row in store.trials()]
            _write_parquet(trials, store.objectives().names, output)
            return
        if format == "nni":
            text = _json(exported(store, intermediate=intermediate))
        else:
            trials = [trial_json(store, row) for row in store.trials()]
            text = _json(trials) if format == "json" else _csv(store, trials)
    if output is None:
        _print(text)
    else:
        output.write_text(text, encoding="utf-8", newline="")


def export_space(reference: str | None, to: str, output: Path | None) -> None:
    """Print a search space as another tool has one, or write it to a file."""
    from hpo.interop.outline import Outline
    from hpo.interop.spaces import write_space

    with open_store(home.find(reference)) as store:
        row, objectives = store.experiment(), store.objectives()
    config = row["config"]
    space = SearchSpace.from_json(row["space"], defaults=row["defaults"])
    script = config["plan"]["command"].get("script")
    trials = config["settings"].get("max_trials")
    text = write_space(Outline(row["name"], space, objectives, script, trials), to)
    if output is None:
        _print(text)
    else:
        output.write_text(text, encoding="utf-8")


def _print(text: str) -> None:
    """Print what trials may have written: as it is to a program, and as no more than text to a terminal."""
    sys.stdout.write(printable(text) if sys.stdout.isatty() else text)


def _json(value: Any) -> str:
    return json_text(value) + "\n"


def _csv(store: Store, trials: Sequence[dict[str, Any]]) -> str:
    space, parts = SearchSpace.from_json(store.experiment()["space"]), store.objectives().names
    names = list(dict.fromkeys([*space, *(name for t in trials for name in t["parameters"])]))
    spread = ["deviation"] if any(trial["deviation"] is not None for trial in trials) else []
    before, after = ["number", "state", "value", *spread], ["duration", "failure"]
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([*before, *parts, *after, *names])
    for trial in trials:
        values = (trial["parameters"].get(name, "") for name in names)
        written = (json.dumps(v, ensure_ascii=False) if isinstance(v, dict | list) else v for v in values)
        found = ((trial["results"] or {}).get(part, "") for part in parts)
        writer.writerow([*(trial[c] for c in before), *found, *(trial[c] for c in after), *written])
    return text.getvalue()


def _write_parquet(trials: Sequence[dict[str, Any]], parts: Sequence[str], output: Path | None) -> None:
    """Write trials as a table of typed columns; a parameter whose values are of several types is text."""
    if output is None:
        raise UsageError("parquet is no text", help="write it to a file: -o trials.parquet")
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError:
        message = "the format parquet needs pyarrow, which is not installed"
        raise UsageError(message, help="pip install 'hpo-annotate[parquet]'") from None
    names = dict.fromkeys(name for trial in trials for name in trial["parameters"])
    columns = {column: [trial[column] for trial in trials] for column in _TYPED}
    table = {name: pyarrow.array(values, type=_TYPED[name]) for name, values in columns.items()}
    for part in parts:
        values = [(trial["results"] or {}).get(part) for trial in trials]
        table[part if part not in table else f"result.{part}"] = pyarrow.array(_of_one_type(values))
    for name in names:
        values = [trial["parameters"].get(name) for trial in trials]
        table[name if name not in table else f"parameter.{name}"] = pyarrow.array(_of_one_type(values))
    pyarrow.parquet.write_table(pyarrow.table(table), output)


def _of_one_type(values: Sequence[Any]) -> list[Any]:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float}:
        return [None if value is None else float(value) for value in values]
    if len(kinds) > 1 or not kinds <= {int, float, bool, str}:
        return [value if value is None or isinstance(value, str) else json.dumps(value) for value in values]
    return list(values)


def import_trials(reference: str | None, file: Path, study: str | None) -> None:
    """Let an experiment learn from exported trials: at once where it runs, else when it is resumed."""
    directory = home.find(reference)
    with open_store(directory) as store:
        row, wanted = store.experiment(), store.objectives()
    if not wanted.are_plain:
        message = f"{directory.name} wants {wanted}, and an imported trial has one number"
        raise UsageError(message, help="import into an experiment of one objective")
    space = SearchSpace.from_json(row["space"], defaults=row["defaults"])
    if is_study(file):
        trials, misfits = read_results(study_results(file, study), space, str(file))
    else:
        trials, misfits = read_export(file, space)
    for misfit in misfits:
        print(f"passed over: {misfit}", file=sys.stderr)
    if not trials:
        help_ = "see above" if misfits else "only trials with a result count, and it has none"
        raise UsageError(f"{file} has no trial with a result that fits {directory.name}", help=help_)
    home.send_command(directory, {"do": "import", "trials": trials})
    when = "" if home.is_running(directory) else f"; it learns from them with: hpo resume {directory.name}"
    print(f"{counted(len(trials), 'trial')} imported into {directory.name}{when}", file=sys.stderr)


def import_folder(folder: Path, study: str | None) -> None:
    """Make an experiment of a folder of NNI's, or of a study of Optuna's, with all its trials."""
    from hpo.experiment.adopt import adopt

    if is_study(folder):
        directory = adopt_study(folder, study)
        notes = [f"it has no command; to go on: hpo run SCRIPT --warm-from {directory.name}"]
    elif folder.is_file():
        message = f"{folder} is neither a study of Optuna's, in SQLite, nor a folder of NNI's"
        raise UsageError(message, help="to learn from an export: hpo import ID FILE")
    else:
        directory, notes = adopt(folder)
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    with open_store(directory) as store:
        count = sum(store.counts().values())
    print(f"{counted(count, 'trial')} of {folder} are in experiment {directory.name}", file=sys.stderr)
    print(f"See it: hpo show {directory.name}", file=sys.stderr)
