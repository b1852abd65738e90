"""Measure the page: how soon it is there, what it sends, and how soon a report is on the screen.

    .venv/bin/python benchmarks/dashboard.py [--trials 100 10000 100000]

It needs Chromium. Experiments are made in a folder of their own, served by `hpo web`, and opened in a browser
that has nothing in its cache.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from hpo.dashboard.access import Access
from hpo.runtime.spool import Intermediate
from hpo.runtime.store import Store
from hpo.trial import Trial, TrialState

SPACE: dict[str, Any] = {
    "lr": {"_type": "loguniform", "_value": [1e-5, 1.0]},
    "width": {"_type": "choice", "_value": [16, 32, 64, 128]},
    "optimizer": {"_type": "choice", "_value": ["sgd", "adam", "rmsprop"]},
    "dropout": {"_type": "uniform", "_value": [0, 0.5]},
    "momentum": {"_type": "uniform", "_value": [0, 0.99], "_when": {"optimizer": ["sgd"]}},
}
LIVE = """import time
import hpo
x = 0.5  # hpo: uniform(0, 1)
for i in range(3000):
    time.sleep(0.1)
    hpo.report_intermediate_result(time.time())
hpo.report_final_result(x)
"""


def make(home: Path, trials: int) -> None:
    """Make an experiment with so many trials, each with five results on the way."""
    directory = home / f"trials{trials}"
    for folder in ("trials", "commands", "code"):
        (directory / folder).mkdir(parents=True)
    tuner = {"name": "TPE", "file": None, "class_args": {}}
    limits = {"max_trials": trials, "max_duration": None, "max_trial_duration": None, "trial_concurrency": 4}
    config = {
        "settings": {"name": directory.name, "tuner": tuner, "seed": 1, **limits},
        "plan": {"command": {"text": "train"}, "cwd": str(home), "modules": [], "sources": []},
    }
    store = Store.create(
        directory, id=directory.name, name=directory.name, direction="maximize", config=config, space=SPACE,
        defaults={"lr": 0.01, "width": 64, "optimizer": "sgd", "dropout": 0.1, "momentum": 0.9},
    )  # fmt: skip
    rng = random.Random(1)
    with store.transaction():
        for number in range(trials):
            add(store, number, rng)
        store.set_status("done")
    store.close()


def add(store: Store, number: int, rng: random.Random) -> None:
    parameters: dict[str, Any] = {
        "lr": 10 ** rng.uniform(-5, 0),
        "width": rng.choice((16, 32, 64, 128)),
        "optimizer": rng.choice(("sgd", "adam", "rmsprop")),
        "dropout": rng.uniform(0, 0.5),
    }
    if parameters["optimizer"] == "sgd":
        parameters["momentum"] = rng.uniform(0, 0.99)
    trial = Trial(number, parameters)
    store.add_trial(trial, "tuner" if number else "baseline")
    store.start_trial(number, [])
    value = (
        math.exp(-((math.log10(parameters["lr"]) + 2) ** 2)) - parameters["dropout"] / 4 + rng.gauss(0, 0.02)
    )
    has_failed = rng.random() < 0.02
    trial.state = TrialState.FAILED if has_failed else TrialState.SUCCEEDED
    trial.value, trial.failure = (None, "exception") if has_failed else (value, None)
    store.add_metrics(number, [(i, Intermediate(i, value * i / 5, None, None, 0.0)) for i in range(5)])
    store.end_trial(
        trial, told=number, duration=rng.uniform(1, 60), detail="diverged" if has_failed else None
    )


@contextlib.contextmanager
def served(home: Path, port: int) -> Iterator[int]:
    """Serve a home; yield the process."""
    environment = {**os.environ, "HPO_HOME": str(home)}
    command = [sys.executable, "-m", "hpo", "web", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    process.stderr.readline()
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def memory(pid: int) -> float:
    """Return the resident memory of a process in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1000
    return math.nan


