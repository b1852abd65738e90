"""Each rule of the gate, by a request that tries to get past it."""

from __future__ import annotations

import json
import os
import stat
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from hpo.dashboard import app as app_module
from hpo.dashboard.access import Access
from hpo.dashboard.app import create_app
from hpo.dashboard.changes import Changes
from hpo.dashboard.security import Security, allowed_names
from hpo.errors import StoreError
from hpo.report import report

Make = Callable[..., Path]
PORT = 8470

SAFE = "/api/experiments"
GOOD_HOSTS = (
    f"127.0.0.1:{PORT}",
    f"localhost:{PORT}",
    "localhost:9000",
    "127.0.0.1",
    f"[::1]:{PORT}",
    "LOCALHOST",
)
EVIL_HOSTS = (
    "evil.example", f"evil.example:{PORT}", "127.0.0.1.evil.example", "localhost.evil.example", "x@127.0.0.1",
    "[::2]", "0.0.0.0", "127.0.0.2", "", "127.0.0.1 evil", "[::1", "192.168.1.2",
)  # fmt: skip


def stranger(page: TestClient, **headers: str) -> TestClient:
    """Return a client without the token."""
    return TestClient(
        page.app,
        base_url=f"http://127.0.0.1:{PORT}",
        headers={"Host": f"127.0.0.1:{PORT}", **headers},
        follow_redirects=False,
    )


def routes(app: Any, directory: Path) -> list[tuple[str, str]]:
    """Return every method and path that the description of the API has, and the page's own."""
    found = []
    for path, methods in app.openapi()["paths"].items():
        filled = path.replace("{id}", directory.name).replace("{number}", "0").replace("{stream}", "stdout")
        found += [(method.upper(), filled.replace("{kind}", "history")) for method in methods]
    pages = (
        "/",
        "/e/digits",
        "/compare",
        "/static/main.js",
        "/static/plotly.js",
        "/api/openapi.json",
        "/nothing",
    )
    return found + [("GET", path) for path in pages]


@pytest.fixture
def every(page: TestClient, make: Make, home: Path) -> list[tuple[str, str]]:
    found = routes(create_app(Changes(home)), make())
    assert len(found) > 25
    return [(method, path) for method, path in found if path != "/api/changes"] + [("GET", "/api/changes")]


class TestWhoAsks:
    def test_no_route_answers_without_token_or_session(self, page: TestClient, every: Any) -> None:
        client = stranger(page)
        for method, path in every:
            answer = client.request(method, path, json={})
            assert answer.status_code == 401, f"{method} {path}"
            assert "digits" not in answer.text

    @pytest.mark.parametrize(
        "authorization", ["", "Bearer", "Bearer ", "Bearer x", "Basic {}", "{}", "Bearer {}x", "Bearer \xe9"]
    )
    def test_a_wrong_token_is_none(self, page: TestClient, home: Path, authorization: str) -> None:
        written = authorization.format(Access(home).token).encode("latin-1")
        client = stranger(page)
        assert client.get(SAFE, headers=[(b"authorization", written)]).status_code == 401

    def test_a_wrong_token_is_not_mended_by_a_session(self, page: TestClient, home: Path) -> None:
        client = stranger(page, Cookie=f"hpo_{PORT}={Access(home).session()}", Authorization="Bearer x")
        assert client.get(SAFE).status_code == 401

    def test_a_cookie_that_was_changed_or_is_old_is_none(self, page: TestClient, home: Path) -> None:
        session = Access(home).session()
        issued, nonce, seal = session.split(".")
        for forged in (
            "",
            "x",
            f"{int(issued) + 1}.{nonce}.{seal}",
            f"{issued}.{nonce}.{seal[:-1]}{'1' if seal[-1] == '0' else '0'}",
            "0.a.b",
            "a.b.c",
        ):
            assert stranger(page, Cookie=f"hpo_{PORT}={forged}").get(SAFE).status_code == 401
        assert stranger(page, Cookie=f"hpo_1={session}").get(SAFE).status_code == 401
        assert stranger(page, Cookie=f"hpo_{PORT}={session}").get(SAFE).status_code == 200
        access = Access(home)
        old = f"{int(issued) - 31 * 24 * 3600}.{nonce}"
        assert not access.knows_session(f"{old}.{access._seal(old)}")

    @pytest.mark.parametrize("other", ["a@b=1", "a b", "=", 'x={"y": 1}', "hpo_1=x", f"hpo_{PORT}=x"])
    def test_a_cookie_is_known_among_whatever_others_there_are(
        self, page: TestClient, home: Path, other: str
    ) -> None:
        ours = f"hpo_{PORT}={Access(home).session()}"
        for cookies in (f"{other}; {ours}", f"{ours}; {other}"):
            assert stranger(page, Cookie=cookies).get(SAFE).status_code == 200
        assert stranger(page, Cookie=other).get(SAFE).status_code == 401


