"""Measure trials a second: hpo run, everything included, against xargs starting the same script.

Everything is included: the start of `hpo run` (imports, the reading of the marks, the fork server with what
it preloads), suggestions, the store, logs, and the end. Rows of few trials show what that start costs; in
those of many it is spread over them. xargs starts nothing, and takes as long for each trial: a part of them
is enough.
"""

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
    parser.add_argument(
        "--trials", type=int, nargs="*", default=[100, 1000, 5000], help="of the no-op script"
    )
    parser.add_argument("--xargs-trials", type=int, default=300, help="of them, at most so many with xargs")
    parser.add_argument(
        "--sklearn-trials",
        type=int,
        nargs="*",
        default=[60, 1000],
        help="of the one that imports scikit-learn",
    )
    parser.add_argument("--sklearn-xargs-trials", type=int, default=40)
    parser.add_argument("--concurrency", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--run-options", default="", help="more options for hpo run")
    options = parser.parse_args()
    cases = [("no-op", "", trials, options.xargs_trials) for trials in options.trials]
    cases += [
        ("imports scikit-learn", "import sklearn.svm", trials, options.sklearn_xargs_trials)
        for trials in options.sklearn_trials
    ]
    rows = []
    for name, imports, trials, most in cases:
        script, more = SCRIPT.format(imports=imports), shlex.split(options.run_options)
        pairs = [
            (by_xargs(script, min(trials, most), options.concurrency),
             by_hpo(script, trials, options.concurrency, more))
            for _ in range(options.rounds)
        ]  # fmt: skip
        xargs, hpo = (
            Cost(*(median(c) for c in zip(*costs, strict=True))) for costs in zip(*pairs, strict=True)
        )
        rows.append(
            [
                f"{name}, {trials:,} trials",
                f"{1000 * xargs.wall:.2f}",
                f"{1000 * hpo.wall:.2f}",
                f"{median(x.wall / h.wall for x, h in pairs):.2f}",
                f"{1000 * xargs.cpu:.2f}",
                f"{1000 * hpo.cpu:.2f}",
                f"{median(x.cpu / h.cpu for x, h in pairs):.2f}",
            ]
        )
    header = ["script", "xargs, ms a trial", "hpo run", "times", "xargs, CPU ms a trial", "hpo run", "times"]
    print_table(header, rows)
    print(f"\n{options.concurrency} at a time; medians of {options.rounds} rounds, the two in turn.")


def by_xargs(script: str, trials: int, concurrency: int) -> Cost:
    """Run a script so often with xargs; return what one costs."""
    with fresh_store() as (folder, environment):
        (folder / "train.py").write_text(script)
        words = f"seq {trials} | xargs -P{concurrency} -I{{}} {shlex.quote(PYTHON)} train.py"
        return each(cost(["sh", "-c", words], environment, folder), trials)


def by_hpo(script: str, trials: int, concurrency: int, more: list[str]) -> Cost:
    """Run so many trials, all of which must succeed; return what one costs."""
    with fresh_store() as (folder, environment):
        (folder / "train.py").write_text(script)
        limits = ["--max-trials", str(trials), "--concurrency", str(concurrency), "--seed", "0"]
        total = cost([HPO, "run", "train.py", *limits, *more], environment, folder)
        check_all_succeeded(trials, environment, folder)
        return each(total, trials)


def each(total: Cost, trials: int) -> Cost:
    return Cost(total.wall / trials, total.cpu / trials)


def check_all_succeeded(trials: int, environment: dict[str, str], folder: Path) -> None:
    counts = {state: n for state, n in ask(["show"], environment, folder)["trials"].items() if n}
    if counts != {"succeeded": trials}:
        sys.exit(f"of {trials} trials not all succeeded: {counts}")


if __name__ == "__main__":
    main()
