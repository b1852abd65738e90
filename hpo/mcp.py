"""A server for agents (Model Context Protocol): look at experiments, run them, edit marks, explain results.

It needs the extra ``hpo-annotate[mcp]``, and talks over its standard streams, as agents start it. It may do
what the user may who started it: it runs scripts, and writes marks and values into them where it is asked to.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from hpo import __version__
from hpo.annotate.project import annotate
from hpo.annotate.writing.marks import edit_marks as edited
from hpo.annotate.writing.suggest import suggest
from hpo.errors import HpoError, UsageError
from hpo.experiment import wishes
from hpo.experiment.documents import best_json, experiment_json, open_store, trial_json
from hpo.experiment.record import Record
from hpo.experiment.repetition import attempts
from hpo.experiment.wording import compared, counted, short
from hpo.experiment.written_back import write_back
from hpo.importance import fanova
from hpo.runtime import home
from hpo.runtime.queries import TrialRow
from hpo.runtime.verdict import last_lines

__all__ = ["serve"]

_F = TypeVar("_F", bound=Callable[..., Any])

_PATIENCE = 300.0  # seconds that a call waits at most: clients have a patience of their own
_MOST = 1000  # trials, or lines, in one answer
_INSTRUCTIONS = """\
hpo tunes Python scripts whose values are marked in comments: lr = 0.01  # hpo: loguniform(1e-5, 1e-1).
Domains: choice(a, b, ...), randint(low, high), uniform(low, high), quniform(low, high, q),
loguniform(low, high), normal(mu, sigma). The script reports with hpo.report_final_result(value).
The way: show_marks or propose_marks, edit_marks, dry_run, run, watch until it is done, explain, apply_best.
Larger results are better, unless minimize is given. An experiment goes by id or name; "" is the newest.
"""

server = MCPServer("hpo", version=__version__, instructions=_INSTRUCTIONS)


def serve() -> None:
    """Serve an agent until it ends."""
    server.run("stdio")


def _tool(function: _F) -> _F:
    """Offer a function to agents; they are told its mistakes, and how to mend them."""

    @functools.wraps(function)
    async def called(*arguments: Any, **named: Any) -> Any:
        try:
            if inspect.iscoroutinefunction(function):
                return await function(*arguments, **named)
            return await asyncio.to_thread(function, *arguments, **named)
        except HpoError as error:
            raise ToolError(f"{error.message}\n{error.help}" if error.help else error.message) from error

    server.tool(name=function.__name__)(called)
    return function


# -- the script


@_tool
def show_marks(path: str) -> dict[str, Any]:
    """Read the marks of a script: its search space, each parameter with its place, and mistakes."""
    return annotate([Path(path)]).to_json()


@_tool
def propose_marks(path: str) -> dict[str, Any]:
    """Propose marks for the likely hyperparameters of a script, as a diff. Nothing is written."""
    return {"diff": suggest(Path(path)).diff()}


@_tool
def edit_marks(path: str, marks: dict[str, str | None], write: bool = False) -> dict[str, Any]:
    """Give lines of a script marks, change them or take them away (null); only comments change.

    marks: by line number, such as {"12": "loguniform(1e-5, 1e-1)"}. They are checked as a whole: with a
    mistake among them nothing is changed, and it is said what and where. Without write, only show the diff.
    """
    try:
        by_line = {int(line): mark for line, mark in marks.items()}
    except ValueError:
        raise UsageError(
            f"{', '.join(marks)}: lines are numbers", help='write {"12": "uniform(0, 1)"}'
        ) from None
    application, project = edited(Path(path), by_line)
    diff = application.diff()
    if write:
        application.write()
    warnings = [str(each) for each in project.diagnostics]
    return {"diff": diff, "written": write, "space": project.space.to_json(), "warnings": warnings}


# -- running


@_tool
def dry_run(script: str, options: list[str] | None = None) -> dict[str, Any]:
    """Show what an experiment would do: space, plan, first configurations, a command. Nothing is started."""
    return _hpo("run", script, "--dry-run", *(options or ()))


@_tool
def run(
    script: str, max_trials: int, minimize: bool = False, options: list[str] | None = None
) -> dict[str, Any]:
    """Start an experiment in the background, and return its id. Follow it with watch.

    options: more options of `hpo run`, such as ["--concurrency", "4", "--fix", "lr=0.1"].
    """
    better = ["--minimize"] if minimize else []
    return _hpo(
        "run", script, "--detach", "--no-web", "--max-trials", str(max_trials), *better, *(options or ())
    )


@_tool
def resume(id: str = "") -> dict[str, Any]:  # noqa: A002
    """Go on with an experiment where it stood, in the background."""
    return _hpo("resume", _find(id).name, "--detach", "--no-web")


def _hpo(name: str, *words: str) -> dict[str, Any]:
    """Run a command of ours that prints JSON; its mistakes are ours."""
    command = [sys.executable, "-m", "hpo", name, "--json", *words]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise UsageError(done.stderr.strip() or f"it ended with status {done.returncode}")
    try:
        told: dict[str, Any] = json.loads(done.stdout)
    except ValueError:  # such as that of --help
        raise UsageError(f"hpo {name} printed no JSON: {done.stdout.strip()}") from None
    said = done.stderr.strip()
    return {**told, **({"said": said} if said else {})}


@_tool
async def watch(id: str = "", seconds: float = 60.0) -> dict[str, Any]:  # noqa: A002
    """Wait until an experiment has ended, or for some seconds; return where it stands then."""
    directory = _find(id)
    until = time.monotonic() + min(max(seconds, 0.0), _PATIENCE)
    while home.is_running(directory) and time.monotonic() < until:
        await asyncio.sleep(0.25)
    return show_experiment(directory.name)


@_tool
def stop(id: str = "") -> str:  # noqa: A002
    """Stop a running experiment; it can be resumed."""
    directory = _find(id)
    wishes.stop(directory)
    return f"{directory.name} is told to stop"


@_tool
def enqueue(id: str, values: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Let an experiment run these values next; those left out are the script's own. Return them all."""
    return wishes.enqueue(_find(id), values)


