"""An experiment on one screen: what came of it, what looks for more, and what to do next."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, islice
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from hpo.cli.output import print_lines
from hpo.config.size import size
from hpo.experiment.documents import is_marked
from hpo.experiment.wishes import wanted
from hpo.experiment.wording import ago, counted, duration, listed, options, short, values, what_runs
from hpo.progress import at_a_time, best_lines
from hpo.runtime import home
from hpo.runtime.store import Store
from hpo.trial import TrialState

__all__ = ["algorithm", "other_limits", "print_overview", "row"]

_LABEL = 13
_BAR = 40
# So many are printed: of what a tuner tells of each parameter, of what was noted, of trials that warned.
_PARTS, _EVENTS, _TRIALS = 20, 20, 5
_BLOCKS = "▁▂▃▄▅▆▇█"

_STATUS = {"running": "cyan", "done": "green", "error": "red", "stopped": "yellow", "interrupted": "yellow"}
_SIGNALS = {"SIGINT": "Ctrl-C", "SIGTERM": "`hpo stop` or SIGTERM", "SIGHUP": "the end of its terminal"}
_STATES = {
    "succeeded": "green",
    "early_stopped": "blue",
    "failed": "red",
    "user_canceled": "magenta",
    "system_canceled": "magenta",
    "running": "cyan",
    "interrupted": "yellow",
    "waiting": "white",
}


def print_overview(told: Mapping[str, Any], store: Store) -> None:
    """Print an experiment for a person.

    Args:
        told: its documented form.
        store: open.
    """
    print_lines(_lines(told, store, is_drawn=_draws()), hang=_LABEL + 2)


def _draws() -> bool:
    """Tell whether there is a terminal that can show block characters."""
    console = Console()
    return console.is_terminal and (console.encoding or "").lower().startswith("utf")


def _lines(told: Mapping[str, Any], store: Store, *, is_drawn: bool) -> Iterator[Text]:
    yield _title(told)
    yield from _labels(told)
    yield Text("")
    yield from _progress(told, store, is_drawn=is_drawn)
    yield Text("")
    yield row("Runs", _command(store.experiment()["config"]["plan"]))
    yield from _search(told, store)
    if told.get("importance"):
        yield Text("")
        yield from _importance(told["importance"])
    lines = list(best_lines(store, indent=_LABEL))
    if lines:
        yield Text("")
        yield from lines
    volume = (told["best"] or {}).get("hypervolume")
    if volume is not None:
        worst = ", ".join(f"{name} {short(value)}" for name, value in volume["reference"].items())
        share = "" if volume["share"] is None else f", {volume['share']:.0%} of the way to the best of each"
        yield row("Volume", f"{short(volume['value'])}{share}; it is measured from {worst}")
    yield from _events(store)
    yield Text("")
    yield row("Directory", told["directory"])
    yield from _next_steps(told, is_marked=is_marked(store))


def _title(told: Mapping[str, Any]) -> Text:
    title = Text(told["name"], style="bold")
    title.append(f"   {told['id']}   ", style="not bold")
    title.append(told["status"], style=f"bold {_STATUS.get(told['status'], '')}")
    if told["message"] in _SIGNALS:
        title.append(f" by {_SIGNALS[told['message']]}", style="not bold")
    elif told["message"]:
        title.append(f": {told['message']}", style="not bold")
    return title


def _labels(told: Mapping[str, Any]) -> Iterator[Text]:
    if told["tags"]:
        yield row("Tags", " ".join(told["tags"]))
    for i, note in enumerate(told["notes"]):
        line = Text(short(note["text"]), style="not dim").append(
            f"   {ago(time.time() - note['time'])}", style="dim"
        )
        yield row("" if i else "Notes", line)


def row(label: str, *parts: str | Text) -> Text:
    """Return a line of an overview: what stands in it, behind what it is called."""
    return Text(f"{label:<{_LABEL}}", style="dim").append(Text("", style="not dim").join(map(_plain, parts)))


def _plain(part: str | Text) -> Text:
    return Text(part, style="not dim") if isinstance(part, str) else part


# -- how far it is


def _progress(told: Mapping[str, Any], store: Store, *, is_drawn: bool) -> Iterator[Text]:
    counts: dict[str, int] = {s: told["trials"][s] for s in _STATES if s in told["trials"]}
    limits, total = told["limits"], sum(counts.values())
    imported = sum(t.origin == "imported" for t in store.trials())  # they count towards no limit
    is_within = limits["max_trials"] and total - imported <= limits["max_trials"]  # it may be lowered
    of = f" of {limits['max_trials']}" if is_within else ""
    more = f" and {imported} imported" if imported else ""
    states = [Text(f"{n} {state.replace('_', ' ')}", style=_STATES[state]) for state, n in counts.items()]
    yield row("Trials", f"{total - imported}{of}{more}{': ' if states else ''}", Text(", ").join(states))
    if is_drawn:
        yield row("", _bar(counts, max(total, (limits["max_trials"] or 1) + imported)))
    if "interrupted" in counts:
        yield row("", f"those that were interrupted without a result run again with: hpo resume {told['id']}")
    until = f" of {duration(limits['max_duration'])}" if limits["max_duration"] else ""
    longest = limits["max_trial_duration"]
    each = f", {duration(longest)} at most for a trial" if longest else ""
    begun = f", begun {ago(time.time() - told['created'])}"
    yield row("Time", f"{duration(told['elapsed'])}{until}, {at_a_time(told['concurrency'])}{each}{begun}")
    others = list(other_limits(limits))
    if others:
        yield row("Limits", "; ".join(others))
    if told["waits"]:
        yield row("Waiting", Text(told["waits"], style="yellow"))
    if told["status"] != "running" and (wishes := list(_wishes(store))):
        yield row("Waiting", f"{', '.join(wishes)}: hpo resume {told['id']}")
    if is_drawn and not told["objectives"] and not told["result_constraints"]:
        yield from _history(store, told["direction"])


def other_limits(limits: Mapping[str, Any]) -> Iterator[str]:
    """Yield in words the limits that are not numbers of trials or durations."""
    if "stop_when" in limits:
        yield f"stops when {limits['stop_when']}"
    if "patience" in limits:
        yield f"after {counted(limits['patience'], 'trial')} without a better result"
    if "max_failures" in limits:
        yield f"after {counted(limits['max_failures'], 'failure')}"
    if "max_trial_silence" in limits:
        yield f"{duration(limits['max_trial_silence'])} without a report of a trial"
    if "max_trial_memory" in limits:
        yield f"{size(limits['max_trial_memory'])} of memory for a trial"
    if "repeat" in limits:
        yield f"each trial runs {limits['repeat']} times"
    if "retries" in limits:
        yield counted(limits["retries"], "retry", "retries")


def _wishes(store: Store) -> Iterator[str]:
    """Yield in words what others wish of an experiment, and it will do once it goes on."""
    wishes = list(home.commands(store.directory))
    if not wishes:
        return
    stored, (settings, space) = store.experiment(), wanted(store)
    was = stored["config"]["settings"]
    if changed := {name: value for name, value in settings.items() if value != was.get(name)}:
        yield options(changed)
    if space != stored["space"]:
        yield "another space"
    obeyed = {trial.memo.get("wish") for trial in store.trials()}  # by a runner that died before it said so
    waiting = [wish for path, wish in wishes if path.stem not in obeyed]
    if enqueued := sum(wish.get("do") == "enqueue" for wish in waiting):
        yield f"{counted(enqueued, 'trial')} enqueued"
    found = [wish.get("trials") for wish in waiting if wish.get("do") == "import"]
    if results := sum(len(trials) for trials in found if isinstance(trials, list)):
        yield f"{counted(results, 'result')} to import"


def _bar(counts: Mapping[str, int], total: int) -> Text:
    """Return a bar in which every state has its share."""
    bar, drawn, seen = Text(), 0, 0
    for state, count in counts.items():
        seen += count
        width = max(round(_BAR * seen / total) - drawn, 0)
        bar.append("━" * width, style=_STATES[state])
        drawn += width
    return bar.append("━" * (_BAR - drawn), style="bright_black")


def _history(store: Store, direction: str) -> Iterator[Text]:
    """Yield the best value so far, trial by trial, as a line of blocks."""
    rows = sorted(store.trials(states=[TrialState.SUCCEEDED]), key=lambda t: t.told or 0)
    better = max if direction == "maximize" else min
    course = list(accumulate((t.value for t in rows if t.value is not None), better))
    if course and course[0] != course[-1]:
        ends = f"  {short(course[0])} → {short(course[-1])}"
        yield row("Best so far", Text(_sparkline(course, _BAR), style="green"), ends)


def _sparkline(values: Sequence[float], width: int) -> str:
    picked = [values[round(i * (len(values) - 1) / (width - 1))] for i in range(width)]
    low, high = min(values), max(values)
    top = len(_BLOCKS) - 1
    return "".join(_BLOCKS[round(top * (value / 2 - low / 2) / (high / 2 - low / 2))] for value in picked)


# -- what searches


def _search(told: Mapping[str, Any], store: Store) -> Iterator[Text]:
    names = [name for name in told["space"] if not name.startswith("_") and name not in told["fixed"]]
    yield row("Search", f"{counted(len(names), 'parameter')}, {store.objectives()}, seed {told['seed']}")
    if told["fixed"]:
        yield row("Fixed", values(told["fixed"]))
    if told["warm_from"]:
        yield row("Warm from", told["warm_from"])
    yield row("Tuner", *algorithm(told["tuner"]))
    yield from _explained(told["explanation"])
    if told["assessor"]:
        yield row("Assessor", *algorithm(told["assessor"]))


def _command(plan: Mapping[str, Any]) -> str:
    """Return what a trial runs, and where that is not here."""
    words = what_runs(plan["command"])
    return words if Path(plan["cwd"]) == Path.cwd() else f"{words}   in {plan['cwd']}"


def algorithm(chosen: Mapping[str, Any]) -> Iterator[Text]:
    """Yield a tuner or an assessor: its name, its arguments, its file."""
    yield Text(chosen["name"], style="not dim bold")
    for name, value in chosen["class_args"].items():
        yield Text(f"  {name}={value}", style="not dim")
    if chosen.get("file"):
        yield Text(f"  of {_near(chosen['file'])}", style="dim")


def _near(path: str) -> str:
    """Return a path relative to the current folder, where it lies in it."""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path


def _explained(explanation: Mapping[str, Any]) -> Iterator[Text]:
    """Yield what a tuner says of its model: the model, then the rest, a line for what has parts."""
    rest = dict(explanation)
    if "model" in rest:
        why = rest.pop("why", None)
        yield row("", f"{rest.pop('model')}" + (f": {why}" if why else ""))
    parts = {name: value for name, value in rest.items() if isinstance(value, Mapping)}
    single = [f"{_words(name)} {short(value)}" for name, value in rest.items() if name not in parts]
    if single:
        yield row("", Text(", ".join(single), style="dim"))
    for name, value in parts.items():
        inside = [f"{key} {short(each)}" for key, each in islice(value.items(), _PARTS)]
        if len(value) > _PARTS:
            inside.append(f"and {len(value) - _PARTS} more (--json)")
        yield row("", Text(f"{_words(name)}: {', '.join(inside)}", style="dim"))


def _words(name: str) -> str:
    return name.replace("_", " ")


def _importance(shares: Mapping[str, Mapping[str, float]]) -> Iterator[Text]:
    """Yield the parameters, what moves the result most first, with both their shares."""
    variance, best = shares["fanova"], shares["ped_anova"]
    ranked = sorted(variance, key=lambda name: (-variance[name], -best[name]))
    width = max((len(name) for name in ranked), default=0)
    heads = Text(f"{'':<{width}}  {'moves the result':<{_BAR // 2 + 6}}  tells the best trials", style="dim")
    yield row("Importance", heads)
    for name in ranked:
        bar = "━" * round(_BAR / 2 * variance[name])
        line = Text(f"{name:<{width}}  {variance[name]:>4.0%} ").append(f"{bar:<{_BAR // 2}}", style="cyan")
        yield row("", line.append(f"   {best[name]:>4.0%}", style="dim"))


# -- what happened, and what to do


def _events(store: Store) -> Iterator[Text]:
    """Yield what was noted: of the experiment, then of each trial the first thing, which the rest repeat."""
    events, experiment = store.events(), store.directory.name
    if events:
        yield Text("")
    own = [event for event in events if event["trial"] is None]
    if len(own) > _EVENTS and sys.stdout.isatty():
        yield row("Earlier", f"{len(own) - _EVENTS} more: hpo show {experiment} | less")
        own = own[-_EVENTS:]
    for event in own:
        yield _event(event["kind"], event["message"])
    of_trials: dict[int, list[Mapping[str, Any]]] = {}
    for event in events:
        if event["trial"] is not None:
            of_trials.setdefault(event["trial"], []).append(event)
    numbers = sorted(of_trials)
    if others := numbers[:-_TRIALS]:
        which = f"{listed(others)} {'has' if len(others) == 1 else 'have'} warnings, too"
        yield _event("warning", f"{which}: hpo trial show {experiment} {others[-1]}")
    for number in numbers[-_TRIALS:]:
        first, *rest = of_trials[number]
        more = f", and {len(rest)} more" if rest else ""
        yield _event(first["kind"], f"trial {number}: {first['message']}{more}")
    if talkative := [number for number in numbers[-_TRIALS:] if len(of_trials[number]) > 1]:
        yield row("", f"all that is noted of one: hpo trial show {experiment} {talkative[-1]}")


def _event(kind: str, words: str) -> Text:
    style = {"error": "red", "warning": "yellow"}.get(kind, "")
    return Text(f"{kind.capitalize():<{_LABEL}}", style=style).append(words, style="default")


def _next_steps(told: Mapping[str, Any], *, is_marked: bool) -> Iterator[Text]:
    name = told["id"]
    steps = []
    if told["status"] == "running":
        steps.append((f"hpo stop {name}", "end it; it can go on later"))
    elif told["status"] != "done":
        steps.append((f"hpo resume {name}", "go on where it stood"))
    if told["best"] and is_marked:
        steps.append((f"hpo apply {name}", "the diff that writes the best values in"))
    if told["trials"]:
        steps.append((f"hpo trial list {name}", "every trial"))
    width = max((len(command) for command, _ in steps), default=0)
    for i, (command, effect) in enumerate(steps):
        yield row("" if i else "Next", f"{command:<{width}}   ", Text(effect, style="dim"))
