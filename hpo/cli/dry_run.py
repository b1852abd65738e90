"""`hpo run --dry-run`: what would run, and nothing that does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.text import Text

from hpo.cli.output import print_json, print_lines
from hpo.cli.overview import algorithm, other_limits, row
from hpo.config.model import AS_MANY_AS_FIT
from hpo.experiment.draft import Draft
from hpo.experiment.preview import preview
from hpo.experiment.wording import counted, duration, short, values
from hpo.space import SearchSpace

__all__ = ["show_draft"]

_LABEL = 13


def show_draft(drafted: Draft, *, json: bool) -> None:
    """Print what an experiment would do."""
    told = preview(drafted)
    if json:
        print_json(told)
    else:
        print_lines(_lines(told, drafted.space), hang=_LABEL + 2)


def _lines(told: Mapping[str, Any], space: SearchSpace) -> Iterator[Text]:
    yield Text(told["name"], style="bold").append("   a dry run: nothing starts, nothing is stored")
    yield Text("")
    yield from _space(space, told["fixed"])
    yield Text("")
    yield from _plan(told["plan"])
    yield Text("")
    yield from _trials(told)
    if told["warmth"]:
        yield Text("")
    for i, line in enumerate(told["warmth"]):
        yield row("" if i else "Warm start", line)
    yield Text("")
    yield row("Command", told["command"])
    yield row("", Text(f"in {told['folder']}", style="dim"))


def _space(space: SearchSpace, fixed: Mapping[str, Any]) -> Iterator[Text]:
    searched = [name for name in space if name not in fixed]
    yield row("Space", counted(len(searched), "parameter"))
    width = max(map(len, space), default=0)
    for name in searched:
        line = Text(f"{name:<{width}}  {space[name]}")
        if name in space.defaults:
            line.append(f"  now {short(space.defaults[name])}", style="dim")
        for condition in space.conditions.get(name, ()):
            if condition.parent not in fixed:
                options = " or ".join(map(short, condition.values))
                line.append(f"  only where {condition.parent} is {options}", style="dim")
        yield row("", line)
    for constraint in space.constraints:
        yield row("", f"only where {constraint}")
    if fixed:
        yield row("Fixed", values(fixed))


def _plan(plan: Mapping[str, Any]) -> Iterator[Text]:
    yield row("Tuner", *algorithm(plan["tuner"]))
    if plan["assessor"]:
        yield row("Assessor", *algorithm(plan["assessor"]))
    yield row("Search", f"{plan['objectives'] or plan['direction']}, seed {plan['seed']}")
    limits = plan["limits"]
    ends = [counted(limits["max_trials"], "trial")] if limits["max_trials"] else []
    ends += [duration(limits["max_duration"])] if limits["max_duration"] else []
    longest = limits["max_trial_duration"]
    ends += [f"{duration(longest)} at most for a trial"] if longest else []
    yield row("Limits", "; ".join([*ends, *other_limits(limits)]))
    concurrency = plan["concurrency"]
    at_a_time = "as many as fit" if concurrency == AS_MANY_AS_FIT else str(concurrency)
    takes = [f"{plan[key]:g} {what} each" for key, what in _TAKES if plan[key] is not None]
    yield row("Engine", ", ".join([plan["engine"], f"{at_a_time} at a time", *takes]))


_TAKES = (("cpus_per_trial", "cores"), ("gpus_per_trial", "GPUs"))


def _trials(told: Mapping[str, Any]) -> Iterator[Text]:
    for number, configuration in enumerate(told["configurations"]):
        own = "   the script's own values" if number == 0 and told["has_baseline"] else ""
        line = Text(f"{number}  {values(configuration)}").append(own, style="dim")
        yield row("" if number else "First trials", line)