@_tool
def update(id: str, settings: dict[str, Any]) -> str:  # noqa: A002
    """Change limits of an experiment: max_trials, max_duration (seconds), patience, trial_concurrency, ..."""
    wishes.update(_find(id), settings)
    return "changed, at once where it runs, else once it is resumed"


# -- looking


@_tool
def list_experiments(tag: str = "", most: int = 20) -> list[dict[str, Any]]:
    """List the experiments, the newest first: status, trials, best, tags."""
    found: list[dict[str, Any]] = []
    for directory, _ in home.experiments()[:_MOST]:
        with open_store(directory) as store:
            told = experiment_json(store)
        if (not tag or tag in told["tags"]) and len(found) < most:
            found.append(
                {key: told[key] for key in ("id", "name", "status", "trials", "best", "tags", "created")}
            )
    return found


@_tool
def show_experiment(id: str = "") -> dict[str, Any]:  # noqa: A002
    """Show where an experiment stands: status, limits, counts, best, space, what its tuner says."""
    with open_store(_find(id)) as store:
        return experiment_json(store)


@_tool
def list_trials(id: str = "", best: int = 0, last: int = 20) -> list[dict[str, Any]]:  # noqa: A002
    """List trials of an experiment: the best ones, best first, or else the last ones."""
    with open_store(_find(id)) as store:
        total = sum(store.counts().values())
        last = min(last, _MOST)
        rows = store.top(min(best, _MOST)) if best else store.trials(offset=max(total - last, 0), limit=last)
        return [trial_json(store, row) for row in rows]


@_tool
def trial_log(number: int, id: str = "", lines: int = 50, attempt: int = 0) -> dict[str, Any]:  # noqa: A002
    """Return the last lines that a trial wrote to stdout and stderr, and why it failed, if it did.

    What it wrote is that of its last attempt, or of the one given, from 1.
    """
    directory = _find(id)
    with open_store(directory) as store:
        row = store.trial(number)
    if row is None:
        raise UsageError(f"{directory.name} has no trial {number}", help="list_trials shows those there are")
    made = attempts(directory, row.number, run=row.repeat, attempt=row.attempt)
    chosen = [each for each in made if attempt in (0, each.number)]
    if not chosen:
        raise UsageError(
            f"trial {number} has had no attempt {attempt}",
            help=f"it has had {counted(row.attempt, 'attempt')}",
        )
    logs = {n: last_lines(chosen[-1].log(n), min(lines, _MOST)) for n in ("stdout", "stderr")}
    told = {"state": row.state.value, "failure": row.failure, "detail": row.detail}
    return {**told, "attempt": chosen[-1].number, **logs}


@_tool
def explain(id: str = "") -> dict[str, Any]:  # noqa: A002
    """Explain the results of an experiment: best, gain, what matters, failures, and what to do next."""
    directory = _find(id)
    record = Record.read(directory, curves=1)
    with open_store(directory) as store:
        best, baseline, failures = best_json(store), store.baseline(), store.failures()
    shares = fanova(record) if len(record.succeeded) > 1 else {}
    return {
        "status": record.status,
        "best": best,
        "in_words": list(_in_words(record, baseline, shares)),
        "importance": shares,
        "failures": failures,
        "at_the_edge": _at_the_edge(record),
    }


def _in_words(record: Record, baseline: TrialRow | None, shares: Mapping[str, float]) -> list[str]:
    said = []
    best = record.best
    if best is None or best.value is None:
        said.append("No trial has succeeded: look at trial_log of one that failed.")
    elif baseline is not None and baseline.value is not None:
        gain = compared(best.value, baseline.value, record.direction)
        said.append(
            f"The best, {short(best.value)} (trial {best.number}), is {gain} the script's own values."
        )
    else:
        said.append(f"The best is {short(best.value)} (trial {best.number}).")
    ranked = sorted(shares, key=lambda name: -shares[name])
    if ranked and shares[ranked[0]] > 0:
        most = ", ".join(f"{name} ({shares[name]:.0%})" for name in ranked[:3])
        said.append(f"What moves the result most: {most}.")
    said += [
        f"{name} is best at the {end} of its domain: widen it there."
        for name, end in _at_the_edge(record).items()
    ]
    failed = sum(trial.failure is not None for trial in record.trials)
    if failed:
        said.append(f"{counted(failed, 'trial')} failed.")
    return said


def _at_the_edge(record: Record) -> dict[str, str]:
    """Return the parameters whose best value lies at an end of its domain."""
    found = {}
    for name, value in (record.best.parameters if record.best else {}).items():
        domain = record.space.parameters.get(name)
        if domain is None or domain.type in ("choice", "subset", "permutation") or "normal" in domain.type:
            continue
        place = domain.to_unit(value)
        if not 0.02 < place < 0.98:
            found[name] = "lower end" if place < 0.5 else "upper end"
    return found


@_tool
def apply_best(id: str = "", trial: int | None = None, write: bool = False) -> dict[str, Any]:  # noqa: A002
    """Write the values of the best trial, or another, into the script. Without write, only show the diff."""
    written = write_back(_find(id), trial)
    diff = written.application.diff()
    if write:
        written.application.write()
    skipped = [str(each) for each in written.application.skipped]
    return {"trial": written.trial.number, "diff": diff, "written": write, "skipped": skipped}


def _find(reference: str) -> Path:
    return home.find(reference or None)
