"""An experiment in a store, made without running it; and the page as a program sees it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from playwright.sync_api import Browser, sync_playwright
from starlette.testclient import TestClient

from hpo.dashboard.access import Access
from hpo.dashboard.app import create_app
from hpo.dashboard.changes import Changes
from hpo.dashboard.security import Security, allowed_names
from hpo.runtime.spool import Intermediate
from hpo.runtime.store import Store
from hpo.trial import Trial, TrialState

PORT = 8470
SPACE = {
    "lr": {"_type": "loguniform", "_value": [1e-4, 1.0]},
    "kernel": {"_type": "choice", "_value": ["rbf", "poly", "<b>x</b>"]},
    "degree": {"_type": "randint", "_value": [1, 5], "_when": {"kernel": ["poly"]}},
}


@pytest.fixture(scope="module")
def switches() -> list[str]:
    """Return what Chromium is told when it starts: a file may say more."""
    return ["--no-sandbox"]


@pytest.fixture(scope="module")
def browser(switches: list[str]) -> Iterator[Browser]:
    # No longer than a file: as long as there is one, Playwright's loop runs, and no test can have its own.
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        if "CI" in os.environ:
            pytest.fail("there is no Chromium, and CI has to test the page: apt-get install chromium")
        pytest.skip("there is no Chromium to test the page with: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=switches)
        yield browser
        browser.close()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty home of experiments."""
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("HPO_HOME", str(folder))
    return folder


Make = Callable[..., Path]


@pytest.fixture
def make(home: Path) -> Make:
    """Return what makes an experiment with so many trials, of which every tenth failed."""

    def make(
        name: str = "digits",
        trials: int = 20,
        *,
        direction: str = "maximize",
        status: str = "done",
        sources: Sequence[Path] = (),
    ) -> Path:
        directory = home / name
        for folder in ("trials", "commands", "code"):
            (directory / folder).mkdir(parents=True)
        settings: dict[str, Any] = {
            "name": name,
            "tuner": {"name": "TPE", "file": None, "class_args": {}},
            "direction": direction,
            "max_trials": 100,
            "trial_concurrency": 2,
            "max_duration": None,
            "max_trial_duration": None,
            "seed": 7,
        }
        plan = {
            "command": {"text": f"{sys.executable} train.py"},
            "cwd": str(home / "work"),
            "modules": [],
            "sources": [str(path) for path in sources],
        }
        store = Store.create(
            directory,
            id=name,
            name=name,
            direction=direction,
            config={"settings": settings, "plan": plan},
            space=SPACE,
            defaults={"lr": 0.1, "kernel": "rbf", "degree": 3},
        )
        with store.transaction():
            for number in range(trials):
                add_trial(store, number)
            store.set_status(status)
        store.close()
        return directory

    return make


def add_trial(store: Store, number: int) -> None:
    """Add a trial that ended: the higher its number, the better; every tenth failed."""
    parameters: dict[str, Any] = {
        "lr": 10 ** (-4 + 4 * (number % 40) / 40),
        "kernel": ("rbf", "poly")[number % 2],
    }
    if parameters["kernel"] == "poly":
        parameters["degree"] = 1 + number % 4
    trial = Trial(number, parameters)
    store.add_trial(trial, "baseline" if number == 0 else "tuner")
    store.start_trial(number, [])
    has_failed = number % 10 == 9
    trial.state = TrialState.FAILED if has_failed else TrialState.SUCCEEDED
    trial.failure = "exception" if has_failed else None
    trial.value = None if has_failed else number / 100
    store.add_metrics(number, [(i, Intermediate(i, number * i / 300, None, None, 0.0)) for i in range(3)])
    detail = "ZeroDivisionError: 100 % <script>" if has_failed else None
    store.end_trial(trial, told=number, duration=1.5 + number, detail=detail)


@pytest.fixture
def page(home: Path) -> Iterator[TestClient]:
    """Return the page as a program with the token sees it."""
    access = Access(home)
    app = Security(create_app(Changes(home)), access, allowed_names("127.0.0.1"), PORT)
    headers = {"Authorization": f"Bearer {access.token}", "Host": f"127.0.0.1:{PORT}"}
    with TestClient(
        app, base_url=f"http://127.0.0.1:{PORT}", headers=headers, follow_redirects=False
    ) as client:
        yield client


def as_json(response: httpx.Response) -> Any:
    """Return what an answer says, once it is a good one."""
    assert response.status_code < 400, response.text
    return response.json()
