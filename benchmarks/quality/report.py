"""Make tables of the runs: rank, regret, and how sure one can be.

    python report.py runs.jsonl --at 25,50,100

The regret of a run is what its best trial lacks to the least loss known (the optimum, or the best of all
runs), divided by the mean of the same for random search at the same number of trials, at most 2.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
from scipy.stats import rankdata, wilcoxon


def load(paths: list[Path], in_flight: int) -> dict[tuple[str, int], dict[str, dict]]:
    """Return the runs by task and seed, then by optimiser: of several the longest, and of those the last."""
    cells: dict[tuple[str, int], dict[str, dict]] = defaultdict(dict)
    for path in paths:
        for line in path.read_text().splitlines():
            run = json.loads(line)
            if run["in_flight"] == in_flight:
                known = cells[run["task"], run["seed"]].get(run["optimiser"])
                if known is None or run["trials"] >= known["trials"]:
                    cells[run["task"], run["seed"]][run["optimiser"]] = run
    return cells


def after(run: dict, trials: int) -> float:
    """Return the loss of what seemed best after so many trials."""
    return [loss for number, loss in run["bests"] if number < trials][-1]


def having(cells: dict, names: list[str], at: int) -> list[str]:
    """Return those of the optimisers that ran so long anywhere: the dear ones had fewer trials."""
    return [n for n in names if any(n in runs and runs[n]["trials"] >= at for runs in cells.values())]


def regrets(cells: dict, names: list[str], at: int) -> tuple[np.ndarray, list[str], list[str]]:
    """Return the regret of each cell (rows) and optimiser, the cells' tasks and their families."""
    complete = {
        key: runs for key, runs in cells.items() if all(n in runs and runs[n]["trials"] >= at for n in names)
    }
    least: dict[str, float] = defaultdict(lambda: np.inf)
    for (task, _), runs in cells.items():
        for run in runs.values():
            known = run["optimum"] if run["optimum"] is not None else min(loss for _, loss in run["bests"])
            least[task] = min(least[task], known)
    chance: dict[str, list[float]] = defaultdict(list)
    raw, tasks, families = [], [], []
    for (task, _), runs in sorted(complete.items()):
        row = [after(runs[n], at) - least[task] for n in names]
        chance[task].append(after(runs["hpo-Random"], at) - least[task])
        raw.append(row)
        tasks.append(task)
        families.append(next(iter(runs.values()))["family"])
    scale = np.array([max(float(np.mean(chance[t])), 1e-12) for t in tasks])
    return np.minimum(np.array(raw) / scale[:, None], 2.0), tasks, families


def interval(differences: np.ndarray, tasks: list[str]) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a mean difference, drawn over tasks."""
    by_task = np.array([differences[np.array(tasks) == t].mean() for t in sorted(set(tasks))])
    draws = np.random.default_rng(0).integers(len(by_task), size=(10_000, len(by_task)))
    low, high = np.percentile(by_task[draws].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def table(cells: dict, names: list[str], at: int, ours: str) -> str:
    """Return one Markdown table: rank and regret over all, and the regret by family."""
    values, tasks, families = regrets(cells, names, at)
    if not len(values):
        return f"no complete cells at {at} trials"
    ranks = np.array([rankdata(np.round(row, 9)) for row in values]).mean(axis=0)
    kinds = sorted(set(families))
    lines = [
        f"### {at} trials: {len(values)} runs of each, {len(set(tasks))} tasks",
        f"| | rank | regret | {' | '.join(kinds)} | less {ours} [95 %] | p | CPU ms |",
        "|---" * (len(kinds) + 6) + "|",
    ]
    mine = names.index(ours) if ours in names else 0
    for i in np.argsort(ranks):
        family = [values[np.array(families) == k, i].mean() for k in kinds]
        delta = values[:, i] - values[:, mine]
        low, high = interval(delta, tasks)
        p = wilcoxon(delta).pvalue if np.any(delta) else 1.0
        cpu = np.mean([runs[names[i]]["cpu_ms"] for runs in cells.values() if names[i] in runs])
        cols = " | ".join(f"{x:.3f}" for x in family)
        lines.append(
            f"| {names[i]} | {ranks[i]:.2f} | {values[:, i].mean():.3f} | {cols} "
            f"| {delta.mean():+.3f} [{low:+.3f}, {high:+.3f}] | {p:.1e} | {cpu:.1f} |"
        )
    return "\n".join(lines)


def brief(cells: dict, names: list[str], ats: list[int]) -> str:
    """Return the mean regret after each number of trials."""
    present = [having(cells, names, at) for at in ats]
    found = [regrets(cells, each, at) for each, at in zip(present, ats, strict=True)]
    counts = dict.fromkeys(
        f"{len(values)} runs of each, {len(set(tasks))} tasks" for values, tasks, _ in found
    )
    head = f"| trials: {'; '.join(counts)} | " + " | ".join(map(str, ats)) + " |"
    lines = [head, "|---" * (len(ats) + 1) + "|"]
    for name in names:
        means = [
            f"{values[:, each.index(name)].mean():.3f}" if name in each else "-"
            for each, (values, *_) in zip(present, found, strict=True)
        ]
        lines.append(f"| {name} | {' | '.join(means)} |")
    return "\n".join(lines)


def by_task(cells: dict, names: list[str], at: int) -> str:
    """Return the mean regret of each task."""
    values, tasks, _ = regrets(cells, names, at)
    lines = [f"| {at} trials | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for task in sorted(set(tasks)):
        means = values[np.array(tasks) == task].mean(axis=0)
        lines.append(f"| {task} | " + " | ".join(f"{m:.3f}" for m in means) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--at", default="25,50,100", help="numbers of trials")
    parser.add_argument("--optimisers", default="", help="only these, parted by commas")
    parser.add_argument("--in-flight", type=int, default=1)
    parser.add_argument("--ours", default="hpo-Auto", help="the one that the others are compared with")
    parser.add_argument("--by-task", action="store_true")
    parser.add_argument("--brief", action="store_true", help="one table of the mean regret alone")
    given = parser.parse_args()
    cells = load(given.runs, given.in_flight)
    names = sorted({name for runs in cells.values() for name in runs})
    if given.optimisers:
        names = given.optimisers.split(",")
    ats = [int(at) for at in given.at.split(",")]
    if given.brief:
        print(brief(cells, names, ats))
        return
    for at in ats:
        present = having(cells, names, at)
        print(table(cells, present, at, given.ours), end="\n\n")
        if given.by_task:
            print(by_task(cells, present, at), end="\n\n")


if __name__ == "__main__":
    main()