class TestTheLink:
    def test_it_lets_one_browser_in_once(self, page: TestClient, home: Path, make: Make) -> None:
        make()
        code = Access(home).mint()
        client = stranger(page)
        answer = client.get(f"/enter?code={code}&to=digits")
        assert (answer.status_code, answer.headers["location"]) == (303, "/e/digits")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert Access(home).token not in cookie
        assert client.get(SAFE).status_code == 200  # with the cookie
        assert client.get(f"/enter?code={code}").status_code == 303  # it is in already
        again = stranger(page).get(f"/enter?code={code}", headers={"Accept": "text/html"})
        assert again.status_code == 401
        assert "hpo web" in again.text

    def test_a_guess_or_a_day_old_code_is_none(self, page: TestClient, home: Path) -> None:
        code = Access(home).mint()
        (path,) = (home / "web" / "codes").iterdir()
        assert code not in path.name
        os.utime(path, (0, 0))
        for tried in (code, "", "x", "../token", "%00", "a" * 10_000):
            assert stranger(page).get("/enter", params={"code": tried}).status_code == 401

    @pytest.mark.parametrize(
        "target", ["//evil.example", "https://evil.example", "..", "a/../../b", "\\evil", "%2f%2fevil"]
    )
    def test_it_leads_nowhere_else(self, page: TestClient, home: Path, target: str) -> None:
        answer = stranger(page).get("/enter", params={"code": Access(home).mint(), "to": target})
        assert answer.headers["location"] == "/"

    def test_secrets_are_files_that_only_the_user_reads(self, home: Path) -> None:
        Access(home).mint()
        for path in (home / "web", *(home / "web").rglob("*")):
            mode = stat.S_IMODE(path.stat().st_mode)
            assert mode == (0o700 if path.is_dir() else 0o600), path

    def test_a_code_that_nobody_used_within_a_day_is_kept_no_longer(self, home: Path) -> None:
        access = Access(home)
        access.mint()
        (old,) = (home / "web" / "codes").iterdir()
        os.utime(old, (0, 0))
        access.mint()
        (new,) = (home / "web" / "codes").iterdir()
        assert new != old

    def test_the_token_stays_the_same(self, home: Path) -> None:
        assert Access(home).token == Access(home).token

    def test_of_many_that_need_a_token_at_once_all_get_the_same(self, home: Path) -> None:
        beginning = threading.Barrier(8)

        def token(_: int) -> str:
            beginning.wait()
            return Access(home).token

        with ThreadPoolExecutor(8) as pool:
            assert len(set(pool.map(token, range(8)))) == 1
        assert [path.name for path in (home / "web").iterdir() if path.is_file()] == ["token"]

    def test_a_file_that_holds_no_token_is_said(self, home: Path) -> None:
        Access(home)
        path = home / "web" / "token"
        path.write_text("short\n")
        with pytest.raises(StoreError, match="token holds no token; remove it"):
            Access(home)


