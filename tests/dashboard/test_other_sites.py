"""Pages of others in the user's own browser, in which he is let in: nothing is read, and nothing changes.

`test_security.py` says what the gate answers to headers that are written down; here Chromium writes them. The
page listens as `hpo web` has it, the browser has its cookie, and other pages of the same browser try every
route that the application has in every way that a browser offers.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Frame, Page
from starlette.responses import HTMLResponse
from starlette.routing import Mount

from hpo.dashboard.access import Access
from hpo.dashboard.app import create_app
from hpo.dashboard.changes import Changes
from hpo.dashboard.security import Security, allowed_names
from hpo.dashboard.server import listen

EVIL = "evil.example"
MARKER = "zirconium"  # the experiment's name and id: what others must not read
FILLED = {
    "id": MARKER,
    "experiment": MARKER,
    "trial_id": f"{MARKER}-0",
    "number": "0",
    "first": "0",
    "last": "9",
}
FILLED |= {"stream": "stdout", "name": "stdout", "kind": "history", "rest": MARKER}


class Asked(NamedTuple):
    """A request as it came through the socket, and what it got."""

    method: str
    path: str
    headers: dict[str, str]
    status: int


class Site:
    """The page, and all that it was asked."""

    def __init__(self, home: Path) -> None:
        self.home, self.asked = home, list[Asked]()
        self.is_old = False  # is the browser, and says not where its requests come from
        self.app = create_app(Changes(home))
        self._bound = listen("127.0.0.1", 0)
        self.port = self._bound.getsockname()[1]
        self.base = f"http://127.0.0.1:{self.port}"
        self._gate: Any = Security(self.app, Access(home), allowed_names("127.0.0.1"), self.port)
        quiet = uvicorn.Config(
            self._noted, log_level="error", proxy_headers=False, lifespan="off", interface="asgi3"
        )
        quiet.timeout_graceful_shutdown = 1
        self._server = uvicorn.Server(quiet)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._bound]})
        self._thread.start()

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._bound.close()

    async def _noted(self, scope: Any, receive: Any, send: Any) -> None:
        async def noted(message: Any) -> None:
            status = message.get("status", 403 if message["type"] == "websocket.close" else None)
            if status is not None and scope["path"] not in ("/evil", "/favicon.ico"):  # a tab's own
                headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
                method = scope.get("method", "WEBSOCKET")
                self.asked.append(Asked(method, scope["path"], headers, status))
            await send(message)

        if self.is_old and "headers" in scope:
            scope["headers"] = [each for each in scope["headers"] if not each[0].startswith(b"sec-fetch-")]
        is_theirs = scope["path"] == "/evil"  # what the name led to before it led here
        await (HTMLResponse("<p>evil</p>") if is_theirs else self._gate)(scope, receive, noted)

    def routes(self) -> list[tuple[str, str]]:
        """Return every method and path of the application, as it has them itself."""
        found = sorted({*_routes(self.app.routes), ("GET", "/enter?code=x")})
        # Those that stream come last: each keeps one of the six connections that a browser has to a server.
        found.sort(key=lambda each: each[1] == "/api/changes")
        return [(method, re.sub(r"\{(\w+)(:\w+)?\}", lambda m: FILLED[m[1]], path)) for method, path in found]

    def state(self) -> str:
        """Return a sum over all that the home of experiments has in it."""
        found = hashlib.sha256()
        for path in sorted(self.home.rglob("*")):
            if path.name == "experiment.db":
                with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
                    found.update("\n".join(database.iterdump()).encode())
            elif path.is_file() and not path.name.startswith("experiment.db-"):
                found.update(path.read_bytes())
            if not path.name.startswith("experiment.db-"):
                found.update(str(path.relative_to(self.home)).encode())
        return found.hexdigest()


def _routes(routes: Iterable[Any], under: str = "") -> Iterator[tuple[str, str]]:
    for route in routes:
        if isinstance(route, Mount):
            folder = Path(route.app.directory)  # type: ignore[attr-defined]
            files = (path for path in folder.rglob("*") if path.is_file())
            yield from (("GET", f"{route.path}/{path.relative_to(folder)}") for path in files)
        elif hasattr(route, "original_router"):  # as FastAPI keeps the routers that it includes
            yield from _routes(route.original_router.routes, under + route.include_context.prefix)
        else:
            yield from ((method, under + route.path) for method in route.methods if method != "HEAD")


class _Empty(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<!doctype html><title>evil</title><link rel=icon href=data:,>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def other_server() -> Iterator[int]:
    """Serve an empty page under any name; give the port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Empty) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


