"""Make docs/terminal.svg, the README's picture, by running the digits example and keeping what it prints.

Run from the top of the repository: python docs/picture.py
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

WIDTH = 106
COMMANDS = (
    ("hpo run examples/digits/train.py --max-trials 30 --concurrency 2 --seed 1 --name digits"),
    ("hpo apply digits"),
)


def main() -> None:
    """Run the commands in a store of their own, and draw what they say."""
    console = Console(record=True, width=WIDTH, file=Path(os.devnull).open("w"))  # noqa: SIM115
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "HPO_HOME": f"{home}/.hpo", "FORCE_COLOR": "1", "COLUMNS": str(WIDTH)}
        for command in COMMANDS:
            program = [sys.executable, "-m", *command.split()]
            done = subprocess.run(
                program,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=True,
            )
            console.print(Text("$ " + command, style="bold"))
            console.print(Text.from_ansi(shortened(done.stdout.replace(home, "~"))))
            console.print()
    console.save_svg("docs/terminal.svg", title="hpo")


def shortened(text: str) -> str:
    """Leave out the middle of a long list of trials."""
    lines = text.splitlines()
    trials = [i for i, line in enumerate(lines) if "trial" in line and "best" not in line]
    left_out = set(trials[6:-2]) if len(trials) > 12 else set()
    kept = [line for i, line in enumerate(lines) if i not in left_out]
    if left_out:
        kept.insert(min(left_out), "...")
    return "\n".join(kept)


if __name__ == "__main__":
    main()
