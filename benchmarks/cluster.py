"""Measure what a trial costs on Ray beside Ray Tune: the same trials, the same two places, all included.

Each is run with few trials and with many, from the command to its end; the difference is what a further trial
takes. `hpo run --engine ray` runs a script, Ray Tune a function or a class of a program. It needs
``pip install 'ray[tune]'``.
"""

from __future__ import annotations

import argparse
import tempfile
from statistics import median

from measure import HPO, PYTHON, cost, fresh_store, print_table

SCRIPT = """
import hpo
x = 0.5  # hpo: uniform(0, 1)
for step in range(REPORTS):
    hpo.report_intermediate_result(x, step=step)
hpo.report_final_result(x)
"""
TUNE = """
import os, sys
os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
from ray import tune

def function(config):
    for _ in range(REPORTS + 1):
        tune.report({"value": config["x"]})

class Class(tune.Trainable):
    def step(self):
        return {"value": self.config["x"]}

    # What lets an actor serve many trials, which is the fastest that there is, and Ray Tune asks for.
    def reset_config(self, config):
        return True

    def save_checkpoint(self, folder):
        pass

    def load_checkpoint(self, checkpoint):
        pass

kind, trials, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
made = tune.Tuner(
    tune.with_resources(function if kind == "function" else Class, {"cpu": 1}),
    param_space={"x": tune.uniform(0, 1)},
    tune_config=tune.TuneConfig(num_samples=trials, max_concurrent_trials=2, reuse_actors=True),
    run_config=tune.RunConfig(storage_path=folder, stop={"training_iteration": REPORTS + 1}, verbose=0),
)
found = made.fit()
assert len(found) == trials and not found.errors
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--trials", type=int, nargs=2, default=[10, 70], help="few and many (default 10 70)")
    parser.add_argument(
        "--reports", type=int, default=0, help="intermediate results of each trial (default 0)"
    )
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    few, many = options.trials
    taken: dict[tuple[str, int], list[float]] = {}
    for _ in range(options.rounds):
        for trials in (few, many):
            for kind in ("hpo run --engine ray", "Ray Tune, function", "Ray Tune, class"):
                taken.setdefault((kind, trials), []).append(_seconds(kind, trials, options.reports))
    rows = []
    for kind in dict.fromkeys(kind for kind, _ in taken):
        short, long = median(taken[kind, few]), median(taken[kind, many])
        rows.append([kind, f"{short:.1f}", f"{long:.1f}", f"{1000 * (long - short) / (many - few):.0f}"])
    print_table(["what", f"{few} trials, s", f"{many} trials, s", "a further trial, ms"], rows)


def _seconds(kind: str, trials: int, reports: int) -> float:
    with fresh_store() as (folder, environment), tempfile.TemporaryDirectory() as results:
        environment.pop("RAY_ADDRESS", None)
        if kind.startswith("hpo"):
            (folder / "train.py").write_text(SCRIPT.replace("REPORTS", str(reports)))
            words = [
                "run",
                "train.py",
                "--engine",
                "ray",
                "--tuner",
                "Random",
                "--concurrency",
                "2",
                "--no-web",
            ]
            return cost([HPO, *words, "--max-trials", str(trials)], environment, folder).wall
        program = folder / "program.py"
        program.write_text(TUNE.replace("REPORTS", str(reports)))
        what = kind.rpartition(" ")[2]
        return cost([PYTHON, str(program), what, str(trials), results], environment, folder).wall


if __name__ == "__main__":
    main()
