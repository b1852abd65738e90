"""`hpo diff`: how two experiments differ."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from hpo.cli.output import print_diff, print_json, print_table
from hpo.experiment.difference import difference
from hpo.experiment.wording import compared, duration, short, values
from hpo.runtime import home

__all__ = ["show_difference"]


def show_difference(one: str, other: str, *, json: bool) -> None:
    """Print how two experiments differ."""
    told = difference(home.find(one), home.find(other))
    if json:
        print_json(told)
        return
    names = told["experiments"]
    _print_pairs("Configuration", names, told["configuration"])
    _print_pairs("Space", names, told["space"])
    print("Code" if told["code"] else "The code is the same.")
    print_diff(told["code"])
    print("\nResults")
    _print_results(names, told["results"])


def _print_pairs(what: str, names: Sequence[str], pairs: Mapping[str, Sequence[Any]]) -> None:
    if pairs:
        print(what)
        print_table(["", *names], [[name, *map(_shown, pair)] for name, pair in pairs.items()])
    else:
        print(f"The {what.lower()} is the same.")
    print()


def _shown(value: Any) -> str:
    if isinstance(value, dict) and {"name", "class_args"} <= value.keys():
        return f"{value['name']}  {values(value['class_args'])}".rstrip()
    return values(value) if isinstance(value, dict) else short(value)


def _print_results(names: Sequence[str], results: Sequence[Mapping[str, Any]]) -> None:
    rows = {
        "status": [each["status"] for each in results],
        "trials": [", ".join(f"{n} {state}" for state, n in each["trials"].items()) for each in results],
        "time": [duration(each["elapsed"]) for each in results],
        "baseline": [short(each["best"]["baseline"]) for each in results],
        "best": [short(each["best"]["value"]) for each in results],
    }
    best = [each["best"] for each in results]
    for name in dict.fromkeys(name for each in best for name in each["parameters"]):
        rows[name] = [short(each["parameters"].get(name)) for each in best]
    print_table(["", *names], [[name, *cells] for name, cells in rows.items()])
    first, second = (each["value"] for each in best)
    direction = results[0]["direction"]
    is_one = not any("front" in each for each in best)  # of several objectives none is simply better
    if is_one and first is not None and second is not None and direction == results[1]["direction"]:
        said = compared(second, first, direction)
        print(f"\nThe best of {names[1]} is {said} that of {names[0]}.", file=sys.stderr)
