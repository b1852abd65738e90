"""Draw the mean normalised regret over the trials, a panel for each family, as SVG (needs matplotlib).

python picture.py runs.jsonl --optimisers hpo-Auto,hpo-TPE,optuna-tpe -o ../../docs/regret.svg
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from report import load, regrets

mpl.rcParams |= {"svg.hashsalt": "hpo", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}


def main() -> None:
    """Draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument(
        "--optimisers", required=True, help="names, parted by commas; the first is drawn bold"
    )
    parser.add_argument("--until", type=int, default=100)
    parser.add_argument("--in-flight", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, default=Path("regret.svg"))
    given = parser.parse_args()
    names = given.optimisers.split(",")
    cells = load(given.runs, given.in_flight)
    ats = np.unique(np.geomspace(5, given.until, 25).astype(int))
    found = [regrets(cells, names, int(at)) for at in ats]
    families = sorted(set(found[-1][2]))
    _, panels = plt.subplots(
        1, len(families), figsize=(3 * len(families), 2.8), sharey=True, layout="constrained"
    )
    for panel, family in zip(np.atleast_1d(panels), families, strict=True):
        for i, name in enumerate(names):
            means = [values[np.array(kinds) == family, i].mean() for values, _, kinds in found]
            panel.plot(ats, means, label=name, lw=2.4 if i == 0 else 1.2, zorder=3 if i == 0 else 2)
        panel.set(title=family, xlabel="trials", yscale="log")
        panel.grid(alpha=0.3, which="both")
    np.atleast_1d(panels)[0].set_ylabel("regret, random search = 1")
    np.atleast_1d(panels)[-1].legend(frameon=False, fontsize=8)
    plt.savefig(given.output, metadata={"Date": None})


if __name__ == "__main__":
    main()
