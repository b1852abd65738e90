"""Measure trials on a GPU: hpo run against xargs, on a PyTorch script; and what asking NVML for one costs.

It needs a GPU and PyTorch. The script imports torch and multiplies two matrices: what is measured is the way
there, the imports and CUDA's own start in each process.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from statistics import median

from measure import HPO, Cost, cost, fresh_store, print_table
from throughput import by_xargs, check_all_succeeded, each

from hpo.runtime.devices import GpuPool

SCRIPT = '''import torch
import torch.nn
"""@hpo.uniform(0, 1)"""
x = 0.5
matrix = torch.full((512, 512), x, device="cuda")
value = (matrix @ matrix).sum().item()
"""@hpo.report_final_result(value)"""
'''


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--xargs-trials", type=int, default=12)
    parser.add_argument("--concurrency", type=int, nargs="*", default=[1, 4])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    os.environ.pop("CUDA_VISIBLE_DEVICES", None)
    rows = []
    for concurrency in options.concurrency:
        xargs, hpo = [], []
        for _ in range(options.rounds):
            xargs.append(by_xargs(SCRIPT, options.xargs_trials, concurrency))
            hpo.append(_by_hpo(options.trials, concurrency))
        a, b = (1000 * median(c.wall for c in costs) for costs in (xargs, hpo))
        c, d = (1000 * median(c.cpu for c in costs) for costs in (xargs, hpo))
        rows.append([f"{concurrency}", f"{a:.0f}", f"{b:.0f}", f"{a / b:.1f}", f"{c:.0f}", f"{d:.0f}"])
    names = subprocess.run(
        ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"],
        capture_output=True, text=True,
    )  # fmt: skip
    print(names.stdout.strip(), "| Python", sys.version.split()[0], "|", os.cpu_count(), "cores\n")
    print_table(
        ["at a time", "xargs, ms a trial", "hpo run", "times", "xargs, CPU ms a trial", "hpo run"], rows
    )
    print(f"\n{options.trials} trials, start of hpo included; medians of {options.rounds} rounds.")
    pool = GpuPool(None, 0.5, 1, False)
    begin = time.perf_counter()
    for number in range(1000):
        pool.acquire(number)
        pool.release(number)
    print(f"A GPU is given and taken back in {time.perf_counter() - begin:.3f} ms.")


def _by_hpo(trials: int, concurrency: int) -> Cost:
    with fresh_store() as (folder, environment):
        (folder / "train.py").write_text(SCRIPT)
        arguments = ["--max-trials", str(trials), "--concurrency", str(concurrency), "--seed", "0"]
        share = ["--gpus-per-trial", f"{1 / concurrency:g}"]
        total = cost([HPO, "run", "train.py", *arguments, *share], environment, folder)
        check_all_succeeded(trials, environment, folder)
        return each(total, trials)


if __name__ == "__main__":
    main()