class TestWhereFrom:
    @pytest.mark.parametrize("host", EVIL_HOSTS)
    def test_under_another_name_there_is_nothing(self, page: TestClient, every: Any, host: str) -> None:
        for method, path in every:
            assert page.request(method, path, json={}, headers={"Host": host}).status_code == 403, (
                f"{method} {path}"
            )

    @pytest.mark.parametrize("host", GOOD_HOSTS)
    def test_its_own_names_are_good_with_any_port(self, page: TestClient, host: str) -> None:
        assert page.get(SAFE, headers={"Host": host}).status_code == 200

    @pytest.mark.parametrize(
        "origin",
        ["http://evil.example", "null", f"http://localhost:{PORT}", f"http://127.0.0.1:{PORT + 1}", ""],
    )
    def test_another_page_cannot_ask(self, page: TestClient, every: Any, origin: str) -> None:
        for method, path in every:
            answer = page.request(method, path, json={}, headers={"Origin": origin})
            assert answer.status_code == 403, f"{method} {path}"

    @pytest.mark.parametrize("site", ["cross-site", "same-site", "anything"])
    def test_another_site_cannot_lead_here(self, page: TestClient, every: Any, site: str) -> None:
        for method, path in every:
            answer = page.request(method, path, json={}, headers={"Sec-Fetch-Site": site})
            assert answer.status_code == 403, f"{method} {path}"

    def test_no_other_site_may_read(self, page: TestClient) -> None:
        answer = page.options(
            SAFE, headers={"Origin": "http://evil.example", "Access-Control-Request-Method": "PATCH"}
        )
        assert answer.status_code == 403
        assert not [name for name in page.get(SAFE).headers if name.startswith("access-control")]

    def test_there_are_no_websockets(self, page: TestClient) -> None:
        with pytest.raises(WebSocketDisconnect) as refused, page.websocket_connect("/api/changes"):
            pass
        assert refused.value.code == 1008

    def test_open_to_the_network_it_takes_addresses_and_no_names(self) -> None:
        is_allowed = allowed_names("0.0.0.0")
        assert is_allowed("192.168.1.2")
        assert not is_allowed("evil.example")
        assert not allowed_names("127.0.0.1")("192.168.1.2")


class TestWithWhat:
    def test_writes_are_json_and_nothing_else(self, page: TestClient, make: Make) -> None:
        directory = make()
        for kind in (
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "",
            "application/jsonx",
        ):
            answer = page.patch(
                "/api/experiments/digits", content=b'{"max_trials": 3}', headers={"Content-Type": kind}
            )
            assert answer.status_code == 415, kind
        assert not list((directory / "commands").iterdir())

    def test_a_huge_body_is_not_read(self, page: TestClient, make: Make) -> None:
        directory = make()
        body = b'{"max_trials": 3}' + b" " * (2 << 20)
        kind = {"Content-Type": "application/json"}
        assert page.patch("/api/experiments/digits", content=body, headers=kind).status_code == 413
        unsaid = page.patch("/api/experiments/digits", content=iter([body[:1000], body[1000:]]), headers=kind)
        assert unsaid.status_code in (400, 413, 422)
        assert not list((directory / "commands").iterdir())

    @pytest.mark.parametrize(
        "body",
        [
            b"[" * 500_000,
            b'{"space":' + b'{"a":' * 400 + b"1" + b"}" * 401,
            b'{"max_trials":' + b"9" * 5000 + b"}",
            b'{"max_duration":NaN}',
            b'{"max_duration":1e999}',
            b'{"stop_when":"\\ud800>=1"}',
            b'{"stop_when":"\xff"}',
            b'{"patience":true, "retries":-1}',
            b'{"max_trial_memory":[]}',
        ],
        ids=lambda body: body[:24].decode("latin-1"),
    )
    def test_a_hostile_body_is_refused_and_changes_nothing(
        self, page: TestClient, make: Make, body: bytes
    ) -> None:
        directory = make()
        kind = {"Content-Type": "application/json"}
        answer = page.patch("/api/experiments/digits", content=body, headers=kind)
        assert answer.status_code in (400, 422)
        assert not list((directory / "commands").iterdir())

    @pytest.mark.parametrize("number", ["%C2%B2", "%D9%A3", "9" * 400, "1x", "1e3"])
    def test_what_only_looks_like_a_number_names_no_trial(
        self, page: TestClient, make: Make, number: str
    ) -> None:
        make()
        for path in (
            f"/api/experiments/digits/trials/{number}",
            f"/api/v1/nni/trial-file/{number}/stdout",
            f"/digits/api/v1/nni/trial-jobs/digits-{number}",
        ):
            assert 400 <= page.get(path).status_code < 500, path
        kind = {"Content-Type": "application/json", "Content-Length": "9" * 400}
        assert page.patch("/api/experiments/digits", content=b"{}", headers=kind).status_code == 413

    def test_so_many_may_listen_and_no_more(self, page: TestClient, monkeypatch: Any) -> None:
        monkeypatch.setattr(app_module, "_LISTENERS", 0)
        assert page.get("/api/changes").status_code == 429

    def test_every_answer_has_the_headers_that_keep_it_safe(self, page: TestClient, every: Any) -> None:
        for client in (page, stranger(page)):
            for method, path in every[:-1]:
                headers = client.request(method, path, json={}).headers
                policy = headers["content-security-policy"]
                assert "unsafe" not in policy, path
                assert "default-src 'none'" in policy
                assert "frame-ancestors 'none'" in policy
                assert headers["x-frame-options"] == "DENY"
                assert headers["x-content-type-options"] == "nosniff"
                assert headers["referrer-policy"] == "no-referrer"


