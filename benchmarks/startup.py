"""Measure what starting costs: importing hpo in a trial, and the command, against Python doing nothing."""

from __future__ import annotations

import argparse
import json
from statistics import median

from measure import HPO, PYTHON, Cost, cost, fresh_store, print_table

PARAMETERS = {"lr": 0.01, "batch_size": 32, "optimizer": "adam"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60, help="how often each command runs (default 60)")
    rounds = parser.parse_args().rounds
    with fresh_store() as (folder, environment):
        parameters = folder / "parameters.json"
        parameters.write_text(json.dumps(PARAMETERS))
        inside = {**environment, "HPO_TRIAL_DIR": str(folder), "HPO_PARAMETERS": str(parameters)}
        commands = {
            "python -c pass": [PYTHON, "-c", "pass"],
            "import hpo": [PYTHON, "-c", "import hpo"],
            "import hpo; hpo.get_next_parameter()": [PYTHON, "-c", "import hpo; hpo.get_next_parameter()"],
            "hpo --help": [HPO, "--help"],
            "hpo param lr": [HPO, "param", "lr"],
            "hpo list": [HPO, "list"],
        }
        measured: dict[str, list[Cost]] = {name: [] for name in commands}
        for _ in range(rounds + 1):
            for name, command in commands.items():  # in turn, so that a busy moment falls on all of them
                measured[name].append(cost(command, inside))
    wall = {name: 1000 * median(c.wall for c in costs[1:]) for name, costs in measured.items()}
    cpu = {name: 1000 * median(c.cpu for c in costs[1:]) for name, costs in measured.items()}
    nothing = wall["python -c pass"]
    print_table(
        ["command", "wall ms", "above pass", "ratio", "CPU ms"],
        (
            [f"`{name}`", f"{ms:.1f}", f"{ms - nothing:+.1f}", f"{ms / nothing:.2f}", f"{cpu[name]:.1f}"]
            for name, ms in wall.items()
        ),
    )
    print(f"\nMedians of {rounds} runs.")


if __name__ == "__main__":
    main()
