"""Texts that are attacks, in every place where a user can write something: none is more than text."""

from __future__ import annotations

import itertools
import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from hpo.dashboard.access import Access
from hpo.report import report
from hpo.runtime.spool import Intermediate
from hpo.runtime.store import Store
from hpo.trial import Trial, TrialState

RUN = "window.ran=1"
TAGS = """img src=x|svg|video src=x|input autofocus|details open|body|iframe|object data=x|marquee|audio src=x
button autofocus|style""".replace("\n", "|").split("|")
EVENTS = ("onerror", "onload", "onfocus", "ontoggle", "onstart", "onmouseover")
SPECIAL = (Path(__file__).parent / "payloads.txt").read_text(encoding="utf-8").splitlines()
PAYLOADS = [f"<{tag} {event}={RUN}>" for tag, event in itertools.product(TAGS, EVENTS)]
PAYLOADS += [text.replace("RUN", RUN) for text in SPECIAL]
# What the page itself has none of; and what would be done with an attribute.
FOREIGN = """() => [...document.querySelectorAll('*')].filter((el) =>
    /^(img|iframe|object|embed|base|video|audio|marquee|math|foreignobject|animate|set)$/i.test(el.tagName)
    || (el.tagName === 'SCRIPT' && el.src && !el.src.startsWith(location.origin + '/static/'))
    || [...el.attributes].some((a) => /^on/i.test(a.name)
        || (/^(xlink:)?(href|src|action|formaction|data)$/i.test(a.name)
            && !/^(https?:|data:image\\/png|\\/|#)/.test(a.value)))
).map((el) => el.outerHTML.slice(0, 200))"""
# Plotly's style sheet for maps, which is kept out; that there is no diff of these values; a slow GPU.
KNOWN = re.compile(r"sha256-ji27qzEtxXZW|status of 400|GL Driver Message")
expect.set_options(timeout=60_000)


