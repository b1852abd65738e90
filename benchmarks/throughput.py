"""Measure trials a second: hpo run, everything included, against xargs starting the same script."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from statistics import median

from measure import HPO, PYTHON, Cost, ask, cost, fresh_store, print_table

# By hand, and so under xargs, the marks are strings that do nothing; as a trial it has a value and a result.
SCRIPT = '''{imports}
"""@hpo.uniform(0, 1)"""
x = 0.5
"""@hpo.report_final_result(x)"""
'''


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, nargs="*", default=[100, 1000], help="of the no-op script")
    parser.add_argument("--sklearn-trials", type=int, default=60, help="of the one that imports scikit-learn")
    parser.add_argument("--concurrency", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--run-options", default="", help="more options for hpo run")
    options = parser.parse_args()
    cases = [("no-op", "", trials) for trials in options.trials]
    if options.sklearn_trials:
        cases.append(("imports scikit-learn", "import sklearn.svm", options.sklearn_trials))
    rows = []
    for name, imports, trials in cases:
        measured = [
            compare(
                SCRIPT.format(imports=imports), trials, options.concurrency, shlex.split(options.run_options)
            )
            for _ in range(options.rounds)
        ]
        for tool, costs in zip(("xargs", "hpo run"), zip(*measured, strict=True), strict=True):
            wall, cpu = median(c.wall for c in costs), median(c.cpu for c in costs)
            ratio = median(pair[0].wall / pair[1].wall for pair in measured) if tool == "hpo run" else 1.0
            each = [
                f"{wall:.2f}",
                f"{1000 * wall / trials:.2f}",
                f"{1000 * cpu / trials:.2f}",
                f"{ratio:.2f}",
            ]
            rows.append([f"{name}, {trials} trials, {tool}", *each])
    print_table(["script", "seconds", "ms a trial", "CPU ms a trial", "throughput against xargs"], rows)
    print(f"\n{options.concurrency} at a time; medians of {options.rounds} rounds, the two in turn.")


def compare(script: str, trials: int, concurrency: int, more: list[str]) -> tuple[Cost, Cost]:
    """Run a script so often with xargs and with hpo; every trial must succeed."""
    with fresh_store() as (folder, environment):
        path = folder / "train.py"
        path.write_text(script)
        words = f"seq {trials} | xargs -P{concurrency} -I{{}} {shlex.quote(PYTHON)} train.py"
        by_xargs = cost(["sh", "-c", words], environment, folder)
        run = [
            "run",
            "train.py",
            "--max-trials",
            str(trials),
            "--concurrency",
            str(concurrency),
            "--seed",
            "0",
        ]
        by_hpo = cost([HPO, *run, *more], environment, folder)
        check_all_succeeded(trials, environment, folder)
    return by_xargs, by_hpo


def check_all_succeeded(trials: int, environment: dict[str, str], folder: Path) -> None:
    counts = {state: n for state, n in ask(["show"], environment, folder)["trials"].items() if n}
    if counts != {"succeeded": trials}:
        sys.exit(f"of {trials} trials not all succeeded: {counts}")


if __name__ == "__main__":
    main()