#: Tries each route in each way that a page has, or to load `few` only; returns what it could read: a list of
#: [way, method, path, status, text].
ATTACK = """async ({base, routes, bodies, few}) => {
  const read = [];
  const note = (...what) => read.push(what);
  const within = (seconds, begin) => new Promise((done) => {
    setTimeout(done, seconds * 1000);
    begin(done);
  });
  const add = (tag, attributes) => within(3, (done) => {
    const element = Object.assign(document.createElement(tag), attributes);
    const [method, path] = ["GET", attributes.src ?? attributes.href ?? attributes.data];
    element.onload = () => {
      let text = "";
      try { text = element.contentDocument.documentElement.innerText; } catch { /* as it should be */ }
      if (text || element.naturalWidth || ["script", "link"].includes(tag)) note(tag, method, path, 0, text);
      done();
    };
    element.onerror = done;
    document.body.append(element);
  });
  const ask = async (method, path, way, options) => {
    try {
      const answer = await fetch(base + path, {
        method, credentials: "include", signal: AbortSignal.timeout(3000), ...options,
      });
      const text = await answer.text();
      if (answer.status || text) note(way, method, path, answer.status, text);
    } catch { /* refused */ }
  };
  const send = (path, body, enctype) => within(3, (done) => {
    const frame = Object.assign(document.createElement("iframe"), {name: `f${Math.random()}`});
    document.body.append(frame);
    const form = Object.assign(document.createElement("form"), {
      method: "POST", action: base + path, enctype, target: frame.name,
    });
    form.append(Object.assign(document.createElement("input"), {name: body, value: ""}));
    document.body.append(form);
    frame.onload = done;
    form.submit();
  });
  const listen = (path) => within(3, (done) => {
    const source = new EventSource(base + path, {withCredentials: true});
    source.onopen = source.onmessage = (event) => note("EventSource", "GET", path, 0, event.type);
    source.onerror = () => { source.close(); done(); };
  });
  const connect = (path) => within(3, (done) => {
    const socket = new WebSocket(base.replace("http", "ws") + path);
    socket.onopen = (event) => note("WebSocket", "GET", path, 0, event.type);
    socket.onclose = done;
  });
  const json = {"Content-Type": "application/json"};
  const loaded = async (path) => {
    await add("img", {src: base + path});
    await add("script", {src: base + path});
    await add("link", {rel: "stylesheet", href: base + path});
    if (path.startsWith("/static/")) return;
    await add("iframe", {src: base + path});
    await listen(path);
  };
  const attack = async ([path, methods]) => {
    const body = bodies[path.endsWith("/trials") ? 1 : 0];
    await ask("GET", path, "fetch", {});
    await ask("GET", path, "no-cors", {mode: "no-cors"});
    await ask("POST", path, "no-cors", {mode: "no-cors", body});
    await ask("POST", path, "no-cors", {mode: "no-cors", body, referrerPolicy: "no-referrer"});
    for (const method of methods.filter((each) => each !== "GET")) {
      await ask(method, path, "fetch", {body, headers: {"Content-Type": "text/plain"}});
      await ask(method, path, "fetch", {body, headers: json});
      await ask(method, path, "fetch", {});
      await send(path, body, "application/x-www-form-urlencoded");
      await send(path, body, "text/plain");
      await send(path, body, "multipart/form-data");
      navigator.sendBeacon(base + path, body);
    }
    if (few === null || few.includes(path)) await loaded(path);
    // After a refusal, browsers wait longer and longer before they connect again.
    if (path === "/api/changes") await connect(path);
  };
  const queue = [...routes];
  await Promise.all([...Array(5)].map(async () => { while (queue.length) await attack(queue.shift()); }));
  return read;
}"""
CHANGED = json.dumps({"max_trials": 3})
ENQUEUED = json.dumps({"parameters": {"lr": 0.5, "kernel": "rbf"}})


@pytest.fixture(scope="module")
def switches() -> list[str]:
    return ["--no-sandbox", f"--host-resolver-rules=MAP {EVIL} 127.0.0.1"]


@pytest.fixture
def site(home: Path, make: Callable[..., Path]) -> Iterator[Site]:
    directory = make(MARKER)
    (directory / "trials" / "0").mkdir()
    (directory / "trials" / "0" / "stdout.log").write_text(f"{MARKER}\n")
    site = Site(home)
    yield site
    site.close()


@pytest.fixture
def users(browser: Browser, site: Site) -> Iterator[BrowserContext]:
    """Return the user's browser, which the link has let in."""
    context = browser.new_context()
    link = f"{site.base}/enter?code={Access(site.home).mint()}"
    assert context.request.get(link, max_redirects=0).status == 303
    site.asked.clear()
    yield context
    context.close()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with other_server() as port:
        yield port


def attacked(page: Page | Frame, site: Site, few: Sequence[str] | None = None) -> list[list[Any]]:
    """Let a page try everything, after which all must be as it was; return what it could read."""
    before = site.state()
    paths: dict[str, list[str]] = {}
    for method, path in site.routes():
        paths.setdefault(path, []).append(method)
    given: dict[str, Any] = {"base": site.base, "routes": list(paths.items()), "few": few}
    given["bodies"] = [CHANGED, ENQUEUED]
    read: list[list[Any]] = page.evaluate(ATTACK, given)
    assert site.state() == before
    return read


