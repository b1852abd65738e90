"""Run experiments under faults, one campaign after the other, and say what did not hold.

A campaign is one experiment. Its seed chooses its settings, how its trials behave, what is wrong with the
machine all the while (a small disk, a slow one, a clock that jumps, little memory), and a few faults in the
course of it: SIGKILL of runner, fork server, trial, page or all of them, SIGSTOP, signals that end it, a full
disk, a second runner; between them further trials are wished for. A fault counts where it hit something. The
experiment is resumed until it is done. Then every result that was acknowledged must be in the store, once,
and so must every trial that was wished for; each must have run with the parameters it is said to have, as
often as it is said to, and not again after its result; nothing may live on; the store must pass SQLite's
check; and the best trial must be the best.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "library"))

from .campaign import EXCUSED, GROUNDS, Campaign


def main() -> None:
    parser = argparse.ArgumentParser("python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, help="so long, and then no further campaign")
    parser.add_argument("--campaigns", type=int, help=f"so many; {len(GROUNDS)} where nothing is said")
    parser.add_argument("--seed", type=int, help="of the first campaign; each has the next (default: drawn)")
    options = parser.parse_args()
    first = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    count = options.campaigns or (len(GROUNDS) if options.minutes is None else sys.maxsize)
    end = time.monotonic() + 60 * (options.minutes or 1e6)
    grounds, faults, missed, skipped = Counter[str](), Counter[str](), Counter[str](), dict[str, str]()
    trials = broken = 0
    for seed in range(first, first + count):
        if time.monotonic() > end:
            break
        folder = Path(tempfile.mkdtemp(prefix=f"hpo-chaos-{seed}-"))
        campaign = Campaign(seed, folder)
        campaign.run()
        if campaign.skipped is not None:
            skipped[campaign.ground] = campaign.skipped
        else:
            grounds[campaign.ground] += 1
            trials += campaign.trials
            faults.update(campaign.faults)
            missed.update(campaign.missed)
        if campaign.violations:
            broken += 1
            print(f"campaign {seed}, on {campaign.ground}, after {dict(campaign.faults)}:", flush=True)
            print(*(f"  VIOLATION {text}" for text in campaign.violations), sep="\n")
            print(
                f"  repeat it: python -m tests.chaos --seed {seed} --campaigns 1; its files: {folder}",
                flush=True,
            )
        else:
            shutil.rmtree(folder)
    lacking = skipped.keys() - EXCUSED.keys() if "CI" in os.environ else set()
    for ground, why in skipped.items():
        print(f"not tried, {ground}: {why}" + ", and CI has to try it" * (ground in lacking))
    print(f"{sum(grounds.values())} campaigns: " + ", ".join(f"{n} on {name}" for name, n in grounds.items()))
    for what, counted in (("faults that hit", faults), ("missed", missed)):
        print(
            f"{sum(counted.values())} {what}: "
            + "; ".join(f"{fault} {n}" for fault, n in counted.most_common())
        )
    print(f"{trials} trials; campaigns with violations: {broken} (the first seed was {first})")
    sys.exit(1 if broken or lacking or not grounds else 0)


if __name__ == "__main__":
    main()