def test_there_are_more_than_a_hundred() -> None:
    assert len(set(PAYLOADS)) > 110


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an experiment all of whose texts are attacks."""
    home = tmp_path_factory.mktemp("payloads") / "home"
    directory = home / "attack"
    for name in ("trials", "commands", "code/original"):
        (directory / name).mkdir(parents=True)
    home.chmod(0o700)
    names = PAYLOADS[70:]
    options = iter(itertools.cycle(PAYLOADS))
    space = {name: {"_type": "choice", "_value": [next(options) for _ in range(4)]} for name in names}
    space["lr"] = {"_type": "loguniform", "_value": [1e-4, 1.0]}
    space["constructor"]["_when"] = {names[0]: space[names[0]]["_value"][:1]}  # in some trials there is none
    settings = {
        "name": PAYLOADS[0],
        "tuner": {"name": PAYLOADS[1], "file": None, "class_args": {PAYLOADS[2]: PAYLOADS[3]}},
        "assessor": {"name": PAYLOADS[4], "file": None, "class_args": {}},
        "max_trials": 200,
        "trial_concurrency": 2,
        "max_duration": None,
        "max_trial_duration": None,
        "seed": 7,
        "stop_when": f"{next(text for text in PAYLOADS if not {*text} & {*'<>='})}>=2",  # no other is taken
    }
    script = directory.parent / "work" / "train.py"
    plan = {"command": {"text": PAYLOADS[6]}, "cwd": PAYLOADS[7], "modules": [], "sources": [str(script)]}
    store = Store.create(
        directory, id="attack", name=PAYLOADS[8], direction="maximize",
        config={"settings": settings, "plan": plan}, space=space,
        defaults={name: each["_value"][0] for name, each in space.items()},
    )  # fmt: skip
    with store.transaction():
        for number, text in enumerate(PAYLOADS):
            _add(store, number, text, space)
        store.set_status("error", PAYLOADS[9])
        store.set_waits(PAYLOADS[10])
    store.close()
    for number in (0, 1):
        (directory / "trials" / str(number)).mkdir()
        (directory / "trials" / str(number) / "stdout.log").write_text("\n".join(PAYLOADS))
        (directory / "trials" / str(number) / "stderr.log").write_text("\n".join(reversed(PAYLOADS)))
    (directory / "runner.log").write_text("\n".join(PAYLOADS))
    explanation = {"model": PAYLOADS[11], "why": PAYLOADS[12], PAYLOADS[13]: PAYLOADS[14]}
    (directory / "tuner.json").write_text(json.dumps(explanation))
    _write_source(directory, script)
    return directory


def _add(store: Store, number: int, text: str, space: dict[str, Any]) -> None:
    parameters = {
        name: each["_value"][(number * 7 + i) % 4]
        for i, (name, each) in enumerate(space.items())
        if name != "lr"
    }
    parameters["lr"] = 10 ** (-4 + number % 40 / 10)
    when, values = next(iter(space["constructor"]["_when"].items()))
    if parameters[when] not in values:
        del parameters["constructor"]
    trial = Trial(number, parameters, memo={"budget": 1 + number % 3, "generation": number // 20})
    store.add_trial(trial, "tuner" if number else "baseline")
    store.start_trial(number, [])
    has_failed = number % 4 == 3
    trial.state = TrialState.FAILED if has_failed else TrialState.SUCCEEDED
    trial.failure = "exception" if has_failed else None
    trial.value = None if has_failed else math.sin(number)
    reports = [(i, Intermediate(i, i / 3, {text: i}, None, 0.0)) for i in range(3)]
    store.add_metrics(number, reports)
    store.add_event("warning", text, number)
    store.end_trial(trial, told=number, duration=1.0, detail=text if has_failed else None)


def _write_source(directory: Path, script: Path) -> None:
    """Write a snapshot whose files, and their names, are attacks."""
    marks = [f"k{i} = {text!r}  # hpo: choice({text!r}, 'other')" for i, text in enumerate(PAYLOADS)]
    files = {"train.py": "\n".join(["import hpo", *marks, "hpo.report_final_result(1)", ""])}
    files |= {f"{text.replace('/', '_')}.py": f'"""{i}"""\n' for i, text in enumerate(PAYLOADS[:20])}
    script.parent.mkdir()
    script.write_text(files["train.py"])
    for name, text in files.items():
        (directory / "code" / "original" / name).write_text(text)
    manifest = {"root": str(script.parent), "files": list(files), "stretches": {}}
    (directory / "code" / "manifest.json").write_text(json.dumps(manifest))


@pytest.fixture(scope="module")
def base(folder: Path) -> Iterator[str]:
    """Serve it; return the address."""
    program = (
        "from hpo.dashboard import server; b = server.listen(port=0); print(b.getsockname()[1], flush=True); "
    )
    command = [sys.executable, "-c", program + "server.serve(b, '127.0.0.1')"]
    environment = {**os.environ, "HPO_HOME": str(folder.parent)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    process.terminate()
    process.communicate(timeout=300)


@pytest.fixture
def visit(browser: Browser, folder: Path, base: str) -> Iterator[Callable[[str], Page]]:
    """Return what opens a page; whatever runs, asks elsewhere or is kept out by the policy fails the test."""
    context = browser.new_context(viewport={"width": 1300, "height": 900})
    context.set_default_timeout(60_000)
    page = context.new_page()
    heard: list[str] = []
    page.on("dialog", lambda dialog: heard.append(f"dialog {dialog.message}"))
    page.on("pageerror", lambda error: heard.append(f"error {error}"))
    page.on("console", lambda m: heard.append(m.text) if m.type in ("error", "warning") else None)
    page.on(
        "request",
        lambda r: None if r.url.startswith((base, "data:", "blob:", "file:")) else heard.append(r.url),
    )
    page.goto(f"{base}/enter?code={Access(folder.parent).mint()}")

    def visit(path: str) -> Page:
        page.goto(path if "://" in path else base + path)
        return page

    yield visit
    context.close()
    assert [text for text in heard if not KNOWN.search(text)] == []


def harmless(page: Page) -> None:
    page.wait_for_timeout(300)
    assert page.evaluate("window.ran") is None
    assert page.evaluate(FOREIGN) == []


def test_the_overview_shows_them_as_text(visit: Callable[[str], Page]) -> None:
    page = visit("/e/attack")
    expect(page.get_by_role("heading", name=PAYLOADS[8])).to_be_visible()
    for summary in page.locator("summary").all():
        summary.click()
    expect(page.locator("pre.code").last).to_contain_text(PAYLOADS[99])
    harmless(page)
    for button in ("Try values…", "Edit the space"):
        page.get_by_role("button", name=button).click()
        expect(page.get_by_role("dialog")).to_contain_text("", use_inner_text=True)
        harmless(page)
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_source_and_the_names_of_its_files_are_text(visit: Callable[[str], Page]) -> None:
    page = visit("/e/attack/source")
    expect(page.locator(".source")).to_contain_text("k0 = ")
    harmless(page)
    page.locator(".tree .file").nth(5).click()
    harmless(page)


def test_trials_their_output_and_their_comparison_are_text(visit: Callable[[str], Page]) -> None:
    page = visit("/e/attack/trials")
    expect(page.locator("tbody td a").first).to_be_visible()
    page.get_by_role("button", name="Columns…").click()
    for box in page.get_by_role("dialog").get_by_role("checkbox").all():
        box.check()
    harmless(page)
    page.keyboard.press("Escape")
    for box in page.locator("tbody input").all()[:4]:
        box.check()
    page.get_by_role("button", name="Compare 4").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    harmless(page)
    for number in (0, 1, 3):
        page = visit(f"/e/attack/trials/{number}")
        expect(page.get_by_role("heading", name=f"Trial {number}")).to_be_visible()
        page.get_by_role("tab", name="stderr").click()
        harmless(page)
        page.get_by_role("button", name="Try a changed copy…").click()
        expect(page.get_by_role("dialog")).to_be_visible()
        harmless(page)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_plot_shows_them_as_text(visit: Callable[[str], Page], language: str) -> None:
    page = visit("/e/attack/plots")
    page.evaluate(f"localStorage.setItem('hpo.language', '{language}')")
    page = visit("/e/attack/plots")
    kinds = page.locator(".kinds button")
    expect(kinds).to_have_count(10)
    for i in range(kinds.count()):
        kinds.nth(i).click()
        expect(page.locator("canvas, .plotly-figure .main-svg").first).to_be_visible()
        for point in page.locator(".plotly-figure .points path").all()[:2]:
            point.hover(force=True)
        harmless(page)


def test_lists_and_comparisons_of_experiments_are_text(visit: Callable[[str], Page]) -> None:
    page = visit("/")
    expect(page.get_by_role("link", name=PAYLOADS[8])).to_be_visible()
    harmless(page)
    page = visit("/compare?id=attack&id=attack")
    expect(page.locator("h1")).to_be_visible()
    harmless(page)


def test_the_report_shows_them_as_text(
    visit: Callable[[str], Page], folder: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("HPO_HOME", str(folder.parent))
    path = tmp_path / "report.html"
    path.write_text(report(folder))
    page = visit(path.as_uri())
    for plot in page.locator(".plot").all():
        plot.scroll_into_view_if_needed()
        expect(plot.locator(".main-svg").first).to_be_visible()
    assert page.evaluate("window.ran") is None
    assert (
        page.locator(
            "iframe, object, embed, base, video, audio, marquee, math, animate, [onerror], [onload]"
        ).count()
        == 0
    )