class Visit:
    """A page in a browser with an empty cache, and the bytes that it takes."""

    def __init__(self, browser: Browser, home: Path, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"
        self.context = browser.new_context(viewport={"width": 1380, "height": 900})
        self.page: Page = self.context.new_page()
        os.environ["HPO_HOME"] = str(home)
        self.page.goto(f"{self.base}/enter?code={Access(home).mint()}")
        self.page.goto("about:blank")
        self.context.new_cdp_session(self.page).send("Network.clearBrowserCache")
        self.session = self.context.new_cdp_session(self.page)
        self.session.send("Network.enable")
        self.bytes = 0
        self.session.on("Network.loadingFinished", self._loaded)

    def _loaded(self, event: Any) -> None:
        self.bytes += int(event["encodedDataLength"])

    def open(self, path: str, shown: str) -> tuple[float, float, float]:
        """Open a page; return seconds to the first paint, until something is shown, and kB."""
        self.bytes = 0
        begun = time.perf_counter()
        self.page.goto(self.base + path, wait_until="commit")
        self.page.locator(shown).first.wait_for(timeout=120_000)
        whole = time.perf_counter() - begun
        paint = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN"
        first = self.page.evaluate(paint) / 1000
        self.page.wait_for_timeout(300)
        return first, whole, self.bytes / 1000


PAGES = (
    ("overview", "", ".results path.line.best"),
    ("trials", "/trials", "tbody td a"),
    ("one trial", "/trials/7", ".chart path.line"),
    ("plots: history", "/plots", ".plotly-figure .main-svg"),
    ("plots: parallel", "/plots?figure=parallel", "canvas"),
)


def measure_pages(browser: Browser, home: Path, port: int, trials: int) -> None:
    with served(home, port) as pid:
        visit = Visit(browser, home, port)  # lets it load what every page needs
        visit.page.request.get(f"{visit.base}/api/experiments")
        visit.context.close()
        idle = memory(pid)
        for name, path, shown in PAGES:
            runs = []
            for _ in range(3):
                visit = Visit(browser, home, port)
                runs.append(visit.open(f"/e/trials{trials}{path}", shown))
                visit.context.close()
            # The first visit has the server load what it needs; the median is of those with it loaded.
            first, whole, kilobytes = (statistics.median(column) for column in zip(*runs, strict=True))
            times = " | ".join(f"{seconds * 1000:.0f}" for seconds in (first, whole, runs[0][1]))
            print(f"| {trials:,} | {name} | {times} | {kilobytes:,.0f} |")
        visit = Visit(browser, home, port)
        for text, query in (("sort by a parameter", "sort=lr"), ("filter", "filter=value>0.5 optimizer=sgd")):
            begun = time.perf_counter()
            visit.page.request.get(f"{visit.base}/api/experiments/trials{trials}/trials?{query}")
            print(f"| {trials:,} | {text} (request) | | {(time.perf_counter() - begun) * 1000:.0f} | | |")
        visit.context.close()
        print(f"\nServer with {trials:,} trials: {idle:.0f} MB idle, {memory(pid):.0f} MB after all of it\n")


def measure_delay(browser: Browser, home: Path, folder: Path, tabs: int) -> None:
    """Measure from a report in a trial to its point on the screen."""
    (folder / "live.py").write_text(LIVE)
    environment = {**os.environ, "HPO_HOME": str(home)}
    command = [sys.executable, "-m", "hpo", "run", "live.py", "--max-trials", "1", "--detach", "--json"]
    told = json.loads(
        subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True).stdout
    )
    base, _, _ = told["page"].partition("/enter")
    context = browser.new_context()
    page = context.new_page()
    page.goto(told["page"])
    others = [context.new_page() for _ in range(tabs - 1)]
    for other in others:
        other.goto(f"{base}/e/{told['experiment']}/trials/0")
    page.goto(f"{base}/e/{told['experiment']}/trials/0")
    page.locator(".chart path.line").wait_for()
    page.evaluate("""() => {
        window.delays = [];
        let last = 0;
        new MutationObserver(() => {
            const point = document.querySelector('.chart')?.chart.series[0].points.at(-1);
            if (point && point[1] !== last) window.delays.push(Date.now() - 1000 * (last = point[1]));
        }).observe(document.querySelector('.chart'), {childList: true, subtree: true, attributes: true});
    }""")
    page.wait_for_timeout(12_000)
    delays = sorted(page.evaluate("window.delays"))
    worst = delays[int(0.95 * len(delays))]
    print(f"| {tabs} | {len(delays)} | {statistics.median(delays):.0f} | {worst:.0f} | {delays[-1]:.0f} |")
    context.close()
    subprocess.run([sys.executable, "-m", "hpo", "stop", told["experiment"]], env=environment, check=True,
                   capture_output=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, nargs="*", default=[100, 10_000, 100_000])
    parser.add_argument("--port", type=int, default=8490)
    parser.add_argument("--tabs", type=int, nargs="*", default=[1, 20])
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("there is no Chromium: apt-get install chromium")
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        print("| trials | page | first paint, ms | shown, ms | at the first visit, ms | kB |\n|-|-|-|-|-|-|")
        for trials in options.trials:
            home = Path(scratch, f"home{trials}")
            make(home, trials)
            measure_pages(browser, home, options.port, trials)
        print("| tabs | points | median, ms | 95 %, ms | worst, ms |\n|-|-|-|-|-|")
        for tabs in options.tabs:
            measure_delay(browser, Path(scratch, "live"), Path(scratch), tabs)


if __name__ == "__main__":
    main()
