"""`hpo param` and `hpo metric`: the API of a trial for programs in any language.

Parsed by argparse, which a shell trial can afford to load each time it reads a value.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from hpo import trial

__all__ = ["main"]


def main(arguments: Sequence[str]) -> int:
    """Run one of the two; return the exit status."""
    parser = argparse.ArgumentParser(prog="hpo")
    commands = parser.add_subparsers(dest="command", required=True)
    param = commands.add_parser("param", description="Print a parameter's value, as text or as JSON.")
    param.add_argument("name", help="what the search space calls it")
    param.add_argument("--default", help="what to print outside an experiment, or where it is not active")
    metric = commands.add_parser("metric", description="Report a result, as it goes or its final one.")
    metric.add_argument("value", help="a number, or a JSON object of several")
    metric.add_argument("--step", type=int, help="the epoch, fold or batch it belongs to")
    metric.add_argument("--final", action="store_true", help="it is the trial's result")
    metric.add_argument(
        "--fold", action="store_true", help="of a cross-validation: the mean of them is its result"
    )
    options = parser.parse_args(_negative_numbers_are_values(arguments))
    if options.command == "param":
        return _param(options.name, options.default)
    return _metric(options.value, options.step, final=options.final, fold=options.fold)


def _negative_numbers_are_values(arguments: Sequence[str]) -> list[str]:
    """Keep argparse from reading -inf and the like as options; it knows -1.5 already."""
    return [f" {a}" if a.lower() in ("-inf", "-nan", "-infinity") else a for a in arguments]


def _param(name: str, default: str | None) -> int:
    values = trial.inside().values
    if name in values:
        value = values[name]
        return _say(value if isinstance(value, str) else json.dumps(value))
    if default is not None:
        return _say(default)
    if not os.environ.get("HPO_PARAMETERS"):
        message = "no experiment is running here; --default VALUE gives one outside"
    else:
        message = f"this trial has {', '.join(values) or 'no parameters'}"
    print(f"hpo: there is no value for {name}: {message}", file=sys.stderr)
    return 2


def _say(value: str) -> int:
    """Print a value to a program that may close the pipe once it has read what it wants."""
    try:
        print(value, flush=True)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - or the interpreter complains as it ends
    return 0


def _object(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _metric(text: str, step: int | None, *, final: bool, fold: bool) -> int:
    try:
        value: float | str | dict[str, Any] = float(text)
    except ValueError:
        value = _object(text) or text  # reported as it is: the trial fails with what it said
    if final:
        trial.report_final_result(value)
    elif fold:
        trial.report_fold(value)
    elif trial.inside().directory is not None:  # else nothing is: each call would say so, the last one does
        trial.report_intermediate_result(value, trial.spooled_reports() if step is None else step)
    return 0
