"""`hpo report`: one file that opens offline, whatever the user called things."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from hpo.report import report
from hpo.runtime.store import Store
from hpo.trial import Trial, TrialState

HOSTILE = "</script></template><script>alert(1)</script><img src=x onerror='alert(2)'>{{ 7 * 7 }}\u202e"
SCRIPT = f'''\
# -*- coding: latin-1 -*-
import hpo
x = 0.25  # hpo: uniform(0, 1)
word = "caf\xe9"
k = "a"  # hpo: choice("a", "<b>&")
"{HOSTILE.encode("unicode_escape").decode()}"
if x > 0.9:
    raise ValueError("too <much>")
hpo.report_intermediate_result(x / 2)
hpo.report_intermediate_result(x)
hpo.report_final_result(x + (k == "a"))
'''


class Page(HTMLParser):
    """The elements of a page, its texts, and what it would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)

    def find(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.elements if name == tag]

    @property
    def text(self) -> str:
        return "".join(self.texts)


def unpacked(page: str, name: str) -> str:
    found = re.search(rf'<template id="{name}">([A-Za-z0-9+/=]+)</template>', page)
    assert found
    return gzip.decompress(base64.b64decode(found[1])).decode()


def hpo(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hpo", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Return the report of an experiment that ran."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "train.py").write_text(SCRIPT, encoding="latin-1")
    before, home = Path.cwd(), os.environ.get("HPO_HOME")
    os.environ["HPO_HOME"] = str(folder / "home")
    os.chdir(folder)
    try:
        done = hpo("run", "train.py", "--max-trials", "15", "--seed", "1", "--name", HOSTILE)
        assert done.returncode == 0, done.stderr
        done = hpo("report", "-o", "out.html")
        assert done.returncode == 0, done.stderr
        assert "out.html has the report of" in done.stderr
    finally:
        os.chdir(before)
        os.environ.pop("HPO_HOME")
        if home is not None:
            os.environ["HPO_HOME"] = home
    return (folder / "out.html").read_text(encoding="utf-8")


def made(folder: Path, space, trials, *, name="made", direction="maximize") -> Path:
    """Return the folder of an experiment with these trials."""
    folder.mkdir()
    settings = {
        "seed": 1, "tuner": {"name": "TPE", "class_args": {"a": HOSTILE}}, "assessor": None,
        "trial_concurrency": 2, "max_trials": 5, "max_duration": None, "max_trial_duration": None,
    }  # fmt: skip
    plan = {"command": {"text": "sh train.sh"}, "cwd": str(folder), "modules": [], "sources": []}
    store = Store.create(
        folder,
        id=folder.name,
        name=name,
        direction=direction,
        config={"settings": settings, "plan": plan},
        space=space,
        defaults={},
    )
    with store.transaction():
        for number, (parameters, value) in enumerate(trials):
            trial = Trial(number, parameters)
            store.add_trial(trial, "tuner")
            store.start_trial(number, [])
            trial.state = TrialState.FAILED if value is None else TrialState.SUCCEEDED
            trial.value = value
            trial.failure = "exception" if value is None else None
            store.end_trial(trial, told=number, duration=1.0, detail=HOSTILE if value is None else None)
        store.add_event("warning", HOSTILE, 0)
        store.set_status("done", HOSTILE)
    store.close()
    return folder


class TestOfARun:
    def test_it_says_what_came_of_it(self, page):
        text = Page(page).text
        for words in (
            "Best result",
            "Better than the script's own",
            "its own values gave 1.25",
            "Best trials",
        ):
            assert words in text

    def test_the_reasons_of_failures_are_there_with_their_trials(self, page):
        assert "ValueError: too <much>" in Page(page).text

    def test_the_source_is_there_with_its_marks_and_best_values(self, page):
        parsed = Page(page)
        assert [attrs for attrs in parsed.find("tr") if attrs.get("class") == "marked"] == [
            {"class": "marked"}
        ] * 2
        assert "# hpo: uniform(0, 1)" in parsed.text
        assert 'choice("a", "<b>&")' in parsed.text
        assert 'word = "caf\xe9"' in parsed.text

    def test_the_diff_that_apply_writes_is_there(self, page):
        assert re.search(r"^\+x = 0\.\d+  # hpo: uniform\(0, 1\)$", Page(page).text, re.MULTILINE)

    def test_every_figure_has_its_place(self, page):
        figures = json.loads(unpacked(page, "figures"))
        places = [attrs for attrs in Page(page).find("div") if "data-figure" in attrs]
        assert sorted(int(p["data-figure"]) for p in places) == [*range(len(figures["figures"]))]
        assert set(figures["templates"]) == {"light", "dark"}
        groups = {attrs.get("id") for attrs in Page(page).find("figure")}
        assert {"history", "importance", "parallel", "contour", "curves", "edf", "timeline"} <= groups