def other(users: BrowserContext, address: str, within: str | None = None) -> Page | Frame:
    """Open another page, and in it a frame if one is given."""
    page = users.new_page()
    page.goto(address)
    if within is None:
        return page
    page.evaluate("(text) => { document.body.innerHTML = text; }", within)
    frame = page.frames[-1]
    frame.wait_for_load_state()
    assert frame.evaluate("origin") == "null"
    return frame


SANDBOXED = "<iframe sandbox='allow-scripts allow-forms' srcdoc='<p>evil</p>'></iframe>"
DATA = "<iframe src='data:text/html,<p>evil</p>'></iframe>"
#: Where the page of others is: `127.0.0.1` is the same site, whatever the port, and so the cookie goes along.
PLACES = {
    "of the same machine": ("127.0.0.1", None),
    "of another site": (EVIL, None),
    "without an origin, in a sandbox": ("127.0.0.1", SANDBOXED),
    "without an origin, in a data address": ("127.0.0.1", DATA),
}
FEW = ("/", f"/api/experiments/{MARKER}", "/api/changes", "/static/main.js", "/static/favicon.svg")


@pytest.mark.parametrize("place", PLACES)
def test_a_page_reads_nothing_and_changes_nothing_and_every_try_is_refused(
    users: BrowserContext, site: Site, port: int, place: str
) -> None:
    host, within = PLACES[place]
    page = other(users, f"http://{host}:{port}/", within)
    assert attacked(page, site, None if host == "127.0.0.1" and within is None else FEW) == []
    for path in (f"/e/{MARKER}", "/api/experiments") if isinstance(page, Page) else ():
        with page.expect_navigation():
            page.evaluate("(there) => { location = there; }", site.base + path)
        assert MARKER not in page.content()
        page.go_back()
    assert [each for each in site.asked if each.status != 403] == []
    assert any("upgrade" in each.headers for each in site.asked)
    came = {(each.method, each.path) for each in site.asked}
    paths = {path.partition("?")[0] for _, path in site.routes()}
    assert came >= {(method, path) for method in ("GET", "POST") for path in paths}
    # Others are asked for first, which is refused.
    asked_for = {("OPTIONS", path) for method, path in site.routes() if method not in ("GET", "POST")}
    assert came >= asked_for
    has_cookie = [each for each in site.asked if "cookie" in each.headers]
    assert bool(has_cookie) == (place == "of the same machine")


def test_a_name_that_was_bound_to_this_machine_reads_nothing_and_changes_nothing(
    users: BrowserContext, site: Site
) -> None:
    # It has the cookie, too, which no browser sends there.
    address = f"http://{EVIL}:{site.port}"
    (cookie,) = users.cookies()
    users.add_cookies(
        [{"name": cookie["name"], "value": cookie["value"], "url": address, "sameSite": "Strict"}]
    )
    page = users.new_page()
    page.goto(f"{address}/evil")
    site.base = address
    read = attacked(page, site, FEW)
    assert {(way, status) for way, _, _, status, _ in read} <= {("fetch", 403), ("no-cors", 403)}
    assert not [text for *_, text in read if MARKER in text]
    assert [each for each in site.asked if each.status != 403] == []
    came = {(each.method, each.path) for each in site.asked if "cookie" in each.headers}
    assert came >= {(method, path.partition("?")[0]) for method, path in site.routes()}


def test_a_browser_that_says_less_gives_no_page_more(users: BrowserContext, site: Site, port: int) -> None:
    site.is_old = True
    assert attacked(other(users, f"http://127.0.0.1:{port}/"), site, FEW) == []
    assert {each.status for each in site.asked if each.method != "GET" or "origin" in each.headers} == {403}
    # What is loaded for a page without a word about it is answered, and the browser keeps it from the page.
    assert [each.path for each in site.asked if each.status == 200]


def test_the_users_own_page_reads_all_that_and_changes_it(users: BrowserContext, site: Site) -> None:
    before = site.state()
    page = users.new_page()
    page.goto(f"{site.base}/")
    ask = """(all) => Promise.all(all.map(async ([path, it]) => {
        const answer = await fetch(path, it);
        return [path, answer.status, await answer.text()];
    }))"""
    paths = [path for method, path in site.routes() if method == "GET" and path != "/api/changes"]
    answers = page.evaluate(ask, [[path, {}] for path in paths])
    assert {status for _, status, _ in answers} <= {200, 400, 422}
    assert sum(MARKER in text for *_, text in answers) > 20
    assert site.state() == before
    for method, path, body in (("PATCH", "", CHANGED), ("POST", "/trials", ENQUEUED)):
        given = {"method": method, "body": body, "headers": {"Content-Type": "application/json"}}
        ((_, status, _),) = page.evaluate(ask, [[f"/api/experiments/{MARKER}{path}", given]])
        assert (status, site.state() != before) == (202, True)
        before = site.state()
