"""One who looks at the page of an experiment while it runs: how long it takes, and what it costs.

It hears what changes, and asks anew as the page in a browser does: not twice at a time, and with a pause as
long as the answer took.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from statistics import median

from measure import most_of

from hpo.dashboard.access import Access

VIEWS = {
    "overview": "",
    "its chart": "/course",
    "trials": "/trials?limit=100&sort=number&descending=true",
    "by a parameter": "/trials?limit=100&sort=lr",
    "one trial": "/trials/7",
}
_PORT = 8491


class Viewer:
    """Looks from the start of `looking` to its end; `rows` are what a table tells of it."""

    def __init__(self, home: Path, experiment: str) -> None:
        self._base = f"/api/experiments/{experiment}"
        self._headers = {"Authorization": f"Bearer {Access(home).token}"}
        self._environment = {**os.environ, "HPO_HOME": str(home)}
        self._seconds: dict[str, list[float]] = {name: [] for name in VIEWS}
        self._heard: list[float] = []
        self._over = threading.Event()
        self._cpu = self._memory = self._wall = 0.0

    @contextlib.contextmanager
    def looking(self) -> Iterator[None]:
        """Serve the page, and look at it."""
        command = [sys.executable, "-m", "hpo", "web", "--port", str(_PORT)]
        server = subprocess.Popen(command, env=self._environment, stderr=subprocess.PIPE, text=True)
        assert server.stderr is not None
        server.stderr.readline()
        begun = time.monotonic()
        threads = [threading.Thread(target=work) for work in (self._ask, self._listen)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._wall = time.monotonic() - begun
            self._over.set()
            for thread in threads:
                thread.join()
            stat = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
            self._cpu = (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
            self._memory = int(stat[21]) * os.sysconf("SC_PAGE_SIZE") / 1e6
            server.terminate()
            server.wait()

    def _ask(self) -> None:
        while not self._over.is_set():
            for name, path in VIEWS.items():
                connection = HTTPConnection("127.0.0.1", _PORT, timeout=120)
                begun = time.perf_counter()
                connection.request("GET", self._base + path, headers=self._headers)
                response = connection.getresponse()
                response.read()
                took = time.perf_counter() - begun
                connection.close()
                if response.status == 200:  # else it is not there yet
                    self._seconds[name].append(took)
                self._over.wait(max(0.04, took))

    def _listen(self) -> None:
        connection = HTTPConnection("127.0.0.1", _PORT, timeout=120)
        connection.request("GET", "/api/changes", headers=self._headers)
        response = connection.getresponse()
        while not self._over.is_set():
            line = response.readline()
            if line.startswith(b"data:") and json.loads(line[5:]).get("store"):
                self._heard.append(time.perf_counter())

    def rows(self) -> list[list[str]]:
        """Return what each view took, and what all of it cost."""
        gaps = [b - a for a, b in zip(self._heard, self._heard[1:], strict=False)]
        kinds = {**self._seconds, "between two pieces of news": gaps}
        rows = [
            [name, f"{len(took):,}", *(f"{1000 * of(took):.0f}" for of in (median, most_of, max))]
            for name, took in kinds.items()
            if took
        ]
        cpu = f"{100 * self._cpu / self._wall:.0f} % of a core"
        return [*rows, [f"the server: {cpu}, {self._memory:.0f} MB", "", "", "", ""]]
