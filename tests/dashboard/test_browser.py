"""The page in a real browser, on a real experiment that runs, used as a person would."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from hpo.dashboard.access import Access

TRAIN = '''"""Train."""
import time
import hpo
from model import quality, width

lr = 0.01          # hpo: loguniform(1e-4, 1)
optimizer = "sgd"  # hpo: choice("sgd", "adam")
if optimizer == "sgd":
    momentum = 0.5  # hpo: uniform(0, 0.9)
else:
    momentum = 0.0
for epoch in range(10):
    print(f"epoch {epoch} \\x1b[32mgreen\\x1b[0m <img src=x onerror=alert(1)>", flush=True)
    hpo.report_intermediate_result(quality(lr, momentum, epoch))
    time.sleep(0.06 if lr != 0.00012 else 1 if epoch < 2 else 600)
if lr > 0.5:
    raise FloatingPointError("<script>alert(1)</script> diverged")
hpo.report_final_result(quality(lr, momentum, 10))
'''
MODEL = '''"""The model."""
import math
width = 32  # hpo: choice(16, 32, 64)


def quality(lr, momentum, epoch):
    return math.exp(-(math.log10(lr) + 2) ** 2) * (1 + momentum) * width / 64 * (1 - math.exp(-epoch - 1))
'''
HOSTILE = '<img src=x onerror="document.title=1"> "quoted" a-very-long-name-that-goes-on-and-on-and-on-and-on'
expect.set_options(timeout=60_000)
PAGES = ("", "/source", "/trials", "/trials/0", "/plots", "/plots?figure=parallel")
# The style sheet of maps, which plotly.js brings along and the policy keeps out; and values that are refused.
KNOWN = re.compile(
    r"Applying inline style violates .*sha256-ji27qzEtxXZW|status of (400|404|409|422) ", re.DOTALL
)


SEVERAL = """
import hpo
columns = ["age"]  # hpo: subset(["age", "fare", "sex"], min=1)
order = ["a", "b", "c"]  # hpo: permutation(["a", "b", "c"])
hpo.report_final_result({"acc": len(columns) + order.index("b"), "cost": 3 * len(columns) - order.index("c")})
"""

AGAIN = """
import os, hpo
lr = 0.1  # hpo: uniform(0, 1)
attempt = os.environ["HPO_TRIAL_ATTEMPT"]
print(f"attempt {attempt} in {hpo.trial_dir().name}")
if attempt == "1":
    raise FloatingPointError("it diverged")
hpo.report_final_result(lr)
"""

LEARNING = """
import hpo
rate = 0.1  # hpo: uniform(0, 1)
for epoch in hpo.fidelity(range(9)):
    hpo.report_intermediate_result(rate * (epoch + 1))
hpo.report_final_result(rate * (epoch + 1))
"""


class Site:
    """An experiment that runs, and its page in a browser."""

    def __init__(self, folder: Path, browser: Browser) -> None:
        self.folder, self.browser = folder, browser
        self.home = folder / "home"
        self.environment = {**os.environ, "HPO_HOME": str(self.home), "NO_COLOR": "1"}
        (folder / "train.py").write_text(TRAIN)
        (folder / "model.py").write_text(MODEL)
        self.hpo("run", "train.py", "--max-trials", "6", "--concurrency", "3", "--name", HOSTILE, "--no-web")
        self.other = self.data("list")[0]["id"]
        # Ten minutes at the most: it ends even if the tests are killed.
        limits = ["--max-trials", "2000", "--max-duration", "10m", "--concurrency", "2"]
        begun = ["run", "train.py", *limits, "--seed", "1", "--name", "digits"]
        page = self.data(*begun, "--detach")
        self.id, self.link = page["experiment"], page["page"]
        self.base = self.link.split("/enter")[0]
        self.problems: list[str] = []

    def hpo(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "hpo", *arguments]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode in (0, 1), done.stderr
        return done.stdout

    def data(self, *arguments: str) -> Any:
        return json.loads(self.hpo(*arguments, "--json"))

    def shown(self, path: str = "") -> Any:
        """Return what the page's programs get of the experiment: quicker than a command."""
        request = urllib.request.Request(f"{self.base}/api/experiments/{self.id}{path}")
        request.add_header("Authorization", f"Bearer {Access(self.home).token}")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def context(self, **options: Any) -> BrowserContext:
        context = self.browser.new_context(**options)
        context.set_default_timeout(60_000)
        code = Access(self.home).mint()
        page = context.new_page()
        page.goto(f"{self.base}/enter?code={code}")
        page.close()
        return context

    def watch(self, page: Page) -> Page:
        """Note everything that goes wrong on a page."""
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("dialog", lambda dialog: self.problems.append(f"dialog: {dialog.message}"))
        page.on("console", lambda m: self._heard(m.text) if m.type in ("error", "warning") else None)
        page.on(
            "request",
            lambda r: None if r.url.startswith((self.base, "data:", "blob:")) else self._heard(r.url),
        )
        return page

    def _heard(self, text: str) -> None:
        if not KNOWN.search(text):
            self.problems.append(text)


