"""Measure what tuning gains on the digits example: best accuracy against the defaults, for several seeds."""

from __future__ import annotations

import argparse
import re
import time
from pathlib import Path
from statistics import fmean

from measure import ask, fresh_store, print_table

SCRIPT = Path(__file__).resolve().parent.parent / "examples" / "digits" / "train.py"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--concurrency", type=int, default=2)
    parser.add_argument("--tuner", default=None, help="another than the default one")
    options = parser.parse_args()
    run = ["run", str(SCRIPT), "--max-trials", str(options.trials), "--concurrency", str(options.concurrency)]
    if options.tuner:
        run += ["--tuner", options.tuner]
    rows = []
    for seed in range(options.seeds):
        with fresh_store() as (folder, environment):
            begin = time.perf_counter()
            best = ask([*run, "--seed", str(seed)], environment, folder)
            seconds = time.perf_counter() - begin
            trials = Path(ask(["show"], environment, folder)["directory"]) / "trials"
            figures = [
                best["baseline"],
                best["value"],
                test_accuracy(trials / "0"),
                test_accuracy(trials / str(best["trial"])),
            ]
            rows.append([*figures, seconds])
    shown = [[str(seed), *map("{:.4f}".format, row[:4]), f"{row[4]:.1f}"] for seed, row in enumerate(rows)]
    means = [fmean(column) for column in zip(*rows, strict=True)]
    shown.append(["mean", *map("{:.4f}".format, means[:4]), f"{means[4]:.1f}"])
    print_table(["seed", "defaults", "best", "defaults, test images", "best, test images", "seconds"], shown)
    print(
        f"\n{options.trials} trials, {options.concurrency} at a time. The tuner sees validation images only."
    )


def test_accuracy(trial: Path) -> float:
    """Return the accuracy on images that took no part in the choice, from the trial's output."""
    found = re.search(r"([\d.]+) on the test images", (trial / "stdout.log").read_text())
    assert found, f"{trial} printed no test accuracy"
    return float(found[1])


if __name__ == "__main__":
    main()
