"""Make docs/report.png by running the digits example and opening its report in Chromium.

Run from the top of the repository: python docs/screenshots.py
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

RUN = "run examples/digits/train.py --max-trials 60 --concurrency 2 --seed 1 --name digits"


def main() -> None:
    """Run it in a store of its own, write the report, and take the picture."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "HPO_HOME": f"{folder}/.hpo"}
        page = f"{folder}/digits.html"
        for command in (RUN.split(), ["report", "digits", "-o", page]):
            subprocess.run([sys.executable, "-m", "hpo", *command], env=environment, check=True)
        browser = [
            "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
            "--enable-unsafe-swiftshader", "--hide-scrollbars", f"--user-data-dir={folder}/profile",
            "--virtual-time-budget=10000", "--window-size=1280,1560",
        ]  # fmt: skip
        subprocess.run(
            [*browser, f"--screenshot={Path('docs/report.png').resolve()}", f"file://{page}"], check=True
        )


if __name__ == "__main__":
    main()