def until(holds: Callable[[], Any], seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while not (result := holds()):
        assert time.monotonic() < end
        time.sleep(0.1)
    return result


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("site"), browser)
    yield site
    if site.data("list", "--running"):
        site.hpo("stop", site.id)


@pytest.fixture
def page(site: Site) -> Iterator[Page]:
    """Return the overview of the experiment; whatever goes wrong on the page fails the test."""
    context = site.context(viewport={"width": 1300, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.base)
    page = site.watch(context.new_page())
    site.problems.clear()
    page.goto(f"{site.base}/e/{site.id}")
    yield page
    context.close()
    assert site.problems == []


def at(page: Page, site: Site, path: str) -> Page:
    page.goto(f"{site.base}/e/{site.id}{path}")
    return page


class TestOverview:
    def test_it_moves_while_one_looks(self, page: Page, site: Site) -> None:
        expect(page.get_by_role("heading", name="digits")).to_be_visible()
        count = page.locator(".figure", has_text="Trials").locator(".value")
        before = count.inner_text()
        until(lambda: count.inner_text() != before)
        expect(page.locator(".now li").first).to_contain_text("step")
        until(lambda: site.shown()["best"])
        expect(page.locator(".results path.line.best")).to_be_visible()
        expect(page.get_by_role("region", name="Best parameters")).to_contain_text("lr")

    def test_limits_are_edited_where_they_stand(self, page: Page, site: Site) -> None:
        page.get_by_role("button", name="Maximum trials").click()
        page.get_by_role("textbox", name="Maximum trials").fill("1999")
        page.keyboard.press("Enter")
        until(lambda: site.shown()["limits"]["max_trials"] == 1999)
        expect(page.get_by_role("button", name="Maximum trials: 1999")).to_be_visible()
        page.get_by_role("button", name="Maximum duration").click()
        page.get_by_role("textbox", name="Maximum duration").fill("20m")
        page.get_by_role("button", name="Save").click()
        until(lambda: site.shown()["limits"]["max_duration"] == 1200)
        for label, text, name, kept in (
            ("Good enough", "value>=99", "stop_when", "value>=99"),
            ("Trials without a better result", "1900", "patience", 1900),
            ("Failures that end it", "1800", "max_failures", 1800),
            ("A trial's time", "2h", "max_trial_duration", 7200),
            ("Without a report", "10m", "max_trial_silence", 600),
            ("Its memory", "64G", "max_trial_memory", 64 << 30),
            ("Retries of a failure", "1", "retries", 1),
            ("Retries of a failure", "0", "retries", None),
        ):
            page.get_by_role("button", name=f"{label}:").click()
            page.get_by_role("textbox", name=label).fill(text)
            page.keyboard.press("Enter")
            until(lambda name=name, kept=kept: site.shown()["limits"].get(name) == kept)
            if name == "retries":  # it is edited twice: the second time from what the page shows by then
                expect(page.get_by_role("button", name=f"{label}: {text}")).to_be_visible()
        expect(page.get_by_role("button", name="Its memory: 64 G")).to_be_visible()
        page.get_by_role("button", name="Good enough:").click()
        page.get_by_role("textbox", name="Good enough").fill("")
        page.keyboard.press("Enter")
        until(lambda: "stop_when" not in site.shown()["limits"])
        page.get_by_role("button", name="Concurrency").click()
        page.get_by_role("textbox", name="Concurrency").fill("none")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("concurrency")
        page.get_by_role("textbox", name="Concurrency").press("Escape")
        expect(page.get_by_role("button", name="Concurrency: 2")).to_be_visible()

    def test_what_another_page_changed_is_changed_back_by_nobody_unseen(self, page: Page, site: Site) -> None:
        name = "Trials without a better result"
        page.get_by_role("button", name=f"{name}:").click()
        other = at(site.watch(page.context.new_page()), site, "")
        other.get_by_role("button", name=f"{name}:").click()
        other.get_by_role("textbox", name=name).fill("1700")
        other.keyboard.press("Enter")
        until(lambda: site.shown()["limits"].get("patience") == 1700)
        page.get_by_role("textbox", name=name).fill("1600")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("changed elsewhere meanwhile, to 1700")
        assert site.shown()["limits"]["patience"] == 1700
        page.keyboard.press("Enter")  # now it has been seen
        until(lambda: site.shown()["limits"]["patience"] == 1600)

    def test_a_late_answer_leaves_what_is_edited_by_then_open(self, page: Page, site: Site) -> None:
        held: list[Route] = []
        page.route(
            "**/api/experiments/*", lambda r: r.continue_() if r.request.method == "GET" else held.append(r)
        )
        page.get_by_role("button", name="Maximum trials").click()
        page.get_by_role("textbox", name="Maximum trials").fill("1998")
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Maximum duration").click()
        page.get_by_role("textbox", name="Maximum duration").fill("2")
        until(lambda: held or page.wait_for_timeout(50))
        held[0].continue_()
        expect(page.get_by_role("button", name="Maximum trials: 1998")).to_be_visible()
        expect(page.get_by_role("textbox", name="Maximum duration")).to_have_value("2")
        page.unroute_all()

    def test_values_are_tried_and_a_trial_runs_them(self, page: Page, site: Site) -> None:
        page.get_by_role("button", name="Try values…").click()
        form = page.get_by_role("dialog")
        form.get_by_label("optimizer").select_option("adam")
        expect(form.get_by_label("momentum")).to_have_count(0)
        form.get_by_label("lr").fill("7")
        form.get_by_role("button", name="Run next").click()
        expect(form.get_by_role("alert")).to_contain_text("lr")
        form.get_by_label("lr").fill("0.0123")
        form.get_by_role("button", name="Run next").click()
        expect(page.get_by_text("These values run next.")).to_be_visible()
        at(page, site, "/trials?filter=origin%3Duser%20lr%3D0.0123")
        expect(page.locator("tbody tr:not(.space)")).not_to_have_count(0)

    def test_it_is_stopped_its_space_is_changed_and_it_goes_on(self, page: Page, site: Site) -> None:
        page.get_by_role("button", name="Stop", exact=True).click()
        page.get_by_role("dialog").get_by_role("button", name="Stop").click()
        expect(page.get_by_role("button", name="Resume")).to_be_visible()
        assert site.shown()["status"] == "stopped"
        page.get_by_role("button", name="Edit the space").click()
        text = page.get_by_role("textbox", name="Search space").input_value()
        page.get_by_role("textbox", name="Search space").fill("{")
        page.get_by_role("button", name="Change", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("no JSON")
        page.get_by_role("textbox", name="Search space").fill(text.replace("0.9", "0.8"))
        page.get_by_role("button", name="Change", exact=True).click()
        expect(page.get_by_text("1 changes wait")).to_be_visible()
        page.get_by_role("button", name="Resume").click()
        expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()
        until(lambda: site.shown()["space"]["momentum"]["_value"] == [0, 0.8])


class TestSource:
    def test_each_mark_has_its_domain_best_value_importance_and_plot(self, page: Page, site: Site) -> None:
        until(lambda: site.shown()["trials"].get("succeeded", 0) > 6)
        at(page, site, "/source")
        card = page.get_by_role("link", name="lr loguniform")
        expect(card).to_contain_text("best")
        expect(card).to_contain_text("%")
        assert card.locator("path.dots").count() == 2
        expect(page.locator(".line.marked .value").first).to_have_text("0.01")
        page.get_by_role("button", name="model.py").click()
        expect(page.get_by_role("link", name="width choice")).to_be_visible()
        page.get_by_role("link", name="width choice").click()
        expect(page).to_have_url(re.compile("figure=slice"))
        expect(page.locator(".plotly-figure .main-svg").first).to_be_visible()

    def test_the_diff_is_that_of_apply_and_can_be_copied(self, page: Page, site: Site) -> None:
        until(lambda: (site.shown()["best"] or {}).get("trial"))  # 0 changes nothing
        at(page, site, "/source")
        page.get_by_role("button", name="Copy the diff").click()
        expect(page.get_by_text("Copied.")).to_be_visible()
        copied = page.evaluate("navigator.clipboard.readText()")
        changed = re.findall(r"^\+\w+ = .*", copied, re.MULTILINE)
        assert changed
        assert page.locator("pre.diff .added").count() >= len(changed)
        number = re.search(r"trial (\d+)", page.locator("section .beside").inner_text())[1]  # type: ignore[index]
        assert f"+++ b/{site.folder.as_posix().lstrip('/')}/train.py" in copied
        said = site.hpo("apply", site.id, "--trial", number)
        assert re.findall(r"^\+\w+ = .*", said, re.MULTILINE) == changed


class TestTrials:
    def test_they_are_filtered_sorted_chosen_and_compared(self, page: Page, site: Site) -> None:
        until(lambda: site.shown()["trials"].get("succeeded", 0) > 6)
        at(page, site, "/trials")
        page.get_by_label("Filter").fill("state=succeeded optimizer=sgd")
        expect(page.get_by_role("status").first).to_contain_text("of")
        expect(page.locator("tbody")).not_to_contain_text("running")
        page.get_by_role("columnheader", name="Value").get_by_role("button").click()
        values = page.locator("tbody td:nth-child(4)")
        expect(page.locator("th[aria-sort=descending]")).to_contain_text("Value")

        def falling() -> bool:
            texts = values.all_inner_texts()
            # Rows of before the filter may stand there still: a running trial's value is a dot.
            if "·" in texts:
                return False
            found = [float(text) for text in texts]
            return found == sorted(found, reverse=True)

        until(falling)
        page.get_by_role("button", name="Columns…").click()
        page.get_by_label("Started").check()
        page.get_by_role("dialog").get_by_role("button", name="Close").click()
        expect(page.get_by_role("columnheader", name="Started")).to_be_visible()
        page.locator("#main").focus()
        for key in "jxjx":
            page.keyboard.press(key)
        page.get_by_role("button", name="Compare 2").click()
        expect(page.get_by_role("dialog").get_by_role("row", name=re.compile("^lr"))).to_be_visible()
        page.keyboard.press("Escape")
        page.get_by_label("Filter").fill("value>x")
        expect(page.get_by_role("alert")).to_contain_text("no number")

    def test_one_is_watched_and_killed(self, page: Page, site: Site) -> None:
        site.hpo("enqueue", site.id, "lr=0.00012")  # a slow one

        def running() -> list[int]:
            trials = site.shown("/trials?filter=origin%3Duser")["trials"]
            return [
                t["number"] for t in trials if t["state"] == "running" and t["parameters"]["lr"] == 0.00012
            ]

        (number,) = until(running)
        at(page, site, f"/trials/{number}")
        log = page.locator("pre.log")
        expect(log).to_contain_text("epoch 0 green <img src=x")
        expect(log).to_contain_text("epoch 2")  # as it is written
        expect(page.locator("path.line")).to_be_visible()
        page.get_by_role("button", name="Kill").click()
        page.get_by_role("dialog").get_by_role("button", name="Kill").click()
        expect(page.locator(".state").first).to_contain_text("canceled")

    def test_one_runs_again_and_its_code_is_downloaded(self, page: Page, site: Site) -> None:
        at(page, site, "/trials/0")
        expect(page.get_by_role("heading", name="Trial 0")).to_be_visible()
        page.get_by_role("button", name="Run again").click()
        expect(page.get_by_text("These values run next.")).to_be_visible()
        until(
            lambda: any(
                t["origin"] == "user" and t["parameters"]["lr"] == 0.01
                for t in site.shown("/trials?filter=origin%3Duser")["trials"]
            )
        )
        with page.expect_download() as download:
            page.get_by_role("link", name="Code").click()
        assert "lr = 0.01" in Path(download.value.path()).read_text()
        page.keyboard.press("j")
        expect(page.get_by_role("heading", name="Trial 1")).to_be_visible()

    def test_what_each_attempt_at_each_run_wrote_can_be_read(self, page: Page, site: Site) -> None:
        (site.folder / "again.py").write_text(AGAIN)
        site.hpo("run", "again.py", "--max-trials", "1", "--retries", "1", "--repeat", "2", "--no-web")
        found = next(each["id"] for each in site.data("list") if each["name"] == "again")
        page.goto(f"{site.base}/e/{found}/trials/0")
        log = page.locator("pre.log")
        expect(log).to_contain_text("attempt 2 in 0.1")
        page.get_by_label("Attempt").select_option("1 of run 1")
        expect(log).to_contain_text("attempt 1 in 0")
        page.get_by_role("tab", name="stderr").click()
        expect(log).to_contain_text("FloatingPointError: it diverged")
        page.get_by_label("Attempt").select_option("2 of run 1")
        page.get_by_role("tab", name="stdout").click()
        expect(log).to_contain_text("attempt 2 in 0")
        page.get_by_label("Attempt").select_option("2 of run 2")
        expect(log).to_contain_text("attempt 2 in 0.1")
        page.goto(f"{site.base}/e/{site.id}/trials/0")
        expect(log).to_contain_text("epoch 0")
        expect(page.get_by_label("Attempt")).to_have_count(0)  # where there was one, none is to be chosen
        site.hpo("delete", found, "--yes")


class TestPlots:
    def test_all_are_drawn(self, page: Page, site: Site) -> None:
        until(lambda: site.shown()["trials"].get("succeeded", 0) > 8)
        at(page, site, "/plots")
        kinds = page.locator(".kinds button")
        expect(kinds).not_to_have_count(0)
        for kind in kinds.all_inner_texts():
            page.locator(".kinds button", has_text=kind).first.click()
            drawn = "canvas" if kind == "Parallel coordinates" else ".plotly-figure .main-svg"
            expect(page.locator(drawn).first).to_be_visible()
        page.locator(".kinds button", has_text="Contour").click()
        page.get_by_label("x", exact=True).select_option("lr")
        page.get_by_label("y", exact=True).select_option("width")
        expect(page.locator(".plotly-figure")).to_contain_text("width")

    def test_a_range_on_an_axis_picks_the_trials_of_the_table(self, page: Page, site: Site) -> None:
        until(lambda: site.shown()["trials"].get("succeeded", 0) > 8)
        at(page, site, "/plots?figure=parallel")
        box = page.locator("canvas").bounding_box()
        assert box is not None
        x = box["x"] + box["width"] - 70
        page.mouse.move(x, box["y"] + 60)
        page.mouse.down()
        page.mouse.move(x, box["y"] + box["height"] * 0.45, steps=5)
        page.mouse.up()
        expect(page.get_by_role("status").last).to_contain_text("in the marked ranges")
        page.get_by_role("link", name="Show them in the table").click()
        expect(page.get_by_label("Filter")).to_have_value(re.compile("^value>=.* state=succeeded$"))
        expect(page.locator("tbody")).not_to_contain_text("running")


class TestAll:
    def test_experiments_stand_side_by_side(self, page: Page, site: Site) -> None:
        page.get_by_role("link", name="hpo", exact=True).click()
        expect(page.get_by_role("heading", name="Experiments")).to_be_visible()
        boxes = page.locator("tbody input")
        expect(boxes).to_have_count(2)
        for box in boxes.all():
            box.check()
        page.get_by_role("button", name="Compare 2").click()
        expect(page.get_by_role("heading", name="2 experiments side by side")).to_be_visible()
        expect(page.get_by_role("row", name=re.compile("^momentum"))).to_contain_text("uniform")
        assert page.locator("path.line").count() >= 2

    def test_one_that_is_damaged_is_said_to_be(self, page: Page, site: Site) -> None:
        broken = site.home / "broken"
        broken.mkdir()
        (broken / "experiment.db").write_bytes(b"no database" * 1000)
        page.goto(f"{site.base}/")
        expect(page.get_by_role("alert")).to_contain_text("cannot be read")
        expect(page.get_by_role("alert")).to_contain_text("hpo rescue broken")
        expect(page.get_by_role("row", name="digits")).to_be_visible()
        shutil.rmtree(broken)

    def test_one_that_is_gone_is_named_where_it_is_compared(self, page: Page, site: Site) -> None:
        page.goto(f"{site.base}/compare?id={site.id}&id=nowhere")
        expect(page.locator("main")).to_contain_text("there is no experiment nowhere")
        expect(page.locator("main")).not_to_contain_text("Loading")

    def test_keys_lead_everywhere(self, page: Page, site: Site) -> None:
        for keys, heading in (("gs", "Source"), ("gt", "Trials"), ("ge", "Experiments")):
            for key in keys:
                page.keyboard.press(key)
            expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_contain_text("Light or dark")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        before = page.locator("html").get_attribute("data-theme")
        page.keyboard.press("d")
        assert page.locator("html").get_attribute("data-theme") != before

    def test_it_speaks_chinese(self, page: Page, site: Site) -> None:
        page.get_by_role("button", name="切换到中文").click()
        expect(page.get_by_role("link", name="概览")).to_be_visible()
        assert page.locator("html").get_attribute("lang") == "zh-CN"
        page.reload()
        expect(page.get_by_role("link", name="概览")).to_be_visible()

    @pytest.mark.parametrize("theme", ["light", "dark"])
    def test_everybody_can_use_it(self, site: Site, theme: str) -> None:
        until(lambda: site.shown()["best"])
        context = site.context(color_scheme=theme, viewport={"width": 1300, "height": 900})
        page = context.new_page()
        found = []
        for path in (*PAGES, f"/trials/{site.data('best', site.id)['trial']}"):
            at(page, site, path)
            expect(page.locator("h1").first).to_be_attached()
            page.wait_for_timeout(400)
            for violation in Axe().run(page).response["violations"]:
                if violation["impact"] in ("serious", "critical"):
                    found.append(
                        (path, violation["id"], [node["html"][:160] for node in violation["nodes"][:3]])
                    )
        context.close()
        assert found == []

    def test_it_fits_a_phone(self, site: Site) -> None:
        context = site.context(viewport={"width": 390, "height": 800}, is_mobile=True, has_touch=True)
        page = context.new_page()
        for path in PAGES:
            at(page, site, path)
            expect(page.locator("h1").first).to_be_attached()
            page.wait_for_timeout(300)
            wide = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert wide <= 1, f"{path}: {wide} pixels too wide"
        context.close()

    def test_nothing_of_a_user_is_read_as_html(self, page: Page, site: Site) -> None:
        for path in PAGES:
            page.goto(f"{site.base}/e/{site.other}{path}")
            expect(page.locator(".place .name")).to_have_text(HOSTILE)
            page.wait_for_timeout(300)
            assert page.locator("img").count() == 0
        assert page.title() != "1"

    def test_without_its_link_it_says_how_to_get_one(self, site: Site) -> None:
        context = site.browser.new_context()
        page = context.new_page()
        answer = page.goto(f"{site.base}/e/{site.id}")
        assert answer is not None
        assert answer.status == 401
        expect(page.locator("pre")).to_have_text("hpo web")
        context.close()

    def test_many_tabs_share_a_connection(self, site: Site) -> None:
        context = site.context()
        pages = [context.new_page() for _ in range(8)]
        for page in pages:
            at(page, site, "/trials/0")
        for page in pages:
            expect(page.get_by_role("heading", name="Trial 0")).to_be_visible()
        context.close()


@pytest.fixture(scope="module")
def several(site: Site) -> str:
    """Return the id of a third experiment, of two objectives, whose parameters are lists."""
    (site.folder / "several.py").write_text(SEVERAL)
    both = ["--objective", "acc:max", "--objective", "cost:min"]
    site.hpo("run", "several.py", *both, "--max-trials", "12", "--tuner", "Random", "--seed", "3", "--no-web")
    found = site.data("list")
    return str(next(each["id"] for each in found if each["name"] == "several"))


class TestSeveralObjectives:
    def test_the_front_is_drawn_and_listed(self, page: Page, site: Site, several: str) -> None:
        front = site.data("best", several)["front"]
        page.goto(f"{site.base}/e/{several}")
        expect(page.get_by_text("On the front").locator("..")).to_contain_text(str(len(front)))
        listed = page.get_by_role("region", name="Front").locator("tbody tr")
        expect(listed).to_have_count(len(front))
        expect(listed.first).to_contain_text(str(front[0]["trial"]))
        expect(page.get_by_role("img", name="acc against cost, and the front")).to_be_visible()
        page.goto(f"{site.base}/e/{several}/trials")
        expect(page.locator("tr.best-row")).to_have_count(len(front))
        page.goto(f"{site.base}/e/{several}/plots?figure=front")
        expect(page.locator(".plotly-figure .main-svg").first).to_be_visible()
        page.goto(f"{site.base}/e/{several}/plots?figure=items")
        expect(page.locator(".plotly-figure")).to_contain_text("columns")
        page.goto(f"{site.base}/")
        expect(page.get_by_role("row", name="several")).to_contain_text(f"{len(front)} on the front")

    def test_lists_are_tried_as_they_are_written(self, page: Page, site: Site, several: str) -> None:
        page.goto(f"{site.base}/e/{several}")
        page.get_by_role("button", name="Try values…").click()
        form = page.get_by_role("dialog")
        form.get_by_label("columns").fill('["age", "age"]')
        form.get_by_role("button", name="Run next").click()
        expect(form.get_by_role("alert")).to_contain_text("columns")
        form.get_by_label("columns").fill('["sex", "age"]')
        form.get_by_role("button", name="Run next").click()
        expect(page.get_by_text("These values run when the experiment is resumed.")).to_be_visible()


@pytest.fixture(scope="module")
def halved(site: Site) -> str:
    """Return the id of an experiment whose trials have budgets, and go on from others."""
    (site.folder / "learning.py").write_text(LEARNING)
    site.hpo(
        "run", "learning.py", "--tuner", "Hyperband", "--max-trials", "13", "--concurrency", "1", "--no-web"
    )
    found = site.data("list")
    return str(next(each["id"] for each in found if each["name"] == "learning"))


class TestBudgets:
    def test_whose_budget_a_result_has_is_said_without_being_asked_for(
        self, page: Page, site: Site, halved: str
    ) -> None:
        trials = site.data("trial", "list", halved)
        assert {trial["budget"] for trial in trials} >= {1, 3}
        best = site.data("best", halved)["trial"]
        page.goto(f"{site.base}/e/{halved}")
        beside = page.get_by_role("heading", name="Best parameters").locator("..")
        passes = trials[best]["budget"]
        said = f"trial {best}" + (f" after {passes} pass" if passes else "")
        expect(beside).to_contain_text(said)
        expect(page.get_by_role("columnheader", name="Budget")).to_be_visible()
        expect(page.get_by_role("row", name="Trials of this bracket")).to_contain_text("3 passes")
        promoted = next(trial for trial in trials if trial["parent"] is not None)
        page.goto(f"{site.base}/e/{halved}/trials")
        for name in ("Budget", "Rung", "Parent"):
            expect(page.get_by_role("columnheader", name=name)).to_be_visible()
        page.goto(f"{site.base}/e/{halved}/trials/{promoted['number']}")
        page.get_by_role("link", name=str(promoted["parent"]), exact=True).click()
        expect(page.get_by_role("heading", name=f"Trial {promoted['parent']}")).to_be_visible()