class TestSafety:
    def test_what_the_user_wrote_makes_no_elements(self, page):
        parsed = Page(page)
        assert len(parsed.find("script")) == 1
        assert not parsed.find("img")
        assert Page(page).text.count(HOSTILE) >= 2  # the title and the heading, as text

    def test_nor_does_it_in_names_options_reasons_and_notes(self, tmp_path):
        space = {
            HOSTILE: {"_type": "choice", "_value": [HOSTILE, "b"]},
            "x": {"_type": "uniform", "_value": [0, 1], "_when": {HOSTILE: [HOSTILE]}},
        }
        trials = [({HOSTILE: HOSTILE, "x": i / 9}, i / 9 if i % 3 else None) for i in range(12)]
        parsed = Page(report(made(tmp_path / "bcdf", space, trials, name=HOSTILE)))
        assert len(parsed.find("script")) == 1
        assert not parsed.find("img")
        assert not any(name.startswith("on") for _, attrs in parsed.elements for name in attrs)
        assert parsed.text.count(HOSTILE) >= 5

    def test_the_policy_lets_two_scripts_run_and_nothing_be_fetched(self, page):
        (policy,) = (m["content"] for m in Page(page).find("meta") if "http-equiv" in m)
        rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
        assert rules["default-src"] == "'none'"
        assert "unsafe-inline" not in rules["script-src"]
        assert rules["script-src"].count("'sha256-") == 2
        script = re.search(r"<script>(.*?)</script>\n</body>", page, re.DOTALL)[1]
        for known in (script, unpacked(page, "plotly")):
            digest = base64.b64encode(hashlib.sha256(known.encode()).digest()).decode()
            assert f"'sha256-{digest}'" in rules["script-src"]

    def test_nothing_outside_the_file_is_named(self, page):
        for _, attrs in Page(page).elements:
            assert not {"src", "href", "srcset", "action"} & attrs.keys()
        assert "@import" not in page
        assert "url(" not in page


class TestEdges:
    @pytest.mark.parametrize(
        "trials", [[], [({"x": 0.5}, None)], [({"x": 0.5}, 1.0)]], ids=["none", "failed", "one"]
    )
    def test_few_trials_make_a_page(self, tmp_path, trials):
        space = {"x": {"_type": "uniform", "_value": [0, 1]}}
        text = Page(report(made(tmp_path / "bcdf", space, trials))).text
        assert "uniform(0, 1)" in text
        assert ("none yet" in text) == (not trials or trials[0][1] is None)

    def test_trials_that_are_no_python_have_no_source_and_no_diff(self, tmp_path):
        text = Page(report(made(tmp_path / "bcdf", {}, [({}, 1.0)]))).text
        assert "would write" not in text

    def test_the_same_store_makes_the_same_page(self, tmp_path):
        space = {"x": {"_type": "uniform", "_value": [0, 1]}, "y": {"_type": "uniform", "_value": [0, 1]}}
        folder = made(tmp_path / "bcdf", space, [({"x": i / 9, "y": 1 - i / 9}, i / 9) for i in range(10)])
        assert report(folder) == report(folder)

    def test_a_file_that_cannot_be_written_is_an_error_with_a_cure(self, tmp_path, monkeypatch):
        monkeypatch.setenv("HPO_HOME", str(tmp_path))
        made(tmp_path / "bcdf", {}, [({}, 1.0)])
        done = hpo("report", "bcdf", "-o", str(tmp_path / "gone" / "out.html"))
        assert done.returncode == 2
        assert "out.html cannot be written: No such file or directory" in done.stderr
        assert "Traceback" not in done.stderr


class TestInABrowser:
    def test_every_figure_is_drawn_in_both_themes_and_no_script_of_the_users_runs(self, page, tmp_path):
        playwright = pytest.importorskip("playwright.sync_api")
        browser = next(
            filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
        )
        if browser is None:
            pytest.skip("there is no Chromium to open the page with")
        file = tmp_path / "page.html"
        file.write_text(page, encoding="utf-8")
        with playwright.sync_playwright() as driver:
            flags = ["--disable-gpu", "--enable-unsafe-swiftshader", "--disable-background-networking"]
            chromium = driver.chromium.launch(executable_path=browser, args=[*flags, "--no-sandbox"])
            tab = chromium.new_page(viewport={"width": 1280, "height": 9000}, color_scheme="dark")
            dialogs, errors, requests = [], [], []
            tab.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
            tab.on("pageerror", lambda error: errors.append(str(error)))
            tab.on("request", lambda request: requests.append(request.url.split(":")[0]))
            tab.goto(file.as_uri())
            for theme in ("dark", "light"):
                undrawn = f".plot:not(.js-plotly-plot[data-drawn={theme}])"
                tab.wait_for_function(f"!document.querySelector('{undrawn}')", timeout=240_000)
                tab.click("#theme")
            assert tab.locator(".plot .main-svg").count() >= tab.locator(".plot").count() > 5
            assert tab.locator("#broken").is_hidden()
            assert (dialogs, errors, tab.locator("img").count()) == ([], [], 0)
            assert set(requests) <= {"file", "blob", "data"}
            assert requests.count("file") == 1
            chromium.close()