class TestFiles:
    def test_no_path_leads_out(self, page: TestClient, make: Make, tmp_path: Path) -> None:
        directory = make()
        (tmp_path / "secret.log").write_text("SECRET")
        (directory / "trials" / "1").mkdir()
        (directory / "trials" / "1" / "stdout.log").symlink_to(tmp_path / "secret.log")
        (directory / "trials" / "1" / "stderr.log").mkdir()
        token = (directory.parent / "web" / "token").read_text()
        steps = (
            "..",
            "%2e%2e",
            "%252e%252e",
            "..%2f",
            "..%5c",
            "....//",
            "%c0%ae%c0%ae",
            "..%00",
            "/",
            "%2f",
        )
        targets = ("web/token", "secret.log", "etc/passwd", "experiment.db")
        places = (
            "/api/experiments/",
            "/static/",
            "/e/",
            "/api/experiments/digits/trials/1/logs/",
            "/api/experiments/digits/trials/",
        )
        tried = 0
        for place in places:
            for step in steps:
                for count in (1, 2, 4):
                    for target in targets:
                        answer = page.get(place + "/".join([step] * count) + "/" + target)
                        tried += 1
                        assert "SECRET" not in answer.text
                        assert token not in answer.text
                        assert "root:" not in answer.text
                        assert answer.status_code < 500
        assert tried >= 300

    @pytest.mark.parametrize("way", ["a link", "its name", "a module", "nothing there"])
    def test_no_snapshot_leads_out_of_its_folder(
        self, page: TestClient, make: Make, tmp_path: Path, way: str
    ) -> None:
        secret = tmp_path / "secret.py"
        secret.write_text("SECRET = 1  # hpo: choice(1, 2)\n")
        script = tmp_path / "train.py"
        directory = make(sources=[script])
        original = directory / "code" / "original"
        original.mkdir()
        (original / "train.py").write_text("import other\nx = 1  # hpo: choice(1, 2)\n")
        names = ["train.py"]
        if way == "a link":
            (original / "train.py").unlink()
            (original / "train.py").symlink_to(secret)
        elif way == "its name":
            names.append("../../../../secret.py")
        elif way == "a module":
            (original / "other.py").symlink_to(secret)
        if way != "nothing there":
            manifest = {"root": str(tmp_path), "files": names, "stretches": {}}
            (directory / "code" / "manifest.json").write_text(json.dumps(manifest))
        for path in ("source", "diff", "trials/1/code"):
            answer = page.get(f"/api/experiments/digits/{path}")
            assert answer.status_code == (404 if way == "nothing there" else 400), path
            assert "SECRET" not in answer.text
        assert "SECRET" not in report(directory)

    def test_a_link_or_a_folder_in_the_place_of_a_log_is_not_followed(
        self, page: TestClient, make: Make, tmp_path: Path
    ) -> None:
        directory = make()
        (tmp_path / "secret.log").write_text("SECRET")
        (directory / "trials" / "1").mkdir()
        (directory / "trials" / "1" / "stdout.log").symlink_to(tmp_path / "secret.log")
        (directory / "trials" / "1" / "stderr.log").mkdir()
        for stream in ("stdout", "stderr"):
            answer = page.get(f"/api/experiments/digits/trials/1/logs/{stream}")
            assert (answer.status_code, answer.content) == (200, b"")

    def test_logs_are_text_whatever_they_say(self, page: TestClient, make: Make) -> None:
        directory = make()
        (directory / "trials" / "1").mkdir()
        (directory / "trials" / "1" / "stdout.log").write_bytes(b"<script>alert(1)</script>\xff")
        answer = page.get("/api/experiments/digits/trials/1/logs/stdout")
        assert answer.headers["content-type"].startswith("text/plain")
        assert answer.content.endswith(b"\xff")


def test_the_page_writes_nothing_of_a_user_as_html() -> None:
    static = Path(create_app.__code__.co_filename).parent / "static"
    for path in static.glob("*.js"):
        for way in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
        ):
            assert way not in path.read_text(), f"{way} in {path.name}"


def test_the_gate_passes_what_it_is_for(home: Path) -> None:
    gate = Security(create_app(Changes(home)), Access(home), allowed_names("127.0.0.1"), PORT)
    assert TestClient(gate, base_url="http://127.0.0.1").get("/").status_code == 401
