"""Look for inputs that break something, for as long as one likes: the property tests, with ever other seeds.

A target is what the test suite runs a little of. What fails is printed as an example, to be kept in its test
(`@example`), and Hypothesis remembers it in `.hypothesis`. The bytes of scripts have a fuzzer of their own,
guided by coverage: `benchmarks/annotation_fuzz.py`.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGETS = {
    "marks": "tests/annotate/test_fuzz.py",
    "config": "tests/config/test_fuzz.py",
    "spaces": "tests/config/test_fuzz.py::test_any_search_space",
    "reports": "tests/runtime/test_spool.py",
    "rest": "tests/dashboard/test_app.py::TestDescription",
    "store": "tests/runtime/test_store_machine.py",
    "experiment": "tests/experiment/test_state_machine.py",
}


def main() -> None:
    parser = argparse.ArgumentParser("python -m tests.fuzz", description=__doc__)
    parser.add_argument(
        "targets", nargs="*", default=list(TARGETS), metavar="TARGET", help=", ".join(TARGETS)
    )
    parser.add_argument(
        "--minutes", type=float, default=5, help="of the processor, for each target (default 5)"
    )
    parser.add_argument("--examples", type=int, default=200, help="of each test, with one seed")
    parser.add_argument("--seed", type=int, help="the first; drawn where it is left out")
    options = parser.parse_args()
    first = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    has_failed = was_interrupted = False
    for target in options.targets:
        rounds, minutes, status = 0, 0.0, 0
        try:
            while minutes < options.minutes and not status:
                status, took = run(TARGETS[target], first + rounds, options.examples)
                rounds, minutes = rounds + 1, minutes + took / 60
        except KeyboardInterrupt:
            was_interrupted = True
        has_failed = has_failed or status != 0
        said = "FAILED" if status else "nothing broke"
        print(
            f"{target}: {said}; {rounds} rounds of {options.examples} examples, {minutes:.1f} min", flush=True
        )
        if was_interrupted:
            break
    sys.exit(130 if was_interrupted else has_failed)


def run(test: str, seed: int, examples: int) -> tuple[int, float]:
    """Run a test once; return its exit status, and the seconds of the processor that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", test, f"--hypothesis-seed={seed}"],
        cwd=ROOT, env={**os.environ, "HPO_FUZZ_EXAMPLES": str(examples)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        print(f"{test}, --hypothesis-seed={seed}\n{done.stdout[-6000:]}")
    return done.returncode, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
