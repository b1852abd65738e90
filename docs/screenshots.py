"""Make docs/report.png by running the digits example and opening its report in Chromium.

Run from the top of the repository, with Playwright installed: python docs/screenshots.py
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile

from playwright.sync_api import sync_playwright

RUN = "run examples/digits/train.py --max-trials 60 --concurrency 2 --seed 1 --name digits"


def main() -> None:
    """Run it in a store of its own, write the report, and take the picture."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "HPO_HOME": f"{folder}/.hpo"}
        page = f"{folder}/digits.html"
        for command in (RUN.split(), ["report", "digits", "-o", page]):
            subprocess.run([sys.executable, "-m", "hpo", *command], env=environment, check=True)
        with sync_playwright() as driver:
            flags = ["--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader"]
            chromium = driver.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
            tab = chromium.new_page(viewport={"width": 1280, "height": 1480}, color_scheme="light")
            tab.goto(f"file://{page}")
            tab.wait_for_function("document.querySelectorAll('.plot[data-drawn] .main-svg').length > 6")
            tab.screenshot(path="docs/report.png")
            chromium.close()


if __name__ == "__main__":
    main()
